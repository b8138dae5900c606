// Rows of floats or integers: out of samples, through a filter along the row, a filter across rows, into samples.
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
    if (plane.bytes == 4) return void(std::memcpy(out, plane.row<const float>(y) + from, n * sizeof(float)));
    samples_to_floats(plane.row<const std::uint16_t>(y) + from, n, out);
}

// in[0..n) as pairs of neighbours, less 128; past the last lies nothing. Writes up to LANES - 1 words more.
inline void samples_to_pairs(const Plane& plane, int y, int from, int n, std::int32_t* out) {
    const std::uint8_t* in = plane.row<const std::uint8_t>(y) + from;
    int x = 0;
    for (; x + LANES < n; x += LANES) store(out + x, load_pairs(in + x));
    std::uint8_t rest[LANES + 1] = {};
    std::memcpy(rest, in + x, n - x);
    store(out + x, load_pairs(rest));
}

// Where sums of a filter along a row go. Floats stay as they are.
inline void put(float* out, F sum) { store(out, sum); }
inline void put(float* out, F even, F odd) { store_interleaved(out, even, odd); }

// Those of integers are rounded to int16, halves up in even rows and down in odd ones, so that it evens out.
constexpr int kDropped = kWeightBits - kBetweenBits;
struct Shorts {
    std::int16_t* out;
    std::int32_t half;
    Shorts(std::int16_t* out, int y) : out(out), half((1 << (kDropped - 1)) - y % 2) {}
    Shorts operator+(std::ptrdiff_t n) const { return Shorts(*this) += n; }
    Shorts& operator+=(std::ptrdiff_t n) {
        out += n;
        return *this;
    }
};
inline void put(const Shorts& to, I sum) { store(to.out, right<kDropped>(plus(sum, all(to.half)))); }
inline void put(const Shorts& to, I even, I odd) {
    const I half = all(to.half);
    const I both = halves(right<kDropped>(plus(even, half)), left<16 - kDropped>(plus(odd, half)));
    store(reinterpret_cast<std::int32_t*>(to.out), both);
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
template <class W, int TAPS>
struct Shape {
    Vector<W> weights[kBlock / LANES][TAPS];
    I index[kBlock / LANES];
    Shape(const BankOf<W>& bank, int pattern) {
        const W* lanes = bank.lanes + std::ptrdiff_t(pattern) * TAPS * kBlock;
        for (int part = 0; part < kBlock / LANES; ++part) {
            index[part] = load(bank.index + pattern * kBlock + part * LANES);
            for (int t = 0; t < TAPS; ++t) weights[part][t] = load(lanes + t * kBlock + part * LANES);
        }
    }
    template <class Picker, class Out>
    void filter(const W* in, Out out) const {
        for (int part = 0; part < kBlock / LANES; ++part) {
            const Picker pick(in, index[part]);
            Vector<W> sum = times(pick(0), weights[part][0]);
#pragma GCC unroll 12
            for (int t = 1; t < TAPS; ++t) sum = plus(sum, times(pick(kStep<W> * t), weights[part][t]));
            put(out + part * LANES, sum);
        }
    }
};

template <class W>
struct Shape<W, 0> {
    const W* lanes;
    const std::int32_t* index;
    int taps;
    Shape(const BankOf<W>& bank, int pattern)
        : lanes(bank.lanes + std::ptrdiff_t(pattern) * bank.taps * kBlock),
          index(bank.index + pattern * kBlock), taps(bank.taps) {}
    template <class Picker, class Out>
    void filter(const W* in, Out out) const {
        for (int part = 0; part < kBlock; part += LANES) {
            const Picker pick(in, load(index + part));
            Vector<W> sum = times(pick(0), load(lanes + part));
            for (int t = 1; t < taps; ++t)
                sum = plus(sum, times(pick(kStep<W> * t), load(lanes + t * kBlock + part)));
            put(out + part, sum);
        }
    }
};

// Blocks [first, last) of a row, of which `in` holds the columns from `from` on.
template <int TAPS, class Picker, class W, class Out>
void filter_row_by(const W* in, int from, const BankOf<W>& bank, int first, int last, Out out) {
    for (int phase = first; phase < first + bank.period; ++phase)
        for (int b = phase; b < last;) {
            const int pattern = bank.pattern[b];
            const Shape<W, TAPS> shape(bank, pattern);
            do {
                shape.template filter<Picker>(in + (bank.base[b] - from), out + (b - first) * kBlock);
                b += bank.period;
            } while (b < last && bank.pattern[b] == pattern);
        }
}

template <int TAPS, class W, class Out>
void filter_row_of(const W* in, int from, const BankOf<W>& bank, int first, int last, Out out) {
    if (is_near(bank)) return filter_row_by<TAPS, NearPicker<W>>(in, from, bank, first, last, out);
    if (is_middling(bank)) return filter_row_by<TAPS, MiddlePicker<W>>(in, from, bank, first, last, out);
    filter_row_by<TAPS, FarPicker<W>>(in, from, bank, first, last, out);
}

// Outputs [first, last) of a row whose even and odd ones each have one set of weights, a multiple of 32 of them.
// SHIFT is how much further right the windows of odd ones start.
template <int TAPS, int SHIFT, class W, class Out>
void filter_row_doubling(const W* in, int from, const BankOf<W>& bank, int first, int last, Out out) {
    using V = Vector<W>;
    V even[TAPS], odd[TAPS];
    const W* weights = bank.weights + std::ptrdiff_t(first) * TAPS;
    for (int t = 0; t < TAPS; ++t) {
        even[t] = all(weights[t]);
        odd[t] = all(weights[TAPS + t]);
    }
    const W* left = in + (bank.start[first] - from);
    for (int x = first; x < last; x += 2 * LANES, left += LANES, out += 2 * LANES) {
        constexpr int SPAN = kStep<W> * (TAPS - 1) + 1;
        V values[SPAN + SHIFT];  // loaded once for both: most of these loads straddle two cache lines
#pragma GCC unroll 24
        for (int t = 0; t < SPAN + SHIFT; ++t) values[t] = load(left + t);
        V a = times(values[0], even[0]), b = times(values[SHIFT], odd[0]);
#pragma GCC unroll 12
        for (int t = 1; t < TAPS; ++t) {
            a = plus(a, times(values[kStep<W> * t], even[t]));
            b = plus(b, times(values[kStep<W> * t + SHIFT], odd[t]));
        }
        put(out, a, b);
    }
}

template <int TAPS, class W, class Out>
void filter_row_with(const W* in, int from, const BankOf<W>& bank, int first, int last, Out out) {
    const int begin = bank.doubling_first > first ? bank.doubling_first : first;
    const int count = ((bank.doubling_last < last ? bank.doubling_last : last) - begin) / 2 * 2;
    const int shift = count > 0 ? bank.start[begin * kBlock + 1] - bank.start[begin * kBlock] : 0;
    if (TAPS == 0 || count <= 0 || shift > 1) return filter_row_of<TAPS>(in, from, bank, first, last, out);
    const int end = begin + count;
    filter_row_of<TAPS>(in, from, bank, first, begin, out);
    constexpr int SOME = TAPS ? TAPS : 1;
    const auto doubling = shift ? filter_row_doubling<SOME, 1, W, Out> : filter_row_doubling<SOME, 0, W, Out>;
    doubling(in, from, bank, begin * kBlock, end * kBlock, out + (begin - first) * kBlock);
    filter_row_of<TAPS>(in, from, bank, end, last, out + (end - first) * kBlock);
}

template <class W, class Out>
void filter_row(const W* in, int from, const BankOf<W>& bank, int first, int last, Out out) {
    with_taps(bank.taps, [&](auto taps) {
        filter_row_with<decltype(taps)::value>(in, from, bank, first, last, out);
    });
}

// The last `taps` rows that a filter across rows looks at: row i lies in slot i mod taps.
template <class W>
struct RingOf {
    W* data;
    int taps, pitch;

    W* row(int i) const { return data + std::ptrdiff_t(i % taps) * pitch; }
};
using Ring = RingOf<float>;

// The sum with the product of tap t. Of int16, odd taps have their weights negated: their halves round down then, which
// outweighs the others' that round up.
inline F with_product(F sum, F product, int) { return plus(sum, product); }
inline S with_product(S sum, S product, int t) { return t % 2 ? minus(sum, product) : plus(sum, product); }

// The rows and weights of one output row. With few taps all of them stay in registers.
template <class W, int TAPS>
struct Window {
    const W* rows[TAPS];
    Vector<W> weights[TAPS];
    Window(const RingOf<W>& ring, const BankOf<W>& bank, int y) {
        for (int t = 0; t < TAPS; ++t) {
            rows[t] = ring.row(bank.start[y] + t);
            weights[t] = all(bank.weights[std::ptrdiff_t(y) * bank.taps + t]);
        }
    }
    Vector<W> at(int x) const {
        Vector<W> sum = times(load(rows[0] + x), weights[0]);
#pragma GCC unroll 12
        for (int t = 1; t < TAPS; ++t) sum = with_product(sum, times(load(rows[t] + x), weights[t]), t);
        return sum;
    }
};

template <class W>
struct Window<W, 0> {
    RingOf<W> ring;
    int slot;
    const W* weights;
    Window(const RingOf<W>& ring, const BankOf<W>& bank, int y)
        : ring(ring), slot(bank.start[y] % ring.taps), weights(bank.weights + std::ptrdiff_t(y) * bank.taps) {}
    Vector<W> at(int x) const {
        const W* row = ring.data + std::ptrdiff_t(slot) * ring.pitch + x;
        const W* end = ring.data + std::ptrdiff_t(ring.taps) * ring.pitch;
        Vector<W> sum = times(load(row), all(weights[0]));
        for (int t = 1; t < ring.taps; ++t) {
            row += ring.pitch;
            if (row >= end) row -= end - ring.data;
            sum = with_product(sum, times(load(row), all(weights[t])), t);
        }
        return sum;
    }
};

// Sums as samples within 0..top, in the columns [x, width).
template <bool STREAM, class T, class Sums>
void write_samples(const Sums& sums, T* out, int x, int width, float top) {
    const F t = all(top);
    for (; x + 4 * LANES <= width; x += 4 * LANES)
        store_four<STREAM>(out + x, sums.at(x), sums.at(x + LANES), sums.at(x + 2 * LANES), sums.at(x + 3 * LANES), t);
    for (; x < width; x += LANES) store_some(out + x, clamp(sums.at(x), all(0.0f), t), width - x);
}

// Samples of a row that fill lines of 64 bytes: streaming a part of a line takes longer than not streaming it.
template <class T>
inline int whole_lines(int width) {
    return width / (64 / int(sizeof(T))) * (64 / int(sizeof(T)));
}

template <class Sums>
struct Raised {
    const Sums& sums;
    F bias;
    F at(int x) const { return sums.at(x) + bias; }
};

// Into samples: round(sum + bias) within 0..top.
template <class T>
struct ToSamples {
    T* out;
    float bias, top;
    bool stream;

    template <class Sums>
    void operator()(const Sums& sums, int width) const {
        if (bias != 0.0f) return write_samples<false>(Raised<Sums>{sums, all(bias)}, out, 0, width, top);
        const int streamed = stream ? whole_lines<T>(width) : 0;
        write_samples<true>(sums, out, 0, streamed, top);
        write_samples<false>(sums, out, streamed, width, top);
    }
};

// Sums of integers with kAcrossBits, centred: as samples, halves to even. The packing clamps.
inline S whole(S sum) {
    const S odd = both(right<kAcrossBits>(sum), all(std::int16_t(1)));
    const S half = all(std::int16_t((kCentre << kAcrossBits) + (1 << (kAcrossBits - 1)) - 1));
    return right<kAcrossBits>(plus(sum, plus(odd, half)));
}

template <bool STREAM, class Sums>
inline __attribute__((always_inline)) void write_bytes(const Sums& sums, std::uint8_t* out, int x, int width) {
    for (; x + 4 * LANES <= width; x += 4 * LANES)
        store_two<STREAM>(out + x, whole(sums.at(x)), whole(sums.at(x + 2 * LANES)));
    if (x >= width) return;
    std::uint8_t rest[4 * LANES];
    store_two<false>(rest, whole(sums.at(x)), whole(sums.at(x + 2 * LANES)));
    std::memcpy(out + x, rest, width - x);
}

// Into float32, unrounded; writes nothing beyond `width`.
struct ToFloatSamples {
    float* out;
    F bias;

    template <class Sums>
    void operator()(const Sums& sums, int width) const {
        for (int x = 0; x < width; x += LANES) store_some(out + x, sums.at(x) + bias, width - x);
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
    with_taps(bank.taps, [&](auto taps) { sink(Window<float, decltype(taps)::value>(ring, bank, y), width); });
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
    if (out.bytes == 4) return ToFloatSamples{out.row<float>(y) + from, all(bias)}(sums, width);
    ToSamples<u16>{out.row<u16>(y) + from, bias, top, out.stream}(sums, width);
}

inline void filter_across(const Ring& ring, const Bank& bank, int y, int width, const Plane& out, int from,
                          float bias, float top) {
    with_taps(bank.taps, [&](auto taps) {
        store_row(Window<float, decltype(taps)::value>(ring, bank, y), out, y, from, width, bias, top);
    });
}

// The same from rows of integers into bytes.
inline void filter_across(const RingOf<std::int16_t>& ring, const ShortBank& bank, int y, int width, const Plane& out,
                          int from) {
    with_taps(bank.taps, [&](auto taps) {
        const Window<std::int16_t, decltype(taps)::value> sums(ring, bank, y);
        auto* to = out.row<std::uint8_t>(y) + from;
        const int streamed = out.stream ? whole_lines<std::uint8_t>(width) : 0;
        write_bytes<true>(sums, to, 0, streamed);
        write_bytes<false>(sums, to, streamed, width);
    });
}

}  // namespace
}  // namespace vsr
