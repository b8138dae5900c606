// Both planes of chroma, from samples of this type.
#include "resize.cuh"

VSR_RESIZE_CHROMA(u16, vsr::u16, u8, vsr::u8)
VSR_RESIZE_CHROMA(u16, vsr::u16, u16, vsr::u16)
