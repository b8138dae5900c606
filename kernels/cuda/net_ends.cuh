// What networks read and write besides their own buffers: pictures, sums, samples.
#pragma once
#include "block.cuh"
#include "common/banks.hpp"
#include "common/found.hpp"
#include "common/planes.hpp"

namespace vsr {

// Channels `stride` values apart from pixel to pixel. A buffer is one or more of these, one after another.
struct Slab {
    const void* data;
    int stride, unused;
};

// One channel of a buffer, or a component of the picture.
struct Lane {
    const void* data;
    int stride, component;
};

struct NetPicture {
    Plane planes[3];
    Way ways[3];  // to the luma's grid
    float gain;   // of codes: a power of two, so that they are exact, and 1 at most
};

struct NetResult {
    void* data;  // a buffer's slabs, or null
    Plane planes[3];
    int width, height, channels;
    int filled;  // channels of all slabs: those beyond the last must be finite, as weights of 0 do not hide NaN
    float gain, top;
    Found* found;  // or null
};

// The argument of all kernels of networks; vsr/engine/fused_cuda/jobs.py mirrors it.
struct NetJob {
    NetPicture picture;
    const Slab* slabs;     // that a convolution reads
    const void* weights;
    const float* biases;   // of every position of the result, as are the slopes
    const float* slopes;
    const Lane* lanes;     // what is added, or gathered
    const int* first;      // of an enlargement, for each phase: the first sample, and the weights
    const float* phases;
    NetResult result;
    int width, height;     // of what is read
    int passes, zero;      // number of slabs; whether zeros lie outside
    float low, high;       // of a clamp
};

// Values between layers: halves, or float32.
VSR_DEVICE float value_as_float(Half value) { return to_float(value); }
VSR_DEVICE float value_as_float(float value) { return value; }
template <class T>
struct ValueOf;
template <>
struct ValueOf<Half> {
    static VSR_DEVICE Half from(float value) { return to_half(value); }
};
template <>
struct ValueOf<float> {
    static VSR_DEVICE float from(float value) { return value; }
};

// Values next to each other, moved at once.
template <class T, int COUNT>
struct alignas(COUNT * sizeof(T)) Some {
    T of[COUNT];
};

// The same as words, which GPUs move without looking at the values.
template <int BYTES>
struct alignas(BYTES) Words {
    u32 of[BYTES / 4];
};

// What was written before the kernel began.
VSR_DEVICE Words<8> loaded(const Words<8>* from) {
#ifdef __CUDA_ARCH__
    const uint2 two = __ldg(reinterpret_cast<const uint2*>(from));
    return {{two.x, two.y}};
#else
    return *from;
#endif
}
VSR_DEVICE Words<16> loaded(const Words<16>* from) {
#ifdef __CUDA_ARCH__
    const uint4 four = __ldg(reinterpret_cast<const uint4*>(from));
    return {{four.x, four.y, four.z, four.w}};
#else
    return *from;
#endif
}

// Tables do not change while a kernel runs.
template <class T>
VSR_DEVICE T constant(const T* table) {
#ifdef __CUDA_ARCH__
    return __ldg(table);
#else
    return *table;
#endif
}

// Float32 on a GPU; the faster ones are off by 2 of the last bits.
template <bool IS_EXACT>
VSR_DEVICE float exponential(float x) {
#ifdef __CUDA_ARCH__
    return IS_EXACT ? expf(x) : __expf(x);
#else
    return __builtin_expf(x);
#endif
}
template <bool IS_EXACT>
VSR_DEVICE float one_over(float x) {
#ifdef __CUDA_ARCH__
    return IS_EXACT ? 1 / x : __fdividef(1, x);
#else
    return 1 / x;
#endif
}
// a * b + c, on a GPU rounded once.
VSR_DEVICE float fused(float a, float b, float c) {
#ifdef __CUDA_ARCH__
    return __fmaf_rn(a, b, c);
#else
    return a * b + c;
#endif
}

// A component of the picture, whose samples are S, on the luma's grid: where it has the luma's size, or brought there.
template <class S>
struct Direct {
    static constexpr int kUnroll = 4;
    static VSR_DEVICE float read(const NetPicture& picture, int component, int x, int y) {
        return picture.gain * vsr::read<S>(picture.planes[component], x, y);
    }
};
template <class S>
struct Brought {
    static constexpr int kUnroll = 1;  // its loops would fill the instruction cache
    static VSR_DEVICE float read(const NetPicture& picture, int component, int x, int y) {
        return picture.gain * brought(picture.ways[component], x, y, [&](int column, int row) {
                   return vsr::read<S>(picture.planes[component], column, row);
               });
    }
};

// Lanes in buffers of T, of the size of what is read (or of the result, then `wide` is its width).
template <class T>
struct InBuffers {
    const T* data;
    u32 stride;

