// Resize one plane, or both of chroma: along the rows into shared memory, then across them into samples.
//
// A block covers a tile of the output. Rows of the input come in chunks, so that any ratio fits: each row of a chunk
// is filtered along once, and every output adds the taps that lie in the chunk, in ascending order. Where the tile
// looks at few columns, as when enlarging, these are read into shared memory first, four at a time.
#pragma once
#include "block.cuh"
#include "common/banks.hpp"
#include "common/integers.hpp"
#include "common/quads.hpp"

namespace vsr {

template <class W, int PLANES>
struct ResizeJob {
    Plane in[PLANES], out[PLANES];
    BankOf<W> columns, rows;
    float bias, top;
};

constexpr int kTileWide = 64, kTileHigh = 32;
constexpr int kTileQuads = kTileWide / 4;
constexpr int kLanes = kThreads / kTileWide;       // rows that threads filter along at once
constexpr int kQuadLanes = kThreads / kTileQuads;  // rows that threads filter across at once
constexpr int kOwn = kTileHigh / kQuadLanes;       // quads of a thread
constexpr int kChunk = 24;                         // rows of the input in shared memory
constexpr int kRawWide = 96;                       // and the most columns
constexpr int kReaders = 16;                       // threads that read a row of them

// float32: bias added, rounded once.
template <class InType, class OutType>
struct FloatMath {
    using In = InType;
    using Out = OutType;
    using Weight = float;
    using Value = float;
    static VSR_BOTH float value(In sample, const Plane& plane) { return Samples<In>::decoded(sample, plane); }
    static VSR_BOTH float along(float sum, int) { return sum; }
    static VSR_BOTH float product(float weight, float value, int) { return weight * value; }
    static VSR_BOTH Out sample(float sum, const Plane& plane, float bias, float top) {
        return Samples<Out>::encoded(sum + bias, plane, top);
    }
};

// Integers, from and to samples of 8 bits.
struct IntegerMath {
    using In = u8;
    using Out = u8;
    using Weight = int;
    using Value = int;
    static VSR_BOTH int value(u8 sample, const Plane&) { return sample - kCentre; }
    static VSR_BOTH int along(int sum, int row) { return between(sum, row); }
    static VSR_BOTH int product(int weight, int value, int tap) { return product_across(weight, value, tap); }
    static VSR_BOTH u8 sample(int sum, const Plane&, float, float) { return static_cast<u8>(sample_of(sum)); }
};

template <class Value, int PLANES>
struct ResizeShared {
    Quad<Value> raw[PLANES][kChunk][kRawWide / 4];
    Quad<Value> rows[PLANES][kChunk][kTileQuads];
};

template <class Value, int PLANES>
struct Sums {
    Quad<Value> of[PLANES][kOwn];
};

// A block's work. It looks at columns of the input from `left` on: `quads` times four of them, 0 if they are too many.
template <class Math, int PLANES>
struct Resizer {
    using Value = typename Math::Value;
    using Job = ResizeJob<typename Math::Weight, PLANES>;
    const Block& block;
    ResizeShared<Value, PLANES>& shared;
    const Job& job;
    int x0, y0, wide, high, left, quads;

    VSR_DEVICE Resizer(const Block& block, ResizeShared<Value, PLANES>& shared, const Job& job)
        : block(block), shared(shared), job(job), x0(block.x * kTileWide), y0(block.y * kTileHigh),
          wide(least(kTileWide, job.out[0].width - x0)), high(least(kTileHigh, job.out[0].height - y0)),
          left(start_of(job.columns, x0) / 4 * 4) {
        const int columns = start_of(job.columns, x0 + wide - 1) + job.columns.taps - left;
        quads = columns <= kRawWide ? (columns + 3) / 4 : 0;
    }

    // Read rows [chunk, end).
    VSR_DEVICE void read(int chunk, int end) const {
        block.each([&](int thread) {
#pragma unroll 1
            for (int row = thread / kReaders; row < end - chunk; row += kThreads / kReaders)
#pragma unroll 1
                for (int quad = thread % kReaders; quad < quads; quad += kReaders) {
                    const int x = left + 4 * quad;
                    Quad<typename Math::In> samples[PLANES];
                    read_quads<typename Math::In, PLANES>(job.in, x, chunk + row, job.in[0].width - x, samples);
#pragma unroll
                    for (int k = 0; k < PLANES; ++k)
#pragma unroll
                        for (int i = 0; i < 4; ++i)
                            shared.raw[k][row][quad].of[i] = Math::value(samples[k].of[i], job.in[k]);
                }
        });
    }

    VSR_DEVICE Value& row(int k, int row, int column) const { return shared.rows[k][row][column / 4].of[column % 4]; }

    // Filter along the rows what was read: a weight serves all rows of a thread.
    VSR_DEVICE void along(int chunk) const {
        block.each([&](int thread) {
            const int column = thread % kTileWide, first = thread / kTileWide;
            if (column >= wide) return;
            const int from = start_of(job.columns, x0 + column) - left;
#pragma unroll
            for (int k = 0; k < PLANES; ++k) {
                const Value* raw = shared.raw[k][first][0].of + from;
                Weights<typename Math::Weight> weights(job.columns, x0 + column, 0);
                Value sums[kChunk / kLanes] = {};
#pragma unroll 2
                for (int tap = 0; tap < job.columns.taps; ++tap, ++raw) {
                    const typename Math::Weight weight = weights.take();
#pragma unroll
                    for (int i = 0; i < kChunk / kLanes; ++i) sums[i] += weight * raw[i * kLanes * kRawWide];
                }
#pragma unroll
                for (int i = 0; i < kChunk / kLanes; ++i)
                    row(k, first + i * kLanes, column) = Math::along(sums[i], chunk + first + i * kLanes);
            }
        });
    }

