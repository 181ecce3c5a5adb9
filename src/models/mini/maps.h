/* How a box and clicks are drawn for the network, in training and in use alike. */
#ifndef ANA_MODELS_MINI_MAPS_H
#define ANA_MODELS_MINI_MAPS_H

#include <stdint.h>

/* Channels of a map [size, size, MINI_MAPS]. */
enum { MAP_BOX, MAP_POSITIVE, MAP_NEGATIVE };

/* Half-open box in the map's pixels, fractions allowed: 1 inside, the covered share on its rim.
 * Several boxes make their union. */
void map_draw_box(float *maps, int64_t size, double x0, double y0, double x1, double y1);

/* Gaussian of standard deviation size / 64 with value 1 at (x, y), pixel centres at integers;
 * clicks of a channel combine by the maximum. */
void map_draw_click(float *maps, int64_t size, int channel, double x, double y);

#endif
