#include "net_run.hpp"
VSR_NET(plain, false, false)
