/* Files and paths. Output appears under its name only when it is complete. */
#ifndef ANA_BASE_FILE_H
#define ANA_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

/* A file mapped read-only; data is NULL for an empty file. */
struct file_map {
    const uint8_t *data;
    size_t size;
};
MUST_CHECK ana_status file_map_open(struct file_map *out, const char *path, ana_error *err);
void file_map_close(struct file_map *map);

/* Whole file into memory_alloc()ed bytes plus a terminating 0 that is not counted. More than
 * limit_bytes is ANA_ERR_LIMIT; 0 means no limit. */
MUST_CHECK ana_status file_read(uint8_t **out, size_t *size, const char *path, size_t limit_bytes,
                                ana_error *err);

/* Written to a temporary name beside the target, synced, then renamed by file_commit(). Write
 * errors of the stream need no check: file_commit() reports them, and nothing stays behind. Devices
 * and pipes are written directly. */
struct file_writer {
    FILE *stream;
    char *path;
    char *temporary;
};
MUST_CHECK ana_status file_writer_open(struct file_writer *out, const char *path, ana_error *err);
MUST_CHECK ana_status file_commit(struct file_writer *writer, ana_error *err); /* always closes */
void file_discard(struct file_writer *writer); /* nothing stays behind; fine after commit */
MUST_CHECK ana_status file_write(const char *path, const void *data, size_t size, ana_error *err);

/* Removes the temporary files that killed processes left in a folder; those being written, by
 * whatever process on whatever machine, stay. Best effort, nothing is reported. */
void file_sweep(const char *folder);

bool path_exists(const char *path);
bool path_is_folder(const char *path);
MUST_CHECK ana_status path_make_folders(const char *path, ana_error *err); /* like mkdir -p */

/* New strings of memory_alloc(); NULL when out of memory. */
MUST_CHECK char *path_join(const char *folder, const char *name); /* name absolute: name */
MUST_CHECK char *path_folder(const char *path);                   /* "a/b.png" -> "a", "b" -> "." */
MUST_CHECK char *path_stem(const char *path);                     /* "a/b.tar.gz" -> "b.tar" */
const char *path_name(const char *path);                          /* last component, borrowed */

/* Names in a folder, sorted by bytes, "." and ".." left out. */
struct path_list {
    char **items;
    size_t n;
};
MUST_CHECK ana_status folder_list(struct path_list *out, const char *folder, ana_error *err);
void path_list_clear(struct path_list *list);

/* A folder of files, filled under `temporary`, a sibling of the target, and renamed by
 * folder_commit(). Missing parents are made. A folder of the target's name is replaced, and its
 * files removed: the caller says beforehand whether it may be. */
struct folder_writer {
    char *path;
    char *temporary;
};
MUST_CHECK ana_status folder_writer_open(struct folder_writer *out, const char *path,
                                         ana_error *err);
MUST_CHECK ana_status folder_commit(struct folder_writer *writer, ana_error *err);
void folder_discard(struct folder_writer *writer); /* nothing stays behind; fine after commit */

#endif
