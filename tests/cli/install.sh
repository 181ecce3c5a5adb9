# cmake --install into a prefix, and a program built against it by pkg-config, shared and static.
. "$(dirname "$0")/lib.sh"

[ -z "$SANITIZE" ] || exit 77
command -v pkg-config >/dev/null || exit 77
cmake --install "$BUILD" --prefix "$WORK/usr" >out 2>err || fail "cmake --install"
there usr/bin/anatome usr/include/anatome/anatome.h usr/share/man/man1/anatome.1 \
    usr/share/man/man1/anatome-segment.1 usr/share/anatome/models/mini/concepts.csv
library=$(dirname "$(find usr -name 'libanatome.a')")
there "$library/libanatome.so" "$library/libanatome.a" "$library/pkgconfig/anatome.pc"

# The file names the prefix of the configuration; this installation was moved.
mkdir pc
sed "s|^prefix=.*|prefix=$WORK/usr|; s|^includedir=.*|includedir=\${prefix}/include|; s|^libdir=.*|libdir=$WORK/$library|" \
    "$library/pkgconfig/anatome.pc" >pc/anatome.pc
PKG_CONFIG_PATH=$WORK/pc
export PKG_CONFIG_PATH
cp "$SOURCES/examples/segment.c" .
$CC -std=c11 -Wall -Wextra -Wpedantic -Werror segment.c $(pkg-config --cflags --libs anatome) -o shared 2>err ||
    fail "the shared library does not link"
$CC -std=c11 segment.c $(pkg-config --cflags anatome) "$library/libanatome.a" \
    $(pkg-config --libs --static anatome | sed 's/-lanatome//') -o static 2>err ||
    fail "the static library does not link"

# Only the public functions are seen.
nm -D --defined-only "$library/libanatome.so" | awk '$2 == "T" && $3 !~ /^ana_/' >extra
[ ! -s extra ] || fail "exported: $(head -3 extra)"
nm -g --defined-only "$library/libanatome.a" | awk '$2 == "T" && $3 !~ /^ana_/' >extra
[ ! -s extra ] || fail "global in the archive: $(head -3 extra)"

mkdir models && cp "$WEIGHTS" models/mini.safetensors
ANATOME_MODELS=$WORK/models
export ANATOME_MODELS
"$HELPER" png a.png 70 50 || fail png
LD_LIBRARY_PATH=$WORK/$library ./shared a.png lungs shared.png >out 2>err || fail "the shared program"
./static a.png lungs static.png >out 2>err || fail "the static program"
usr/bin/anatome segment a.png -t lungs -o installed.png >out 2>err || fail "the installed command"
same shared.png static.png
same shared.png installed.png
