# Shared by the scripts: a fresh working folder and a few expectations. A failed one says what was
# expected and what came, and ends the test.
set -u
LC_ALL=C
export LC_ALL
rm -rf "$WORK"
mkdir -p "$WORK"
cd "$WORK" || exit 1

fail() {
    echo "FAILED: $*"
    [ -f out ] && sed 's/^/  out: /' out | head -40
    [ -f err ] && sed 's/^/  err: /' err | head -40
    exit 1
}

# run CODE ARGUMENTS...: the command's output goes to the files out and err.
run() {
    expected=$1
    shift
    "$ANATOME" "$@" >out 2>err
    code=$?
    [ $code -eq "$expected" ] || fail "anatome $*: exit status $code, expected $expected"
}

# has FILE TEXT / lacks FILE TEXT
has() {
    grep -qF -- "$2" "$1" || fail "\"$2\" is not in $1"
}
lacks() {
    ! grep -qF -- "$2" "$1" || fail "\"$2\" is in $1"
}

# is FILE PATH VALUE: a value of a JSON file, as "cases.0.status".
is() {
    value=$("$HELPER" get "$1" "$2") || fail "$1 has no $2"
    [ "$value" = "$3" ] || fail "$2 is $value, expected $3"
}

there() {
    for path in "$@"; do
        [ -s "$path" ] || fail "$path is not there"
    done
}
not_there() {
    for path in "$@"; do
        [ ! -e "$path" ] || fail "$path is there"
    done
}
same() {
    cmp -s "$1" "$2" || fail "$1 and $2 differ"
}
