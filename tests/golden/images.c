/* Images from tensors and back. */
#include "images.h"

#include <string.h>

const struct tolerance golden_exact_u8 = {"u8", 0, "fixed-point arithmetic is the same"};

bool golden_image(struct golden *golden, struct image *out, const struct tensor *tensor,
                  const char *name)
{
    const struct shape *s = &tensor->shape;
    ana_error err = {0};
    if (tensor->dtype != DTYPE_U8 || (s->rank != 2 && s->rank != 3)) {
        golden_fail(golden, "%s is no image", name);
        return false;
    }
    const int64_t channels = s->rank == 3 ? s->extent[2] : 1;
    const ana_status status =
        image_create_2d(out, s->extent[0], s->extent[1], channels, DTYPE_U8, &err);
    if (!golden_ok(golden, status, &err, name))
        return false;
    memcpy(out->pixels.data, tensor->data, tensor_bytes(tensor));
    return true;
}

void golden_compare_image(struct golden *golden, const struct tolerance *tolerance,
                          const char *name, const struct image *got, const struct tensor *want)
{
    struct shape shape = got->pixels.shape;
    if (want->shape.rank == 2 && shape.extent[2] == 1)
        shape.rank = 2;
    if (!shape_equal(&shape, &want->shape)) {
        char a[64], b[64];
        golden_fail(golden, "%s: got an image of %s, expected %s", name,
                    shape_print(a, sizeof a, &shape), shape_print(b, sizeof b, &want->shape));
        return;
    }
    const int64_t n = tensor_count(want);
    golden_compare(golden, tolerance, name, golden_f64(golden, &got->pixels),
                   golden_f64(golden, want), n);
}

void golden_compare_planar(struct golden *golden, const struct tolerance *tolerance,
                           const char *name, const float *got, const struct tensor *want)
{
    const int64_t channels = want->shape.extent[0];
    const int64_t n = tensor_count(want) / channels;
    float *planar = golden_alloc(golden, n * channels, sizeof *planar);
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < channels; c++)
            planar[c * n + i] = got[i * channels + c];
    golden_compare_f32(golden, tolerance, name, planar, want);
}
