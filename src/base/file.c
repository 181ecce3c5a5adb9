/* Files: reading, mapping and writing.
 *
 * A writer fills a temporary file in the target's folder; file_commit() syncs it and renames it, so
 * that a name shows either the old content or the whole new one. Devices and pipes cannot be
 * replaced and are written directly; symbolic links are followed, so that /dev/stdout stays what it
 * is.
 *
 * A temporary file is locked while it is written, so that file_sweep() can tell one that is being
 * written from one that a killed process left. The lock is flock()'s: of the open file, not of the
 * process, and so good within one process too.
 *
 * realpath() is an X/Open function.
 */
#define _XOPEN_SOURCE 700
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_internal.h"
#include "base/memory.h"
#include "base/text.h"

enum { FIRST_READ_BYTES = 64 * 1024 /* where the size is not known beforehand */ };

ana_status file_fail(ana_error *err, const char *verb, const char *path, int error_number)
{
    char reason[128];

    if (strerror_r(error_number, reason, sizeof reason) != 0)
        (void)snprintf(reason, sizeof reason, "error %d", error_number);
    return ana_fail(err, error_number == ENOMEM ? ANA_ERR_MEMORY : ANA_ERR_IO, "cannot %s %s: %s",
                    verb, path, reason);
}

static ana_status map_descriptor(struct file_map *out, int descriptor, const char *path,
                                 ana_error *err)
{
    struct stat info;

    if (fstat(descriptor, &info) != 0)
        return file_fail(err, "examine", path, errno);
    if (S_ISDIR(info.st_mode))
        return file_fail(err, "read", path, EISDIR);
    if (!S_ISREG(info.st_mode))
        return ana_fail(err, ANA_ERR_IO, "cannot map %s: not a regular file", path);
    if (info.st_size == 0)
        return ANA_OK;
    if ((uintmax_t)info.st_size > SIZE_MAX)
        return file_fail(err, "map", path, ENOMEM);
    void *data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (data == MAP_FAILED)
        return file_fail(err, "map", path, errno);
    out->data = data;
    out->size = (size_t)info.st_size;
    return ANA_OK;
}

ana_status file_map_open(struct file_map *out, const char *path, ana_error *err)
{
    *out = (struct file_map){0};
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return file_fail(err, "open", path, errno);
    const ana_status status = map_descriptor(out, descriptor, path, err);
    (void)close(descriptor); /* the mapping stays */
    return status;
}

void file_map_close(struct file_map *map)
{
    if (map->data)
        (void)munmap((void *)(uintptr_t)map->data, map->size);
    *map = (struct file_map){0};
}

/* Room for the whole file and one byte more, which is where the end of the file shows; never more
 * than limit_bytes + 1, since a size is only a promise. */
static size_t first_capacity(FILE *stream, size_t limit_bytes)
{
    struct stat info;
    size_t wanted = FIRST_READ_BYTES;

    if (fstat(fileno(stream), &info) == 0 && S_ISREG(info.st_mode) &&
        (uintmax_t)info.st_size < SIZE_MAX)
        wanted = (size_t)info.st_size + 1;
    if (limit_bytes && wanted > limit_bytes)
        wanted = limit_bytes + 1;
    return wanted;
}

static ana_status read_stream(uint8_t **out, size_t *size, FILE *stream, const char *path,
                              size_t limit_bytes, ana_error *err)
{
    size_t capacity = first_capacity(stream, limit_bytes);
    size_t n = 0;
    uint8_t *data = memory_alloc(capacity);

    for (;;) {
        if (!data)
            return ana_fail_memory(err, capacity);
        n += fread(data + n, 1, capacity - n, stream);
        if (n < capacity || (limit_bytes && n > limit_bytes))
            break;
        if (!size_mul(&capacity, capacity, 2))
            capacity = SIZE_MAX;
        uint8_t *grown = memory_resize(data, capacity);
        if (!grown)
            memory_free(data);
        data = grown;
    }

    const int failure = errno;
    ana_status status = ANA_OK;
    if (ferror(stream))
        status = file_fail(err, "read", path, failure);
    else if (limit_bytes && n > limit_bytes)
        status = ana_fail(err, ANA_ERR_LIMIT, "%s is larger than the %zu bytes allowed", path,
                          limit_bytes);
    if (status) {
        memory_free(data);
        return status;
    }
    data[n] = 0;
    *out = data;
    *size = n;
    return ANA_OK;
}

