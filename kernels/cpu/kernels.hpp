// What the Python boundary and the kernels of every instruction set share: plain data and one table.
//
// Nothing here owns memory. Kernel files are compiled with different instruction sets, so they must not
// instantiate anything of the standard library: the linker could hand an AVX-512 copy to every caller.
#pragma once
#include <cstddef>
#include <cstdint>

namespace vsr {

constexpr int kBlock = 16;  // outputs in a block of a bank, whatever the vector length
constexpr int kSlack = 32;  // floats that may be read past the end of a scratch row

constexpr int round_up(int n, int step) { return (n + step - 1) / step * step; }
constexpr int row_floats(int width) { return round_up(width, kBlock) + kSlack; }

// Samples of 1 or 2 bytes; rows `stride` bytes apart.
struct Plane {
    unsigned char* data;
    std::ptrdiff_t stride;
    int width, height, bytes;

    template <class T>
    T* row(int y) const { return reinterpret_cast<T*>(data + y * stride); }
};

// A filter along one axis: out[i] = sum over t of weights[i][t] * in[start[i] + t], t ascending.
//
// For filtering along a row, the same weights lie transposed in blocks of 16 outputs: block b starts at input
// base[b] and has shape pattern[b]; of that shape, index[16] says how far right of base each output starts and
// lanes[taps][16] has the weights. Ratios of small integers have few shapes, which then stay in the L1 cache.
struct Bank {
    int size_in, size_out, taps, blocks;
    int reach;       // largest index
    int half_reach;  // the same for blocks of 8, from their own first output
    bool identity;   // size_in == size_out, one tap of weight 1: rows pass through
    const std::int32_t* start;
    const float* weights;
    const std::int32_t* base;
    const std::int32_t* pattern;
    const std::int32_t* index;
    const float* lanes;
};

// dst = clamp(round(rows(columns(src)) + bias), 0, top), rounding halves to even.
struct ResizeJob {
    Plane src, dst;
    const Bank* columns;
    const Bank* rows;
    float bias, top;
};

// One band of rows [first, last) of the destination; scratch holds as many floats as *_scratch says.
struct Kernels {
    const char* name;
    void (*resize)(const ResizeJob& job, int first, int last, float* scratch);
};

constexpr int kTile = 1024;  // columns of a tile: a ring of six rows of it stays in the L1 cache

inline std::size_t resize_scratch(const ResizeJob& job) {
    const std::size_t tile = job.dst.width < kTile ? job.dst.width : kTile;
    return row_floats(job.src.width) + job.rows->taps * static_cast<std::size_t>(row_floats(int(tile)));
}

extern const Kernels kernels_plain;
#ifdef VSR_X86
extern const Kernels kernels_avx2;
extern const Kernels kernels_avx512;
#endif

}  // namespace vsr
