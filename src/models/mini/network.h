/* mini: one network that answers to words, a box, points, or any combination.
 *
 *   image [N, S, S, 3] -> encoder -> f0 [N, S/2, S/2, 16] .. f4 [N, S/32, S/32, 192]   once an
 * image words, flags       -> condition [P, 128]                                           once a
 * prompt f0..f4, prompt maps [P, S, S, 3], condition -> decoder -> logits [P, S, S], presence [P]
 *
 * The encoder sees the image only, so one encoding serves many prompts. Prompts enter as maps
 * (box filled with 1, positive and negative clicks) at every scale of the decoder and as FiLM.
 * Source: our own; specs/mini.md section 2 tells what was tried. It differs from there in how skips
 * are merged: 1x1 convolutions of the upsampled features, the skip and the maps are added before
 * one norm, so that the skip's convolution is paid once per image and not once per prompt.
 */
#ifndef ANA_MODELS_MINI_NETWORK_H
#define ANA_MODELS_MINI_NETWORK_H

#include "nn/graph.h"

enum {
    MINI_STAGES = 5,
    MINI_REDUCTION = 32, /* S must be a multiple of it */
    MINI_MAPS = 3,       /* box, positive clicks, negative clicks */
    MINI_FLAGS = 3,      /* words given, box given, points given */
    MINI_WORDS = 64,     /* word features of a phrase at most */
    MINI_AUXILIARY = 3   /* heads at S/4, S/8, S/16, used in training only */
};

struct mini_config {
    int64_t width[MINI_STAGES];  /* channels at S/2, S/4, S/8, S/16, S/32 */
    int64_t blocks[MINI_STAGES]; /* residual blocks of the encoder there */
    int64_t buckets;             /* rows of the word table */
    int64_t word_width;
    int64_t condition; /* width of the condition vector */
};

struct mini_config mini_default_config(void);

/* The text part's share of the learning rate: it learns more slowly once its words are told apart.
 */
#define MINI_WORD_RATE 0.2

/* Numbers of parameters in a struct params. */
struct mini_norm {
    int gain, bias, mean, variance;
};
struct mini_unit { /* 3x3 or 1x1 convolution without bias, then norm */
    int weight;
    struct mini_norm norm;
};
struct mini_linear {
    int weight, bias;
};
struct mini_block {
    struct mini_unit first, second;
    struct mini_linear film; /* decoder only */
};
enum { MINI_MAX_BLOCKS = 8 };
struct mini_stage {
    struct mini_unit down;
    struct mini_block block[MINI_MAX_BLOCKS];
};
struct mini_up {
    int from_below, from_skip, from_maps;
    struct mini_norm norm;
    struct mini_block block;
};

struct mini_network {
    struct mini_config config;
    struct mini_stage stage[MINI_STAGES];
    int word_table;
    struct mini_linear word_hidden, word_out, flags, condition;
    int word_gain, word_bias;
    int bottom_from_features, bottom_from_maps;
    struct mini_norm bottom_norm;
    struct mini_block bottom[2];
    struct mini_up up[MINI_STAGES - 1]; /* [0] makes S/16 */
    struct mini_unit head;
    struct mini_linear head_out;
    struct mini_linear presence_hidden, presence_out;
    struct mini_linear auxiliary[MINI_AUXILIARY];
};

/* Declares every parameter; the caller then calls params_finish(). `training` adds the auxiliary
 * heads, which the shipped weights do not hold. */
void mini_declare(struct mini_network *net, const struct mini_config *config, struct params *params,
                  bool training);

struct mini_features {
    value stage[MINI_STAGES];
};
/* image: [N, S, S, 3] in 0..1. */
struct mini_features mini_encode(const struct mini_network *net, struct graph *g, value image);

struct mini_prompts {
    value words; /* I32 [P, MINI_WORDS], -1 padded */
    value flags; /* [P, MINI_FLAGS], 0 or 1 */
    value maps;  /* [P, S, S, MINI_MAPS] */
    value image; /* I32 [P]: which image each prompt is about */
};
/* Graph inputs for n prompts on pictures of size x size, named word_indices, flags, maps, image_of.
 */
struct mini_prompts mini_prompt_inputs(struct graph *g, int64_t n, int64_t size);

/* The condition of the words alone, [P, condition] before flags: also what the words are taught by.
 */
value mini_words(const struct mini_network *net, struct graph *g, value words);

struct mini_outputs {
    value logits;                    /* [P, S, S, 1] */
    value presence;                  /* [P, 1] logit */
    value auxiliary[MINI_AUXILIARY]; /* [P, S/4.., S/4.., 1] logits; none unless training */
};
struct mini_outputs mini_decode(const struct mini_network *net, struct graph *g,
                                const struct mini_features *features,
                                const struct mini_prompts *prompts, bool training);

#endif
