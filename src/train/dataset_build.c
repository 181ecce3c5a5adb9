/* Decodes and resizes what a manifest names, into the cache file. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "imaging/components.h"
#include "imaging/resize.h"
#include "io/image_file.h"
#include "train/dataset_internal.h"

enum { CHUNK = 16, MIN_PART_PIXELS = 16 };

/* Images decoded together; `out` holds their pixels as they will lie in the file. */
struct chunk {
    struct cache_plan *plan;
    const struct manifest *manifest;
    int64_t first;
    uint8_t *out;
    ana_status status[CHUNK];
    ana_error error[CHUNK];
};

static void to_bytes(uint8_t *out, const float *in, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const float v = in[i] < 0.0f ? 0.0f : in[i] > 255.0f ? 255.0f : in[i];
        out[i] = (uint8_t)(v + 0.5f);
    }
}

/* 0..255 floats of any U8 or U16 image. */
static void to_floats(float *out, const struct image *image)
{
    const int64_t n = tensor_count(&image->pixels);

    if (image->pixels.dtype == DTYPE_U16) {
        const uint16_t *in = image->pixels.data;
        for (int64_t i = 0; i < n; i++)
            out[i] = (float)in[i] / 257.0f;
    } else {
        const uint8_t *in = image->pixels.data;
        for (int64_t i = 0; i < n; i++)
            out[i] = (float)in[i];
    }
}

/* One size of a plane; `resized` has room for the largest. */
static ana_status resize_to(uint8_t *out, int64_t size, float *resized, const float *in,
                            const struct plane_shape *shape, ana_error *err)
{
    const ana_status status = plane_resize_area(resized, size, size, in, shape, err);

    if (!status)
        to_bytes(out, resized, size * size * shape->channels);
    return status;
}

/* Both sizes of an image of 1 or 3 channels, one after the other. */
static ana_status resize_both(uint8_t *out, const struct image *image, ana_error *err)
{
    const struct plane_shape shape = {image_height(image), image_width(image),
                                      image_channels(image)};
    const size_t n = (size_t)tensor_count(&image->pixels);
    float *plane = memory_alloc_array(n, sizeof *plane);
    float *resized =
        memory_alloc_array((size_t)LARGE_PIXELS * (size_t)shape.channels, sizeof *plane);
    ana_status status = ANA_OK;

    if (!plane || !resized) {
        status = ana_fail_memory(err, n * sizeof *plane);
    } else {
        to_floats(plane, image);
        status = resize_to(out, DATASET_LARGE, resized, plane, &shape, err);
        if (!status)
            status = resize_to(out + LARGE_PIXELS * shape.channels, DATASET_SMALL, resized, plane,
                               &shape, err);
    }
    memory_free(plane);
    memory_free(resized);
    return status;
}

/* One grey plane becomes three equal channels; from the end, as they overlap. */
static void spread_grey(uint8_t *pixels, int64_t n)
{
    for (int64_t i = n - 1; i >= 0; i--)
        pixels[3 * i] = pixels[3 * i + 1] = pixels[3 * i + 2] = pixels[i];
}

static bool channels_are_equal(const uint8_t *pixels, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (pixels[3 * i] != pixels[3 * i + 1] || pixels[3 * i] != pixels[3 * i + 2])
            return false;
    return true;
}

static ana_status decode_image(uint8_t *out, struct cache_image *entry, const char *path,
                               ana_error *err)
{
    struct image image = {0};
    ana_status status = image_read(&image, path, NULL, err);

    if (status)
        return status;
    entry->native_width = (int32_t)image_width(&image);
    entry->native_height = (int32_t)image_height(&image);
    status = resize_both(out, &image, err);
    if (!status && image_channels(&image) == 1)
        spread_grey(out, LARGE_PIXELS + SMALL_PIXELS);
    entry->grey = image_channels(&image) == 1 || channels_are_equal(out, LARGE_PIXELS);
    image_clear(&image);
    return status;
}

