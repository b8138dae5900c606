// Filters on planes of float32: what Anime4K's shaders without a network compute.
//
// A pass reads its inputs through banks, a row at a time, and makes each pixel of its outputs from the pixels at
// the same place. Reads beyond an edge give the edge: the banks see to it.
#pragma once
#include "filter_jobs.hpp"
#include "rows.hpp"

namespace vsr {
namespace {

typedef std::int32_t Words __attribute__((vector_size(LANES * 4)));

inline Words bits(F v) { return (Words)v; }
inline F floats(Words v) { return (F)v; }
inline F abs(F v) { return floats(bits(v) & 0x7fffffff); }

// 2^n for whole n in -126..127.
inline F power_of_two(F n) {
    const F shifted = n + all(12582912.0f);  // its low bits hold n
    return floats((bits(shifted) << 23) + (127 << 23));
}
inline F nearest(F v) { return (v + all(12582912.0f)) - all(12582912.0f); }

// 2^(whole + part), where |part| is at most about 1; 0 below 2^-126. Relative error below 3e-7.
inline F exp2(F whole, F part) {
    const F n = nearest(whole + part);
    const F f = (whole - n) + part;
    F sum = all(1.535336188319500e-4f);
    sum = sum * f + all(1.339887440266574e-3f);
    sum = sum * f + all(9.618437357674640e-3f);
    sum = sum * f + all(5.550332471162809e-2f);
    sum = sum * f + all(2.402264791363012e-1f);
    sum = sum * f + all(6.931472028550421e-1f);
    sum = sum * f + all(1.0f);
    const F bounded = clamp(n, all(-126.0f), all(127.0f));
    return select(greater(all(-126.0f), n), all(0.0f), sum * power_of_two(bounded));
}

// e^v for v of at most 0, to 1e-6 of itself, but at least e^-60: products of it are no denormal numbers.
inline F exp(F v) {
    const F bounded = max(v, all(-60.0f)), whole = nearest(bounded * all(1.44269504f));
    const F rest = (bounded - whole * all(0.693359375f)) + whole * all(2.12194440e-4f);
    F sum = all(1.9875691500e-4f);
    sum = sum * rest + all(1.3981999507e-3f);
    sum = sum * rest + all(8.3334519073e-3f);
    sum = sum * rest + all(4.1665795894e-2f);
    sum = sum * rest + all(1.6666665459e-1f);
    sum = sum * rest + all(5.0000001201e-1f);
    return ((sum * (rest * rest) + rest) + all(1.0f)) * power_of_two(whole);
}

// x^y for x above 0, and 0^y = `zero`, to 2e-6 of itself. y is given in two parts, the first of 12 bits at most:
// its product with the exponent of x is exact.
struct Power {
    F high, low, zero;
    explicit Power(float y) {
        const float scaled = y * 4097.0f, first = scaled - (scaled - y);
        high = all(first);
        low = all(y - first);
        zero = all(y == 0.0f ? 1.0f : 0.0f);
    }
    F operator()(F x) const {
        // x = m * 2^e with m within sqrt(1/2)..sqrt(2)
        const Words raw = bits(x);
        const Words e = (raw - 0x3f3504f3) >> 23;
        const F m = floats(raw - (e << 23)), exponent = __builtin_convertvector(e, F);
        const F f = m - all(1.0f);
        F sum = all(7.0376836292e-2f);
        sum = sum * f + all(-1.1514610310e-1f);
        sum = sum * f + all(1.1676998740e-1f);
        sum = sum * f + all(-1.2420140846e-1f);
        sum = sum * f + all(1.4249322787e-1f);
        sum = sum * f + all(-1.6668057665e-1f);
        sum = sum * f + all(2.0000714765e-1f);
        sum = sum * f + all(-2.4999993993e-1f);
        sum = sum * f + all(3.3333331174e-1f);
        const F squared = f * f;
        const F logarithm = (f - all(0.5f) * squared + sum * (f * squared)) * all(1.44269504f);
        const F main = high * exponent, whole = nearest(main);
        const F part = (main - whole) + (low * exponent + (high + low) * logarithm);
        return select(greater(x, all(1.17549435e-38f)), exp2(whole, part), zero);
    }
};

inline F luma(F r, F g, F b) { return (r * all(0.299f) + g * all(0.587f)) + b * all(0.114f); }
inline F length(F x, F y) { return sqrt(x * x + y * y); }
inline F with_sign(F magnitude, F sign) {
    return floats((bits(magnitude) & 0x7fffffff) | (bits(sign) & std::int32_t(0x80000000)));
}

// The points: from `in` to `out` at LANES pixels. Inputs and factors are those that vsr/_cpu.pyi names.
struct Copy {
    explicit Copy(const float*) {}
    void operator()(const F* in, F* out) const { out[0] = in[0]; }
};
struct Luma {
    explicit Luma(const float*) {}
    void operator()(const F* in, F* out) const { out[0] = luma(in[0], in[1], in[2]); }
};
struct ClampHighlights {
    explicit ClampHighlights(const float*) {}
    void operator()(const F* in, F* out) const {
        const F now = luma(in[0], in[1], in[2]), excess = now - min(now, in[3]);
        for (int i = 0; i < 3; ++i) out[i] = in[i] - excess;
    }
};

// The least and the greatest of three; of three and of three others.
struct Extremes {
    explicit Extremes(const float*) {}
    void operator()(const F* in, F* out) const {
        out[0] = min(min(in[0], in[1]), in[2]);
        out[1] = max(max(in[0], in[1]), in[2]);
    }
};
struct ExtremesOf {
    explicit ExtremesOf(const float*) {}
    void operator()(const F* in, F* out) const {
        out[0] = min(min(in[0], in[1]), in[2]);
        out[1] = max(max(in[3], in[4]), in[5]);
    }
};

// r g b, their luma, that blurred, its least and greatest neighbours. The change of luma, within those, goes to all.
inline void change_luma(const F* in, F change, F* out) {
    const F moved = clamp(change + in[3], in[5], in[6]) - in[3];
    for (int i = 0; i < 3; ++i) out[i] = in[i] + moved;
}
struct Sharpen {
    F strength;
    explicit Sharpen(const float* factors) : strength(all(factors[0])) {}
    void operator()(const F* in, F* out) const { change_luma(in, (in[3] - in[4]) * strength, out); }
};
struct Deblur {
    F strength, least, range, most;
    Power curve;
    explicit Deblur(const float* factors)
        : strength(all(factors[0])), least(all(factors[2])), range(all(factors[3])), most(all(factors[4])),
          curve(factors[1]) {}
    void operator()(const F* in, F* out) const {
        const F change = (in[3] - in[4]) * strength, size = abs(change);
        const F curved = curve((size - least) / range) * range + least;
        const M within = both(greater(size, least), greater(most, size));
        change_luma(in, select(within, with_sign(curved, change), change), out);
    }
};

// From a gradient: its length, 1 at most, and how much of an edge that is.
struct Edge {
    F strength, bias;
    explicit Edge(const float* factors) : strength(all(factors[0])), bias(all(factors[1])) {}
    void operator()(const F* in, F* out) const {
        const F zero = all(0.0f), one = all(1.0f), x = clamp(length(in[0], in[1]), zero, one);
        const F x2 = x * x, x3 = x2 * x, x4 = x2 * x2, x5 = x2 * x3;
        const F fit = ((((all(11.68129591f) * x5 + all(-42.46906057f) * x4) + all(60.28286266f) * x3) +
                        all(-41.84451327f) * x2) + all(14.05517353f) * x) + all(-1.081521930f);
        out[0] = x;
        out[1] = clamp(fit * strength + bias, zero, one);
    }
};
constexpr float kEdge = 0.1f;  // less is none
struct Masked {
    explicit Masked(const float*) {}
    void operator()(const F* in, F* out) const {
        const M none = greater(all(kEdge), in[2]);
        for (int i = 0; i < 2; ++i) out[i] = select(none, all(0.0f), in[i]);
    }
};

// The gradient of the edges' strength, how much of an edge there is, and r g b here, left, right, above, below: an
// edge's pixel becomes more of its neighbours on the flat side.
struct Refine {
    explicit Refine(const float*) {}
    void operator()(const F* in, F* out) const {
        const F zero = all(0.0f), one = all(1.0f), size = length(in[0], in[1]);
        const M enough = greater(size, all(0.001f));
        const F x = select(enough, in[0] / size, zero), y = select(enough, in[1] / size, zero);
        const F share = abs(x) / (abs(x) + abs(y));
        const M none = greater(all(kEdge), in[2]), diagonal = greater(abs(x + y), all(0.0001f));
        for (int i = 0; i < 3; ++i) {
            const F here = in[3 + i];
            const F across = select(greater(x, zero), in[6 + i], select(greater(zero, x), in[9 + i], here));
            const F down = select(greater(y, zero), in[12 + i], select(greater(zero, y), in[15 + i], here));
            const F mean = share * across + (one - share) * down;
            out[i] = select(none, here, select(diagonal, mean * in[2] + here * (one - in[2]), here));
        }
    }
};

// The length of a gradient to a power.
struct Steepness {
    Power power;
    explicit Steepness(const float* factors) : power(factors[0]) {}
    void operator()(const F* in, F* out) const { out[0] = power(length(in[0], in[1])); }
};
struct Below {
    explicit Below(const float*) {}
    void operator()(const F* in, F* out) const { out[0] = min(in[0] - in[1], all(0.0f)); }
};
struct Add {
    F factor;
    explicit Add(const float* factors) : factor(all(factors[0])) {}
    void operator()(const F* in, F* out) const {
        for (int i = 0; i < 3; ++i) out[i] = in[i] + in[3] * factor;
    }
};

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
            for (int t = 1; t < taps; ++t) sum = sum + load(in_->plane.row<const float>(start + t) + x) * all(weights[t]);
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
    constexpr int INPUTS = kPointInputs[KIND], OUTPUTS = kPointOutputs[KIND];
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

// Rows of luma, each already the largest along the row, of which the last left + right + 1 are kept.
class Highlights {
public:
    Highlights(const HighlightJob& job, float* scratch)
        : job_(job), width_(job.out.width), around_(job.left + job.right),
          pitch_(row_floats(width_) + around_ + kBlock), wide_(scratch), rows_(scratch + pitch_) {}

