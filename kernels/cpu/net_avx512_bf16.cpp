#include "net_run.hpp"
VSR_NET(avx512_bf16, true, true)
