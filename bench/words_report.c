/* The figures of bench_words, for people and for machines. */
#include "words.h"

#include <math.h>
#include <stdio.h>

#include "io/json.h"

const char *const side_names[N_SIDES] = {"left lung", "right lung", "cardiomediastinum"};

static const struct {
    const char *name, *title;
} ways[N_WAYS] = {
    [WAY_PLAIN] = {"plain", "plain word"},
    [WAY_HELDOUT] = {"heldout", "phrasing never trained"},
    [WAY_HELDOUT_NETWORK] = {"heldout_network", "the same, no table"},
    [WAY_UPPER] = {"upper", "upper case"},
    [WAY_TYPO] = {"typo", "one wrong letter"},
    [WAY_TYPO_NETWORK] = {"typo_network", "the same, no table"},
    [WAY_MODALITY] = {"modality", "word and modality"},
    [WAY_SHUFFLED] = {"shuffled", "shuffled letters"},
    [WAY_SHUFFLED_NETWORK] = {"shuffled_network", "shuffled, no table"},
    [WAY_OTHER] = {"other", "another organ"},
    [WAY_OTHER_NETWORK] = {"other_network", "another organ, no table"},
    [WAY_BOX] = {"box", "box"},
    [WAY_BOX_SHAKEN] = {"box_shaken", "box, edges off by 10 %"},
    [WAY_BOX_WORDS] = {"box_words", "box and words"},
    [WAY_CLICK] = {"click", "click"},
    [WAY_CLICK_WORDS] = {"click_words", "click and words"},
};

/* Means over concepts of the concepts' means, so that sets of many images weigh no more. */
struct way_summary {
    int64_t n;
    int n_concepts;
    double truth, agreement, empty_share;
};

static struct way_summary summarise(const struct bench *bench, enum way way, bool headline_only)
{
    struct way_summary s = {0};
    int n_agreement = 0;

    for (int c = 0; c < bench->concepts->n; c++) {
        const struct cell *cell = &bench->totals.cells[way][c];
        if (!cell->n || (headline_only && !bench->concepts->items[c].headline))
            continue;
        s.n += cell->n;
        s.n_concepts++;
        s.truth += cell->truth / (double)cell->n;
        s.empty_share += (double)cell->n_empty / (double)cell->n;
        if (cell->n_agreement) {
            s.agreement += cell->agreement / (double)cell->n_agreement;
            n_agreement++;
        }
    }
    s.truth = s.n_concepts ? s.truth / s.n_concepts : (double)NAN;
    s.empty_share = s.n_concepts ? s.empty_share / s.n_concepts : (double)NAN;
    s.agreement = n_agreement ? s.agreement / n_agreement : (double)NAN;
    return s;
}

static struct margin all_sides(const struct bench *bench)
{
    struct margin all = {0};

    for (int i = 0; i < N_SIDES; i++) {
        all.n += bench->totals.sides[i].n;
        all.sum += bench->totals.sides[i].sum;
    }
    return all;
}

static double margin_mean(const struct margin *margin)
{
    return margin->n ? margin->sum / (double)margin->n : (double)NAN;
}

static void say_number(double value)
{
    if (isnan(value))
        printf("        -");
    else
        printf("    %.3f", value);
}

static void say_ways(const struct bench *bench, bool headline_only)
{
    printf("\n%s\n%-26s %6s    truth     plain    empty\n",
           headline_only ? "headline concepts" : "all named concepts", "asked by", "n");
    for (int way = 0; way < N_WAYS; way++) {
        const struct way_summary s = summarise(bench, (enum way)way, headline_only);
        printf("%-26s %6lld", ways[way].title, (long long)s.n);
        say_number(s.truth);
        say_number(s.agreement);
        say_number(s.empty_share);
        printf("\n");
    }
}

