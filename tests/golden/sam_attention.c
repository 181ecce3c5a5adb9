/* sam/sam: the attention of the encoder's blocks, windowed and global, with decomposed relative
 * positions: from the stored qkv to the joined heads. The rest comes with the model. */
#include "golden_net.h"

static const struct tolerance attention_rule = {"attention", 1e-4,
                                                "float32, encoder intermediates"};

/* [batch, h, w, 3 width] -> [batch, h, w, width]; the output of the first of both modes. */
static value attend(struct golden_net *net, const struct tensor *qkv, int block, int64_t heads,
                    bool materialised)
{
    const int64_t *s = qkv->shape.extent;
    const struct tensor rows = tensor_view(qkv->data, qkv->dtype, SHAPE(s[0], s[1] * s[2], s[3]));
    struct nn_attention_inputs in =
        nn_attention_of(golden_net_input(net, "qkv", &rows), NO_VALUE, NO_VALUE);
    struct nn_relative_options o = {
        .heads = heads, .grid = {s[1], s[2]}, .n_keys = s[1], .packed = true};
    in.rel_h = nn_relative_positions(
        net->graph, NULL, in.q,
        golden_net_weight(net, "image_encoder.blocks.%d.attn.rel_pos_h", block), &o);
    o.along_w = true;
    o.n_keys = s[2];
    in.rel_w = nn_relative_positions(
        net->graph, NULL, in.q,
        golden_net_weight(net, "image_encoder.blocks.%d.attn.rel_pos_w", block), &o);
    return golden_net_tap(net, nn_attention(net->graph, "attention", in,
                                            &(struct nn_attention_options){
                                                .heads = heads, .materialised = materialised}));
}

static void compare_block(struct golden *golden, const struct tensor_source *weights,
                          const struct tensor_source *source, int block, int64_t heads)
{
    struct tensor qkv;
    if (!golden_find(&qkv, source, golden_print(golden, "block%d.qkv", block)))
        return;
    for (int materialised = 0; materialised < 2; materialised++) {
        struct golden_net net;
        golden_net_init(&net, golden, weights, "");
        const value y = attend(&net, &qkv, block, heads, materialised);
        if (golden_net_run(&net, false, NO_VALUE))
            golden_net_compare(&net, &attention_rule, y, source,
                               golden_print(golden, "block%d.attn_proj.in", block));
        golden_net_clear(&net);
    }
}

void golden_sam_sam(struct golden *golden)
{
    const struct tensor_source *weights = golden_tensors(golden, "model.safetensors");
    const struct tensor_source *source = golden_tensors(golden, "encoder.safetensors");
    const struct json *config = golden_json(golden, "config.json");
    int64_t heads, depth;
    if (!weights || !source || !config)
        return;
    if (!json_int64(json_get(config, "num_heads"), &heads) ||
        !json_int64(json_get(config, "depth"), &depth)) {
        golden_fail(golden, "config.json: no num_heads or depth");
        return;
    }
    for (int block = 0; block < depth; block++)
        compare_block(golden, weights, source, block, heads);
    golden_skip(golden, "all but the attention of blocks", "the model comes later");
}
