/* SHA-256 (by nettle) to identify files, FNV-1a 64 for tables. */
#ifndef ANA_BASE_HASH_H
#define ANA_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { SHA256_HEX_SIZE = 65 }; /* with the terminating 0 */

void sha256_hex(char out[SHA256_HEX_SIZE], const void *data, size_t size);
MUST_CHECK ana_status sha256_file(char out[SHA256_HEX_SIZE], const char *path, ana_error *err);

#define FNV1A_START UINT64_C(0xcbf29ce484222325)
uint64_t fnv1a(uint64_t hash, const void *data, size_t size);

#endif
