#include "isa.hpp"
VSR_TABLE(avx2)
