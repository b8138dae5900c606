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
    void open(const PlaneIn& in, int width, Scratch& scratch) {
        in_ = &in;
        width_ = width;
        samples_ = scratch.take(row_floats(in.plane.width));
        ring_ = Ring{scratch.take(std::size_t(in.rows->taps) * row_floats(width)), in.rows->taps, row_floats(width)};
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
        if (columns.identity) return samples_to_floats(in_->plane, y, 0, width_, out);
        samples_to_floats(in_->plane, y, 0, in_->plane.width, samples_);
        filter_row(samples_, 0, columns, 0, columns.blocks, out);
    }

    const PlaneIn* in_;
    int width_;
    float* samples_;
    Ring ring_;
    int next_ = 0;
};

class Sink {
public:
    // For the plane's rows that belong to the grid's rows [first, last).
    void open(const PlaneOut& out, float top, int first, int last, Scratch& scratch) {
        out_ = &out;
        top_ = top;
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
        if (out_->columns->identity && out_->rows->identity)
            return store_row(Unfiltered{row}, out_->plane, y, 0, out_->plane.width, out_->bias, top_);
        const Bank &columns = *out_->columns, &rows = *out_->rows;
        float* kept = ring_.row(y);
        if (columns.identity) std::memcpy(kept, row, columns.size_out * sizeof(float));
        else filter_row(row, 0, columns, 0, columns.blocks, kept);
        for (; next_ < last_ && rows.start[next_] + rows.taps == y + 1; ++next_)
            filter_across(ring_, rows, next_, out_->plane.width, out_->plane, 0, out_->bias, top_);
    }

private:
    const PlaneOut* out_;
    float top_;
    Ring ring_;
    int next_, last_, from_, to_;
};

// The rows of the grid that a band's sinks need.
struct Span {
    int from, to;
};

inline Span open_sinks(Sink* sinks, const Planes& planes, int first, int last, Scratch& scratch) {
    Span span{planes.height, 0};
    for (int i = 0; i < planes.outputs; ++i) {
        sinks[i].open(planes.out[i], planes.top, first, last, scratch);
        if (sinks[i].from() < span.from) span.from = sinks[i].from();
        if (sinks[i].to() > span.to) span.to = sinks[i].to();
    }
    return span;
}

}  // namespace
}  // namespace vsr
