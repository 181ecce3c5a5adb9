/* The corpus of the fuzz targets: made seeds, and inputs that fuzzing grew from them.
 *
 *     fuzz_corpus make FOLDER PACKS    writes FOLDER/<parser>/..., from seeds.c and
 * PACKS/<parser>.pack fuzz_corpus pack FILE FOLDER     packs the files of a folder
 *
 * A pack is a list of inputs, each a length of four bytes, least first, and the bytes: thousands of
 * tiny files would be a burden for the repository.
 */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "seeds.h"

enum { LENGTH_BYTES = 4 };

static ana_status unpack_bytes(const uint8_t *bytes, size_t size, const char *folder,
                               ana_error *err)
{
    ana_status status = path_make_folders(folder, err);

    for (size_t at = 0, i = 0; !status && at < size; i++) {
        size_t length = 0;
        char path[1280];
        for (size_t k = 0; k < LENGTH_BYTES && at + k < size; k++)
            length |= (size_t)bytes[at + k] << (8 * k);
        if (size - at < LENGTH_BYTES || length > size - at - LENGTH_BYTES)
            return ana_fail(err, ANA_ERR_FORMAT, "%s: the pack ends too early", folder);
        snprintf(path, sizeof path, "%s/pack-%04zu", folder, i);
        status = file_write(path, bytes + at + LENGTH_BYTES, length, err);
        at += LENGTH_BYTES + length;
    }
    return status;
}

static ana_status unpack(const char *folder, const char *packs, const char *name, ana_error *err)
{
    char path[1024], target[1024];
    uint8_t *bytes;
    size_t size;

    snprintf(path, sizeof path, "%s/%s", packs, name);
    snprintf(target, sizeof target, "%s/%.*s", folder, (int)strcspn(name, "."), name);
    ana_status status = file_read(&bytes, &size, path, 0, err);
    if (status)
        return status;
    status = unpack_bytes(bytes, size, target, err);
    memory_free(bytes);
    return status;
}

static ana_status make(const char *folder, const char *packs, ana_error *err)
{
    struct path_list names = {0};
    ana_status status = seeds_write(folder, err);

    if (!status)
        status = folder_list(&names, packs, err);
    for (size_t i = 0; !status && i < names.n; i++)
        if (strstr(names.items[i], ".pack"))
            status = unpack(folder, packs, names.items[i], err);
    path_list_clear(&names);
    return status;
}

static ana_status append(struct text *out, const char *folder, const char *name, ana_error *err)
{
    char path[1024];
    uint8_t *bytes;
    size_t size;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    const ana_status status = file_read(&bytes, &size, path, 0, err);
    if (status)
        return status;
    for (int k = 0; k < LENGTH_BYTES; k++) {
        const uint8_t byte = (uint8_t)(size >> (8 * k));
        text_append_bytes(out, &byte, 1);
    }
    text_append_bytes(out, bytes, size);
    memory_free(bytes);
    return ANA_OK;
}

static ana_status pack(const char *file, const char *folder, ana_error *err)
{
    struct path_list names = {0};
    struct text out = {0};
    ana_status status = folder_list(&names, folder, err);

    for (size_t i = 0; !status && i < names.n; i++)
        status = append(&out, folder, names.items[i], err);
    if (!status && out.failed)
        status = ana_fail_memory(err, out.size);
    if (!status)
        status = file_write(file, out.data, out.size, err);
    text_clear(&out);
    path_list_clear(&names);
    return status;
}

int main(int argc, char **argv)
{
    ana_error err = {0};
    ana_status status = ANA_OK;

    if (argc == 4 && strcmp(argv[1], "make") == 0) {
        status = make(argv[2], argv[3], &err);
    } else if (argc == 4 && strcmp(argv[1], "pack") == 0) {
        status = pack(argv[2], argv[3], &err);
    } else {
        fputs("usage: fuzz_corpus make FOLDER PACKS | pack FILE FOLDER\n", stderr);
        return 2;
    }
    if (status)
        fprintf(stderr, "fuzz_corpus: %s\n", err.message);
    return status ? 1 : 0;
}
