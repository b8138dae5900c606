// The jobs of filters.hpp: plain data, on planes of float32.
#pragma once
#include "kernels.hpp"

namespace vsr {

constexpr int kFilterInputs = 18, kFilterOutputs = 3, kFilterFactors = 12, kMaxWindow = 63;

// What a pass makes of its inputs at each pixel, by name and in filters.hpp's order.
constexpr const char* kPoints[] = {"copy",     "luma",   "clamp_highlights", "extremes", "extremes_of", "sharpen",
                                   "deblur",   "edge",   "masked",           "refine",   "power",       "below",
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

static inline std::size_t point_scratch(const PointJob& job) {
    std::size_t floats = 0;
    for (int i = 0; i < job.inputs; ++i)
        floats += row_floats(job.in[i].plane.width) +
                  (std::size_t(job.in[i].rows->taps) + 1) * row_floats(job.out[0].width);
    return floats;
}

static inline std::size_t highlight_scratch(const HighlightJob& job) {
    return std::size_t(job.left + job.right + 2) * (row_floats(job.out.width) + job.left + job.right + kBlock);
}

}  // namespace vsr
