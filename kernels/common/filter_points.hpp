// What the passes of filters compute at each pixel. Included after the F, M and Words it is written for.
#pragma once
#include "filter_math.hpp"

namespace vsr {
namespace {

// The points: from `in` to `out`, at a pixel in each lane of F. Inputs and factors are those that vsr/_cpu.pyi names.
struct Copy {
    static constexpr int kInputs = 1, kOutputs = 1;
    VSR_BOTH explicit Copy(const float*) {}
    VSR_BOTH void operator()(const F* in, F* out) const { out[0] = in[0]; }
};
struct Luma {
    static constexpr int kInputs = 3, kOutputs = 1;
    VSR_BOTH explicit Luma(const float*) {}
    VSR_BOTH void operator()(const F* in, F* out) const { out[0] = luma(in[0], in[1], in[2]); }
};
struct ClampHighlights {
    static constexpr int kInputs = 4, kOutputs = 3;
    VSR_BOTH explicit ClampHighlights(const float*) {}
    VSR_BOTH void operator()(const F* in, F* out) const {
        const F now = luma(in[0], in[1], in[2]), excess = now - min(now, in[3]);
        for (int i = 0; i < 3; ++i) out[i] = in[i] - excess;
    }
};

// The least and the greatest of three; of three and of three others.
struct Extremes {
    static constexpr int kInputs = 3, kOutputs = 2;
    VSR_BOTH explicit Extremes(const float*) {}
    VSR_BOTH void operator()(const F* in, F* out) const {
        out[0] = min(min(in[0], in[1]), in[2]);
        out[1] = max(max(in[0], in[1]), in[2]);
    }
};
struct ExtremesOf {
    static constexpr int kInputs = 6, kOutputs = 2;
    VSR_BOTH explicit ExtremesOf(const float*) {}
    VSR_BOTH void operator()(const F* in, F* out) const {
        out[0] = min(min(in[0], in[1]), in[2]);
        out[1] = max(max(in[3], in[4]), in[5]);
    }
};

// r g b, their luma, that blurred, its least and greatest neighbours. The change of luma, within those, goes to all.
VSR_BOTH void change_luma(const F* in, F change, F* out) {
    const F moved = clamp(change + in[3], in[5], in[6]) - in[3];
    for (int i = 0; i < 3; ++i) out[i] = in[i] + moved;
}
struct Sharpen {
    static constexpr int kInputs = 7, kOutputs = 3;
    F strength;
    VSR_BOTH explicit Sharpen(const float* factors) : strength(all(factors[0])) {}
    VSR_BOTH void operator()(const F* in, F* out) const { change_luma(in, (in[3] - in[4]) * strength, out); }
};
struct Deblur {
    static constexpr int kInputs = 7, kOutputs = 3;
    F strength, least, range, most;
    Power curve;
    VSR_BOTH explicit Deblur(const float* factors)
        : strength(all(factors[0])), least(all(factors[2])), range(all(factors[3])), most(all(factors[4])),
          curve(factors[1]) {}
    VSR_BOTH void operator()(const F* in, F* out) const {
        const F change = (in[3] - in[4]) * strength, size = abs(change);
        const F curved = curve((size - least) / range) * range + least;
        const M within = both(greater(size, least), greater(most, size));
        change_luma(in, select(within, with_sign(curved, change), change), out);
    }
};

// From a gradient: its length, 1 at most, and how much of an edge that is.
struct Edge {
    static constexpr int kInputs = 2, kOutputs = 2;
    F strength, bias;
    VSR_BOTH explicit Edge(const float* factors) : strength(all(factors[0])), bias(all(factors[1])) {}
    VSR_BOTH void operator()(const F* in, F* out) const {
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
    static constexpr int kInputs = 3, kOutputs = 2;
    VSR_BOTH explicit Masked(const float*) {}
    VSR_BOTH void operator()(const F* in, F* out) const {
        const M none = greater(all(kEdge), in[2]);
        for (int i = 0; i < 2; ++i) out[i] = select(none, all(0.0f), in[i]);
    }
};

// The gradient of the edges' strength, how much of an edge there is, and r g b here, left, right, above, below: an
// edge's pixel becomes more of its neighbours on the flat side.
struct Refine {
    static constexpr int kInputs = 18, kOutputs = 3;
    VSR_BOTH explicit Refine(const float*) {}

    struct Way {
        F x, y, share, edge;
        M none, diagonal;
    };
    VSR_BOTH Way way(const F* in) const {
        const F zero = all(0.0f), size = length(in[0], in[1]);
        const M enough = greater(size, all(0.001f));
        const F x = select(enough, in[0] / size, zero), y = select(enough, in[1] / size, zero);
        const F share = abs(x) / (abs(x) + abs(y));
        return {x, y, share, in[2], greater(all(kEdge), in[2]), greater(abs(x + y), all(0.0001f))};
    }
    VSR_BOTH F color(const Way& way, F here, F left, F right, F above, F under) const {
        const F zero = all(0.0f), one = all(1.0f);
        const F across = select(greater(way.x, zero), left, select(greater(zero, way.x), right, here));
        const F down = select(greater(way.y, zero), above, select(greater(zero, way.y), under, here));
        const F mean = way.share * across + (one - way.share) * down;
        const F mixed = mean * way.edge + here * (one - way.edge);
        return select(way.none, here, select(way.diagonal, mixed, here));
    }
    VSR_BOTH void operator()(const F* in, F* out) const {
        const Way own = way(in);
        for (int i = 0; i < 3; ++i) out[i] = color(own, in[3 + i], in[6 + i], in[9 + i], in[12 + i], in[15 + i]);
    }
};

// The length of a gradient to a power.
struct Steepness {
    static constexpr int kInputs = 2, kOutputs = 1;
    Power power;
    VSR_BOTH explicit Steepness(const float* factors) : power(factors[0]) {}
    VSR_BOTH void operator()(const F* in, F* out) const { out[0] = power(length(in[0], in[1])); }
};
struct Below {
    static constexpr int kInputs = 2, kOutputs = 1;
    VSR_BOTH explicit Below(const float*) {}
    VSR_BOTH void operator()(const F* in, F* out) const { out[0] = min(in[0] - in[1], all(0.0f)); }
};
struct Add {
    static constexpr int kInputs = 4, kOutputs = 3;
    F factor;
    VSR_BOTH explicit Add(const float* factors) : factor(all(factors[0])) {}
    VSR_BOTH void operator()(const F* in, F* out) const {
        for (int i = 0; i < 3; ++i) out[i] = in[i] + in[3] * factor;
    }
};

}  // namespace
}  // namespace vsr
