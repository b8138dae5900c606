// Vectors of floats as those of their bits, for the functions in kernels/common.
#pragma once
#include "simd.hpp"

namespace vsr {
namespace {

typedef std::int32_t Words __attribute__((vector_size(LANES * 4)));

inline Words bits(F v) { return (Words)v; }
inline F floats(Words v) { return (F)v; }
inline F number(Words v) { return __builtin_convertvector(v, F); }
inline Words whole_number(F v) { return __builtin_convertvector(v, Words); }

}  // namespace
}  // namespace vsr

#include "../common/filter_math.hpp"
