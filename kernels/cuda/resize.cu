// Resize one plane: along the rows into shared memory, then across them into samples.
//
// A block covers a tile of the output. Rows of the input come in chunks, so that any ratio fits: each row of a chunk
// is filtered along once, and every output adds the taps that lie in the chunk, in ascending order.
#include "block.cuh"
#include "common/banks.hpp"
#include "common/integers.hpp"
#include "common/planes.hpp"

namespace vsr {

template <class W>
struct ResizeJob {
    Plane in, out;
    BankOf<W> columns, rows;
    float bias, top;
};

struct FillJob {
    Plane out;
    float value, top;
};

constexpr int kTileWide = 64, kTileHigh = 16;
constexpr int kLanes = kThreads / kTileWide;  // rows that threads work on at once
constexpr int kOwn = kTileHigh / kLanes;      // outputs of a thread
constexpr int kChunk = 32;                    // rows of the input in shared memory

// float32: bias added, rounded once.
template <class In, class Out>
struct FloatMath {
    using Weight = float;
    using Value = float;
    static VSR_BOTH float along(const ResizeJob<float>& job, int x, int row) {
        return filtered(job.columns, x, [&](int column) { return Samples<In>::read(job.in, column, row); });
    }
    static VSR_BOTH float product(float weight, float value, int) { return weight * value; }
    static VSR_BOTH void write(const ResizeJob<float>& job, int x, int y, float sum) {
        Samples<Out>::write(job.out, x, y, sum + job.bias, job.top);
    }
};

// Integers, from and to samples of 8 bits.
struct IntegerMath {
    using Weight = int;
    using Value = int;
    static VSR_BOTH int along(const ResizeJob<int>& job, int x, int row) {
        const int start = job.columns.start[x];
        int sum = 0;
        for (int tap = 0; tap < job.columns.taps; ++tap)
            sum += weight_of(job.columns, x, tap) * (*at<u8>(job.in, start + tap, row) - kCentre);
        return between(sum, row);
    }
    static VSR_BOTH int product(int weight, int value, int tap) { return product_across(weight, value, tap); }
    static VSR_BOTH void write(const ResizeJob<int>& job, int x, int y, int sum) {
        *at<u8>(job.out, x, y) = static_cast<u8>(sample_of(sum));
    }
};

template <class Value>
struct ResizeShared {
    Value rows[kChunk][kTileWide];
};

template <class Value>
struct Sums {
    Value of[kOwn];
};

template <class Math>
VSR_DEVICE void resize(Block block, ResizeShared<typename Math::Value>& shared,
                       const ResizeJob<typename Math::Weight>& job) {
    using Value = typename Math::Value;
    const int x0 = block.x * kTileWide, y0 = block.y * kTileHigh;
    const int wide = least(kTileWide, job.out.width - x0), high = least(kTileHigh, job.out.height - y0);
    const int first = start_of(job.rows, y0), last = start_of(job.rows, y0 + high - 1) + job.rows.taps;
    PerThread<Sums<Value>> sums;
    block.each([&](int thread) { sums[thread] = Sums<Value>{}; });
    for (int chunk = first; chunk < last; chunk += kChunk) {
        const int end = least(chunk + kChunk, last);
        block.each([&](int thread) {
            const int column = thread % kTileWide;
            if (column >= wide) return;
            for (int row = chunk + thread / kTileWide; row < end; row += kLanes)
                shared.rows[row - chunk][column] = Math::along(job, x0 + column, row);
        });
        block.each([&](int thread) {
            const int column = thread % kTileWide;
#pragma unroll
            for (int i = 0; i < kOwn; ++i) {
                const int y = y0 + thread / kTileWide + i * kLanes;
                if (column >= wide || y >= y0 + high) break;
                const int start = start_of(job.rows, y);
                const int to = least(job.rows.taps, end - start);
#pragma unroll 2
                for (int tap = most(0, chunk - start); tap < to; ++tap)
                    sums[thread].of[i] +=
                        Math::product(weight_of(job.rows, y, tap), shared.rows[start + tap - chunk][column], tap);
            }
        });
    }
    block.each([&](int thread) {
        const int column = thread % kTileWide;
#pragma unroll
        for (int i = 0; i < kOwn; ++i) {
            const int row = thread / kTileWide + i * kLanes;
            if (column < wide && row < high) Math::write(job, x0 + column, y0 + row, sums[thread].of[i]);
        }
    });
}

template <class Out>
VSR_DEVICE void fill(Block block, NoShared&, const FillJob& job) {
    block.each([&](int thread) {
        const int x = block.x * kTileWide + thread % kTileWide;
        for (int i = thread / kTileWide; i < kTileHigh; i += kLanes) {
            const int y = block.y * kTileHigh + i;
            if (x < job.out.width && y < job.out.height) Samples<Out>::write(job.out, x, y, job.value, job.top);
        }
    });
}

}  // namespace vsr

#define VSR_RESIZE(IN, IN_TYPE, OUT, OUT_TYPE)                                                   \
    VSR_KERNEL(resize_##IN##_##OUT, vsr::ResizeJob<float>, vsr::ResizeShared<float>,            \
               vsr::resize<vsr::FloatMath<IN_TYPE, OUT_TYPE>>)
#define VSR_RESIZES(IN, IN_TYPE)             \
    VSR_RESIZE(IN, IN_TYPE, u8, vsr::u8)     \
    VSR_RESIZE(IN, IN_TYPE, u16, vsr::u16)   \
    VSR_RESIZE(IN, IN_TYPE, f16, vsr::Half)  \
    VSR_RESIZE(IN, IN_TYPE, f32, float)

VSR_RESIZES(u8, vsr::u8)
VSR_RESIZES(u16, vsr::u16)
VSR_RESIZES(f16, vsr::Half)
VSR_RESIZES(f32, float)
VSR_KERNEL(resize_integer, vsr::ResizeJob<int>, vsr::ResizeShared<int>, vsr::resize<vsr::IntegerMath>)
VSR_KERNEL(fill_u8, vsr::FillJob, NoShared, vsr::fill<vsr::u8>)
VSR_KERNEL(fill_u16, vsr::FillJob, NoShared, vsr::fill<vsr::u16>)
VSR_KERNEL(fill_f16, vsr::FillJob, NoShared, vsr::fill<vsr::Half>)
VSR_KERNEL(fill_f32, vsr::FillJob, NoShared, vsr::fill<float>)
