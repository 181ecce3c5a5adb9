/* A small made-up data set in a temporary folder, for the tests of this module.
 *
 * a/: 4 pictures "scanN.png" of 80x64 px, family x-ray: a dark half disc "left lung" on the
 * picture's right, a bright one "right lung" on its left. b/: 2 "dotsN.png" with three squares,
 * family microscopy.
 */
#ifndef LITTLE_SET_H
#define LITTLE_SET_H

#include "text/concepts.h"
#include "train/dataset.h"

struct little_set {
    char folder[64];
    char cache[80];
    char csv[80];
    struct concepts concepts;
    struct manifest manifest;
    struct dataset dataset;
};

void little_set_make(struct little_set *set); /* fails the test on trouble */
void little_set_remove(struct little_set *set);

/* Files alone, and the dataset of them. */
void little_set_write(struct little_set *set);
void little_set_open(struct little_set *set);

/* Writes text to folder/name. */
void little_file(const struct little_set *set, const char *name, const char *text);
/* U8 picture with one pixel value from a function of (x, y). */
void little_picture(const struct little_set *set, const char *name, int width, int height,
                    uint8_t (*value)(int x, int y));

#endif
