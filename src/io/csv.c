/* CSV after RFC 4180. Fields are unquoted in place, so a table is one block of text plus pointers.
 */
#include "io/csv.h"

#include <stdbool.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"

#define MAX_SIZE_BYTES ((size_t)256 << 20)
#define MAX_CELLS      (INT64_C(1) << 24)
enum { MAX_COLUMNS = 4096 };

static const char byte_order_mark[] = "\xef\xbb\xbf";

struct parser {
    char *read;        /* next byte; the text ends with a 0 that belongs to it */
    const char *end;   /* one past the last byte */
    int64_t line;      /* from 1 */
    const char *label; /* the file's name */
    const char **fields;
    int64_t n_fields;
    int64_t capacity;
    ana_error *err;
};

static ana_status fail_at(const struct parser *p, ana_status status, const char *what)
{
    return ana_fail(p->err, status, "%s: line %lld: %s", p->label, (long long)p->line, what);
}

static ana_status add_field(struct parser *p, const char *field)
{
    if (p->n_fields >= MAX_CELLS)
        return fail_at(p, ANA_ERR_LIMIT, "more than 16777216 fields");
    if (p->n_fields == p->capacity) {
        const int64_t capacity = p->capacity ? 2 * p->capacity : 256;
        const char **fields = memory_resize(p->fields, (size_t)capacity * sizeof(*fields));
        if (!fields)
            return ana_fail_memory(p->err, (size_t)capacity * sizeof(*fields));
        p->fields = fields;
        p->capacity = capacity;
    }
    p->fields[p->n_fields++] = field;
    return ANA_OK;
}

/* Behind the opening quote; leaves p->read behind the closing one. */
static ana_status unquote_field(struct parser *p, char **end_of_field)
{
    char *write = p->read;
    for (;; p->read++) {
        if (p->read == p->end)
            return fail_at(p, ANA_ERR_FORMAT, "the file ends inside a quoted field");
        if (*p->read == '"') {
            p->read++;
            if (p->read == p->end || *p->read != '"')
                break;
        }
        p->line += *p->read == '\n';
        *write++ = *p->read;
    }
    *end_of_field = write;
    return ANA_OK;
}

static ana_status skip_plain_field(struct parser *p, char **end_of_field)
{
    while (p->read != p->end && !strchr(",\n\r\"", *p->read))
        p->read++;
    if (p->read != p->end && *p->read == '"')
        return fail_at(p, ANA_ERR_FORMAT, "a quote inside a field that does not begin with one");
    *end_of_field = p->read;
    return ANA_OK;
}

/* Reads what follows a field; *more says whether another field of the record comes. The line is
 * counted by the caller, after it has looked at the record. */
static ana_status end_field(struct parser *p, bool *more)
{
    *more = false;
    if (p->read == p->end)
        return ANA_OK;
    if (*p->read == '\r' && p->read + 1 != p->end && p->read[1] == '\n')
        p->read++;
    if (*p->read != ',' && *p->read != '\n')
        return fail_at(p, ANA_ERR_FORMAT,
                       *p->read == '\r' ? "a carriage return without a line feed"
                                        : "text behind a closing quote");
    *more = *p->read++ == ',';
    return ANA_OK;
}

/* One record onto p->fields; p->read stands at the next line. */
static ana_status read_record(struct parser *p)
{
    bool more = true;
    while (more) {
        const bool quoted = p->read != p->end && *p->read == '"';
        char *begin = p->read += quoted;
        char *end = NULL;
        ana_status status = quoted ? unquote_field(p, &end) : skip_plain_field(p, &end);
        if (!status)
            status = end_field(p, &more);
        if (!status)
            status = add_field(p, begin);
        if (status)
            return status;
        *end = 0; /* its separator has been read */
    }
    return ANA_OK;
}

static bool skip_empty_lines(struct parser *p)
{
    while (p->read != p->end && (*p->read == '\n' || (*p->read == '\r' && p->read[1] == '\n'))) {
        p->read += *p->read == '\r' ? 2 : 1;
        p->line++;
    }
    return p->read != p->end;
}

static ana_status read_header(struct parser *p, struct csv *csv)
{
    if (!skip_empty_lines(p))
        return fail_at(p, ANA_ERR_FORMAT, "no header line");
    ana_status status = read_record(p);
    if (status)
        return status;
    if (p->n_fields > MAX_COLUMNS)
        return fail_at(p, ANA_ERR_LIMIT, "more than 4096 columns");

    csv->n_columns = p->n_fields;
    csv->names = p->fields;
    p->fields = NULL;
    p->n_fields = p->capacity = 0;
    for (int64_t i = 0; i < csv->n_columns; i++) {
        if (!*csv->names[i])
            return fail_at(p, ANA_ERR_FORMAT, "a column without a name");
        if (csv_column(csv, csv->names[i]) != i)
            return fail_at(p, ANA_ERR_FORMAT, "two columns of one name");
    }
    p->line++;
    return ANA_OK;
}

