/* A published network built from the operators of nn, fed with its file's weights and compared tap
 * by tap. Weights are plain inputs of the graph, so that every gradient is at hand.
 *
 * Failures fail the folder; a net that failed builds and compares nothing more. */
#ifndef ANA_GOLDEN_NET_H
#define ANA_GOLDEN_NET_H

#include "golden.h"
#include "nn/ops.h"

enum { GOLDEN_NET_MAX_FED = 512, GOLDEN_NET_MAX_TAPS = 128 };

struct golden_net {
    struct golden *golden;
    const struct tensor_source *weights;
    const char *prefix; /* of the names in the file, borrowed */
    bool rounds_to_f16; /* the weights, before they are used */
    struct graph *graph;
    struct {
        const char *name;
        value v;
        struct tensor data; /* in the graph's layout */
        bool is_weight;
    } fed[GOLDEN_NET_MAX_FED];
    int n_fed;
    value taps[GOLDEN_NET_MAX_TAPS];
    int n_taps;
    struct plan *plan;
};

void golden_net_init(struct golden_net *net, struct golden *golden,
                     const struct tensor_source *weights, const char *prefix);
void golden_net_clear(struct golden_net *net);

/* printf-like name behind the prefix; NO_VALUE if there is no such tensor. */
value golden_net_weight(struct golden_net *net, const char *format, ...) PRINTF_LIKE(2, 3);
/* As before, but its absence is fine. */
value golden_net_weight_if(struct golden_net *net, const char *format, ...) PRINTF_LIKE(2, 3);
/* F32 [n, c, spatial...] becomes channels-last; or any F32 tensor as it is. */
value golden_net_picture(struct golden_net *net, const char *name, const struct tensor *tensor);
value golden_net_input(struct golden_net *net, const char *name, const struct tensor *tensor);
value golden_net_index(struct golden_net *net, const char *name, const struct tensor *i32);

/* Keeps a value readable. */
value golden_net_tap(struct golden_net *net, value v);

/* Plans and runs forward to the taps. A seed, one of them, is a value from whose gradient
 * golden_net_backward() finds that of every weight but the running statistics. */
bool golden_net_forward(struct golden_net *net, bool training, value seed);
bool golden_net_backward(struct golden_net *net); /* after plan_gradient(net->plan, seed) is set */
/* Both, from the gradient 1 of a loss [1], or forward alone if there is NO_VALUE. */
bool golden_net_run(struct golden_net *net, bool training, value loss);

/* The value, channels-last, against [n, c, spatial...] of perhaps fewer samples, every stride-th
 * position; or the value as it is. */
void golden_net_compare_picture(struct golden_net *net, const struct tolerance *tolerance, value v,
                                const struct tensor_source *source, const char *name,
                                int64_t stride);
void golden_net_compare(struct golden_net *net, const struct tolerance *tolerance, value v,
                        const struct tensor_source *source, const char *name);
/* Mean over the samples of 1 - (2 sum s t + smooth) / (sum s + sum t + smooth), s the sigmoid of
 * the logits [n, h, w, 1]; the target is [n, 1, h, w]. */
value golden_net_mean_dice(struct golden_net *net, value logits, const struct tensor *target,
                           double smooth);

/* How gradients are stored. */
struct golden_gradients {
    const char *prefix;  /* of the names */
    const char *dead;    /* weights whose name has this: their true gradient is 0; or NULL */
    int64_t limit, step; /* tensors of more elements are stored flat, every step-th; 0: none are */
};
/* Of one weight, as shares of the largest element of the tensor `name`. */
void golden_net_compare_gradient(struct golden_net *net, const struct tolerance *tolerance,
                                 value weight, const struct tensor_source *source, const char *name,
                                 const struct golden_gradients *stored);
/* Every weight's gradient as shares of the tensor's largest element. And "grad_norm", relative. */
void golden_net_compare_gradients(struct golden_net *net, const struct tolerance *tolerance,
                                  const struct tensor_source *source,
                                  const struct golden_gradients *stored);
/* Every "buffer_after1.<name>" but the counters: the running statistics. */
void golden_net_compare_buffers(struct golden_net *net, const struct tolerance *tolerance,
                                const struct tensor_source *source);

#endif
