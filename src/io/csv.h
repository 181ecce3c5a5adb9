/* CSV as RFC 4180 describes it: quoted fields, CRLF or LF, a UTF-8 byte order mark skipped.
 *
 * The first record is the header: unique, non-empty names. Every record has as many fields as the
 * header; empty lines are skipped. Errors read "<file>: line 3: ...".
 */
#ifndef ANA_IO_CSV_H
#define ANA_IO_CSV_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

struct csv {
    int64_t n_rows; /* without the header */
    int64_t n_columns;
    const char **names; /* n_columns */
    const char **cells; /* [n_rows, n_columns], terminated strings */
    int64_t *lines;     /* n_rows: line of the file where the row begins, from 1 */
    char *text;         /* what names and cells point into */
};

/* At most 256 MiB and 4096 columns. On success *out is the caller's to csv_clear(). */
MUST_CHECK ana_status csv_read(struct csv *out, const char *path, ana_error *err);
MUST_CHECK ana_status csv_read_memory(struct csv *out, const void *data, size_t size,
                                      const char *label, ana_error *err);
void csv_clear(struct csv *csv);

int64_t csv_column(const struct csv *csv, const char *name); /* -1 if there is none */
/* Borrowed, never NULL; "" for column -1, so that optional columns need no special case. */
const char *csv_cell(const struct csv *csv, int64_t row, int64_t column);

/* Writing: fields separated by commas, a record ended by LF; quotes only where needed. */
void csv_append_field(struct text *out, const char *field); /* puts the comma between fields */
void csv_end_record(struct text *out);

#endif
