/* Outlines only, nothing filled: whoever judges a border must see what lies under it. */
#include "report/comparison.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "imaging/morphology.h"
#include "imaging/resize.h"
#include "io/image_file.h"
#include "report/overlay_internal.h"

enum { SHORTEST_LONG_SIDE = 320, LONGEST_LONG_SIDE = 480, OUTLINE = 2 };

static const struct colour pointer = {255, 255, 255}, shade = {0, 0, 0};

struct size {
    int64_t height, width;
};

static struct size picture_size(const struct image *image)
{
    const int64_t h = image_height(image), w = image_width(image);
    const int64_t longer = h > w ? h : w;
    const int64_t side = longer < SHORTEST_LONG_SIDE  ? SHORTEST_LONG_SIDE
                         : longer > LONGEST_LONG_SIDE ? LONGEST_LONG_SIDE
                                                      : longer;
    struct size size;

    resize_longest_side(&size.height, &size.width, h, w, side);
    return size;
}

static ana_status draw_ground(struct canvas *canvas, const struct image *image,
                              const struct size *size, ana_error *err)
{
    struct image scaled;

    const bool grows = size->width > image_width(image);
    const ana_status status =
        image_resize(&scaled, image, size->height, size->width,
                     grows ? RESIZE_FILTER_NEAREST : RESIZE_FILTER_BILINEAR, err);
    if (status)
        return status;
    overlay_draw_image(canvas, &scaled, 1);
    image_clear(&scaled);
    return ANA_OK;
}

/* Adds `bit` to the pixels of the picture on the mask's inner border. */
static ana_status mark_outline(uint8_t *marks, uint8_t bit, const struct image *mask,
                               const struct size *size, ana_error *err)
{
    const int64_t n = size->height * size->width;
    const int64_t n_mask = tensor_count(&mask->pixels);
    struct image full, scaled = {0};

    ana_status status =
        image_create_2d(&full, image_height(mask), image_width(mask), 1, DTYPE_U8, err);
    if (status)
        return status;
    for (int64_t i = 0; i < n_mask; i++)
        ((uint8_t *)full.pixels.data)[i] = ((const uint8_t *)mask->pixels.data)[i] ? 255 : 0;
    status = image_resize(&scaled, &full, size->height, size->width, RESIZE_FILTER_BOX, err);
    image_clear(&full);
    uint8_t *inside = memory_alloc((size_t)n);
    if (!status && !inside)
        status = ana_fail_memory(err, (size_t)n);
    uint8_t *pixels = scaled.pixels.data;
    for (int64_t i = 0; !status && i < n; i++)
        pixels[i] = pixels[i] >= 128;
    if (!status)
        status =
            mask_erode(inside, pixels, size->height, size->width, MORPHOLOGY_CROSS, OUTLINE, err);
    for (int64_t i = 0; !status && i < n; i++)
        if (pixels[i] && !inside[i])
            marks[i] |= bit;
    memory_free(inside);
    image_clear(&scaled);
    return status;
}

static ana_status draw_outlines(struct canvas *canvas, const struct comparison *c,
                                const struct size *size, ana_error *err)
{
    enum { TRUTH = 1, ANSWER = 2 };
    const struct colour colours[] = {
        [TRUTH] = page_colours.truth,
        [ANSWER] = page_colours.answer,
        [TRUTH | ANSWER] = page_colours.both,
    };
    uint8_t *marks = memory_alloc_array_zeroed((size_t)size->height, (size_t)size->width);
    ana_status status =
        marks ? ANA_OK : ana_fail_memory(err, (size_t)size->height * (size_t)size->width);

    if (!status && c->truth)
        status = mark_outline(marks, TRUTH, c->truth, size, err);
    if (!status)
        status = mark_outline(marks, ANSWER, c->answer, size, err);
    for (int64_t y = 0; !status && y < size->height; y++)
        for (int64_t x = 0; x < size->width; x++) {
            const uint8_t mark = marks[y * size->width + x];
            if (mark)
                canvas_rectangle(canvas, x, y, x + 1, y + 1, colours[mark], 1);
        }
    memory_free(marks);
    return status;
}

/* White on a dark edge, so that it shows on any ground. */
static void draw_lines(struct canvas *canvas, const struct canvas_point *points, int64_t n,
                       double width)
{
    canvas_polyline(canvas, points, n, width + 2, shade, 0.6);
    canvas_polyline(canvas, points, n, width, pointer, 1);
}

static void draw_pointers(struct canvas *canvas, const struct comparison *c,
                          const struct size *size)
{
    const double sx = (double)size->width / (double)image_width(c->image);
    const double sy = (double)size->height / (double)image_height(c->image);

    if (c->box) {
        const double x0 = c->box->x0 * sx - 1, x1 = c->box->x1 * sx;
        const double y0 = c->box->y0 * sy - 1, y1 = c->box->y1 * sy;
        const struct canvas_point corners[] = {{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}, {x0, y0}};
        draw_lines(canvas, corners, 5, 1);
    }
    if (c->point) {
        const struct canvas_point at = {(c->point->x + 0.5) * sx - 0.5,
                                        (c->point->y + 0.5) * sy - 0.5};
        draw_lines(canvas, &at, 1, 6);
    }
}

ana_status comparison_create(struct canvas *out, const struct comparison *comparison,
                             ana_error *err)
{
    const struct size size = picture_size(comparison->image);

    ana_status status = canvas_create(out, size.width, size.height, shade, err);
    if (status)
        return status;
    status = draw_ground(out, comparison->image, &size, err);
    if (!status)
        status = draw_outlines(out, comparison, &size, err);
    if (status) {
        canvas_clear(out);
        return status;
    }
    draw_pointers(out, comparison, &size);
    return ANA_OK;
}

ana_status comparison_write(const char *path, const struct comparison *comparison, ana_error *err)
{
    struct canvas canvas;

    ana_status status = comparison_create(&canvas, comparison, err);
    if (status)
        return status;
    status = png_write(path, &canvas.image, err);
    canvas_clear(&canvas);
    return status;
}
