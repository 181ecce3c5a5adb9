/* The page, from top to bottom. */
#include "report/page.h"

#include <math.h>

#include "report/html.h"
#include "report/page_internal.h"

const struct page_colours page_colours = {{0, 200, 255}, {255, 90, 0}, {255, 236, 0}};

void page_picture_clear(struct page_picture *picture)
{
    text_clear(&picture->file);
    text_clear(&picture->rank);
    text_clear(&picture->name);
    text_clear(&picture->note);
    text_clear(&picture->alt);
}

bool page_picture_failed(const struct page_picture *picture)
{
    return picture->file.failed || picture->rank.failed || picture->name.failed ||
           picture->note.failed || picture->alt.failed;
}

/* ---- small parts ---- */

static void cell(struct text *out, double value, int digits)
{
    text_append(out, "<td>");
    html_number(out, value, digits);
    text_append(out, "</td>");
}

static void cell_share(struct text *out, double share)
{
    text_append(out, "<td>");
    html_number(out, 100 * share, 1);
    text_append(out, isfinite(share) ? " %</td>" : "</td>");
}

static void heading_row(struct text *out, const char *const *names)
{
    text_append(out, "<tr>");
    for (int i = 0; names[i]; i++)
        text_appendf(out, "<th scope=\"col\">%s</th>", names[i]);
    text_append(out, "</tr>\n");
}

static void open_section(struct text *out, const char *id, const char *title)
{
    text_appendf(out, "<section id=\"%s\">\n", id);
    html_element(out, "h2", "", title);
}

static void swatch(struct text *out, struct colour colour, const char *name)
{
    text_appendf(out, "<span><i style=\"background:#%02x%02x%02x\"></i>%s</span>\n", colour.r,
                 colour.g, colour.b, name);
}

static void legend(struct text *out, bool truth)
{
    text_append(out, "<p class=\"legend\">");
    if (truth)
        swatch(out, page_colours.truth, "outline of the reference mask");
    swatch(out, page_colours.answer, "outline of the answer");
    if (truth)
        swatch(out, page_colours.both, "where they coincide");
    text_append(out, "</p>\n");
}

static void draw_picture(struct text *out, const struct page_picture *picture)
{
    text_append(out, "<figure><a href=\"");
    html_text(out, text_string(&picture->file));
    text_append(out, "\"><img src=\"");
    html_text(out, text_string(&picture->file));
    text_append(out, "\" loading=\"lazy\" alt=\"");
    html_text(out, text_string(&picture->alt));
    text_append(out, "\" /></a>\n<figcaption><b>");
    html_text(out, text_string(&picture->rank));
    text_append(out, "</b>: ");
    html_text(out, text_string(&picture->note));
    text_append(out, "<br />");
    html_text(out, text_string(&picture->name));
    text_append(out, "</figcaption></figure>\n");
}

static void draw_pictures(struct text *out, const struct page_picture *pictures, int64_t n)
{
    text_append(out, "<div class=\"pictures\">\n");
    for (int64_t i = 0; i < n; i++)
        draw_picture(out, &pictures[i]);
    text_append(out, "</div>\n");
}

/* ---- head ---- */

static void draw_head(struct text *out, const struct page *page)
{
    text_append(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\" />\n"
                     "" PAGE_MARK "\n<meta name=\"viewport\" content=\"width=device-width, "
                     "initial-scale=1\" />\n");
    html_element(out, "title", "", page->title);
    text_append(out, "<style>\n");
    text_append(out, page_style);
    text_append(out, "</style>\n</head>\n<body>\n<header>\n");
    html_element(out, "h1", "", page->title);
    text_append(out, "<dl>\n");
    for (int64_t i = 0; i < page->n_facts; i++) {
        html_element(out, "dt", "", page->facts[i].name);
        html_element(out, "dd", "", page->facts[i].value);
    }
    text_append(out, "</dl>\n</header>\n");
}

static void draw_links(struct text *out, const struct page *page)
{
    text_append(out, "<nav aria-label=\"sections\"><ul>\n"
                     "<li><a href=\"#table\">Table</a></li>\n"
                     "<li><a href=\"#distribution\">Distribution</a></li>\n"
                     "<li><a href=\"#calibration\">Calibration</a></li>\n");
    if (page->totals.has_absent)
        text_append(out, "<li><a href=\"#absent\">Absent things</a></li>\n");
    for (int64_t i = 0; i < page->n_groups; i++) {
        text_appendf(out, "<li><a href=\"#concept-%lld\">", (long long)i + 1);
        html_text(out, page->groups[i].numbers->concept_name);
        text_append(out, "</a></li>\n");
    }
    text_append(out, "</ul></nav>\n<main>\n");
}

