// The jobs of filters.hpp: plain data, on planes of float32.
#pragma once
#include "kernels.hpp"

namespace vsr {

constexpr int kFilterInputs = 18, kFilterOutputs = 3, kFilterFactors = 12;
constexpr int kMaxWindow = 63;  // pixels of HighlightJob's
constexpr int kMaxRadius = 8, kMaxNeighbours = (2 * kMaxRadius + 1) * (2 * kMaxRadius + 1);  // of BilateralJob's

// What a pass makes of its inputs at each pixel, by name, in the order of filter_points in filters.hpp.
constexpr const char* kPoints[] = {"copy",     "luma",   "clamp_highlights", "extremes", "extremes_of", "sharpen",
                                   "deblur",   "edge",   "masked",           "refine",   "steepness",   "below",
                                   "add"};
constexpr int kPointInputs[] = {1, 3, 4, 3, 6, 7, 7, 2, 3, 18, 2, 2, 4};
constexpr int kPointOutputs[] = {1, 1, 3, 2, 2, 3, 3, 2, 2, 3, 1, 1, 3};
constexpr int kPointCount = sizeof kPoints / sizeof *kPoints;

// Each pixel of the outputs from the same pixel of the inputs, each brought to the outputs' size by its banks.
struct PointJob {
    PlaneIn in[kFilterInputs];
    Plane out[kFilterOutputs];
    int inputs, outputs, point;
    float factors[kFilterFactors];
};

// The largest luma (0 at least) within columns -left..right and rows -left..right of a pixel.
struct HighlightJob {
    Plane red, green, blue, out;
    int left, right;
};

// Pixels of the picture read where `steer` says: from its own place, a step against the two steers, `strength` pixels
// long where they are large, `iterations` times. The first time they are read through banks.
struct WarpJob {
    PlaneIn steer[2];
    Plane in[3], out[3];
    float strength;
    int iterations;
};

// Of the pixels within `radius` the mean, the weighted median or the mode; vsr/_cpu.pyi has the weights.
enum Bilateral { kMean, kMedian, kMode };
constexpr const char* kBilaterals[] = {"mean", "median", "mode"};
struct BilateralJob {
    Plane in[3], out[3];
    Bilateral kind;
    int radius;
    float spatial[kMaxNeighbours];
    float sigma, curve, regularization;
};

static inline std::size_t source_scratch(const PlaneIn& in, int width) {
    return row_floats(in.plane.width) + (std::size_t(in.rows->taps) + 1) * row_floats(width);
}

static inline std::size_t point_scratch(const PointJob& job) {
    std::size_t floats = 0;
    for (int i = 0; i < job.inputs; ++i) floats += source_scratch(job.in[i], job.out[0].width);
    return floats;
}

static inline std::size_t highlight_scratch(const HighlightJob& job) {
    return std::size_t(job.left + job.right + 2) * (row_floats(job.out.width) + job.left + job.right + kBlock);
}

static inline std::size_t warp_scratch(const WarpJob& job) {
    const int width = job.out[0].width;
    return source_scratch(job.steer[0], width) + source_scratch(job.steer[1], width) + 4 * row_floats(width);
}

// The red, green, blue and luma of 2 radius + 1 rows, with `radius` pixels more on either side.
static inline int bilateral_pitch(const BilateralJob& job) {
    return row_floats(job.out[0].width) + round_up(2 * job.radius, kBlock);
}
static inline std::size_t bilateral_scratch(const BilateralJob& job) {
    return 4 * (2 * std::size_t(job.radius) + 1) * bilateral_pitch(job);
}

}  // namespace vsr
