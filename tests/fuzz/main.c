/* Runs a fuzz target over files, where there is no libFuzzer.
 *
 *     fuzz_<parser> FILE|FOLDER...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "fuzz.h"

static int n_run;

static int complain(const ana_error *err)
{
    fprintf(stderr, "%s\n", err->message);
    return 1;
}

/* The bytes in a block of just their size, so that a sanitizer sees the first one too many. */
static int run_file(const char *path)
{
    uint8_t *bytes, *exact;
    size_t size;
    ana_error err;

    if (file_read(&bytes, &size, path, 0, &err))
        return complain(&err);
    exact = malloc(size ? size : 1);
    EXPECT(exact);
    memcpy(exact, bytes, size);
    memory_free(bytes);
    fprintf(stderr, "%s\n", path); /* the last line of a crash says where */
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    n_run++;
    return 0;
}

/* Paths are released before the target runs: it expects that nothing of ours is in use. */
static int run_path(const char *path)
{
    struct path_list names;
    ana_error err;
    int code = 0;

    if (!path_is_folder(path))
        return run_file(path);
    if (folder_list(&names, path, &err))
        return complain(&err);
    const size_t n = names.n;
    path_list_clear(&names);
    for (size_t i = 0; i < n && !code; i++) {
        char name[1024];
        if (folder_list(&names, path, &err))
            return complain(&err);
        snprintf(name, sizeof name, "%s/%s", path, names.items[i]);
        path_list_clear(&names);
        code = run_file(name);
    }
    return code;
}

int main(int argc, char **argv)
{
    int code = 0;

    for (int i = 1; i < argc && !code; i++)
        code = run_path(argv[i]);
    if (!code && n_run == 0) {
        fprintf(stderr, "no input\n");
        code = 1;
    }
    printf("%d inputs\n", n_run);
    return code;
}
