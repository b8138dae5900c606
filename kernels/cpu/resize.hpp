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

inline Tile tile_at(const Bank& columns, int first, int width) {
    const int last = first + width < columns.size_out ? first + width : columns.size_out;
    if (columns.identity) return {first, last, first, last};
    return {first, last, columns.start[first], columns.start[last - 1] + columns.taps};
}

void resize_source_row(const ResizeJob& job, const Tile& tile, int y, float* floats, float* out) {
    const int needed = tile.to - tile.from;
    if (job.columns->identity) return samples_to_floats(job.src, y, tile.from, needed, out);
    samples_to_floats(job.src, y, tile.from, needed, floats);
    filter_row(floats, tile.from, *job.columns, tile.first / kBlock, (tile.last + kBlock - 1) / kBlock, out);
}

void resize_tile(const ResizeJob& job, const Tile& tile, int first, int last, float* scratch) {
    const int width = tile.last - tile.first;
    const Ring ring{scratch + row_floats(job.src.width), job.rows->taps, row_floats(width)};
    int next = 0;
    for (int y = first; y < last; ++y) {
        const int start = job.rows->start[y];
        if (next < start) next = start;
        for (; next < start + job.rows->taps; ++next)
            resize_source_row(job, tile, next, scratch, ring.row(next));
        filter_across(ring, *job.rows, y, width, job.dst, tile.first, job.bias, job.top);
    }
}

void resize(const ResizeJob& job, int first, int last, float* scratch) {
    const int width = tile_width(job.dst.width, job.rows->taps);
    for (int x = 0; x < job.dst.width; x += width)
        resize_tile(job, tile_at(*job.columns, x, width), first, last, scratch);
    end_streaming();
}

}  // namespace
}  // namespace vsr
