// Ordered dithering: a threshold for each sample that depends on nothing but its place and its frame's number.
#pragma once
#include "portable.hpp"

namespace vsr {

// The place of (x, y) in Bayer's 8x8 order, 0..63, for a pattern that `seed` turns over.
VSR_BOTH int bayer(u32 x, u32 y, u32 seed) {
    const u32 turn = (seed * 0x9e3779b1u) >> 26;
    x ^= turn & 7u;
    y ^= turn >> 3;
    const u32 z = x ^ y;
    return static_cast<int>((z & 1u) << 5 | (y & 1u) << 4 | (z & 2u) << 2 | (y & 2u) << 1 | (z & 4u) >> 1 | (y & 4u) >> 2);
}

// What is added before rounding: between -1/2 and 1/2, with a mean of 0 over every 8x8 samples.
VSR_BOTH float dither_threshold(int x, int y, u32 seed) {
    return static_cast<float>(2 * bayer(x, y, seed) - 63) * (1.0f / 128);
}

}  // namespace vsr
