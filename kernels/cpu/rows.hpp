// Rows of floats: out of samples, through a filter along the row, through a filter across rows, into samples.
#pragma once
#include "simd.hpp"

namespace vsr {
namespace {

// Store the first `count` (at most LANES) lanes, touching nothing beyond.
template <class T>
inline void store_some(T* out, F v, int count) {
    if (count >= LANES) return store(out, v);
    T lanes[LANES];
    store(lanes, v);
    std::memcpy(out, lanes, count * sizeof(T));
}

// in[0..n) as floats; reads nothing beyond n. Writes up to LANES - 1 floats more.
template <class T>
inline void samples_to_floats(const T* in, int n, float* out) {
    int x = 0;
    for (; x + LANES <= n; x += LANES) store(out + x, load(in + x));
    if (x == n) return;
    T rest[LANES] = {};
    std::memcpy(rest, in + x, (n - x) * sizeof(T));
    store(out + x, load(rest));
}

inline void samples_to_floats(const Plane& plane, int y, int from, int n, float* out) {
    if (plane.bytes == 1) return samples_to_floats(plane.row<const std::uint8_t>(y) + from, n, out);
    samples_to_floats(plane.row<const std::uint16_t>(y) + from, n, out);
}

// A number of taps that the compiler knows; 0 stands for those it does not.
template <int N>
struct Taps {
    static constexpr int value = N;
};

template <class Do>
inline void with_taps(int taps, const Do& act) {
    switch (taps) {
        case 1: return act(Taps<1>());
        case 2: return act(Taps<2>());
        case 3: return act(Taps<3>());
        case 4: return act(Taps<4>());
        case 6: return act(Taps<6>());
        case 8: return act(Taps<8>());
        case 12: return act(Taps<12>());
        default: return act(Taps<0>());
    }
}

// One shape of a bank's blocks. With few taps its weights stay in registers over blocks of the same shape.
template <int TAPS>
struct Shape {
    F weights[kBlock / LANES][TAPS];
    I index[kBlock / LANES];
    Shape(const Bank& bank, int pattern) {
        const float* lanes = bank.lanes + std::ptrdiff_t(pattern) * TAPS * kBlock;
        for (int part = 0; part < kBlock / LANES; ++part) {
            index[part] = load_index(bank.index + pattern * kBlock + part * LANES);
            for (int t = 0; t < TAPS; ++t) weights[part][t] = load(lanes + t * kBlock + part * LANES);
        }
    }
    template <class Picker>
    void filter(const float* in, float* out) const {
        for (int part = 0; part < kBlock / LANES; ++part) {
            const Picker pick(in, index[part]);
            F sum = pick(0) * weights[part][0];
#pragma GCC unroll 12
            for (int t = 1; t < TAPS; ++t) sum = sum + pick(t) * weights[part][t];
            store(out + part * LANES, sum);
        }
    }
};

template <>
struct Shape<0> {
    const float* lanes;
    const std::int32_t* index;
    int taps;
    Shape(const Bank& bank, int pattern)
        : lanes(bank.lanes + std::ptrdiff_t(pattern) * bank.taps * kBlock),
          index(bank.index + pattern * kBlock), taps(bank.taps) {}
    template <class Picker>
    void filter(const float* in, float* out) const {
        for (int part = 0; part < kBlock; part += LANES) {
            const Picker pick(in, load_index(index + part));
            F sum = pick(0) * load(lanes + part);
            for (int t = 1; t < taps; ++t) sum = sum + pick(t) * load(lanes + t * kBlock + part);
            store(out + part, sum);
        }
    }
};

// Blocks [first, last) of a row, of which `in` holds the columns from `from` on.
template <int TAPS, class Picker>
void filter_row_by(const float* in, int from, const Bank& bank, int first, int last, float* out) {
    for (int phase = first; phase < first + bank.period; ++phase)
        for (int b = phase; b < last;) {
            const int pattern = bank.pattern[b];
            const Shape<TAPS> shape(bank, pattern);
            do {
                shape.template filter<Picker>(in + (bank.base[b] - from), out + (b - first) * kBlock);
                b += bank.period;
            } while (b < last && bank.pattern[b] == pattern);
        }
}

template <int TAPS>
void filter_row_of(const float* in, int from, const Bank& bank, int first, int last, float* out) {
    if (is_near(bank)) return filter_row_by<TAPS, NearPicker>(in, from, bank, first, last, out);
    if (is_middling(bank)) return filter_row_by<TAPS, MiddlePicker>(in, from, bank, first, last, out);
    filter_row_by<TAPS, FarPicker>(in, from, bank, first, last, out);
}

// Outputs [first, last) of a row whose even and odd ones each have one set of weights, a multiple of 32 of them.
// SHIFT is how much further right the windows of odd ones start.
template <int TAPS, int SHIFT>
void filter_row_doubling(const float* in, int from, const Bank& bank, int first, int last, float* out) {
    F even[TAPS], odd[TAPS];
    const float* weights = bank.weights + std::ptrdiff_t(first) * TAPS;
    for (int t = 0; t < TAPS; ++t) {
        even[t] = all(weights[t]);
        odd[t] = all(weights[TAPS + t]);
    }
    const float* left = in + (bank.start[first] - from);
    for (int x = first; x < last; x += 2 * LANES, left += LANES, out += 2 * LANES) {
        F values[TAPS + SHIFT];  // loaded once for both: most of these loads straddle two cache lines
#pragma GCC unroll 13
        for (int t = 0; t < TAPS + SHIFT; ++t) values[t] = load(left + t);
        F a = values[0] * even[0], b = values[SHIFT] * odd[0];
#pragma GCC unroll 12
        for (int t = 1; t < TAPS; ++t) {
            a = a + values[t] * even[t];
            b = b + values[t + SHIFT] * odd[t];
        }
        store_interleaved(out, a, b);
    }
}

template <int TAPS>
void filter_row_with(const float* in, int from, const Bank& bank, int first, int last, float* out) {
    const int begin = bank.doubling_first > first ? bank.doubling_first : first;
    const int count = ((bank.doubling_last < last ? bank.doubling_last : last) - begin) / 2 * 2;
    const int shift = count > 0 ? bank.start[begin * kBlock + 1] - bank.start[begin * kBlock] : 0;
    if (TAPS == 0 || count <= 0 || shift > 1) return filter_row_of<TAPS>(in, from, bank, first, last, out);
    const int end = begin + count;
    filter_row_of<TAPS>(in, from, bank, first, begin, out);
    const auto doubling = shift ? filter_row_doubling<TAPS ? TAPS : 1, 1> : filter_row_doubling<TAPS ? TAPS : 1, 0>;
    doubling(in, from, bank, begin * kBlock, end * kBlock, out + (begin - first) * kBlock);
    filter_row_of<TAPS>(in, from, bank, end, last, out + (end - first) * kBlock);
}

void filter_row(const float* in, int from, const Bank& bank, int first, int last, float* out) {
    with_taps(bank.taps, [&](auto taps) {
        filter_row_with<decltype(taps)::value>(in, from, bank, first, last, out);
    });
}

// The last `taps` rows that a filter across rows looks at: row i lies in slot i mod taps.
struct Ring {
    float* data;
    int taps, pitch;

