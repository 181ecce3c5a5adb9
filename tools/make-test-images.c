/* Writes the sample images of tests/unit/io into a folder, one of every kind that anatome reads,
 * for tests from outside and for a look by eye.
 *
 *     make-test-images FOLDER
 */
#include <stdio.h>

#include "base/file.h"
#include "sample_images.h"

static ana_status write_sample(const char *folder, const struct sample *sample, ana_error *err)
{
    struct text path = {0};
    struct text bytes = {0};

    sample_encode(&bytes, sample);
    text_appendf(&path, "%s/%s%s", folder, sample->name, sample_extension(sample));
    const ana_status status = path.failed
                                  ? ana_fail_memory(err, 1)
                                  : file_write(text_string(&path), bytes.data, bytes.size, err);
    text_clear(&path);
    text_clear(&bytes);
    return status;
}

int main(int argc, char **argv)
{
    ana_error err = {0};
    if (argc != 2) {
        fprintf(stderr, "usage: make-test-images FOLDER\n");
        return 2;
    }
    ana_status status = path_make_folders(argv[1], &err);
    for (int i = 0; i < n_samples && !status; i++)
        status = write_sample(argv[1], &samples[i], &err);
    if (status)
        fprintf(stderr, "make-test-images: %s\n", err.message);
    return status ? 1 : 0;
}
