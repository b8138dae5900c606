// Products of matrices by the tensor cores: sums (16 x 8) += left (16 x 16) * right (16 x 8), halves summed in float32.
//
// A warp holds each matrix together, every thread a few elements: see mma.m16n8k16 in the PTX ISA. With g = lane / 4
// and t = lane % 4, a thread has of `left` the rows g and g + 8, of `right` the column g, each at 2t, 2t + 1, 2t + 8 and
// 2t + 9 of the sixteen that are summed over. Which number stands at which of these is free, as long as left and right
// agree: here a thread's four are neighbours in memory (Halves), so that it loads them at once.
// The host's versions (tests/cuda/shim_fragments.hpp) hold all threads' elements and multiply by the same layout.
#pragma once
#include "block.cuh"
#include "common/half.hpp"

namespace vsr {

// Four halves: the elements 2t, 2t + 1 (low) and 2t + 8, 2t + 9 (high) of a row or column.
struct alignas(8) Halves {
    u32 low, high;
};

constexpr u32 kMagnitudes = 0x7fff7fffu;  // without the signs

}  // namespace vsr

#ifdef __CUDACC__

namespace vsr {

struct Left {
    u32 own[4];

    // f(lane, half): row lane / 4 + 8 * half.
    template <class F>
    VSR_DEVICE void load(Warp, const F& f) {
        const int lane = static_cast<int>(threadIdx.x) % kWarpThreads;
        const Halves upper = f(lane, 0), lower = f(lane, 1);
        own[0] = upper.low;
        own[1] = lower.low;
        own[2] = upper.high;
        own[3] = lower.high;
    }
    VSR_DEVICE Left magnitudes() const {
        return {{own[0] & kMagnitudes, own[1] & kMagnitudes, own[2] & kMagnitudes, own[3] & kMagnitudes}};
    }
};

struct Right {
    u32 own[2];

    // f(lane): column lane / 4.
    template <class F>
    VSR_DEVICE void load(Warp, const F& f) {
        const Halves column = f(static_cast<int>(threadIdx.x) % kWarpThreads);
        own[0] = column.low;
        own[1] = column.high;
    }
};

struct Sums {
    float own[4];

    VSR_DEVICE void clear() { own[0] = own[1] = own[2] = own[3] = 0; }
    // Row lane / 4 + 8 * half, column 2 * (lane % 4) + i.
    VSR_DEVICE float at(int, int half, int i) const { return own[2 * half + i]; }
};

VSR_DEVICE void multiply_add(Sums& sums, const Left& left, const Right& right) {
#if __CUDA_ARCH__ >= 800
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(sums.own[0]), "+f"(sums.own[1]), "+f"(sums.own[2]), "+f"(sums.own[3])
        : "r"(left.own[0]), "r"(left.own[1]), "r"(left.own[2]), "r"(left.own[3]), "r"(right.own[0]), "r"(right.own[1]));
#else  // sm_75 sums over 8 at a time: the first, then the last
#pragma unroll
    for (int k = 0; k < 2; ++k)
        asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
            : "+f"(sums.own[0]), "+f"(sums.own[1]), "+f"(sums.own[2]), "+f"(sums.own[3])
            : "r"(left.own[2 * k]), "r"(left.own[2 * k + 1]), "r"(right.own[k]));
#endif
}

}  // namespace vsr

#else
#include "shim_fragments.hpp"
#endif
