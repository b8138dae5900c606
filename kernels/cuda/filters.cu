// Filters of Anime4K's shaders, each pixel from what is read at its place: kernels/common/filter_points.hpp.
//
// Inputs are brought to the outputs' size by banks of few taps as they are read.
#include "common/banks.hpp"
#include "common/planes.hpp"
#include "common/scalar.hpp"
#include "common/filter_points.hpp"
#include "tiles.cuh"

namespace vsr {

struct FilterInput {
    Plane plane;
    Way way;
};

constexpr int kFactors = 5;

template <class Point>
struct PointJob {
    FilterInput in[Point::kInputs];
    Plane out[Point::kOutputs];
    float factors[kFactors];
};

VSR_BOTH float read(const FilterInput& in, int x, int y) {
    return brought(in.way, x, y, [&](int column, int row) { return *at<const float>(in.plane, column, row); });
}

template <class Point>
VSR_DEVICE void point(Block block, NoShared&, const PointJob<Point>& job) {
    const Point make(job.factors);
    each_sample(block, job.out[0].width, job.out[0].height, [&](int x, int y) {
        float in[Point::kInputs], out[Point::kOutputs];
#pragma unroll
        for (int i = 0; i < Point::kInputs; ++i) in[i] = read(job.in[i], x, y);
        make(in, out);
#pragma unroll
        for (int i = 0; i < Point::kOutputs; ++i) *at<float>(job.out[i], x, y) = out[i];
    });
}

// The same for Refine: where there is no edge, which is most of a picture, its neighbours are not read.
VSR_DEVICE void refine(Block block, NoShared&, const PointJob<Refine>& job) {
    const Refine make(job.factors);
    each_sample(block, job.out[0].width, job.out[0].height, [&](int x, int y) {
        float steer[3];
#pragma unroll
        for (int i = 0; i < 3; ++i) steer[i] = read(job.in[i], x, y);
        const Refine::Way way = make.way(steer);
#pragma unroll 1
        for (int i = 0; i < 3; ++i) {
            const FilterInput* in = job.in + 3 + i;
            const float here = read(in[0], x, y);
            float value = here;
            if (!way.none) {
                float around[4];
#pragma unroll
                for (int k = 0; k < 4; ++k) around[k] = read(in[3 + 3 * k], x, y);
                value = make.color(way, here, around[0], around[1], around[2], around[3]);
            }
            *at<float>(job.out[i], x, y) = value;
        }
    });
}

}  // namespace vsr

#define VSR_POINT(NAME, POINT) VSR_KERNEL(point_##NAME, vsr::PointJob<vsr::POINT>, NoShared, vsr::point<vsr::POINT>)

VSR_POINT(luma, Luma)
VSR_POINT(clamp_highlights, ClampHighlights)
VSR_POINT(extremes, Extremes)
VSR_POINT(extremes_of, ExtremesOf)
VSR_POINT(sharpen, Sharpen)
VSR_POINT(deblur, Deblur)
VSR_POINT(edge, Edge)
VSR_POINT(masked, Masked)
VSR_POINT(steepness, Steepness)
VSR_POINT(below, Below)
VSR_POINT(add, Add)
VSR_KERNEL(point_refine, vsr::PointJob<vsr::Refine>, NoShared, vsr::refine)
