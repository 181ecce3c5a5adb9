# With the shipped weights: words find vessels in the sample fundus image, and what is not there is
# answered with an empty mask.
. "$(dirname "$0")/lib.sh"

[ -f "$SOURCES/models/mini.safetensors" ] || exit 77
unset ANATOME_MODELS
XDG_DATA_HOME=$WORK/none
export XDG_DATA_HOME

run 0 segment "$SAMPLES/retina.jpg" --text "retinal vessels" --text "foot ulcer" --json --overlay
is out cases.0.prompts.0.verdict found
is out cases.0.prompts.1.verdict not_found
is out cases.0.prompts.1.area 0
there retina_labels.png retina_overlay.png
run 0 models
has out "research only"
# The example lies where no model is looked for.
ANATOME_MODELS=$SOURCES/models "$BUILD/tests/cli/example_segment" "$SAMPLES/retina.jpg" "blood vessels of the retina" example.png >out 2>err ||
    fail "the example failed"
there example.png
