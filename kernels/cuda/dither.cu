// Fewer bits, with the error spread so that areas keep their mean.
#include "block.cuh"
#include "common/dither.hpp"
#include "common/quads.hpp"

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
        const int x = block.x * kDitherWide + thread % (kDitherWide / 4) * 4;
        const int y = block.y * kDitherHigh + thread / (kDitherWide / 4), count = job.out.width - x;
        if (count <= 0 || y >= job.out.height) return;
        Quad<float> codes = decoded(read_quad<In>(job.in, x, y, count), job.in);
#pragma unroll
        for (int i = 0; i < 4; ++i)
            codes.of[i] = (codes.of[i] * job.gain + job.bias) + dither_threshold(x + i, y, job.seed);
        write_quad(job.out, x, y, count, encoded<Out>(codes, job.out, job.top));
    });
}

}  // namespace vsr

#define VSR_DITHER(IN, IN_TYPE)                                                                  \
    VSR_KERNEL(dither_##IN##_u8, vsr::DitherJob, NoShared, vsr::dither<IN_TYPE, vsr::u8>)        \
    VSR_KERNEL(dither_##IN##_u16, vsr::DitherJob, NoShared, vsr::dither<IN_TYPE, vsr::u16>)

VSR_DITHER(u16, vsr::u16)
VSR_DITHER(f16, vsr::Half)
VSR_DITHER(f32, float)
