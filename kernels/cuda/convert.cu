// Mix components by a matrix at the size of the luma, bringing chroma there and back.
#include "block.cuh"
#include "common/banks.hpp"
#include "common/mix.hpp"
#include "common/planes.hpp"

namespace vsr {

struct ConvertJob {
    Plane in[3], out[3];
    Way to_grid[3], from_grid[3];
    float matrix[3][4];
    float top;          // the largest code of the output
    int inputs, outputs;
    int width, height;  // of the grid
};

constexpr int kConvertWide = 64, kConvertHigh = 16;  // pixels of the grid that a block covers
constexpr int kReach = 8;                            // samples beyond them on each side that chroma may look at

// The components of the output at a pixel of the grid.
template <class In>
VSR_DEVICE Mixed read_grid(const ConvertJob& job, int x, int y) {
    Mixed mixed;
#pragma unroll 1  // three times the code would be no faster
    for (int i = 0; i < job.inputs; ++i)
        mixed.add(job.matrix, i, brought(job.to_grid[i], x, y, [&](int column, int row) {
                      return Samples<In>::read(job.in[i], column, row);
                  }));
    mixed.finish(job.matrix);
    return mixed;
}

// Where every component of the output has the size of the grid.
template <class In, class Out>
VSR_DEVICE void convert(Block block, NoShared&, const ConvertJob& job) {
    block.each([&](int thread) {
        const int x = block.x * kConvertWide + thread % kConvertWide;
        for (int i = thread / kConvertWide; i < kConvertHigh; i += kThreads / kConvertWide) {
            const int y = block.y * kConvertHigh + i;
            if (x >= job.width || y >= job.height) return;
            const Mixed mixed = read_grid<In>(job, x, y);
#pragma unroll
            for (int k = 0; k < 3; ++k)
                if (k < job.outputs) Samples<Out>::write(job.out[k], x, y, mixed.of[k], job.top);
        }
    });
}

// A rectangle [x0, x1) x [y0, y1).
struct Area {
    int x0, x1, y0, y1;
    VSR_BOTH int wide() const { return x1 - x0; }
    VSR_BOTH int high() const { return y1 - y0; }
    VSR_BOTH bool holds(int x, int y) const { return x >= x0 && x < x1 && y >= y0 && y < y1; }
};

// The chroma samples of a tile of the grid: those that begin in it.
VSR_BOTH Area chroma_of(const Area& tile, const ConvertJob& job) {
    const Plane& plane = job.out[1];
    int right = 0, down = 0;
    while (((job.width - 1) >> right) + 1 > plane.width) ++right;
    while (((job.height - 1) >> down) + 1 > plane.height) ++down;
    return {tile.x0 >> right, least((tile.x1 + (1 << right) - 1) >> right, plane.width), tile.y0 >> down,
            least((tile.y1 + (1 << down) - 1) >> down, plane.height)};
}

// What of the grid a tile needs for itself and its chroma.
VSR_BOTH Area needed(const Area& tile, const Area& chroma, const Way& way) {
    return {least(tile.x0, start_of(way.columns, chroma.x0)),
            most(tile.x1, start_of(way.columns, chroma.x1 - 1) + way.columns.taps),
            least(tile.y0, start_of(way.rows, chroma.y0)),
            most(tile.y1, start_of(way.rows, chroma.y1 - 1) + way.rows.taps)};
}

struct ConvertShared {
    float chroma[2][(kConvertHigh + 2 * kReach) * (kConvertWide + 2 * kReach)];
};

// Where chroma of the output is smaller than the grid. Both chroma planes have the same way.
template <class In, class Out>
VSR_DEVICE void convert_reduced(Block block, ConvertShared& shared, const ConvertJob& job) {
    const Area tile = {block.x * kConvertWide, least((block.x + 1) * kConvertWide, job.width), block.y * kConvertHigh,
                       least((block.y + 1) * kConvertHigh, job.height)};
    const Area chroma = chroma_of(tile, job), area = needed(tile, chroma, job.from_grid[1]);
    block.each([&](int thread) {
        for (int i = thread; i < area.wide() * area.high(); i += kThreads) {
            const int x = area.x0 + i % area.wide(), y = area.y0 + i / area.wide();
            const Mixed mixed = read_grid<In>(job, x, y);
            shared.chroma[0][i] = mixed.of[1];
            shared.chroma[1][i] = mixed.of[2];
            if (tile.holds(x, y)) Samples<Out>::write(job.out[0], x, y, mixed.of[0], job.top);
        }
    });
    block.each([&](int thread) {
        for (int i = thread; i < chroma.wide() * chroma.high(); i += kThreads) {
            const int x = chroma.x0 + i % chroma.wide(), y = chroma.y0 + i / chroma.wide();
#pragma unroll 1
            for (int k = 0; k < 2; ++k) {
                const float value = brought(job.from_grid[1], x, y, [&](int column, int row) {
                    return shared.chroma[k][(row - area.y0) * area.wide() + column - area.x0];
                });
                Samples<Out>::write(job.out[1 + k], x, y, value, job.top);
            }
        }
    });
}

}  // namespace vsr

#define VSR_CONVERT(IN, IN_TYPE, OUT, OUT_TYPE) \
    VSR_KERNEL(convert_##IN##_##OUT, vsr::ConvertJob, NoShared, vsr::convert<IN_TYPE, OUT_TYPE>)
#define VSR_CONVERT_REDUCED(IN, IN_TYPE, OUT, OUT_TYPE)                                 \
    VSR_KERNEL(convert_reduced_##IN##_##OUT, vsr::ConvertJob, vsr::ConvertShared, \
               vsr::convert_reduced<IN_TYPE, OUT_TYPE>)
#define VSR_FROM(IN, IN_TYPE)                           \
    VSR_CONVERT(IN, IN_TYPE, u8, vsr::u8)               \
    VSR_CONVERT(IN, IN_TYPE, u16, vsr::u16)             \
    VSR_CONVERT(IN, IN_TYPE, f16, vsr::Half)            \
    VSR_CONVERT(IN, IN_TYPE, f32, float)                \
    VSR_CONVERT_REDUCED(IN, IN_TYPE, u8, vsr::u8)       \
    VSR_CONVERT_REDUCED(IN, IN_TYPE, u16, vsr::u16)

VSR_FROM(u8, vsr::u8)
VSR_FROM(u16, vsr::u16)
VSR_FROM(f16, vsr::Half)
VSR_FROM(f32, float)
