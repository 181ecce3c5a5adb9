/* The orientation in an EXIF block. */
#include "fuzz.h"
#include "io/codec_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int orientation = exif_orientation(data, size);

    EXPECT(orientation >= 1 && orientation <= 8);
    return 0;
}
