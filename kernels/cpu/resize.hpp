// Resize one plane: along the rows into a ring of rows of floats or int16, then across them into samples.
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

template <class W>
inline Tile tile_at(const BankOf<W>& columns, int first, int width) {
    const int last = first + width < columns.size_out ? first + width : columns.size_out;
    if (columns.identity) return {first, last, first, last};
    const int to = columns.start[last - 1] + columns.span + kStep<W> - 1;
    return {first, last, columns.start[first], to < columns.size_in ? to : columns.size_in};
}

void filter_along(const ResizeJob& job, const Tile& tile, int y, float* floats, float* out) {
    const int needed = tile.to - tile.from;
    if (job.columns->identity) return samples_to_floats(job.src, y, tile.from, needed, out);
    samples_to_floats(job.src, y, tile.from, needed, floats);
    filter_row(floats, tile.from, *job.columns, tile.first / kBlock, (tile.last + kBlock - 1) / kBlock, out);
}

void filter_along(const IntegerResizeJob& job, const Tile& tile, int y, std::int32_t* pairs, std::int16_t* out) {
    samples_to_pairs(job.src, y, tile.from, tile.to - tile.from, pairs);
    filter_row(pairs, tile.from, *job.columns, tile.first / kBlock, (tile.last + kBlock - 1) / kBlock, Shorts(out, y));
}

void filter_across(const ResizeJob& job, const Tile& tile, int y, const Ring& ring) {
    filter_across(ring, *job.rows, y, tile.last - tile.first, job.dst, tile.first, job.bias, job.top);
}

void filter_across(const IntegerResizeJob& job, const Tile& tile, int y, const RingOf<std::int16_t>& ring) {
    filter_across(ring, *job.rows, y, tile.last - tile.first, job.dst, tile.first);
}

// `line` holds a row of the source in the meantime.
template <class Job, class In, class Out>
void resize_rows(const Job& job, const Tile& tile, int first, int last, In* line, const RingOf<Out>& ring) {
    int next = 0;
    for (int y = first; y < last; ++y) {
        const int start = job.rows->start[y];
        if (next < start) next = start;
        for (; next < start + job.rows->taps; ++next) filter_along(job, tile, next, line, ring.row(next));
        filter_across(job, tile, y, ring);
    }
}

void resize_tile(const ResizeJob& job, const Tile& tile, int first, int last, float* scratch) {
    const int pitch = row_floats(tile.last - tile.first);
    resize_rows(job, tile, first, last, scratch, Ring{scratch + row_floats(job.src.width), job.rows->taps, pitch});
}

void resize_tile(const IntegerResizeJob& job, const Tile& tile, int first, int last, float* scratch) {
    auto* shorts = reinterpret_cast<std::int16_t*>(scratch + row_floats(job.src.width));
    const int pitch = 2 * row_floats((tile.last - tile.first + 1) / 2);  // in int16
    resize_rows(job, tile, first, last, reinterpret_cast<std::int32_t*>(scratch),
                RingOf<std::int16_t>{shorts, job.rows->taps, pitch});
}

template <class Job>
void resize_tiles(const Job& job, int first, int last, float* scratch) {
    const int width = tile_width(job.dst.width, job.rows->taps);
    for (int x = 0; x < job.dst.width; x += width)
        resize_tile(job, tile_at(*job.columns, x, width), first, last, scratch);
    end_streaming();
}

void resize(const ResizeJob& job, int first, int last, float* scratch) { resize_tiles(job, first, last, scratch); }
void resize_integer(const IntegerResizeJob& job, int first, int last, float* scratch) {
    resize_tiles(job, first, last, scratch);
}

}  // namespace
}  // namespace vsr
