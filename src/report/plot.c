/* A curve plot for people: ticks at round numbers, thin grid, one colour per curve, a legend inside
 * the frame's title line. */
#include "report/plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/csv.h"
#include "io/image_file.h"
#include "report/canvas.h"

enum {
    PLOT_WIDTH = 1100,
    PANEL_HEIGHT = 360,
    MARGIN_LEFT = 90,
    MARGIN_RIGHT = 30,
    PANEL_TOP = 46,
    PANEL_BOTTOM = 40,
    TITLE_HEIGHT = 40,
    SMOOTH_SHARE = 50 /* the moving average spans 1/50 of the points */
};

static const struct colour white = {255, 255, 255};
static const struct colour grid = {228, 230, 234};
static const struct colour axis = {90, 95, 105};
static const struct colour ink = {30, 33, 40};

static const double letters = 11; /* cap height */

/* Points of one curve, NaN where there is none. */
struct curve {
    const char *name;
    double *values;
};

struct range {
    double low, high;
};

struct frame {
    double left, top, right, bottom; /* of the plotting area */
    struct range x, y;               /* y in log10 if log_scale */
    bool log_scale;
};

static double cell_number(const struct csv *csv, int64_t row, int64_t column)
{
    double value;

    return string_to_double(csv_cell(csv, row, column), &value) ? value : (double)NAN;
}

static void include_value(struct range *range, double value)
{
    if (isfinite(value)) {
        range->low = fmin(range->low, value);
        range->high = fmax(range->high, value);
    }
}

static ana_status read_column(double **out, const struct csv *csv, int64_t column, bool log_scale,
                              ana_error *err)
{
    double *values = memory_alloc_array((size_t)csv->n_rows, sizeof *values);

    if (!values)
        return ana_fail_memory(err, (size_t)csv->n_rows * sizeof *values);
    for (int64_t i = 0; i < csv->n_rows; i++) {
        values[i] = cell_number(csv, i, column);
        if (log_scale)
            values[i] = values[i] > 0 ? log10(values[i]) : (double)NAN;
    }
    *out = values;
    return ANA_OK;
}

/* Distance of ticks: 1, 2 or 5 times a power of ten, some `count` of them. */
static double tick_step(double range, double count)
{
    const double raw = range / count;
    const double power = pow(10, floor(log10(raw)));
    const double share = raw / power;

    return power * (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10);
}

static double x_on_canvas(const struct frame *frame, double x)
{
    return frame->left +
           (x - frame->x.low) / (frame->x.high - frame->x.low) * (frame->right - frame->left);
}

static double y_on_canvas(const struct frame *frame, double y)
{
    return frame->bottom -
           (y - frame->y.low) / (frame->y.high - frame->y.low) * (frame->bottom - frame->top);
}

static void draw_line(struct canvas *canvas, double x0, double y0, double x1, double y1,
                      double width, struct colour colour)
{
    canvas_polyline(canvas, (struct canvas_point[]){{x0, y0}, {x1, y1}}, 2, width, colour, 1);
}

static void draw_y_axis(struct canvas *canvas, const struct frame *frame)
{
    double step = tick_step(frame->y.high - frame->y.low, 5);
    char label[32];

    if (frame->log_scale && step > 0.3)
        step = ceil(step);
    for (double k = ceil(frame->y.low / step); k * step <= frame->y.high * (1 + 1e-12); k++) {
        const double y = round(y_on_canvas(frame, k * step));
        const double value = fabs(k * step) < step * 1e-9 ? 0 : k * step;
        draw_line(canvas, frame->left, y, frame->right, y, 1, grid);
        snprintf(label, sizeof label, frame->log_scale ? "%.2g" : "%.6g",
                 frame->log_scale ? pow(10, value) : value);
        canvas_text(canvas, frame->left - 10 - canvas_text_width(letters, label), y + letters / 2,
                    letters, label, axis);
    }
}

