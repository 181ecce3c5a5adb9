/* anatome train: the default network from images and masks. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "anatome/train.h"
#include "anatome/version.h"
#include "cli/command.h"
#include "cli/json_out.h"
#include "cli/terminal.h"

struct train_cli_options {
    struct common_options common;
    struct strings manifests;
    const char *concept_name, *concepts, *sampling, *recipe, *init, *out, *log, *cache, *licence;
    int64_t steps, size, save_every;
    uint64_t seed;
    bool resume;
};

#define AT(member) offsetof(struct train_cli_options, member)

static const struct option train_table[] = {
    {0, "manifest", NULL, "PATH", OPTION_LIST, AT(manifests),
     "CSV with the columns image, mask, concept, split (rows of \"train\"\n"
     "are used), or a folder with images/ and masks/; repeatable"},
    {0, "concept", NULL, "NAME", OPTION_STRING, AT(concept_name),
     "what the masks of plain folders show"},
    {'o', "out", "output", "FOLDER", OPTION_STRING, AT(out),
     "where mini.safetensors, the checkpoint, log.csv and log.png go"},
    {0, "steps", NULL, "N", OPTION_COUNT, AT(steps), "instead of the recipe's number"},
    {0, "size", NULL, "PIXELS", OPTION_COUNT, AT(size),
     "side of the training pictures, instead of the recipe's phases"},
    {0, "seed", NULL, "N", OPTION_SEED, AT(seed), "of every random draw (default 1)"},
    {0, "init", NULL, "FILE", OPTION_STRING, AT(init), "weights to start from"},
    {0, "resume", NULL, NULL, OPTION_FLAG, AT(resume),
     "go on from the checkpoint in the output folder, if there is one"},
    {0, "save-every", NULL, "N", OPTION_COUNT, AT(save_every),
     "steps between checkpoints (default 200)"},
    {0, "recipe", "config", "FILE", OPTION_STRING, AT(recipe),
     "lines key = value: learning_rate, phase, ..."},
    {0, "concepts", NULL, "FILE", OPTION_STRING, AT(concepts),
     "table of the words to learn (default: that of mini)"},
    {0, "sampling", NULL, "FILE", OPTION_STRING, AT(sampling),
     "CSV set,concept,weight: how often each is drawn"},
    {0, "cache", NULL, "FOLDER", OPTION_STRING, AT(cache),
     "for decoded and resized images (default: under ~/.cache)"},
    {0, "log", NULL, "FILE", OPTION_STRING, AT(log), "another place for log.csv and its picture"},
    {0, "licence", "license", "TEXT", OPTION_STRING, AT(licence),
     "of the weights, stored in them (default: research only,\nnon-commercial)"},
    {0, NULL, NULL, NULL, OPTION_FLAG, 0, NULL},
};

static void init(void *data)
{
    struct train_cli_options *options = data;

    options->seed = ana_train_defaults().seed;
}

static void clear(void *data)
{
    struct train_cli_options *options = data;

    strings_clear(&options->manifests);
}

/* A bar on a terminal, a line every ten seconds in a pipe. */
struct training {
    const struct common_options *common;
    struct bar bar;
    double last_line;
};

static bool on_progress(void *user, const char *stage, double done)
{
    struct training *training = user;
    const double now = seconds_now();

    bar_draw(&training->bar, stage, done);
    if (!training->bar.shown && (now - training->last_line >= 10 || done >= 1)) {
        say(training->common, "%s (%.1f %%)\n", stage, 100 * done);
        fflush(training->common->json ? stderr : stdout);
        training->last_line = now;
    }
    return !interrupted();
}

static void report(const struct train_cli_options *options, double seconds)
{
    struct json_out json = {0};

    say(&options->common, "weights, log and curves are in %s\n", options->out);
    if (!options->common.json)
        return;
    out_object(&json, NULL);
    out_string(&json, "version", ana_version());
    out_string(&json, "notice", ana_notice());
    out_string(&json, "instruction_set", ana_instruction_set());
    out_string(&json, "out", options->out);
    out_integer(&json, "seed", (int64_t)options->seed);
    out_number(&json, "seconds", seconds);
    out_integer(&json, "peak_memory_bytes", peak_memory_bytes());
    out_object_end(&json);
    if (!json_out_print(&json))
        complain("cannot write the JSON");
    json_out_clear(&json);
}

static ana_train_options settings_of(const struct train_cli_options *options)
{
    ana_train_options settings = ana_train_defaults();

    settings.manifests = options->manifests.items;
    settings.n_manifests = options->manifests.n;
    settings.folder_concept = options->concept_name;
    settings.concepts = options->concepts;
    settings.sampling = options->sampling;
    settings.recipe = options->recipe;
    settings.steps = options->steps;
    settings.size = (int)options->size;
    settings.init = options->init;
    settings.seed = options->seed;
    settings.resume = options->resume;
    settings.save_every = options->save_every;
    settings.out = options->out;
    settings.log = options->log;
    settings.cache = options->cache;
    settings.licence = options->licence;
    return settings;
}

static int run(void *data)
{
    const struct train_cli_options *options = data;
    ana_train_options settings = settings_of(options);
    struct training training = {.common = &options->common, .bar = bar_start(&options->common)};
    const double start = seconds_now();
    ana_error error;

    if (options->common.inputs.n > 0)
        return usage_error(&command_train, "\"%s\" is not expected",
                           options->common.inputs.items[0]);
    if (options->manifests.n == 0 || !options->out)
        return usage_error(&command_train, "--manifest and --out are needed");
    if (options->size > 4096)
        return usage_error(&command_train, "--size %" PRId64 " is too large", options->size);
    ana_context *context = open_context(&options->common);
    if (!context)
        return EXIT_CODE_FAILED;

    settings.progress = on_progress;
    settings.progress_user = &training;
    const ana_status status = ana_train(context, &settings, &error);
    bar_wipe(&training.bar);
    ana_context_free(context);
    if (status == ANA_ERR_CANCELLED) {
        complain("interrupted; --resume goes on from the checkpoint in %s", options->out);
        return EXIT_CODE_INTERRUPTED;
    }
    if (status) {
        complain("%s", error.message);
        return EXIT_CODE_FAILED;
    }
    report(options, seconds_now() - start);
    return EXIT_CODE_OK;
}

const struct command command_train = {
    .name = "train",
    .summary = "train the default network from images and masks",
    .usage = "[options] --manifest FILE --out FOLDER\n"
             "[options] --manifest FOLDER --concept NAME --out FOLDER",
    .about =
        "Trains on the rows of split \"train\". The same data, options and instruction set give\n"
        "the same weights, whatever the number of threads and however often the run was\n"
        "interrupted and resumed. Interrupted with Ctrl-C it leaves a checkpoint for --resume.",
    .options = train_table,
    .examples =
        "  anatome train --manifest data/manifest.csv --out run/ --recipe models/mini/recipe.txt\n"
        "  anatome train --manifest data/manifest.csv --out run/ --resume\n"
        "  anatome train --manifest scans/ --concept \"liver\" --init mini.safetensors \\\n"
        "      --steps 500 --out liver/",
    .options_size = sizeof(struct train_cli_options),
    .init = init,
    .run = run,
    .clear = clear,
};
