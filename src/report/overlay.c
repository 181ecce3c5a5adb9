/* Overlays are looked at in a hurry: the outline says where, the fill says what, and the legend
 * stands below the picture so that it hides nothing of it. */
#include "report/overlay.h"

#include <math.h>
#include <string.h>

#include "base/budget.h"
#include "base/memory.h"
#include "imaging/morphology.h"
#include "io/image_file.h"
#include "report/overlay_internal.h"

enum { SMALLEST_SIDE = 320, PIXELS_PER_OUTLINE = 350 };

static const double fill_opacity = 0.32;
static const struct colour paper = {24, 26, 30};
static const struct colour ink = {235, 235, 235};
static const struct colour faint = {150, 155, 165};

/* One sample of any type as a number. */
static double sample(const struct image *image, int64_t index)
{
    switch (image->pixels.dtype) {
    case DTYPE_U8:
        return ((const uint8_t *)image->pixels.data)[index];
    case DTYPE_U16:
        return ((const uint16_t *)image->pixels.data)[index];
    case DTYPE_I32:
        return ((const int32_t *)image->pixels.data)[index];
    default:
        return (double)((const float *)image->pixels.data)[index];
    }
}

/* Values that become black and white. */
struct window {
    double low, high;
};

static struct window window_of(const struct image *image)
{
    struct window w = {0, 255};
    const int64_t n = tensor_count(&image->pixels);

    if (image->pixels.dtype == DTYPE_U8)
        return w;
    w = (struct window){(double)INFINITY, -(double)INFINITY};
    for (int64_t i = 0; i < n; i++) {
        const double value = sample(image, i);
        if (isfinite(value)) {
            w.low = fmin(w.low, value);
            w.high = fmax(w.high, value);
        }
    }
    return w;
}

static uint8_t level(double value, const struct window *window)
{
    const double range = window->high - window->low;

    if (!(range > 0) || !isfinite(value))
        return 0;
    return (uint8_t)lround(fmin(fmax((value - window->low) / range, 0), 1) * 255);
}

void overlay_draw_image(struct canvas *canvas, const struct image *image, int64_t scale)
{
    const int64_t width = image_width(image), height = image_height(image);
    const int64_t channels = image_channels(image);
    const struct window window = window_of(image);

    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++) {
            const int64_t at = (y * width + x) * channels;
            const uint8_t r = level(sample(image, at), &window);
            const bool grey = channels < 3;
            const uint8_t g = grey ? r : level(sample(image, at + 1), &window);
            const uint8_t b = grey ? r : level(sample(image, at + 2), &window);
            canvas_rectangle(canvas, x * scale, y * scale, (x + 1) * scale, (y + 1) * scale,
                             (struct colour){r, g, b}, 1);
        }
}

/* A mask's pixels, enlarged. */
static uint8_t *enlarged(const struct image *mask, int64_t scale)
{
    const int64_t width = image_width(mask), height = image_height(mask);
    const uint8_t *in = mask->pixels.data;
    uint8_t *out = memory_alloc_array((size_t)(width * scale), (size_t)(height * scale));

    for (int64_t y = 0; out && y < height * scale; y++)
        for (int64_t x = 0; x < width * scale; x++)
            out[y * width * scale + x] = in[(y / scale) * width + x / scale];
    return out;
}

static ana_status draw_layer(struct canvas *canvas, const struct overlay_layer *layer,
                             int64_t scale, ana_error *err)
{
    const int64_t width = image_width(layer->mask) * scale;
    const int64_t height = image_height(layer->mask) * scale;
    const int64_t shorter = width < height ? width : height;
    const int thickness = 1 + (int)(shorter / PIXELS_PER_OUTLINE);

    uint8_t *mask = enlarged(layer->mask, scale);
    uint8_t *inside = memory_alloc_array((size_t)width, (size_t)height);
    ana_status status =
        mask && inside ? ANA_OK : ana_fail_memory(err, (size_t)width * (size_t)height);
    if (!status)
        status = mask_erode(inside, mask, height, width, MORPHOLOGY_SQUARE, thickness, err);
    for (int64_t y = 0; !status && y < height; y++)
        for (int64_t x = 0; x < width; x++)
            if (mask[y * width + x])
                canvas_rectangle(canvas, x, y, x + 1, y + 1, layer->colour,
                                 inside[y * width + x] ? fill_opacity : 1);

    memory_free(mask);
    memory_free(inside);
    return status;
}

