/* anatome segment: masks from words, boxes and points, for one image or many. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "anatome/model.h"
#include "anatome/version.h"
#include "cli/passes.h"
#include "cli/segment_case.h"
#include "cli/terminal.h"

#define AT(member) offsetof(struct segment_options, member)

static const struct option segment_table[] = {
    {'i', "input", NULL, "PATH", OPTION_LIST, AT(inputs),
     "image or folder of images; the same as naming it without -i"},
    {'o', "output", NULL, "PATH", OPTION_STRING, AT(output),
     "folder of the results (default: here; made if missing), or for one\n"
     "image the mask's file, ending in .png"},
    {'t', "text", "prompt", "WORDS", OPTION_LIST, AT(texts),
     "what to look for; repeat for several, which gives a picture of labels"},
    {0, "prompts-file", NULL, "FILE", OPTION_STRING, AT(prompts_file),
     "more words, one line each; lines that begin with # are skipped"},
    {0, "box", NULL, "x0,y0,x1,y1", OPTION_LIST, AT(boxes),
     "look inside: pixels x0 <= x < x1, y0 <= y < y1 from the top left"},
    {0, "point", NULL, "x,y[,-]", OPTION_LIST, AT(points),
     "a pixel that belongs to it, or with ,- one that does not"},
    {'m', "model", NULL, "NAME|FILE", OPTION_STRING, AT(model),
     "model by name or weights file (default: mini; see anatome models)"},
    {0, "overlay", NULL, NULL, OPTION_FLAG, AT(overlay),
     "also a picture of the image with the mask on it"},
    {0, "soft", "save-probabilities", NULL, OPTION_FLAG, AT(soft),
     "also the probability of each pixel, as a 16-bit PNG"},
    {0, "separate", NULL, NULL, OPTION_FLAG, AT(separate),
     "with several prompts, also a mask for each"},
    {0, "no-overwrite", "continue", NULL, OPTION_FLAG, AT(no_overwrite),
     "skip images whose result is there already"},
    {0, "flip", NULL, NULL, OPTION_FLAG, AT(flip), PASSES_FLIP_HELP},
    {0, "tiles", NULL, "auto|off|N", OPTION_STRING, AT(tiles), PASSES_TILES_HELP},
    {0, "max-pixels", NULL, "N", OPTION_SIZE, AT(max_pixels),
     "refuse images of more pixels (default 256M)"},
    {0, "num-parts", NULL, "N", OPTION_COUNT, AT(n_parts),
     "split the images into N parts and do only one of them"},
    {0, "part-id", NULL, "K", OPTION_COUNT, AT(part), "which part, from 0"},
    {0, NULL, NULL, NULL, OPTION_FLAG, 0, NULL},
};

static void init(void *data)
{
    struct segment_options *options = data;

    options->n_parts = 1;
    options->tiles = "auto";
}

static void clear(void *data)
{
    struct segment_options *options = data;

    strings_clear(&options->inputs);
    strings_clear(&options->texts);
    strings_clear(&options->boxes);
    strings_clear(&options->points);
}

static void report_model(struct json_out *json, const ana_model *model)
{
    const ana_model_info *info = ana_model_get_info(model);

    out_object(json, "model");
    out_string(json, "name", info->name);
    out_string(json, "kind", info->kind);
    out_string(json, "version", info->version);
    out_string(json, "path", info->path);
    out_string(json, "sha256", info->sha256);
    out_string(json, "licence", info->licence);
    out_string(json, "intended_use", info->intended_use);
    out_number(json, "presence_absent", info->presence_absent);
    out_number(json, "presence_found", info->presence_found);
    out_object_end(json);
}

struct tally {
    int64_t done, skipped, failed;
    bool stopped;
};

static bool in_part(const struct segment_options *options, size_t i)
{
    return (int64_t)i % options->n_parts == options->part;
}

static struct tally run_cases(const struct segment_run *run, const struct case_list *cases,
                              struct json_out *json)
{
    struct bar bar = bar_start(&run->options->common);
    struct tally tally = {0};

    out_array(json, "cases");
    for (size_t i = 0; i < cases->n && !tally.stopped; i++) {
        if (!in_part(run->options, i))
            continue;
        if (cases->n > 1)
            bar_draw(&bar, base_name(cases->items[i].path), (double)i / (double)cases->n);
        bar.shown = bar.shown && cases->n > 1;
        bar_wipe(&bar);
        const enum case_end end = segment_case(run, &cases->items[i], json);
        tally.done += end == CASE_DONE;
        tally.skipped += end == CASE_SKIPPED;
        tally.failed += end == CASE_FAILED;
        tally.stopped = end == CASE_INTERRUPTED || interrupted();
    }
    out_array_end(json);
    return tally;
}

static int finish(const struct segment_options *options, struct json_out *json,
                  const struct tally *tally, double start)
{
    out_integer(json, "done", tally->done);
    out_integer(json, "skipped", tally->skipped);
    out_integer(json, "failed", tally->failed);
    out_flag(json, "interrupted", tally->stopped);
    out_number(json, "seconds", seconds_now() - start);
    out_integer(json, "peak_memory_bytes", peak_memory_bytes());
    out_object_end(json);
    if (tally->done + tally->skipped + tally->failed > 1)
        say(&options->common, "%" PRId64 " done, %" PRId64 " skipped, %" PRId64 " failed\n",
            tally->done, tally->skipped, tally->failed);
    if (tally->stopped)
        complain("interrupted; what is not reported was not written");

    if (options->common.json && !json_out_print(json)) {
        complain("cannot write the JSON");
        return EXIT_CODE_FAILED;
    }
    if (tally->stopped)
        return EXIT_CODE_INTERRUPTED;
    return tally->failed ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}

static bool ends_in_png(const char *path)
{
    const size_t n = strlen(path);

    return n > 4 && strcmp(path + n - 4, ".png") == 0 && !is_folder(path);
}

static int run_with(struct segment_run *run, const struct case_list *cases, ana_context *context,
                    const ana_model *model)
{
    const double start = seconds_now();
    struct json_out json = {0};
    ana_error error;

    if (!make_folders(run->folder))
        return EXIT_CODE_FAILED;
    ana_remove_leftovers(run->folder);
    if (ana_session_create(&run->session, model, context, &error) ||
        ana_session_set_passes(run->session, &run->passes, &error)) {
        complain("%s", error.message);
        ana_session_free(run->session);
        return EXIT_CODE_FAILED;
    }

    out_object(&json, NULL);
    out_string(&json, "version", ana_version());
    out_string(&json, "notice", ana_notice());
    out_string(&json, "instruction_set", ana_instruction_set());
    out_integer(&json, "threads", ana_context_threads(context));
    report_model(&json, model);
    const struct tally tally = run_cases(run, cases, &json);
    const int code = finish(run->options, &json, &tally, start);
    json_out_clear(&json);
    ana_session_free(run->session);
    return code;
}

/* ---- what would go wrong is said before anything is computed ---- */

