/* What to train on or to measure: rows of image, mask and concept.
 *
 * Read from a CSV with a header line (columns image, mask, concept, split; optional family,
 * modality, patient, case, licence, label, path) or from a folder with images/ and masks/ of equal
 * stems. Rows without a mask, volumes (.nii, .nii.gz, .nrrd, ...) and `file#N` labels are skipped
 * and counted.
 */
#ifndef ANA_TRAIN_MANIFEST_H
#define ANA_TRAIN_MANIFEST_H

#include <stddef.h>

#include "base/error.h"

enum manifest_skip {
    SKIP_NO_MASK,
    SKIP_VOLUME,       /* image or mask is a 3D file */
    SKIP_LABEL_VOLUME, /* mask is `file#N` */
    SKIP_COUNT
};
const char *manifest_skip_name(enum manifest_skip reason);

struct manifest_row {
    const char *image; /* as written: relative to the manifest's folder, or absolute */
    const char *mask;
    const char *concept;
    const char *split;
    const char *set; /* column `path`: the data set's folder; "" if none */
    const char *family;
    const char *modality;
    const char *patient; /* falls back to case, then to the image */
    const char *case_id;
    const char *licence;
    const char *label;
    const char *image_path; /* resolved */
    const char *mask_path;
};

struct manifest {
    char *path;      /* as given */
    char sha256[65]; /* of the CSV's bytes, or of the list of file names */
    struct manifest_row *rows;
    size_t n_rows;
    size_t skipped[SKIP_COUNT];
    struct manifest_strings *strings; /* owns what the rows point to */
};

struct manifest_options {
    const char *concept; /* for folders (needed), and for a CSV without that column */
    const char *split;   /* for folders: default "train" */
};

/* A .csv file or a folder. Files are not opened here. On failure *out is empty. */
MUST_CHECK ana_status manifest_read(struct manifest *out, const char *path,
                                    const struct manifest_options *options, ana_error *err);
void manifest_clear(struct manifest *manifest);
size_t manifest_skipped(const struct manifest *manifest); /* all reasons together */

#endif
