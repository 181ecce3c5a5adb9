/* Renders a drawn view. The map from pixels to places is made once and serves image and masks; the
 * copy to sample is the one whose pixels are nearest in size to those of the view. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "imaging/warp.h"
#include "train/augment.h"

enum { LEVEL_TINY = DATASET_SMALL / 2, NOWHERE = -1 };

/* Below this many source pixels a pixel of the view, a larger copy is taken. */
static const double finest = 0.8;

struct tap {
    int32_t at;           /* y * level + x of the upper left of four pixels, or NOWHERE */
    uint8_t right, below; /* 0 at the far border, else 1: step to the neighbours */
    uint16_t fx, fy;      /* 0..65535 of the way to them */
};

static const float tap_step = 1.0f / 65535.0f;

struct augment_map {
    int size;
    int level; /* extent of the copy that taps refer to */
    struct tap taps[];
};

static int choose_level(const struct augment *augment, int size)
{
    const double area = fabs(augment->source[0][0] * augment->source[1][1] -
                             augment->source[0][1] * augment->source[1][0]);
    const double shown = sqrt(area);

    for (int level = LEVEL_TINY; level < DATASET_LARGE; level *= 2)
        if (shown * level / size >= finest)
            return level;
    return DATASET_LARGE;
}

/* fmin() and fmax() are calls; this is the inner loop. */
static double within(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

static void bend_at(double d[2], const struct augment *augment, double u, double v)
{
    const double gx = within(u, 0.0, 1.0) * (AUGMENT_NODES - 1);
    const double gy = within(v, 0.0, 1.0) * (AUGMENT_NODES - 1);
    const int x = gx < AUGMENT_NODES - 2 ? (int)gx : AUGMENT_NODES - 2;
    const int y = gy < AUGMENT_NODES - 2 ? (int)gy : AUGMENT_NODES - 2;
    const double tx = gx - x, ty = gy - y;

    for (int axis = 0; axis < 2; axis++) {
        const double above = (1 - tx) * (double)augment->bend[y][x][axis] +
                             tx * (double)augment->bend[y][x + 1][axis];
        const double below = (1 - tx) * (double)augment->bend[y + 1][x][axis] +
                             tx * (double)augment->bend[y + 1][x + 1][axis];
        d[axis] = (1 - ty) * above + ty * below;
    }
}

/* (x, y) in pixels of the level, integers at centres. */
static struct tap tap_at(double x, double y, int level)
{
    const double last = level - 1;

    if (!(x >= -0.5 && x < last + 0.5 && y >= -0.5 && y < last + 0.5))
        return (struct tap){.at = NOWHERE};
    x = within(x, 0.0, last);
    y = within(y, 0.0, last);
    const int x0 = (int)x, y0 = (int)y;
    return (struct tap){
        .at = y0 * level + x0,
        .right = x0 + 1 < level,
        .below = y0 + 1 < level,
        .fx = (uint16_t)((x - x0) * 65535.0 + 0.5),
        .fy = (uint16_t)((y - y0) * 65535.0 + 0.5),
    };
}

ana_status augment_map_create(struct augment_map **out, const struct augment *augment, int size,
                              ana_error *err)
{
    const size_t n = (size_t)size * (size_t)size;
    struct augment_map *map = memory_alloc(sizeof *map + n * sizeof map->taps[0]);
    const double(*m)[3] = augment->source;
    const double step = 1.0 / size;

    *out = NULL;
    if (!map)
        return ana_fail_memory(err, sizeof *map + n * sizeof map->taps[0]);
    map->size = size;
    map->level = choose_level(augment, size);
    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++) {
            double u = (x + 0.5) * step, v = (y + 0.5) * step, d[2];
            if (augment->bends) {
                bend_at(d, augment, u, v);
                u += d[0];
                v += d[1];
            }
            map->taps[(size_t)y * (size_t)size + (size_t)x] =
                tap_at((m[0][0] * u + m[0][1] * v + m[0][2]) * map->level - 0.5,
                       (m[1][0] * u + m[1][1] * v + m[1][2]) * map->level - 0.5, map->level);
        }
    *out = map;
    return ANA_OK;
}

void augment_map_free(struct augment_map *map)
{
    memory_free(map);
}

/* Means of 2x2 pixels of the small copy. */
static uint8_t *halve(const uint8_t *small, int channels)
{
    const int n = LEVEL_TINY, row = DATASET_SMALL * channels;
    uint8_t *tiny = memory_alloc((size_t)(n * n * channels));

    if (!tiny)
        return NULL;
    for (int y = 0; y < n; y++)
        for (int x = 0; x < n; x++)
            for (int c = 0; c < channels; c++) {
                const uint8_t *p = small + 2 * y * row + 2 * x * channels + c;
                tiny[(y * n + x) * channels + c] =
                    (uint8_t)((p[0] + p[channels] + p[row] + p[row + channels] + 2) / 4);
            }
    return tiny;
}

