/* Status codes and the error message that every fallible call can fill. */
#ifndef ANATOME_STATUS_H
#define ANATOME_STATUS_H

#if defined(__GNUC__)
#define ANA_API        __attribute__((visibility("default")))
#define ANA_MUST_CHECK __attribute__((warn_unused_result))
#else
#define ANA_API
#define ANA_MUST_CHECK
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ana_status {
    ANA_OK = 0,
    ANA_ERR_ARGUMENT,    /* the caller asked for something that makes no sense */
    ANA_ERR_MEMORY,      /* allocation failed or the memory budget is spent */
    ANA_ERR_IO,          /* the operating system refused: missing file, full disk, permissions */
    ANA_ERR_FORMAT,      /* the file is damaged, hostile or not what it claims to be */
    ANA_ERR_LIMIT,       /* well-formed, but larger than a limit that can be lifted by an option */
    ANA_ERR_UNSUPPORTED, /* well-formed, but this version cannot handle it */
    ANA_ERR_NOT_FOUND,   /* no such model, tensor or name */
    ANA_ERR_CANCELLED,   /* the progress callback or a signal asked to stop */
    ANA_ERR_INTERNAL     /* a defect of ours */
} ana_status;

/* The story of a failure. A plain value of the caller's; reporting never allocates. */
typedef struct ana_error {
    ana_status status;
    char message[512]; /* UTF-8, one line, always terminated */
} ana_error;

/* Short English name of a status ("bad format"). Never NULL. */
ANA_API const char *ana_status_name(ana_status status);

#ifdef __cplusplus
}
#endif
#endif
