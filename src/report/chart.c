/* SVG has y downwards; lengths are its user units, one pixel when the page is not scaled. */
#include "report/chart.h"

#include <math.h>

#include "imaging/statistics.h"
#include "report/html.h"

enum { TICKS = 5 };

static void open_svg(struct text *out, int width, int height, const char *label)
{
    text_appendf(out,
                 "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
                 "role=\"img\" aria-label=\"",
                 width, height, width);
    html_text(out, label);
    text_append(out, "\">\n");
}

static void line(struct text *out, const char *class, double x0, double y0, double x1, double y1)
{
    text_appendf(out, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" />\n",
                 class, x0, y0, x1, y1);
}

static void rectangle(struct text *out, const char *class, double x, double y, double width,
                      double height)
{
    text_appendf(out,
                 "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" />\n",
                 class, x, y, width, height);
}

static void label(struct text *out, double x, double y, const char *anchor, const char *string)
{
    text_appendf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
    html_text(out, string);
    text_append(out, "</text>\n");
}

static void labelf(struct text *out, double x, double y, const char *anchor, double value)
{
    text_appendf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%.1f</text>\n", x, y, anchor,
                 value);
}

/* ---- distribution ---- */

enum { STRIP_LEFT = 200, STRIP_WIDTH = 500, STRIP_RIGHT = 90, STRIP_HEIGHT = 30, STRIP_TOP = 24 };
enum { MOST_DOTS = 150, STRIP_BINS = 40, MIDDLE = STRIP_HEIGHT / 2 };

static double strip_x(double value)
{
    return STRIP_LEFT + STRIP_WIDTH * fmin(fmax(value, 0), 1);
}

/* Dots of equal values would hide each other: they go up and down in a fixed pattern. */
static void draw_dots(struct text *out, const struct chart_row *row, double middle)
{
    for (int64_t i = 0; i < row->n; i++)
        text_appendf(out, "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.2\" />\n",
                     strip_x(row->sorted[i]), middle + (double)(i * 5 % 17 - 8));
}

static void draw_histogram(struct text *out, const struct chart_row *row, double middle)
{
    int64_t count[STRIP_BINS] = {0}, most = 1;

    for (int64_t i = 0; i < row->n; i++) {
        const int bin = (int)(fmin(fmax(row->sorted[i], 0), 1) * STRIP_BINS);
        count[bin < STRIP_BINS ? bin : STRIP_BINS - 1]++;
    }
    for (int i = 0; i < STRIP_BINS; i++)
        most = count[i] > most ? count[i] : most;
    for (int i = 0; i < STRIP_BINS; i++) {
        const double height = 24.0 * (double)count[i] / (double)most;
        if (count[i])
            rectangle(out, "bar", strip_x((double)i / STRIP_BINS), middle - height / 2,
                      (double)STRIP_WIDTH / STRIP_BINS - 1, height);
    }
}

static double mean_of(const struct chart_row *row)
{
    double sum = 0;

    for (int64_t i = 0; i < row->n; i++)
        sum += row->sorted[i];
    return sum / (double)row->n;
}

static void draw_strip(struct text *out, const struct chart_row *row, double top)
{
    const double middle = top + MIDDLE;

    line(out, "grid", STRIP_LEFT, middle, STRIP_LEFT + STRIP_WIDTH, middle);
    if (row->n <= MOST_DOTS)
        draw_dots(out, row, middle);
    else
        draw_histogram(out, row, middle);

    const double low = percentile_of_sorted(row->sorted, row->n, 25);
    const double median = percentile_of_sorted(row->sorted, row->n, 50);
    const double high = percentile_of_sorted(row->sorted, row->n, 75);
    const double mean = strip_x(mean_of(row));
    rectangle(out, "box", strip_x(low), middle - 8, strip_x(high) - strip_x(low), 16);
    line(out, "median", strip_x(median), middle - 8, strip_x(median), middle + 8);
    text_appendf(out, "<path class=\"mean\" d=\"M%.1f %.1fl4 4l-4 4l-4 -4z\" />\n", mean,
                 middle - 4);
    text_appendf(out, "<text x=\"%d\" y=\"%.1f\">%.3f</text>\n", STRIP_LEFT + STRIP_WIDTH + 12,
                 middle + 4, median);
}

