// Every kernel of kernels/cuda as host code, in one library.
#include "cuda/convert.cu"
#include "cuda/resize.cu"