/* Cap height of the legend's letters. */
static double letter_size(int64_t width)
{
    return fmin(fmax((double)width / 52, 9), 40);
}

static double line_height(double size)
{
    return ceil(size * 2.2);
}

/* Cuts the text so that it fits, with dots at the end. */
static void fit_text(char *out, size_t size, const char *text, double letters, double room)
{
    size_t n = strlen(text);

    if (n > size - 4)
        n = size - 4;
    memcpy(out, text, n);
    out[n] = '\0';
    while (n > 0 && canvas_text_width(letters, out) > room) {
        do
            n--;
        while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80);
        memcpy(out + n, "...", 4);
    }
}

static void draw_legend(struct canvas *canvas, int64_t top, const struct overlay_layer *layers,
                        int64_t n_layers)
{
    const double width = (double)image_width(&canvas->image);
    const double size = letter_size(image_width(&canvas->image));
    double y = (double)top + line_height(size) / 2;

    for (int64_t i = 0; i < n_layers; i++) {
        if (!layers[i].name)
            continue;
        char name[256];
        const double note =
            layers[i].note ? canvas_text_width(size, layers[i].note) + 2 * size : size;
        fit_text(name, sizeof name, layers[i].name, size, width - 4 * size - note);
        const int64_t middle = (int64_t)lround(y + size / 2), half = (int64_t)lround(size / 2);
        canvas_rectangle(canvas, (int64_t)size, middle - half, (int64_t)size + 2 * half,
                         middle + half, layers[i].colour, 1);
        canvas_text(canvas, 3 * size, y + size, size, name, ink);
        if (layers[i].note)
            canvas_text(canvas, width - note + size, y + size, size, layers[i].note, faint);
        y += line_height(size);
    }
}

/* Small images are enlarged by a whole number. */
static int64_t scale_of(int64_t width, int64_t height)
{
    const int64_t longer = width > height ? width : height;

    return longer < SMALLEST_SIDE ? (SMALLEST_SIDE + longer - 1) / longer : 1;
}

static int64_t legend_height(int64_t width, int64_t n_lines)
{
    const double line = line_height(letter_size(width));

    return n_lines ? (int64_t)(line * (double)n_lines + line * 0.6) : 0;
}

size_t overlay_bytes(int64_t width, int64_t height, int64_t n_layers)
{
    enum { CANVAS = 3 + 1 /* colours, coverage */, LAYER = 3 /* mask, inside, before erosion */ };
    const int64_t scale = scale_of(width, height);
    const size_t row = bytes_product((size_t)width, (size_t)scale);
    const size_t picture = bytes_product(row, bytes_product((size_t)height, (size_t)scale));
    const size_t legend = bytes_product(row, (size_t)legend_height(width * scale, n_layers));
    const size_t canvas = bytes_product(CANVAS, bytes_sum(picture, legend));

    return bytes_sum(canvas, bytes_larger(bytes_product(LAYER, picture),
                                          png_write_bytes(width * scale, 3, DTYPE_U8)));
}

ana_status overlay_create(struct canvas *out, const struct image *image,
                          const struct overlay_layer *layers, int64_t n_layers, ana_error *err)
{
    const int64_t width = image_width(image), height = image_height(image);
    const int64_t scale = scale_of(width, height);
    int64_t n_lines = 0;

    for (int64_t i = 0; i < n_layers; i++)
        n_lines += layers[i].name != NULL;
    const int64_t legend = legend_height(width * scale, n_lines);

    ana_status status = canvas_create(out, width * scale, height * scale + legend, paper, err);
    if (status)
        return status;
    overlay_draw_image(out, image, scale);
    for (int64_t i = 0; !status && i < n_layers; i++)
        status = draw_layer(out, &layers[i], scale, err);
    if (status) {
        canvas_clear(out);
        return status;
    }
    draw_legend(out, height * scale, layers, n_layers);
    return ANA_OK;
}

ana_status overlay_write(const char *path, const struct image *image,
                         const struct overlay_layer *layers, int64_t n_layers, ana_error *err)
{
    struct canvas canvas;

    ana_status status = overlay_create(&canvas, image, layers, n_layers, err);
    if (status)
        return status;
    status = png_write(path, &canvas.image, err);
    canvas_clear(&canvas);
    return status;
}
