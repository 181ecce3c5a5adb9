/* --flip and --tiles, the same for every command that segments. */
#ifndef ANA_CLI_PASSES_H
#define ANA_CLI_PASSES_H

#include <stdbool.h>

#include "anatome/segment.h"

#define PASSES_FLIP_HELP "also look at the mirrored image and average (twice the time)"
#define PASSES_TILES_HELP                                                                          \
    "look for words in N x N overlapping tiles (2 to 8; N = 3 takes ten\n"                         \
    "times as long), for thin things; auto: where the model gained by it"
#define PASSES_TILES_EXPECTED "auto, off or a number from 2 to 8 is expected"

/* False if `tiles` is none of the words. */
bool passes_parse(ana_passes *out, bool flip, const char *tiles);

#endif
