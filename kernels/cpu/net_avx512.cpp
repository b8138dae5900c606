#include "net_run.hpp"
VSR_NET(avx512, false, false)