static struct dataset_box box_of(const struct component *part)
{
    return (struct dataset_box){(int16_t)part->x0, (int16_t)part->y0, (int16_t)part->x1,
                                (int16_t)part->y1};
}

static void widen(struct dataset_box *box, const struct component *part)
{
    const struct dataset_box other = box_of(part);

    if (box->x1 == 0) {
        *box = other;
        return;
    }
    box->x0 = other.x0 < box->x0 ? other.x0 : box->x0;
    box->y0 = other.y0 < box->y0 ? other.y0 : box->y0;
    box->x1 = other.x1 > box->x1 ? other.x1 : box->x1;
    box->y1 = other.y1 > box->y1 ? other.y1 : box->y1;
}

/* Area, box and largest parts on the small mask. */
static ana_status measure(struct cache_target *entry, const uint8_t *small, ana_error *err)
{
    struct components parts = {0};
    int64_t largest[DATASET_PARTS];
    uint8_t *mask = memory_alloc(SMALL_PIXELS);

    if (!mask)
        return ana_fail_memory(err, SMALL_PIXELS);
    for (int64_t i = 0; i < SMALL_PIXELS; i++)
        mask[i] = small[i] > 127;
    const ana_status status =
        components_label(&parts, NULL, mask, DATASET_SMALL, DATASET_SMALL, 8, err);
    if (!status) {
        for (int64_t i = 0; i < parts.n; i++) {
            entry->area += (int32_t)parts.items[i].area;
            widen(&entry->box, &parts.items[i]);
        }
        entry->n_parts =
            (int32_t)components_largest(largest, DATASET_PARTS, &parts, MIN_PART_PIXELS);
        for (int32_t i = 0; i < entry->n_parts; i++)
            entry->parts[i] = box_of(&parts.items[largest[i]]);
    }
    components_clear(&parts);
    memory_free(mask);
    return status;
}

static ana_status decode_mask(uint8_t *out, struct cache_target *entry,
                              const struct cache_image *owner, const struct manifest_row *row,
                              ana_error *err)
{
    struct image mask = {0};
    ana_status status = mask_read(&mask, row->mask_path, NULL, err);

    if (status)
        return status;
    const int64_t width = image_width(&mask), height = image_height(&mask);
    if (width != owner->native_width || height != owner->native_height) {
        status =
            ana_fail(err, ANA_ERR_FORMAT,
                     "%s: %" PRId64 "x%" PRId64 " pixels, its image %s has %dx%d", row->mask_path,
                     width, height, row->image_path, owner->native_width, owner->native_height);
    } else {
        uint8_t *pixels = mask.pixels.data;
        for (int64_t i = 0; i < width * height; i++)
            pixels[i] = pixels[i] ? 255 : 0;
        status = resize_both(out, &mask, err);
    }
    image_clear(&mask);
    return status ? status : measure(entry, out + LARGE_PIXELS, err);
}

static void decode_one(void *context, int64_t job, int worker)
{
    struct chunk *chunk = context;
    struct cache_image *image = &chunk->plan->images[chunk->first + job];
    const struct manifest_row *rows = chunk->manifest->rows;
    uint8_t *out = chunk->out + (cache_offset(chunk->plan->images, chunk->first + job, 0) -
                                 cache_offset(chunk->plan->images, chunk->first, 0));
    ana_error *err = &chunk->error[job];

    (void)worker;
    ana_status status = decode_image(out, image, rows[image->row].image_path, err);
    for (int32_t k = 0; k < image->n_targets && !status; k++) {
        struct cache_target *target = &chunk->plan->targets[image->first_target + k];
        status = decode_mask(out + IMAGE_BYTES + (size_t)k * TARGET_BYTES, target, image,
                             &rows[target->row], err);
    }
    image->check = cache_check(out, cache_image_bytes(image));
    chunk->status[job] = status;
}

static ana_status put(struct file_writer *writer, const void *data, size_t size, ana_error *err)
{
    if (size && fwrite(data, 1, size, writer->stream) != size)
        return ana_fail(err, ANA_ERR_IO, "%s: cannot be written", writer->path);
    return ANA_OK;
}

