// A cheap look at a result: whether a plane has a value that is no number, and the largest code or value it has.
#include "block.cuh"
#include "common/found.hpp"
#include "common/planes.hpp"

namespace vsr {

struct CheckJob {
    Plane in;
    Found* found;
};

constexpr int kCheckWide = 64, kCheckHigh = 16;

VSR_DEVICE void check_clear(Block block, NoShared&, const CheckJob& job) {
    block.each([&](int thread) {
        if (thread == 0) *job.found = {0, 0};
    });
}

struct CheckShared {
    u32 largest[kThreads];
};

template <class In>
VSR_DEVICE void check(Block block, CheckShared& shared, const CheckJob& job) {
    block.each([&](int thread) {
        u32 largest = 0;
        const int x = block.x * kCheckWide + thread % kCheckWide;
        for (int i = thread / kCheckWide; i < kCheckHigh; i += kThreads / kCheckWide) {
            const int y = block.y * kCheckHigh + i;
            if (x >= job.in.width || y >= job.in.height) continue;
            const float value = read<In>(job.in, x, y);
            look_at(job.found, value);
            if (!(value > 0.0f)) continue;
            const u32 bits = bits_of(value);
            largest = bits > largest ? bits : largest;
        }
        shared.largest[thread] = largest;
    });
    block.each([&](int thread) {
        if (thread != 0) return;
        u32 largest = 0;
        for (int i = 0; i < kThreads; ++i) largest = shared.largest[i] > largest ? shared.largest[i] : largest;
        raise_to(&job.found->largest, largest);
    });
}

}  // namespace vsr

VSR_KERNEL(check_clear, vsr::CheckJob, NoShared, vsr::check_clear)
VSR_KERNEL(check_u8, vsr::CheckJob, vsr::CheckShared, vsr::check<vsr::u8>)
VSR_KERNEL(check_u16, vsr::CheckJob, vsr::CheckShared, vsr::check<vsr::u16>)
VSR_KERNEL(check_f16, vsr::CheckJob, vsr::CheckShared, vsr::check<vsr::Half>)
VSR_KERNEL(check_f32, vsr::CheckJob, vsr::CheckShared, vsr::check<float>)
