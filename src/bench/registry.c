/* What `anatome bench` measures, in this order. */
#include "bench/subject.h"

static const struct subject_family *const families[] = {
    &family_gemm,    &family_attention, &family_conv, &family_row,
    &family_channel, &family_move,      &family_mini,
};

const struct subject_family *subject_family_at(int index)
{
    return index >= 0 && index < (int)(sizeof families / sizeof families[0]) ? families[index]
                                                                             : NULL;
}
