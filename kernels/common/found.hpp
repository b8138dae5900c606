// What a look at a result finds, in device memory; see kernels/cuda/check.cu and vsr/engine/lanes.py.
#pragma once
#include "portable.hpp"

namespace vsr {

struct Found {
    u32 not_finite;  // 1 once a value was NaN or infinite before it became a code
    u32 largest;     // the bits of a float that is not negative: such floats are ordered as their bits
};

// Tell of a value that is about to be rounded to a code. `found` may be null. Every writer writes the same: no race.
VSR_BOTH void look_at(Found* found, float value) {
    if (found != nullptr && !(value - value == 0.0f)) found->not_finite = 1;
}

}  // namespace vsr
