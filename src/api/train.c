/* Training of the public API: fills in where files lie and draws the curves at the end. */
#include "anatome/train.h"

#include "api/search.h"
#include "base/memory.h"
#include "base/text.h"
#include "report/plot.h"
#include "train/loop.h"

ana_train_options ana_train_defaults(void)
{
    return (ana_train_options){.seed = 1};
}

/* Paths that the caller left to us. */
struct train_paths {
    char *concepts, *weights, *state, *log, *picture;
};

static void paths_clear(struct train_paths *paths)
{
    memory_free(paths->concepts);
    memory_free(paths->weights);
    memory_free(paths->state);
    memory_free(paths->log);
    memory_free(paths->picture);
}

/* log.csv -> log.png, beside it. */
static char *picture_path(const char *log)
{
    char *folder = path_folder(log);
    char *stem = path_stem(log);
    struct text name = {0};
    char *path = NULL;

    if (folder && stem) {
        text_appendf(&name, "%s.png", stem);
        path = path_join(folder, text_string(&name));
    }
    text_clear(&name);
    memory_free(folder);
    memory_free(stem);
    return path;
}

static ana_status paths_open(struct train_paths *p, const ana_train_options *options,
                             ana_error *err)
{
    ana_status status =
        options->concepts ? ANA_OK : model_data_find(&p->concepts, "mini/concepts.csv", err);

    if (!status)
        status = path_make_folders(options->out, err);
    if (status)
        return status;
    p->weights = path_join(options->out, "mini.safetensors");
    p->state = path_join(options->out, "state.safetensors");
    p->log = options->log ? memory_copy_string(options->log) : path_join(options->out, "log.csv");
    p->picture = p->log ? picture_path(p->log) : NULL;
    if (!p->weights || !p->state || !p->log || !p->picture)
        return ana_fail_memory(err, 0);
    return ANA_OK;
}

static ana_status fill_recipe(struct train_recipe *recipe, const ana_train_options *options,
                              ana_error *err)
{
    if (options->recipe) {
        ana_status status = recipe_read(recipe, options->recipe, err);
        if (status)
            return status;
    }
    if (options->steps)
        recipe->steps = options->steps;
    if (options->size) {
        recipe->n_phases = 1;
        recipe->phases[0] = (struct recipe_phase){options->size, 1};
    }
    return recipe_check(recipe, err);
}

ana_status ana_train_plot(const char *png_path, const char *log_csv, ana_error *err)
{
    static const struct plot_panel panels[] = {
        {.title = "loss",
         .columns = {"loss", "bce", "dice", "presence", "auxiliary"},
         .smooth = true},
        {.title = "learning rate and gradient norm",
         .columns = {"rate", "gradient_norm"},
         .log_scale = true},
    };
    const struct plot plot = {.title = "Training",
                              .x_column = "step",
                              .panels = panels,
                              .n_panels = sizeof panels / sizeof panels[0]};

    return plot_csv(png_path, log_csv, &plot, err);
}

ana_status ana_train(ana_context *context, const ana_train_options *options, ana_error *err)
{
    struct train_options train = train_options_defaults();
    struct train_paths paths = {0};

    if (!options->out || !options->n_manifests)
        return ana_fail(err, ANA_ERR_ARGUMENT, "a manifest and a folder for the output are needed");
    ana_status status = fill_recipe(&train.recipe, options, err);
    if (!status)
        status = paths_open(&paths, options, err);
    train.manifests = options->manifests;
    train.n_manifests = (int)options->n_manifests;
    train.folder_concept = options->folder_concept;
    train.concepts = options->concepts ? options->concepts : paths.concepts;
    train.weights_table = options->sampling;
    train.cache = options->cache;
    train.out = paths.weights;
    train.state = paths.state;
    train.log = paths.log;
    train.init = options->init;
    train.resume = options->resume;
    train.save_every = options->save_every ? options->save_every : train.save_every;
    train.seed = options->seed;
    train.version = ANATOME_VERSION;
    train.licence = options->licence ? options->licence : train.licence;
    if (!status)
        status = train_run(&train, context, options->progress, options->progress_user, err);
    if (!status)
        status = ana_train_plot(paths.picture, paths.log, err);
    paths_clear(&paths);
    return status;
}
