/* clip/nnunet: the loss of nnU-Net's deep supervision, cross entropy plus (batch) Dice. */
#include "golden_graph.h"

static const struct tolerance loss_rule = {"loss", 1e-9, "double, another order of sums"};
static const struct tolerance gradient_rule = {"gradient", 1e-9, "double, another order of sums"};

enum { LEVELS = 4 };

/* Logits [n, c, h, w] and targets [n, 1, h, w], channels-last. */
struct level {
    struct shape shape; /* [n, h, w, c] */
    double *logits, *one_hot;
    int32_t *classes;
};

static int64_t planar_index(const struct shape *s, int64_t pixel, int64_t c)
{
    const int64_t positions = s->extent[1] * s->extent[2], n = pixel / positions;
    return (n * s->extent[3] + c) * positions + pixel % positions;
}

/* target NULL: all background. */
static struct level open_level(struct golden *golden, const struct tensor *logits,
                               const struct tensor *target)
{
    const int64_t *x = logits->shape.extent, pixels = x[0] * x[2] * x[3];
    struct level l = {.shape = SHAPE(x[0], x[2], x[3], x[1])};
    const double *from = golden_f64(golden, logits);
    const double *classes = target ? golden_f64(golden, target) : NULL;
    l.logits = golden_alloc(golden, pixels * x[1], sizeof *l.logits);
    l.one_hot = golden_alloc(golden, pixels * x[1], sizeof *l.one_hot);
    l.classes = golden_alloc(golden, pixels, sizeof *l.classes);
    for (int64_t i = 0; i < pixels; i++) {
        l.classes[i] = classes ? (int32_t)classes[i] : 0;
        for (int64_t c = 0; c < x[1]; c++) {
            l.logits[i * x[1] + c] = from[planar_index(&l.shape, i, c)];
            l.one_hot[i * x[1] + c] = c == l.classes[i];
        }
    }
    return l;
}

static value mean_of_all(struct golden_graph *g, const char *name, value x)
{
    return nn_reduce(
        g->graph, name, x,
        &(struct nn_reduce_options){.kind = NN_MEAN, .n_axes = graph_shape(g->graph, x).rank});
}

struct level_values {
    value logits, cross_entropy, dice;
};

/* Mean cross entropy of the pixels; minus the mean soft Dice of the classes but the first. */
static struct level_values add_level(struct golden_graph *g, const struct level *l, bool batch)
{
    const struct shape *s = &l->shape;
    const int64_t foreground = s->extent[3] - 1;
    const value x = golden_graph_input(g, *s, l->logits), t = golden_graph_input(g, *s, l->one_hot);
    const value classes =
        golden_graph_index(g, SHAPE(s->extent[0], s->extent[1], s->extent[2]), l->classes);
    const value p = nn_softmax(g->graph, NULL, x);
    const value dice = nn_dice(g->graph, NULL, nn_slice(g->graph, NULL, p, 3, 1, foreground),
                               nn_slice(g->graph, NULL, t, 3, 1, foreground),
                               &(struct nn_dice_options){.smooth = 1e-5, .batch = batch});
    return (struct level_values){x,
                                 mean_of_all(g, NULL, nn_cross_entropy(g->graph, NULL, x, classes)),
                                 mean_of_all(g, NULL, dice)};
}

/* weight (ce + dice - 1) */
static value level_loss(struct golden_graph *g, const struct level_values *v, double weight)
{
    static const double one = 1;
    const value sum = nn_combine(g->graph, NULL, v->cross_entropy, weight, v->dice, weight);
    const value ones = golden_graph_input(g, SHAPE(1), &one);
    return nn_combine(g->graph, NULL, sum, 1, ones, -weight);
}

