// How kernels are written, so that the same source runs on a CPU in tests.
//
// A kernel is a function of (Block, Shared&, Job). Its work is a sequence of phases, `block.each(f)`: f is called once
// for every thread of the block, and a barrier follows. What a thread keeps between phases lies in a PerThread.
// Where a warp works as one, `block.each_warp(f)` calls f once for each; what it keeps between phases lies in a PerWarp.
// The host's versions of these (tests/cuda/shim.hpp) run the threads of a phase one by one, forward or reversed.
#pragma once

constexpr int kThreads = 256;
constexpr int kBlocks = 4;  // that a multiprocessor shall hold at once: at most 64 registers a thread
constexpr int kWarpThreads = 32;  // threads of a warp
constexpr int kWarps = kThreads / kWarpThreads;

// Shared memory of kernels that need none.
struct NoShared {};

#ifdef __CUDACC__

#define VSR_DEVICE __device__ __forceinline__

struct Warp {
    int index;

    // f(lane), for each of its threads.
    template <class F>
    VSR_DEVICE void each_lane(const F& f) const {
        f(static_cast<int>(threadIdx.x) % kWarpThreads);
    }
};

struct Block {
    int x, y;

    template <class F>
    VSR_DEVICE void each(const F& f) const {
        f(static_cast<int>(threadIdx.x));
        __syncthreads();
    }
    template <class F>
    VSR_DEVICE void each_warp(const F& f) const {
        f(Warp{static_cast<int>(threadIdx.x) / kWarpThreads});
        __syncthreads();
    }
};

// Raise a value that threads of all blocks share.
VSR_DEVICE void raise_to(unsigned* shared, unsigned value) { atomicMax(shared, value); }

template <class T>
struct PerThread {
    T own;
    VSR_DEVICE T& operator[](int) { return own; }
};

template <class T>
struct PerWarp {
    T own;
    VSR_DEVICE T& operator[](Warp) { return own; }
};

// BLOCKS is how many a multiprocessor shall hold at once, where that is not kBlocks.
#define VSR_KERNEL_OF(NAME, JOB, SHARED, BLOCKS, ...)                                                    \
    extern "C" __global__ void __launch_bounds__(kThreads, BLOCKS) NAME(const __grid_constant__ JOB job) { \
        __shared__ SHARED shared;                                                                        \
        __VA_ARGS__(Block{static_cast<int>(blockIdx.x), static_cast<int>(blockIdx.y)}, shared, job);     \
    }

#else
#include "shim.hpp"
#endif

#define VSR_KERNEL(NAME, JOB, SHARED, ...) VSR_KERNEL_OF(NAME, JOB, SHARED, kBlocks, __VA_ARGS__)
