// Planes in memory, of any depth and layout, read and written as float32.
#pragma once
#include "half.hpp"

namespace vsr {

// Samples of one component. Semi-planar chroma (NV12, P010) is two of these with `step` 2.
struct Plane {
    void* data;
    long long stride;   // bytes between rows
    int width, height;  // in samples
    int step;           // samples between neighbours in a row
    int shift;          // how far the value lies above bit 0: 6 in P010
};

template <class T>
VSR_BOTH T* at(const Plane& plane, int x, int y) {
    return reinterpret_cast<T*>(static_cast<u8*>(plane.data) + y * plane.stride) + static_cast<long long>(x) * plane.step;
}

// A sample as a float32, and back: codes are rounded, halves to even, and clamped to 0..top.
template <class T>
struct Samples {  // u8 and u16
    static VSR_BOTH float decoded(T sample, const Plane& plane) { return static_cast<float>(sample >> plane.shift); }
    static VSR_BOTH T encoded(float value, const Plane& plane, float top) {
        const int code = static_cast<int>(least(most(rounded(value), 0.0f), top));
        return static_cast<T>(code << plane.shift);
    }
};

template <>
struct Samples<float> {
    static VSR_BOTH float decoded(float sample, const Plane&) { return sample; }
    static VSR_BOTH float encoded(float value, const Plane&, float) { return value; }
};

template <>
struct Samples<Half> {
    static VSR_BOTH float decoded(Half sample, const Plane&) { return to_float(sample); }
    static VSR_BOTH Half encoded(float value, const Plane&, float) { return to_half(value); }
};

template <class T>
VSR_BOTH float read(const Plane& plane, int x, int y) {
    return Samples<T>::decoded(*at<const T>(plane, x, y), plane);
}
template <class T>
VSR_BOTH void write(const Plane& plane, int x, int y, float value, float top) {
    *at<T>(plane, x, y) = Samples<T>::encoded(value, plane, top);
}

}  // namespace vsr
