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

template <class T>
struct Samples {  // u8 and u16
    static VSR_BOTH float read(const Plane& plane, int x, int y) {
        return static_cast<float>(*at<T>(plane, x, y) >> plane.shift);
    }
    // Rounded, halves to even, and clamped to 0..top.
    static VSR_BOTH void write(const Plane& plane, int x, int y, float value, float top) {
        const int code = static_cast<int>(least(most(rounded(value), 0.0f), top));
        *at<T>(plane, x, y) = static_cast<T>(code << plane.shift);
    }
};

template <>
struct Samples<float> {
    static VSR_BOTH float read(const Plane& plane, int x, int y) { return *at<float>(plane, x, y); }
    static VSR_BOTH void write(const Plane& plane, int x, int y, float value, float) { *at<float>(plane, x, y) = value; }
};

template <>
struct Samples<Half> {
    static VSR_BOTH float read(const Plane& plane, int x, int y) { return to_float(*at<Half>(plane, x, y)); }
    static VSR_BOTH void write(const Plane& plane, int x, int y, float value, float) {
        *at<Half>(plane, x, y) = to_half(value);
    }
};

}  // namespace vsr
