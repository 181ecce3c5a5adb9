/* Lines as sets of pixels near a segment: coverage falls from 1 to 0 over the one pixel around half
 * the width. A shape's coverage is the largest of its segments', so crossings do not darken. */
#include "report/canvas.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "report/canvas_internal.h"

ana_status canvas_create(struct canvas *out, int64_t width, int64_t height,
                         struct colour background, ana_error *err)
{
    *out = (struct canvas){0};

    ana_status status = image_create_2d(&out->image, height, width, 3, DTYPE_U8, err);
    if (status)
        return status;
    out->coverage = memory_alloc_array_zeroed((size_t)height, (size_t)width);
    if (!out->coverage) {
        canvas_clear(out);
        return ana_fail_memory(err, (size_t)height * (size_t)width);
    }
    canvas_rectangle(out, 0, 0, width, height, background, 1);
    return ANA_OK;
}

void canvas_clear(struct canvas *canvas)
{
    image_clear(&canvas->image);
    memory_free(canvas->coverage);
    canvas->coverage = NULL;
}

static void blend(uint8_t *pixel, struct colour colour, double opacity)
{
    const uint8_t ink[3] = {colour.r, colour.g, colour.b};

    for (int c = 0; c < 3; c++)
        pixel[c] =
            (uint8_t)lround((double)pixel[c] + ((double)ink[c] - (double)pixel[c]) * opacity);
}

static uint8_t *pixel_at(struct canvas *canvas, int64_t x, int64_t y)
{
    return (uint8_t *)canvas->image.pixels.data + (y * image_width(&canvas->image) + x) * 3;
}

static int64_t clip(double value, int64_t end)
{
    return value <= 0 ? 0 : value >= (double)end ? end : (int64_t)value;
}

void canvas_rectangle(struct canvas *canvas, int64_t x0, int64_t y0, int64_t x1, int64_t y1,
                      struct colour colour, double opacity)
{
    const int64_t right = clip((double)x1, image_width(&canvas->image));
    const int64_t bottom = clip((double)y1, image_height(&canvas->image));

    for (int64_t y = y0 > 0 ? y0 : 0; y < bottom; y++)
        for (int64_t x = x0 > 0 ? x0 : 0; x < right; x++)
            blend(pixel_at(canvas, x, y), colour, opacity);
}

static double distance_to_segment(double x, double y, struct canvas_point a, struct canvas_point b)
{
    const double dx = b.x - a.x, dy = b.y - a.y;
    const double length2 = dx * dx + dy * dy;
    double t = length2 > 0 ? ((x - a.x) * dx + (y - a.y) * dy) / length2 : 0;

    t = fmin(fmax(t, 0), 1);
    return hypot(x - a.x - t * dx, y - a.y - t * dy);
}

/* Pixels that a line of this reach around a and b may touch. */
static struct ink_area area_of(const struct canvas *canvas, struct canvas_point a,
                               struct canvas_point b, double reach)
{
    const int64_t width = image_width(&canvas->image), height = image_height(&canvas->image);

    return (struct ink_area){clip(floor(fmin(a.x, b.x) - reach), width),
                             clip(floor(fmin(a.y, b.y) - reach), height),
                             clip(ceil(fmax(a.x, b.x) + reach) + 1, width),
                             clip(ceil(fmax(a.y, b.y) + reach) + 1, height)};
}

static void area_add(struct ink_area *area, const struct ink_area *more)
{
    const bool empty = area->x1 <= area->x0 || area->y1 <= area->y0;

    area->x0 = empty || more->x0 < area->x0 ? more->x0 : area->x0;
    area->y0 = empty || more->y0 < area->y0 ? more->y0 : area->y0;
    area->x1 = empty || more->x1 > area->x1 ? more->x1 : area->x1;
    area->y1 = empty || more->y1 > area->y1 ? more->y1 : area->y1;
}

void ink_segment(struct canvas *canvas, struct ink_area *area, struct canvas_point a,
                 struct canvas_point b, double width)
{
    const double half = width / 2;
    const struct ink_area touched = area_of(canvas, a, b, half + 1);
    const int64_t stride = image_width(&canvas->image);

    for (int64_t y = touched.y0; y < touched.y1; y++)
        for (int64_t x = touched.x0; x < touched.x1; x++) {
            const double d = distance_to_segment((double)x, (double)y, a, b);
            const double ink = fmin(fmax(half + 0.5 - d, 0), 1);
            const uint8_t level = (uint8_t)lround(255 * ink);
            uint8_t *coverage = &canvas->coverage[y * stride + x];
            *coverage = *coverage > level ? *coverage : level;
        }
    area_add(area, &touched);
}

void ink_dry(struct canvas *canvas, const struct ink_area *area, struct colour colour,
             double opacity)
{
    const int64_t stride = image_width(&canvas->image);

    for (int64_t y = area->y0; y < area->y1; y++) {
        for (int64_t x = area->x0; x < area->x1; x++) {
            const uint8_t level = canvas->coverage[y * stride + x];
            if (level)
                blend(pixel_at(canvas, x, y), colour, opacity * level / 255);
        }
        if (area->x1 > area->x0)
            memset(&canvas->coverage[y * stride + area->x0], 0, (size_t)(area->x1 - area->x0));
    }
}

void canvas_polyline(struct canvas *canvas, const struct canvas_point *points, int64_t n,
                     double width, struct colour colour, double opacity)
{
    struct ink_area area = {0};

    for (int64_t i = 0; i + 1 < n; i++)
        ink_segment(canvas, &area, points[i], points[i + 1], width);
    if (n == 1)
        ink_segment(canvas, &area, points[0], points[0], width);
    ink_dry(canvas, &area, colour, opacity);
}

/* Okabe and Ito's palette first (without black), then turns around the colour circle by the golden
 * angle. */
struct colour colour_of_label(int64_t label)
{
    static const struct colour first[] = {
        {0, 200, 150},  {230, 120, 0}, {86, 180, 233}, {240, 228, 66},
        {204, 90, 180}, {0, 114, 220}, {213, 60, 40},  {150, 220, 60},
    };
    const int64_t n_first = (int64_t)(sizeof first / sizeof first[0]);

    if (label < n_first)
        return first[label];
    const double hue = fmod((double)label * 137.508, 360) / 60;
    const double x = 1 - fabs(fmod(hue, 2) - 1);
    const int sector = (int)hue;
    const double rgb[6][3] = {{1, x, 0}, {x, 1, 0}, {0, 1, x}, {0, x, 1}, {x, 0, 1}, {1, 0, x}};
    return (struct colour){(uint8_t)lround(230 * rgb[sector][0]),
                           (uint8_t)lround(230 * rgb[sector][1]),
                           (uint8_t)lround(230 * rgb[sector][2])};
}
