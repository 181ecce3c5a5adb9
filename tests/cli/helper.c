/* What the scripts of tests/cli cannot do in shell.
 *
 *   cli_helper get FILE a.0.b      prints a value of a JSON file
 *   cli_helper keys FILE           prints every key of it, one a line
 *   cli_helper png FILE W H        writes a grey PNG with a bright disc
 *   cli_helper page FILE           checks HTML and prints file and text of its pictures
 *   cli_helper range FILE          prints smallest and largest value of a PNG, and its size
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/markup.h"
#include "base/file.h"
#include "base/memory.h"
#include "io/image_file.h"
#include "io/json.h"

static int complain(const ana_error *error)
{
    fprintf(stderr, "%s\n", error->message);
    return 1;
}

static const struct json *walk(const struct json *value, char *path)
{
    for (char *name = strtok(path, "."); value && name; name = strtok(NULL, "."))
        value = json_type_of(value) == JSON_TYPE_ARRAY ? json_at(value, strtol(name, NULL, 10))
                                                       : json_get(value, name);
    return value;
}

static int print_value(const char *file, char *path)
{
    struct json *root;
    ana_error error;

    if (json_read(&root, file, NULL, &error))
        return complain(&error);
    const struct json *value = walk(root, path);
    const enum json_type type = json_type_of(value);
    if (type == JSON_TYPE_STRING)
        puts(json_text(value));
    else if (type == JSON_TYPE_NUMBER)
        printf("%.9g\n", json_double(value, 0));
    else if (type == JSON_TYPE_BOOL)
        puts(json_bool(value, false) ? "true" : "false");
    else if (type == JSON_TYPE_NULL)
        puts("null");
    else
        printf("%" PRId64 " entries\n", json_count(value));
    const int code = value ? 0 : 1;
    json_free(root);
    return code;
}

static void print_keys(const struct json *value)
{
    if (json_type_of(value) == JSON_TYPE_OBJECT)
        for (struct json_member m = json_first(value); m.key; m = json_next(value, m)) {
            puts(m.key);
            /* What a weights file's metadata is called is not ours to document. */
            if (strcmp(m.key, "metadata") != 0)
                print_keys(m.value);
        }
    else if (json_type_of(value) == JSON_TYPE_ARRAY)
        for (int64_t i = 0; i < json_count(value); i++)
            print_keys(json_at(value, i));
}

static int print_all_keys(const char *file)
{
    struct json *root;
    ana_error error;

    if (json_read(&root, file, NULL, &error))
        return complain(&error);
    print_keys(root);
    json_free(root);
    return 0;
}

static int write_png(const char *file, long width, long height)
{
    struct image image;
    ana_error error;

    if (image_create_2d(&image, height, width, 1, DTYPE_U8, &error))
        return complain(&error);
    uint8_t *pixels = image.pixels.data;
    for (long y = 0; y < height; y++)
        for (long x = 0; x < width; x++) {
            const double u = 2 * ((double)x + 0.5) / (double)width - 1;
            const double v = 2 * ((double)y + 0.5) / (double)height - 1;
            pixels[y * width + x] = u * u + v * v < 0.4 ? 220 : 40;
        }
    const ana_status status = png_write(file, &image, &error);
    image_clear(&image);
    return status ? complain(&error) : 0;
}

static void print_picture(void *user, const struct markup_tag *tag)
{
    char file[256] = "", alt[512] = "";

    (void)user;
    if (tag->name_size != 3 || strncmp(tag->name, "img", 3) != 0)
        return;
    markup_attribute(file, sizeof file, tag, "src");
    markup_attribute(alt, sizeof alt, tag, "alt");
    printf("%s %s\n", file, alt);
}

static int print_page(const char *file)
{
    uint8_t *bytes;
    size_t size;
    ana_error error;

    if (file_read(&bytes, &size, file, 1 << 26, &error))
        return complain(&error);
    const char *wrong = markup_check((const char *)bytes, print_picture, NULL);
    if (wrong)
        fprintf(stderr, "%s: %s\n", file, wrong);
    memory_free(bytes);
    return wrong != NULL;
}

static int print_range(const char *file)
{
    struct image image;
    ana_error error;
    int low = 65535, high = 0;

    if (image_read(&image, file, NULL, &error))
        return complain(&error);
    for (int64_t i = 0; i < tensor_count(&image.pixels); i++) {
        const int value = image.pixels.dtype == DTYPE_U8 ? ((const uint8_t *)image.pixels.data)[i]
                                                         : ((const uint16_t *)image.pixels.data)[i];
        low = value < low ? value : low;
        high = value > high ? value : high;
    }
    printf("%d %d %" PRId64 "x%" PRId64 " %s\n", low, high, image_width(&image),
           image_height(&image), dtype_name(image.pixels.dtype));
    image_clear(&image);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "get") == 0)
        return print_value(argv[2], argv[3]);
    if (argc == 3 && strcmp(argv[1], "keys") == 0)
        return print_all_keys(argv[2]);
    if (argc == 5 && strcmp(argv[1], "png") == 0)
        return write_png(argv[2], strtol(argv[3], NULL, 10), strtol(argv[4], NULL, 10));
    if (argc == 3 && strcmp(argv[1], "page") == 0)
        return print_page(argv[2]);
    if (argc == 3 && strcmp(argv[1], "range") == 0)
        return print_range(argv[2]);
    fputs("usage: cli_helper get|keys|png|page|range ...\n", stderr);
    return 2;
}
