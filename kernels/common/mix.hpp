// Components times a matrix: out k is the inputs times factors[k][0..2], plus factors[k][3], added in this order.
#pragma once
#include "portable.hpp"

namespace vsr {

struct Mixed {
    float of[3];

    // Inputs come in ascending order.
    VSR_BOTH void add(const float (*factors)[4], int input, float value) {
#pragma unroll
        for (int k = 0; k < 3; ++k) of[k] = input ? of[k] + value * factors[k][input] : value * factors[k][0];
    }
    VSR_BOTH void finish(const float (*factors)[4]) {
#pragma unroll
        for (int k = 0; k < 3; ++k) of[k] = of[k] + factors[k][3];
    }
};

}  // namespace vsr
