/* Manifests in CSV. The first byte chooses whether a concept is given from outside. */
#include "train/manifest.h"

#include "fuzz.h"

static void visit(const struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->n_rows; i++) {
        const struct manifest_row *row = &manifest->rows[i];
        EXPECT(row->image[0] && row->mask[0] && row->concept[0]);
        EXPECT(row->image_path[0] && row->mask_path[0] && row->patient[0]);
        EXPECT(row->split && row->set && row->family && row->modality && row->licence);
    }
    (void)manifest_skipped(manifest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct manifest_options options = {0};
    struct manifest manifest;
    ana_error err = {0};

    if (size == 0)
        return 0;
    options.concept = data[0] & 1 ? "lungs" : NULL;
    const char *path = fuzz_file(data + 1, size - 1);
    const ana_status status = manifest_read(&manifest, path, &options, &err);
    if (!status)
        visit(&manifest);
    manifest_clear(&manifest);
    fuzz_end(status, &err);
    return 0;
}
