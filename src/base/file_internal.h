/* What the files of base share about failures of the operating system. */
#ifndef ANA_BASE_FILE_INTERNAL_H
#define ANA_BASE_FILE_INTERNAL_H

#include "base/error.h"

/* "cannot <verb> <path>: <reason>", ANA_ERR_IO (or _MEMORY for ENOMEM). */
ana_status file_fail(ana_error *err, const char *verb, const char *path, int error_number);

#endif
