/* The training loop. One step: the batch of this step was filled by a thread while the step before
 * was computed; forward, backward, update, one line of log. */
#include "train/loop.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "compute/compute.h"
#include "train/aside.h"
#include "train/calibrate.h"
#include "train/checkpoint.h"
#include "train/curve_log.h"
#include "train/memory_plan.h"
#include "train/sampler.h"
#include "train/trainee.h"
#include "train/validate.h"

enum { MAX_MANIFESTS = 8, TABLE_LIMIT_BYTES = 1 << 24 };

/* Of weights that are written before the end: logit 1.5, as mini.md 1 found. */
static const struct calibration unfitted = {
    .presence_absent = 0.82, .presence_found = 0.95, .presence = {1, 0}, .mask_threshold = 0.5};

struct train_options train_options_defaults(void)
{
    return (struct train_options){.save_every = 200,
                                  .recipe = recipe_defaults(),
                                  .version = "0",
                                  .licence = "research only, non-commercial",
                                  .intended_use = "Research use only. Not a medical device."};
}

/* A batch that a thread fills ahead of its use. */
struct loader {
    const struct sampler *sampler;
    struct sample_batch batch;
    int64_t step;
    struct thread *thread;
    ana_status status;
    ana_error error;
};

struct run {
    const struct train_options *options;
    struct ana_context *context;
    char *concepts_text;
    struct concepts concepts;
    struct manifest manifests[MAX_MANIFESTS];
    struct dataset dataset;
    struct sampler_weight *weights;
    struct sampler_options sampling;
    bool *aside; /* [images]; NULL: no patients were set aside */
    struct sampler *sampler;
    struct trainee trainee;
    struct optimiser *optimiser;
    struct tensor *gradients;
    struct loader loaders[2];
    struct train_step *step_plan;
    int size; /* of step_plan */
    int64_t step;
    double best_dice; /* as in struct checkpoint */
    int64_t without_best;
    struct curve_log log;
};

/* ---- set-up ---- */

static ana_status read_text(char **out, const char *path, ana_error *err)
{
    uint8_t *bytes = NULL;
    size_t size;
    const ana_status status = file_read(&bytes, &size, path, TABLE_LIMIT_BYTES, err);
    *out = (char *)bytes;
    return status;
}

static ana_status open_data(struct run *run, ana_progress_fn progress, void *user, ana_error *err)
{
    const struct train_options *o = run->options;
    if (o->n_manifests < 1 || o->n_manifests > MAX_MANIFESTS)
        return ana_fail(err, ANA_ERR_ARGUMENT, "%d manifests given, expected 1 to %d",
                        o->n_manifests, MAX_MANIFESTS);
    ana_status status = read_text(&run->concepts_text, o->concepts, err);
    if (!status)
        status = concepts_parse(&run->concepts, run->concepts_text, o->concepts, err);
    const struct manifest_options manifest = {.concept = o->folder_concept};
    for (int i = 0; !status && i < o->n_manifests; i++)
        status = manifest_read(&run->manifests[i], o->manifests[i], &manifest, err);
    const struct dataset_options dataset = {.cache_folder = o->cache,
                                            .log = &run->context->log,
                                            .pool = run->context->pool,
                                            .progress = progress,
                                            .user = user};
    if (!status)
        status = dataset_open(&run->dataset, run->manifests, o->n_manifests, &run->concepts,
                              &dataset, err);
    return status;
}

static ana_status set_aside(struct run *run, ana_error *err)
{
    const double share = run->options->recipe.calibration_share;
    const size_t n = (size_t)run->dataset.n_images + 1;
    int n_aside;
    if (!(share > 0))
        return ANA_OK;
    run->aside = memory_alloc_array_zeroed(n, sizeof *run->aside);
    if (!run->aside)
        return ana_fail_memory(err, n * sizeof *run->aside);
    const ana_status status =
        aside_mark(run->aside, &n_aside, &run->dataset, run->sampling.split, share, err);
    if (!status)
        log_write(&run->context->log, ANA_LOG_INFO, "%d images set aside for calibration", n_aside);
    run->sampling.set_aside = run->aside;
    return status;
}

static ana_status make_sampler(struct run *run, ana_error *err)
{
    const struct train_options *o = run->options;
    run->sampling = sampler_defaults();
    run->sampling.seed = o->seed;
    run->sampling.n_images = o->recipe.n_images;
    run->sampling.prompts_per_image = o->recipe.prompts_per_image;
    ana_status status = set_aside(run, err);
    if (!status && o->weights_table) {
        char *text;
        status = read_text(&text, o->weights_table, err);
        if (!status)
            status = sampler_weights_parse(&run->weights, &run->sampling.n_weights, text,
                                           o->weights_table, err);
        memory_free(text);
        run->sampling.weights = run->weights;
    }
    if (!status)
        status = sampler_create(&run->sampler, &run->dataset, &run->concepts, &run->sampling, err);
    for (int i = 0; i < 2; i++)
        run->loaders[i].sampler = run->sampler;
    return status;
}

