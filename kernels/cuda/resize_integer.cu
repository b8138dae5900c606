// From and to samples of 8 bits in integers.
#include "resize.cuh"

VSR_KERNEL(resize_integer, vsr::OneInteger, vsr::OneIntegerShared, vsr::resize<vsr::IntegerMath, 1>)
VSR_KERNEL(resize_chroma_integer, vsr::TwoIntegers, vsr::TwoIntegersShared, vsr::resize<vsr::IntegerMath, 2>)