/* ---- table ---- */

static void draw_row(struct text *out, const struct page *page, int64_t i)
{
    const ana_evaluation_concept *c = page->groups[i].numbers;

    text_appendf(out, "<tr><td><a href=\"#concept-%lld\">", (long long)i + 1);
    html_text(out, c->concept_name);
    text_appendf(out, "</a>%s</td><td>%lld</td>", c->headline ? " *" : "", (long long)c->n);
    text_append(out, "<td>");
    html_number(out, c->dice.mean, 3);
    text_append(out, " \xC2\xB1 ");
    html_number(out, c->dice.sd, 3);
    text_append(out, "</td><td>");
    html_number(out, c->dice.lo, 3);
    text_append(out, " to ");
    html_number(out, c->dice.hi, 3);
    text_append(out, "</td>");
    cell_share(out, c->missed_share);
    if (page->ellipse)
        cell(out, c->ellipse.mean, 3);
    if (page->surface) {
        cell(out, c->nsd_element.mean, 3);
        cell(out, c->nsd_boundary.mean, 3);
        cell(out, c->hd95_element.mean, 2);
        cell(out, c->hd95_boundary.mean, 2);
    }
    text_append(out, "</tr>\n");
}

static void draw_mean(struct text *out, const struct page *page, bool headline)
{
    double sum = 0;
    int64_t n = 0;

    for (int64_t i = 0; i < page->n_groups; i++)
        if (!headline || page->groups[i].numbers->headline) {
            sum += page->groups[i].numbers->dice.mean;
            n++;
        }
    if (n > 0)
        text_appendf(out, "<p>Mean Dice over %s%lld concept%s%s: <b>%.3f</b></p>\n",
                     headline ? "the " : "", (long long)n, n == 1 ? "" : "s",
                     headline ? " marked *, those that summaries average" : "", sum / (double)n);
}

static void draw_table(struct text *out, const struct page *page)
{
    static const char *const names[] = {"concept",       "n",      "Dice \xC2\xB1 sd",
                                        "95 % interval", "missed", NULL};
    static const char *const ellipse[] = {"ellipse", NULL};
    static const char *const surface[] = {"NSD (elements)", "NSD (pixels)", "HD95 (elements)",
                                          "HD95 (pixels)", NULL};
    const char *all[16];
    int n = 0;

    for (int i = 0; names[i]; i++)
        all[n++] = names[i];
    for (int i = 0; page->ellipse && ellipse[i]; i++)
        all[n++] = ellipse[i];
    for (int i = 0; page->surface && surface[i]; i++)
        all[n++] = surface[i];
    all[n] = NULL;

    open_section(out, "table", "Table");
    text_append(out, "<div class=\"wide\"><table>\n<thead>");
    heading_row(out, all);
    text_append(out, "</thead>\n<tbody>\n");
    for (int64_t i = 0; i < page->n_groups; i++)
        draw_row(out, page, i);
    text_append(out, "</tbody></table></div>\n");
    draw_mean(out, page, false);
    draw_mean(out, page, true);
    text_appendf(
        out,
        "<p class=\"note\">%lld images, %lld rows skipped, %lld images failed. The interval "
        "is the bootstrap's for the mean, patients drawn whole; missed: answered with an "
        "empty mask though the thing is there.%s</p>\n</section>\n",
        (long long)page->totals.n_images, (long long)page->totals.skipped,
        (long long)page->totals.failed,
        page->surface ? " Distances are pixels; those to an empty answer are left out." : "");
}

/* ---- distribution, calibration ---- */

static void draw_distribution(struct text *out, const struct page *page)
{
    open_section(out, "distribution", "Distribution of Dice");
    text_append(out, "<div class=\"wide\">");
    chart_distribution(out, page->strips, page->n_groups, "Dice of the cases of each concept");
    text_append(out, "</div>\n<p class=\"note\">Each dot is a case (a histogram where they are "
                     "many); the box holds the middle half, the bar is the median, the diamond the "
                     "mean.</p>\n</section>\n");
}

struct curve {
    const char *title, *x_label, *y_label, *note;
    const struct reliability *reliability;
};