/* Is there a state to continue from? Then first values and word lessons would only be overwritten.
 */
static bool goes_on(const struct run *run)
{
    const struct train_options *o = run->options;
    return o->resume && o->state && path_exists(o->state);
}

static ana_status make_trainee(struct run *run, ana_error *err)
{
    const struct train_options *o = run->options;
    ana_status status = goes_on(run) ? trainee_declare(&run->trainee, &run->concepts, err)
                                     : trainee_create(&run->trainee, &run->concepts, o->seed, err);
    if (status)
        return status;
    const int n = params_count(run->trainee.params);
    run->gradients = memory_alloc_array_zeroed((size_t)n, sizeof *run->gradients);
    if (!run->gradients)
        return ana_fail_memory(err, (size_t)n * sizeof *run->gradients);
    if (o->init)
        status = weights_import(&run->trainee, o->init, err);
    const struct optimiser_options optimiser = trainee_optimiser_options(&o->recipe);
    if (!status && !o->init && o->recipe.word_steps > 0 && !goes_on(run)) {
        double accuracy;
        status = trainee_teach_words(&run->trainee, &run->concepts, o->recipe.word_steps, o->seed,
                                     run->context->pool, &accuracy, err);
        log_write(&run->context->log, ANA_LOG_INFO, "words taught: %.1f %% of phrases right",
                  100 * accuracy);
    }
    if (!status)
        status = optimiser_create(&run->optimiser, run->trainee.params, &optimiser, err);
    return status;
}

static ana_status resume(struct run *run, ana_error *err)
{
    const struct train_options *o = run->options;
    if (!goes_on(run))
        return ANA_OK;
    struct checkpoint at = {.seed = o->seed, .recipe = recipe_fingerprint(&o->recipe)};
    const ana_status status = checkpoint_load(o->state, &at, &run->trainee, run->optimiser, err);
    if (status)
        return status;
    run->step = at.step;
    run->best_dice = at.best_dice;
    run->without_best = at.without_best;
    const char *isa = compute_default()->instruction_set;
    if (strcmp(isa, at.instruction_set) != 0)
        log_write(&run->context->log, ANA_LOG_WARNING,
                  "%s was made with %s, this machine uses %s: bytes will differ", o->state,
                  at.instruction_set, isa);
    log_write(&run->context->log, ANA_LOG_INFO, "resumed after step %" PRId64, run->step);
    return ANA_OK;
}

static ana_status check_memory(const struct run *run, ana_error *err)
{
    const struct train_memory training = {.trainee = &run->trainee,
                                          .concepts = &run->concepts,
                                          .recipe = &run->options->recipe,
                                          .sampling = &run->sampling,
                                          .saves = run->options->state != NULL};
    return train_check_memory(&training, run->context, err);
}

static ana_status open_log(struct run *run, ana_error *err)
{
    struct text header = {0};
    text_append(&header, "step,size,rate");
    for (int i = 0; i < LOSS_PARTS; i++)
        text_appendf(&header, ",%s", loss_part_names[i]);
    text_append(&header, ",gradient_norm");
    if (run->options->recipe.validate_every)
        text_append(&header, ",val_dice");
    const ana_status status = header.failed ? ana_fail_memory(err, header.size)
                                            : curve_log_open(&run->log, run->options->log,
                                                             text_string(&header), run->step, err);
    text_clear(&header);
    return status;
}

/* ---- batches ---- */

static void fill_batch(void *context)
{
    struct loader *loader = context;
    loader->status =
        sampler_fill(loader->sampler, (uint64_t)loader->step, &loader->batch, NULL, &loader->error);
}

static ana_status start_loader(struct run *run, struct loader *loader, int64_t step, ana_error *err)
{
    const int size = recipe_size_at(&run->options->recipe, step);
    if (loader->batch.size != size) {
        sample_batch_clear(&loader->batch);
        struct sampler_options options = run->sampling;
        options.size = size;
        const ana_status status = sample_batch_create(&loader->batch, &options, err);
        if (status)
            return status;
    }
    loader->step = step;
    return thread_start(&loader->thread, fill_batch, loader, err);
}

static ana_status finish_loader(struct loader *loader, ana_error *err)
{
    thread_join(loader->thread);
    loader->thread = NULL;
    if (loader->status)
        return ana_fail(err, loader->status, "%s", loader->error.message);
    return ANA_OK;
}

