// The table of one instruction set; included once by each isa_*.cpp, which the build compiles with its flags.
#include "anime4k.hpp"
#include "convert.hpp"
#include "filters.hpp"
#include "highlights.hpp"
#include "neighbours.hpp"
#include "resize.hpp"

#define VSR_TABLE(name) \
    const ::vsr::Kernels vsr::kernels_##name = {#name, ::vsr::resize, ::vsr::resize_integer, ::vsr::convert, \
                                                ::vsr::anime4k, ::vsr::filter_points, ::vsr::highlights, ::vsr::warp, \
                                                ::vsr::bilateral};
