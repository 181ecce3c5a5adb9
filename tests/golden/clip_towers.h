/* The towers of OpenAI's CLIP and of BiomedCLIP, built from the operators of nn. */
#ifndef ANA_CLIP_TOWERS_H
#define ANA_CLIP_TOWERS_H

#include "golden_net.h"

enum { CLIP_MAX_BLOCKS = 16 };

/* What a folder's config.json says. */
struct clip_config {
    int64_t v_heads, t_heads;
    int v_layers, t_layers;
    bool shows_all; /* the probabilities of every block, not of every second one */
};
bool clip_config_read(struct golden *golden, struct clip_config *config);

/* The taps of a tower. */
struct clip_tower {
    value patches, sum, embeddings; /* sum: text, before its norm */
    value norm1, attended;          /* of block 0: before its attention; heads joined */
    value block[CLIP_MAX_BLOCKS];
    value probabilities[CLIP_MAX_BLOCKS]; /* NO_VALUE where attention is fused */
    value final_norm, pooled, hidden, features, embeds;
};

/* ids: I32 [n, t]. ends: for OpenAI's text the place of the end of each text, I32 [n]. mask: 0 and
 * -inf, [n, 1, 1, t], or NO_VALUE. */
struct clip_tower clip_openai_vision(struct golden_net *net, const struct clip_config *config,
                                     value pictures);
struct clip_tower clip_openai_text(struct golden_net *net, const struct clip_config *config,
                                   value ids, value ends);
struct clip_tower clip_biomed_vision(struct golden_net *net, const struct clip_config *config,
                                     value pictures, double epsilon);
struct clip_tower clip_biomed_text(struct golden_net *net, const struct clip_config *config,
                                   value ids, value mask);

/* The learned scale, [1]; a weight whose gradient is computed. */
value clip_logit_scale(struct golden_net *net);
/* exp(scale) times the cosines of all pairs: [images, texts]. */
value clip_logits(struct golden_net *net, value images, value texts);
/* 0 where the id is not 0, else -inf. */
value clip_padding_mask(struct golden_net *net, const char *name, const struct tensor *ids);

#endif
