// Mix components by a matrix at the size of the luma, bringing chroma there and back.
//
// A thread works on four neighbours at once. Chroma that is smaller than the luma is first read into shared memory and
// filtered along its rows there, each value once, not once for every pixel that looks at it.
#pragma once
#include "block.cuh"
#include "common/banks.hpp"
#include "common/mix.hpp"
#include "common/quads.hpp"

namespace vsr {

struct ConvertJob {
    Plane in[3], out[3];
    Way to_grid[3], from_grid[3];  // both planes of chroma have the same
    float matrix[3][4];
    float top;          // the largest code of the output
    int inputs, outputs;
    int width, height;  // of the grid
};

constexpr int kConvertWide = 64, kConvertHigh = 16;  // pixels of the grid that a block covers
constexpr int kQuads = kConvertWide / 4;
constexpr int kReach = 8;                            // samples beyond them on each side that chroma may look at

// A rectangle [x0, x1) x [y0, y1).
struct Area {
    int x0, x1, y0, y1;
    VSR_BOTH int wide() const { return x1 - x0; }
    VSR_BOTH int high() const { return y1 - y0; }
    VSR_BOTH int quads() const { return (wide() + 3) / 4; }
    VSR_BOTH int pitch() const { return 4 * quads(); }
    VSR_BOTH bool holds(int x, int y) const { return x >= x0 && x < x1 && y >= y0 && y < y1; }
};

VSR_BOTH Area tile_of(const Block& block, const ConvertJob& job) {
    return {block.x * kConvertWide, least((block.x + 1) * kConvertWide, job.width), block.y * kConvertHigh,
            least((block.y + 1) * kConvertHigh, job.height)};
}

// Where the inputs 1 and 2 are smaller than the grid: what of them a tile looks at, as it is and along the rows.
constexpr int kChromaRows = kConvertHigh + 2, kChromaPitch = kConvertWide + 8;
struct ChromaShared {
    float raw[2][kChromaRows * kChromaPitch];
    Quad<float> along[2][kChromaRows * kQuads];
};

VSR_BOTH Area looked_at(const Area& tile, const Way& way) {
    return {start_of(way.columns, tile.x0) / 4 * 4, start_of(way.columns, tile.x1 - 1) + way.columns.taps,
            start_of(way.rows, tile.y0), start_of(way.rows, tile.y1 - 1) + way.rows.taps};
}

template <class In>
VSR_DEVICE void bring_chroma(const Block& block, ChromaShared& shared, const ConvertJob& job, const Area& tile) {
    const Way& way = job.to_grid[1];
    const Area area = looked_at(tile, way);
    block.each([&](int thread) {
#pragma unroll 1
        for (int i = thread; i < area.quads() * area.high(); i += kThreads) {
            const int x = area.x0 + i % area.quads() * 4, y = area.y0 + i / area.quads();
            Quad<In> quads[2];
            read_quads<In, 2>(job.in + 1, x, y, job.in[1].width - x, quads);
#pragma unroll
            for (int k = 0; k < 2; ++k)
                *reinterpret_cast<Quad<float>*>(shared.raw[k] + 4 * i) = decoded(quads[k], job.in[1 + k]);
        }
    });
    block.each([&](int thread) {
        const int column = thread % kConvertWide;
        if (column >= tile.wide()) return;
        const int start = start_of(way.columns, tile.x0 + column) - area.x0;
#pragma unroll 1
        for (int row = thread / kConvertWide; row < area.high(); row += kThreads / kConvertWide) {
            Weights<float> weights(way.columns, tile.x0 + column, 0);
            float sums[2] = {};
#pragma unroll 2
            for (int tap = 0; tap < way.columns.taps; ++tap) {
                const float weight = weights.take();
#pragma unroll
                for (int k = 0; k < 2; ++k) sums[k] = sums[k] + weight * shared.raw[k][row * area.pitch() + start + tap];
            }
#pragma unroll
            for (int k = 0; k < 2; ++k) shared.along[k][row * kQuads + column / 4].of[column % 4] = sums[k];
        }
    });
}

// Four pixels of the inputs 1 and 2 in row y of the grid.
VSR_DEVICE void chroma_across(const ChromaShared& shared, const Bank& rows, int top, int y, int quad, Quad<float>* sums) {
    const int first = (start_of(rows, y) - top) * kQuads + quad;
    Weights<float> weights(rows, y, 0);
#pragma unroll 2
    for (int tap = 0; tap < rows.taps; ++tap) {
        const float weight = weights.take();
#pragma unroll
        for (int k = 0; k < 2; ++k) {
            const Quad<float> values = shared.along[k][first + tap * kQuads];
#pragma unroll
            for (int i = 0; i < 4; ++i) sums[k].of[i] = sums[k].of[i] + weight * values.of[i];
        }
    }
}

// Where every component of the output has the size of the grid.
template <class In, class Out>
VSR_DEVICE void convert(Block block, ChromaShared& shared, const ConvertJob& job) {
    const Area tile = tile_of(block, job);
    const bool is_smaller = job.inputs > 1 && !is_identity(job.to_grid[1]);
    if (is_smaller) bring_chroma<In>(block, shared, job, tile);
    block.each([&](int thread) {
        const int quad = thread % kQuads, x = tile.x0 + 4 * quad, y = tile.y0 + thread / kQuads, count = job.width - x;
        if (count <= 0 || y >= tile.y1) return;
        Quad<float> in[3] = {};
        in[0] = decoded(read_quad<In>(job.in[0], x, y, count), job.in[0]);
        if (is_smaller) {
            chroma_across(shared, job.to_grid[1].rows, start_of(job.to_grid[1].rows, tile.y0), y, quad, in + 1);
        } else if (job.inputs > 1) {
#pragma unroll
            for (int i = 1; i < 3; ++i) in[i] = decoded(read_quad<In>(job.in[i], x, y, count), job.in[i]);
        }
        Quad<float> out[3];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            Mixed mixed;
            mixed.add(job.matrix, 0, in[0].of[i]);
            if (job.inputs > 1) {
                mixed.add(job.matrix, 1, in[1].of[i]);
                mixed.add(job.matrix, 2, in[2].of[i]);
            }
            mixed.finish(job.matrix);
#pragma unroll
            for (int k = 0; k < 3; ++k) out[k].of[i] = mixed.of[k];
        }
#pragma unroll
        for (int k = 0; k < 3; ++k)
            if (k < job.outputs) write_quad(job.out[k], x, y, count, encoded<Out>(out[k], job.out[k], job.top));
    });
}

