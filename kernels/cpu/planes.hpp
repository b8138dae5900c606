// Planes as streams of float rows on a common grid: sources give rows of it, sinks take them, in ascending order.
#pragma once
#include "rows.hpp"

namespace vsr {
namespace {

// Hands out pieces of the scratch memory.
struct Scratch {
    float* next;
    float* take(std::size_t floats) {
        float* piece = next;
        next += floats;
        return piece;
    }
};

class Source {
public:
    // For the columns [from, to) of the grid, `from` a multiple of kBlock.
    void open(const PlaneIn& in, int from, int to, Scratch& scratch) {
        in_ = &in;
        from_ = from;
        width_ = to - from;
        const Bank& columns = *in.columns;
        first_sample_ = columns.identity ? from : columns.start[from];
        const int last = columns.identity ? to : columns.start[to - 1] + columns.span;
        samples_wide_ = last - first_sample_;
        samples_ = scratch.take(row_floats(in.plane.width));
        ring_ = Ring{scratch.take(std::size_t(in.rows->taps) * row_floats(width_)), in.rows->taps, row_floats(width_)};
    }

    // Write row y of the grid. Rows must ascend.
    void row(int y, float* out) {
        if (in_->rows->identity) return filtered(y, out);
        const int start = in_->rows->start[y];
        if (next_ < start) next_ = start;
        for (; next_ < start + in_->rows->taps; ++next_) filtered(next_, ring_.row(next_));
        filter_across(ring_, *in_->rows, y, width_, out);
    }

private:
    void filtered(int y, float* out) {
        const Bank& columns = *in_->columns;
        float* samples = columns.identity ? out : samples_;
        samples_to_floats(in_->plane, y, first_sample_, samples_wide_, samples);
        if (columns.identity) return;
        filter_row(samples, first_sample_, columns, from_ / kBlock, (from_ + width_ + kBlock - 1) / kBlock, out);
    }

    const PlaneIn* in_;
    int from_, width_;
    int first_sample_, samples_wide_;
    float* samples_;
    Ring ring_;
    int next_ = 0;
};

// Columns of the grid.
struct Columns {
    int first, last;
};

class Sink {
public:
    // For the plane's rows that belong to the grid's rows [first, last), and of these the columns that belong to
    // `columns` of the grid, whose first is a multiple of kBlock samples of the plane. Rows that come begin at the
    // grid's column `from`.
    void open(const PlaneOut& out, float top, int first, int last, Columns columns, int from, Scratch& scratch) {
        out_ = &out;
        top_ = top;
        from_column_ = from;
        int shift = 0;
        const int width = out.columns->size_in;
        while ((width + (1 << shift) - 1) >> shift > out.plane.width) ++shift;
        first_column_ = columns.first >> shift;
        last_column_ = columns.last == width ? out.plane.width : columns.last >> shift;
        const int pitch = row_floats(out.plane.width), taps = out.rows->taps;
        ring_ = Ring{scratch.take(std::size_t(taps) * pitch), taps, pitch};
        next_ = first >> out.shift;
        last_ = (last + (1 << out.shift) - 1) >> out.shift;
        if (last_ > out.plane.height) last_ = out.plane.height;
        from_ = out.rows->start[next_];
        to_ = out.rows->start[last_ - 1] + taps;
    }

    int from() const { return from_; }  // the rows of the grid that it needs
    int to() const { return to_; }

    void take(int y, const float* row) {
        if (y < from_ || y >= to_) return;
        const Bank &columns = *out_->columns, &rows = *out_->rows;
        const int width = last_column_ - first_column_;
        const float* own = row + (first_column_ - from_column_);  // where columns are not filtered
        if (columns.identity && rows.identity)
            return store_row(Unfiltered{own}, out_->plane, y, first_column_, width, out_->bias, top_);
        float* kept = ring_.row(y);
        if (columns.identity) std::memcpy(kept, own, width * sizeof(float));
        else filter_row(row, from_column_, columns, first_column_ / kBlock, (last_column_ + kBlock - 1) / kBlock, kept);
        for (; next_ < last_ && rows.start[next_] + rows.taps == y + 1; ++next_)
            filter_across(ring_, rows, next_, width, out_->plane, first_column_, out_->bias, top_);
    }

private:
    const PlaneOut* out_;
    float top_;
    Ring ring_;
    int next_, last_, from_, to_;
    int first_column_, last_column_, from_column_;
};

// The rows of the grid that a band's sinks need.
struct Span {
    int from, to;
};

inline Span open_sinks(Sink* sinks, const Planes& planes, int first, int last, Columns columns, int from,
                       Scratch& scratch) {
    Span span{planes.out[0].rows->size_in, 0};
    for (int i = 0; i < planes.outputs; ++i) {
        sinks[i].open(planes.out[i], planes.top, first, last, columns, from, scratch);
        if (sinks[i].from() < span.from) span.from = sinks[i].from();
        if (sinks[i].to() > span.to) span.to = sinks[i].to();
    }
    return span;
}

}  // namespace
}  // namespace vsr
