# Full disks, unreadable images, Ctrl-C and kill -9 lose nothing that was finished, and leave no half
# file that the next run does not remove.
. "$(dirname "$0")/lib.sh"

m="-m $WEIGHTS"
n_images=12
mkdir in
for i in $(seq 10 $((9 + n_images))); do "$HELPER" png in/$i.png $((30 + i)) 40 || fail png; done
run 0 segment in $m --box 5,5,30,30 -o whole

no_leftovers() {
    found=$(find "$1" -name '.anatome-*' | head -1)
    [ -z "$found" ] || fail "$found stays behind"
}
# limited BLOCKS CODE ARGUMENTS...: no file may grow beyond so many blocks of 512 bytes.
limited() {
    blocks=$1
    code=$2
    shift 2
    (
        trap '' XFSZ
        ulimit -f "$blocks"
        exec "$ANATOME" "$@"
    ) >out 2>err
    got=$?
    [ $got -eq "$code" ] || fail "anatome $*: exit status $got, expected $code"
}

# A disk that is full for the overlay: a clear message, nothing of that image, the others whole.
limited 2 1 segment in/10.png $m --box 5,5,30,30 --overlay -o full
has err "full/10_overlay.png"
has err "cannot be written"
not_there full/10_mask.png full/10_overlay.png
no_leftovers full
limited 2 0 segment in/10.png $m --box 5,5,30,30 -o full
same full/10_mask.png whole/10_mask.png
mkdir broken
cp in/10.png in/11.png in/12.png in/13.png broken
"$HELPER" png broken/11a.png 30 30
head -c 70 in/11.png >broken/11.png
ln -s nowhere.png broken/11b.png
mkdir broken/12a.png

# Images that cannot be read, in the middle of a folder.
run 1 segment broken $m --box 5,5,30,30 -o some --json
is out done 4
is out failed 3
has err broken/11.png
has err broken/11b.png
has err broken/12a.png
for i in 10 12 13; do same some/${i}_mask.png whole/${i}_mask.png; done

# Standard output that is full.
if [ -w /dev/full ]; then
    "$ANATOME" segment in/10.png $m --box 5,5,30,30 -o some --json >/dev/full 2>err
    [ $? -eq 1 ] || fail "a full standard output is no failure"
fi

# Stopped in the middle: what is there is whole, and another run does the rest.
for signal in INT KILL; do
    rm -rf stopped
    mkdir stopped
    : >stopped/.anatome-1-0.tmp # of a process that was killed long ago
    "$ANATOME" segment in $m --box 5,5,30,30 -o stopped >out 2>err &
    process=$!
    for i in $(seq 1200); do
        [ "$(ls stopped | wc -l)" -ge 3 ] && break
        sleep 0.05
    done
    kill -$signal $process 2>/dev/null
    wait $process
    code=$?
    [ $code -eq 130 ] || [ $code -eq 137 ] || [ $code -eq 0 ] || fail "$signal: exit status $code"
    [ $signal = KILL ] || no_leftovers stopped
    not_there stopped/.anatome-1-0.tmp
    for file in stopped/*.png; do same "$file" "whole/$(basename "$file")"; done
    run 0 segment in $m --box 5,5,30,30 -o stopped --no-overwrite
    no_leftovers stopped
    for file in whole/*; do same "$file" "stopped/$(basename "$file")"; done
done

# A disk that is full when a training saves: the state before stays and is good for going on.
mkdir -p set/images set/masks
for i in 1 2; do
    "$HELPER" png set/images/$i.png $((60 + i)) 64 || fail png
    cp set/images/$i.png set/masks/$i.png
done
printf 'word_steps = 0\nn_images = 1\nprompts_per_image = 1\ncalibrate_batches = 0\nsteps = 3\nphase = 32 1\n' >recipe.txt
common="--recipe recipe.txt --manifest set --concept lungs --cache cache --seed 3 --save-every 1"
run 0 train $common --out whole_run
run 0 train $common --out run
cp run/state.safetensors before
: >run/.anatome-1-7.tmp
rm run/mini.safetensors
limited 2000 1 train $common --out run
has err "state.safetensors"
same run/state.safetensors before
not_there run/.anatome-1-7.tmp
no_leftovers run
run 0 train $common --out run --resume
same run/mini.safetensors whole_run/mini.safetensors
rm -rf whole_run run before # 300 MB