    static VSR_DEVICE InBuffers of(const NetJob& job, int lane) {
        return {static_cast<const T*>(job.lanes[lane].data), u32(job.lanes[lane].stride)};
    }
    VSR_DEVICE float at(const NetJob&, int x, int y, int wide) const {
        return value_as_float(data[u32(y * wide + x) * stride]);
    }
};
// Components of the picture.
template <class COMPONENTS>
struct InPicture {
    int component;

    static VSR_DEVICE InPicture of(const NetJob& job, int lane) { return {job.lanes[lane].component}; }
    VSR_DEVICE float at(const NetJob& job, int x, int y, int) const {
        return COMPONENTS::read(job.picture, component, x, y);
    }
};

// One phase of an enlargement, along an axis: the first sample, from that it belongs to, and weights.
// TAPS: 1 nearest, 2 bilinear, 4 bicubic.
template <int TAPS>
struct Phase {
    int first;
    float weights[TAPS];

    static VSR_DEVICE Phase of(const NetJob& job, int phase) {
        Phase own;
        own.first = constant(job.first + phase);
#pragma unroll
        for (int i = 0; i < TAPS; ++i) own.weights[i] = constant(job.phases + phase * TAPS + i);
        return own;
    }
    static VSR_DEVICE int inside(int i, int size) { return TAPS == 4 ? mirrored(i, size) : within(i, size); }
};

// The sum over both axes of weights times value(column, row), from the first of each.
template <int TAPS, class F>
VSR_DEVICE float interpolated(const Phase<TAPS>& across, const Phase<TAPS>& down, const F& value) {
    float sum = 0;
#pragma unroll
    for (int i = 0; i < TAPS; ++i) {
        float along = across.weights[0] * value(across.first, down.first + i);
#pragma unroll
        for (int j = 1; j < TAPS; ++j) along = fused(across.weights[j], value(across.first + j, down.first + i), along);
        sum = fused(down.weights[i], along, sum);
    }
    return sum;
}

// Where a pixel lies in its block, and in the picture.
struct Spot {
    int column, row, x, y;

    VSR_DEVICE Spot moved(int right, int down) const { return {column + right, row + down, x + right, y + down}; }
};

// What is added to a result FACTOR times as large as the pixels it is worked out at: `of` a channel and phase, `at` one.
struct Nothing {
    struct Shared {};
    static constexpr bool kIsFilled = false;

    static VSR_DEVICE Nothing of(const NetJob&, int, int, int) { return {}; }
};
template <class ADDED>
struct IsNothing {
    static constexpr bool kIs = false;
};
template <>
struct IsNothing<Nothing> {
    static constexpr bool kIs = true;
};
template <class READER, int FACTOR>
struct SameSize {
    struct Shared {};
    static constexpr bool kIsFilled = false;
    READER reader;
    int phase_x, phase_y;

