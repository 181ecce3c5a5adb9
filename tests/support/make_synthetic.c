/* Writes the synthetic data set: make_synthetic FOLDER [N [SIZE]]. */
#include <stdio.h>
#include <stdlib.h>

#include "synthetic.h"

int main(int argc, char **argv)
{
    ana_error err;
    const int n = argc > 2 ? atoi(argv[2]) : 8, size = argc > 3 ? atoi(argv[3]) : 48;

    if (argc < 2 || n < 1 || size < 16) {
        (void)fprintf(stderr, "usage: make_synthetic FOLDER [N [SIZE]]\n");
        return 2;
    }
    if (synthetic_write(argv[1], n, size, &err)) {
        (void)fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    return 0;
}
