#include "net_run.hpp"
VSR_NET(avx2, false, false)
