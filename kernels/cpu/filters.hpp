// Filters on planes of float32: what Anime4K's shaders without a network compute.
//
// A pass reads its inputs through banks, a row at a time, and makes each pixel of its outputs from the pixels at
// the same place. Reads beyond an edge give the edge: the banks see to it.
#pragma once
#include "filter_jobs.hpp"
#include "filter_math.hpp"
#include "rows.hpp"
#include "../common/filter_points.hpp"

namespace vsr {
namespace {

// One input of a pass, brought to the outputs' size.
class FloatSource {
public:
    void open(const PlaneIn& in, int width, float*& scratch) {
        in_ = &in;
        width_ = width;
        samples_ = scratch;
        scratch += row_floats(in.plane.width);
        ring_ = Ring{scratch, in.rows->taps, row_floats(width)};
        scratch += std::size_t(in.rows->taps) * row_floats(width);
        out_ = scratch;
        scratch += row_floats(width);
    }

    // Row y, of which `width` floats may be read. Rows must ascend.
    const float* row(int y) {
        const Bank &columns = *in_->columns, &rows = *in_->rows;
        const int start = rows.start[y], taps = rows.taps;
        const bool whole = taps == 1 && rows.weights[y] == 1.0f;
        if (columns.identity && whole) return in_->plane.row<const float>(start);
        if (columns.identity) return across(start, rows.weights + std::ptrdiff_t(y) * taps, taps);
        if (next_ < start) next_ = start;
        for (; next_ < start + taps; ++next_) {
            std::memcpy(samples_, in_->plane.row<const float>(next_), in_->plane.width * sizeof(float));
            filter_row(samples_, 0, columns, 0, columns.blocks, ring_.row(next_));
        }
        if (whole) return ring_.row(start);
        filter_across(ring_, rows, y, width_, out_);
        return out_;
    }

private:
    const float* across(int start, const float* weights, int taps) {
        int x = 0;
        for (; x + LANES <= width_; x += LANES) {
            F sum = load(in_->plane.row<const float>(start) + x) * all(weights[0]);
            for (int t = 1; t < taps; ++t)
                sum = sum + load(in_->plane.row<const float>(start + t) + x) * all(weights[t]);
            store(out_ + x, sum);
        }
        for (; x < width_; ++x) {
            out_[x] = in_->plane.row<const float>(start)[x] * weights[0];
            for (int t = 1; t < taps; ++t) out_[x] = out_[x] + in_->plane.row<const float>(start + t)[x] * weights[t];
        }
        return out_;
    }

    const PlaneIn* in_;
    int width_, next_ = 0;
    float *samples_, *out_;
    Ring ring_;
};

template <int INPUTS, int OUTPUTS, class Point>
inline void point_row(const Point& point, const float* const* in, float* const* out, int width) {
    F values[INPUTS], results[OUTPUTS];
    int x = 0;
    for (; x + LANES <= width; x += LANES) {
        for (int i = 0; i < INPUTS; ++i) values[i] = load(in[i] + x);
        point(values, results);
        for (int i = 0; i < OUTPUTS; ++i) store(out[i] + x, results[i]);
    }
    if (x == width) return;
    for (int i = 0; i < INPUTS; ++i) {
        float rest[LANES] = {};
        std::memcpy(rest, in[i] + x, (width - x) * sizeof(float));
        values[i] = load(rest);
    }
    point(values, results);
    for (int i = 0; i < OUTPUTS; ++i) store_some(out[i] + x, results[i], width - x);
}

template <int KIND, class Point>
void run_point(const PointJob& job, int first, int last, float* scratch) {
    constexpr int INPUTS = Point::kInputs, OUTPUTS = Point::kOutputs;
    static_assert(INPUTS == kPointInputs[KIND] && OUTPUTS == kPointOutputs[KIND]);
    const Point point(job.factors);
    FloatSource sources[INPUTS];
    for (int i = 0; i < INPUTS; ++i) sources[i].open(job.in[i], job.out[0].width, scratch);
    const float* in[INPUTS];
    float* out[OUTPUTS];
    for (int y = first; y < last; ++y) {
        for (int i = 0; i < INPUTS; ++i) in[i] = sources[i].row(y);
        for (int i = 0; i < OUTPUTS; ++i) out[i] = job.out[i].row<float>(y);
        point_row<INPUTS, OUTPUTS>(point, in, out, job.out[0].width);
    }
}

void filter_points(const PointJob& job, int first, int last, float* scratch) {
    switch (job.point) {
        case 0: return run_point<0, Copy>(job, first, last, scratch);
        case 1: return run_point<1, Luma>(job, first, last, scratch);
        case 2: return run_point<2, ClampHighlights>(job, first, last, scratch);
        case 3: return run_point<3, Extremes>(job, first, last, scratch);
        case 4: return run_point<4, ExtremesOf>(job, first, last, scratch);
        case 5: return run_point<5, Sharpen>(job, first, last, scratch);
        case 6: return run_point<6, Deblur>(job, first, last, scratch);
        case 7: return run_point<7, Edge>(job, first, last, scratch);
        case 8: return run_point<8, Masked>(job, first, last, scratch);
        case 9: return run_point<9, Refine>(job, first, last, scratch);
        case 10: return run_point<10, Steepness>(job, first, last, scratch);
        case 11: return run_point<11, Below>(job, first, last, scratch);
        case 12: return run_point<12, Add>(job, first, last, scratch);
    }
}

}  // namespace
}  // namespace vsr
