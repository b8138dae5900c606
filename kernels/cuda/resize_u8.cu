// From samples of this type.
#include "resize.cuh"

VSR_RESIZE(u8, vsr::u8, u8, vsr::u8)
VSR_RESIZE(u8, vsr::u8, u16, vsr::u16)
VSR_RESIZE(u8, vsr::u8, f16, vsr::Half)
VSR_RESIZE(u8, vsr::u8, f32, float)
