/* What bench_peer can run: the same networks on the same weights as the other programs. */
#ifndef ANA_BENCH_WORKLOAD_H
#define ANA_BENCH_WORKLOAD_H

#include "base/threads.h"
#include "io/safetensors.h"

/* The files of one workload, as bench/peers/prepare.py writes them. */
struct workload_files {
    const struct tensor_source *weights; /* weights.safetensors */
    const struct tensor_source *inputs;  /* inputs.safetensors, channels-last */
};

struct workload {
    const char *name;
    ana_status (*open)(void **state, const struct workload_files *files, struct pool *pool,
                       ana_error *err);
    ana_status (*run)(void *state, ana_error *err); /* one forward pass, or one training step */
    /* The answers of the last run; of a step also its gradients and the weights after it. */
    ana_status (*write)(void *state, struct tensor_sink *sink, ana_error *err);
    double (*gflop)(const void *state);
    void (*close)(void *state); /* NULL is fine */
};

extern const struct workload workload_unet, workload_unet_train, workload_mini, workload_mini_train;

/* ---- shared by the workloads ---- */

/* The tensor of that name copied into `to`, whose element count must agree. */
MUST_CHECK ana_status copy_named(const struct tensor *to, const struct tensor_source *source,
                                 const char *name, ana_error *err);
MUST_CHECK ana_status put_named(struct tensor_sink *sink, const char *prefix, const char *name,
                                const struct tensor *tensor, ana_error *err);

#endif