static void draw_x_axis(struct canvas *canvas, const struct frame *frame)
{
    const double step = tick_step(frame->x.high - frame->x.low, 8);
    char label[32];

    for (double k = ceil(frame->x.low / step); k * step <= frame->x.high * (1 + 1e-12); k++) {
        const double x = round(x_on_canvas(frame, k * step));
        draw_line(canvas, x, frame->top, x, frame->bottom, 1, grid);
        snprintf(label, sizeof label, "%.8g", k * step);
        canvas_text(canvas, x - canvas_text_width(letters, label) / 2, frame->bottom + 22, letters,
                    label, axis);
    }
}

/* Each value replaced by the mean of its neighbours within `half` points. */
static void smooth_values(double *out, const double *in, int64_t n, int64_t half)
{
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        int64_t count = 0;
        for (int64_t j = i > half ? i - half : 0; j < n && j <= i + half; j++)
            if (isfinite(in[j])) {
                sum += in[j];
                count++;
            }
        out[i] = isfinite(in[i]) && count ? sum / (double)count : (double)NAN;
    }
}

/* A gap (NaN) is bridged: logs write slow columns only now and then. */
static ana_status draw_values(struct canvas *canvas, const struct frame *frame, const double *x,
                              const double *values, int64_t n, double width, struct colour colour,
                              double opacity, ana_error *err)
{
    struct canvas_point *points = memory_alloc_array((size_t)n, sizeof *points);
    int64_t m = 0;

    if (!points)
        return ana_fail_memory(err, (size_t)n * sizeof *points);
    for (int64_t i = 0; i < n; i++)
        if (isfinite(x[i]) && isfinite(values[i]))
            points[m++] =
                (struct canvas_point){x_on_canvas(frame, x[i]), y_on_canvas(frame, values[i])};
    canvas_polyline(canvas, points, m, width, colour, opacity);
    memory_free(points);
    return ANA_OK;
}

static ana_status draw_curve(struct canvas *canvas, const struct frame *frame, const double *x,
                             const struct curve *curve, int64_t n, bool smooth,
                             struct colour colour, ana_error *err)
{
    const int64_t half = n / SMOOTH_SHARE / 2;

    if (!smooth || half < 1)
        return draw_values(canvas, frame, x, curve->values, n, 2.2, colour, 1, err);

    double *mean = memory_alloc_array((size_t)n, sizeof *mean);
    if (!mean)
        return ana_fail_memory(err, (size_t)n * sizeof *mean);
    smooth_values(mean, curve->values, n, half);
    ana_status status = draw_values(canvas, frame, x, curve->values, n, 1, colour, 0.3, err);
    if (!status)
        status = draw_values(canvas, frame, x, mean, n, 2.4, colour, 1, err);
    memory_free(mean);
    return status;
}

/* Names at the right of the title line, each behind a piece of its line. */
static void draw_names(struct canvas *canvas, const struct frame *frame, const struct curve *curves,
                       int n_curves)
{
    double x = frame->right;

    for (int i = n_curves - 1; i >= 0; i--) {
        x -= canvas_text_width(letters, curves[i].name);
        canvas_text(canvas, x, frame->top - 12, letters, curves[i].name, ink);
        const double y = frame->top - 12 - letters / 2;
        draw_line(canvas, x - 34, y, x - 10, y, 3, colour_of_label(i));
        x -= 60;
    }
}

/* Reads the panel's columns; those that the file lacks are left out. */
static ana_status open_curves(struct curve curves[PLOT_MAX_CURVES], int *n_curves,
                              struct range *range, const struct csv *csv,
                              const struct plot_panel *panel, ana_error *err)
{
    ana_status status = ANA_OK;

    *range = (struct range){(double)INFINITY, -(double)INFINITY};
    *n_curves = 0;
    for (int i = 0; !status && i < PLOT_MAX_CURVES && panel->columns[i]; i++) {
        const int64_t column = csv_column(csv, panel->columns[i]);
        if (column < 0)
            continue;
        struct curve *curve = &curves[*n_curves];
        curve->name = panel->columns[i];
        status = read_column(&curve->values, csv, column, panel->log_scale, err);
        if (status)
            break;
        (*n_curves)++;
        for (int64_t row = 0; row < csv->n_rows; row++)
            include_value(range, curve->values[row]);
    }
    return status;
}