    static VSR_DEVICE SameSize of(const NetJob& job, int channel, int phase_x, int phase_y) {
        return {READER::of(job, channel), phase_x, phase_y};
    }
    VSR_DEVICE float at(const NetJob& job, const Shared&, const Spot& spot) const {
        return reader.at(job, spot.x * FACTOR + phase_x, spot.y * FACTOR + phase_y, job.result.width);
    }
};
// COUNT lanes, which the block keeps with the halo of a tile of WIDE x HIGH.
template <class READER, int TAPS, int COUNT, int WIDE, int HIGH>
struct Enlarged {
    static constexpr int kHalo = TAPS / 2, kColumns = WIDE + 2 * kHalo, kRows = HIGH + 2 * kHalo;
    static constexpr bool kIsFilled = true;
    struct Shared {
        float lanes[COUNT][kRows][kColumns];
    };
    int channel;
    Phase<TAPS> across, down;

    static VSR_DEVICE void fill(Block block, Shared& shared, const NetJob& job) {
        block.each([&](int thread) {
#pragma unroll 1
            for (u32 i = thread; i < COUNT * kRows * kColumns; i += kThreads) {
                const int column = i % kColumns, row = i / kColumns % kRows, lane = i / kColumns / kRows;
                const int x = Phase<TAPS>::inside(block.x * WIDE + column - kHalo, job.width);
                const int y = Phase<TAPS>::inside(block.y * HIGH + row - kHalo, job.height);
                shared.lanes[lane][row][column] = READER::of(job, lane).at(job, x, y, job.width);
            }
        });
    }
    static VSR_DEVICE Enlarged of(const NetJob& job, int channel, int phase_x, int phase_y) {
        return {channel, Phase<TAPS>::of(job, phase_x), Phase<TAPS>::of(job, phase_y)};
    }
    VSR_DEVICE float at(const NetJob&, const Shared& shared, const Spot& spot) const {
        return interpolated(across, down, [&](int column, int row) {
            return shared.lanes[channel][spot.row + kHalo + row][spot.column + kHalo + column];
        });
    }
};

// A buffer: slabs of WIDTH channels, one after another, pixels by rows. `of` a channel and pixel, `put` so far from it.
template <class T, int WIDTH>
struct ToBuffer {
    static constexpr int kSpan = WIDTH;
    static constexpr bool kIsPlanes = false;
    T* data;

    static VSR_DEVICE ToBuffer of(const NetJob& job, int channel, int x, int y) {
        const long long row = static_cast<long long>(job.result.height) * (channel / WIDTH) + y;
        return {static_cast<T*>(job.result.data) + (row * job.result.width + x) * WIDTH + channel % WIDTH};
    }
    VSR_DEVICE T* at(const NetJob& job, int right, int down) const {
        return data + down * (job.result.width * WIDTH) + right * WIDTH;
    }
    VSR_DEVICE void put(const NetJob& job, int right, int down, float value) const {
        *at(job, right, down) = ValueOf<T>::from(value);
    }
    // This channel and its neighbours, in one store.
    template <int COUNT>
    VSR_DEVICE void put_all(const NetJob& job, int right, int down, const float (&values)[COUNT]) const {
        Some<T, COUNT> some;
#pragma unroll
        for (int i = 0; i < COUNT; ++i) some.of[i] = ValueOf<T>::from(values[i]);
        *reinterpret_cast<Some<T, COUNT>*>(at(job, right, down)) = some;
    }
};

// Planes of the target, whose samples are S.
template <class S>
struct ToPlanes {
    static constexpr int kSpan = 8;
    static constexpr bool kIsPlanes = true;
    Plane plane;

    static VSR_DEVICE ToPlanes of(const NetJob& job, int channel, int x, int y) {
        ToPlanes own = {job.result.planes[channel]};
        own.plane.data = vsr::at<S>(own.plane, x, y);
        return own;
    }
    VSR_DEVICE void put(const NetJob& job, int right, int down, float value) const {
        look_at(job.result.found, value);
        vsr::write<S>(plane, right, down, value * job.result.gain, job.result.top);
    }
};

}  // namespace vsr