    float* row(int i) const { return data + std::ptrdiff_t(i % taps) * pitch; }
};

// The rows and weights of one output row. With few taps all of them stay in registers.
template <int TAPS>
struct Window {
    const float* rows[TAPS];
    F weights[TAPS];
    Window(const Ring& ring, const Bank& bank, int y) {
        for (int t = 0; t < TAPS; ++t) {
            rows[t] = ring.row(bank.start[y] + t);
            weights[t] = all(bank.weights[std::ptrdiff_t(y) * TAPS + t]);
        }
    }
    F at(int x) const {
        F sum = load(rows[0] + x) * weights[0];
#pragma GCC unroll 12
        for (int t = 1; t < TAPS; ++t) sum = sum + load(rows[t] + x) * weights[t];
        return sum;
    }
};

template <>
struct Window<0> {
    Ring ring;
    int slot;
    const float* weights;
    Window(const Ring& ring, const Bank& bank, int y)
        : ring(ring), slot(bank.start[y] % ring.taps), weights(bank.weights + std::ptrdiff_t(y) * bank.taps) {}
    F at(int x) const {
        const float* row = ring.data + std::ptrdiff_t(slot) * ring.pitch + x;
        const float* end = ring.data + std::ptrdiff_t(ring.taps) * ring.pitch;
        F sum = load(row) * all(weights[0]);
        for (int t = 1; t < ring.taps; ++t) {
            row += ring.pitch;
            if (row >= end) row -= end - ring.data;
            sum = sum + load(row) * all(weights[t]);
        }
        return sum;
    }
};

// Into samples: round(sum + bias) within 0..top.
template <class T>
struct ToSamples {
    T* out;
    float bias, top;
    bool stream;

