// The host's side of kernels/cuda/fragments.cuh: registers of all lanes, multiplied by the layout of mma.m16n8k16.
//
// The layout is the PTX ISA's, register by register; kernels/cuda/net.cuh does not know it, so that a wrong one shows.
#pragma once

namespace vsr {

struct Left {
    u32 own[kWarpThreads][4];

    template <class F>
    void load(Warp warp, const F& f) {
        warp.each_lane([&](int lane) {
            const Halves upper = f(lane, 0), lower = f(lane, 1);
            const u32 registers[4] = {upper.low, lower.low, upper.high, lower.high};
            __builtin_memcpy(own[lane], registers, sizeof registers);
        });
    }
    Left magnitudes() const {
        Left result = *this;
        for (auto& lane : result.own)
            for (u32& pair : lane) pair &= kMagnitudes;
        return result;
    }
};

struct Right {
    u32 own[kWarpThreads][2];

    template <class F>
    void load(Warp warp, const F& f) {
        warp.each_lane([&](int lane) {
            const Halves column = f(lane);
            own[lane][0] = column.low;
            own[lane][1] = column.high;
        });
    }
};

struct Sums {
    float own[kWarpThreads][4];

    void clear() { __builtin_memset(own, 0, sizeof own); }
    float at(int lane, int half, int i) const { return own[lane][2 * half + i]; }
};

inline float half_of(u32 pair, int i) { return to_float(Half{u16(pair >> (16 * i))}); }

inline void multiply_add(Sums& sums, const Left& left, const Right& right) {
    float a[16][16], b[16][8], c[16][8];  // rows, columns
    for (int lane = 0; lane < kWarpThreads; ++lane) {
        const int g = lane / 4, t = lane % 4;
        for (int i = 0; i < 8; ++i)  // a0 a1: g; a2 a3: g + 8; a4 a5: g, 8 further; a6 a7: g + 8, 8 further
            a[g + (i / 2 % 2) * 8][2 * t + i % 2 + i / 4 * 8] = half_of(left.own[lane][i / 2], i % 2);
        for (int i = 0; i < 4; ++i) b[2 * t + i % 2 + i / 2 * 8][g] = half_of(right.own[lane][i / 2], i % 2);
        for (int i = 0; i < 4; ++i) c[g + i / 2 * 8][2 * t + i % 2] = sums.own[lane][i];
    }
    for (int row = 0; row < 16; ++row)
        for (int k = 0; k < 16; ++k)
            for (int column = 0; column < 8; ++column) c[row][column] += a[row][k] * b[k][column];
    for (int lane = 0; lane < kWarpThreads; ++lane)
        for (int i = 0; i < 4; ++i) sums.own[lane][i] = c[lane / 4 + i / 2 * 8][2 * (lane % 4) + i % 2];
}

}  // namespace vsr
