/* Version of the library, by semantic versioning. */
#ifndef ANATOME_VERSION_H
#define ANATOME_VERSION_H

#include "anatome/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* "1.2.3" of the library that is linked, which may be newer than this header. Never NULL. */
ANA_API const char *ana_version(void);

/* What computes on this machine, as a forced ANATOME_ISA has it: "avx2", "x86-64". Never NULL. */
ANA_API const char *ana_instruction_set(void);

/* "Research use only. Not a medical device." Show it to people where results are shown. */
ANA_API const char *ana_notice(void);

#ifdef __cplusplus
}
#endif
#endif