// The components of the output at four pixels of the grid.
template <class In>
VSR_DEVICE void read_grid(const ConvertJob& job, int x, int y, Quad<float>* out) {
    Mixed mixed[4];
#pragma unroll 1  // three times the code would be no faster
    for (int k = 0; k < job.inputs; ++k) {
        Quad<float> in = {};
        if (is_identity(job.to_grid[k])) {
            in = decoded(read_quad<In>(job.in[k], x, y, job.width - x), job.in[k]);
        } else {
#pragma unroll
            for (int i = 0; i < 4; ++i)
                in.of[i] = brought(job.to_grid[k], least(x + i, job.width - 1), y,
                                   [&](int column, int row) { return read<In>(job.in[k], column, row); });
        }
#pragma unroll
        for (int i = 0; i < 4; ++i) mixed[i].add(job.matrix, k, in.of[i]);
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        mixed[i].finish(job.matrix);
#pragma unroll
        for (int k = 0; k < 3; ++k) out[k].of[i] = mixed[i].of[k];
    }
}

// The chroma samples of a tile of the grid: those that begin in it.
VSR_BOTH Area chroma_of(const Area& tile, const ConvertJob& job) {
    const Plane& plane = job.out[1];
    int right = 0, down = 0;
    while (((job.width - 1) >> right) + 1 > plane.width) ++right;
    while (((job.height - 1) >> down) + 1 > plane.height) ++down;
    return {tile.x0 >> right, least((tile.x1 + (1 << right) - 1) >> right, plane.width), tile.y0 >> down,
            least((tile.y1 + (1 << down) - 1) >> down, plane.height)};
}

