/* Draws views and tones. Ranges: mini.md 4, item 6. */
#include <math.h>
#include <string.h>

#include "train/augment.h"

static const double pi = 3.14159265358979323846;
static const double rotation_sd = 8.0; /* degrees, of upright pictures */
static const double scale_low = 0.75, scale_high = 1.5;
static const double aspect_sd = 0.10;
static const double shift_range = 0.10;
static const double focus_low = 0.35, focus_high = 0.85; /* of the view that the focus fills */
static const double zoom_limit = 4.0;
static const double tile_low = 1.5, tile_high = 3.0;
static const double away_low = 0.25, away_high = 0.6; /* of the picture that the view shows */
static const double bend_chance = 0.3, bend_sd = 0.012;
enum { AWAY_TRIES = 16 };

/* A view before it becomes a matrix. */
struct view {
    double cx, cy;           /* centre, fractions of the picture */
    double shown_x, shown_y; /* extents, fractions of the picture */
    double angle;
    bool flip_x, flip_y;
};

static void make_matrix(struct augment *out, const struct view *v, double aspect)
{
    const double c = cos(v->angle), s = sin(v->angle);
    const double fx = v->flip_x ? -v->shown_x : v->shown_x;
    const double fy = v->flip_y ? -v->shown_y : v->shown_y;

    /* source = centre + D^-1 R D (f * (target - 1/2)), D = diag(aspect, 1) */
    out->source[0][0] = c * fx;
    out->source[0][1] = -s / aspect * fy;
    out->source[1][0] = s * aspect * fx;
    out->source[1][1] = c * fy;
    out->source[0][2] = v->cx - 0.5 * (out->source[0][0] + out->source[0][1]);
    out->source[1][2] = v->cy - 0.5 * (out->source[1][0] + out->source[1][1]);
    out->mirrored = v->flip_x != v->flip_y;
}

static void plain_tone(struct augment_tone *tone)
{
    memset(tone, 0, sizeof *tone);
    tone->saturation = 1.0;
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < 256; i++)
            tone->curve[c][i] = (float)i / 255.0f;
}

void augment_identity(struct augment *out)
{
    const struct view whole = {.cx = 0.5, .cy = 0.5, .shown_x = 1.0, .shown_y = 1.0};

    memset(out, 0, sizeof *out);
    make_matrix(out, &whole, 1.0);
    plain_tone(&out->tone);
}

static double clamp(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

static struct view draw_general(const struct augment_policy *policy, struct random *random)
{
    const double scale = scale_low * pow(scale_high / scale_low, random_uniform(random));
    const double stretch = exp(0.5 * aspect_sd * clamp(random_normal(random), -2.5, 2.5));
    struct view v = {.shown_x = stretch / scale, .shown_y = 1.0 / (stretch * scale)};

    v.cx = 0.5 + random_between(random, -shift_range, shift_range);
    v.cy = 0.5 + random_between(random, -shift_range, shift_range);
    v.angle = policy->turns ? random_between(random, -pi, pi)
                            : rotation_sd * pi / 180.0 * clamp(random_normal(random), -3.0, 3.0);
    return v;
}

/* The part of the focus to look at: all of it, or one of several parts. */
static struct dataset_box draw_focus(const struct dataset_target *focus, struct random *random)
{
    if (focus->n_parts > 1 && random_uniform(random) < 0.5)
        return focus->parts[random_below(random, focus->n_parts)];
    return focus->box;
}

static void zoom_to(struct view *v, const struct dataset_target *focus, struct random *random)
{
    const struct dataset_box box = draw_focus(focus, random);
    const double n = DATASET_SMALL;
    const double w = (box.x1 - box.x0) / n, h = (box.y1 - box.y0) / n;
    const double filled = random_between(random, focus_low, focus_high);
    const double shown = clamp(fmax(w, h) / filled, 1.0 / zoom_limit, 1.0);
    const double room_x = 0.5 * fmax(shown - w, 0.0), room_y = 0.5 * fmax(shown - h, 0.0);

    v->shown_x *= shown / sqrt(v->shown_x * v->shown_y);
    v->shown_y = shown * shown / v->shown_x;
    v->cx = 0.5 * (box.x0 + box.x1) / n + random_between(random, -0.8, 0.8) * room_x;
    v->cy = 0.5 * (box.y0 + box.y1) / n + random_between(random, -0.8, 0.8) * room_y;
}

/* A square of the picture with its centre so that the square lies inside. */
static void place_inside(struct view *v, double shown, struct random *random)
{
    v->shown_x = v->shown_y = shown;
    v->cx = random_between(random, 0.5 * shown, 1.0 - 0.5 * shown);
    v->cy = random_between(random, 0.5 * shown, 1.0 - 0.5 * shown);
}

/* Does the square around the view, turned or not, touch no pixel of the mask? */
static bool is_clear(const struct view *v, const struct dataset_target *focus)
{
    const double n = DATASET_SMALL, reach = 0.75; /* half a diagonal and some margin */
    const int x0 = (int)clamp(floor((v->cx - reach * v->shown_x) * n), 0, n);
    const int x1 = (int)clamp(ceil((v->cx + reach * v->shown_x) * n), 0, n);
    const int y0 = (int)clamp(floor((v->cy - reach * v->shown_y) * n), 0, n);
    const int y1 = (int)clamp(ceil((v->cy + reach * v->shown_y) * n), 0, n);

    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++)
            if (focus->small[y * DATASET_SMALL + x])
                return false;
    return true;
}

