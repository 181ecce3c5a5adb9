/* clip/dhn_nce: contrastive losses and their gradients with respect to the raw features. */
#include <math.h>

#include "golden_graph.h"

static const struct tolerance loss_rule = {"loss", 1e-9, "double, another order of sums"};
static const struct tolerance gradient_rule = {"gradient", 1e-9, "double, another order of sums"};
static const double FEATURE_EPSILON = 1e-12; /* torch.nn.functional.normalize */

/* One stored case: features, and what is expected of one loss by its name. */
struct contrastive_case {
    struct golden *golden;
    const struct tensor_source *source;
    const char *name; /* "case3" */
    struct tensor image, text;
    const double *settings; /* tau, beta1, beta2, alpha */
    double negatives;
};

static bool open_case(struct contrastive_case *c, int number)
{
    struct golden *golden = c->golden;
    struct tensor settings, batch;
    c->name = golden_print(golden, "case%d", number);
    if (!golden_find(&c->image, c->source, golden_print(golden, "%s.image", c->name)) ||
        !golden_tensor(golden, &c->text, c->source, golden_print(golden, "%s.text", c->name)) ||
        !golden_tensor(golden, &settings, c->source,
                       golden_print(golden, "%s.tau_beta1_beta2_alpha", c->name)) ||
        !golden_tensor(golden, &batch, c->source,
                       golden_print(golden, "%s.batch_size_argument", c->name)))
        return false;
    c->settings = golden_f64(golden, &settings);
    c->negatives = golden_f64(golden, &batch)[0] - 1;
    return true;
}

static void compare_tensor(const struct contrastive_case *c, const struct tolerance *rule,
                           const char *loss, const char *what, const double *got)
{
    struct tensor want;
    const char *name = golden_print(c->golden, "%s.%s.%s", c->name, loss, what);
    if (golden_tensor(c->golden, &want, c->source, name))
        golden_compare(c->golden, rule, name, got, golden_f64(c->golden, &want),
                       tensor_count(&want));
}

/* scale: a learned one that multiplies the cosines, or NULL; `factor` is one over tau. */
static void compare_loss(const struct contrastive_case *c, const char *loss, const double *scale,
                         double factor, const struct nn_contrastive_options *options)
{
    struct golden_graph g;
    golden_graph_init(&g, c->golden);
    const value image = golden_graph_input(&g, c->image.shape, golden_f64(c->golden, &c->image));
    const value text = golden_graph_input(&g, c->text.shape, golden_f64(c->golden, &c->text));
    const value cosines = nn_cosine_matrix(g.graph, "cosines", image, text, FEATURE_EPSILON);
    value wrt[3] = {image, text, NO_VALUE}, logits;
    if (scale) {
        wrt[2] = golden_graph_input(&g, SHAPE(1), scale);
        logits = nn_binary(g.graph, "logits", cosines, wrt[2], NN_MUL);
    } else {
        logits = nn_combine(g.graph, "logits", cosines, factor, NO_VALUE, 0);
    }
    const value out = nn_contrastive(g.graph, "loss", logits, options);
    if (golden_graph_run(&g, &out, 1, wrt, scale ? 3 : 2)) {
        compare_tensor(c, &loss_rule, loss, "loss", golden_graph_value(&g, out));
        compare_tensor(c, &gradient_rule, loss, "grad_image", golden_graph_gradient(&g, image));
        compare_tensor(c, &gradient_rule, loss, "grad_text", golden_graph_gradient(&g, text));
        if (scale)
            compare_tensor(c, &gradient_rule, loss, "grad_scale",
                           golden_graph_gradient(&g, wrt[2]));
    }
    golden_graph_clear(&g);
}

static void compare_case(const struct contrastive_case *c)
{
    struct tensor scale;
    struct nn_contrastive_options o = {.kind = NN_DHN_NCE_RELEASED,
                                       .beta = {c->settings[1], c->settings[2]},
                                       .alpha = c->settings[3],
                                       .negatives = c->negatives};
    compare_loss(c, "released", NULL, 1 / c->settings[0], &o);
    o.kind = NN_DHN_NCE;
    if (c->settings[3] == 0)
        compare_loss(c, "paper", NULL, 1 / c->settings[0], &o);
    if (golden_find(&scale, c->source, golden_print(c->golden, "%s.clip.scale", c->name)))
        compare_loss(c, "clip", golden_f64(c->golden, &scale), 0,
                     &(struct nn_contrastive_options){.kind = NN_INFO_NCE});
}

void golden_clip_dhn_nce(struct golden *golden)
{
    struct contrastive_case c = {.golden = golden,
                                 .source = golden_tensors(golden, "dhn_nce.safetensors")};
    for (int i = 0; c.source && open_case(&c, i); i++)
        compare_case(&c);
}
