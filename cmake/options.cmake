# Compilers, warnings and sanitizers, the same for every module.
option(ANATOME_TESTS "build the tests" ON)
option(ANATOME_WERROR "warnings are errors" ON)
option(ANATOME_FUZZ "build the fuzz targets with libFuzzer and line coverage (clang)" OFF)
set(ANATOME_SANITIZE "" CACHE STRING "comma-separated sanitizers: address,undefined or thread")

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# No -ffast-math, and no contraction that the source does not ask for: same bytes everywhere.
add_compile_options(-ffp-contract=off -fno-math-errno)
add_compile_definitions(_POSIX_C_SOURCE=200809L _FILE_OFFSET_BITS=64)
add_compile_options(
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wdouble-promotion -Wformat=2 -Wundef -Wvla
  -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual)
if(ANATOME_WERROR)
  add_compile_options(-Werror)
endif()
if(ANATOME_SANITIZE)
  add_compile_options(-fsanitize=${ANATOME_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${ANATOME_SANITIZE})
endif()
if(ANATOME_FUZZ)
  set(fuzz_flags -fsanitize=fuzzer-no-link -fprofile-instr-generate -fcoverage-mapping)
  add_compile_options(${fuzz_flags})
  add_link_options(${fuzz_flags})
endif()

# Per-instruction-set sources are named <anything>_<isa>.c.
set(ANATOME_ISA_FLAGS_avx2 -mavx2 -mfma -mf16c)
set(ANATOME_ISA_FLAGS_avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mf16c)