ana_status file_read(uint8_t **out, size_t *size, const char *path, size_t limit_bytes,
                     ana_error *err)
{
    *out = NULL;
    *size = 0;
    FILE *stream = fopen(path, "rb");
    if (!stream)
        return file_fail(err, "open", path, errno);
    const ana_status status = read_stream(out, size, stream, path, limit_bytes, err);
    (void)fclose(stream);
    return status;
}

#define TEMPORARY_PREFIX ".anatome-"
#define TEMPORARY_SUFFIX ".tmp"

void temporary_name(char out[TEMPORARY_NAME_SIZE], int n)
{
    (void)snprintf(out, TEMPORARY_NAME_SIZE, TEMPORARY_PREFIX "%ld-%d" TEMPORARY_SUFFIX,
                   (long)getpid(), n);
}

/* A descriptor of a new, locked file; -1 with errno set. EEXIST also if a sweep was quicker. Not
 * mkstemp(): the file shall get the permissions that the user's umask gives to new files. */
static int open_locked(const char *path)
{
    struct stat info;
    const int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

    if (descriptor < 0)
        return -1;
    /* Some file systems know no locks; a sweep then leaves their files alone. */
    const bool swept = (flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) ||
                       (fstat(descriptor, &info) == 0 && info.st_nlink == 0);
    if (!swept)
        return descriptor;
    (void)close(descriptor);
    errno = EEXIST;
    return -1;
}

/* Opens a name that did not exist. */
static ana_status create_temporary(struct file_writer *writer, int *descriptor, ana_error *err)
{
    char name[TEMPORARY_NAME_SIZE];
    char *folder = path_folder(writer->path);
    int failure = folder ? EEXIST : ENOMEM;

    *descriptor = -1;
    for (int i = 0; *descriptor < 0 && failure == EEXIST && i < TEMPORARY_ATTEMPTS; i++) {
        temporary_name(name, i);
        writer->temporary = path_join(folder, name);
        if (!writer->temporary) {
            failure = ENOMEM;
            break;
        }
        *descriptor = open_locked(writer->temporary);
        if (*descriptor < 0) {
            failure = errno;
            memory_free(writer->temporary);
            writer->temporary = NULL;
        }
    }
    memory_free(folder);
    return *descriptor < 0 ? file_fail(err, "write", writer->path, failure) : ANA_OK;
}

/* A new string: path itself, or what it points to if it is a symbolic link to something. */
static char *follow_link(const char *path)
{
    char target[PATH_MAX];
    struct stat info;

    if (lstat(path, &info) == 0 && S_ISLNK(info.st_mode) && realpath(path, target))
        return memory_copy_string(target);
    return memory_copy_string(path);
}

static ana_status open_target(struct file_writer *writer, int *descriptor, ana_error *err)
{
    struct stat info;

    if (stat(writer->path, &info) != 0 || S_ISREG(info.st_mode))
        return create_temporary(writer, descriptor, err);
    if (S_ISDIR(info.st_mode))
        return file_fail(err, "write", writer->path, EISDIR);
    *descriptor = open(writer->path, O_WRONLY | O_CLOEXEC);
    return *descriptor < 0 ? file_fail(err, "write", writer->path, errno) : ANA_OK;
}

ana_status file_writer_open(struct file_writer *out, const char *path, ana_error *err)
{
    int descriptor = -1;

    *out = (struct file_writer){0};
    if (!*path)
        return ana_fail(err, ANA_ERR_ARGUMENT, "cannot write a file without a name");
    out->path = follow_link(path);
    if (!out->path)
        return ana_fail_memory(err, strlen(path) + 1);
    ana_status status = open_target(out, &descriptor, err);
    if (!status) {
        out->stream = fdopen(descriptor, "wb");
        if (!out->stream) {
            status = file_fail(err, "write", path, errno);
            (void)close(descriptor);
        }
    }
    if (status)
        file_discard(out);
    return status;
}

