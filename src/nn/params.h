/* The parameters of a model: each named once, with its shape and how it starts. What happens to
 * them then (load, save, initialise, count, optimise) is written once here, for every model. */
#ifndef ANA_NN_PARAMS_H
#define ANA_NN_PARAMS_H

#include <stdint.h>

#include "compute/compute.h"
#include "tensor/named.h"

struct params;

enum param_init {
    PARAM_ZERO,
    PARAM_ONE,
    PARAM_CONSTANT, /* value = scale */
    PARAM_NORMAL,   /* mean 0, standard deviation = scale */
    PARAM_HE_FAN_IN /* normal with sd = scale * sqrt(2 / product of all extents but the first) */
};

enum param_flags {
    PARAM_DECAY = 1,  /* weight decay applies (matrices and kernels) */
    PARAM_BUFFER = 2, /* saved and loaded but not optimised: running statistics */
    PARAM_FROZEN = 4  /* loaded but not optimised: costs no gradient arithmetic. Frozen running
                       * statistics are not written: their norm runs as in inference */
};

struct param_spec {
    const char *name; /* the published name, e.g. "encoder.stem.conv.weight" */
    struct shape shape;
    enum param_init init;
    double init_scale;
    unsigned flags;
    double rate; /* multiplies the learning rate; 0 is read as 1 */
};

/* dtype F32 (training, inference) or F64 (gradient checks). */
MUST_CHECK ana_status params_create(struct params **out, enum dtype dtype, ana_error *err);
void params_free(struct params *params);

/* Returns the parameter's number, 0, 1, 2, ... The first failure sticks and is returned by
 * params_finish(), which a model calls once after its last declaration; storage exists only then.
 */
int params_declare(struct params *params, const struct param_spec *spec);
MUST_CHECK ana_status params_finish(struct params *params, ana_error *err);

int params_count(const struct params *params);
int64_t params_elements(const struct params *params); /* buffers not counted */
const struct param_spec *params_spec(const struct params *params, int index);
int params_find(const struct params *params, const char *name); /* -1 */
struct tensor params_value(const struct params *params,
                           int index); /* borrowed, writable by the owner */
void params_set_flags(struct params *params, int index, unsigned flags);
/* Freezes every parameter and buffer whose name begins with prefix, a whole tower with its running
 * statistics; returns how many. Plans made before do not notice. */
int params_freeze(struct params *params, const char *prefix);

/* Tells the packed-weight caches that values were changed (by the optimiser, by loading). */
void params_touch(struct params *params);
uint64_t params_version(const struct params *params);

/* Same seed, same bytes: each parameter draws from (seed, its number). */
void params_initialise(struct params *params, uint64_t seed);
/* Every declared name must be there with its exact shape; the error lists what is missing,
 * misshapen or unexpected. Any float type on disk. */
MUST_CHECK ana_status params_load(struct params *params, const struct tensor_source *source,
                                  ana_error *err);
/* Only the names that begin with prefix count, and are looked up behind it: one file may hold a
 * model, its average and an optimiser. After a failed load the values are unspecified. */
MUST_CHECK ana_status params_load_prefixed(struct params *params,
                                           const struct tensor_source *source, const char *prefix,
                                           ana_error *err);
/* dtype: F32 or F16 on disk. prefix goes before each name ("" for none). */
MUST_CHECK ana_status params_save(const struct params *params, struct tensor_sink *sink,
                                  const char *prefix, enum dtype dtype, ana_error *err);

#endif