/* ---- steps ---- */

static ana_status plan_for_size(struct run *run, int size, ana_error *err)
{
    if (run->size == size)
        return ANA_OK;
    train_step_free(run->step_plan);
    run->step_plan = NULL;
    run->size = 0;
    const ana_status status = train_step_create(
        &run->step_plan, &run->trainee, &run->options->recipe, size, run->context->pool, err);
    if (!status)
        run->size = size;
    return status;
}

/* Every so often: Dice of the averaged weights on the split `val`; NaN in between. */
static ana_status validate_step(struct run *run, double *dice, ana_error *err)
{
    const struct train_recipe *recipe = &run->options->recipe;
    *dice = (double)NAN;
    if (!recipe->validate_every || (run->step + 1) % recipe->validate_every)
        return ANA_OK;
    optimiser_swap_ema(run->optimiser);
    const ana_status status = validate(dice, &run->trainee, &run->dataset, &run->concepts, "val",
                                       run->size, run->context->pool, err);
    optimiser_swap_ema(run->optimiser);
    if (*dice > run->best_dice) {
        run->best_dice = *dice;
        run->without_best = 0;
    } else {
        run->without_best++;
    }
    return status;
}

static bool is_finished(const struct run *run)
{
    const struct train_recipe *recipe = &run->options->recipe;
    return run->step >= recipe->steps ||
           (recipe->patience && run->without_best >= recipe->patience);
}

static ana_status log_step(struct run *run, double rate, const double loss[LOSS_PARTS], double norm,
                           double dice, ana_error *err)
{
    char validation[24] = "";
    if (isfinite(dice))
        snprintf(validation, sizeof validation, ",%.6g", dice);
    else if (run->options->recipe.validate_every)
        snprintf(validation, sizeof validation, ",");
    return curve_log_line(&run->log, err, "%" PRId64 ",%d,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g%s",
                          run->step, run->size, rate, loss[LOSS_TOTAL], loss[LOSS_BCE],
                          loss[LOSS_DICE], loss[LOSS_PRESENCE], loss[LOSS_AUXILIARY], norm,
                          validation);
}

static ana_status run_step(struct run *run, const struct sample_batch *batch, double *loss_out,
                           ana_error *err)
{
    double loss[LOSS_PARTS], norm, dice;
    ana_status status = plan_for_size(run, batch->size, err);
    if (!status)
        status = train_step_run(run->step_plan, batch, loss, err);
    if (status)
        return status;
    const double rate = recipe_rate_at(&run->options->recipe, run->step);
    train_step_gradients(run->step_plan, run->gradients);
    status = optimiser_step(run->optimiser, run->gradients, rate, run->context->pool, &norm, err);
    if (!status)
        status = validate_step(run, &dice, err);
    if (!status)
        status = log_step(run, rate, loss, norm, dice, err);
    *loss_out = loss[LOSS_TOTAL];
    run->step++;
    return status ? ana_fail_in(err, status, "step %" PRId64, run->step - 1) : ANA_OK;
}

static ana_status save_state(struct run *run, ana_error *err)
{
    if (!run->options->state)
        return ANA_OK;
    struct checkpoint at = {.step = run->step,
                            .seed = run->options->seed,
                            .recipe = recipe_fingerprint(&run->options->recipe),
                            .best_dice = run->best_dice,
                            .without_best = run->without_best};
    snprintf(at.instruction_set, sizeof at.instruction_set, "%s",
             compute_default()->instruction_set);
    return checkpoint_save(run->options->state, &at, &run->trainee, run->optimiser, err);
}

/* `each` threshold of the concepts' masks. */
static ana_status fit_calibration(struct run *run, struct calibration *fitted, double *each,
                                  ana_error *err)
{
    ana_status status = ANA_OK;
    if (run->aside)
        status = calibrate_aside(fitted, each, &run->trainee, &run->dataset, &run->concepts,
                                 run->aside, run->sampling.split, run->context->pool, err);
    else if (run->options->recipe.calibrate_batches)
        status = calibrate(fitted, &run->trainee, run->sampler, &run->sampling,
                           (uint64_t)run->options->recipe.steps,
                           run->options->recipe.calibrate_batches, run->context->pool, err);
    if (!status)
        log_write(&run->context->log, ANA_LOG_INFO,
                  "calibrated on %d present and %d absent things: not found below %.3f, found from "
                  "%.3f on",
                  fitted->n_present, fitted->n_absent, fitted->presence_absent,
                  fitted->presence_found);
    return status;
}

