/* PNG. Every chunk ends in a check sum that a mutation breaks, so they are mended first. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static uint32_t big_endian(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* CRC-32 of the PNG specification, annex D, bit by bit. */
static uint32_t crc_of(const uint8_t *data, size_t size)
{
    uint32_t crc = 0xffffffffU;

    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1U ? 0xedb88320U ^ (crc >> 1) : crc >> 1;
    }
    return ~crc;
}

static void mend_check_sums(uint8_t *data, size_t size)
{
    enum { SIGNATURE = 8, AROUND = 12 /* length, type and check sum */ };

    for (size_t at = SIGNATURE; size >= AROUND && at <= size - AROUND;) {
        const size_t length = big_endian(data + at);
        if (length > size - at - AROUND)
            return;
        const uint32_t crc = crc_of(data + at + 4, length + 4);
        for (int i = 0; i < 4; i++)
            data[at + 8 + length + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
        at += length + AROUND;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *mended = malloc(size ? size : 1);

    EXPECT(mended);
    if (size)
        memcpy(mended, data, size);
    mend_check_sums(mended, size);
    fuzz_image(mended, size);
    free(mended);
    return 0;
}
