/* Thousands of cases, a few to look at. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "pipeline/evaluate_internal.h"

static int by_dice(const void *a, const void *b)
{
    const struct eval_case *const *x = a, *const *y = b;
    const int names = strcmp((*x)->task->words, (*y)->task->words);

    if (names)
        return names;
    if ((*x)->dice < (*y)->dice || (*x)->dice > (*y)->dice)
        return (*x)->dice < (*y)->dice ? -1 : 1;
    return *x < *y ? -1 : 1;
}

void eval_cases_sort(const struct eval_case **sorted, const struct eval_cases *cases)
{
    for (int64_t i = 0; i < cases->n; i++)
        sorted[i] = &cases->items[i];
    if (cases->n > 0)
        qsort(sorted, (size_t)cases->n, sizeof *sorted, by_dice);
}

static int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Few cases are shared out: the worst get a third, rounded up, then the best, then the middle, so
 * that the three runs never meet. */
int64_t eval_select(struct eval_selection *out, const struct eval_case *const *ascending, int64_t n,
                    int64_t each)
{
    const int64_t worst = at_most(each, (n + 2) / 3);
    const int64_t best = at_most(each, (n + 1) / 3);
    const int64_t middle = at_most(each, n / 3);
    const int64_t centred = (n - middle) / 2;
    const int64_t first = centred > worst ? centred : worst;
    int64_t count = 0;

    for (int64_t i = 0; i < worst; i++)
        out[count++] = (struct eval_selection){ascending[i], "worst"};
    for (int64_t i = 0; i < middle; i++)
        out[count++] = (struct eval_selection){ascending[first + i], "median"};
    for (int64_t i = 0; i < best; i++)
        out[count++] = (struct eval_selection){ascending[n - 1 - i], "best"};
    return count;
}

/* The other kind of picture first, then the surest mistakes. */
static int by_mistake(const void *a, const void *b)
{
    const struct eval_absent *const *x = a, *const *y = b;

    if ((*x)->task->same_kind != (*y)->task->same_kind)
        return (*x)->task->same_kind ? 1 : -1;
    if ((*x)->score < (*y)->score || (*x)->score > (*y)->score)
        return (*x)->score > (*y)->score ? -1 : 1;
    return *x < *y ? -1 : 1;
}

ana_status eval_select_absent(const struct eval_absent **out, int64_t *n_out,
                              const struct eval_cases *cases, int64_t each, ana_error *err)
{
    const size_t size = (size_t)cases->n_absent + 1;
    const struct eval_absent **shown = memory_alloc_array(size, sizeof *shown);
    int64_t n = 0, of_kind[2] = {0, 0};

    *n_out = 0;
    if (!shown)
        return ana_fail_memory(err, size * sizeof *shown);
    for (int64_t i = 0; i < cases->n_absent; i++)
        if (cases->absent[i].area > 0)
            shown[n++] = &cases->absent[i];
    if (n > 0)
        qsort(shown, (size_t)n, sizeof *shown, by_mistake);
    for (int64_t i = 0; i < n; i++)
        if (of_kind[shown[i]->task->same_kind]++ < each)
            out[(*n_out)++] = shown[i];
    memory_free(shown);
    return ANA_OK;
}
