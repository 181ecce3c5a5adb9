/* The orientation tag of EXIF (CIPA DC-008, 4.6), and nothing else of it: a small reader whose
 * every access is bounded. */
#include "io/codec_internal.h"

#include <string.h>

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, IFD_ENTRY_BYTES = 12 };

struct reader {
    const uint8_t *data;
    size_t size;
    bool big_endian;
};

/* n bytes (2 or 4) at `at` as a number; 0 outside the block. */
static uint32_t number_at(const struct reader *r, size_t at, size_t n)
{
    if (n > r->size || at > r->size - n)
        return 0;
    uint32_t value = 0;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | r->data[at + (r->big_endian ? i : n - 1 - i)];
    return value;
}

static int find_orientation(const struct reader *r)
{
    const size_t ifd = number_at(r, 4, 4);
    const size_t n_entries = number_at(r, ifd, 2);
    for (size_t i = 0; i < n_entries; i++) {
        const size_t entry = ifd + 2 + i * IFD_ENTRY_BYTES;
        if (number_at(r, entry, 2) != TAG_ORIENTATION)
            continue;
        const uint32_t value = number_at(r, entry + 8, 2);
        const bool usable = number_at(r, entry + 2, 2) == TYPE_SHORT &&
                            number_at(r, entry + 4, 4) == 1 && value >= 1 && value <= 8;
        return usable ? (int)value : 1;
    }
    return 1;
}

int exif_orientation(const uint8_t *data, size_t size)
{
    if (size >= 6 && memcmp(data, "Exif\0\0", 6) == 0) {
        data += 6;
        size -= 6;
    }
    if (size < 8 || (memcmp(data, "II*\0", 4) != 0 && memcmp(data, "MM\0*", 4) != 0))
        return 1;
    const struct reader reader = {data, size, data[0] == 'M'};
    return find_orientation(&reader);
}
