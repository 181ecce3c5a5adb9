# Files, names, folders and exit statuses of anatome segment.
. "$(dirname "$0")/lib.sh"

m="-m $WEIGHTS"
mkdir in
"$HELPER" png in/a.png 70 50 || fail png
"$HELPER" png in/b.png 40 90 || fail png
cp in/a.png in/a.jpg # told apart by content, and a second file with the stem "a"
echo "not an image" >in/note.txt

# One prompt: a mask of the image's size, 0 and 255 only.
run 0 segment in/a.png $m --box 10,5,60,45 --soft --overlay -o one
there one/a_mask.png one/a_soft.png one/a_overlay.png
has out "one/a_mask.png"
"$HELPER" range one/a_mask.png >range
grep -qE '^0 (0|255) 70x50 U8$' range || fail "the mask is $(cat range)"
"$HELPER" range one/a_soft.png | grep -q '70x50 U16' || fail "the soft map is not 16 bits"

# Words that no table knows: an empty mask that says so, status 0.
run 0 segment in/a.png $m --text zebra --json -o one
is out cases.0.status done
is out cases.0.prompts.0.verdict not_found
is out cases.0.prompts.0.area 0
is out cases.0.prompts.0.box null
is out cases.0.prompts.0.concept null
is out cases.0.prompts.0.reason 'the model does not know "zebra"'
is out cases.0.prompts.0.mask one/a_zebra.png
is out failed 0
has err "not found"
[ "$("$HELPER" range one/a_zebra.png)" = "0 0 70x50 U8" ] || fail "the mask is not empty"

# Beside a box they are left out, with a warning.
run 0 segment in/a.png $m --text zebra --box 10,5,60,45 -o one
has err "the model does not know \"zebra\"; only the box and points were used"

# Several prompts: labels and legend; masks of their own only when asked for.
run 0 segment in/a.png $m -t lungs -t liver -t Lungs --separate -o several
there several/a_labels.png several/a_labels.json several/a_lungs.png several/a_liver.png \
    several/a_lungs-2.png
is several/a_labels.json labels.1.value 2
is several/a_labels.json labels.1.name liver
run 0 segment in/a.png $m -t lungs -t liver -o fewer
not_there fewer/a_lungs.png
printf '# what to look for\nlungs\n\nliver\r\n' >words.txt
run 0 segment in/a.png $m --prompts-file words.txt -o listed
same fewer/a_labels.png listed/a_labels.png

# A named file.
run 0 segment in/a.png $m -t lungs -o named/deep/mask.png --overlay
there named/deep/mask.png named/deep/mask_overlay.png
run 2 segment in/a.png $m -t lungs -o in/a.png
has err "would overwrite the input"

# A folder: images only, equal stems kept apart, parts that add up to the whole.
run 0 segment in $m -t lungs -o all
there all/a_lungs.png all/a-2_lungs.png all/b_lungs.png
[ "$(ls all | wc -l)" -eq 3 ] || fail "all/ holds $(ls all)"
run 0 segment in $m -t lungs -o parts --num-parts 2 --part-id 0
run 0 segment in $m -t lungs -o parts --num-parts 2 --part-id 1
for file in all/*; do same "$file" "parts/$(basename "$file")"; done
run 0 segment in $m -t lungs -o all --no-overwrite --json
is out skipped 3
is out done 0

mkdir clash
cp in/a.png clash/a.png
cp in/a.png clash/a_left.png
run 2 segment clash $m -t "left lung" -t lung --separate -o all
has err "two results would be called a_left_lung"

# Other ways to share a path: the overlay or the labels of one image, an image of the run.
cp in/a.png clash/a_b.png
run 2 segment clash/a.png clash/a_b.png $m -t "b overlay" -t lung --separate --overlay -o all
has err "two results would be called a_b_overlay.png"
run 2 segment clash/a.png clash/a_b.png $m -t "b labels" -t lung --separate -o all
has err "two results would be called a_b_labels.png"
run 2 segment clash/a.png $m -t "x soft" -t x --separate --soft -o all
has err "two results would be called a_x_soft.png"
cp in/a.png clash/a_lung.png
run 2 segment clash/a.png clash/a_lung.png $m -t lung -o clash
has err "clash/a_lung.png would overwrite the input"
same clash/a_lung.png in/a.png

# The results of a folder do not go where a later run would take them for images.
run 2 segment in $m -t lungs -o in
has err "among the images of in"
run 2 segment in $m -t lungs -o in/../in/.
run 0 segment in $m -t lungs -o in/results
there in/results/a_lungs.png
rm -r in/results

# What is no text is no name of anything.
run 2 segment in/a.png $m -t "$(printf 'lungs\377')" -o one
has err "UTF-8"
printf 'lungs\nliv\303r\n' >latin.txt
run 2 segment in/a.png $m --prompts-file latin.txt -o one
has err "UTF-8"

# The same bytes for any number of threads.
for n in 1 2 4 7; do
    run 0 segment in/b.png $m -t lungs -t "cell nuclei" --point 20,45 --soft -o threads$n -j $n
done
for file in threads1/*; do
    same "$file" "threads2/$(basename "$file")"
    same "$file" "threads4/$(basename "$file")"
    same "$file" "threads7/$(basename "$file")"
done

# A failed image does not stop the others.
head -c 60 in/a.png >broken.png
run 1 segment broken.png nowhere.png in/b.png $m -t lungs -o some --json
is out cases.0.status failed
is out cases.1.status failed
is out cases.2.status done
is out failed 2
has err broken.png
has err nowhere.png
there some/b_lungs.png
not_there some/broken_lungs.png

# Coordinates.
run 1 segment in/a.png $m --point 70,10 -o one
has err "point 70,10 lies outside the image, which is 70 x 50"
run 1 segment in/a.png $m --box 100,100,120,120 -o one
has err "holds no pixel of the image, which is 70 x 50"
run 0 segment in/a.png $m --box -5,-5,700,500 -o one
has err "was clipped to the image"
run 1 segment in/a.png $m --point 5,5,- -o one
has err "negative points alone say nothing"

# Extremes.
"$HELPER" png tiny.png 1 1 || fail png
run 0 segment tiny.png $m -t lungs --overlay --soft -o tiny
"$HELPER" range tiny/tiny_lungs.png | grep -q ' 1x1 U8' || fail "the mask of 1 x 1"
"$HELPER" png line.png 300 1 || fail png
run 0 segment line.png $m --box 0,0,300,1 -o tiny
run 1 segment in/a.png $m -t lungs --max-pixels 100 -o one
has err "100"
run 1 segment in/a.png $m -t lungs --memory-limit 1M -o one
has err "memory"
mkdir empty
run 1 segment empty $m -t lungs
has err "holds no image"

# Places that cannot be written.
touch file
run 1 segment in/a.png $m -t lungs -o file/below
has err "file/below"
run 1 segment in/a.png $m -t lungs -o /dev/full
has err "/dev/full is no folder"
ln -s /dev/full full.png
run 1 segment in/a.png $m -t lungs -o full.png
has err "No space left"
if [ "$(id -u)" -ne 0 ]; then
    mkdir locked && chmod 555 locked
    run 1 segment in/a.png $m -t lungs -o locked
    has err "locked/a_lungs.png"
fi
run 1 segment in/a.png -m nowhere.safetensors -t lungs
has err "nowhere.safetensors"
run 1 segment in/a.png -m nobody -t lungs
has err 'nobody'
has err "ANATOME_MODELS"
[ -z "$(find . -name '*.tmp*' -o -name '.*.png*' | head -1)" ] || fail "temporary files stay behind"
