/* Parsing --text, --prompts-file, --box and --point. */
#include "cli/prompts.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cases.h"
#include "cli/json_out.h"
#include "cli/terminal.h"

/* n numbers with commas between; what follows the last one is left in *rest. */
static bool parse_numbers(double *out, int n, const char *text, const char **rest)
{
    for (int i = 0; i < n; i++) {
        char *end;
        out[i] = strtod(text, &end);
        if (end == text || !isfinite(out[i]) || (i + 1 < n && *end != ','))
            return false;
        text = i + 1 < n ? end + 1 : end;
    }
    *rest = text;
    return true;
}

static bool parse_box(ana_box *out, const char *text)
{
    double v[4];

    if (!parse_numbers(v, 4, text, &text) || *text)
        return false;
    *out = (ana_box){v[0], v[1], v[2], v[3]};
    return v[0] < v[2] && v[1] < v[3];
}

static bool parse_point(ana_point *out, const char *text)
{
    double v[2];

    if (!parse_numbers(v, 2, text, &text))
        return false;
    *out = (ana_point){v[0], v[1], strcmp(text, ",-") == 0};
    return *text == '\0' || out->negative || strcmp(text, ",+") == 0;
}

/* Lines of the file are added as texts; empty ones and those that begin with # are skipped. */
static int read_texts(char **buffer, struct strings *texts, const char *path)
{
    enum { LIMIT = 1 << 20 };
    char *data = malloc(LIMIT + 1);
    FILE *file = fopen(path, "rb");

    if (!data || !file) {
        complain("cannot read %s: %s", path, data ? strerror(errno) : "out of memory");
        free(data);
        if (file)
            fclose(file);
        return EXIT_CODE_FAILED;
    }
    const size_t size = fread(data, 1, LIMIT, file);
    const bool too_long = size == LIMIT;
    const bool failed = ferror(file) != 0;
    fclose(file);
    data[size] = '\0';
    *buffer = data;
    if (too_long || failed || strlen(data) != size) {
        complain("%s: not a text file of less than 1 MB", path);
        return EXIT_CODE_FAILED;
    }
    for (char *line = data; *line;) {
        char *end = line + strcspn(line, "\n");
        char *next = *end ? end + 1 : end;
        *end = '\0';
        line[strcspn(line, "\r")] = '\0';
        line += strspn(line, " \t");
        if (*line && *line != '#' && !strings_append(texts, line))
            return EXIT_CODE_FAILED;
        line = next;
    }
    return EXIT_CODE_OK;
}

static int parse_places(struct prompt_list *p, const struct command *command,
                        const struct strings *boxes, const struct strings *points)
{
    p->boxes = calloc(boxes->n + 1, sizeof *p->boxes);
    p->points = calloc(points->n + 1, sizeof *p->points);
    if (!p->boxes || !p->points)
        return EXIT_CODE_FAILED;
    for (size_t i = 0; i < boxes->n; i++)
        if (!parse_box(&p->boxes[p->n_boxes++], boxes->items[i]))
            return usage_error(command,
                               "\"%s\" is no box: x0,y0,x1,y1 with x0 < x1 and y0 < y1 is expected",
                               boxes->items[i]);
    for (size_t i = 0; i < points->n; i++)
        if (!parse_point(&p->points[p->n_points++], points->items[i]))
            return usage_error(command, "\"%s\" is no point: x,y or x,y,- is expected",
                               points->items[i]);
    return EXIT_CODE_OK;
}

/* Also true for the names of the files that are not masks. */
static bool slug_taken(const struct prompt_list *p, size_t n, const char *slug)
{
    static const char *const reserved[] = {"labels", "overlay", "soft"};

    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (strcmp(reserved[i], slug) == 0)
            return true;
    for (size_t i = 0; i < n; i++)
        if (strcmp(p->slugs[i], slug) == 0)
            return true;
    return false;
}

/* A file name for prompt i: its words, "-2" and so on behind those that were there before. */
static bool name_prompt(struct prompt_list *p, size_t i)
{
    enum { ROOM = 128 };
    char *slug = slug_of(p->items[i].text ? p->items[i].text : "mask");
    char *name = slug ? malloc(ROOM) : NULL;

    if (!name) {
        free(slug);
        return false;
    }
    snprintf(name, ROOM, "%s", slug);
    for (int k = 2; slug_taken(p, i, name); k++)
        snprintf(name, ROOM, "%s-%d", slug, k);
    free(slug);
    p->slugs[i] = name;
    return true;
}

static int build_prompts(struct prompt_list *p, const struct strings *texts)
{
    const size_t n = texts->n ? texts->n : 1;

    p->items = calloc(n, sizeof *p->items);
    p->slugs = calloc(n, sizeof *p->slugs);
    if (!p->items || !p->slugs)
        return EXIT_CODE_FAILED;
    for (p->n = 0; p->n < n; p->n++) {
        p->items[p->n] = (ana_prompt){.text = texts->n ? texts->items[p->n] : NULL,
                                      .boxes = p->boxes,
                                      .n_boxes = p->n_boxes,
                                      .points = p->points,
                                      .n_points = p->n_points};
        if (!name_prompt(p, p->n))
            return EXIT_CODE_FAILED;
    }
    return EXIT_CODE_OK;
}

static bool has_blank(const struct strings *texts)
{
    for (size_t i = 0; i < texts->n; i++)
        if (texts->items[i][strspn(texts->items[i], " \t\r\n")] == '\0')
            return true;
    return false;
}

int prompts_open(struct prompt_list *out, const struct command *command,
                 const struct strings *texts, const char *prompts_file, const struct strings *boxes,
                 const struct strings *points)
{
    struct prompt_list p = {0};
    struct strings all = {0};
    int code = EXIT_CODE_OK;

    for (size_t i = 0; i < texts->n && !code; i++)
        code = strings_append(&all, texts->items[i]) ? EXIT_CODE_OK : EXIT_CODE_FAILED;
    if (!code && prompts_file)
        code = read_texts(&p.file, &all, prompts_file);
    if (!code)
        code = parse_places(&p, command, boxes, points);
    if (!code && all.n + p.n_boxes + p.n_points == 0)
        code = usage_error(command, "nothing was asked: give --text, --box or --point");
    if (!code && has_blank(&all))
        code = usage_error(command, "--text is empty");
    for (size_t i = 0; i < all.n && !code; i++)
        if (!is_utf8(all.items[i]))
            code = usage_error(command, "words are expected in UTF-8, \"%s\" is not", all.items[i]);
    if (!code)
        code = build_prompts(&p, &all);
    strings_clear(&all);
    if (code) {
        prompts_clear(&p);
        return code;
    }
    *out = p;
    return EXIT_CODE_OK;
}

void prompts_clear(struct prompt_list *prompts)
{
    for (size_t i = 0; i < prompts->n; i++)
        free(prompts->slugs[i]);
    free(prompts->slugs);
    free(prompts->items);
    free(prompts->boxes);
    free(prompts->points);
    free(prompts->file);
    *prompts = (struct prompt_list){0};
}
