// From samples of this type.
#include "convert.cuh"

VSR_CONVERT(f32, float, u8, vsr::u8)
VSR_CONVERT(f32, float, u16, vsr::u16)
VSR_CONVERT(f32, float, f16, vsr::Half)
VSR_CONVERT(f32, float, f32, float)
