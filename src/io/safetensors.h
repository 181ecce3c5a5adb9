/* The safetensors format: a JSON header and raw little-endian tensors, mapped, not copied.
 *
 * A file is checked whole at open: header of at most 100 MB, known element types, rank at most
 * TENSOR_MAX_RANK, sizes that match, and data that cover the file without gap or overlap. After
 * that every tensor of the source is safe to read. Errors name the file and the tensor.
 */
#ifndef ANA_IO_SAFETENSORS_H
#define ANA_IO_SAFETENSORS_H

#include "tensor/named.h"

struct safetensors;

MUST_CHECK ana_status safetensors_open(struct safetensors **out, const char *path, ana_error *err);

/* The same from bytes that stay the caller's and must outlive the result; label as file name. */
MUST_CHECK ana_status safetensors_open_memory(struct safetensors **out, const void *data,
                                              size_t size, const char *label, ana_error *err);
void safetensors_free(struct safetensors *file); /* NULL is fine; its tensors go with it */

/* Borrowed. Tensors stand in the order of their data in the file; their data must not be written.
 * Elements are aligned to their size: a tensor that is not in the file has been copied. */
const struct tensor_source *safetensors_source(const struct safetensors *file);

/* Collects tensors and writes them as one file. */
struct safetensors_writer;

MUST_CHECK ana_status safetensors_writer_create(struct safetensors_writer **out, ana_error *err);
void safetensors_writer_free(struct safetensors_writer *writer); /* NULL is fine */

/* Borrowed. put() copies; a name that came before is an error (ANA_ERR_ARGUMENT). put_metadata()
 * replaces an earlier value of the key. */
struct tensor_sink *safetensors_writer_sink(struct safetensors_writer *writer);

/* Header in the order of put(); data by element size, largest first, then in that order, so that
 * each tensor is aligned to its elements; header padded with blanks so that the data start at a
 * multiple of 64. The same calls give the same bytes. The file appears complete or not at all. */
MUST_CHECK ana_status safetensors_writer_write(struct safetensors_writer *writer, const char *path,
                                               ana_error *err);

#endif
