// One source for CUDA (nvcc, NVRTC) and host C++. Nothing in kernels/common uses a standard library.
//
// Both sides give the same bits: products and sums are rounded separately (-fmad=false, -ffp-contract=off).
#pragma once

#ifdef __CUDACC__
#define VSR_BOTH __host__ __device__ __forceinline__
#else
#define VSR_BOTH inline __attribute__((always_inline))
#endif

namespace vsr {

using u8 = unsigned char;
using u16 = unsigned short;
using u32 = unsigned int;

VSR_BOTH int least(int a, int b) { return a < b ? a : b; }
VSR_BOTH int most(int a, int b) { return a > b ? a : b; }
VSR_BOTH float least(float a, float b) { return a < b ? a : b; }
VSR_BOTH float most(float a, float b) { return a > b ? a : b; }
// The sample that stands for one outside: the nearest, or the one at its place in the mirror image.
VSR_BOTH int within(int x, int size) { return most(0, least(x, size - 1)); }
VSR_BOTH int mirrored(int x, int size) {
    if (x >= 0 && x < size) return x;
    x %= 2 * size;
    if (x < 0) x += 2 * size;
    return x < size ? x : 2 * size - 1 - x;
}

// Halves to even.
VSR_BOTH float rounded(float x) {
#ifdef __CUDA_ARCH__
    return rintf(x);
#else
    return __builtin_rintf(x);
#endif
}

VSR_BOTH float magnitude(float x) {
#ifdef __CUDA_ARCH__
    return fabsf(x);
#else
    return __builtin_fabsf(x);
#endif
}

VSR_BOTH float square_root(float x) {
#ifdef __CUDA_ARCH__
    return __fsqrt_rn(x);
#else
    return __builtin_sqrtf(x);
#endif
}

VSR_BOTH float float_of(u32 bits) {
#ifdef __CUDA_ARCH__
    return __uint_as_float(bits);
#else
    float value;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
#endif
}

VSR_BOTH u32 bits_of(float value) {
#ifdef __CUDA_ARCH__
    return __float_as_uint(value);
#else
    u32 bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    return bits;
#endif
}

}  // namespace vsr
