// What the Python boundary and the kernels of every instruction set share: plain data and one table.
//
// Nothing here owns memory. Kernel files are compiled with different instruction sets, so they must not
// instantiate anything that the linker may merge (the standard library, inline functions of external linkage):
// it could hand an AVX-512 copy to every caller.
#pragma once
#include <cstddef>
#include <cstdint>

namespace vsr {

constexpr int kBlock = 16;  // outputs in a block of a bank, whatever the vector length
constexpr int kSlack = 32;  // floats that may be read past the end of a scratch row

static constexpr int round_up(int n, int step) { return (n + step - 1) / step * step; }
static constexpr int row_floats(int width) { return round_up(width, kBlock) + kSlack; }

// Samples of 1 or 2 bytes, or float32 in 4; rows `stride` bytes apart.
struct Plane {
    unsigned char* data;
    std::ptrdiff_t stride;
    int width, height, bytes;
    bool stream;  // to be written past the caches: rows begin at multiples of 64 bytes

    template <class T>
    __attribute__((always_inline)) T* row(int y) const { return reinterpret_cast<T*>(data + y * stride); }
};

// A filter along one axis: out[i] = sum over t of weights[i][t] * in[start[i] + kStep * t], t ascending.
//
// W says in what. float: numbers, products and sums of float32. std::int32_t: pairs of int16, word i being samples
// i (lower half) and i + 1, so that the step is 2; a product is low * low + high * high in int32 (`pmaddwd`).
// std::int16_t: a product is (w * x + 2^14) >> 15 (`pmulhrsw`); those of odd t have w negated and are subtracted.
//
// For filtering along a row, the same weights lie transposed in blocks of 16 outputs: block b starts at input
// base[b] and has shape pattern[b]; of that shape, index[16] says how far right of base each output starts and
// lanes[taps][16] has the weights. Ratios of small integers have few shapes, which then stay in the L1 cache.
template <class W>
static constexpr int kStep = 1;
template <>
constexpr int kStep<std::int32_t> = 2;

template <class W>
struct BankOf {
    int size_in, size_out, taps, blocks;
    int span;        // words that a window covers, kStep * (taps - 1) + 1
    int reach;       // largest index
    int half_reach;  // the same for blocks of 8, from their own first output
    int period;      // blocks after which shapes repeat, but for the borders; 1 where they do not
    int doubling_first, doubling_last;  // blocks between which output i + 2 is output i, one input further
    bool identity;   // size_in == size_out, one tap of weight 1: rows pass through
    const std::int32_t* start;
    const W* weights;
    const std::int32_t* base;
    const std::int32_t* pattern;
    const std::int32_t* index;
    const W* lanes;
};
using Bank = BankOf<float>;
using PairBank = BankOf<std::int32_t>;
using ShortBank = BankOf<std::int16_t>;

// dst = clamp(round(rows(columns(src)) + bias), 0, top), rounding halves to even.
struct ResizeJob {
    Plane src, dst;
    const Bank* columns;
    const Bank* rows;
    float bias, top;
};

// The same from and to samples of 8 bits in integers, which are centred about 0. Weights have 14 fractional bits and
// sum to 1, values between the filters have 7 (rounded, halves up in even rows and down in odd ones), sums across rows
// 6; samples are rounded halves to even.
struct IntegerResizeJob {
    Plane src, dst;
    const PairBank* columns;
    const ShortBank* rows;
};
constexpr int kWeightBits = 14, kBetweenBits = 7, kAcrossBits = 6, kCentre = 128;

// A plane of the source, and the way from it to the grid: the size at which components meet.
struct PlaneIn {
    Plane plane;
    const Bank* columns;
    const Bank* rows;
};

// A plane of the target, and the way to it from the grid. Its rows are those of the grid shifted right by `shift`.
struct PlaneOut {
    Plane plane;
    const Bank* columns;
    const Bank* rows;
    float bias;
    int shift;
};

struct Planes {
    PlaneIn in[3];
    PlaneOut out[3];
    int inputs, outputs;
    int width, height;  // of the grid
    float top;
};

// Output k is matrix[k][0..2] times the inputs plus matrix[k][3], added in this order.
struct ConvertJob {
    Planes planes;
    float matrix[3][4];
};

// Thin lines and refine edges, steered by the inputs' luma[0..2] times the inputs plus luma[3], in 0..1.
// A pixel that moves becomes keep * itself + take * (the sum of three neighbours).
struct Anime4kJob {
    Planes planes;
    float luma[4];
    float color_keep, color_take;
    float gradient_keep, gradient_take;
};

struct PointJob;  // filter_jobs.hpp
struct HighlightJob;
struct WarpJob;
struct BilateralJob;

// One band of rows [first, last) of the destination; scratch holds as many floats as *_scratch says.
struct Kernels {
    const char* name;
    void (*resize)(const ResizeJob& job, int first, int last, float* scratch);
    void (*resize_integer)(const IntegerResizeJob& job, int first, int last, float* scratch);
    void (*convert)(const ConvertJob& job, int first, int last, float* scratch);  // rows of the grid
    void (*anime4k)(const Anime4kJob& job, int first, int last, float* scratch);  // rows of the grid
    void (*filter_points)(const PointJob& job, int first, int last, float* scratch);
    void (*highlights)(const HighlightJob& job, int first, int last, float* scratch);
    void (*warp)(const WarpJob& job, int first, int last, float* scratch);
    void (*bilateral)(const BilateralJob& job, int first, int last, float* scratch);
};

// Columns of a tile: equal parts of the width, such that the ring of rows stays in the L1 cache.
static inline int tile_width(int width, int taps) {
    const int most = 6144 / taps < 256 ? 256 : 6144 / taps;
    const int tiles = (width + most - 1) / most;
    return round_up((width + tiles - 1) / tiles, 4 * kBlock);
}

template <class Job>
static inline std::size_t resize_scratch(const Job& job) {
    const int tile = tile_width(job.dst.width, job.rows->taps);
    return row_floats(job.src.width) + job.rows->taps * static_cast<std::size_t>(row_floats(tile));
}

// A row of the grid, with room for a neighbour on its left.
static constexpr int grid_row_floats(int width) { return kBlock + row_floats(width); }

// Rings and rows of the sources and sinks of one band.
static inline std::size_t planes_scratch(const Planes& planes) {
    std::size_t floats = 0;
    for (int i = 0; i < planes.inputs; ++i)
        floats += row_floats(planes.in[i].plane.width) + std::size_t(planes.in[i].rows->taps) * row_floats(planes.width);
    for (int i = 0; i < planes.outputs; ++i)
        floats += std::size_t(planes.out[i].rows->taps) * row_floats(planes.out[i].plane.width);
    return floats;
}
static inline std::size_t convert_scratch(const ConvertJob& job) {
    return planes_scratch(job.planes) + 6 * std::size_t(row_floats(job.planes.width));
}

// Of the picture 3 rows each of components and luma, of the pushed one 4, of the gradient 3, of the result and the choice 1.
constexpr int kColorRows = 3, kPushedRows = 4, kGradientRows = 3;
static inline std::size_t anime4k_scratch(const Anime4kJob& job) {
    const int rows = (job.planes.inputs + 1) * (kColorRows + kPushedRows) + kGradientRows + job.planes.inputs + 1;
    return planes_scratch(job.planes) + rows * std::size_t(grid_row_floats(job.planes.width));
}

extern const Kernels kernels_plain;
#ifdef VSR_X86
extern const Kernels kernels_avx2;
extern const Kernels kernels_avx512;
#endif

}  // namespace vsr
