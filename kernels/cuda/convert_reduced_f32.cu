// From samples of this type, to smaller chroma.
#include "convert.cuh"

VSR_CONVERT_REDUCED(f32, float, u8, vsr::u8)
VSR_CONVERT_REDUCED(f32, float, u16, vsr::u16)
