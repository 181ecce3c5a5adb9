/* A font of strokes, so that letters of any size are as smooth as the lines beside them.
 *
 * A glyph is its width and a path on a grid where capitals are 12 high: 0 is their top, c (12) the
 * baseline, g (16) the bottom of descenders, small letters begin at 4. M moves, L draws a line, Q a
 * quadratic curve (control point, end point). Coordinates are one digit of base 17 each, x then y.
 */
#include "report/canvas.h"
#include "report/canvas_internal.h"

#include <string.h>

struct glyph {
    int width;
    const char *path;
};

enum { CAP_HEIGHT = 12, LETTER_GAP = 3, SPACE_WIDTH = 4, CURVE_STEPS = 6 };

static const struct glyph unknown_glyph = {6, "M00L60L6cL0cL00"};

/* From '!' (33) to '~' (126), in the order of ASCII. */
static const struct glyph glyphs[] = {
    {0, "M00L08M0cL0c"},                                         /* ! */
    {3, "M00L03M30L33"},                                         /* " */
    {7, "M20L1cM60L5cM04L74M08L78"},                             /* # */
    {6, "M62Q5030Q0003Q0636Q6669Q6c3cQ1c0aM3eL3e"},              /* $ */
    {8, "M80L0cM20Q0002Q0424Q4442Q4020M68Q484aQ4c6cQ8c8aQ8868"}, /* % */
    {8, "M8cL13Q1030Q5053Q5509Q0c3cQ6c87"},                      /* & */
    {0, "M00L03"},                                               /* ' */
    {2, "M20Q0306Q092c"},                                        /* ( */
    {2, "M00Q2326Q290c"},                                        /* ) */
    {6, "M32L38M03L67M63L07"},                                   /* * */
    {6, "M08L68M35L3b"},                                         /* + */
    {1, "M1cL0e"},                                               /* , */
    {4, "M08L48"},                                               /* - */
    {0, "M0cL0c"},                                               /* . */
    {5, "M0cL50"},                                               /* / */
    {6, "M30Q0006Q0c3cQ6c66Q6030"},                              /* 0 */
    {6, "M13L40L4c"},                                            /* 1 */
    {6, "M03Q0030Q6063Q660cL6c"},                                /* 2 */
    {6, "M02Q1030Q6063Q6636Q6669Q6c3cQ0c0a"},                    /* 3 */
    {6, "M5cL50L08L68"},                                         /* 4 */
    {6, "M60L10L05Q6368Q6c3cQ1c0a"},                             /* 5 */
    {6, "M50Q0208Q0c3cQ6c68Q6535Q0508"},                         /* 6 */
    {6, "M00L60L2c"},                                            /* 7 */
    {6, "M30Q0003Q0636Q6663Q6030M36Q0609Q0c3cQ6c69Q6636"},       /* 8 */
    {6, "M1cQ6a64Q6030Q0004Q0737Q6764"},                         /* 9 */
    {0, "M06L06M0cL0c"},                                         /* : */
    {1, "M16L16M1cL0e"},                                         /* ; */
    {6, "M64L08L6c"},                                            /* < */
    {6, "M06L66M0aL6a"},                                         /* = */
    {6, "M04L68L0c"},                                            /* > */
    {6, "M02Q0030Q6063Q6536L39M3cL3c"},                          /* ? */
    {8, "M8aQ6c4cQ0c06Q0040Q8086L88M66Q6444Q2427Q2949Q6966"},    /* @ */
    {8, "M0cL40L8cM19L79"},                                      /* A */
    {7, "M00L0cL4cQ7c79Q7646L06M46Q6663Q6040L00"},               /* B */
    {8, "M83Q7040Q0006Q0c4cQ7c89"},                              /* C */
    {8, "M00L0cL3cQ8c86Q8030L00"},                               /* D */
    {6, "M60L00L0cL6cM06L56"},                                   /* E */
    {6, "M60L00L0cM06L56"},                                      /* F */
    {8, "M83Q7040Q0006Q0c4cQ8c87L57"},                           /* G */
    {7, "M00L0cM70L7cM06L76"},                                   /* H */
    {0, "M00L0c"},                                               /* I */
    {5, "M50L59Q5c2cQ0c09"},                                     /* J */
    {7, "M00L0cM70L07M25L7c"},                                   /* K */
    {6, "M00L0cL6c"},                                            /* L */
    {8, "M0cL00L48L80L8c"},                                      /* M */
    {8, "M0cL00L8cL80"},                                         /* N */
    {8, "M40Q0006Q0c4cQ8c86Q8040"},                              /* O */
    {7, "M0cL00L40Q7073Q7646L06"},                               /* P */
    {8, "M40Q0006Q0c4cQ8c86Q8040M59L8c"},                        /* Q */
    {7, "M0cL00L40Q7073Q7646L06M46L7c"},                         /* R */
    {7, "M72Q6040Q0003Q0646Q7679Q7c4cQ1c0a"},                    /* S */
    {8, "M00L80M40L4c"},                                         /* T */
    {8, "M00L07Q0c4cQ8c87L80"},                                  /* U */
    {8, "M00L4cL80"},                                            /* V */
    {12, "M00L3cL60L9cLc0"},                                     /* W */
    {8, "M00L8cM80L0c"},                                         /* X */
    {8, "M00L46L80M46L4c"},                                      /* Y */
    {7, "M00L70L0cL7c"},                                         /* Z */
    {2, "M20L00L0cL2c"},                                         /* [ */
    {5, "M00L5c"},                                               /* \ */
    {2, "M00L20L2cL0c"},                                         /* ] */
    {6, "M04L30L64"},                                            /* ^ */
    {6, "M0eL6e"},                                               /* _ */
    {2, "M00L23"},                                               /* ` */
    {6, "M68Q6434Q0408Q0c3cQ6c68M64L6c"},                        /* a */
    {6, "M00L0cM08Q0434Q6468Q6c3cQ0c08"},                        /* b */
    {6, "M66Q5434Q0408Q0c3cQ5c6a"},                              /* c */
    {6, "M60L6cM68Q6434Q0408Q0c3cQ6c68"},                        /* d */
    {6, "M08L68Q6434Q0408Q0c3cQ5c6a"},                           /* e */
    {4, "M40Q2023L2cM04L44"},                                    /* f */
    {6, "M64L6cQ6g3gQ1g0eM68Q6434Q0408Q0c3cQ6c68"},              /* g */
    {6, "M00L0cM08Q0434Q6468L6c"},                               /* h */
    {0, "M04L0cM01L01"},                                         /* i */
    {2, "M24L2dQ2g0gM21L21"},                                    /* j */
    {5, "M00L0cM54L09M27L5c"},                                   /* k */
    {0, "M00L0c"},                                               /* l */
    {10, "M04L0cM07Q0434Q5457L5cM57Q5484Qa4a7Lac"},              /* m */
    {6, "M04L0cM08Q0434Q6468L6c"},                               /* n */
    {6, "M34Q0408Q0c3cQ6c68Q6434"},                              /* o */
    {6, "M04L0gM08Q0434Q6468Q6c3cQ0c08"},                        /* p */
    {6, "M64L6gM68Q6434Q0408Q0c3cQ6c68"},                        /* q */
    {4, "M04L0cM08Q0444"},                                       /* r */
    {5, "M55Q4434Q0406Q0838Q585aQ5c2cQ1c0b"},                    /* s */
    {4, "M21L2aQ2c4cM04L44"},                                    /* t */
    {6, "M04L08Q0c3cQ6c68M64L6c"},                               /* u */
    {6, "M04L3cL64"},                                            /* v */
    {8, "M04L2cL45L6cL84"},                                      /* w */
    {6, "M04L6cM64L0c"},                                         /* x */
    {6, "M04L3cM64L3cQ2g0g"},                                    /* y */
    {5, "M04L54L0cL5c"},                                         /* z */
    {3, "M30Q1013L14Q1606Q161aL19Q1c3c"},                        /* { */
    {0, "M00L0f"},                                               /* | */
    {3, "M00Q2023L24Q2636Q262aL29Q2c0c"},                        /* } */
    {6, "M09Q1637Q5a67"},                                        /* ~ */
};
_Static_assert(sizeof glyphs / sizeof glyphs[0] == '~' - '!' + 1, "one glyph per ASCII character");