/* The averaged weights are the ones to use. */
static ana_status export_weights(struct run *run, bool last, ana_error *err)
{
    struct calibration fitted = unfitted;
    const size_t n = (size_t)run->concepts.n;
    double *each = memory_alloc_array(n + 1, sizeof *each);
    if (!each)
        return ana_fail_memory(err, n * sizeof *each);
    for (size_t i = 0; i < n; i++)
        each[i] = fitted.mask_threshold;
    ana_status status = ANA_OK;
    optimiser_swap_ema(run->optimiser);
    if (last)
        status = fit_calibration(run, &fitted, each, err);
    const struct weights_facts facts = {.version = run->options->version,
                                        .licence = run->options->licence,
                                        .intended_use = run->options->intended_use,
                                        .concepts = run->concepts_text,
                                        .mask_threshold = fitted.mask_threshold,
                                        .mask_thresholds = each,
                                        .table = &run->concepts,
                                        .presence_scale = fitted.presence.scale,
                                        .presence_bias = fitted.presence.bias,
                                        .presence_absent = fitted.presence_absent,
                                        .presence_found = fitted.presence_found};
    if (!status)
        status = weights_export(run->options->out, &run->trainee, &facts, err);
    optimiser_swap_ema(run->optimiser);
    memory_free(each);
    return status;
}

static bool tell(const struct run *run, ana_progress_fn progress, void *user, double loss)
{
    if (!progress)
        return true;
    char stage[96];
    snprintf(stage, sizeof stage, "step %" PRId64 " of %" PRId64 ", %d px, loss %.4f", run->step,
             run->options->recipe.steps, run->size, loss);
    return progress(user, stage, (double)run->step / (double)run->options->recipe.steps);
}

static ana_status run_steps(struct run *run, ana_progress_fn progress, void *user, ana_error *err)
{
    const int64_t steps = run->options->recipe.steps;
    ana_status status =
        is_finished(run) ? ANA_OK : start_loader(run, &run->loaders[0], run->step, err);
    for (int now = 0; !status && !is_finished(run); now = !now) {
        status = finish_loader(&run->loaders[now], err);
        if (!status && run->step + 1 < steps)
            status = start_loader(run, &run->loaders[!now], run->step + 1, err);
        double loss = 0;
        if (!status)
            status = run_step(run, &run->loaders[now].batch, &loss, err);
        if (status)
            break;
        const bool stays = tell(run, progress, user, loss);
        const bool due = run->options->save_every && run->step % run->options->save_every == 0;
        if (due || !stays || is_finished(run))
            status = save_state(run, err);
        if (!status && due && !is_finished(run))
            status = export_weights(run, false, err);
        if (!status && !stays && !is_finished(run))
            status = ana_fail(err, ANA_ERR_CANCELLED, "stopped after step %" PRId64, run->step);
    }
    return status ? status : export_weights(run, true, err);
}

static void clear(struct run *run)
{
    for (int i = 0; i < 2; i++) {
        thread_join(run->loaders[i].thread);
        sample_batch_clear(&run->loaders[i].batch);
    }
    curve_log_close(&run->log);
    train_step_free(run->step_plan);
    optimiser_free(run->optimiser);
    memory_free(run->gradients);
    trainee_clear(&run->trainee);
    sampler_free(run->sampler);
    memory_free(run->weights);
    memory_free(run->aside);
    dataset_clear(&run->dataset);
    for (int i = 0; i < MAX_MANIFESTS; i++)
        manifest_clear(&run->manifests[i]);
    concepts_clear(&run->concepts);
    memory_free(run->concepts_text);
}

/* Hours of work must not end with a name that cannot be written. A run that was killed while it
 * saved left up to a whole state there. */
static ana_status check_writable(const char *path, ana_error *err)
{
    struct file_writer writer;
    if (!path)
        return ANA_OK;
    char *folder = path_folder(path);
    if (!folder)
        return ana_fail_memory(err, strlen(path) + 1);
    file_sweep(folder);
    memory_free(folder);
    const ana_status status = file_writer_open(&writer, path, err);
    if (!status)
        file_discard(&writer);
    return status;
}

ana_status train_run(const struct train_options *options, struct ana_context *context,
                     ana_progress_fn progress, void *user, ana_error *err)
{
    struct run run = {.options = options, .context = context, .best_dice = -1};
    ana_status status = recipe_check(&options->recipe, err);
    if (!status)
        status = check_writable(options->out, err);
    if (!status)
        status = check_writable(options->state, err);
    if (!status)
        status = open_data(&run, progress, user, err);
    if (!status)
        status = make_sampler(&run, err);
    if (!status)
        status = make_trainee(&run, err);
    if (!status)
        status = resume(&run, err);
    if (!status)
        status = check_memory(&run, err);
    if (!status)
        status = open_log(&run, err);
    if (!status)
        status = run_steps(&run, progress, user, err);
    clear(&run);
    return status;
}
