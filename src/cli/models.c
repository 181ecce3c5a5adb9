/* anatome models: what is installed, with licence and place. */
#include <inttypes.h>
#include <string.h>

#include "anatome/model.h"
#include "anatome/version.h"
#include "cli/command.h"
#include "cli/json_out.h"
#include "cli/terminal.h"

struct models_options {
    struct common_options common;
    bool concepts;
};

static const struct option models_table[] = {
    {0, "concepts", "list-targets", NULL, OPTION_FLAG, offsetof(struct models_options, concepts),
     "also the concepts that words may name"},
    {0, NULL, NULL, NULL, OPTION_FLAG, 0, NULL},
};

static void write_concepts(struct json_out *json, const ana_model *model)
{
    const char *name;

    out_array(json, "concepts");
    for (int64_t i = 0; (name = ana_model_concept(model, i)) != NULL; i++)
        out_string(json, NULL, name);
    out_array_end(json);
}

static void write_model(struct json_out *json, const ana_model *model)
{
    const ana_model_info *info = ana_model_get_info(model);

    out_string(json, "kind", info->kind);
    out_string(json, "summary", info->summary);
    out_string(json, "version", info->version);
    out_string(json, "licence", info->licence);
    out_string(json, "intended_use", info->intended_use);
    out_string(json, "sha256", info->sha256);
    out_integer(json, "size_bytes", info->size_bytes);
    out_integer(json, "parameters", info->n_parameters);
    out_array(json, "takes");
    if (info->takes_text)
        out_string(json, NULL, "text");
    if (info->takes_boxes)
        out_string(json, NULL, "box");
    if (info->takes_points)
        out_string(json, NULL, "point");
    out_array_end(json);
    write_concepts(json, model);
}

static void say_model(const struct models_options *options, const ana_model *model)
{
    const ana_model_info *info = ana_model_get_info(model);
    const char *name;

    say(&options->common, "  %s %s: %s\n", info->kind, info->version, info->summary);
    say(&options->common, "  %.2f million parameters, %.1f MB, takes%s%s%s\n",
        (double)info->n_parameters / 1e6, (double)info->size_bytes / 1e6,
        info->takes_text ? " text" : "", info->takes_boxes ? " box" : "",
        info->takes_points ? " point" : "");
    say(&options->common, "  licence: %s\n  use: %s\n", info->licence, info->intended_use);
    for (int64_t i = 0; options->concepts && (name = ana_model_concept(model, i)) != NULL; i++)
        say(&options->common, "    %s\n", name);
}

/* One installed file; a damaged one is told and does not hide the others. */
static bool show(const struct models_options *options, struct json_out *json, const char *name,
                 const char *path)
{
    ana_model *model;
    ana_error error;

    out_object(json, NULL);
    out_string(json, "name", name);
    out_string(json, "path", path);
    say(&options->common, "%s  (%s)\n", name, path);
    const ana_status status = ana_model_open(&model, path, &error);
    if (status) {
        complain("%s", error.message);
        out_string(json, "error", error.message);
    } else {
        write_model(json, model);
        say_model(options, model);
    }
    ana_model_free(model);
    out_object_end(json);
    return status == ANA_OK;
}

static int run(void *data)
{
    const struct models_options *options = data;
    struct json_out json = {0};
    ana_model_list *list;
    ana_error error;
    const char *name;
    bool good = true;

    if (options->common.inputs.n > 0)
        return usage_error(&command_models, "\"%s\" is not expected",
                           options->common.inputs.items[0]);
    if (ana_model_list_open(&list, &error)) {
        complain("%s", error.message);
        return EXIT_CODE_FAILED;
    }

    out_object(&json, NULL);
    out_string(&json, "version", ana_version());
    out_array(&json, "models");
    for (int64_t i = 0; (name = ana_model_list_name(list, i)) != NULL; i++)
        good = show(options, &json, name, ana_model_list_path(list, i)) && good;
    out_array_end(&json);
    out_array(&json, "folders");
    if (!ana_model_list_name(list, 0))
        say(&options->common, "No models are installed. These folders were looked at:\n");
    for (int64_t i = 0; (name = ana_model_list_folder(list, i)) != NULL; i++) {
        out_string(&json, NULL, name);
        if (!ana_model_list_name(list, 0))
            say(&options->common, "  %s\n", name);
    }
    out_array_end(&json);
    out_object_end(&json);
    ana_model_list_free(list);

    good = (!options->common.json || json_out_print(&json)) && good;
    json_out_clear(&json);
    return good ? EXIT_CODE_OK : EXIT_CODE_FAILED;
}

const struct command command_models = {
    .name = "models",
    .summary = "list the installed models with licence and place",
    .usage = "[options]",
    .about = "Lists the models that --model finds by name: <name>.safetensors in the folders of\n"
             "ANATOME_MODELS, in $XDG_DATA_HOME/anatome/models, beside the program, and where\n"
             "anatome was installed. Nothing is ever downloaded.",
    .options = models_table,
    .examples = "  anatome models\n"
                "  anatome models --concepts\n"
                "  ANATOME_MODELS=~/weights anatome models --json",
    .options_size = sizeof(struct models_options),
    .run = run,
};
