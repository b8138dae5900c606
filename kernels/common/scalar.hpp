// One float under the names that kernels/cpu has for vectors of them: what is written for both.
//
// Comparisons with numbers that are none choose as x86's instructions do.
#pragma once
#include "portable.hpp"

namespace vsr {
namespace {

using F = float;
using M = bool;
using Words = int;

VSR_BOTH F all(float x) { return x; }
VSR_BOTH F min(F a, F b) { return least(a, b); }
VSR_BOTH F max(F a, F b) { return most(a, b); }
VSR_BOTH F clamp(F v, F low, F high) { return min(max(v, low), high); }
VSR_BOTH F sqrt(F v) { return square_root(v); }
VSR_BOTH M greater(F a, F b) { return a > b; }
VSR_BOTH M both(M a, M b) { return a && b; }
VSR_BOTH F select(M m, F yes, F no) { return m ? yes : no; }
VSR_BOTH Words bits(F v) { return static_cast<int>(bits_of(v)); }
VSR_BOTH F floats(Words v) { return float_of(static_cast<u32>(v)); }
VSR_BOTH F number(Words v) { return static_cast<float>(v); }
VSR_BOTH Words whole_number(F v) { return static_cast<int>(v); }

}  // namespace
}  // namespace vsr

#include "filter_math.hpp"
