// Fewer bits, with the error spread so that areas keep their mean.
#include "block.cuh"
#include "common/dither.hpp"
#include "common/planes.hpp"

namespace vsr {

struct DitherJob {
    Plane in, out;
    float gain, bias;  // code = gain * sample + bias
    float top;
    u32 seed;          // of this plane of this frame
};

constexpr int kDitherWide = 64, kDitherHigh = 16;

template <class In, class Out>
VSR_DEVICE void dither(Block block, NoShared&, const DitherJob& job) {
    block.each([&](int thread) {
        const int x = block.x * kDitherWide + thread % kDitherWide;
        for (int i = thread / kDitherWide; i < kDitherHigh; i += kThreads / kDitherWide) {
            const int y = block.y * kDitherHigh + i;
            if (x >= job.out.width || y >= job.out.height) return;
            const float code = Samples<In>::read(job.in, x, y) * job.gain + job.bias;
            Samples<Out>::write(job.out, x, y, code + dither_threshold(x, y, job.seed), job.top);
        }
    });
}

}  // namespace vsr

#define VSR_DITHER(IN, IN_TYPE)                                                                  \
    VSR_KERNEL(dither_##IN##_u8, vsr::DitherJob, NoShared, vsr::dither<IN_TYPE, vsr::u8>)        \
    VSR_KERNEL(dither_##IN##_u16, vsr::DitherJob, NoShared, vsr::dither<IN_TYPE, vsr::u16>)

VSR_DITHER(u16, vsr::u16)
VSR_DITHER(f16, vsr::Half)
VSR_DITHER(f32, float)
