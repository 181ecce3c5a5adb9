# --flip and --tiles: more looks at an image, the same bytes for any number of threads.
. "$(dirname "$0")/lib.sh"

"$HELPER" png a.png 130 90 || fail png
m="-m $WEIGHTS"
run 0 segment a.png $m -t lungs --soft -o whole
for passes in "--flip" "--tiles 2" "--tiles 3 --flip"; do
    rm -rf one four
    run 0 segment a.png $m -t lungs --soft $passes -j 1 -o one
    run 0 segment a.png $m -t lungs --soft $passes -j 4 -o four
    same one/a_lungs.png four/a_lungs.png
    same one/a_soft.png four/a_soft.png
    ! cmp -s one/a_soft.png whole/a_soft.png || fail "$passes changes nothing"
done
# The table of these weights asks for no tiles.
run 0 segment a.png $m -t lungs --soft --tiles off -o off
same off/a_soft.png whole/a_soft.png

printf 'image,mask,concept,split\na.png,a.png,lungs,val\n' >m.csv
run 0 eval --manifest m.csv $m --tiles 2 --flip --json
is out concepts.0.n 1
for wrong in 1 9 some 3x; do
    run 2 segment a.png $m -t lungs --tiles $wrong
    has err "auto, off or a number from 2 to 8"
    run 2 eval --manifest m.csv $m --tiles $wrong
    has err "auto, off or a number from 2 to 8"
done
