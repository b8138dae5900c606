// From samples of this type.
#include "convert.cuh"

VSR_CONVERT(f16, vsr::Half, u8, vsr::u8)
VSR_CONVERT(f16, vsr::Half, u16, vsr::u16)
VSR_CONVERT(f16, vsr::Half, f16, vsr::Half)
VSR_CONVERT(f16, vsr::Half, f32, float)
