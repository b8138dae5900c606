// Filtering samples of 8 bits in integers. The ranges and errors are derived in vsr/ops/resize.py.
//
// Weights have 14 fractional bits; values between the filters 7; sums across rows 6.
#pragma once
#include "portable.hpp"

namespace vsr {

constexpr int kCentre = 128;  // subtracted from samples

// Halves go up in even rows and down in odd ones.
VSR_BOTH int between(int sum, int row) { return (sum + 64 - (row & 1)) >> 7; }

// Halves go up for even taps and down for odd ones.
VSR_BOTH int product_across(int weight, int value, int tap) {
    return (weight * value + (1 << 14) - (tap & 1)) >> 15;
}

// Halves to even.
VSR_BOTH int sample_of(int sum) {
    const int odd = (sum >> 6) & 1;
    return most(0, least(((sum + odd + 31) >> 6) + kCentre, 255));
}

}  // namespace vsr
