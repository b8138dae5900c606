// Elementary functions, from single operations of float32: the same bits on every instruction set and on a GPU.
//
// Written for the F, M and Words of what is included before: vectors in kernels/cpu/filter_math.hpp, single numbers in
// scalar.hpp.
#pragma once
#include "portable.hpp"

namespace vsr {
namespace {

VSR_BOTH F abs(F v) { return floats(bits(v) & 0x7fffffff); }

// 2^n for whole n in -126..127.
VSR_BOTH F power_of_two(F n) {
    const F shifted = n + all(12582912.0f);  // its low bits hold n
    return floats((bits(shifted) << 23) + (127 << 23));
}
VSR_BOTH F nearest(F v) { return (v + all(12582912.0f)) - all(12582912.0f); }

// 2^(whole + part), where |part| is at most about 1; 0 below 2^-126. Relative error below 3e-7.
VSR_BOTH F exp2(F whole, F part) {
    const F n = nearest(whole + part);
    const F f = (whole - n) + part;
    F sum = all(1.535336188319500e-4f);
    sum = sum * f + all(1.339887440266574e-3f);
    sum = sum * f + all(9.618437357674640e-3f);
    sum = sum * f + all(5.550332471162809e-2f);
    sum = sum * f + all(2.402264791363012e-1f);
    sum = sum * f + all(6.931472028550421e-1f);
    sum = sum * f + all(1.0f);
    const F bounded = clamp(n, all(-126.0f), all(127.0f));
    return select(greater(all(-126.0f), n), all(0.0f), sum * power_of_two(bounded));
}

// e^v for v of at most 0, to 1e-6 of itself, but at least e^-60: products of it are no denormal numbers.
VSR_BOTH F exp(F v) {
    const F bounded = max(v, all(-60.0f)), whole = nearest(bounded * all(1.44269504f));
    const F rest = (bounded - whole * all(0.693359375f)) + whole * all(2.12194440e-4f);
    F sum = all(1.9875691500e-4f);
    sum = sum * rest + all(1.3981999507e-3f);
    sum = sum * rest + all(8.3334519073e-3f);
    sum = sum * rest + all(4.1665795894e-2f);
    sum = sum * rest + all(1.6666665459e-1f);
    sum = sum * rest + all(5.0000001201e-1f);
    return ((sum * (rest * rest) + rest) + all(1.0f)) * power_of_two(whole);
}

// x^y for x above 0, and 0^y = `zero`, to 2e-6 of itself. y is given in two parts, the first of 12 bits at most:
// its product with the exponent of x is exact.
struct Power {
    F high, low, zero;
    VSR_BOTH explicit Power(float y) {
        const float scaled = y * 4097.0f, first = scaled - (scaled - y);
        high = all(first);
        low = all(y - first);
        zero = all(y == 0.0f ? 1.0f : 0.0f);
    }
    VSR_BOTH F operator()(F x) const {
        // x = m * 2^e with m within sqrt(1/2)..sqrt(2)
        const Words raw = bits(x);
        const Words e = (raw - 0x3f3504f3) >> 23;
        const F m = floats(raw - (e << 23)), exponent = number(e);
        const F f = m - all(1.0f);
        F sum = all(7.0376836292e-2f);
        sum = sum * f + all(-1.1514610310e-1f);
        sum = sum * f + all(1.1676998740e-1f);
        sum = sum * f + all(-1.2420140846e-1f);
        sum = sum * f + all(1.4249322787e-1f);
        sum = sum * f + all(-1.6668057665e-1f);
        sum = sum * f + all(2.0000714765e-1f);
        sum = sum * f + all(-2.4999993993e-1f);
        sum = sum * f + all(3.3333331174e-1f);
        const F squared = f * f;
        const F logarithm = (f - all(0.5f) * squared + sum * (f * squared)) * all(1.44269504f);
        const F main = high * exponent, whole = nearest(main);
        const F part = (main - whole) + (low * exponent + (high + low) * logarithm);
        return select(greater(x, all(1.17549435e-38f)), exp2(whole, part), zero);
    }
};

VSR_BOTH F below(F v) {  // the largest whole number that is not above v
    const F n = nearest(v);
    return select(greater(n, v), n - all(1.0f), n);
}
VSR_BOTH F length(F x, F y) { return sqrt(x * x + y * y); }
VSR_BOTH F luma(F r, F g, F b) { return (r * all(0.299f) + g * all(0.587f)) + b * all(0.114f); }
VSR_BOTH F with_sign(F magnitude, F sign) {
    return floats((bits(magnitude) & 0x7fffffff) | (bits(sign) & int(0x80000000)));
}

}  // namespace
}  // namespace vsr
