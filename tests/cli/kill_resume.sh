# A training of 200 steps, killed at 20 random moments and resumed each time, ends with the same
# weights, state and log as one that was left alone. The moments are drawn from a fixed seed: a step
# in the log to wait for, then a part of a second, so that some kills meet a checkpoint half-written
# and some a run that has not begun. SYNTHETIC makes the data set.
. "$(dirname "$0")/lib.sh"

steps=200
kills=20
"$SYNTHETIC" set 8 48 || fail "no data set"
cat >recipe.txt <<'RECIPE'
n_images = 2
prompts_per_image = 2
word_steps = 5
warmup_steps = 10
calibrate_batches = 1
phase = 32 1
RECIPE
common="--manifest set/manifest.csv --concepts set/concepts.csv --recipe recipe.txt --cache cache
    --steps $steps --seed 5 --save-every 25 --quiet"

run 0 train $common --threads 1 --out whole

# Lines "STEP DELAY" in the order of the steps; every fifth kill comes while the run starts.
awk -v kills=$kills -v steps=$steps 'BEGIN {
    srand(1)
    for (i = 0; i < kills; i++)
        printf "%d %.3f\n", i % 5 == 4 ? -1 : 1 + int((steps - 2) * (i + rand()) / kills), rand() / 4
}' >moments

log_lines() {
    if [ -f killed/log.csv ]; then wc -l <killed/log.csv; else echo 0; fi
}

killed=0
while read -r step delay; do
    "$ANATOME" train $common --threads 2 --resume --out killed >out 2>err &
    process=$!
    while [ "$step" -ge 0 ] && [ "$(log_lines)" -le "$step" ] && kill -0 $process 2>/dev/null; do
        sleep 0.02
    done
    sleep "$delay"
    kill -KILL $process 2>/dev/null && killed=$((killed + 1))
    wait $process 2>/dev/null
    code=$?
    [ $code -eq 137 ] || fail "the run to kill at step $step ended with status $code"
done <moments
[ $killed -eq $kills ] || fail "killed $killed times, expected $kills"

run 0 train $common --threads 2 --resume --out killed
for file in mini.safetensors state.safetensors log.csv; do
    whole=$(sha256sum <whole/$file)
    resumed=$(sha256sum <killed/$file)
    [ "$whole" = "$resumed" ] || fail "$file: $resumed, expected $whole"
done
left=$(find killed cache -name '.*.tmp' | wc -l)
[ "$left" -eq 0 ] || fail "$left temporary files stay behind"
echo "killed $killed times"
rm -rf whole killed # 170 MB