static void draw_curve(struct text *out, const struct curve *curve)
{
    if (!(reliability_weight(curve->reliability) > 0))
        return;
    text_append(out, "<figure>\n");
    html_element(out, "h3", "", curve->title);
    chart_reliability(out, curve->reliability, curve->title, curve->x_label, curve->y_label);
    text_append(out, "<figcaption>");
    html_textf(out, "Expected calibration error %.4f. %s", reliability_error(curve->reliability),
               curve->note);
    text_append(out, "</figcaption></figure>\n");
}

static void draw_calibration(struct text *out, const struct page *page)
{
    const struct curve curves[] = {
        {"Is it there?", "score", "share that is there",
         "Questions in words, absent things included where they were asked for.", &page->presence},
        {"Does the pixel belong to it?", "probability of the pixel", "share that belongs",
         "All pixels of the present cases; each case weighs the same.", &page->pixels},
        {"How good is the mask?", "quality as reported", "mean Dice", "Answers with a mask.",
         &page->quality},
    };

    open_section(out, "calibration", "Calibration");
    text_append(out, "<div class=\"charts\">\n");
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++)
        draw_curve(out, &curves[i]);
    text_append(out,
                "</div>\n<p class=\"note\">What was stated against what was true, in 15 bins of "
                "equal width; the bars show how much fell into each. The expected calibration "
                "error is the mean gap, each bin weighing what it holds.</p>\n</section>\n");
}

/* ---- absent things ---- */

static void draw_absent_kind(struct text *out, const char *name, const ana_evaluation_absent *a)
{
    text_appendf(out, "<tr><td>%s</td><td>%lld</td>", name, (long long)a->n);
    cell_share(out, a->empty_share);
    text_append(out, "</tr>\n");
}

static void draw_absent(struct text *out, const struct page *page)
{
    static const char *const kinds[] = {"asked in", "n", "answered empty", NULL};
    static const char *const names[] = {"asked for", "kind of picture", "n", "answered empty",
                                        NULL};

    open_section(out, "absent", "Absent things");
    text_append(out, "<div class=\"wide\"><table>\n<thead>");
    heading_row(out, kinds);
    text_append(out, "</thead>\n<tbody>\n");
    draw_absent_kind(out, "pictures of another kind", &page->totals.other);
    draw_absent_kind(out, "pictures of the same kind", &page->totals.same);
    text_append(out, "</tbody></table></div>\n<h3>By what was asked for, the most often shown "
                     "first</h3>\n<div class=\"wide\"><table>\n<thead>");
    heading_row(out, names);
    text_append(out, "</thead>\n<tbody>\n");
    for (int64_t i = 0; i < page->n_absent; i++) {
        const struct page_absent *a = &page->absent[i];
        text_append(out, "<tr><td>");
        html_text(out, a->phrase);
        text_appendf(out, "</td><td>%s</td><td>%lld</td>", a->same_kind ? "same" : "other",
                     (long long)a->n);
        cell_share(out, (double)a->empty / (double)a->n);
        text_append(out, "</tr>\n");
    }
    text_append(out, "</tbody></table></div>\n");
    if (page->n_absent_pictures > 0) {
        text_append(out, "<h3>Shown although it is not there</h3>\n");
        legend(out, false);
        draw_pictures(out, page->absent_pictures, page->n_absent_pictures);
    }
    text_append(out, "</section>\n");
}

/* ---- concepts ---- */

static void draw_group(struct text *out, const struct page_group *group, int64_t number)
{
    const ana_evaluation_concept *c = group->numbers;

    text_appendf(out, "<section id=\"concept-%lld\">\n", (long long)number);
    html_element(out, "h2", "", c->concept_name);
    text_appendf(out, "<p>%lld case%s, Dice <b>", (long long)c->n, c->n == 1 ? "" : "s");
    html_number(out, c->dice.mean, 3);
    text_append(out, "</b>, missed ");
    html_number(out, 100 * c->missed_share, 1);
    text_append(out, " %. <a href=\"#table\">To the table</a></p>\n");
    if (group->n_pictures > 0) {
        legend(out, true);
        draw_pictures(out, group->pictures, group->n_pictures);
    }
    text_append(out, "</section>\n");
}

void page_write(struct text *out, const struct page *page)
{
    draw_head(out, page);
    draw_links(out, page);
    draw_table(out, page);
    draw_distribution(out, page);
    draw_calibration(out, page);
    if (page->totals.has_absent)
        draw_absent(out, page);
    for (int64_t i = 0; i < page->n_groups; i++)
        draw_group(out, &page->groups[i], i + 1);
    text_append(out, "</main>\n</body>\n</html>\n");
}
