// Four neighbours of a row in one access, where they lie aligned, or one by one.
//
// An access of a plane has 4, 8 or 16 bytes; one of the two planes of semi-planar chroma (NV12, P010) twice as many.
#pragma once
#include "planes.hpp"

#ifdef __CUDACC__
#define VSR_ALIAS
#else
#define VSR_ALIAS [[gnu::may_alias]]
#endif

namespace vsr {

// N values that lie aligned as one.
template <class T, int N>
struct alignas(N * sizeof(T)) VSR_ALIAS Wide {
    T of[N];
};
template <class T>
using Quad = Wide<T, 4>;

template <class T, int N>
VSR_BOTH bool is_wide(const T* from) {
    return reinterpret_cast<unsigned long long>(from) % (N * sizeof(T)) == 0;
}

// Samples x .. x + 3 of row y, of which `count` exist.
template <class T>
VSR_BOTH Quad<T> read_quad(const Plane& plane, int x, int y, int count) {
    const T* from = at<const T>(plane, x, y);
    if (count >= 4 && plane.step == 1 && is_wide<T, 4>(from)) return *reinterpret_cast<const Quad<T>*>(from);
    Quad<T> quad = {};
#pragma unroll
    for (int i = 0; i < 4; ++i)
        if (i < count) quad.of[i] = from[i * plane.step];
    return quad;
}

template <class T>
VSR_BOTH void write_quad(const Plane& plane, int x, int y, int count, const Quad<T>& quad) {
    T* to = at<T>(plane, x, y);
    if (count >= 4 && plane.step == 1 && is_wide<T, 4>(to)) {
        *reinterpret_cast<Quad<T>*>(to) = quad;
        return;
    }
#pragma unroll
    for (int i = 0; i < 4; ++i)
        if (i < count) to[i * plane.step] = quad.of[i];
}

// Whether the samples of two planes alternate.
template <class T>
VSR_BOTH bool alternate(const Plane* planes) {
    return planes[0].step == 2 && planes[1].step == 2 && planes[0].stride == planes[1].stride &&
           static_cast<T*>(planes[0].data) + 1 == planes[1].data;
}

// The same of N planes of one size.
template <class T, int N>
VSR_BOTH void read_quads(const Plane* planes, int x, int y, int count, Quad<T>* quads) {
    if constexpr (N == 2) {
        const T* from = at<const T>(planes[0], x, y);
        if (count >= 4 && alternate<T>(planes) && is_wide<T, 8>(from)) {
            const Wide<T, 8> both = *reinterpret_cast<const Wide<T, 8>*>(from);
#pragma unroll
            for (int i = 0; i < 8; ++i) quads[i % 2].of[i / 2] = both.of[i];
            return;
        }
    }
#pragma unroll
    for (int i = 0; i < N; ++i) quads[i] = read_quad<T>(planes[i], x, y, count);
}

template <class T, int N>
VSR_BOTH void write_quads(const Plane* planes, int x, int y, int count, const Quad<T>* quads) {
    if constexpr (N == 2) {
        T* to = at<T>(planes[0], x, y);
        if (count >= 4 && alternate<T>(planes) && is_wide<T, 8>(to)) {
            Wide<T, 8> both;
#pragma unroll
            for (int i = 0; i < 8; ++i) both.of[i] = quads[i % 2].of[i / 2];
            *reinterpret_cast<Wide<T, 8>*>(to) = both;
            return;
        }
    }
#pragma unroll
    for (int i = 0; i < N; ++i) write_quad(planes[i], x, y, count, quads[i]);
}

// As float32.
template <class T>
VSR_BOTH Quad<float> decoded(const Quad<T>& quad, const Plane& plane) {
    Quad<float> values;
#pragma unroll
    for (int i = 0; i < 4; ++i) values.of[i] = Samples<T>::decoded(quad.of[i], plane);
    return values;
}

template <class T>
VSR_BOTH Quad<T> encoded(const Quad<float>& values, const Plane& plane, float top) {
    Quad<T> quad;
#pragma unroll
    for (int i = 0; i < 4; ++i) quad.of[i] = Samples<T>::encoded(values.of[i], plane, top);
    return quad;
}

}  // namespace vsr