static void compare_gradient(struct golden *golden, const struct tensor_source *source,
                             const char *name, const struct level *l, const double *got)
{
    struct tensor want;
    if (!golden_tensor(golden, &want, source, name))
        return;
    const int64_t c = l->shape.extent[3], n = tensor_count(&want);
    double *planar = golden_alloc(golden, n, sizeof *planar);
    for (int64_t i = 0; i < n; i++)
        planar[planar_index(&l->shape, i / c, i % c)] = got[i];
    golden_compare(golden, &gradient_rule, name, planar, golden_f64(golden, &want), n);
}

static void compare_number(struct golden *golden, const struct tensor_source *source,
                           const char *name, double got)
{
    struct tensor want;
    if (golden_tensor(golden, &want, source, name))
        golden_compare_one(golden, &loss_rule, name, got, golden_f64(golden, &want)[0]);
}

static void compare_supervision(struct golden *golden, const struct tensor_source *source,
                                bool batch)
{
    struct tensor logits, target, weights;
    struct level levels[LEVELS];
    struct level_values values[LEVELS];
    struct golden_graph g;
    const char *name = golden_print(golden, "ds.batchdice%d", batch);
    if (!golden_tensor(golden, &weights, source, "ds.weights"))
        return;
    golden_graph_init(&g, golden);
    value total = NO_VALUE, wrt[LEVELS];
    for (int i = 0; i < LEVELS; i++) {
        if (!golden_tensor(golden, &logits, source, golden_print(golden, "ds.logits%d", i)) ||
            !golden_tensor(golden, &target, source, golden_print(golden, "ds.target%d", i)))
            goto done;
        levels[i] = open_level(golden, &logits, &target);
        values[i] = add_level(&g, &levels[i], batch);
        wrt[i] = values[i].logits;
        const value part = level_loss(&g, &values[i], tensor_f64(&weights)[i]);
        total = i == 0 ? part : nn_add(g.graph, NULL, total, part);
    }
    const value outputs[] = {values[0].cross_entropy, values[0].dice, total};
    if (!golden_graph_run(&g, outputs, 3, wrt, LEVELS))
        goto done;
    const double ce = golden_graph_value(&g, values[0].cross_entropy)[0];
    const double dice = golden_graph_value(&g, values[0].dice)[0] - 1;
    compare_number(golden, source, golden_print(golden, "%s.ce_level0", name), ce);
    compare_number(golden, source, golden_print(golden, "%s.dice_level0", name), dice);
    compare_number(golden, source, golden_print(golden, "%s.loss_level0", name), ce + dice);
    compare_number(golden, source, golden_print(golden, "%s.loss", name),
                   golden_graph_value(&g, total)[0]);
    for (int i = 0; i < LEVELS; i++)
        compare_gradient(golden, source, golden_print(golden, "%s.grad%d", name, i), &levels[i],
                         golden_graph_gradient(&g, wrt[i]));
done:
    golden_graph_clear(&g);
}

static void compare_empty(struct golden *golden, const struct tensor_source *source)
{
    struct tensor logits;
    struct golden_graph g;
    if (!golden_tensor(golden, &logits, source, "empty.logits"))
        return;
    const struct level level = open_level(golden, &logits, NULL);
    golden_graph_init(&g, golden);
    const struct level_values values = add_level(&g, &level, true);
    const value total = level_loss(&g, &values, 1);
    if (golden_graph_run(&g, &total, 1, &values.logits, 1)) {
        compare_number(golden, source, "empty.loss", golden_graph_value(&g, total)[0]);
        compare_gradient(golden, source, "empty.grad", &level,
                         golden_graph_gradient(&g, values.logits));
    }
    golden_graph_clear(&g);
}

void golden_clip_nnunet(struct golden *golden)
{
    const struct tensor_source *source = golden_tensors(golden, "nnunet.safetensors");
    if (!source)
        return;
    compare_supervision(golden, source, true);
    compare_supervision(golden, source, false);
    compare_empty(golden, source);
    golden_skip(golden, "lr.*", "the schedules come with the weakly supervised stage");
    golden_skip(golden, "uncertainty.*", "the uncertainty comes with the weakly supervised stage");
}
