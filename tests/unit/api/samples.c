/* Sample images of every format. */
#include "../io/sample_images.c" /* NOLINT(bugprone-suspicious-include) */
#include "../io/sample_jpeg.c"   /* NOLINT(bugprone-suspicious-include) */
#include "../io/sample_png.c"    /* NOLINT(bugprone-suspicious-include) */
