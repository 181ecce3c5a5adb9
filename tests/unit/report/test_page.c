/* Pages are well-formed whatever their texts hold, charts put marks where the numbers are, pictures
 * show outlines in their colours, and no folder of anybody else is taken for a report. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../support/markup.h"
#include "base/file.h"
#include "report/comparison.h"
#include "report/html.h"
#include "report/page.h"
#include "report/page_internal.h"

static const char nasty[] = "<b>&\"'\x01\xFF\xC0\x80\xED\xA0\x80\xEF\xBF\xBF caf\xC3\xA9</b>";

static void expect_escaped(const char *string, const char *expected)
{
    struct text out = {0};

    html_text(&out, string);
    assert_string_equal(text_string(&out), expected);
    text_clear(&out);
}

static void test_escaping(void **state)
{
    (void)state;
    expect_escaped("", "");
    expect_escaped("a<b & \"c\" > 'd'", "a&lt;b &amp; &quot;c&quot; &gt; &#39;d&#39;");
    expect_escaped("caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80",
                   "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80");
    expect_escaped("a\tb\nc", "a\tb\nc");
    /* A control character, a stray byte, an overlong form, a cut character at the end. */
    expect_escaped("\x1B", "\xEF\xBF\xBD");
    expect_escaped("\xFF!", "\xEF\xBF\xBD!");
    expect_escaped("\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD");
    expect_escaped("\xE2\x82", "\xEF\xBF\xBD\xEF\xBF\xBD");
    expect_escaped("\xEF\xBF\xBE", "\xEF\xBF\xBD");
}

static void test_checker_sees_faults(void **state)
{
    static const char *const broken[] = {
        "<a>",          "<a></b>",  "<a b=c></a>", "<a b=\"1\" b=\"2\"></a>", "<a>&</a>",
        "<a>x > y</a>", "<a/><b/>", "text",        "<a b=\"<\"></a>",         "",
    };

    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        assert_non_null(markup_check(broken[i], NULL, NULL));
    assert_null(markup_check("<a b=\"&amp;\">x<c />&#39;</a>\n", NULL, NULL));
}

static void test_numbers(void **state)
{
    struct text out = {0};

    (void)state;
    html_number(&out, 0.12345, 3);
    html_number(&out, (double)NAN, 3);
    html_number(&out, (double)INFINITY, 1);
    assert_string_equal(text_string(&out), "0.123\xE2\x80\x93\xE2\x80\x93");
    text_clear(&out);
}

/* ---- charts ---- */

struct dots {
    double x[8], y[8];
    int n, rectangles;
};

static void see_dot(void *user, const struct markup_tag *tag)
{
    struct dots *dots = user;
    char value[32];

    dots->rectangles += tag->name_size == 4 && strncmp(tag->name, "rect", 4) == 0;
    if (tag->name_size != 6 || strncmp(tag->name, "circle", 6) != 0 || dots->n == 8)
        return;
    assert_true(markup_attribute(value, sizeof value, tag, "cx"));
    dots->x[dots->n] = atof(value);
    assert_true(markup_attribute(value, sizeof value, tag, "cy"));
    dots->y[dots->n++] = atof(value);
}

static void test_distribution(void **state)
{
    static const double few[] = {0, 0.5, 1};
    double many[1000];
    struct text out = {0};
    struct dots dots = {0};

    (void)state;
    for (int i = 0; i < 1000; i++)
        many[i] = i / 999.0;
    const struct chart_row rows[] = {{nasty, few, 3}, {"many", many, 1000}, {"none", NULL, 0}};
    chart_distribution(&out, rows, 3, nasty);
    assert_null(markup_check(text_string(&out), see_dot, &dots));
    assert_int_equal(dots.n, 3); /* a thousand values are a histogram */
    assert_true(fabs(dots.x[1] - (dots.x[0] + dots.x[2]) / 2) < 0.2);
    assert_true(dots.x[2] - dots.x[0] > 300);
    assert_int_equal(dots.rectangles, 2 + 40);
    assert_true(out.size < 20000);
    text_clear(&out);
}

static void test_reliability_chart(void **state)
{
    struct reliability r = {0};
    struct text out = {0};
    struct dots dots = {0};

    (void)state;
    reliability_add(&r, 0.25, 0, 1);
    reliability_add(&r, 0.75, 1, 3);
    chart_reliability(&out, &r, nasty, "stated", "true");
    assert_null(markup_check(text_string(&out), see_dot, &dots));
    assert_int_equal(dots.n, 2);
    assert_int_equal(dots.rectangles, 2);
    /* Side 240: half of it between 0.25 and 0.75, all of it between 0 and 1. */
    assert_true(fabs(dots.x[1] - dots.x[0] - 120) < 0.2);
    assert_true(fabs(dots.y[0] - dots.y[1] - 240) < 0.2);
    text_clear(&out);
}

