/* The two tables of the reference backend: one source, compiled for float and for double. */
#include "compute/compute.h"

#include "compute/reference/reference.h"

const struct compute *compute_reference(enum dtype dtype)
{
    return dtype == DTYPE_F64 ? &reference_f64_table : &reference_f32_table;
}
