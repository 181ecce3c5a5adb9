/* anatome eval: a model measured on images with reference masks. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "anatome/evaluate.h"
#include "cli/command.h"
#include "cli/passes.h"
#include "cli/terminal.h"

struct eval_options {
    struct common_options common;
    const char *manifest, *split, *by, *absent, *model, *cases, *report;
    const char *tiles;
    bool surface, ellipse, flip;
    double tolerance;
    int64_t report_cases, max_images, max_pixels;
    uint64_t seed;
};

#define AT(member) offsetof(struct eval_options, member)

static const struct option eval_table[] = {
    {0, "manifest", NULL, "FILE", OPTION_STRING, AT(manifest),
     "CSV with the columns image, mask, concept and, if there are,\n"
     "split, patient, case; paths are relative to it"},
    {0, "split", NULL, "NAME", OPTION_STRING, AT(split), "only rows of this split (default: all)"},
    {0, "by", NULL, "text|box|point", OPTION_STRING, AT(by),
     "how to ask: the row's concept; the tight box of each connected part\n"
     "of 16 pixels or more (the 8 largest); its most interior pixel"},
    {0, "absent", NULL, "FILE", OPTION_STRING, AT(absent),
     "CSV image,phrase,kind of what is not in the images (kind other or\n"
     "same); paths are relative to the manifest"},
    {'m', "model", NULL, "NAME|FILE", OPTION_STRING, AT(model), "model (default: mini)"},
    {0, "cases", NULL, "FILE", OPTION_STRING, AT(cases), "write a CSV row for each case"},
    {0, "report", NULL, "DIR", OPTION_STRING, AT(report),
     "write a page for people: tables, charts, and pictures of the best,\n"
     "median and worst cases (images of the data set). A former report in\n"
     "DIR is replaced; other folders must be empty"},
    {0, "report-cases", NULL, "N", OPTION_COUNT, AT(report_cases),
     "pictures of each of the three for a concept (default 3)"},
    {0, "surface", NULL, NULL, OPTION_FLAG, AT(surface),
     "also surface agreement (NSD) and the 95 % Hausdorff distance, pixels"},
    {0, "tolerance", NULL, "PIXELS", OPTION_NUMBER, AT(tolerance), "of the NSD (default 2)"},
    {0, "ellipse", NULL, NULL, OPTION_FLAG, AT(ellipse),
     "by box: also the Dice of the filled ellipse in each box"},
    {0, "flip", NULL, NULL, OPTION_FLAG, AT(flip), PASSES_FLIP_HELP},
    {0, "tiles", NULL, "auto|off|N", OPTION_STRING, AT(tiles), PASSES_TILES_HELP},
    {0, "max-images", NULL, "N", OPTION_COUNT, AT(max_images), "stop after N images"},
    {0, "max-pixels", NULL, "N", OPTION_SIZE, AT(max_pixels),
     "refuse images of more pixels (default 256M)"},
    {0, "seed", NULL, "N", OPTION_SEED, AT(seed), "of the bootstrap (default 1)"},
    {0, NULL, NULL, NULL, OPTION_FLAG, 0, NULL},
};

static void init(void *data)
{
    struct eval_options *options = data;
    const ana_evaluate_options defaults = ana_evaluate_defaults();

    options->by = "text";
    options->tiles = "auto";
    options->report_cases = defaults.report_cases;
    options->tolerance = defaults.nsd_tolerance;
    options->seed = defaults.seed;
}

static bool parse_by(ana_evaluate_by *out, const char *word)
{
    static const char *const words[] = {
        [ANA_BY_TEXT] = "text", [ANA_BY_BOX] = "box", [ANA_BY_POINT] = "point"};

    for (int i = 0; i <= ANA_BY_POINT; i++)
        if (strcmp(word, words[i]) == 0) {
            *out = (ana_evaluate_by)i;
            return true;
        }
    return false;
}

static bool on_progress(void *user, const char *stage, double done)
{
    bar_draw(user, stage, done);
    return !interrupted();
}

static void say_concept(const struct eval_options *options, const ana_evaluation_concept *c)
{
    say(&options->common, "%-26s %5" PRId64 "   %.3f  %.3f   %.3f to %.3f   %5.1f %%",
        c->concept_name, c->n, c->dice.mean, c->dice.sd, c->dice.lo, c->dice.hi,
        100 * c->missed_share);
    if (options->ellipse && c->ellipse.n > 0)
        say(&options->common, "   ellipse %.3f", c->ellipse.mean);
    if (options->surface)
        say(&options->common, "   NSD %.3f / %.3f   HD95 %.2f / %.2f", c->nsd_element.mean,
            c->nsd_boundary.mean, c->hd95_element.mean, c->hd95_boundary.mean);
    say(&options->common, "%s\n", c->headline ? "   *" : "");
}

static void say_means(const struct eval_options *options, const ana_evaluation *evaluation)
{
    const ana_evaluation_totals totals = ana_evaluation_get_totals(evaluation);
    double sum = 0, headline_sum = 0;
    int64_t n_headline = 0;

    for (int64_t i = 0; i < totals.n_concepts; i++) {
        const ana_evaluation_concept c = ana_evaluation_get_concept(evaluation, i);
        sum += c.dice.mean;
        headline_sum += c.headline ? c.dice.mean : 0;
        n_headline += c.headline;
    }
    if (totals.n_concepts)
        say(&options->common, "mean over %" PRId64 " concepts: %.3f\n", totals.n_concepts,
            sum / (double)totals.n_concepts);
    if (n_headline)
        say(&options->common, "mean over the %" PRId64 " headline concepts (*): %.3f\n", n_headline,
            headline_sum / (double)n_headline);
}

static void say_report(const struct eval_options *options, const ana_evaluation *evaluation)
{
    const ana_evaluation_totals totals = ana_evaluation_get_totals(evaluation);

    say(&options->common, "%-26s %5s   %s   %s   %s   %7s\n", "concept", "n", " Dice", "   sd",
        "95 % interval", "missed");
    for (int64_t i = 0; i < totals.n_concepts; i++) {
        const ana_evaluation_concept c = ana_evaluation_get_concept(evaluation, i);
        say_concept(options, &c);
    }
    say_means(options, evaluation);
    if (totals.has_absent)
        say(&options->common,
            "absent, other kind of picture: %" PRId64 " asked, %.1f %% answered empty\n"
            "absent, same kind of picture:  %" PRId64 " asked, %.1f %% answered empty\n",
            totals.other.n, 100 * totals.other.empty_share, totals.same.n,
            100 * totals.same.empty_share);
    say(&options->common, "%" PRId64 " images, %" PRId64 " rows skipped, %.3f s an image\n",
        totals.n_images, totals.skipped, totals.seconds_per_image);
}

static int tell(const struct eval_options *options, const ana_evaluation *evaluation)
{
    const ana_evaluation_totals totals = ana_evaluation_get_totals(evaluation);

    if (options->common.json)
        fputs(ana_evaluation_json(evaluation), stdout);
    else
        say_report(options, evaluation);
    if (options->report)
        say(&options->common, "report -> %s/index.html\n", options->report);
    if (totals.failed > 0)
        complain("%" PRId64 " images failed", totals.failed);
    return totals.failed > 0 ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}

static int evaluate(const struct eval_options *options, ana_evaluate_options settings,
                    ana_context *context)
{
    struct bar bar = bar_start(&options->common);
    ana_evaluation *evaluation = NULL;
    ana_model *model;
    ana_error error;

    settings.progress = on_progress;
    settings.progress_user = &bar;
    ana_status status = ana_model_open(&model, options->model, &error);
    if (!status)
        status = ana_evaluate(&evaluation, model, context, &settings, &error);
    bar_wipe(&bar);
    int code = EXIT_CODE_FAILED;
    if (!status)
        code = tell(options, evaluation);
    else if (status == ANA_ERR_CANCELLED)
        code = EXIT_CODE_INTERRUPTED;
    else
        complain("%s", error.message);
    ana_evaluation_free(evaluation);
    ana_model_free(model);
    return code;
}

/* What does not change the result is not part of how to get it again. */
static const char *const not_in_report[] = {"report", "cases", NULL};

