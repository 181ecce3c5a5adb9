# A thin front to the CMake presets.
#   make           the command and the libraries, optimised, in build/release
#   make check     everything quick that can be tested (tools/check)
#   make install   to PREFIX (/usr/local), below DESTDIR if that is set
#   make format    clang-format on all sources
PREFIX ?= /usr/local

.PHONY: all check install format clean
all:
	cmake --preset release -DANATOME_TESTS=OFF
	cmake --build --preset release

check:
	bash tools/check

install: all
	cmake --install build/release --prefix "$(PREFIX)"

format:
	tools/list-files '*.c' '*.h' | tr '\n' '\0' | xargs -0 -r clang-format -i

clean:
	rm -rf build
