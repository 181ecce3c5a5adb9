/* What the opaque public types hold. */
#ifndef ANA_API_INTERNAL_H
#define ANA_API_INTERNAL_H

#include "anatome/anatome.h"
#include "base/hash.h"
#include "imaging/image.h"
#include "io/safetensors.h"
#include "pipeline/segment.h"

struct ana_image {
    struct image image;
};

struct ana_model {
    struct safetensors *file;
    struct model *model;
    char *path;
    char sha256[SHA256_HEX_SIZE];
    ana_model_info info;
};

struct ana_session {
    struct segmenter segmenter;
};

#endif