    template <class Sums>
    void operator()(const Sums& sums, int width) const {
        if (bias != 0.0f) return write<false>(Raised<Sums>{sums, all(bias)}, width);
        if (stream) return write<true>(sums, width);
        write<false>(sums, width);
    }

private:
    template <class Sums>
    struct Raised {
        const Sums& sums;
        F bias;
        F at(int x) const { return sums.at(x) + bias; }
    };

    template <bool STREAM, class Sums>
    void write(const Sums& sums, int width) const {
        const F t = all(top);
        int x = 0;
        for (; x + 4 * LANES <= width; x += 4 * LANES)
            store_four<STREAM>(out + x, sums.at(x), sums.at(x + LANES), sums.at(x + 2 * LANES),
                               sums.at(x + 3 * LANES), t);
        for (; x < width; x += LANES) store_some(out + x, clamp(sums.at(x), all(0.0f), t), width - x);
    }
};

// A row as it is.
struct Unfiltered {
    const float* row;
    F at(int x) const { return load(row + x); }
};

// Into floats, unrounded; writes whole vectors.
struct ToFloats {
    float* out;

    template <class Sums>
    void operator()(const Sums& sums, int width) const {
        for (int x = 0; x < width; x += LANES) store(out + x, sums.at(x));
    }
};

// Output row y from the ring's rows start[y]..start[y] + taps - 1.
template <class Sink>
void filter_across_to(const Ring& ring, const Bank& bank, int y, int width, const Sink& sink) {
    with_taps(bank.taps, [&](auto taps) { sink(Window<decltype(taps)::value>(ring, bank, y), width); });
}

inline void filter_across(const Ring& ring, const Bank& bank, int y, int width, float* out) {
    filter_across_to(ring, bank, y, width, ToFloats{out});
}

// Sums into row y of a plane, from its column `from` on.
template <class Sums>
inline void store_row(const Sums& sums, const Plane& out, int y, int from, int width, float bias, float top) {
    using u8 = std::uint8_t;
    using u16 = std::uint16_t;
    if (out.bytes == 1) return ToSamples<u8>{out.row<u8>(y) + from, bias, top, out.stream}(sums, width);
    ToSamples<u16>{out.row<u16>(y) + from, bias, top, out.stream}(sums, width);
}

inline void filter_across(const Ring& ring, const Bank& bank, int y, int width, const Plane& out, int from,
                          float bias, float top) {
    with_taps(bank.taps, [&](auto taps) {
        store_row(Window<decltype(taps)::value>(ring, bank, y), out, y, from, width, bias, top);
    });
}

}  // namespace
}  // namespace vsr
