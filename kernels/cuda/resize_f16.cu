// From samples of this type.
#include "resize.cuh"

VSR_RESIZE(f16, vsr::Half, u8, vsr::u8)
VSR_RESIZE(f16, vsr::Half, u16, vsr::u16)
VSR_RESIZE(f16, vsr::Half, f16, vsr::Half)
VSR_RESIZE(f16, vsr::Half, f32, float)
