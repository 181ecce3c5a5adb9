#include "little_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "io/image_file.h"

static const char concepts_csv[] =
    "name,headline,lesion,views,laterality,mirror,turns,flip,tiles,aliases\n"
    "left lung,yes,,x-ray:chest|CT:chest,left,right lung,,50,,left lung field\n"
    "right lung,yes,,x-ray:chest|CT:chest,right,left lung,,50,,right lung field\n"
    "dots,yes,yes,microscopy:cells,,,any,50,yes,spots\n"
    "brain tumor,yes,yes,MRI:brain,,,,50,,glioma\n"
    "polyp,yes,yes,endoscopy:colon,,,any,50,,adenoma\n";

static const char manifest_csv[] =
    "path,image,mask,family,modality,concept,split,case,patient\n"
    "a,scan0.png,left.png,x-ray,chest X-ray,left lung,train,c0,p0\n"
    "a,scan0.png,right.png,x-ray,chest X-ray,right lung,train,c0,p0\n"
    "b,dots0.png,dots_mask.png,microscopy,,dots,train,,\n"
    "a,scan1.png,left.png,x-ray,chest X-ray,left lung,train,c1,\n"
    "b,dots1.png,dots_mask.png,microscopy,,dots,val,,\n"
    "a,scan2.png,right.png,x-ray,chest X-ray,right lung,train,,\n"
    "a,scan2.png,left.png,x-ray,chest X-ray,spleen,train,,\n"
    "a,scan3.png,empty.png,x-ray,chest X-ray,left lung,train,,\n"
    "a,scan3.png,right.png,x-ray,chest X-ray,bone,train,,\n"
    "c,scan0.png,,x-ray,,left lung,train,,\n"
    "c,volume.nii.gz,mask.nii.gz,CT,,left lung,train,,\n"
    "c,scan0.png,labels#3,CT,,left lung,train,,\n";

static int inside(int x, int y, int cx, int cy, int r)
{
    return (x - cx) * (x - cx) + (y - cy) * (y - cy) <= r * r;
}

/* The patient's right is on the picture's left. */
static uint8_t right_mask(int x, int y)
{
    return inside(x, y, 20, 32, 14) ? 255 : 0;
}

static uint8_t left_mask(int x, int y)
{
    return inside(x, y, 60, 32, 10) ? 255 : 0;
}

static uint8_t scan(int x, int y)
{
    return right_mask(x, y) ? 230 : left_mask(x, y) ? 20 : 120;
}

static uint8_t dots_mask(int x, int y)
{
    return (y / 10 == 2 && (x / 10 == 1 || x / 10 == 4)) || (y / 10 == 5 && x / 10 == 6) ? 255 : 0;
}

static uint8_t dots(int x, int y)
{
    return (uint8_t)(dots_mask(x, y) ? 200 : 40 + (x + y) % 8);
}

static uint8_t empty(int x, int y)
{
    (void)x;
    (void)y;
    return 0;
}

void little_file(const struct little_set *set, const char *name, const char *text)
{
    char path[160];
    ana_error err = {0};

    snprintf(path, sizeof path, "%s/%s", set->folder, name);
    if (file_write(path, text, strlen(text), &err))
        fail_msg("%s", err.message);
}

void little_picture(const struct little_set *set, const char *name, int width, int height,
                    uint8_t (*value)(int x, int y))
{
    char path[160];
    struct image image;
    ana_error err = {0};

    snprintf(path, sizeof path, "%s/%s", set->folder, name);
    if (image_create_2d(&image, height, width, 1, DTYPE_U8, &err))
        fail_msg("%s", err.message);
    image.meaning = CHANNELS_GREY;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            ((uint8_t *)image.pixels.data)[y * width + x] = value(x, y);
    if (png_write(path, &image, &err))
        fail_msg("%s", err.message);
    image_clear(&image);
}

void little_set_write(struct little_set *set)
{
    ana_error err = {0};

    memset(set, 0, sizeof *set);
    strcpy(set->folder, "/tmp/anatome-test-XXXXXX");
    assert_non_null(mkdtemp(set->folder));
    snprintf(set->cache, sizeof set->cache, "%s/cache", set->folder);
    snprintf(set->csv, sizeof set->csv, "%s/set.csv", set->folder);
    for (int i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "scan%d.png", i);
        little_picture(set, name, 80, 64, scan);
    }
    little_picture(set, "left.png", 80, 64, left_mask);
    little_picture(set, "right.png", 80, 64, right_mask);
    little_picture(set, "empty.png", 80, 64, empty);
    little_picture(set, "dots0.png", 80, 64, dots);
    little_picture(set, "dots1.png", 80, 64, dots);
    little_picture(set, "dots_mask.png", 80, 64, dots_mask);
    little_file(set, "set.csv", manifest_csv);
    if (concepts_parse(&set->concepts, concepts_csv, "concepts", &err))
        fail_msg("%s", err.message);
}

void little_set_open(struct little_set *set)
{
    const struct dataset_options options = {.cache_folder = set->cache};
    ana_error err = {0};

    if (manifest_read(&set->manifest, set->csv, NULL, &err) ||
        dataset_open(&set->dataset, &set->manifest, 1, &set->concepts, &options, &err))
        fail_msg("%s", err.message);
}

void little_set_make(struct little_set *set)
{
    little_set_write(set);
    little_set_open(set);
}

/* Two levels deep at most. */
static void remove_folder(const char *folder)
{
    struct path_list list;

    if (folder_list(&list, folder, NULL))
        return;
    for (size_t i = 0; i < list.n; i++) {
        char *path = path_join(folder, list.items[i]);
        if (path && path_is_folder(path))
            remove_folder(path);
        else if (path)
            unlink(path);
        memory_free(path);
    }
    path_list_clear(&list);
    rmdir(folder);
}

void little_set_remove(struct little_set *set)
{
    dataset_clear(&set->dataset);
    manifest_clear(&set->manifest);
    concepts_clear(&set->concepts);
    remove_folder(set->folder);
}
