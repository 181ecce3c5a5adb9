/* The table of what a model can be asked for in words (design.md 11), and the way from a phrase to
 * one of its rows.
 *
 * CSV columns, in any order; only `name` is needed:
 *   name       canonical name, as in the manifest's `concept`
 *   group      body region or kind of thing: "chest", "brain", "cells"
 *   headline   yes: one of the concepts that the summary of an evaluation averages
 *   lesion     yes: not in every picture of its kind, so lesion-free crops are true negatives
 *   views      pictures in which it may be visible, labelled or not: "x-ray:chest|CT:chest"; the
 *              part before the colon is the manifest's `family`. Elsewhere it is certainly absent.
 *   laterality left, right or empty
 *   mirror     the name of its twin on the other side
 *   turns      any: has no upright orientation (microscopy, dermoscopy)
 *   flip       per cent of left-right flips when training (default 50)
 *   tiles      yes: thin or tiny parts; training zooms in often. A number from 2 to 8 says
 *              that too, and that the thing is looked for in that many tiles along each side.
 *   context    words that may stand beside it without changing it: "colon|bowel"
 *   aliases    phrasings for training
 *   heldout    phrasings that training never sees
 * Lists are separated by "|".
 */
#ifndef ANA_TEXT_CONCEPTS_H
#define ANA_TEXT_CONCEPTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum laterality { LATERALITY_NONE, LATERALITY_LEFT, LATERALITY_RIGHT };

struct string_list {
    char **items;
    int n;
};

enum { CONCEPT_MOST_TILES = 8 }; /* ORDER tiles: ANA_TILES_MOST */

struct concept {
    char *name;
    char *group;
    bool headline;
    bool lesion;
    struct string_list views;
    enum laterality laterality;
    char *mirror_name; /* "" if none */
    int mirror;        /* index of it, or the concept's own index */
    bool turns_any;
    int flip_percent;
    bool tiles;
    int tile_grid; /* tiles along a side when asked for by words; 0: the whole image */
    struct string_list context;
    struct string_list aliases; /* [0] is the name */
    struct string_list heldout;
};

struct concepts {
    struct concept *items;
    int n;
    struct concept_index *index; /* of resolve; opaque */
};

/* `label` names the text in errors. On failure *out is empty. */
MUST_CHECK ana_status concepts_parse(struct concepts *out, const char *csv, const char *label,
                                     ana_error *err);
void concepts_clear(struct concepts *concepts);

/* Index of the canonical name, exact; -1 if there is none. */
int concepts_find(const struct concepts *concepts, const char *name);

enum concept_verdict {
    CONCEPT_FOUND,
    CONCEPT_NO_WORDS, /* nothing but stop words, or an empty phrase */
    CONCEPT_UNKNOWN,  /* no alias in it, or words beside the alias that change the meaning */
    CONCEPT_SEVERAL   /* names two different things */
};

struct concept_match {
    enum concept_verdict verdict;
    int concept;       /* best alias's row even when other words are unknown; -1 if none */
    int other;         /* CONCEPT_SEVERAL: the second one; else -1 */
    const char *alias; /* borrowed from the table; NULL if none */
    bool heldout;      /* the alias is one that training never saw */
    bool typo;         /* a misspelt word was mended */
    char unknown[128]; /* unknown words, "a, b", cut at the end; "" if none */
};

/* Tolerates case, plurals, British spelling, word order, ignorable words ("segment the ... in this
 * CT") and, for words of five letters or more, one wrong letter. Only CONCEPT_FOUND is an answer.
 */
void concepts_resolve(const struct concepts *concepts, const char *phrase,
                      struct concept_match *out);

#endif