/* Decodes `count` images and appends their pixels. */
static ana_status write_chunk(struct file_writer *writer, struct chunk *chunk, int64_t count,
                              struct pool *pool, ana_error *err)
{
    ana_status status = ANA_OK;
    size_t bytes = 0;

    for (int64_t i = 0; i < count; i++)
        bytes += cache_image_bytes(&chunk->plan->images[chunk->first + i]);
    chunk->out = memory_alloc(bytes);
    if (!chunk->out)
        return ana_fail_memory(err, bytes);
    parallel_for(pool, count, decode_one, chunk);
    for (int64_t i = 0; i < count && !status; i++)
        if (chunk->status[i])
            status = ana_fail(err, chunk->status[i], "%s", chunk->error[i].message);
    if (!status)
        status = put(writer, chunk->out, bytes, err);
    memory_free(chunk->out);
    return status;
}

/* What stands before the pixels; its sums are known only after them. */
static ana_status write_head(struct file_writer *writer, const char *key,
                             const struct cache_plan *plan, ana_error *err)
{
    const size_t images_bytes = (size_t)plan->n_images * sizeof *plan->images;
    const size_t targets_bytes = (size_t)plan->n_targets * sizeof *plan->targets;
    uint8_t *head = memory_alloc_zeroed((size_t)plan->data_offset);
    struct cache_header header = {.magic = CACHE_MAGIC,
                                  .version = CACHE_VERSION,
                                  .byte_order = 1,
                                  .n_images = plan->n_images,
                                  .n_targets = plan->n_targets,
                                  .data_offset = plan->data_offset,
                                  .file_size = plan->file_size};

    if (!head)
        return ana_fail_memory(err, (size_t)plan->data_offset);
    memcpy(header.key, key, CACHE_KEY_SIZE);
    memcpy(head + sizeof header, plan->images, images_bytes);
    memcpy(head + sizeof header + images_bytes, plan->targets, targets_bytes);
    header.index_check = cache_check(head + sizeof header, images_bytes + targets_bytes);
    header.head_check = cache_check(&header, sizeof header);
    memcpy(head, &header, sizeof header);
    ana_status status = ANA_OK;
    if (fseeko(writer->stream, 0, SEEK_SET) != 0)
        status = ana_fail(err, ANA_ERR_IO, "%s: cannot be written", writer->path);
    else
        status = put(writer, head, (size_t)plan->data_offset, err);
    memory_free(head);
    return status;
}

static ana_status write_pixels(struct file_writer *writer, struct cache_plan *plan,
                               const struct manifest *manifest,
                               const struct dataset_options *options, ana_error *err)
{
    struct chunk chunk = {.plan = plan, .manifest = manifest};
    ana_status status = ANA_OK;

    for (; !status && chunk.first < plan->n_images; chunk.first += CHUNK) {
        const int64_t left = plan->n_images - chunk.first;
        status = write_chunk(writer, &chunk, left < CHUNK ? left : CHUNK, options->pool, err);
        if (!status && options->progress &&
            !options->progress(options->user, "reading images",
                               (double)(chunk.first + 1) / (double)plan->n_images))
            status = ana_fail(err, ANA_ERR_CANCELLED, "%s: reading stopped", manifest->path);
    }
    return status;
}

ana_status cache_build(const char *path, const char *key, struct cache_plan *plan,
                       const struct manifest *manifest, const struct dataset_options *options,
                       ana_error *err)
{
    struct file_writer writer;
    ana_status status = file_writer_open(&writer, path, err);

    if (status)
        return status;
    if (fseeko(writer.stream, (off_t)plan->data_offset, SEEK_SET) != 0)
        status = ana_fail(err, ANA_ERR_IO, "%s: cannot be written", path);
    if (!status)
        status = write_pixels(&writer, plan, manifest, options, err);
    if (!status)
        status = write_head(&writer, key, plan, err);
    if (!status)
        return file_commit(&writer, err);
    file_discard(&writer);
    return status;
}