/* The next character's glyph, NULL for a space; steps over all bytes of a UTF-8 sequence. */
static const struct glyph *next_glyph(const char **text)
{
    const unsigned char c = (unsigned char)*(*text)++;

    if (c == ' ')
        return NULL;
    if (c > ' ' && c <= '~')
        return &glyphs[c - '!'];
    while (((unsigned char)**text & 0xC0) == 0x80)
        (*text)++;
    return &unknown_glyph;
}

static double digit(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* Where the pen is, and how the grid lies on the canvas. */
struct pen {
    struct canvas *canvas;
    struct ink_area *area;
    struct canvas_point at;
    double left, top, unit, width;
};

static struct canvas_point on_canvas(const struct pen *pen, const char *digits)
{
    return (struct canvas_point){pen->left + digit(digits[0]) * pen->unit,
                                 pen->top + digit(digits[1]) * pen->unit};
}

static void line_to(struct pen *pen, struct canvas_point to)
{
    ink_segment(pen->canvas, pen->area, pen->at, to, pen->width);
    pen->at = to;
}

static void curve_to(struct pen *pen, struct canvas_point control, struct canvas_point to)
{
    const struct canvas_point from = pen->at;

    for (int i = 1; i <= CURVE_STEPS; i++) {
        const double t = (double)i / CURVE_STEPS, s = 1 - t;
        line_to(pen, (struct canvas_point){s * s * from.x + 2 * s * t * control.x + t * t * to.x,
                                           s * s * from.y + 2 * s * t * control.y + t * t * to.y});
    }
}

static void draw_glyph(struct pen *pen, const char *path)
{
    while (*path) {
        const char command = *path;
        if (command == 'Q')
            curve_to(pen, on_canvas(pen, path + 1), on_canvas(pen, path + 3));
        else if (command == 'L')
            line_to(pen, on_canvas(pen, path + 1));
        else
            pen->at = on_canvas(pen, path + 1);
        path += command == 'Q' ? 5 : 3;
    }
}

void canvas_text(struct canvas *canvas, double x, double y, double size, const char *text,
                 struct colour colour)
{
    struct ink_area area = {0};
    struct pen pen = {canvas, &area, {0, 0}, x, y - size, size / CAP_HEIGHT, size / 7};

    while (*text) {
        const struct glyph *glyph = next_glyph(&text);
        if (glyph)
            draw_glyph(&pen, glyph->path);
        pen.left += pen.unit * ((glyph ? glyph->width : SPACE_WIDTH) + LETTER_GAP);
    }
    ink_dry(canvas, &area, colour, 1);
}

double canvas_text_width(double size, const char *text)
{
    int units = 0;

    while (*text) {
        const struct glyph *glyph = next_glyph(&text);
        units += (glyph ? glyph->width : SPACE_WIDTH) + LETTER_GAP;
    }
    return units ? (units - LETTER_GAP) * size / CAP_HEIGHT : 0;
}
