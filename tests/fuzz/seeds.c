/* See seeds.h. Images come from the encoders of tests/unit/io, texts stand here. */
#include "seeds.h"

#include <stdio.h>
#include <string.h>

#include "../unit/io/sample_encoders.h"
#include "base/file.h"
#include "base/memory.h"
#include "io/safetensors.h"

struct seed {
    const char *parser, *text;
};

static const struct seed texts[] = {
    {"json", "{\"a\":[1,-2.5e3,true,false,null,\"\\u00e9\\n\"],\"b\":{\"c\":{}},\"d\":[]}"},
    {"json", "[[[[0]]],{\"x\":18446744073709551616},1e-300,9223372036854775807,-0.0]"},
    {"json", "{\"0\":0,\"1\":1,\"2\":2,\"3\":3,\"4\":4,\"5\":5,\"6\":6,\"7\":7,\"8\":8,\"9\":9,"
             "\"10\":0,\"11\":1,\"12\":2,\"13\":3,\"14\":4,\"15\":5,\"16\":6,\"17\":7,\"18\":8}"},
    {"json", " \"text\" "},
    {"json", "{\"a\":1,\"a\":2}"},
    {"json", "[1,2"},
    {"csv", "name,value\na,1\nb,\"2, \"\"two\"\"\"\n"},
    {"csv", "\xef\xbb\xbfone\r\n1\r\n\r\n\"2\n3\"\r\n"},
    {"csv", "a,b\n1\n"},
    {"csv", "a,a\n1,2\n"},
    {"csv", "a,b\n\"1\"x,2\n"},
    {"csv", "a,b\n1,\"2"},
    {"manifest", "1path,image,mask,family,modality,concept,split,case,patient,licence,label\n"
                 "set,a.png,m.png,x-ray,chest X-ray,left lung,train,c0,p0,CC0,3\n"
                 "set,/b.png,m#2.png,,,liver,val,c1,,,\nset,c.png,,,,liver,val,,,,\n"
                 "set,v.nii.gz,v.nii.gz,CT,,liver,val,,,,\nset,d.png,labels#3,CT,,liver,val,,,,\n"},
    {"manifest", "1image,mask,split\na.png,m.png,train\n"},
    {"manifest", "0image,mask,split\na.png,m.png,train\n"},
    {"manifest", "0image,mask,split,concept\n,m.png,train,liver\n"},
    {"manifest", "0image,mask,split,concept\na.png,m.png,train,\n"},
    {"manifest", "0image,concept\n"},
    {"recipe", "# all keys\nsteps = 100\nn_images = 2\nprompts_per_image = 3\n"
               "learning_rate = 2.5e-3\nfinal_rate=0.01\nwarmup_steps = 10\nweight_decay = 0.02\n"
               "beta1 = 0.9\nbeta2 = 0.99\nclip_norm = 1\nema_decay = 0.998\n"
               "presence_weight = 0.3\nauxiliary_weight = 0.2\nword_steps = 4\n"
               "calibrate_batches = 1\nvalidate_every = 5\npatience = 2\n"
               "phase = 128 0.25\nphase = 256 0.75 # the rest\r\n"},
    {"recipe", "phase = 64 1\n"},
    {"recipe", "phase = 48 1\n"},
    {"recipe", "phase = 64 0.5\n"},
    {"recipe", "phase = 64 -1\nphase = 64 2\n"},
    {"recipe", "steps = 0\n"},
    {"recipe", "steps = 1.5\n"},
    {"recipe", "speed = 3\n"},
    {"recipe", "no equals sign\n"},
    {"recipe", "phase = big 1\n"},
    {"recipe", "phase=32 .1\nphase=32 .1\nphase=32 .1\nphase=32 .1\nphase=32 .1\nphase=32 .1\n"
               "phase=32 .1\nphase=32 .1\nphase=32 .2\n"},
    {"concepts", "name,group,headline,lesion,views,laterality,mirror,turns,flip,tiles,context,"
                 "aliases,heldout\n"
                 "left lung,chest,yes,,x-ray:chest|CT:chest,left,right lung,,50,,chest,"
                 "left lung field,lung on the left\n"
                 "right lung,chest,yes,,x-ray:chest|CT:chest,right,left lung,,50,,chest,"
                 "right lung field,\n"
                 "cell nuclei,cells,yes,yes,microscopy:cells,,,any,50,yes,,nuclei|cell nucleus,\n"
                 "\fsegment the left lungs and nuclie in this chest x-ray"},
    {"concepts", "name\nliver\r\n\nspleen\n\fLIVER"},
    {"concepts", "name,laterality\na,up\n"},
    {"concepts", "name,flip\na,200\n"},
    {"concepts", "name,mirror\na,b\n"},
    {"concepts", "name,aliases\nliver,the|of\n"},
    {"concepts", "name,aliases\nliver,\"x\"\n"},
    {"concepts", "name\na\na\n"},
    {"concepts", "group\na\n"},
    {"concepts", "name,group\na\n"},
    {"concepts", "name,headline\na,perhaps\n"},
};