/* ---- page ---- */

struct seen {
    int images, links, scripts, outside, without_alt;
};

static void see_tag(void *user, const struct markup_tag *tag)
{
    struct seen *seen = user;
    char value[256] = "";

    if (tag->name_size == 3 && strncmp(tag->name, "img", 3) == 0) {
        seen->images++;
        seen->without_alt += !markup_attribute(value, sizeof value, tag, "alt") || !*value;
    }
    seen->scripts += tag->name_size == 6 && strncmp(tag->name, "script", 6) == 0;
    for (int i = 0; i < 2; i++)
        if (markup_attribute(value, sizeof value, tag, i ? "src" : "href"))
            seen->outside += strstr(value, "//") != NULL;
}

static void test_page_is_well_formed(void **state)
{
    static const double dice[] = {0.5};
    const ana_evaluation_concept numbers = {.concept_name = nasty,
                                            .n = 1,
                                            .headline = true,
                                            .dice = {1, 0.5, 0, 0.5, 0.5},
                                            .ellipse = {0, (double)NAN, 0, 0, 0},
                                            .hd95_element = {0, (double)NAN, 0, 0, 0}};
    struct page_picture picture = {0};
    struct text out = {0};
    struct seen seen = {0};

    (void)state;
    page_picture_file(&picture.file, 1, nasty, "worst");
    text_append(&picture.rank, "worst");
    text_append(&picture.name, nasty);
    text_append(&picture.note, nasty);
    text_append(&picture.alt, nasty);
    const struct page_fact facts[] = {{"Command", nasty}};
    const struct page_group group = {&numbers, &picture, 1};
    const struct chart_row strip = {nasty, dice, 1};
    const struct page_absent absent = {nasty, true, 2, 1};
    struct page page = {.title = nasty,
                        .facts = facts,
                        .n_facts = 1,
                        .totals = {.n_concepts = 1, .n_images = 1, .has_absent = true},
                        .groups = &group,
                        .strips = &strip,
                        .n_groups = 1,
                        .surface = true,
                        .ellipse = true,
                        .absent = &absent,
                        .n_absent = 1,
                        .absent_pictures = &picture,
                        .n_absent_pictures = 1};
    reliability_add(&page.presence, 0.9, 1, 1);
    page_write(&out, &page);
    const char *error = markup_check(text_string(&out), see_tag, &seen);
    if (error)
        fail_msg("%s", error);
    assert_int_equal(seen.images, 2);
    assert_int_equal(seen.without_alt, 0);
    assert_int_equal(seen.scripts, 0);
    assert_int_equal(seen.outside, 0);
    assert_null(strstr(text_string(&out), "<b>&\""));
    page_picture_clear(&picture);
    text_clear(&out);
}

static void test_picture_names(void **state)
{
    struct text out = {0};

    (void)state;
    page_picture_file(&out, 7, "../Left Lung / \xC3\xA9t\xC3\xA9", "worst");
    assert_string_equal(text_string(&out), "0007-left-lung-t-worst.png");
    text_clear(&out);
    page_picture_file(&out, 12345, "", "best");
    assert_string_equal(text_string(&out), "12345--best.png");
    text_clear(&out);
}

static void test_only_reports_are_replaced(void **state)
{
    static const char head[] = "<!DOCTYPE html>\n<html><head>" PAGE_MARK "</head></html>\n";
    char folder[] = "page-XXXXXX", page[64], picture[64], other[64];

    (void)state;
    assert_int_equal(page_folder_check("no-such-folder", NULL), ANA_OK);
    assert_non_null(mkdtemp(folder));
    snprintf(page, sizeof page, "%s/" PAGE_FILE, folder);
    snprintf(picture, sizeof picture, "%s/0001-lungs-worst.png", folder);
    snprintf(other, sizeof other, "%s/notes.txt", folder);
    assert_int_equal(page_folder_check(folder, NULL), ANA_OK);
    assert_int_equal(file_write(picture, "x", 1, NULL), ANA_OK);
    assert_int_equal(page_folder_check(folder, NULL), ANA_ERR_ARGUMENT); /* no page */
    assert_int_equal(file_write(page, "<html></html>", 13, NULL), ANA_OK);
    assert_int_equal(page_folder_check(folder, NULL), ANA_ERR_ARGUMENT); /* anybody's page */
    assert_int_equal(file_write(page, head, sizeof head - 1, NULL), ANA_OK);
    assert_int_equal(page_folder_check(folder, NULL), ANA_OK);
    assert_int_equal(page_folder_check(page, NULL), ANA_ERR_ARGUMENT); /* a file */
    assert_int_equal(file_write(other, "x", 1, NULL), ANA_OK);
    ana_error error = {0};
    assert_int_equal(page_folder_check(folder, &error), ANA_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "notes.txt"));
    unlink(page);
    unlink(picture);
    unlink(other);
    rmdir(folder);
}

