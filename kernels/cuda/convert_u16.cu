// From samples of this type.
#include "convert.cuh"

VSR_CONVERT(u16, vsr::u16, u8, vsr::u8)
VSR_CONVERT(u16, vsr::u16, u16, vsr::u16)
VSR_CONVERT(u16, vsr::u16, f16, vsr::Half)
VSR_CONVERT(u16, vsr::u16, f32, float)
