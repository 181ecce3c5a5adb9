/* The page of an evaluation: index.html with everything in it but the pictures, which lie beside
 * it. No script, no network, no date: the same evaluation gives the same bytes. */
#ifndef ANA_REPORT_PAGE_H
#define ANA_REPORT_PAGE_H

#include "anatome/evaluate.h"
#include "imaging/reliability.h"
#include "report/canvas.h"
#include "report/chart.h"

#define PAGE_FILE "index.html"

/* Outlines in the pictures and in the legend. */
struct page_colours {
    struct colour truth, answer, both;
};
extern const struct page_colours page_colours;

/* What stands above the page: "model", "mini". */
struct page_fact {
    const char *name, *value;
};

struct page_picture {
    struct text file; /* beside the page */
    struct text rank; /* "worst", "median", "best", ... */
    struct text name; /* of the image */
    struct text note; /* "Dice 0.823, score 0.97, found" */
    struct text alt;  /* what is to be seen, for those who do not */
};
void page_picture_clear(struct page_picture *picture);
/* Did memory run out while its texts were written? */
bool page_picture_failed(const struct page_picture *picture);

/* One concept. */
struct page_group {
    const ana_evaluation_concept *numbers;
    const struct page_picture *pictures;
    int64_t n_pictures;
};

/* How often one absent thing was asked for, and how often the answer was empty. */
struct page_absent {
    const char *phrase;
    bool same_kind; /* of picture */
    int64_t n, empty;
};

struct page {
    /* All borrowed. */
    const char *title;
    const struct page_fact *facts;
    int64_t n_facts;
    ana_evaluation_totals totals;
    const struct page_group *groups;
    const struct chart_row *strips; /* [n_groups], the Dice of each concept's cases */
    int64_t n_groups;
    bool surface, ellipse; /* were measured */
    struct reliability presence, pixels, quality;
    const struct page_absent *absent;
    int64_t n_absent;
    const struct page_picture *absent_pictures;
    int64_t n_absent_pictures;
};

/* Appends the whole page. */
void page_write(struct text *out, const struct page *page);

/* May a report be written there? Yes where nothing is, an empty folder, or a former report with
 * nothing else beside it; otherwise an error that says what is in the way. */
MUST_CHECK ana_status page_folder_check(const char *folder, ana_error *err);

/* The name of a report's n-th picture (from 1): "0007-lungs-worst.png". The words become small
 * letters, digits and dashes. */
void page_picture_file(struct text *out, int64_t n, const char *concept_name, const char *rank);

#endif
