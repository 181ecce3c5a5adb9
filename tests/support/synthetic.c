/* Discs and squares, drawn from keyed random numbers: the same files every time. */
#include "synthetic.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "io/image_file.h"

/* Disc and square share a view, so both may be in one picture; bars never are in it, so that asking
 * for them is certainly wrong. */
static const char concepts_csv[] =
    "name,group,headline,lesion,views,laterality,mirror,turns,flip,tiles,context,aliases,heldout\n"
    "bright disc,shapes,yes,yes,drawing:shapes,,,any,50,,drawing,white circle|round spot|"
    "bright circle,pale disk\n"
    "dark square,shapes,yes,yes,drawing:shapes,,,any,50,,drawing,black box|square patch|"
    "black square,dim quad\n"
    "striped bar,shapes,,yes,photograph:bars,,,any,50,,drawing,zebra stripe|barred strip|"
    "striped rod,banded pole\n";

struct thing {
    double x, y, r;
};

static bool inside(const struct thing *thing, bool disc, int x, int y)
{
    const double dx = x - thing->x, dy = y - thing->y;
    if (disc)
        return dx * dx + dy * dy <= thing->r * thing->r;
    return dx >= -thing->r && dx <= thing->r && dy >= -thing->r && dy <= thing->r;
}

static ana_status write_pair(const char *folder, int i, int size, ana_error *err)
{
    struct random random = random_at(7, (uint64_t)i, 0, 0);
    const struct thing things[2] = {
        {size * random_between(&random, 0.2, 0.4), size * random_between(&random, 0.2, 0.8),
         size * random_between(&random, 0.08, 0.18)},
        {size * random_between(&random, 0.6, 0.8), size * random_between(&random, 0.2, 0.8),
         size * random_between(&random, 0.08, 0.15)}};
    struct image image, mask[2];
    memset(&image, 0, sizeof image);
    memset(mask, 0, sizeof mask);
    ana_status status = image_create_2d(&image, size, size, 1, DTYPE_U8, err);
    for (int k = 0; !status && k < 2; k++)
        status = image_create_2d(&mask[k], size, size, 1, DTYPE_U8, err);
    for (int at = 0; !status && at < size * size; at++) {
        double level = 110 + 12 * random_normal(&random);
        for (int k = 0; k < 2; k++) {
            const bool in = inside(&things[k], k == 0, at % size, at / size);
            ((uint8_t *)mask[k].pixels.data)[at] = in ? 255 : 0;
            level += in ? (k == 0 ? 90 : -80) : 0;
        }
        ((uint8_t *)image.pixels.data)[at] = (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
    }
    const struct image *const files[] = {&image, &mask[0], &mask[1]};
    static const char *const kinds[] = {"images", "masks", "masks"};
    static const char *const suffixes[] = {"", "_disc", "_square"};
    for (int k = 0; !status && k < 3; k++) {
        char name[64];
        snprintf(name, sizeof name, "%s/%03d%s.png", kinds[k], i, suffixes[k]);
        char *path = path_join(folder, name);
        status = path ? png_write(path, files[k], err) : ana_fail_memory(err, sizeof name);
        memory_free(path);
    }
    image_clear(&image);
    image_clear(&mask[0]);
    image_clear(&mask[1]);
    return status;
}

static ana_status write_text(const char *folder, const char *name, const char *text, ana_error *err)
{
    char *path = path_join(folder, name);
    size_t size = 0;
    while (text[size])
        size++;
    const ana_status status = path ? file_write(path, text, size, err) : ana_fail_memory(err, size);
    memory_free(path);
    return status;
}

static ana_status make_folder(const char *folder, const char *name, ana_error *err)
{
    char *path = path_join(folder, name);
    const ana_status status = path ? path_make_folders(path, err) : ana_fail_memory(err, 1);
    memory_free(path);
    return status;
}

ana_status synthetic_write(const char *folder, int n, int size, ana_error *err)
{
    ana_status status = make_folder(folder, "images", err);
    if (!status)
        status = make_folder(folder, "masks", err);
    struct text manifest = {0};
    text_append(&manifest, "path,image,mask,modality,family,concept,split,patient\n");
    for (int i = 0; !status && i < n; i++) {
        status = write_pair(folder, i, size, err);
        for (int k = 0; k < 2; k++)
            text_appendf(&manifest,
                         "shapes,images/%03d.png,masks/%03d_%s.png,drawing,drawing,%s,%s,p%d\n", i,
                         i, k ? "square" : "disc", k ? "dark square" : "bright disc",
                         i % 4 == 3 ? "val" : "train", i);
    }
    if (!status)
        status = write_text(folder, "manifest.csv", text_string(&manifest), err);
    text_clear(&manifest);
    return status ? status : write_text(folder, "concepts.csv", concepts_csv, err);
}
