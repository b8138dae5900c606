// Pictures in tiles, one for each block.
#pragma once
#include "block.cuh"
#include "common/portable.hpp"

namespace vsr {

constexpr int kWide = 64, kHigh = 16;  // samples of a tile

// Call f(x, y) for the samples of a picture that lie in the block's tile.
template <class F>
VSR_DEVICE void each_sample(const Block& block, int width, int height, const F& f) {
    block.each([&](int thread) {
        const int x = block.x * kWide + thread % kWide;
        if (x >= width) return;
#pragma unroll 1
        for (int i = thread / kWide; i < kHigh; i += kThreads / kWide) {
            const int y = block.y * kHigh + i;
            if (y < height) f(x, y);
        }
    });
}

// float32 around a tile of a picture, whose edge repeats.
template <int FLOATS>
struct Surroundings {
    float of[FLOATS];

    // Fill with f(x, y) for `wide` columns from x0, `high` rows from y0. A phase of its own.
    template <class F>
    VSR_DEVICE void fill(const Block& block, int x0, int y0, int wide, int high, int width, int height, const F& f) {
        block.each([&](int thread) {
#pragma unroll 1
            for (int i = thread; i < wide * high; i += kThreads)
                of[i] = f(within(x0 + i % wide, width), within(y0 + i / wide, height));
        });
    }
};

}  // namespace vsr
