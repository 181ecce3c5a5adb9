/* Files for the tests of the public API. */
#ifndef ANA_TESTS_API_HELPERS_H
#define ANA_TESTS_API_HELPERS_H

#include "base/error.h"

/* Random weights of mini that know "bright disc" and "dark square". */
ana_status helper_weights_write(const char *path, ana_error *err);
/* A PNG of 8 bits with something in it. */
ana_status helper_image_write(const char *path, int width, int height, int channels,
                              ana_error *err);

#endif
