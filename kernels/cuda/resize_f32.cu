// From samples of this type.
#include "resize.cuh"

VSR_RESIZE(f32, float, u8, vsr::u8)
VSR_RESIZE(f32, float, u16, vsr::u16)
VSR_RESIZE(f32, float, f16, vsr::Half)
VSR_RESIZE(f32, float, f32, float)
