# Every key that a command prints is named in docs/json.md.
. "$(dirname "$0")/lib.sh"

"$HELPER" png a.png 70 50 || fail png
printf 'image,mask,concept,split\na.png,a.png,lungs,val\n' >m.csv
printf 'image,phrase,kind\na.png,polyp,same\n' >absent.csv
mkdir models && cp "$WEIGHTS" models/mine.safetensors
ANATOME_MODELS=$WORK/models
export ANATOME_MODELS

documented() {
    "$HELPER" keys "$1" | sort -u >keys || fail "$1 is not JSON"
    while read -r key; do
        grep -qF -- "\`$key\`" "$SOURCES/docs/json.md" || fail "docs/json.md does not name \"$key\""
    done <keys
}

run 0 segment a.png -m mine -t lungs -t zebra --point 3,4 --overlay --soft --json
documented out
cp a_labels.json legend.json
documented legend.json
run 1 segment nowhere.png -m mine -t lungs --json
documented out
run 0 eval --manifest m.csv --split val --absent absent.csv -m mine --surface --json
documented out
run 0 eval --manifest m.csv --split val --by box -m mine --ellipse --json
documented out
run 0 bench --quick --kernel 2364x197 --json
documented out
run 0 models --json
documented out
run 0 info models/mine.safetensors a.png --json
documented out
run 1 info nowhere.png --json
documented out
