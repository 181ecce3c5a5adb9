/* anatome info: what a weights file or an image holds. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "anatome/image.h"
#include "anatome/model.h"
#include "anatome/version.h"
#include "cli/command.h"
#include "cli/json_out.h"
#include "cli/terminal.h"

struct info_options {
    struct common_options common;
    int64_t max_pixels;
};

static const struct option info_table[] = {
    {0, "max-pixels", NULL, "N", OPTION_SIZE, offsetof(struct info_options, max_pixels),
     "refuse images of more pixels (default 256M)"},
    {0, NULL, NULL, NULL, OPTION_FLAG, 0, NULL},
};

/* "[64, 3, 7, 7]" */
static void print_extents(char *out, size_t size, const ana_tensor_info *tensor)
{
    size_t used = (size_t)snprintf(out, size, "[");

    for (int i = 0; i < tensor->rank && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%" PRId64, i ? ", " : "",
                                 tensor->extent[i]);
    if (used < size)
        snprintf(out + used, size - used, "]");
}

static void show_metadata(const struct info_options *options, struct json_out *json,
                          const ana_weights *weights)
{
    const char *key, *value;

    out_object(json, "metadata");
    for (int64_t i = 0; ana_weights_metadata(weights, i, &key, &value); i++) {
        out_string(json, key, value);
        const size_t line = strcspn(value, "\n");
        say(&options->common, "  %s: %.*s%s\n", key, (int)line, value,
            value[line] ? " ... (several lines)" : "");
    }
    out_object_end(json);
}

static void show_tensors(const struct info_options *options, struct json_out *json,
                         const ana_weights *weights)
{
    const int64_t n = ana_weights_count(weights);
    int64_t n_elements = 0, bytes = 0;
    char extents[128];

    out_array(json, "tensors");
    for (int64_t i = 0; i < n; i++) {
        const ana_tensor_info tensor = ana_weights_tensor(weights, i);
        int64_t count = 1;
        out_object(json, NULL);
        out_string(json, "name", tensor.name);
        out_string(json, "dtype", tensor.dtype);
        out_array(json, "shape");
        for (int d = 0; d < tensor.rank; d++) {
            out_integer(json, NULL, tensor.extent[d]);
            count *= tensor.extent[d];
        }
        out_array_end(json);
        out_object_end(json);
        print_extents(extents, sizeof extents, &tensor);
        say(&options->common, "  %-48s %-5s %s\n", tensor.name, tensor.dtype, extents);
        n_elements += count;
        bytes += tensor.size_bytes;
    }
    out_array_end(json);
    out_integer(json, "elements", n_elements);
    out_integer(json, "data_bytes", bytes);
    say(&options->common, "%" PRId64 " tensors, %" PRId64 " elements, %.1f MB\n", n, n_elements,
        (double)bytes / 1e6);
}

static void show_weights(const struct info_options *options, struct json_out *json,
                         const char *path, const ana_weights *weights)
{
    out_string(json, "type", "safetensors");
    out_string(json, "sha256", ana_weights_sha256(weights));
    say(&options->common, "%s: safetensors, SHA-256 %s\n", path, ana_weights_sha256(weights));
    show_metadata(options, json, weights);
    show_tensors(options, json, weights);
}

static void show_image(const struct info_options *options, struct json_out *json, const char *path,
                       const ana_image *image)
{
    const ana_pixels pixels = ana_image_pixels(image);
    const int bits = pixels.type == ANA_PIXEL_U8 ? 8 : pixels.type == ANA_PIXEL_U16 ? 16 : 32;
    double x, y;

    out_string(json, "type", "image");
    out_integer(json, "width", pixels.width);
    out_integer(json, "height", pixels.height);
    out_integer(json, "channels", pixels.channels);
    out_integer(json, "bits", bits);
    say(&options->common, "%s: image, %" PRId64 " x %" PRId64 " pixels, %s, %d bits\n", path,
        pixels.width, pixels.height, pixels.channels == 1 ? "grey" : "RGB", bits);
    if (ana_image_spacing_mm(image, &x, &y)) {
        out_array(json, "spacing_mm");
        out_number(json, NULL, x);
        out_number(json, NULL, y);
        out_array_end(json);
        say(&options->common, "  spacing %g x %g mm\n", x, y);
    }
}

/* Weights begin with a length and a brace, which no image format does. */
static bool looks_like_weights(const char *path)
{
    FILE *file = fopen(path, "rb");
    unsigned char head[9] = {0};

    if (!file)
        return false;
    const size_t n = fread(head, 1, sizeof head, file);
    fclose(file);
    return n == sizeof head && head[8] == '{' && head[6] == 0 && head[7] == 0;
}

static bool has_suffix(const char *path, const char *suffix)
{
    const size_t n = strlen(path), m = strlen(suffix);

    return n >= m && strcmp(path + n - m, suffix) == 0;
}

static ana_status show_file(const struct info_options *options, struct json_out *json,
                            const char *path, ana_error *error)
{
    ana_status status;

    if (looks_like_weights(path) || has_suffix(path, ".safetensors")) {
        ana_weights *weights;
        status = ana_weights_open(&weights, path, error);
        if (!status)
            show_weights(options, json, path, weights);
        ana_weights_free(weights);
        return status;
    }
    ana_image *image;
    status = ana_image_read(&image, path, options->max_pixels, error);
    if (!status)
        show_image(options, json, path, image);
    ana_image_free(image);
    return status;
}

static int run(void *data)
{
    const struct info_options *options = data;
    const struct strings *inputs = &options->common.inputs;
    struct json_out json = {0};
    ana_error error;
    int code = EXIT_CODE_OK;

    if (inputs->n == 0)
        return usage_error(&command_info, "no file was named");
    out_object(&json, NULL);
    out_array(&json, "files");
    for (size_t i = 0; i < inputs->n; i++) {
        out_object(&json, NULL);
        out_string(&json, "path", inputs->items[i]);
        if (show_file(options, &json, inputs->items[i], &error)) {
            complain("%s", error.message);
            out_string(&json, "error", error.message);
            code = EXIT_CODE_FAILED;
        }
        out_object_end(&json);
    }
    out_array_end(&json);
    out_object_end(&json);

    if (options->common.json && !json_out_print(&json))
        code = EXIT_CODE_FAILED;
    json_out_clear(&json);
    return code;
}

const struct command command_info = {
    .name = "info",
    .summary = "show what a weights file or an image holds",
    .usage = "[options] FILE...",
    .about =
        "Shows the tensors, metadata (licence among it) and hash of safetensors files, of this\n"
        "project or not, and size, channels and spacing of images. A file is known by its\n"
        "content, not by its name.",
    .options = info_table,
    .examples = "  anatome info models/mini.safetensors\n"
                "  anatome info --json retina.jpg",
    .options_size = sizeof(struct info_options),
    .run = run,
};
