/* Comparing this program with reference vectors.
 *
 * A kind of folder (clip/preprocess, sam/sam_a ...) has one function, which compares everything
 * that this version supports there and counts it. A comparison has a named tolerance with a reason.
 */
#ifndef ANA_GOLDEN_H
#define ANA_GOLDEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "io/json.h"
#include "tensor/named.h"

struct safetensors;

struct tolerance {
    const char *name;
    double absolute;
    const char *reason;
};

enum { GOLDEN_MAX_TOLERANCES = 16, GOLDEN_MAX_FILES = 64 };

/* The comparisons of one folder. */
struct golden {
    const char *folder;                            /* path */
    struct arena arena;                            /* for whatever the checks allocate */
    struct safetensors *tensors[GOLDEN_MAX_FILES]; /* opened for the checks */
    struct json *json[GOLDEN_MAX_FILES];
    int n_tensors, n_json;
    struct {
        const struct tolerance *tolerance;
        int64_t n;
        double worst;
    } used[GOLDEN_MAX_TOLERANCES];
    int n_used;
    bool failed;
};

void golden_init(struct golden *golden, const char *folder);
void golden_clear(struct golden *golden);

typedef void (*golden_fn)(struct golden *golden);

/* One kind; run is NULL if this version does not support it. */
struct golden_kind {
    const char *family, *kind;
    golden_fn run;
};

/* Prints and marks the folder as failed. */
void golden_fail(struct golden *golden, const char *format, ...) PRINTF_LIKE(2, 3);
/* States what of the folder is not compared, and why. */
void golden_skip(struct golden *golden, const char *what, const char *why);
/* False, and the folder failed, if status is not ANA_OK. */
bool golden_ok(struct golden *golden, ana_status status, const ana_error *err, const char *what);

/* Never NULL: ends the program when memory is out. */
void *golden_alloc(struct golden *golden, int64_t n, size_t size);
/* printf into the arena. */
const char *golden_print(struct golden *golden, const char *format, ...) PRINTF_LIKE(2, 3);

/* A file of the folder; both fail the folder and return NULL if it cannot be read. Valid as long as
 * *golden. */
const struct tensor_source *golden_tensors(struct golden *golden, const char *name);
const struct json *golden_json(struct golden *golden, const char *name);

/* False if there is no such tensor; golden_tensor() also fails the folder then. */
bool golden_find(struct tensor *out, const struct tensor_source *source, const char *name);
bool golden_tensor(struct golden *golden, struct tensor *out, const struct tensor_source *source,
                   const char *name);
/* Elements as double or float, in the arena. */
double *golden_f64(struct golden *golden, const struct tensor *tensor);
float *golden_f32(struct golden *golden, const struct tensor *tensor);

/* Each counts as one tensor. Equal infinities and two NaN agree. */
void golden_compare(struct golden *golden, const struct tolerance *tolerance, const char *name,
                    const double *got, const double *want, int64_t n);
void golden_compare_f32(struct golden *golden, const struct tolerance *tolerance, const char *name,
                        const float *got, const struct tensor *want);
void golden_compare_u8(struct golden *golden, const struct tolerance *tolerance, const char *name,
                       const uint8_t *got, const struct tensor *want);
void golden_compare_one(struct golden *golden, const struct tolerance *tolerance, const char *name,
                        double got, double want);

/* ORDER golden kinds: each is listed in main.c. */
void golden_clip_biomed(struct golden *golden);
void golden_clip_dhn_nce(struct golden *golden);
void golden_clip_metrics(struct golden *golden);
void golden_clip_nnunet(struct golden *golden);
void golden_clip_openai(struct golden *golden);
void golden_clip_preprocess(struct golden *golden);
void golden_clip_train(struct golden *golden);
void golden_medlam_losses(struct golden *golden);
void golden_medlam_metrics(struct golden *golden);
void golden_medlam_net(struct golden *golden);
void golden_sam_ops(struct golden *golden);
void golden_sam_sam(struct golden *golden);
void golden_sam_tinyvit(struct golden *golden);
void golden_vlsm_clipseg(struct golden *golden);
void golden_vlsm_clipseg_plain(struct golden *golden);
void golden_vlsm_cris(struct golden *golden);
void golden_vlsm_deeplabv3plus(struct golden *golden);
void golden_vlsm_preprocess_metrics(struct golden *golden);
void golden_vlsm_unet(struct golden *golden);
void golden_vlsm_unetpp(struct golden *golden);

#endif
