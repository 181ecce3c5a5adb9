/* Prompt maps. As an area, pixel i is [i, i + 1); its centre is the coordinate i of a click. */
#include "models/mini/maps.h"

#include <math.h>

#include "models/mini/network.h"

static double overlap(double pixel, double low, double high)
{
    const double from = pixel > low ? pixel : low;
    const double to = pixel + 1 < high ? pixel + 1 : high;
    return to > from ? to - from : 0;
}

void map_draw_box(float *maps, int64_t size, double x0, double y0, double x1, double y1)
{
    for (int64_t y = 0; y < size; y++) {
        const double rows = overlap((double)y, y0, y1);
        for (int64_t x = 0; rows > 0 && x < size; x++) {
            const float share = (float)(rows * overlap((double)x, x0, x1));
            float *at = &maps[(y * size + x) * MINI_MAPS + MAP_BOX];
            if (share > *at)
                *at = share;
        }
    }
}

void map_draw_click(float *maps, int64_t size, int channel, double x, double y)
{
    const double sigma = (double)size / 64;
    const int64_t reach = (int64_t)ceil(4 * sigma);
    const int64_t cx = (int64_t)floor(x + 0.5), cy = (int64_t)floor(y + 0.5);
    for (int64_t j = cy - reach; j <= cy + reach; j++) {
        for (int64_t i = cx - reach; i <= cx + reach; i++) {
            if (i < 0 || j < 0 || i >= size || j >= size)
                continue;
            const double dx = (double)i - x, dy = (double)j - y;
            const float level = (float)exp(-(dx * dx + dy * dy) / (2 * sigma * sigma));
            float *at = &maps[(j * size + i) * MINI_MAPS + channel];
            if (level > *at)
                *at = level;
        }
    }
}