/* Pipes and devices cannot be synced, which is no failure. */
static bool sync_stream(FILE *stream)
{
    return fflush(stream) == 0 &&
           (fsync(fileno(stream)) == 0 || errno == EINVAL || errno == ENOTSUP || errno == EROFS);
}

/* Makes the new name last too. Best effort: some file systems cannot sync a folder. */
static void sync_folder(const char *path)
{
    char *folder = path_folder(path);
    const int descriptor = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (descriptor >= 0) {
        (void)fsync(descriptor);
        (void)close(descriptor);
    }
    memory_free(folder);
}

ana_status file_commit(struct file_writer *writer, ana_error *err)
{
    int failure = 0;

    if (ferror(writer->stream))
        failure = EIO; /* the reason of an earlier write is lost */
    if (!sync_stream(writer->stream))
        failure = errno;
    if (!failure && writer->temporary) { /* while it is open, and so locked */
        if (rename(writer->temporary, writer->path) != 0) {
            failure = errno;
        } else {
            memory_free(writer->temporary);
            writer->temporary = NULL;
            sync_folder(writer->path);
        }
    }
    if (writer->temporary) {
        (void)unlink(writer->temporary);
        memory_free(writer->temporary);
        writer->temporary = NULL;
    }
    if (fclose(writer->stream) != 0 && !failure)
        failure = errno;
    writer->stream = NULL;
    const ana_status status = failure ? file_fail(err, "write", writer->path, failure) : ANA_OK;
    file_discard(writer);
    return status;
}

void file_discard(struct file_writer *writer)
{
    if (writer->temporary)
        (void)unlink(writer->temporary);
    if (writer->stream)
        (void)fclose(writer->stream);
    memory_free(writer->temporary);
    memory_free(writer->path);
    *writer = (struct file_writer){0};
}

/* As temporary_name() makes them: two numbers between prefix and suffix. */
static bool is_temporary_name(const char *name)
{
    static const char digits[] = "0123456789";

    if (!string_starts_with(name, TEMPORARY_PREFIX))
        return false;
    name += sizeof TEMPORARY_PREFIX - 1;
    const size_t first = strspn(name, digits);
    if (!first || name[first] != '-')
        return false;
    name += first + 1;
    const size_t second = strspn(name, digits);
    return second && strcmp(name + second, TEMPORARY_SUFFIX) == 0;
}

/* Whoever gets the lock knows that nobody writes; the name may have gone to another file meanwhile.
 */
static void remove_unlocked(const char *path)
{
    struct stat info, named;
    const int descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (descriptor < 0)
        return;
    if (fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode) &&
        flock(descriptor, LOCK_EX | LOCK_NB) == 0 && lstat(path, &named) == 0 &&
        named.st_ino == info.st_ino && named.st_dev == info.st_dev)
        (void)unlink(path);
    (void)close(descriptor);
}

void file_sweep(const char *folder)
{
    struct path_list names;

    if (folder_list(&names, folder, NULL))
        return;
    for (size_t i = 0; i < names.n; i++) {
        char *path = is_temporary_name(names.items[i]) ? path_join(folder, names.items[i]) : NULL;
        if (path)
            remove_unlocked(path);
        memory_free(path);
    }
    path_list_clear(&names);
}

ana_status file_write(const char *path, const void *data, size_t size, ana_error *err)
{
    struct file_writer writer;

    const ana_status status = file_writer_open(&writer, path, err);
    if (status)
        return status;
    errno = 0;
    if (size && fwrite(data, 1, size, writer.stream) != size) {
        const int failure = errno ? errno : EIO;
        file_discard(&writer);
        return file_fail(err, "write", path, failure);
    }
    return file_commit(&writer, err);
}
