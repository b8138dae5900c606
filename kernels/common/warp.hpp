// Reads between texels, and the steps of a warp. Included after the F and Words it is written for.
#pragma once
#include "filter_math.hpp"

namespace vsr {
namespace {

// The four texels around a place, and how to weigh them.
struct Corners {
    Words left_column, right_column, top_row, bottom_row;
    F right, down;
    // At (column + x, row + y) of a texture, the whole parts apart from the fractions.
    VSR_BOTH Corners(int width, int height, F column, F x, F row, F y) {
        const F left = below(x), top = below(y), one = all(1.0f), zero = all(0.0f);
        const F last_column = all(float(width - 1)), last_row = all(float(height - 1));
        right = x - left;
        down = y - top;
        left_column = whole_number(clamp(column + left, zero, last_column));
        right_column = whole_number(clamp((column + left) + one, zero, last_column));
        top_row = whole_number(clamp(row + top, zero, last_row));
        bottom_row = whole_number(clamp((row + top) + one, zero, last_row));
    }
    // Of a texture that has texel(column, row).
    template <class Texel>
    VSR_BOTH F of(const Texel& texel) const {
        const F upper = between(texel, top_row), lower = between(texel, bottom_row);
        return upper * (all(1.0f) - down) + lower * down;
    }
    template <class Texel>
    VSR_BOTH F between(const Texel& texel, Words row) const {
        const F left = texel(left_column, row);
        return left * (all(1.0f) - right) + texel(right_column, row) * right;
    }
};

// From a place to one `strength` nearer to where (gx, gy) points from, where that is long.
VSR_BOTH void step(F gx, F gy, float strength, F& dx, F& dy) {
    const F size = length(gx, gy) + all(0.01f);
    dx = dx - (gx / size) * all(strength);
    dy = dy - (gy / size) * all(strength);
}

}  // namespace
}  // namespace vsr
