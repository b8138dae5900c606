// IEEE 754 binary16 as its bits: rounded to nearest, halves to even, with subnormals and infinities.
#pragma once
#include "portable.hpp"

namespace vsr {

struct Half {
    u16 bits;
};

#ifdef __CUDA_ARCH__

VSR_BOTH float to_float(Half half) {
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(half.bits));
    return value;
}

VSR_BOTH Half to_half(float value) {
    Half half;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(half.bits) : "f"(value));
    return half;
}

#else

VSR_BOTH float to_float(Half half) {
    const u32 sign = (half.bits & 0x8000u) << 16, rest = half.bits & 0x7fffu;
    if (rest >= 0x7c00u) return float_of(sign | 0x7f800000u | (rest << 13));
    return float_of(sign | bits_of(float_of(rest << 13) * 0x1p112f));  // the exponents' offsets differ by 112
}

VSR_BOTH Half to_half(float value) {
    const u32 bits = bits_of(value), sign = (bits >> 16) & 0x8000u, rest = bits & 0x7fffffffu;
    if (rest > 0x7f800000u) return Half{u16(sign | 0x7e00u)};
    if (rest >= 0x47800000u) return Half{u16(sign | 0x7c00u)};  // from 65536
    if (rest < 0x38800000u)  // subnormal: the units of 0.5f are those of the result
        return Half{u16(sign | (bits_of(float_of(rest) + 0.5f) - 0x3f000000u))};
    return Half{u16(sign | ((rest + 0xfffu + ((rest >> 13) & 1u) - 0x38000000u) >> 13))};
}

#endif

}  // namespace vsr
