/* CSV: what was read is written and read again as the same fields. */
#include "io/csv.h"

#include <string.h>

#include "fuzz.h"

static void write_table(struct text *out, const struct csv *csv)
{
    for (int64_t k = 0; k < csv->n_columns; k++)
        csv_append_field(out, csv->names[k]);
    csv_end_record(out);
    for (int64_t i = 0; i < csv->n_rows; i++) {
        for (int64_t k = 0; k < csv->n_columns; k++)
            csv_append_field(out, csv_cell(csv, i, k));
        csv_end_record(out);
    }
    EXPECT(!out->failed);
}

static void write_and_read_again(const struct csv *csv)
{
    struct text text = {0};
    struct csv again;
    ana_error err = {0};

    write_table(&text, csv);
    EXPECT(csv_read_memory(&again, text.data, text.size, "again", &err) == ANA_OK);
    EXPECT(again.n_rows == csv->n_rows && again.n_columns == csv->n_columns);
    for (int64_t k = 0; k < csv->n_columns; k++) {
        EXPECT(csv_column(csv, csv->names[k]) == k);
        EXPECT(strcmp(again.names[k], csv->names[k]) == 0);
        for (int64_t i = 0; i < csv->n_rows; i++)
            EXPECT(strcmp(csv_cell(&again, i, k), csv_cell(csv, i, k)) == 0);
    }
    csv_clear(&again);
    text_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct csv csv = {0};
    ana_error err = {0};

    const ana_status status = csv_read_memory(&csv, data, size, "file", &err);
    if (!status)
        write_and_read_again(&csv);
    csv_clear(&csv);
    fuzz_end(status, &err);
    return 0;
}