/* Some air above and below; a flat curve gets a range of its own. */
static struct range with_margin(struct range range)
{
    const double span = range.high - range.low;
    const double margin = span > 0 ? 0.06 * span : fmax(fabs(range.high) * 0.1, 0.1);

    return (struct range){range.low - margin, range.high + margin};
}

static ana_status draw_panel(struct canvas *canvas, double top, const struct plot_panel *panel,
                             const struct csv *csv, const double *x, struct range x_range,
                             int *n_drawn, ana_error *err)
{
    struct curve curves[PLOT_MAX_CURVES] = {0};
    struct frame frame = {
        MARGIN_LEFT, top + PANEL_TOP, PLOT_WIDTH - MARGIN_RIGHT, top + PANEL_HEIGHT - PANEL_BOTTOM,
        x_range,     {0, 1},          panel->log_scale};
    int n_curves;

    ana_status status = open_curves(curves, &n_curves, &frame.y, csv, panel, err);
    const bool empty = !(frame.y.low <= frame.y.high);
    frame.y = empty ? (struct range){0, 1} : with_margin(frame.y);
    if (!status) {
        draw_y_axis(canvas, &frame);
        draw_x_axis(canvas, &frame);
        canvas_text(canvas, frame.left, frame.top - 12, letters + 1, panel->title, ink);
        draw_names(canvas, &frame, curves, n_curves);
    }
    for (int i = 0; !status && !empty && i < n_curves; i++)
        status = draw_curve(canvas, &frame, x, &curves[i], csv->n_rows, panel->smooth,
                            colour_of_label(i), err);
    if (!status) {
        draw_line(canvas, frame.left, frame.top, frame.left, frame.bottom, 1, axis);
        draw_line(canvas, frame.left, frame.bottom, frame.right, frame.bottom, 1, axis);
    }
    *n_drawn += empty ? 0 : n_curves;
    for (int i = 0; i < PLOT_MAX_CURVES; i++)
        memory_free(curves[i].values);
    return status;
}

static ana_status draw_plot(struct canvas *canvas, const struct csv *csv, const double *x,
                            const struct plot *plot, int *n_drawn, ana_error *err)
{
    struct range range = {(double)INFINITY, -(double)INFINITY};
    double top = plot->title ? TITLE_HEIGHT : 0;
    ana_status status = ANA_OK;

    for (int64_t i = 0; i < csv->n_rows; i++)
        include_value(&range, x[i]);
    if (!(range.low < range.high))
        range = isfinite(range.low) ? (struct range){range.low - 1, range.low + 1}
                                    : (struct range){0, 1};
    if (plot->title)
        canvas_text(canvas, MARGIN_LEFT, TITLE_HEIGHT - 8, letters + 4, plot->title, ink);
    for (int i = 0; !status && i < plot->n_panels; i++) {
        status = draw_panel(canvas, top, &plot->panels[i], csv, x, range, n_drawn, err);
        top += PANEL_HEIGHT;
    }
    return status;
}

ana_status plot_csv(const char *png_path, const char *csv_path, const struct plot *plot,
                    ana_error *err)
{
    struct csv csv = {0};
    struct canvas canvas = {0};
    double *x = NULL;
    int n_drawn = 0;

    ana_status status = csv_read(&csv, csv_path, err);
    if (!status && csv_column(&csv, plot->x_column) < 0)
        status = ana_fail(err, ANA_ERR_FORMAT, "%s: no column \"%s\"", csv_path, plot->x_column);
    if (!status)
        status = read_column(&x, &csv, csv_column(&csv, plot->x_column), false, err);
    if (!status)
        status = canvas_create(
            &canvas, PLOT_WIDTH,
            PANEL_HEIGHT * plot->n_panels + (plot->title ? TITLE_HEIGHT : 0) + 10, white, err);
    if (!status)
        status = draw_plot(&canvas, &csv, x, plot, &n_drawn, err);
    if (!status && n_drawn == 0)
        status = ana_fail(err, ANA_ERR_ARGUMENT, "%s: nothing to plot", csv_path);
    if (!status)
        status = png_write(png_path, &canvas.image, err);

    canvas_clear(&canvas);
    memory_free(x);
    csv_clear(&csv);
    return status;
}
