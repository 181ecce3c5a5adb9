/* Resizing as the reference programs do it: Pillow for images, OpenCV and torch for planes.
 *
 * All of them map pixel centres: source = (target + 0.5) * in / out - 0.5, unless said otherwise.
 */
#ifndef ANA_IMAGING_RESIZE_H
#define ANA_IMAGING_RESIZE_H

#include "imaging/image.h"

enum resize_filter {
    RESIZE_FILTER_NEAREST,
    RESIZE_FILTER_BOX,
    RESIZE_FILTER_BILINEAR,
    RESIZE_FILTER_BICUBIC, /* a = -0.5 */
    RESIZE_FILTER_LANCZOS  /* 3 lobes */
};

/* Pillow's resize: anti-aliased when shrinking, border taps dropped and the rest renormalised, rows
 * before columns. U8 is exact to the level (22-bit fixed point, rounded between the passes); U16
 * and F32 keep float sums between the passes. I32 (labels) allows RESIZE_FILTER_NEAREST only. `in`
 * is 2D; `out` gets the same type, meaning and channels, is the caller's, and may not be `in`. */
MUST_CHECK ana_status image_resize(struct image *out, const struct image *in, int64_t height,
                                   int64_t width, enum resize_filter filter, ana_error *err);

/* Extents of an image whose longer (shorter) side becomes `side`; never below 1.
 * Longer side as Segment Anything rounds, int(x * side / longer + 0.5); shorter side as torchvision
 * truncates, int(side * long / short). */
void resize_longest_side(int64_t *out_height, int64_t *out_width, int64_t height, int64_t width,
                         int64_t side);
void resize_shortest_side(int64_t *out_height, int64_t *out_width, int64_t height, int64_t width,
                          int64_t side);

/* Float planes [h, w, c], contiguous; results are the caller's storage. */
struct plane_shape {
    int64_t height, width, channels;
};

enum torch_mode {
    TORCH_NEAREST,       /* floor(x * in / out) */
    TORCH_NEAREST_EXACT, /* floor((x + 0.5) * in / out) */
    TORCH_BILINEAR,
    TORCH_BICUBIC /* a = -0.75 */
};

struct torch_resize {
    enum torch_mode mode;
    bool align_corners; /* corner pixels keep their place; not with antialias or nearest */
    bool antialias;     /* bicubic a = -0.5 then, as torch has it */
};

/* torch.nn.functional.interpolate() to a given size. */
MUST_CHECK ana_status plane_resize_torch(float *out, int64_t out_height, int64_t out_width,
                                         const float *in, const struct plane_shape *in_shape,
                                         const struct torch_resize *how, ana_error *err);

enum cv_mode {
    CV_NEAREST, /* floor(x * (1 / (out / in))), at most in - 1, in double */
    CV_LINEAR,
    CV_CUBIC, /* a = -0.75, border replicated */
    CV_AREA   /* average of the covered area when both sides shrink, else OpenCV's area-linear */
};

/* OpenCV's resize on float planes. 8-bit results of OpenCV are these, rounded, within one level. */
MUST_CHECK ana_status plane_resize_cv(float *out, int64_t out_height, int64_t out_width,
                                      const float *in, const struct plane_shape *in_shape,
                                      enum cv_mode mode, ana_error *err);

/* Average of the covered area, exact for any ratio. Bilinear along an axis that grows. */
MUST_CHECK ana_status plane_resize_area(float *out, int64_t out_height, int64_t out_width,
                                        const float *in, const struct plane_shape *in_shape,
                                        ana_error *err);

/* Nearest on masks and labels, Pillow's rule (centre of the target pixel). */
MUST_CHECK ana_status nearest_resize_bytes(void *out, int64_t out_height, int64_t out_width,
                                           const void *in, int64_t in_height, int64_t in_width,
                                           size_t pixel_bytes, ana_error *err);

/* torch's linear interpolation of a table [n, c] along n (align_corners off). */
void table_resize_linear(float *out, int64_t out_n, const float *in, int64_t in_n,
                         int64_t channels);

/* Most that resizing a plane by area, or as torch does, holds besides its operands. */
size_t plane_resize_bytes(int64_t out_height, int64_t out_width, const struct plane_shape *in);

#endif
