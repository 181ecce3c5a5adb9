/* Lines are counted, not parsed: line n + 1 of the file is step n. */
#include "train/curve_log.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"

enum { LOG_LIMIT_BYTES = 1 << 28 };

/* Bytes of the first n lines; fewer if the file is shorter or its last line is not whole. */
static size_t bytes_of_lines(const char *data, size_t size, int64_t n)
{
    size_t end = 0;
    while (n-- > 0) {
        const char *newline = memchr(data + end, '\n', size - end);
        if (!newline)
            break;
        end = (size_t)(newline - data) + 1;
    }
    return end;
}

static ana_status cut_back(size_t *left, const char *path, int64_t lines, ana_error *err)
{
    uint8_t *bytes;
    size_t size;
    ana_status status = file_read(&bytes, &size, path, LOG_LIMIT_BYTES, err);
    if (status)
        return status;
    const size_t kept = bytes_of_lines((const char *)bytes, size, lines);
    *left = kept;
    if (kept != size)
        status = file_write(path, bytes, kept, err);
    memory_free(bytes);
    return status;
}

ana_status curve_log_open(struct curve_log *log, const char *path, const char *header,
                          int64_t steps, ana_error *err)
{
    *log = (struct curve_log){0};
    if (!path)
        return ANA_OK;
    size_t left = 0; /* bytes of an old log to go on from; an old one without a header has none */
    if (steps > 0 && path_exists(path)) {
        const ana_status status = cut_back(&left, path, steps + 1, err);
        if (status)
            return status;
    }
    log->path = memory_copy_string(path);
    if (!log->path)
        return ana_fail_memory(err, strlen(path) + 1);
    log->stream = fopen(path, left ? "ab" : "wb");
    if (!log->stream) {
        const int failure = errno;
        curve_log_close(log);
        return ana_fail(err, ANA_ERR_IO, "%s: %s", path, strerror(failure));
    }
    return left ? ANA_OK : curve_log_line(log, err, "%s", header);
}

ana_status curve_log_line(struct curve_log *log, ana_error *err, const char *format, ...)
{
    if (!log->stream)
        return ANA_OK;
    va_list args;
    va_start(args, format);
    const bool ok = vfprintf(log->stream, format, args) >= 0 && fputc('\n', log->stream) != EOF &&
                    fflush(log->stream) == 0;
    va_end(args);
    return ok ? ANA_OK : ana_fail(err, ANA_ERR_IO, "%s: %s", log->path, strerror(errno));
}

void curve_log_close(struct curve_log *log)
{
    if (log->stream)
        (void)fclose(log->stream);
    memory_free(log->path);
    *log = (struct curve_log){0};
}
