/* What the fuzz targets share. A target is one file, <parser>.c, with LLVMFuzzerTestOneInput(): it
 * hands the bytes to one parser and states what must hold whatever they are. The same files make
 * two kinds of program: with libFuzzer (ANATOME_FUZZ, tools/fuzz), and with main.c, which runs them
 * over the files of the corpus as a plain test.
 */
#ifndef ANA_TESTS_FUZZ_H
#define ANA_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the program, and so the test, with the place and the condition. */
#define EXPECT(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))
_Noreturn void fuzz_fail(const char *file, int line, const char *condition);

/* A failure tells its story, and nothing of ours stays allocated. */
void fuzz_end(ana_status status, const ana_error *err);

/* Writes the bytes to a file of this process, for parsers that open one. Removed at exit. */
const char *fuzz_file(const uint8_t *data, size_t size);

/* The bytes with a 0 behind them, of memory_alloc(); ends the program when out of memory. */
char *fuzz_text(const uint8_t *data, size_t size);

/* Reads an image from bytes and checks what came out. */
void fuzz_image(const uint8_t *data, size_t size);

#endif