static bool go_away(struct view *v, const struct dataset_target *focus, struct random *random)
{
    for (int i = 0; i < AWAY_TRIES; i++) {
        place_inside(v, random_between(random, away_low, away_high), random);
        if (is_clear(v, focus))
            return true;
    }
    return false;
}

static void draw_bend(struct augment *out, struct random *random)
{
    out->bends = random_uniform(random) < bend_chance;
    if (!out->bends)
        return;
    for (int y = 0; y < AUGMENT_NODES; y++)
        for (int x = 0; x < AUGMENT_NODES; x++)
            for (int axis = 0; axis < 2; axis++)
                out->bend[y][x][axis] = (float)(bend_sd * clamp(random_normal(random), -2.5, 2.5));
}

bool augment_draw_view(struct augment *out, enum augment_kind kind,
                       const struct augment_policy *policy, const struct dataset_target *focus,
                       struct random *random)
{
    struct view v = {.cx = 0.5, .cy = 0.5, .shown_x = 1.0, .shown_y = 1.0};

    augment_identity(out);
    if (kind != AUGMENT_PLAIN)
        v = draw_general(policy, random);
    if (kind == AUGMENT_ZOOM)
        zoom_to(&v, focus, random);
    else if (kind == AUGMENT_TILE)
        place_inside(&v, 1.0 / random_between(random, tile_low, tile_high), random);
    else if (kind == AUGMENT_AWAY && !go_away(&v, focus, random))
        return false;
    v.flip_x = random_uniform(random) < policy->flip;
    v.flip_y = policy->turns && random_uniform(random) < 0.5;
    if (kind != AUGMENT_PLAIN)
        draw_bend(out, random);
    make_matrix(out, &v, policy->aspect);
    return true;
}

void augment_draw_tone(struct augment *out, bool grey, struct random *random)
{
    struct augment_tone *tone = &out->tone;
    const double gamma = exp(0.25 * clamp(random_normal(random), -2.5, 2.5));
    const double contrast = exp(0.2 * clamp(random_normal(random), -2.5, 2.5));
    const double brightness = 0.08 * clamp(random_normal(random), -2.5, 2.5);

    for (int c = 0; c < 3; c++) {
        const double gain = grey ? 1.0 : random_between(random, 0.92, 1.08);
        for (int i = 0; i < 256; i++) {
            const double v = pow(i / 255.0, gamma) * gain;
            tone->curve[c][i] = (float)clamp((v - 0.5) * contrast + 0.5 + brightness, 0.0, 1.0);
        }
    }
    tone->saturation = grey ? 1.0 : random_between(random, 0.7, 1.3);
    tone->blur_sigma = random_uniform(random) < 0.15 ? random_between(random, 0.4, 1.5) : 0.0;
    tone->noise_sd = random_uniform(random) < 0.25 ? random_between(random, 0.005, 0.05) : 0.0;
}
