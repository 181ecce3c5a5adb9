/* Words and numbers for the passes. */
#include "cli/passes.h"

#include <string.h>

bool passes_parse(ana_passes *out, bool flip, const char *tiles)
{
    out->flip = flip;
    if (strcmp(tiles, "auto") == 0)
        out->tiles = ANA_TILES_AUTO;
    else if (strcmp(tiles, "off") == 0)
        out->tiles = 0;
    else if (tiles[0] >= '2' && tiles[0] <= '0' + ANA_TILES_MOST && tiles[1] == '\0')
        out->tiles = tiles[0] - '0';
    else
        return false;
    return true;
}
