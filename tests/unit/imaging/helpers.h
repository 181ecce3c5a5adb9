/* Random masks, slow and obvious versions of what is tested, and allocations that fail. */
#ifndef ANA_TESTS_IMAGING_HELPERS_H
#define ANA_TESTS_IMAGING_HELPERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "imaging/distance.h"
#include "imaging/image.h"

/* memory_alloc_array_zeroed() that fails the test. Free with memory_free(). */
void *test_alloc(int64_t n, size_t size);

/* n pixels, set with the given probability, a pure function of seed. */
uint8_t *random_mask(int64_t n, double probability, uint64_t seed);
/* Filled disc of radius r around (cx, cy). */
uint8_t *disc_mask(int64_t height, int64_t width, double cx, double cy, double r);
/* Noise levels or floats in [-1, 1). */
struct image random_image(int64_t height, int64_t width, int64_t channels, enum dtype dtype,
                          uint64_t seed);

/* Squared distance to the nearest target by looking at all of them; border_counts adds the pixels
 * just beyond the image in x, y (and z if the depth is above 1). */
double brute_distance_squared(const uint8_t *mask, const struct grid *grid, int64_t index,
                              uint8_t target, int border_counts);

void assert_near(double got, double want, double tolerance);

/* Calls run() with the 1st, 2nd, ... allocation failing until it succeeds; each failure must be
 * ANA_ERR_MEMORY and leave no block behind. run() releases what it made. */
void check_allocation_failures(ana_status (*run)(void *context, ana_error *err), void *context);

#endif
