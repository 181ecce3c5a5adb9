# anatome bench measures what it is asked to, says whether it was alone, and can be stopped.
. "$(dirname "$0")/lib.sh"

run 0 bench --list
has out "gemm 4096x768x3072 packed"
has out "attention 4096 tokens, 1x12x64 rel-pos"
has out "conv 3x3 64->64"
has out "mini training step"
run 0 bench --list --json
is out cases.0.family gemm

few="--quick --kernel 7x256x256 -k 2364x197"
run 0 bench $few --threads 1
has out "case "
has out "peak "
has out "gemm 7x256x256 packed"
has out "softmax 2364x197"
has out "load "
lacks out "attention"
run 0 bench $few --threads 2 --repetitions 2 --json
has err "GFLOP/s"
is out threads 2
is out cases.0.name "gemm 7x256x256 packed"
is out cases.0.samples 2
is out cases.0.gflop 0.000917504
is out cases.1.share_of_peak null
is out cases.1.gflop 0
ANATOME_ISA=x86-64
export ANATOME_ISA
run 0 bench $few --json
is out instruction_set x86-64
unset ANATOME_ISA

run 1 bench --kernel fft
has err 'no case of the benchmark has "fft" in its name'
run 2 bench gemm
has err '"gemm" is not expected'
run 2 bench --repetitions 100000
run 1 bench $few --memory-limit 1M
has err "memory"

# Interrupted: exit status 130 and no half report.
"$ANATOME" bench --json --repetitions 1000 >out 2>err &
process=$!
sleep 1
kill -TERM $process
wait $process
code=$?
[ $code -eq 130 ] || fail "interrupted benchmark: exit status $code"
[ ! -s out ] || fail "an interrupted benchmark printed a report"
has err "interrupted"
