/* Who we are. */
#include "anatome/version.h"

#include "compute/compute.h"

const char *ana_version(void)
{
    return ANATOME_VERSION;
}

const char *ana_instruction_set(void)
{
    return compute_default()->instruction_set;
}

const char *ana_notice(void)
{
    return "Research use only. Not a medical device.";
}
