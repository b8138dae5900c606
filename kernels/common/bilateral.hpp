// How alike values are: vsr/ops/shader_filters/bilateral.py has the weights. Included after the F it is written for.
#pragma once
#include "filter_math.hpp"

namespace vsr {
namespace {

// From a value to 1 / the standard deviation about it. One without deviation is like itself alone.
struct Narrowness {
    float sigma, curve;
    Power power;
    VSR_BOTH Narrowness(float sigma, float curve) : sigma(sigma), curve(curve), power(curve) {}
    VSR_BOTH F operator()(F value) const {
        const F base = max(value + all(0.0001f), all(0.0f));
        const F scale = curve == 1.0f ? base : power(base);
        return all(1.0f) / max(scale * all(sigma), all(1e-30f));
    }
};

VSR_BOTH F bell(F distance, F narrowness) {
    const F scaled = distance * narrowness;
    return exp(all(-0.5f) * scaled * scaled);
}

}  // namespace
}  // namespace vsr
