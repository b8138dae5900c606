// Every kernel of kernels/cuda as host code, in one library.
#include "cuda/anime4k.cu"
#include "cuda/check.cu"
#include "cuda/convert_f16.cu"
#include "cuda/convert_f32.cu"
#include "cuda/convert_reduced_f16.cu"
#include "cuda/convert_reduced_f32.cu"
#include "cuda/convert_reduced_u16.cu"
#include "cuda/convert_reduced_u8.cu"
#include "cuda/convert_u16.cu"
#include "cuda/convert_u8.cu"
#include "cuda/dither.cu"
#include "cuda/fill.cu"
#include "cuda/filters.cu"
#include "cuda/filters_bilateral.cu"
#include "cuda/filters_highlights.cu"
#include "cuda/filters_warp.cu"
#include "cuda/resize_chroma_u16.cu"
#include "cuda/resize_chroma_u8.cu"
#include "cuda/resize_f16.cu"
#include "cuda/resize_f32.cu"
#include "cuda/resize_integer.cu"
#include "cuda/resize_u16.cu"
#include "cuda/resize_u8.cu"

// The conversions of float16, for arrays: tests compare all values.
extern "C" __attribute__((visibility("default"))) void floats_of(const vsr::Half* in, float* out, int count) {
    for (int i = 0; i < count; ++i) out[i] = vsr::to_float(in[i]);
}
extern "C" __attribute__((visibility("default"))) void halves_of(const float* in, vsr::Half* out, int count) {
    for (int i = 0; i < count; ++i) out[i] = vsr::to_half(in[i]);
}