// What of the grid a tile needs for itself and its chroma; it begins at a multiple of four.
VSR_BOTH Area needed(const Area& tile, const Area& chroma, const Way& way) {
    return {least(tile.x0, start_of(way.columns, chroma.x0) / 4 * 4),
            most(tile.x1, start_of(way.columns, chroma.x1 - 1) + way.columns.taps),
            least(tile.y0, start_of(way.rows, chroma.y0)),
            most(tile.y1, start_of(way.rows, chroma.y1 - 1) + way.rows.taps)};
}

struct ReducedShared {
    Quad<float> grid[2][(kConvertHigh + 2 * kReach) * (kConvertWide + 2 * kReach) / 4];
    float chroma[2][kConvertHigh * kConvertWide / 2];
};

// Where chroma of the output is smaller than the grid.
template <class In, class Out>
VSR_DEVICE void convert_reduced(Block block, ReducedShared& shared, const ConvertJob& job) {
    const Area tile = tile_of(block, job), chroma = chroma_of(tile, job);
    const Way& way = job.from_grid[1];
    const Area area = needed(tile, chroma, way);
    block.each([&](int thread) {
#pragma unroll 1
        for (int i = thread; i < area.quads() * area.high(); i += kThreads) {
            const int x = area.x0 + i % area.quads() * 4, y = area.y0 + i / area.quads();
            Quad<float> mixed[3];
            read_grid<In>(job, x, y, mixed);
            shared.grid[0][i] = mixed[1];
            shared.grid[1][i] = mixed[2];
            if (tile.holds(x, y))
                write_quad(job.out[0], x, y, job.width - x, encoded<Out>(mixed[0], job.out[0], job.top));
        }
    });
    block.each([&](int thread) {
#pragma unroll 1
        for (int i = thread; i < chroma.wide() * chroma.high(); i += kThreads) {
            const int column = i % chroma.wide(), row = i / chroma.wide();
#pragma unroll 1
            for (int k = 0; k < 2; ++k)
                shared.chroma[k][row * chroma.pitch() + column] =
                    brought(way, chroma.x0 + column, chroma.y0 + row, [&](int x, int y) {
                        const int at = (y - area.y0) * area.pitch() + x - area.x0;
                        return shared.grid[k][at / 4].of[at % 4];
                    });
        }
    });
    block.each([&](int thread) {
#pragma unroll 1
        for (int i = thread; i < chroma.quads() * chroma.high(); i += kThreads) {
            const int column = i % chroma.quads() * 4, row = i / chroma.quads();
            Quad<Out> quads[2];
#pragma unroll
            for (int k = 0; k < 2; ++k)
                quads[k] = encoded<Out>(
                    *reinterpret_cast<const Quad<float>*>(shared.chroma[k] + row * chroma.pitch() + column),
                    job.out[1 + k], job.top);
            write_quads<Out, 2>(job.out + 1, chroma.x0 + column, chroma.y0 + row, chroma.wide() - column, quads);
        }
    });
}

}  // namespace vsr

#define VSR_CONVERT(IN, IN_TYPE, OUT, OUT_TYPE) \
    VSR_KERNEL(convert_##IN##_##OUT, vsr::ConvertJob, vsr::ChromaShared, vsr::convert<IN_TYPE, OUT_TYPE>)
#define VSR_CONVERT_REDUCED(IN, IN_TYPE, OUT, OUT_TYPE)                                    \
    VSR_KERNEL(convert_reduced_##IN##_##OUT, vsr::ConvertJob, vsr::ReducedShared, \
               vsr::convert_reduced<IN_TYPE, OUT_TYPE>)
