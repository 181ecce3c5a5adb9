/* Connected components of 2D masks. */
#ifndef ANA_IMAGING_COMPONENTS_H
#define ANA_IMAGING_COMPONENTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct component {
    int64_t area;           /* pixels */
    int64_t x0, y0, x1, y1; /* tight box, half-open */
    double cx, cy;          /* mean of the pixel centres */
};

/* In the order of each component's first pixel, row by row: items[i] has label i + 1. */
struct components {
    struct component *items;
    int64_t n;
};

/* Non-zero pixels of `mask` [height, width] that touch by 4 or 8 neighbours. `labels` gets 0 for
 * background and 1..n; it may be NULL. *out is the caller's to components_clear(). */
MUST_CHECK ana_status components_label(struct components *out, int32_t *labels, const uint8_t *mask,
                                       int64_t height, int64_t width, int connectivity,
                                       ana_error *err);
/* What components_label() holds besides its list, 72 bytes a component, without a `labels`. */
size_t components_bytes(int64_t height, int64_t width);
void components_clear(struct components *components);

/* Indices of the components of at least min_area pixels, largest first (order of equals kept), at
 * most max_n of them. Returns how many were written. */
int64_t components_largest(int64_t *indices, int64_t max_n, const struct components *components,
                           int64_t min_area);

#endif
