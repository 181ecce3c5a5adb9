/* Lines cover what they should, letters fit, overlays show masks where they are, plots are made. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "io/image_file.h"
#include "report/canvas.h"
#include "report/overlay.h"
#include "report/plot.h"

static const struct colour white = {255, 255, 255};
static const struct colour black = {0, 0, 0};

static int red_at(const struct canvas *canvas, int64_t x, int64_t y)
{
    return ((const uint8_t *)canvas->image.pixels.data)[(y * image_width(&canvas->image) + x) * 3];
}

/* How much black there is, in pixels. */
static double ink_of(const struct canvas *canvas)
{
    const int64_t n = image_width(&canvas->image) * image_height(&canvas->image);
    const uint8_t *pixels = canvas->image.pixels.data;
    double sum = 0;

    for (int64_t i = 0; i < n; i++)
        sum += (255 - pixels[3 * i]) / 255.0;
    return sum;
}

static void test_line_covers_its_area(void **state)
{
    const struct canvas_point points[] = {{10.3, 20.7}, {80.9, 55.2}};
    struct canvas canvas;

    (void)state;
    assert_int_equal(canvas_create(&canvas, 100, 80, white, NULL), ANA_OK);
    canvas_polyline(&canvas, points, 2, 4, black, 1);
    const double length = hypot(70.6, 34.5);
    assert_true(fabs(ink_of(&canvas) / (4 * length + 4 * 3.14159) - 1) < 0.03);
    assert_int_equal(red_at(&canvas, 45, 38), 0);
    assert_int_equal(red_at(&canvas, 45, 60), 255);
    canvas_clear(&canvas);
}

static void test_crossing_does_not_darken(void **state)
{
    const struct canvas_point points[] = {{10, 40}, {90, 40}, {90, 10}, {50, 10}, {50, 70}};
    struct canvas canvas;

    (void)state;
    assert_int_equal(canvas_create(&canvas, 100, 80, white, NULL), ANA_OK);
    canvas_polyline(&canvas, points, 5, 5, black, 0.4);
    assert_int_equal(red_at(&canvas, 50, 40), red_at(&canvas, 30, 40));
    assert_int_equal(red_at(&canvas, 30, 40), 153);
    canvas_clear(&canvas);
}

static void test_drawing_outside_is_clipped(void **state)
{
    const struct canvas_point points[] = {{-500, -20}, {1000, 90}, {1e9, -1e9}};
    struct canvas canvas;

    (void)state;
    assert_int_equal(canvas_create(&canvas, 30, 20, white, NULL), ANA_OK);
    canvas_polyline(&canvas, points, 3, 3, black, 1);
    canvas_rectangle(&canvas, -10, -10, 5, 500, black, 1);
    canvas_text(&canvas, -20, 5, 40, "clipped", black);
    assert_int_equal(red_at(&canvas, 2, 10), 0);
    canvas_clear(&canvas);
}

static void test_letters(void **state)
{
    struct canvas canvas;
    char letter[2] = "";

    (void)state;
    for (int c = '!'; c <= '~'; c++) {
        letter[0] = (char)c;
        assert_int_equal(canvas_create(&canvas, 60, 60, white, NULL), ANA_OK);
        canvas_text(&canvas, 15, 42, 24, letter, black);
        assert_true(ink_of(&canvas) > 5);
        /* Nothing reaches the border: the glyph keeps to its width and height. */
        for (int i = 0; i < 60; i++) {
            assert_int_equal(red_at(&canvas, 59, i), 255);
            assert_int_equal(red_at(&canvas, i, 59), 255);
            assert_int_equal(red_at(&canvas, i, 8), 255);
        }
        canvas_clear(&canvas);
    }
    assert_true(canvas_text_width(24, "ab") > canvas_text_width(24, "a"));
    assert_true(canvas_text_width(24, "\xC3\xA9") == canvas_text_width(24, "\xE2\x82\xAC"));
}

