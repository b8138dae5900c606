// Set a plane to one value.
#include "block.cuh"
#include "common/quads.hpp"

namespace vsr {

struct FillJob {
    Plane out;
    float value, top;
};

constexpr int kFillWide = 64, kFillHigh = 16;

template <class Out>
VSR_DEVICE void fill(Block block, NoShared&, const FillJob& job) {
    block.each([&](int thread) {
        const int x = block.x * kFillWide + thread % (kFillWide / 4) * 4;
        const int y = block.y * kFillHigh + thread / (kFillWide / 4);
        if (x >= job.out.width || y >= job.out.height) return;
        const Quad<float> values = {{job.value, job.value, job.value, job.value}};
        write_quad(job.out, x, y, job.out.width - x, encoded<Out>(values, job.out, job.top));
    });
}

}  // namespace vsr

VSR_KERNEL(fill_u8, vsr::FillJob, NoShared, vsr::fill<vsr::u8>)
VSR_KERNEL(fill_u16, vsr::FillJob, NoShared, vsr::fill<vsr::u16>)
VSR_KERNEL(fill_f16, vsr::FillJob, NoShared, vsr::fill<vsr::Half>)
VSR_KERNEL(fill_f32, vsr::FillJob, NoShared, vsr::fill<float>)
