/* Counter-based random numbers (Philox 4x32-10, Salmon et al., SC 2011).
 *
 * A draw is named by (seed, step, sample, use), so it does not depend on what was drawn before, on
 * threads, or on where a run was resumed.
 */
#ifndef ANA_BASE_RANDOM_H
#define ANA_BASE_RANDOM_H

#include <stdint.h>

struct random {
    uint32_t key[2];
    uint32_t counter[4];
    uint32_t block[4];
    int left; /* unused words of block */
};

/* `use` tells apart the purposes of one sample; let an enum name them. */
struct random random_at(uint64_t seed, uint64_t step, uint32_t sample, uint32_t use);

uint32_t random_u32(struct random *random);
double random_uniform(struct random *random);                          /* [0, 1) */
double random_between(struct random *random, double low, double high); /* [low, high) */
double random_normal(struct random *random);                           /* mean 0, sd 1 */
int64_t random_below(struct random *random, int64_t n);                /* 0 .. n-1, unbiased */

#endif
