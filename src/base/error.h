/* How functions of ours report failure: a status, and its story in the caller's ana_error. */
#ifndef ANA_BASE_ERROR_H
#define ANA_BASE_ERROR_H

#include "anatome/status.h"
#include "base/compiler.h"

/* States the fact; returns status, so that `return ana_fail(...)` reads well. err may be NULL. */
ana_status ana_fail(ana_error *err, ana_status status, const char *format, ...) PRINTF_LIKE(3, 4);

/* Puts context in front of what err already says: "case 17: reading ct.nii: ...". */
ana_status ana_fail_in(ana_error *err, ana_status status, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* "out of memory (N bytes wanted)". */
ana_status ana_fail_memory(ana_error *err, unsigned long long size_bytes);

#ifdef __clang_analyzer__
/* clang-tidy sees one file at a time and would follow paths on which these return ANA_OK. */
#define ana_fail(err, status, ...)    ((void)(ana_fail)(err, status, __VA_ARGS__), (status))
#define ana_fail_in(err, status, ...) ((void)(ana_fail_in)(err, status, __VA_ARGS__), (status))
#define ana_fail_memory(err, size)    ((void)(ana_fail_memory)(err, size), ANA_ERR_MEMORY)
#endif

#endif
