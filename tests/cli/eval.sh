# anatome eval: the interface that checks from outside use.
. "$(dirname "$0")/lib.sh"

m="-m $WEIGHTS"
mkdir data
for i in 1 2 3; do "$HELPER" png data/$i.png $((60 + i)) 50 || fail png; done
cat >data/manifest.csv <<'CSV'
path,image,mask,concept,split,patient,case
set,1.png,1.png,lungs,val,p1,
set,2.png,2.png,lungs,val,p1,
set,3.png,3.png,liver,val,,c3
set,1.png,,lungs,val,p1,
set,v.nii.gz,v.nii.gz#2,lungs,val,p9,
set,1.png,1.png,lungs,train,p1,
CSV
cat >data/absent.csv <<'CSV'
image,phrase,kind
1.png,polyp,other
1.png,skin lesion,same
3.png,foot ulcer,other
CSV

run 0 eval --manifest data/manifest.csv --split val --by text --absent data/absent.csv $m --json
is out concepts "2 entries"
is out concepts.0.concept liver
is out concepts.0.n 1
is out concepts.1.concept lungs
is out concepts.1.n 2
for key in mean sd lo hi; do "$HELPER" get out concepts.1.dice.$key >/dev/null || fail "no $key"; done
"$HELPER" get out concepts.1.missed_share >/dev/null || fail "no missed_share"
is out absent.other.n 2
is out absent.same.n 1
is out skipped 2
"$HELPER" get out absent.same.empty_share >/dev/null || fail "no empty_share"
"$HELPER" get out seconds_per_image >/dev/null || fail "no seconds_per_image"
cp out first.json

# Nothing but the seconds may change with the threads.
run 0 eval --manifest data/manifest.csv --split val --by text --absent data/absent.csv $m --json -j 1
grep -v seconds_per_image first.json >a
grep -v seconds_per_image out >b
same a b

run 0 eval --manifest data/manifest.csv --split val --by box $m --json --ellipse --surface --cases cases.csv
is out concepts.1.n 2
mean=$("$HELPER" get out concepts.1.ellipse.mean)
case $mean in 0.8* | 0.9* | 1) ;; *) fail "the ellipse of a disc has a Dice of $mean" ;; esac
"$HELPER" get out concepts.1.hd95_boundary.mean >/dev/null || fail "no hd95_boundary"
[ "$(wc -l <cases.csv)" -eq 4 ] || fail "cases.csv has not a header and 3 lines"
has cases.csv "1.png,lungs,p1,1,"
run 0 eval --manifest data/manifest.csv --split val --by point $m --json
is out concepts.0.n 1
run 0 eval --manifest data/manifest.csv --split val --by text $m
has out "missed"

# What is wrong is said; a broken image does not stop the others.
run 1 eval --manifest data/manifest.csv --split nosuch $m
has err "no row to measure in split nosuch"
run 1 eval --manifest nowhere.csv --split val $m
has err nowhere.csv
head -c 50 data/2.png >data/cut.png
sed 's/^set,2.png/set,cut.png/' data/manifest.csv >data/broken.csv
run 1 eval --manifest data/broken.csv --split val --by text $m --json
is out failed 1
is out concepts.1.n 1
has err cut.png
