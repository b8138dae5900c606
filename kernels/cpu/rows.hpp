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

template <int TAPS, class Picker>
inline F filter_block(const Picker& pick, const float* lanes, int taps) {
    F sum = pick(0) * load(lanes);
#pragma GCC unroll 8
    for (int t = 1; t < (TAPS ? TAPS : taps); ++t) sum = sum + pick(t) * load(lanes + t * kBlock);
    return sum;
}

// Blocks [first, last) of a row, of which `in` holds the columns from `from` on.
template <int TAPS, class Picker>
void filter_row_by(const float* in, int from, const Bank& bank, int first, int last, float* out) {
    for (int b = first; b < last; ++b, out += kBlock) {
        const std::int32_t* index = bank.index + bank.pattern[b] * kBlock;
        const float* lanes = bank.lanes + std::ptrdiff_t(bank.pattern[b]) * bank.taps * kBlock;
        for (int part = 0; part < kBlock; part += LANES) {
            const Picker pick(in + (bank.base[b] - from), load_index(index + part));
            store(out + part, filter_block<TAPS>(pick, lanes + part, bank.taps));
        }
    }
}

template <int TAPS>
void filter_row_of(const float* in, int from, const Bank& bank, int first, int last, float* out) {
    if (is_near(bank)) return filter_row_by<TAPS, NearPicker>(in, from, bank, first, last, out);
    filter_row_by<TAPS, FarPicker>(in, from, bank, first, last, out);
}

void filter_row(const float* in, int from, const Bank& bank, int first, int last, float* out) {
    switch (bank.taps) {
        case 2: return filter_row_of<2>(in, from, bank, first, last, out);
        case 4: return filter_row_of<4>(in, from, bank, first, last, out);
        case 6: return filter_row_of<6>(in, from, bank, first, last, out);
        default: return filter_row_of<0>(in, from, bank, first, last, out);
    }
}

// The last `taps` rows that a filter across rows looks at: row i lies in slot i mod taps.
struct Ring {
    float* data;
    int taps, pitch;

    float* row(int i) const { return data + std::ptrdiff_t(i % taps) * pitch; }
};

template <int TAPS>
struct Window {
    const float* rows[TAPS];
    Window(const Ring& ring, int start) {
        for (int t = 0; t < TAPS; ++t) rows[t] = ring.row(start + t);
    }
    F at(int t, int x) const { return load(rows[t] + x); }
};

template <>
struct Window<0> {
    const Ring& ring;
    int slot;
    Window(const Ring& ring, int start) : ring(ring), slot(start % ring.taps) {}
    F at(int t, int x) const {
        const int i = slot + t < ring.taps ? slot + t : slot + t - ring.taps;
        return load(ring.data + std::ptrdiff_t(i) * ring.pitch + x);
    }
};

template <int TAPS>
inline F filter_column(const Window<TAPS>& window, const float* weights, int taps, int x) {
    F sum = window.at(0, x) * all(weights[0]);
#pragma GCC unroll 8
    for (int t = 1; t < (TAPS ? TAPS : taps); ++t) sum = sum + window.at(t, x) * all(weights[t]);
    return sum;
}

// Into samples: round(sum + bias) within 0..top.
template <class T>
struct ToSamples {
    T* out;
    F bias, top;
    void operator()(int x, F sum, int count) const {
        store_some(out + x, clamp(sum + bias, all(0.0f), top), count);
    }
};

// Into floats, unrounded; writes whole vectors.
struct ToFloats {
    float* out;
    void operator()(int x, F sum, int) const { store(out + x, sum); }
};

template <int TAPS, class Sink>
void filter_across_by(const Ring& ring, const Bank& bank, int y, int width, const Sink& sink) {
    const Window<TAPS> window(ring, bank.start[y]);
    const float* weights = bank.weights + std::ptrdiff_t(y) * bank.taps;
    for (int x = 0; x < width; x += LANES) sink(x, filter_column<TAPS>(window, weights, bank.taps, x), width - x);
}

// Output row y from the ring's rows start[y]..start[y] + taps - 1.
template <class Sink>
void filter_across_to(const Ring& ring, const Bank& bank, int y, int width, const Sink& sink) {
    switch (bank.taps) {
        case 1: return filter_across_by<1>(ring, bank, y, width, sink);
        case 2: return filter_across_by<2>(ring, bank, y, width, sink);
        case 4: return filter_across_by<4>(ring, bank, y, width, sink);
        case 6: return filter_across_by<6>(ring, bank, y, width, sink);
        default: return filter_across_by<0>(ring, bank, y, width, sink);
    }
}

inline void filter_across(const Ring& ring, const Bank& bank, int y, int width, float* out) {
    filter_across_to(ring, bank, y, width, ToFloats{out});
}

// Into row y of a plane, from its column `from` on.
inline void filter_across(const Ring& ring, const Bank& bank, int y, int width, const Plane& out, int from,
                          float bias, float top) {
    if (out.bytes == 1) {
        const ToSamples<std::uint8_t> sink{out.row<std::uint8_t>(y) + from, all(bias), all(top)};
        return filter_across_to(ring, bank, y, width, sink);
    }
    const ToSamples<std::uint16_t> sink{out.row<std::uint16_t>(y) + from, all(bias), all(top)};
    filter_across_to(ring, bank, y, width, sink);
}

}  // namespace
}  // namespace vsr
