// Resize one plane: along the rows into a ring of float rows, then across them into samples.
//
// Tiles of columns keep the ring in the L1 cache; every input row of a tile is filtered once.
#pragma once
#include "rows.hpp"

namespace vsr {
namespace {

struct Tile {
    int first, last;    // columns of the destination
    int from, to;       // columns of the source that they need
};

inline Tile tile_at(const Bank& columns, int first) {
    const int last = first + kTile < columns.size_out ? first + kTile : columns.size_out;
    if (columns.identity) return {first, last, first, last};
    return {first, last, columns.start[first], columns.start[last - 1] + columns.taps};
}

template <class In>
void resize_source_row(const ResizeJob& job, const Tile& tile, int y, float* floats, float* out) {
    const In* samples = job.src.row<const In>(y) + tile.from;
    if (job.columns->identity) return samples_to_floats(samples, tile.to - tile.from, out);
    samples_to_floats(samples, tile.to - tile.from, floats);
    filter_row(floats, tile.from, *job.columns, tile.first / kBlock, (tile.last + kBlock - 1) / kBlock, out);
}

template <class In, class Out>
void resize_tile(const ResizeJob& job, const Tile& tile, int first, int last, float* scratch) {
    const int width = tile.last - tile.first;
    const Ring ring{scratch + row_floats(job.src.width), job.rows->taps, row_floats(width)};
    int next = job.rows->start[first];
    for (int y = first; y < last; ++y) {
        if (next < job.rows->start[y]) next = job.rows->start[y];
        for (; next < job.rows->start[y] + job.rows->taps; ++next)
            resize_source_row<In>(job, tile, next, scratch, ring.row(next));
        const ToSamples<Out> sink{job.dst.row<Out>(y) + tile.first, all(job.bias), all(job.top)};
        filter_across(ring, *job.rows, y, width, sink);
    }
}

template <class In, class Out>
void resize_band(const ResizeJob& job, int first, int last, float* scratch) {
    for (int x = 0; x < job.dst.width; x += kTile)
        resize_tile<In, Out>(job, tile_at(*job.columns, x), first, last, scratch);
}

void resize(const ResizeJob& job, int first, int last, float* scratch) {
    using u8 = std::uint8_t;
    using u16 = std::uint16_t;
    if (job.src.bytes == 1 && job.dst.bytes == 1) return resize_band<u8, u8>(job, first, last, scratch);
    if (job.src.bytes == 1) return resize_band<u8, u16>(job, first, last, scratch);
    if (job.dst.bytes == 1) return resize_band<u16, u8>(job, first, last, scratch);
    resize_band<u16, u16>(job, first, last, scratch);
}

}  // namespace
}  // namespace vsr