    void run(int first, int last) {
        const int count = around_ + 1, bottom = job_.out.height - 1;
        int next = first - job_.left < 0 ? 0 : first - job_.left;
        for (int y = first; y < last; ++y) {
            const int from = y - job_.left < 0 ? 0 : y - job_.left, to = y + job_.right < bottom ? y + job_.right : bottom;
            for (; next <= to; ++next) largest_along(next, rows_ + std::ptrdiff_t(next % count) * pitch_);
            const float* rows[kMaxWindow];
            for (int i = from; i <= to; ++i) rows[i - from] = rows_ + std::ptrdiff_t(i % count) * pitch_;
            float* out = job_.out.row<float>(y);
            for (int x = 0; x < width_; x += LANES) {
                F most = load(rows[0] + x);
                for (int i = 1; i <= to - from; ++i) most = max(load(rows[i] + x), most);
                store_some(out + x, most, width_ - x);
            }
        }
    }

private:
    void largest_along(int y, float* out) {
        const float* in[3] = {job_.red.row<const float>(y), job_.green.row<const float>(y), job_.blue.row<const float>(y)};
        float* middle = wide_ + job_.left;
        point_row<3, 1>(Luma(nullptr), in, &middle, width_);
        for (int i = 0; i < job_.left; ++i) wide_[i] = middle[0];
        for (int i = 0; i < job_.right; ++i) middle[width_ + i] = middle[width_ - 1];
        for (int x = 0; x < width_; x += LANES) {
            F most = all(0.0f);
            for (int i = 0; i <= around_; ++i) most = max(load(wide_ + x + i), most);
            store(out + x, most);
        }
    }

    const HighlightJob& job_;
    const int width_, around_, pitch_;
    float *wide_, *rows_;
};

void highlights(const HighlightJob& job, int first, int last, float* scratch) { Highlights(job, scratch).run(first, last); }

}  // namespace
}  // namespace vsr
