# A few steps of training leave weights, log, curves and a checkpoint; interruption leaves a
# checkpoint too. The weights serve the other scripts.
. "$(dirname "$0")/lib.sh"

mkdir -p set/images set/masks
for i in 1 2 3 4; do
    "$HELPER" png set/images/$i.png $((60 + i)) 64 || fail "png"
    cp set/images/$i.png set/masks/$i.png
done
printf 'word_steps = 0\nn_images = 2\nprompts_per_image = 2\n' >recipe.txt # quick
common="--recipe recipe.txt --manifest set --concept lungs --size 64 --cache cache --seed 3 --threads 2"

run 0 train $common --out run --steps 4 --save-every 2
there run/mini.safetensors run/state.safetensors run/log.csv run/log.png
[ "$(wc -l <run/log.csv)" -eq 5 ] || fail "log.csv has not a header and 4 lines"
run 0 train $common --out again --steps 4 --save-every 2 --threads 1
same run/log.csv again/log.csv
same run/mini.safetensors again/mini.safetensors

# Interrupted: exit status 130, a checkpoint, and the resumed run ends with the same weights.
"$ANATOME" train $common --out broken --steps 4 --save-every 100 >out 2>err &
process=$!
for i in $(seq 600); do
    [ -f broken/log.csv ] && [ "$(wc -l <broken/log.csv)" -gt 1 ] && break
    sleep 0.1
done
kill -TERM $process 2>/dev/null
wait $process
code=$?
[ $code -eq 130 ] || [ $code -eq 0 ] || fail "interrupted training: exit status $code"
there broken/state.safetensors
run 0 train $common --out broken --steps 4 --save-every 100 --resume
same run/log.csv broken/log.csv
same run/mini.safetensors broken/mini.safetensors

run 2 train --out run
has err "--manifest and --out are needed"
run 1 train --manifest nowhere.csv --out run2 --steps 1
has err "nowhere.csv"
