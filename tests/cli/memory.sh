# --memory-limit: the plan as a table, a clear refusal before anything is written, and the smallest
# limit that it names works.
. "$(dirname "$0")/lib.sh"

m="-m $WEIGHTS"
"$HELPER" png a.png 400 300 || fail png
"$HELPER" png b.png 30 20 || fail png

run 0 segment a.png $m --box 10,5,60,45 -o free -v
for item in "memory for a.png" "encoder plan" "decoder plan" "image" "answers" "in all"; do
    has err "$item"
done
lacks err "limit"
run 0 segment a.png $m --box 10,5,60,45 -o free
lacks err "encoder plan"

# The larger image does not fit, the smaller one does; the table comes without --verbose.
smallest() { sed -n 's/.*the smallest limit that works is \([0-9]*\) bytes.*/\1/p' err; }
run 1 segment b.png $m --box 1,1,9,9 -o tight --memory-limit 30M
has err "the limit is 30.0 MB"
small=$(smallest)
run 1 segment a.png b.png $m --box 1,1,9,9 -o tight --memory-limit "$small" --json
is out cases.0.status failed
is out cases.1.status done
has err "memory for a.png"
has err "a.png needs"
not_there tight/a_mask.png
there tight/b_mask.png
large=$(smallest)
run 0 segment a.png $m --box 1,1,9,9 -o enough --memory-limit "$large"
run 0 segment a.png $m --box 1,1,9,9 -o whole
same enough/a_mask.png whole/a_mask.png

# Too little for the weights alone.
run 1 segment b.png $m --box 1,1,9,9 -o tight --memory-limit 1M
has err "limit"

# Evaluation and training.
printf 'image,mask,concept,split\na.png,a.png,lungs,val\n' >manifest.csv
run 1 eval --manifest manifest.csv $m --memory-limit 30M
has err "a.png needs"
run 0 eval --manifest manifest.csv $m --memory-limit "$(smallest)"
mkdir -p set/images set/masks
cp b.png set/images/1.png
cp b.png set/masks/1.png
printf 'steps = 1\nword_steps = 0\nn_images = 1\nprompts_per_image = 1\ncalibrate_batches = 0\nphase = 32 1\n' >recipe.txt
common="--manifest set --concept lungs --recipe recipe.txt --cache cache"
run 1 train $common --out run --memory-limit 100M
has err "the training needs"
has err "a step"
not_there run/log.csv run/state.safetensors
run 0 train $common --out run --memory-limit "$(($(smallest) + 4096))"
there run/mini.safetensors

# The default model looks for some words in tiles: more plans, and a copy of the image.
run 1 segment a.png --text "retinal vessels" -o passes --memory-limit 40M
has err "further passes"
run 0 segment a.png --text "retinal vessels" -o passes --memory-limit "$(smallest)"
run 1 segment a.png --text lungs --flip -o passes --memory-limit 40M
run 0 segment a.png --text lungs --flip -o passes --memory-limit "$(smallest)"
