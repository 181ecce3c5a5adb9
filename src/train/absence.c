/* Views of pictures and concepts compared. */
#include "train/absence.h"

#include <string.h>

static bool has_view(const struct concept *concept, const char *view)
{
    for (int i = 0; i < concept->views.n; i++)
        if (strcmp(concept->views.items[i], view) == 0)
            return true;
    return false;
}

/* Is "CT:chest" of the family "CT"? Every view is of an unknown family "". */
static bool is_of_family(const char *view, const char *family)
{
    const size_t n = strlen(family);
    return n == 0 || (strncmp(view, family, n) == 0 && view[n] == ':');
}

/* May the picture be this view? All its concepts must have it. */
static bool may_be(const struct dataset_image *image, const char *view,
                   const struct concepts *concepts)
{
    if (!is_of_family(view, image->family))
        return false;
    for (int k = 0; k < image->n_targets; k++) {
        const int c = image->targets[k].concept;
        if (c >= 0 && concepts->items[c].views.n && !has_view(&concepts->items[c], view))
            return false;
    }
    return true;
}

static bool is_scan(const char *view)
{
    static const char *const scans[] = {"x-ray", "CT", "MRI", "ultrasound"};

    for (size_t i = 0; i < sizeof scans / sizeof scans[0]; i++)
        if (is_of_family(view, scans[i]))
            return true;
    return false;
}

/* One view that the picture may be; NULL if the table knows none. */
static const char *some_view(const struct dataset_image *image, const struct concepts *concepts)
{
    for (int c = 0; c < concepts->n; c++)
        for (int i = 0; i < concepts->items[c].views.n; i++)
            if (may_be(image, concepts->items[c].views.items[i], concepts))
                return concepts->items[c].views.items[i];
    return NULL;
}

/* The first view is the one that a concept is usually shown in; it tells near from far. */
static enum absence judge(const struct dataset_image *image, const struct concept *concept,
                          bool scan, const struct concepts *concepts)
{
    if (!concept->views.n)
        return ABSENCE_UNSURE;
    for (int i = 0; i < concept->views.n; i++)
        if (may_be(image, concept->views.items[i], concepts))
            return ABSENCE_UNSURE;
    return is_scan(concept->views.items[0]) == scan ? ABSENCE_NEAR : ABSENCE_FAR;
}

static bool knows_family(const struct concepts *concepts, const char *family)
{
    for (int c = 0; c < concepts->n; c++)
        for (int i = 0; i < concepts->items[c].views.n; i++)
            if (is_of_family(concepts->items[c].views.items[i], family))
                return true;
    return false;
}

void absence_of(uint8_t *out, const struct dataset_image *image, const struct concepts *concepts)
{
    struct dataset_image known = *image;

    memset(out, ABSENCE_UNSURE, (size_t)concepts->n);
    if (!knows_family(concepts, known.family))
        known.family = "";
    bool named = known.family[0] != 0;
    for (int k = 0; k < known.n_targets; k++)
    named = named || known.targets[k].concept >= 0;
    const char *view = named ? some_view(&known, concepts) : NULL;
    if (!view)
        return;
    for (int c = 0; c < concepts->n; c++)
        out[c] = (uint8_t)judge(&known, &concepts->items[c], is_scan(view), concepts);
}
