/* Where weights are looked for by name. */
#ifndef ANA_API_SEARCH_H
#define ANA_API_SEARCH_H

#include "base/file.h"

#define MODEL_DEFAULT_NAME "mini"
#define MODEL_SUFFIX       ".safetensors"

/* The folders in order: $ANATOME_MODELS, the XDG data home, beside the running program (installed
 * as bin/, or in a build tree), the installed data folder. */
MUST_CHECK ana_status model_folders(struct path_list *out, ana_error *err);

/* The path of a model's weights by name or path, of memory_alloc(). */
MUST_CHECK ana_status model_find(char **out, const char *name_or_path, ana_error *err);

/* A file that lies beside the weights, as "mini/concepts.csv". */
MUST_CHECK ana_status model_data_find(char **out, const char *file, ana_error *err);

#endif
