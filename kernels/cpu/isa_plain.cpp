#include "isa.hpp"
VSR_TABLE(plain)