void chart_distribution(struct text *out, const struct chart_row *rows, int64_t n_rows,
                        const char *description)
{
    const int height = STRIP_TOP + (int)n_rows * STRIP_HEIGHT + 24;

    open_svg(out, STRIP_LEFT + STRIP_WIDTH + STRIP_RIGHT, height, description);
    for (int i = 0; i <= TICKS; i++) {
        const double x = strip_x((double)i / TICKS);
        line(out, "grid", x, STRIP_TOP, x, height - 24);
        labelf(out, x, height - 8, "middle", (double)i / TICKS);
    }
    label(out, STRIP_LEFT + STRIP_WIDTH + 12, 14, "start", "median");
    for (int64_t i = 0; i < n_rows; i++) {
        const double top = STRIP_TOP + (double)i * STRIP_HEIGHT;
        text_append(out, "<g><title>");
        html_textf(out, "%s, %lld cases", rows[i].name, (long long)rows[i].n);
        text_append(out, "</title>\n");
        label(out, STRIP_LEFT - 12, top + MIDDLE + 4, "end", rows[i].name);
        if (rows[i].n > 0)
            draw_strip(out, &rows[i], top);
        text_append(out, "</g>\n");
    }
    text_append(out, "</svg>\n");
}

/* ---- reliability ---- */

enum { PLOT_LEFT = 46, PLOT_TOP = 10, PLOT_SIDE = 240, PLOT_BARS = 40, PLOT_BOTTOM = 44 };

static double plot_x(double value)
{
    return PLOT_LEFT + PLOT_SIDE * value;
}

static double plot_y(double value)
{
    return PLOT_TOP + PLOT_SIDE * (1 - value);
}

static void draw_axes(struct text *out)
{
    const double bottom = PLOT_TOP + PLOT_SIDE + PLOT_BARS;

    for (int i = 0; i <= TICKS; i++) {
        const double value = (double)i / TICKS;
        line(out, "grid", plot_x(0), plot_y(value), plot_x(1), plot_y(value));
        line(out, "grid", plot_x(value), plot_y(0), plot_x(value), plot_y(1));
        labelf(out, plot_x(0) - 6, plot_y(value) + 4, "end", value);
        labelf(out, plot_x(value), bottom + 16, "middle", value);
    }
    line(out, "diagonal", plot_x(0), plot_y(0), plot_x(1), plot_y(1));
}

static void draw_bins(struct text *out, const struct reliability *r)
{
    const double total = reliability_weight(r);
    const double bottom = PLOT_TOP + PLOT_SIDE + PLOT_BARS;
    double before_x = 0, before_y = 0;
    int n = 0;

    for (int i = 0; i < RELIABILITY_BINS; i++) {
        if (!(r->weight[i] > 0))
            continue;
        const double x = plot_x(r->stated[i] / r->weight[i]);
        const double y = plot_y(r->truth[i] / r->weight[i]);
        const double height = fmax(PLOT_BARS * r->weight[i] / total, 0.5);
        rectangle(out, "bar", plot_x((double)i / RELIABILITY_BINS) + 1, bottom - height,
                  (double)PLOT_SIDE / RELIABILITY_BINS - 2, height);
        if (n++)
            line(out, "curve", before_x, before_y, x, y);
        text_appendf(out, "<circle class=\"knot\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"><title>", x, y);
        html_textf(out, "stated %.3f, true %.3f, %.2f %% of all", r->stated[i] / r->weight[i],
                   r->truth[i] / r->weight[i], 100 * r->weight[i] / total);
        text_append(out, "</title></circle>\n");
        before_x = x;
        before_y = y;
    }
}

void chart_reliability(struct text *out, const struct reliability *reliability,
                       const char *description, const char *x_label, const char *y_label)
{
    const int width = PLOT_LEFT + PLOT_SIDE + 14;
    const int height = PLOT_TOP + PLOT_SIDE + PLOT_BARS + PLOT_BOTTOM;

    open_svg(out, width, height, description);
    draw_axes(out);
    draw_bins(out, reliability);
    label(out, plot_x(0.5), height - 6, "middle", x_label);
    text_appendf(out, "<text transform=\"translate(12 %.1f) rotate(-90)\" text-anchor=\"middle\">",
                 plot_y(0.5));
    html_text(out, y_label);
    text_append(out, "</text>\n</svg>\n");
}
