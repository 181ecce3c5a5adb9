/* bench_peer WORKLOAD FOLDER THREADS: anatome's side of bench/peers.
 *
 * Reads weights.safetensors and inputs.safetensors of the folder, says "ready", and answers lines:
 *   run N          -> seconds S      N runs, mean seconds of one
 *   outputs FILE   -> written        the answers of the last run
 *   quit
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "compute/compute.h"
#include "workload.h"

static const struct workload *const workloads[] = {&workload_unet, &workload_unet_train,
                                                   &workload_mini, &workload_mini_train};

struct party {
    const struct workload *workload;
    void *state;
    struct pool *pool;
    struct safetensors *weights, *inputs;
};

ana_status copy_named(const struct tensor *to, const struct tensor_source *source, const char *name,
                      ana_error *err)
{
    const int64_t at = source->ops->find(source, name);
    if (at < 0)
        return ana_fail(err, ANA_ERR_FORMAT, "%s has no %s", source->ops->label(source), name);
    const struct tensor from = source->ops->tensor(source, at);
    if (tensor_count(&from) != tensor_count(to))
        return ana_fail(err, ANA_ERR_FORMAT, "%s: %s has %lld elements, expected %lld",
                        source->ops->label(source), name, (long long)tensor_count(&from),
                        (long long)tensor_count(to));
    if (to->dtype == DTYPE_F32)
        elements_to_f32(tensor_f32(to), from.data, from.dtype, tensor_count(to));
    else if (to->dtype == from.dtype)
        memcpy(to->data, from.data, tensor_bytes(to));
    else
        return ana_fail(err, ANA_ERR_FORMAT, "%s: %s is %s", source->ops->label(source), name,
                        dtype_name(from.dtype));
    return ANA_OK;
}

ana_status put_named(struct tensor_sink *sink, const char *prefix, const char *name,
                     const struct tensor *tensor, ana_error *err)
{
    char full[192];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    return sink->ops->put(sink, full, tensor, err);
}

static double now_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static ana_status open_file(struct safetensors **out, const char *folder, const char *name,
                            ana_error *err)
{
    char *path = path_join(folder, name);
    const ana_status status =
        path ? safetensors_open(out, path, err) : ana_fail_memory(err, strlen(folder));
    memory_free(path);
    return status;
}

static ana_status open_party(struct party *p, const char *folder, int n_threads, ana_error *err)
{
    ana_status status = pool_create(&p->pool, n_threads, err);
    if (!status)
        status = open_file(&p->weights, folder, "weights.safetensors", err);
    if (!status)
        status = open_file(&p->inputs, folder, "inputs.safetensors", err);
    if (status)
        return status;
    const struct workload_files files = {safetensors_source(p->weights),
                                         safetensors_source(p->inputs)};
    return p->workload->open(&p->state, &files, p->pool, err);
}

static void close_party(struct party *p)
{
    p->workload->close(p->state);
    safetensors_free(p->inputs);
    safetensors_free(p->weights);
    pool_free(p->pool);
}

static ana_status run_times(const struct party *p, const char *count, ana_error *err)
{
    long long n;
    if (!string_to_int64(count, &n) || n < 1)
        return ana_fail(err, ANA_ERR_ARGUMENT, "run \"%s\"", count);
    ana_status status = ANA_OK;
    const double begin = now_seconds();
    for (long long i = 0; !status && i < n; i++)
        status = p->workload->run(p->state, err);
    if (!status)
        printf("seconds %.9f\n", (now_seconds() - begin) / (double)n);
    return status;
}

static ana_status write_outputs(const struct party *p, const char *path, ana_error *err)
{
    struct safetensors_writer *writer;
    ana_status status = safetensors_writer_create(&writer, err);
    if (!status)
        status = p->workload->write(p->state, safetensors_writer_sink(writer), err);
    if (!status)
        status = safetensors_writer_write(writer, path, err);
    safetensors_writer_free(writer);
    if (!status)
        puts("written");
    return status;
}

static ana_status serve(const struct party *p, ana_error *err)
{
    char line[4096];
    ana_status status = ANA_OK;
    while (!status && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "quit") == 0)
            return ANA_OK;
        if (string_starts_with(line, "run "))
            status = run_times(p, line + 4, err);
        else if (string_starts_with(line, "outputs "))
            status = write_outputs(p, line + 8, err);
        else
            status = ana_fail(err, ANA_ERR_ARGUMENT, "\"%.40s\" is no command", line);
        fflush(stdout);
    }
    return status;
}

int main(int argc, char **argv)
{
    struct party party = {0};
    ana_error error = {0};
    long long n_threads = 0;

    for (size_t i = 0; argc == 4 && i < sizeof workloads / sizeof workloads[0]; i++)
        if (strcmp(workloads[i]->name, argv[1]) == 0)
            party.workload = workloads[i];
    if (!party.workload || !string_to_int64(argv[3], &n_threads) || n_threads < 1 ||
        n_threads > 1024) {
        fputs("usage: bench_peer unet|unet-train|mini|mini-train FOLDER THREADS\n", stderr);
        return 2;
    }
    const double begin = now_seconds();
    ana_status status = open_party(&party, argv[2], (int)n_threads, &error);
    if (!status) {
        printf("ready {\"load_seconds\": %.3f, \"gflop\": %.4f, \"with\": \"%s\"}\n",
               now_seconds() - begin, party.workload->gflop(party.state),
               compute_default()->instruction_set);
        fflush(stdout);
        status = serve(&party, &error);
    }
    close_party(&party);
    if (status)
        fprintf(stderr, "bench_peer: %s\n", error.message);
    return status ? 1 : 0;
}