    // The same from the planes themselves.
    VSR_DEVICE void along_planes(int chunk, int end) const {
        block.each([&](int thread) {
            const int column = thread % kTileWide;
            if (column >= wide) return;
            const int start = start_of(job.columns, x0 + column);
#pragma unroll 1
            for (int y = chunk + thread / kTileWide; y < end; y += kLanes)
#pragma unroll
                for (int k = 0; k < PLANES; ++k) {
                    Value sum = {};
#pragma unroll 1
                    for (int tap = 0; tap < job.columns.taps; ++tap)
                        sum += weight_of(job.columns, x0 + column, tap) *
                               Math::value(*at<const typename Math::In>(job.in[k], start + tap, y), job.in[k]);
                    row(k, y - chunk, column) = Math::along(sum, y);
                }
        });
    }

    // Add the taps that lie in rows [chunk, end).
    VSR_DEVICE void across(int chunk, int end, PerThread<Sums<Value, PLANES>>& sums) const {
        block.each([&](int thread) {
            const int quad = thread % kTileQuads;
#pragma unroll
            for (int i = 0; i < kOwn; ++i) {
                const int y = y0 + thread / kTileQuads + i * kQuadLanes;
                if (4 * quad >= wide || y >= y0 + high) break;
                const int start = start_of(job.rows, y);
                const int from = most(0, chunk - start), to = least(job.rows.taps, end - start);
                const Quad<Value>* in = shared.rows[0][start + from - chunk] + quad;
                Weights<typename Math::Weight> weights(job.rows, y, from);
#pragma unroll 2
                for (int tap = from; tap < to; ++tap, in += kTileQuads) {
                    const typename Math::Weight weight = weights.take();
#pragma unroll
                    for (int k = 0; k < PLANES; ++k) {
                        const Quad<Value> values = in[k * kChunk * kTileQuads];
#pragma unroll
                        for (int j = 0; j < 4; ++j)
                            sums[thread].of[k][i].of[j] += Math::product(weight, values.of[j], tap);
                    }
                }
            }
        });
    }

    VSR_DEVICE void write(PerThread<Sums<Value, PLANES>>& sums) const {
        block.each([&](int thread) {
            const int column = thread % kTileQuads * 4;
#pragma unroll
            for (int i = 0; i < kOwn; ++i) {
                const int y = thread / kTileQuads + i * kQuadLanes;
                if (column >= wide || y >= high) break;
                Quad<typename Math::Out> samples[PLANES];
#pragma unroll
                for (int k = 0; k < PLANES; ++k)
#pragma unroll
                    for (int j = 0; j < 4; ++j)
                        samples[k].of[j] =
                            Math::sample(sums[thread].of[k][i].of[j], job.out[k], job.bias, job.top);
                write_quads<typename Math::Out, PLANES>(job.out, x0 + column, y0 + y, wide - column, samples);
            }
        });
    }
};

template <class Math, int PLANES>
VSR_DEVICE void resize(Block block, ResizeShared<typename Math::Value, PLANES>& shared,
                       const ResizeJob<typename Math::Weight, PLANES>& job) {
    const Resizer<Math, PLANES> own(block, shared, job);
    const int first = start_of(job.rows, own.y0), last = start_of(job.rows, own.y0 + own.high - 1) + job.rows.taps;
    PerThread<Sums<typename Math::Value, PLANES>> sums;
    block.each([&](int thread) { sums[thread] = {}; });
#pragma unroll 1
    for (int chunk = first; chunk < last; chunk += kChunk) {
        const int end = least(chunk + kChunk, last);
        if (own.quads) {
            own.read(chunk, end);
            own.along(chunk);
        } else {
            own.along_planes(chunk, end);
        }
        own.across(chunk, end, sums);
    }
    own.write(sums);
}

using OneFloat = ResizeJob<float, 1>;
using TwoFloats = ResizeJob<float, 2>;
using OneInteger = ResizeJob<int, 1>;
using TwoIntegers = ResizeJob<int, 2>;
using OneFloatShared = ResizeShared<float, 1>;
using TwoFloatsShared = ResizeShared<float, 2>;
using OneIntegerShared = ResizeShared<int, 1>;
using TwoIntegersShared = ResizeShared<int, 2>;

}  // namespace vsr

#define VSR_RESIZE(IN, IN_TYPE, OUT, OUT_TYPE)                                  \
    VSR_KERNEL(resize_##IN##_##OUT, vsr::OneFloat, vsr::OneFloatShared, \
               vsr::resize<vsr::FloatMath<IN_TYPE, OUT_TYPE>, 1>)
#define VSR_RESIZE_CHROMA(IN, IN_TYPE, OUT, OUT_TYPE)                                    \
    VSR_KERNEL(resize_chroma_##IN##_##OUT, vsr::TwoFloats, vsr::TwoFloatsShared, \
               vsr::resize<vsr::FloatMath<IN_TYPE, OUT_TYPE>, 2>)