static void say_concepts(const struct bench *bench)
{
    printf("\n%-24s %5s    plain  unseen  (agree)      box   shaken   +words    click   +words\n",
           "Dice with the truth", "n");
    for (int c = 0; c < bench->concepts->n; c++) {
        static const enum way columns[] = {WAY_BOX, WAY_BOX_SHAKEN, WAY_BOX_WORDS, WAY_CLICK,
                                           WAY_CLICK_WORDS};
        const struct cell *plain = &bench->totals.cells[WAY_PLAIN][c];
        const struct cell *heldout = &bench->totals.cells[WAY_HELDOUT][c];
        if (!plain->n)
            continue;
        printf("%-24s %5lld", bench->concepts->items[c].name, (long long)plain->n);
        say_number(plain->truth / (double)plain->n);
        say_number(heldout->n ? heldout->truth / (double)heldout->n : (double)NAN);
        say_number(heldout->n_agreement ? heldout->agreement / (double)heldout->n_agreement
                                        : (double)NAN);
        for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
            const struct cell *cell = &bench->totals.cells[columns[i]][c];
            say_number(cell->n ? cell->truth / (double)cell->n : (double)NAN);
        }
        printf("\n");
    }
}

void say_report(const struct bench *bench)
{
    const struct margin all = all_sides(bench);

    printf("%lld rows of %lld images; %lld skipped; plain word answered empty in %lld\n",
           (long long)bench->totals.n_rows, (long long)bench->totals.n_images,
           (long long)bench->totals.n_skipped, (long long)bench->totals.n_plain_empty);
    printf("\nDice of the asked one minus the best other's\n");
    for (int i = 0; i < N_SIDES; i++) {
        printf("%-26s %6lld", side_names[i], (long long)bench->totals.sides[i].n);
        say_number(margin_mean(&bench->totals.sides[i]));
        printf("\n");
    }
    printf("%-26s %6lld", "mean", (long long)all.n);
    say_number(margin_mean(&all));
    printf("\n");
    say_ways(bench, false);
    say_ways(bench, true);
    say_concepts(bench);
}

static struct json *number(double value)
{
    return isfinite(value) ? json_new_double(value) : json_new_null();
}

static struct json *summary_json(const struct way_summary *s)
{
    struct json *object = json_new_object();

    json_put_int64(object, "n", s->n);
    json_put_int64(object, "n_concepts", s->n_concepts);
    json_put(object, "dice_truth", number(s->truth));
    json_put(object, "dice_plain", number(s->agreement));
    json_put(object, "empty_share", number(s->empty_share));
    return object;
}

static struct json *concept_json(const struct bench *bench, int c)
{
    struct json *object = json_new_object();

    json_put_string(object, "concept", bench->concepts->items[c].name);
    for (int way = 0; way < N_WAYS; way++) {
        const struct cell *cell = &bench->totals.cells[way][c];
        if (!cell->n)
            continue;
        const struct way_summary s = {
            cell->n, 1, cell->truth / (double)cell->n,
            cell->n_agreement ? cell->agreement / (double)cell->n_agreement : (double)NAN,
            (double)cell->n_empty / (double)cell->n};
        json_put(object, ways[way].name, summary_json(&s));
    }
    return object;
}

static struct json *sides_json(const struct bench *bench)
{
    const struct margin all = all_sides(bench);
    struct json *object = json_new_object();

    for (int i = 0; i < N_SIDES; i++)
        json_put(object, side_names[i], number(margin_mean(&bench->totals.sides[i])));
    json_put_int64(object, "n", all.n);
    json_put(object, "mean", number(margin_mean(&all)));
    return object;
}

ana_status print_json(const struct bench *bench, ana_error *err)
{
    struct json *root = json_new_object();
    struct json *all = json_new_object(), *headline = json_new_object();
    struct json *concepts = json_new_array();
    struct text out = {0};

    for (int way = 0; way < N_WAYS; way++) {
        const struct way_summary s = summarise(bench, (enum way)way, false);
        const struct way_summary h = summarise(bench, (enum way)way, true);
        json_put(all, ways[way].name, summary_json(&s));
        json_put(headline, ways[way].name, summary_json(&h));
    }
    for (int c = 0; c < bench->concepts->n; c++)
        if (bench->totals.cells[WAY_PLAIN][c].n)
            json_append(concepts, concept_json(bench, c));
    json_put_int64(root, "images", bench->totals.n_images);
    json_put_int64(root, "rows", bench->totals.n_rows);
    json_put_int64(root, "skipped", bench->totals.n_skipped);
    json_put_int64(root, "plain_empty", bench->totals.n_plain_empty);
    json_put(root, "sides", sides_json(bench));
    json_put(root, "all", all);
    json_put(root, "headline", headline);
    json_put(root, "concepts", concepts);
    const ana_status status = json_dump(&out, root, 2, err);
    if (!status)
        fputs(text_string(&out), stdout);
    text_clear(&out);
    json_free(root);
    return status;
}
