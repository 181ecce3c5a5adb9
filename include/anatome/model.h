/* Models: where they are found, what is known about them, and the files that hold their weights. */
#ifndef ANATOME_MODEL_H
#define ANATOME_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "anatome/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Weights and concept table: immutable, may be shared by threads and sessions. */
typedef struct ana_model ana_model;

/* Strings are borrowed from the object that gave them, UTF-8, never NULL. */
typedef struct ana_model_info {
    const char *name;
    const char *version;
    const char *kind;    /* the network: "mini" */
    const char *summary; /* one line about the kind */
    const char *licence; /* of the weights; it travels with them */
    const char *intended_use;
    const char *path;   /* of the weights file */
    const char *sha256; /* of the weights file, hexadecimal */
    int64_t size_bytes; /* of the weights file */
    int64_t n_parameters;
    bool takes_text, takes_boxes, takes_points;
    double mask_threshold;  /* probability from which a pixel belongs to the mask */
    double presence_absent; /* below it: not found */
    double presence_found;  /* from it on: found; between the two: doubtful */
} ana_model_info;

/* Opens weights by the path of a file, or by name: <name>.safetensors is looked for in the folders
 * of ANATOME_MODELS (separated by colons), in $XDG_DATA_HOME/anatome/models
 * (~/.local/share/anatome/models), beside the installed program and where the library was
 * installed. NULL is the default model, "mini". Nothing is ever fetched from a network. On success
 * *out is the caller's to ana_model_free(); on failure it is NULL. */
ANA_API ANA_MUST_CHECK ana_status ana_model_open(ana_model **out, const char *name_or_path,
                                                 ana_error *err);
ANA_API void ana_model_free(ana_model *model); /* NULL is fine; free its sessions first */

/* Borrowed from the model. */
ANA_API const ana_model_info *ana_model_get_info(const ana_model *model);

/* The concepts that words may name, by their canonical names; NULL past the end. */
ANA_API const char *ana_model_concept(const ana_model *model, int64_t index);

/* The weights files that ana_model_open() finds by name, each name once, in that order. */
typedef struct ana_model_list ana_model_list;
ANA_API ANA_MUST_CHECK ana_status ana_model_list_open(ana_model_list **out, ana_error *err);
ANA_API void ana_model_list_free(ana_model_list *list); /* NULL is fine */
/* Name and path, borrowed from the list; NULL past the end. */
ANA_API const char *ana_model_list_name(const ana_model_list *list, int64_t index);
ANA_API const char *ana_model_list_path(const ana_model_list *list, int64_t index);
/* The folders that were looked at, present or not; NULL past the end. */
ANA_API const char *ana_model_list_folder(const ana_model_list *list, int64_t index);

/* A look into a safetensors file, of this project or not. */
typedef struct ana_weights ana_weights;

typedef struct ana_tensor_info {
    const char *name;  /* borrowed */
    const char *dtype; /* "F16", as the file spells it */
    int rank;
    int64_t extent[5];
    int64_t size_bytes;
} ana_tensor_info;

ANA_API ANA_MUST_CHECK ana_status ana_weights_open(ana_weights **out, const char *path,
                                                   ana_error *err);
ANA_API void ana_weights_free(ana_weights *weights); /* NULL is fine */
ANA_API int64_t ana_weights_count(const ana_weights *weights);
ANA_API ana_tensor_info ana_weights_tensor(const ana_weights *weights, int64_t index);
/* Metadata in the order of the file. False past the end. Borrowed. */
ANA_API bool ana_weights_metadata(const ana_weights *weights, int64_t index, const char **key,
                                  const char **value);
/* SHA-256 of the whole file, hexadecimal; borrowed. */
ANA_API const char *ana_weights_sha256(const ana_weights *weights);

#ifdef __cplusplus
}
#endif
#endif
