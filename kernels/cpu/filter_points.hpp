// What the passes of filters compute at each pixel.
#pragma once
#include "filter_jobs.hpp"
#include "filter_math.hpp"

namespace vsr {
namespace {

inline F luma(F r, F g, F b) { return (r * all(0.299f) + g * all(0.587f)) + b * all(0.114f); }

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

}  // namespace
}  // namespace vsr
