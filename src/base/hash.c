/* Digests. nettle is seen by this file only. */
#include "base/hash.h"

#include <nettle/sha2.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file_internal.h"

enum { CHUNK_BYTES = 32 * 1024 };

static void finish_hex(char out[SHA256_HEX_SIZE], struct sha256_ctx *state)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[SHA256_DIGEST_SIZE];

    sha256_digest(state, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[2 * sizeof digest] = '\0';
}

void sha256_hex(char out[SHA256_HEX_SIZE], const void *data, size_t size)
{
    struct sha256_ctx state;

    sha256_init(&state);
    if (size)
        sha256_update(&state, size, data);
    finish_hex(out, &state);
}

ana_status sha256_file(char out[SHA256_HEX_SIZE], const char *path, ana_error *err)
{
    uint8_t chunk[CHUNK_BYTES];
    struct sha256_ctx state;
    size_t n;

    out[0] = '\0';
    FILE *stream = fopen(path, "rb");
    if (!stream)
        return file_fail(err, "open", path, errno);
    sha256_init(&state);
    while ((n = fread(chunk, 1, sizeof chunk, stream)) > 0)
        sha256_update(&state, n, chunk);
    const int failure = ferror(stream) ? errno : 0;
    (void)fclose(stream);
    if (failure)
        return file_fail(err, "read", path, failure);
    finish_hex(out, &state);
    return ANA_OK;
}

uint64_t fnv1a(uint64_t hash, const void *data, size_t size)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}