static int run(void *data)
{
    const struct eval_options *options = data;
    ana_evaluate_options settings = ana_evaluate_defaults();

    if (options->common.inputs.n > 0)
        return usage_error(&command_eval, "\"%s\" is not expected",
                           options->common.inputs.items[0]);
    if (!options->manifest)
        return usage_error(&command_eval, "--manifest is needed");
    if (!parse_by(&settings.by, options->by))
        return usage_error(&command_eval, "--by %s: text, box or point is expected", options->by);
    if (!passes_parse(&settings.passes, options->flip, options->tiles))
        return usage_error(&command_eval, "--tiles %s: " PASSES_TILES_EXPECTED, options->tiles);

    settings.manifest = options->manifest;
    settings.split = options->split;
    settings.absent = options->absent;
    settings.cases_csv = options->cases;
    settings.report = options->report;
    settings.report_cases = options->report_cases;
    settings.surface = options->surface;
    settings.nsd_tolerance = options->tolerance;
    settings.ellipse = options->ellipse;
    settings.max_images = options->max_images;
    settings.max_pixels = options->max_pixels;
    settings.seed = options->seed;
    ana_context *context = open_context(&options->common);
    if (!context)
        return EXIT_CODE_FAILED;
    char *command = command_text(&command_eval, options, not_in_report);
    settings.report_command = command;
    const int code = evaluate(options, settings, context);
    free(command);
    ana_context_free(context);
    return code;
}

const struct command command_eval = {
    .name = "eval",
    .summary = "measure a model on images with reference masks",
    .usage = "[options] --manifest FILE --split NAME --by text|box|point",
    .about = "Asks the model for every row of a manifest and compares: Dice for each concept with\n"
             "standard deviation and the 95 % bootstrap interval by patient, the share of present\n"
             "things that were answered with an empty mask, and of absent things that were not.\n"
             "Rows without a mask and volumes are skipped and counted.",
    .options = eval_table,
    .examples = "  anatome eval --manifest data/manifest.csv --split val --by text --json\n"
                "  anatome eval --manifest data/manifest.csv --split val --by box --ellipse\n"
                "  anatome eval --manifest data/manifest.csv --split val --absent data/absent.csv\n"
                "  anatome eval --manifest data/manifest.csv --split val --report report/",
    .options_size = sizeof(struct eval_options),
    .init = init,
    .run = run,
};
