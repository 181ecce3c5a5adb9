/* The reference backend in both its element types. */
#ifndef ANA_COMPUTE_REFERENCE_REFERENCE_H
#define ANA_COMPUTE_REFERENCE_REFERENCE_H

#include "compute/compute.h"

extern const struct compute reference_f32_table;
extern const struct compute reference_f64_table;

#endif
