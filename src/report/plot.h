/* Curves of a CSV file as a PNG picture: losses, learning rates, scores over steps. */
#ifndef ANA_REPORT_PLOT_H
#define ANA_REPORT_PLOT_H

#include <stdbool.h>

#include "base/error.h"

enum { PLOT_MAX_CURVES = 8 };

/* One frame; several stand above each other and share the x axis. */
struct plot_panel {
    const char *title;
    const char *columns[PLOT_MAX_CURVES]; /* names in the CSV, NULL at the end; a column that the
                                             file lacks is left out */
    bool log_scale;                       /* y axis; values of 0 and below are left out */
    bool smooth;                          /* faint raw curve, moving average above it */
};

struct plot {
    const char *title;    /* NULL: none */
    const char *x_column; /* its values must not fall */
    const struct plot_panel *panels;
    int n_panels;
};

/* Empty cells are gaps. Fails if no panel has anything to show. */
MUST_CHECK ana_status plot_csv(const char *png_path, const char *csv_path, const struct plot *plot,
                               ana_error *err);

#endif