/* A later run would take the results for images. */
static int check_folders(const struct segment_run *run)
{
    const struct strings *inputs = &run->options->inputs;

    for (size_t i = 0; i < inputs->n; i++)
        if (is_folder(inputs->items[i]) && is_same_file(inputs->items[i], run->folder))
            return usage_error(&command_segment,
                               "the results would lie among the images of %s: name another folder "
                               "with --output",
                               inputs->items[i]);
    return EXIT_CODE_OK;
}

struct path_check {
    struct name_set taken;  /* paths of results */
    struct name_set inputs; /* identities of the images */
    int code;
};

/* "a" with the words "b c" and "a_b" with "c" both want a_b_c.png; a.png with "mask" wants the
 * image a_mask.png. */
static bool check_path(void *user, const char *path)
{
    struct path_check *check = user;
    char identity[64];
    const enum name_state state = name_set_add(&check->taken, path);

    if (state == NAME_TAKEN)
        check->code = usage_error(
            &command_segment, "two results would be called %s: use several runs", base_name(path));
    else if (identity_of(identity, path) && name_set_has(&check->inputs, identity))
        check->code =
            usage_error(&command_segment, "the result %s would overwrite the input", path);
    return state != NAME_FAILED && !check->code;
}

static int check_paths(const struct segment_run *run, const struct case_list *cases)
{
    struct path_check check = {0};
    char identity[64];
    bool good = true;

    for (size_t i = 0; good && i < cases->n; i++)
        if (identity_of(identity, cases->items[i].path))
            good = name_set_add(&check.inputs, identity) != NAME_FAILED;
    for (size_t i = 0; good && i < cases->n; i++)
        good = segment_case_paths(run, &cases->items[i], check_path, &check);
    if (!good && !check.code) {
        complain("out of memory");
        check.code = EXIT_CODE_FAILED;
    }
    name_set_clear(&check.taken);
    name_set_clear(&check.inputs);
    return check.code;
}