static ana_status add_line(struct csv *csv, int64_t line, int64_t *capacity, ana_error *err)
{
    if (csv->n_rows == *capacity) {
        const int64_t more = *capacity ? 2 * *capacity : 64;
        int64_t *lines = memory_resize(csv->lines, (size_t)more * sizeof(*lines));
        if (!lines)
            return ana_fail_memory(err, (size_t)more * sizeof(*lines));
        csv->lines = lines;
        *capacity = more;
    }
    csv->lines[csv->n_rows++] = line;
    return ANA_OK;
}

static ana_status read_rows(struct parser *p, struct csv *csv)
{
    int64_t capacity = 0;
    ana_status status = ANA_OK;
    while (!status && skip_empty_lines(p)) {
        const int64_t line = p->line;
        const int64_t before = p->n_fields;
        status = read_record(p);
        if (!status && p->n_fields - before != csv->n_columns)
            status = ana_fail(
                p->err, ANA_ERR_FORMAT, "%s: line %lld: %lld fields, the header has %lld", p->label,
                (long long)line, (long long)(p->n_fields - before), (long long)csv->n_columns);
        if (!status)
            status = add_line(csv, line, &capacity, p->err);
        p->line++;
    }
    csv->cells = p->fields;
    return status;
}

/* csv->text holds the file. */
static ana_status parse(struct csv *csv, size_t size, const char *label, ana_error *err)
{
    struct parser p = {.read = csv->text, .end = csv->text + size, .line = 1, .label = label};
    p.err = err;

    if (memchr(csv->text, 0, size))
        return ana_fail(err, ANA_ERR_FORMAT, "%s: a zero byte, so this is not a text file", label);
    if (string_starts_with(csv->text, byte_order_mark))
        p.read += 3;
    ana_status status = read_header(&p, csv);
    if (!status)
        return read_rows(&p, csv);
    memory_free(p.fields);
    return status;
}

ana_status csv_read_memory(struct csv *out, const void *data, size_t size, const char *label,
                           ana_error *err)
{
    *out = (struct csv){0};
    if (size > MAX_SIZE_BYTES)
        return ana_fail(err, ANA_ERR_LIMIT, "%s: larger than %zu bytes", label, MAX_SIZE_BYTES);

    struct csv csv = {.text = memory_alloc(size + 1)};
    if (!csv.text)
        return ana_fail_memory(err, size + 1);
    if (size)
        memcpy(csv.text, data, size);
    csv.text[size] = 0;

    ana_status status = parse(&csv, size, label, err);
    if (status) {
        csv_clear(&csv);
        return status;
    }
    *out = csv;
    return ANA_OK;
}

ana_status csv_read(struct csv *out, const char *path, ana_error *err)
{
    *out = (struct csv){0};
    struct file_map map;
    ana_status status = file_map_open(&map, path, err);
    if (status)
        return status;
    status = csv_read_memory(out, map.data, map.size, path, err);
    file_map_close(&map);
    return status;
}

void csv_clear(struct csv *csv)
{
    memory_free(csv->names);
    memory_free(csv->cells);
    memory_free(csv->lines);
    memory_free(csv->text);
    *csv = (struct csv){0};
}

int64_t csv_column(const struct csv *csv, const char *name)
{
    for (int64_t i = 0; i < csv->n_columns; i++)
        if (strcmp(csv->names[i], name) == 0)
            return i;
    return -1;
}

const char *csv_cell(const struct csv *csv, int64_t row, int64_t column)
{
    if (row < 0 || row >= csv->n_rows || column < 0 || column >= csv->n_columns)
        return "";
    return csv->cells[row * csv->n_columns + column];
}

void csv_append_field(struct text *out, const char *field)
{
    const bool first = out->size == 0 || out->data[out->size - 1] == '\n';
    if (!first)
        text_append(out, ",");
    /* An empty first field is quoted, or the record would look as if it had not begun; so is one
     * that begins as a byte order mark does, or it would be taken for one. */
    const bool misleading = first && (!*field || string_starts_with(field, byte_order_mark));
    if (!strpbrk(field, ",\"\r\n") && !misleading) {
        text_append(out, field);
        return;
    }
    text_append(out, "\"");
    for (const char *c = field; *c; c++) {
        if (*c == '"')
            text_append(out, "\"");
        text_append_bytes(out, c, 1);
    }
    text_append(out, "\"");
}

void csv_end_record(struct text *out)
{
    text_append(out, "\n");
}
