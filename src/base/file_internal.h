/* What the files of base share about failures of the operating system. */
#ifndef ANA_BASE_FILE_INTERNAL_H
#define ANA_BASE_FILE_INTERNAL_H

#include "base/error.h"

/* "cannot <verb> <path>: <reason>", ANA_ERR_IO (or _MEMORY for ENOMEM). */
ana_status file_fail(ana_error *err, const char *verb, const char *path, int error_number);

/* Names of what is not complete yet, in the folder of what it will be: ".anatome-<process>-<n>.tmp"
 * for n from 0 on; file_sweep() knows them again. */
enum { TEMPORARY_ATTEMPTS = 1000, TEMPORARY_NAME_SIZE = 64 };
void temporary_name(char out[TEMPORARY_NAME_SIZE], int n);

#endif
