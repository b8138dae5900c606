// From samples of this type, to smaller chroma.
#include "convert.cuh"

VSR_CONVERT_REDUCED(f16, vsr::Half, u8, vsr::u8)
VSR_CONVERT_REDUCED(f16, vsr::Half, u16, vsr::u16)
