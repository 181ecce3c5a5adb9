/* The fast float backends: one source over a vector width, compiled per instruction set.
 *
 * vec.h names the few vector operations; *.inc hold the kernels, written once; kernels_<isa>.c
 * includes them all and fills the table. Each table is made once and lives as long as the process.
 */
#ifndef ANA_COMPUTE_SIMD_SIMD_H
#define ANA_COMPUTE_SIMD_SIMD_H

#include "compute/compute.h"

/* NULL if the CPU or the operating system lacks AVX2 or FMA (F16C comes with AVX2). */
const struct compute *compute_avx2(void);

/* SSE2, which every x86-64 CPU has. NULL on other machines. */
const struct compute *compute_x86_64(void);

#endif
