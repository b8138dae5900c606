#include "net_run.hpp"
VSR_NET(avx512_vnni, false, true)
