// A picture read where a field of vectors leads, from each pixel's own place a few steps: kernels/common/warp.hpp.
#include "common/banks.hpp"
#include "common/planes.hpp"
#include "common/scalar.hpp"
#include "common/warp.hpp"
#include "tiles.cuh"

namespace vsr {

// Where texels of an axis of the output lie among those of a texture: whole parts and fractions.
struct Places {
    const float *whole, *part;
};

struct WarpJob {
    Plane steer[2];
    Plane in[3], out[3];
    Way way;  // by which steers are read the first time
    Places in_steer[2], in_picture[2];  // columns, rows
    float strength;
    int iterations;
};

// Around (x, y), moved by (dx, dy) texels of `plane`.
VSR_DEVICE Corners corners(const Plane& plane, const Places* places, int x, int y, float dx, float dy) {
    return Corners(plane.width, plane.height, places[0].whole[x], places[0].part[x] + dx, places[1].whole[y],
                   places[1].part[y] + dy);
}

VSR_DEVICE float texel(const Corners& corners, const Plane& plane) {
    return corners.of([&](int column, int row) { return *at<const float>(plane, column, row); });
}

VSR_DEVICE float first(const WarpJob& job, int steer, int x, int y) {
    return brought(job.way, x, y, [&](int column, int row) { return *at<const float>(job.steer[steer], column, row); });
}

VSR_DEVICE void warp(Block block, NoShared&, const WarpJob& job) {
    const float across = static_cast<float>(job.steer[0].width) / static_cast<float>(job.in[0].width);
    const float down = static_cast<float>(job.steer[0].height) / static_cast<float>(job.in[0].height);
    each_sample(block, job.out[0].width, job.out[0].height, [&](int x, int y) {
        float dx = 0.0f, dy = 0.0f;
        step(first(job, 0, x, y), first(job, 1, x, y), job.strength, dx, dy);
#pragma unroll 1
        for (int i = 1; i < job.iterations; ++i) {
            const Corners places = corners(job.steer[0], job.in_steer, x, y, dx * across, dy * down);
            step(texel(places, job.steer[0]), texel(places, job.steer[1]), job.strength, dx, dy);
        }
        const Corners places = corners(job.in[0], job.in_picture, x, y, dx, dy);
#pragma unroll
        for (int i = 0; i < 3; ++i) *at<float>(job.out[i], x, y) = texel(places, job.in[i]);
    });
}

}  // namespace vsr

VSR_KERNEL(warp, vsr::WarpJob, NoShared, vsr::warp)
