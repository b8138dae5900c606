// From samples of this type, to smaller chroma.
#include "convert.cuh"

VSR_CONVERT_REDUCED(u8, vsr::u8, u8, vsr::u8)
VSR_CONVERT_REDUCED(u8, vsr::u8, u16, vsr::u16)