static int check(struct segment_run *run, const struct case_list *cases)
{
    const struct segment_options *options = run->options;

    if (!passes_parse(&run->passes, options->flip, options->tiles))
        return usage_error(&command_segment, "--tiles %s: " PASSES_TILES_EXPECTED, options->tiles);
    if (options->n_parts < 1 || options->part >= options->n_parts)
        return usage_error(&command_segment, "--part-id must be below --num-parts");
    if (run->only_file && cases->n > 1)
        return usage_error(&command_segment,
                           "--output %s names one file, but there are %zu images: give a folder",
                           options->output, cases->n);
    const int code = check_folders(run);
    return code ? code : check_paths(run, cases);
}

static int run_on(struct segment_run *run, const struct case_list *cases)
{
    ana_model *model = NULL;
    ana_error error;

    ana_context *context = open_context(&run->options->common);
    if (!context)
        return EXIT_CODE_FAILED;
    int code = EXIT_CODE_FAILED;
    if (ana_model_open(&model, run->options->model, &error))
        complain("%s", error.message);
    else
        code = run_with(run, cases, context, model);
    ana_model_free(model);
    ana_context_free(context);
    return code;
}

static int check_and_run(const struct segment_options *options, const struct case_list *cases,
                         const struct prompt_list *prompts)
{
    const char *output = options->output ? options->output : ".";
    const bool only_file = ends_in_png(output);
    char *folder = only_file ? folder_of(output) : strdup(output);
    struct segment_run run = {.options = options,
                              .prompts = prompts,
                              .folder = folder,
                              .only_file = only_file ? output : NULL};

    if (!folder) {
        complain("out of memory");
        return EXIT_CODE_FAILED;
    }
    int code = check(&run, cases);
    if (!code)
        code = run_on(&run, cases);
    free(folder);
    return code;
}

static int run(void *data)
{
    struct segment_options *options = data;
    struct prompt_list prompts = {0};
    struct case_list cases = {0};

    for (size_t i = 0; i < options->common.inputs.n; i++)
        if (!strings_append(&options->inputs, options->common.inputs.items[i]))
            return EXIT_CODE_FAILED;
    if (options->inputs.n == 0)
        return usage_error(&command_segment, "no image was named");
    int code = prompts_open(&prompts, &command_segment, &options->texts, options->prompts_file,
                            &options->boxes, &options->points);
    if (!code && !cases_open(&cases, &options->inputs))
        code = EXIT_CODE_FAILED;
    if (!code)
        code = check_and_run(options, &cases, &prompts);
    cases_clear(&cases);
    prompts_clear(&prompts);
    return code;
}

const struct command command_segment = {
    .name = "segment",
    .summary = "masks from words, boxes or points",
    .usage = "[options] IMAGE... --text WORDS [--text WORDS]...\n"
             "[options] IMAGE... --box x0,y0,x1,y1 | --point x,y[,-]",
    .about =
        "Writes for each PNG, JPEG or TIFF image a mask of its own size: FOLDER/NAME_WORDS.png\n"
        "with 0 and 255 for one prompt, or NAME_labels.png with 1, 2, ... in the order asked\n"
        "and NAME_labels.json for several; where they overlap, the later one wins. Results never\n"
        "go into a folder that is an input itself. Boxes and points go with every text. If what\n"
        "was asked for is not in the image, the mask is empty and the verdict says \"not found\";\n"
        "\"doubtful\" masks need a look.\n"
        "The exit status is 0, 1 if any image failed (the others are done), 2 if the command line\n"
        "makes no sense, 130 if interrupted.",
    .options = segment_table,
    .examples = "  anatome segment retina.jpg --text \"retinal vessels\" --overlay\n"
                "  anatome segment chest.png -t \"left lung\" -t \"right lung\" -o out/\n"
                "  anatome segment scan.png --box 120,80,260,210 -o lesion.png\n"
                "  anatome segment scan.png --point 180,140 --point 40,40,- --soft\n"
                "  anatome segment slides/ -t \"cell nuclei\" -o out/ --json > report.json",
    .options_size = sizeof(struct segment_options),
    .init = init,
    .run = run,
    .clear = clear,
};
