/* A tiny data set that anyone may have: bright discs and dark squares on noise, with masks, a
 * manifest and a concept table. Enough to train a few steps and to see a mask come out. */
#ifndef ANA_TESTS_SYNTHETIC_H
#define ANA_TESTS_SYNTHETIC_H

#include "base/error.h"

/* Writes n images of size x size with both things, images/, masks/, manifest.csv (every fourth row
 * pair is `val`) and concepts.csv into a folder, which is made. */
ana_status synthetic_write(const char *folder, int n, int size, ana_error *err);

#endif
