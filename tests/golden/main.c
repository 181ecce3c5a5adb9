/* golden_run FAMILY KIND: compares every folder of that kind with this program.
 *
 * Vectors are looked for in $ANATOME_GOLDEN, else beside the repository, else in tests/data. Kinds
 * that this version does not support end with 77, which ctest shows as skipped. A folder's kind is
 * its name without what tells the folders of a kind apart: sam_a and sam_b are sam.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "golden.h"

enum { EXIT_SKIPPED = 77 };

/* ORDER golden kinds: as in CMakeLists.txt. */
static const struct golden_kind kinds[] = {
    {"clip", "biomed", golden_clip_biomed},
    {"clip", "dhn_nce", golden_clip_dhn_nce},
    {"clip", "fullsize_formula", NULL},
    {"clip", "metrics", golden_clip_metrics},
    {"clip", "nnunet", golden_clip_nnunet},
    {"clip", "openai", golden_clip_openai},
    {"clip", "postprocess", NULL},
    {"clip", "preprocess", golden_clip_preprocess},
    {"clip", "tokenizer", NULL},
    {"clip", "train", golden_clip_train},
    {"medlam", "e2e", NULL},
    {"medlam", "losses", golden_medlam_losses},
    {"medlam", "metrics", golden_medlam_metrics},
    {"medlam", "net", golden_medlam_net},
    {"medlam", "points", NULL},
    {"medlam", "preprocess", NULL},
    {"medlam", "train", NULL},
    {"sam", "amg", NULL},
    {"sam", "efficientsam", NULL},
    {"sam", "fullsize_formula", NULL},
    {"sam", "litemedsam", golden_sam_tinyvit},
    {"sam", "medsam", NULL},
    {"sam", "mobile", golden_sam_tinyvit},
    {"sam", "ops", golden_sam_ops},
    {"sam", "pth_variants", NULL},
    {"sam", "relpos_interp", NULL},
    {"sam", "sam", golden_sam_sam},
    {"vlsm", "attributes", NULL},
    {"vlsm", "biomed", NULL},
    {"vlsm", "clipseg", golden_vlsm_clipseg},
    {"vlsm", "clipseg_plain", golden_vlsm_clipseg_plain},
    {"vlsm", "cris", golden_vlsm_cris},
    {"vlsm", "deeplabv3plus", golden_vlsm_deeplabv3plus},
    {"vlsm", "preprocess_metrics", golden_vlsm_preprocess_metrics},
    {"vlsm", "unet", golden_vlsm_unet},
    {"vlsm", "unetpp", golden_vlsm_unetpp},
};

static const struct golden_kind *find_kind(const char *family, const char *kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].family, family) == 0 && strcmp(kinds[i].kind, kind) == 0)
            return &kinds[i];
    return NULL;
}

static const char *root_folder(void)
{
    const char *named = getenv("ANATOME_GOLDEN");
    if (named && *named)
        return named;
    return path_is_folder(SHARED_FOLDER "/golden") ? SHARED_FOLDER "/golden" : TEST_DATA "/golden";
}

/* Whether the folder's name is the kind's, alone or with parts behind it: sam, sam_a, sam_big. */
static bool begins_with_kind(const char *folder, const char *kind)
{
    const size_t n = strlen(kind);
    return strncmp(folder, kind, n) == 0 && (folder[n] == '\0' || folder[n] == '_');
}

/* Of several kinds that fit the longest counts: clipseg_plain_b is not of the kind clipseg. */
static bool is_of_kind(const char *folder, const struct golden_kind *kind)
{
    if (!begins_with_kind(folder, kind->kind))
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].family, kind->family) == 0 &&
            strlen(kinds[i].kind) > strlen(kind->kind) && begins_with_kind(folder, kinds[i].kind))
            return false;
    return true;
}

static double share_of(double error, double tolerance)
{
    return error == 0 ? 0 : error / tolerance; /* x / 0 is infinite, as it should be */
}

static void report(const struct golden *golden, const char *label)
{
    int64_t n = 0;
    int worst = 0;
    for (int i = 0; i < golden->n_used; i++) {
        const struct tolerance *t = golden->used[i].tolerance;
        printf("  %s (%s): %lld, worst error %.3g of tolerance %g\n", t->name, t->reason,
               (long long)golden->used[i].n, golden->used[i].worst, t->absolute);
        n += golden->used[i].n;
        const double share = share_of(golden->used[i].worst, t->absolute);
        const struct tolerance *w = golden->used[worst].tolerance;
        if (share > share_of(golden->used[worst].worst, w->absolute))
            worst = i;
    }
    if (n > 0)
        printf("%s: compared %lld tensors, worst error %.3g of tolerance %g\n", label, (long long)n,
               golden->used[worst].worst, golden->used[worst].tolerance->absolute);
    else
        printf("%s: compared 0 tensors\n", label);
}

static bool run_folder(const struct golden_kind *kind, const char *family_path, const char *folder)
{
    char *path = path_join(family_path, folder);
    if (!path)
        return false;
    struct golden golden;
    golden_init(&golden, path);
    kind->run(&golden);
    if (golden.n_used == 0)
        golden_fail(&golden, "nothing was compared");
    char label[128];
    snprintf(label, sizeof label, "%s/%s", kind->family, folder);
    report(&golden, label);
    golden_clear(&golden);
    memory_free(path);
    return !golden.failed;
}

/* Runs the folders of the kind; returns the exit code. */
static int run_kind(const struct golden_kind *kind, const char *family_path,
                    const struct path_list *folders)
{
    int found = 0, failed = 0;
    for (size_t i = 0; i < folders->n; i++) {
        if (!is_of_kind(folders->items[i], kind))
            continue;
        found++;
        if (!kind->run)
            printf("%s/%s: skipped, not supported by this version\n", kind->family,
                   folders->items[i]);
        else
            failed += !run_folder(kind, family_path, folders->items[i]);
    }
    if (found == 0)
        printf("%s/%s: skipped, %s has no such folder\n", kind->family, kind->kind, family_path);
    if (failed > 0)
        return EXIT_FAILURE;
    return found > 0 && kind->run ? EXIT_SUCCESS : EXIT_SKIPPED;
}

int main(int argc, char **argv)
{
    const struct golden_kind *kind = argc == 3 ? find_kind(argv[1], argv[2]) : NULL;
    if (!kind) {
        fprintf(stderr, "usage: golden_run FAMILY KIND, both as listed in tests/golden/main.c\n");
        return 2;
    }
    if (!path_is_folder(root_folder())) {
        fprintf(stderr, "%s is not a folder\n", root_folder());
        return EXIT_FAILURE;
    }
    char *family_path = path_join(root_folder(), kind->family);
    if (!family_path)
        return EXIT_FAILURE;

    struct path_list folders = {0};
    int code = EXIT_SKIPPED;
    ana_error err = {0};
    if (!path_is_folder(family_path)) {
        printf("%s/%s: skipped, %s is missing\n", kind->family, kind->kind, family_path);
    } else if (folder_list(&folders, family_path, &err)) {
        fprintf(stderr, "%s\n", err.message);
        code = EXIT_FAILURE;
    } else {
        code = run_kind(kind, family_path, &folders);
    }
    path_list_clear(&folders);
    memory_free(family_path);
    return code;
}
