/* Creating and clearing images. */
#include "imaging/image.h"

#include "base/memory.h"

ana_status image_create_2d(struct image *out, int64_t height, int64_t width, int64_t channels,
                           enum dtype dtype, ana_error *err)
{
    *out = (struct image){0};

    const struct shape shape = SHAPE(height, width, channels);
    size_t bytes;
    if (height < 1 || width < 1 || channels < 1 || !shape_size(&bytes, &shape, dtype))
        return ana_fail(err, ANA_ERR_ARGUMENT, "an image of %lld x %lld with %lld channels",
                        (long long)width, (long long)height, (long long)channels);

    void *data = memory_alloc_zeroed(bytes);
    if (!data)
        return ana_fail_memory(err, bytes);

    out->pixels = tensor_view(data, dtype, shape);
    out->meaning = channels == 1 ? CHANNELS_GREY : channels == 3 ? CHANNELS_RGB : CHANNELS_OTHER;
    out->exif_orientation = 1;
    for (int i = 0; i < 3; i++)
        out->spacing_mm[i] = 1;
    for (int i = 0; i < 4; i++)
        out->world_from_voxel[i][i] = 1;
    return ANA_OK;
}

void image_clear(struct image *image)
{
    memory_free(image->pixels.data);
    *image = (struct image){0};
}
