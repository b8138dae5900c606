// From samples of this type.
#include "resize.cuh"

VSR_RESIZE(u16, vsr::u16, u8, vsr::u8)
VSR_RESIZE(u16, vsr::u16, u16, vsr::u16)
VSR_RESIZE(u16, vsr::u16, f16, vsr::Half)
VSR_RESIZE(u16, vsr::u16, f32, float)
