// The decisions of Anime4K 0.9 about one pixel, from its 3x3 neighbours. vsr/ops/anime4k.py has the algorithm.
#pragma once
#include "portable.hpp"

namespace vsr {

constexpr int kDirections = 8;
enum Neighbour { TL, T, TR, L, C, R, BL, B, BR };

// A way to move: towards `light`, away from `dark`.
struct Direction {
    int light[3], dark[3];
    bool beyond_centre;  // the lightest must also be lighter than the pixel itself
};

VSR_BOTH Direction direction(int i) {
    const Direction all[kDirections] = {
        {{TL, T, TR}, {BR, B, BL}, true}, {{BR, B, BL}, {TL, T, TR}, true},
        {{R, T, TR}, {C, L, B}, false},   {{BL, L, B}, {C, R, T}, false},
        {{R, BR, TR}, {L, TL, BL}, true}, {{L, TL, BL}, {R, BR, TR}, true},
        {{R, BR, B}, {C, L, T}, false},   {{T, L, TL}, {C, R, B}, false},
    };
    return all[i];
}

struct Patch {
    float at[9];

    VSR_BOTH float lowest(const int* of) const { return least(least(at[of[0]], at[of[1]]), at[of[2]]); }
    VSR_BOTH float highest(const int* of) const { return most(most(at[of[0]], at[of[1]]), at[of[2]]); }
    VSR_BOTH float sum(const int* of) const { return (at[of[0]] + at[of[1]]) + at[of[2]]; }
    VSR_BOTH bool matches(const Direction& way) const {
        const float low = lowest(way.light);
        return low > highest(way.dark) && (!way.beyond_centre || low > at[C]);
    }
};

// The patch of near(x, y) around a pixel of a picture, whose edge repeats.
template <class F>
VSR_BOTH Patch patch_around(int x, int y, int width, int height, const F& near) {
    Patch patch;
#pragma unroll
    for (int i = 0; i < 9; ++i) patch.at[i] = near(within(x + i % 3 - 1, width), within(y + i / 3 - 1, height));
    return patch;
}

// 1 + the direction in which a pixel moves, or 0: of the matching ones the last that makes it lighter than before.
VSR_BOTH int lightest(const Patch& luma, float keep, float take) {
    int chosen = 0;
    float best = luma.at[C];
#pragma unroll
    for (int i = 0; i < kDirections; ++i) {
        const Direction way = direction(i);
        const float lighter = luma.at[C] * keep + luma.sum(way.light) * take;
        if (luma.matches(way) && lighter > best) {
            chosen = i + 1;
            best = lighter;
        }
    }
    return chosen;
}

// The same, the first of the matching directions.
VSR_BOTH int first_match(const Patch& gradient) {
    int chosen = 0;
#pragma unroll
    for (int i = kDirections - 1; i >= 0; --i)
        if (gradient.matches(direction(i))) chosen = i + 1;
    return chosen;
}

VSR_BOTH float moved(const Patch& patch, int chosen, float keep, float take) {
    float sum = patch.at[C];
#pragma unroll
    for (int i = 0; i < kDirections; ++i)
        if (chosen == i + 1) sum = patch.sum(direction(i).light);
    return chosen ? patch.at[C] * keep + sum * take : patch.at[C];
}

// 1 - the length of Sobel's gradient, at least 0.
VSR_BOTH float flatness(const Patch& p) {
    const float gx = ((p.at[TR] - p.at[TL]) + (p.at[R] - p.at[L]) * 2.0f) + (p.at[BR] - p.at[BL]);
    const float gy = ((p.at[BL] - p.at[TL]) + (p.at[B] - p.at[T]) * 2.0f) + (p.at[BR] - p.at[TR]);
    return 1.0f - least(square_root(gx * gx + gy * gy), 1.0f);
}

}  // namespace vsr
