/* Augmentation: one drawn view of a picture, applied alike to the image and to its masks.
 *
 * Geometry is drawn in fractions of the picture, so that a view does not depend on the size it is
 * rendered at. Rotation and scale act on the picture's own proportions, not on the square.
 */
#ifndef ANA_TRAIN_AUGMENT_H
#define ANA_TRAIN_AUGMENT_H

#include "base/random.h"
#include "train/dataset.h"

enum { AUGMENT_NODES = 6 }; /* elastic grid, per axis */

/* What may be done to a picture without making its words wrong. */
struct augment_policy {
    double flip;   /* chance of swapping left and right */
    bool turns;    /* has no upright orientation: any angle, upside down too */
    double aspect; /* native width / height */
};

enum augment_kind {
    AUGMENT_PLAIN,   /* the picture as it is, or flipped */
    AUGMENT_GENERAL, /* rotation, scale, shift */
    AUGMENT_ZOOM,    /* to the focus */
    AUGMENT_TILE,    /* 1.5 to 3 times, anywhere */
    AUGMENT_AWAY     /* a part that holds nothing of the focus */
};

struct augment_tone {
    float curve[3][256]; /* byte to 0..1 */
    double saturation;   /* 1: as it is */
    double blur_sigma;   /* at 256 px; 0: none */
    double noise_sd;     /* 0: none */
};

struct augment {
    double source[2][3]; /* place in the picture (0..1) of a place in the view (0..1) */
    bool mirrored;       /* the patient's left and right have changed places */
    bool bends;
    float bend[AUGMENT_NODES][AUGMENT_NODES][2]; /* fractions of the view, added first */
    struct augment_tone tone;
};

void augment_identity(struct augment *out);

/* focus may be NULL for kinds that need none. AUGMENT_AWAY returns false if it finds no such part;
 * *out is undefined then. */
bool augment_draw_view(struct augment *out, enum augment_kind kind,
                       const struct augment_policy *policy, const struct dataset_target *focus,
                       struct random *random);
void augment_draw_tone(struct augment *out, bool grey, struct random *random);

/* Where every pixel of a view of size S comes from. */
struct augment_map;
MUST_CHECK ana_status augment_map_create(struct augment_map **out, const struct augment *augment,
                                         int size, ana_error *err);
void augment_map_free(struct augment_map *map); /* NULL is fine */

/* out [S, S, 3] in 0..1; `random` feeds the noise. */
MUST_CHECK ana_status augment_image(float *out, const struct augment_map *map,
                                    const struct augment *augment,
                                    const struct dataset_image *image, struct random *random,
                                    ana_error *err);
/* out [S, S] in 0..1. */
MUST_CHECK ana_status augment_mask(float *out, const struct augment_map *map,
                                   const struct dataset_target *target, ana_error *err);

#endif
