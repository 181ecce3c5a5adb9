# anatome eval --report: a folder that is complete or not there, whose page opens anywhere.
. "$(dirname "$0")/lib.sh"

"$SYNTHETIC" set 8 64 || fail "make_synthetic"
sed -i 's/,bright disc,/,lungs,/; s/,dark square,/,liver,/' set/manifest.csv
printf 'image,phrase,kind\nimages/003.png,polyp,other\nimages/007.png,"<i>& zebra",same\n' >set/absent.csv
printf 'images/003.png,left lung,same\n' >>set/absent.csv
m="-m $WEIGHTS"
asked="eval --manifest set/manifest.csv --absent set/absent.csv $m --surface"

run 0 $asked --report page -j 1
has out "report -> page/index.html"
"$HELPER" page page/index.html >pictures || fail "the page is not well-formed"
# 8 cases of each concept: 3, 2 and 3; a file and a text for each picture
[ "$(grep -c -e '-liver-' pictures)" -eq 8 ] || fail "pictures of liver: $(cat pictures)"
[ "$(grep -c -e '-lungs-worst' pictures)" -eq 3 ] || fail "worst pictures of lungs"
while read -r file alt; do
    there "page/$file"
    "$HELPER" range "page/$file" >/dev/null || fail "$file is no picture"
    [ ${#alt} -gt 20 ] || fail "$file has no text"
done <pictures
[ "$(ls page | wc -l)" -eq $(($(wc -l <pictures) + 1)) ] || fail "files beside the page"
for word in "Dice ± sd" "95 % interval" "NSD" "Expected calibration error" "Absent things" \
    "&lt;i&gt;&amp; zebra" "SHA-256" "$(sha256sum "$WEIGHTS" | cut -c1-64)" \
    "--manifest set/manifest.csv" 'id="concept-2"' 'href="#concept-2"'; do
    has page/index.html "$word"
done
lacks page/index.html "<script"
lacks page/index.html "<i>&"
! grep -q 'src="[^"]*//\|url(\|@import' page/index.html || fail "the page needs a network"

# The same evaluation gives the same bytes, whatever the threads, and replaces a former report.
cp -r page first
touch page/0999-lungs-best.png
run 0 $asked --report page/ -j 4
diff -r first page || fail "two runs differ"

# k of each.
run 0 $asked --report few --report-cases 1
"$HELPER" page few/index.html >pictures || fail "the page is not well-formed"
[ "$(grep -c -e '-liver-' pictures)" -eq 3 ] || fail "one of each: $(cat pictures)"
run 0 $asked --report none --report-cases 0
[ "$(ls none)" = index.html ] || fail "pictures without cases"
run 0 eval --manifest set/manifest.csv $m --by box --ellipse --report boxes
"$HELPER" page boxes/index.html >pictures || fail "the page of boxes is not well-formed"
has boxes/index.html ">ellipse<"
run 0 eval --manifest set/manifest.csv $m --by point --report new/parents/points
there new/parents/points/index.html

# Nobody else's folder is touched, and that is said before the work.
mkdir mine
echo mine >mine/notes.txt
run 1 $asked --report mine
has err "mine is neither empty nor a former report"
[ "$(ls -A mine)" = notes.txt ] || fail "a folder of somebody else was written to"
echo mine >page/notes.txt
run 1 $asked --report page
has err "holds notes.txt too"
there page/notes.txt page/index.html
run 1 $asked --report set/manifest.csv
has err "no folder"

# What fails leaves nothing.
run 1 eval --manifest nowhere.csv $m --report gone
not_there gone
[ -z "$(find . -name '.anatome-*')" ] || fail "something temporary is left: $(find . -name '.anatome-*')"
