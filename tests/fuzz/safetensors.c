/* Safetensors: every tensor of a file that opened can be read and found by its name. */
#include "io/safetensors.h"

#include "fuzz.h"

static void visit(const struct tensor_source *source)
{
    unsigned sum = 0;

    (void)source->ops->metadata(source, "anatome.kind");
    EXPECT(source->ops->find(source, "no such tensor") < source->ops->count(source));
    for (int64_t i = 0; i < source->ops->count(source); i++) {
        const struct tensor tensor = source->ops->tensor(source, i);
        const uint8_t *bytes = tensor.data;
        EXPECT(source->ops->find(source, source->ops->name(source, i)) == i);
        EXPECT((uintptr_t)bytes % dtype_size(tensor.dtype) == 0);
        for (size_t k = 0; k < tensor_bytes(&tensor); k++)
            sum += bytes[k];
    }
    EXPECT(sum != 0xffffffffU); /* so that the bytes are looked at */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct safetensors *file = NULL;
    ana_error err = {0};

    const ana_status status = safetensors_open_memory(&file, data, size, "file", &err);
    if (!status)
        visit(safetensors_source(file));
    else
        EXPECT(!file);
    safetensors_free(file);
    fuzz_end(status, &err);
    return 0;
}
