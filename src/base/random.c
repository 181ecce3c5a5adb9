/* Philox 4x32 with 10 rounds: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random
 * numbers: as easy as 1, 2, 3", SC 2011. */
#include "base/random.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { ROUNDS = 10 };

static void philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2])
{
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]};
    uint32_t k[2] = {key[0], key[1]};

    for (int round = 0; round < ROUNDS; round++) {
        const uint64_t a = UINT64_C(0xD2511F53) * c[0];
        const uint64_t b = UINT64_C(0xCD9E8D57) * c[2];
        c[0] = (uint32_t)(b >> 32) ^ c[1] ^ k[0];
        c[1] = (uint32_t)b;
        c[2] = (uint32_t)(a >> 32) ^ c[3] ^ k[1];
        c[3] = (uint32_t)a;
        k[0] += UINT32_C(0x9E3779B9); /* golden ratio */
        k[1] += UINT32_C(0xBB67AE85); /* sqrt(3) - 1 */
    }
    memcpy(out, c, sizeof c);
}

/* The name fills the whole counter, so a first pass turns it into 128 bits that key the draws.
 * Philox is a bijection of the counter: two names under one seed never share a sequence. Half of
 * these bits become the key, half the upper counter; the lower counter numbers 2^64 blocks. */
struct random random_at(uint64_t seed, uint64_t step, uint32_t sample, uint32_t use)
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    const uint32_t name[4] = {(uint32_t)step, (uint32_t)(step >> 32), sample, use};
    uint32_t mixed[4];

    philox(mixed, name, key);
    const struct random random = {
        .key = {mixed[0], mixed[1]},
        .counter = {0, 0, mixed[2], mixed[3]},
    };
    return random;
}

uint32_t random_u32(struct random *random)
{
    if (random->left == 0) {
        philox(random->block, random->counter, random->key);
        random->left = 4;
        if (++random->counter[0] == 0)
            random->counter[1]++;
    }
    return random->block[4 - random->left--];
}

static uint64_t random_u64(struct random *random)
{
    const uint64_t low = random_u32(random);

    return low | (uint64_t)random_u32(random) << 32;
}

double random_uniform(struct random *random)
{
    return (double)(random_u64(random) >> 11) * 0x1p-53;
}

double random_between(struct random *random, double low, double high)
{
    const double value = low + (high - low) * random_uniform(random);

    return value >= high && high > low ? nextafter(high, low) : value; /* rounding may reach high */
}

/* Box and Muller. The second value is dropped, so that a draw has no hidden state. */
double random_normal(struct random *random)
{
    const double two_pi = 6.283185307179586476925;
    const double radius = sqrt(-2.0 * log(1.0 - random_uniform(random)));

    return radius * cos(two_pi * random_uniform(random));
}

/* The 2^64 mod n smallest values are refused, which leaves a multiple of n. */
int64_t random_below(struct random *random, int64_t n)
{
    assert(n > 0);
    const uint64_t range = (uint64_t)n;
    const uint64_t refused = (UINT64_C(0) - range) % range;
    uint64_t value;

    do {
        value = random_u64(random);
    } while (value < refused);
    return (int64_t)(value % range);
}
