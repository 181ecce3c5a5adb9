# anatome info and anatome models.
. "$(dirname "$0")/lib.sh"

run 0 info "$WEIGHTS" --json
is out files.0.type safetensors
[ "$("$HELPER" get out files.0.sha256)" = "$(sha256sum "$WEIGHTS" | cut -d' ' -f1)" ] || fail "sha256"
run 0 info "$WEIGHTS"
has out "anatome.licence"
has out "F16"
"$HELPER" png a.png 70 50 || fail png
run 0 info a.png --json
is out files.0.width 70
is out files.0.height 50
is out files.0.bits 8
run 1 info a.png nowhere.png --json
is out files.0.type image
has err nowhere.png
head -c 1000 "$WEIGHTS" >cut.safetensors
run 1 info cut.safetensors
has err cut.safetensors

mkdir models && cp "$WEIGHTS" models/mine.safetensors
ANATOME_MODELS=$WORK/models
export ANATOME_MODELS
run 0 models --json
is out models.0.name mine
is out models.0.kind mini
is out models.0.takes.0 text
run 0 models --concepts
has out "retinal vessels"
has out "licence:"
run 0 segment a.png -m mine -t lungs
there a_lungs.png
cp cut.safetensors models/
run 1 models
has out mine
has err cut.safetensors
