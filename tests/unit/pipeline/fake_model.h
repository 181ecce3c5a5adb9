/* A model without a network: it "sees" the pixels of 128 and above. What it was asked is kept, and
 * its presence score is the caller's. */
#ifndef FAKE_MODEL_H
#define FAKE_MODEL_H

#include "models/model.h"
#include "text/concepts.h"

struct fake_model {
    struct model base;
    struct concepts concepts;
    double presence;
};

extern int fake_images, fake_questions; /* how often it was called */
extern struct prompt_item fake_last[16];
extern int fake_n_last;

/* Knows lungs, liver, "left lung", "right lung" and vessels (3 x 3 tiles); takes words, boxes and
 * points. A box keeps what is inside, a positive point keeps everything. */
void fake_model_init(struct fake_model *fake);
void fake_model_clear(struct fake_model *fake);

#endif
