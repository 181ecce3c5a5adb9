/* The picture of a case: the image with the outlines of what is right and of what was answered. */
#ifndef ANA_REPORT_COMPARISON_H
#define ANA_REPORT_COMPARISON_H

#include "anatome/segment.h"
#include "report/page.h"

struct comparison {
    const struct image *image;
    const struct image *truth;  /* U8 [H, W, 1], any non-zero pixel; NULL: nothing is right */
    const struct image *answer; /* likewise, not NULL */
    const ana_box *box;         /* that was asked with; NULL: none */
    const ana_point *point;     /* likewise */
};

/* In the colours of the page; the longer side becomes 320 to 480 pixels. */
MUST_CHECK ana_status comparison_create(struct canvas *out, const struct comparison *comparison,
                                        ana_error *err);
MUST_CHECK ana_status comparison_write(const char *path, const struct comparison *comparison,
                                       ana_error *err);

#endif