static ana_status put(const char *folder, const char *parser, const char *name, const void *data,
                      size_t size, ana_error *err)
{
    char path[1024];

    snprintf(path, sizeof path, "%s/%s", folder, parser);
    ana_status status = path_make_folders(path, err);
    if (status)
        return status;
    snprintf(path, sizeof path, "%s/%s/%s", folder, parser, name);
    return file_write(path, data, size, err);
}

static ana_status write_texts(const char *folder, ana_error *err)
{
    ana_status status = ANA_OK;

    for (size_t i = 0; !status && i < sizeof texts / sizeof texts[0]; i++) {
        char name[32];
        snprintf(name, sizeof name, "text-%03zu", i);
        status = put(folder, texts[i].parser, name, texts[i].text, strlen(texts[i].text), err);
    }
    return status;
}

static ana_status write_images(const char *folder, ana_error *err)
{
    /* ORDER sample_format */
    static const char *const parsers[] = {"png", "jpeg", "tiff"};
    ana_status status = ANA_OK;

    for (int i = 0; !status && i < n_samples; i++) {
        struct text bytes = {0};
        char name[128];
        sample_encode(&bytes, &samples[i]);
        snprintf(name, sizeof name, "sample-%03d", i);
        status = put(folder, parsers[samples[i].format], name, bytes.data, bytes.size, err);
        text_clear(&bytes);
    }
    for (int kind = ODD_FLOAT; !status && kind < ODD_BOMB; kind++) {
        struct text bytes = {0};
        char name[32];
        encode_odd_tiff(&bytes, (enum odd_tiff)kind);
        snprintf(name, sizeof name, "odd-%d", kind);
        status = put(folder, "tiff", name, bytes.data, bytes.size, err);
        text_clear(&bytes);
    }
    return status;
}

static ana_status write_exif(const char *folder, ana_error *err)
{
    ana_status status = ANA_OK;

    for (int i = 0; !status && i < 2 * 9; i++) {
        uint8_t block[6 + EXIF_BYTES] = "Exif\0";
        char name[32];
        make_exif(block + 6, i / 2, i % 2);
        snprintf(name, sizeof name, "exif-%02d", i);
        status = i < 9 ? put(folder, "exif", name, block, sizeof block, err)
                       : put(folder, "exif", name, block + 6, EXIF_BYTES, err);
    }
    return status;
}

/* One tensor of each element type, with metadata. */
static ana_status write_safetensors(const char *folder, ana_error *err)
{
    static uint8_t data[128];
    struct safetensors_writer *writer;
    char path[1024];

    ana_status status = safetensors_writer_create(&writer, err);
    if (status)
        return status;
    struct tensor_sink *sink = safetensors_writer_sink(writer);
    for (int type = 0; !status && type < DTYPE_COUNT; type++) {
        const struct tensor tensor = tensor_view(data, (enum dtype)type, SHAPE(2, 1));
        status = sink->ops->put(sink, dtype_name((enum dtype)type), &tensor, err);
    }
    if (!status)
        status = sink->ops->put_metadata(sink, "anatome.kind", "mini", err);
    snprintf(path, sizeof path, "%s/safetensors/all", folder);
    if (!status)
        status = safetensors_writer_write(writer, path, err);
    safetensors_writer_free(writer);
    return status;
}

/* One of them not aligned to its elements, one empty. */
static const char three_tensors[] =
    "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
    "\"b\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[1,5]},"
    "\"c\":{\"dtype\":\"F16\",\"shape\":[0,3],\"data_offsets\":[5,5]}}";

/* Headers as other writers make them, or should not. */
static ana_status write_headers(const char *folder, ana_error *err)
{
    static const char *const headers[] = {
        "{}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
        three_tensors,
        "{\"__metadata__\":{\"k\":1}}",
        "{\"__metadata__\":[],\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}}",
        "{\"a\":{\"dtype\":\"F99\",\"shape\":[2],\"data_offsets\":[0,8]}}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1],\"data_offsets\":[0,1]}}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[8,4]}}",
        "{\"a\":7}",
    };
    ana_status status = ANA_OK;

    for (size_t i = 0; !status && i < sizeof headers / sizeof headers[0]; i++) {
        const size_t length = strlen(headers[i]);
        uint8_t bytes[512] = {0};
        char name[32];
        bytes[0] = (uint8_t)length;
        memcpy(bytes + 8, headers[i], length);
        snprintf(name, sizeof name, "header-%zu", i);
        status = put(folder, "safetensors", name, bytes, 8 + length + 8, err);
    }
    return status;
}

ana_status seeds_write(const char *folder, ana_error *err)
{
    ana_status status = write_texts(folder, err);

    if (!status)
        status = write_images(folder, err);
    if (!status)
        status = write_exif(folder, err);
    if (!status)
        status = write_headers(folder, err);
    if (!status)
        status = write_safetensors(folder, err);
    return status;
}
