// The largest luma around each pixel, 0 at least: along the rows of a tile, then across them.
#include "common/planes.hpp"
#include "common/scalar.hpp"
#include "tiles.cuh"

namespace vsr {

struct HighlightJob {
    Plane red, green, blue, out;
    int before, after;  // pixels on the left and above, on the right and below
};

constexpr int kMaxAround = 62;  // before + after
constexpr int kLightWide = 32, kLightHigh = 16;

struct HighlightShared {
    Surroundings<(kLightWide + kMaxAround) * (kLightHigh + kMaxAround)> luma;
    float along[(kLightHigh + kMaxAround) * kLightWide];
};

VSR_DEVICE void highlights(Block block, HighlightShared& shared, const HighlightJob& job) {
    const int x0 = block.x * kLightWide, y0 = block.y * kLightHigh, around = job.before + job.after;
    const int wide = kLightWide + around, high = kLightHigh + around;
    shared.luma.fill(block, x0 - job.before, y0 - job.before, wide, high, job.out.width, job.out.height,
                     [&](int x, int y) {
                         return luma(*at<float>(job.red, x, y), *at<float>(job.green, x, y), *at<float>(job.blue, x, y));
                     });
    block.each([&](int thread) {
        const int column = thread % kLightWide;
#pragma unroll 1
        for (int row = thread / kLightWide; row < high; row += kThreads / kLightWide) {
            float largest = 0.0f;
            for (int i = 0; i <= around; ++i) largest = most(shared.luma.of[row * wide + column + i], largest);
            shared.along[row * kLightWide + column] = largest;
        }
    });
    block.each([&](int thread) {
        const int column = thread % kLightWide, x = x0 + column;
#pragma unroll 1
        for (int row = thread / kLightWide; row < kLightHigh; row += kThreads / kLightWide) {
            if (x >= job.out.width || y0 + row >= job.out.height) return;
            float largest = shared.along[row * kLightWide + column];
            for (int i = 1; i <= around; ++i) largest = most(shared.along[(row + i) * kLightWide + column], largest);
            *at<float>(job.out, x, y0 + row) = largest;
        }
    });
}

}  // namespace vsr

VSR_KERNEL(highlights, vsr::HighlightJob, vsr::HighlightShared, vsr::highlights)