/* ---- pictures ---- */

static bool has_colour(const struct canvas *canvas, int64_t x, int64_t y, struct colour colour)
{
    const uint8_t *p =
        (const uint8_t *)canvas->image.pixels.data + 3 * (y * image_width(&canvas->image) + x);

    return p[0] == colour.r && p[1] == colour.g && p[2] == colour.b;
}

static void fill(struct image *mask, int x0, int y0, int x1, int y1)
{
    for (int y = y0; y < y1; y++)
        memset((uint8_t *)mask->pixels.data + y * image_width(mask) + x0, 1, (size_t)(x1 - x0));
}

static void test_comparison(void **state)
{
    struct image image, truth, answer;
    struct canvas canvas;

    (void)state;
    assert_int_equal(image_create_2d(&image, 400, 400, 1, DTYPE_U8, NULL), ANA_OK);
    memset(image.pixels.data, 100, 400 * 400);
    assert_int_equal(image_create_2d(&truth, 400, 400, 1, DTYPE_U8, NULL), ANA_OK);
    assert_int_equal(image_create_2d(&answer, 400, 400, 1, DTYPE_U8, NULL), ANA_OK);
    fill(&truth, 100, 100, 200, 300);
    fill(&answer, 100, 100, 300, 300);
    const ana_box box = {20, 20, 60, 60};
    const struct comparison c = {&image, &truth, &answer, &box, NULL};
    assert_int_equal(comparison_create(&canvas, &c, NULL), ANA_OK);
    assert_int_equal(image_width(&canvas.image), 400);
    assert_true(has_colour(&canvas, 100, 200, page_colours.both));
    assert_true(has_colour(&canvas, 199, 200, page_colours.truth));
    assert_true(has_colour(&canvas, 299, 200, page_colours.answer));
    assert_true(has_colour(&canvas, 150, 200, (struct colour){100, 100, 100})); /* inside */
    assert_true(has_colour(&canvas, 40, 19, (struct colour){255, 255, 255}));   /* the box */
    canvas_clear(&canvas);

    /* Nothing is right: only the answer has an outline. */
    const struct comparison absent = {&image, NULL, &answer, NULL, NULL};
    assert_int_equal(comparison_create(&canvas, &absent, NULL), ANA_OK);
    assert_true(has_colour(&canvas, 100, 200, page_colours.answer));
    canvas_clear(&canvas);
    image_clear(&image);
    image_clear(&truth);
    image_clear(&answer);
}

static void test_comparison_sizes(void **state)
{
    static const int sizes[][4] = {
        /* height, width, of the picture */
        {1, 1, 320, 320},
        {50, 100, 160, 320},
        {1000, 2000, 240, 480},
        {400, 300, 400, 300},
    };

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct image image, mask;
        struct canvas canvas;
        assert_int_equal(image_create_2d(&image, sizes[i][0], sizes[i][1], 3, DTYPE_U16, NULL),
                         ANA_OK);
        assert_int_equal(image_create_2d(&mask, sizes[i][0], sizes[i][1], 1, DTYPE_U8, NULL),
                         ANA_OK);
        const struct comparison c = {.image = &image, .answer = &mask};
        assert_int_equal(comparison_create(&canvas, &c, NULL), ANA_OK);
        assert_int_equal(image_height(&canvas.image), sizes[i][2]);
        assert_int_equal(image_width(&canvas.image), sizes[i][3]);
        canvas_clear(&canvas);
        image_clear(&image);
        image_clear(&mask);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escaping),          cmocka_unit_test(test_checker_sees_faults),
        cmocka_unit_test(test_numbers),           cmocka_unit_test(test_distribution),
        cmocka_unit_test(test_reliability_chart), cmocka_unit_test(test_page_is_well_formed),
        cmocka_unit_test(test_picture_names),     cmocka_unit_test(test_only_reports_are_replaced),
        cmocka_unit_test(test_comparison),        cmocka_unit_test(test_comparison_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
