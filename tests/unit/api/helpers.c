/* Helpers of other folders serve here too, and the files that these tests work on. */
#include "../../support/faults.c"       /* NOLINT(bugprone-suspicious-include) */
#include "../../support/mini_weights.c" /* NOLINT(bugprone-suspicious-include) */
#include "../../support/scratch.c"      /* NOLINT(bugprone-suspicious-include) */
#include "../base/failing_memory.c"     /* NOLINT(bugprone-suspicious-include) */

#include "helpers.h"

#include "io/image_file.h"
#include "io/safetensors.h"

static ana_status put_all(struct safetensors_writer *writer, const struct mini_weights *weights,
                          ana_error *err)
{
    struct tensor_sink *to = safetensors_writer_sink(writer);
    ana_status status = ANA_OK;

    for (int i = 0; !status && i < weights->n; i++)
        status = to->ops->put(to, weights->names[i], &weights->tensors[i], err);
    for (int i = 0; !status && i < weights->n_metadata; i++)
        status =
            to->ops->put_metadata(to, weights->metadata[i].key, weights->metadata[i].value, err);
    return status;
}

ana_status helper_weights_write(const char *path, ana_error *err)
{
    static struct mini_weights weights;
    struct safetensors_writer *writer = NULL;

    if (!mini_weights_make(&weights, 5, DTYPE_F16))
        return ana_fail(err, ANA_ERR_MEMORY, "no weights");
    ana_status status = safetensors_writer_create(&writer, err);
    if (!status)
        status = put_all(writer, &weights, err);
    if (!status)
        status = safetensors_writer_write(writer, path, err);
    safetensors_writer_free(writer);
    mini_weights_clear(&weights);
    return status;
}

ana_status helper_image_write(const char *path, int width, int height, int channels, ana_error *err)
{
    struct image image;
    ana_status status = image_create_2d(&image, height, width, channels, DTYPE_U8, err);

    for (int i = 0; !status && i < width * height * channels; i++)
        ((uint8_t *)image.pixels.data)[i] = (uint8_t)(i * 7 % 251);
    if (!status)
        status = png_write(path, &image, err);
    image_clear(&image);
    return status;
}
