/* Charts as inline SVG. Colours come from the page's style sheet (classes), so that one chart reads
 * on light and dark ground and in print. */
#ifndef ANA_REPORT_CHART_H
#define ANA_REPORT_CHART_H

#include <stdint.h>

#include "base/text.h"
#include "imaging/reliability.h"

struct chart_row {
    const char *name;
    const double *sorted; /* ascending, 0..1 */
    int64_t n;
};

/* A strip for each row: the values as dots (a histogram where they are many), the box of the
 * quartiles with the median, and a diamond at the mean. */
void chart_distribution(struct text *out, const struct chart_row *rows, int64_t n_rows,
                        const char *label);

/* A dot for each bin that holds something, stated value against what was true; the diagonal is
 * where they should lie. Bars below show how much fell into each bin. */
void chart_reliability(struct text *out, const struct reliability *reliability, const char *label,
                       const char *x_label, const char *y_label);

#endif