/* The copy that the map refers to; *made is to be freed. */
static const uint8_t *pixels_of(uint8_t **made, const struct augment_map *map, const uint8_t *large,
                                const uint8_t *small, int channels)
{
    *made = NULL;
    if (map->level == DATASET_LARGE)
        return large;
    if (map->level == DATASET_SMALL)
        return small;
    *made = halve(small, channels);
    return *made;
}

static void sample_rgb(float *out, const struct augment_map *map, const uint8_t *pixels,
                       const struct augment_tone *tone)
{
    const int64_t n = (int64_t)map->size * map->size;

    for (int64_t i = 0; i < n; i++, out += 3) {
        const struct tap *t = &map->taps[i];
        if (t->at == NOWHERE) {
            out[0] = out[1] = out[2] = 0.0f;
            continue;
        }
        const uint8_t *p = pixels + 3 * (ptrdiff_t)t->at;
        const uint8_t *q = p + (t->below ? 3 * map->level : 0);
        const int right = 3 * t->right;
        const float fx = (float)t->fx * tap_step, fy = (float)t->fy * tap_step;
        for (int c = 0; c < 3; c++) {
            const float *curve = tone->curve[c];
            const float above = curve[p[c]] + fx * (curve[p[right + c]] - curve[p[c]]);
            const float below = curve[q[c]] + fx * (curve[q[right + c]] - curve[q[c]]);
            out[c] = above + fy * (below - above);
        }
    }
}

static void saturate(float *rgb, int64_t n, float saturation)
{
    for (int64_t i = 0; i < n; i++, rgb += 3) {
        const float grey = 0.299f * rgb[0] + 0.587f * rgb[1] + 0.114f * rgb[2];
        for (int c = 0; c < 3; c++)
            rgb[c] = grey + saturation * (rgb[c] - grey);
    }
}

/* The sum of four random bytes is near enough to a normal draw: mean 510, sd 147.8. */
static float noise(struct random *random)
{
    const uint32_t bits = random_u32(random);
    const uint32_t sum = (bits & 255) + (bits >> 8 & 255) + (bits >> 16 & 255) + (bits >> 24);
    return ((float)sum - 510.0f) / 147.8f;
}

static void add_noise(float *rgb, int64_t n, float sd, bool grey, struct random *random)
{
    for (int64_t i = 0; i < n; i++, rgb += 3) {
        float by = sd * noise(random);
        for (int c = 0; c < 3; c++) {
            rgb[c] += by;
            if (!grey && c < 2)
                by = sd * noise(random);
        }
    }
}

ana_status augment_image(float *out, const struct augment_map *map, const struct augment *augment,
                         const struct dataset_image *image, struct random *random, ana_error *err)
{
    const struct augment_tone *tone = &augment->tone;
    const int64_t size = map->size, n = size * size;
    uint8_t *made;
    const uint8_t *pixels = pixels_of(&made, map, image->large, image->small, 3);
    ana_status status = ANA_OK;

    if (!pixels)
        return ana_fail(err, ANA_ERR_MEMORY, "out of memory");
    sample_rgb(out, map, pixels, tone);
    memory_free(made);
    if (tone->saturation < 1.0 || tone->saturation > 1.0)
        saturate(out, n, (float)tone->saturation);
    if (tone->blur_sigma > 0)
        status = blur_gaussian(out, size, size, 3, tone->blur_sigma * (double)size / DATASET_SMALL,
                               NULL, err);
    if (tone->noise_sd > 0)
        add_noise(out, n, (float)tone->noise_sd, image->grey, random);
    for (int64_t i = 0; i < 3 * n; i++)
        out[i] = out[i] < 0.0f ? 0.0f : out[i] > 1.0f ? 1.0f : out[i];
    return status;
}

ana_status augment_mask(float *out, const struct augment_map *map,
                        const struct dataset_target *target, ana_error *err)
{
    const int64_t n = (int64_t)map->size * map->size;
    uint8_t *made;
    const uint8_t *pixels = pixels_of(&made, map, target->large, target->small, 1);

    if (!pixels)
        return ana_fail(err, ANA_ERR_MEMORY, "out of memory");
    for (int64_t i = 0; i < n; i++) {
        const struct tap *t = &map->taps[i];
        if (t->at == NOWHERE) {
            out[i] = 0.0f;
            continue;
        }
        const uint8_t *p = pixels + t->at, *q = p + (t->below ? map->level : 0);
        const float fx = (float)t->fx * tap_step, fy = (float)t->fy * tap_step;
        const float above = (float)p[0] + fx * (float)(p[t->right] - p[0]);
        const float below = (float)q[0] + fx * (float)(q[t->right] - q[0]);
        out[i] = (above + fy * (below - above)) / 255.0f;
    }
    memory_free(made);
    return ANA_OK;
}
