// Every kernel of kernels/cuda as host code, in one library.
#include "cuda/convert.cu"
#include "cuda/resize.cu"
#include "cuda/anime4k.cu"
#include "cuda/dither.cu"
#include "cuda/check.cu"

// The conversions of float16, for arrays: tests compare all values.
extern "C" __attribute__((visibility("default"))) void floats_of(const vsr::Half* in, float* out, int count) {
    for (int i = 0; i < count; ++i) out[i] = vsr::to_float(in[i]);
}
extern "C" __attribute__((visibility("default"))) void halves_of(const float* in, vsr::Half* out, int count) {
    for (int i = 0; i < count; ++i) out[i] = vsr::to_half(in[i]);
}