static void test_overlay(void **state)
{
    struct image image, mask;
    struct canvas canvas;

    (void)state;
    assert_int_equal(image_create_2d(&image, 400, 500, 1, DTYPE_U16, NULL), ANA_OK);
    assert_int_equal(image_create_2d(&mask, 400, 500, 1, DTYPE_U8, NULL), ANA_OK);
    for (int y = 100; y < 200; y++)
        memset((uint8_t *)mask.pixels.data + y * 500 + 150, 255, 200);
    ((uint16_t *)image.pixels.data)[0] = 4095; /* 12 bits: shown from smallest to largest */
    const struct overlay_layer layer = {&mask, "a thing with a name", "found", {200, 0, 0}};
    assert_int_equal(overlay_create(&canvas, &image, &layer, 1, NULL), ANA_OK);
    assert_int_equal(image_width(&canvas.image), 500);
    assert_true(image_height(&canvas.image) > 400);
    assert_int_equal(red_at(&canvas, 0, 0), 255);
    assert_int_equal(red_at(&canvas, 150, 100), 200);     /* outline */
    assert_true(abs(red_at(&canvas, 250, 150) - 64) < 3); /* fill */
    assert_int_equal(red_at(&canvas, 100, 150), 0);
    canvas_clear(&canvas);

    /* Small pictures are enlarged; without names there is no legend. */
    struct image small, small_mask;
    assert_int_equal(image_create_2d(&small, 1, 2, 3, DTYPE_U8, NULL), ANA_OK);
    assert_int_equal(image_create_2d(&small_mask, 1, 2, 1, DTYPE_U8, NULL), ANA_OK);
    const struct overlay_layer nameless = {&small_mask, NULL, NULL, {200, 0, 0}};
    assert_int_equal(overlay_create(&canvas, &small, &nameless, 1, NULL), ANA_OK);
    assert_int_equal(image_width(&canvas.image), 320);
    assert_int_equal(image_height(&canvas.image), 160);
    canvas_clear(&canvas);
    image_clear(&small);
    image_clear(&small_mask);
    image_clear(&image);
    image_clear(&mask);
}

static void test_plot(void **state)
{
    static const struct plot_panel panels[] = {
        {.title = "loss", .columns = {"loss", "bce", "not there"}, .smooth = true},
        {.title = "rate", .columns = {"rate"}, .log_scale = true},
        {.title = "score", .columns = {"score"}},
    };
    const struct plot plot = {"A run", "step", panels, 3};
    const struct plot nothing = {NULL, "step", &(struct plot_panel){.title = "x", .columns = {"y"}},
                                 1};
    struct text csv = {0};
    struct image image;
    char path[] = "plot-XXXXXX", csv_path[32], png_path[32];

    (void)state;
    assert_non_null(mkdtemp(path));
    snprintf(csv_path, sizeof csv_path, "%s/log.csv", path);
    snprintf(png_path, sizeof png_path, "%s/log.png", path);
    text_append(&csv, "step,loss,bce,rate,score\n");
    for (int i = 0; i < 800; i++) {
        text_appendf(&csv, "%d,%g,%g,%g,", i,
                     2 * exp(-i / 200.0) + 0.3 * sin(i * 1.7) * sin(i * 0.31),
                     exp(-i / 100.0) + 0.1 * sin(i * 2.3), 2.5e-3 * exp(-i / 150.0));
        text_append(&csv, i % 100 == 99 ? "0.7" : "");
        text_append(&csv, "\n");
    }
    assert_int_equal(file_write(csv_path, csv.data, csv.size, NULL), ANA_OK);
    assert_int_equal(plot_csv(png_path, csv_path, &plot, NULL), ANA_OK);
    assert_int_equal(image_read(&image, png_path, NULL, NULL), ANA_OK);
    assert_int_equal(image_channels(&image), 3);
    image_clear(&image);
    assert_int_equal(plot_csv(png_path, csv_path, &nothing, NULL), ANA_ERR_ARGUMENT);
    assert_int_equal(plot_csv(png_path, "nowhere.csv", &plot, NULL), ANA_ERR_IO);
    text_clear(&csv);
    unlink(csv_path);
    if (getenv("KEEP_PLOT") == NULL)
        unlink(png_path);
    rmdir(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_covers_its_area),
        cmocka_unit_test(test_crossing_does_not_darken),
        cmocka_unit_test(test_drawing_outside_is_clipped),
        cmocka_unit_test(test_letters),
        cmocka_unit_test(test_overlay),
        cmocka_unit_test(test_plot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
