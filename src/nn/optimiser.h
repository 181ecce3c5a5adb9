/* Optimisers over all trainable parameters: AdamW and SGD with momentum, both with decoupled weight
 * decay, clipping by the global norm, and a moving average of the weights.
 *
 * Work is cut into chunks of fixed size: the same bytes for any number of threads. The state is
 * saved in full, so a resumed run continues with the same bytes. */
#ifndef ANA_NN_OPTIMISER_H
#define ANA_NN_OPTIMISER_H

#include "nn/params.h"

enum optimiser_kind {
    OPTIMISER_ADAMW, /* Loshchilov and Hutter, ICLR 2019, with PyTorch's order of operations */
    OPTIMISER_SGD    /* buffer = momentum buffer + g; p -= rate buffer */
};

struct optimiser_options {
    enum optimiser_kind kind;
    double beta1, beta2, epsilon; /* AdamW */
    double momentum;              /* SGD */
    double weight_decay;          /* of parameters with PARAM_DECAY: p -= rate * decay * p */
    double clip_norm;             /* 0: no clipping */
    double ema_decay; /* 0: no average; step n uses min(ema_decay, (1 + n) / (10 + n)) */
};

/* AdamW (0.9, 0.999, 1e-8), decay 0.01, no clipping, no average. */
struct optimiser_options optimiser_defaults(void);

struct optimiser;

/* params is borrowed and must be F32. */
MUST_CHECK ana_status optimiser_create(struct optimiser **out, struct params *params,
                                       const struct optimiser_options *options, ana_error *err);
void optimiser_free(struct optimiser *optimiser);

/* gradients: one tensor for each parameter by its number; data NULL: this one stays as it is. The
 * rate is multiplied by each parameter's own. *norm_out (may be NULL) is the norm before clipping.
 * A gradient that is not finite is an error that leaves everything as it was. */
MUST_CHECK ana_status optimiser_step(struct optimiser *optimiser, const struct tensor *gradients,
                                     double learning_rate, struct pool *pool, double *norm_out,
                                     ana_error *err);
int64_t optimiser_steps(const struct optimiser *optimiser); /* done so far */

/* Puts the averages in place of the parameters, and back when called again; steps need the
 * parameters in place. Buffers are averaged too; frozen parameters stay as they are. Without an
 * average nothing happens. */
void optimiser_swap_ema(struct optimiser *optimiser);

/* "optimiser.step" (I64) and, in F32, "optimiser.m.<name>" and "optimiser.v.<name>" for each
 * parameter but the buffers, and "optimiser.ema.<name>" for all. Load wants what the same options
 * save; after a failed load the state is unspecified. */
MUST_CHECK ana_status optimiser_save(const struct optimiser *optimiser, struct tensor_sink *sink,
                                     ana_error *err);
MUST_CHECK ana_status optimiser_load(struct optimiser *optimiser,
                                     const struct tensor_source *source, ana_error *err);

/* Rates by step: a linear rise to `peak` over `warmup` steps, then half a cosine down to `last` at
 * step `total` and after. Step 0 has peak / warmup. */
double schedule_cosine(int64_t step, int64_t warmup, int64_t total, double peak, double last);

#endif
