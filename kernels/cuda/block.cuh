// How kernels are written, so that the same source runs on a CPU in tests.
//
// A kernel is a function of (Block, Shared&, Job). Its work is a sequence of phases, `block.each(f)`: f is called once
// for every thread of the block, and a barrier follows. What a thread keeps between phases lies in a PerThread.
// The host's versions of these (tests/cuda/shim.hpp) run the threads of a phase one by one, forward or reversed.
#pragma once

constexpr int kThreads = 256;
constexpr int kBlocks = 4;  // that a multiprocessor shall hold at once: at most 64 registers a thread

// Shared memory of kernels that need none.
struct NoShared {};

#ifdef __CUDACC__

#define VSR_DEVICE __device__ __forceinline__

struct Block {
    int x, y;

    template <class F>
    VSR_DEVICE void each(const F& f) const {
        f(static_cast<int>(threadIdx.x));
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

#define VSR_KERNEL(NAME, JOB, SHARED, ...)                                                                \
    extern "C" __global__ void __launch_bounds__(kThreads, kBlocks) NAME(const __grid_constant__ JOB job) { \
        __shared__ SHARED shared;                                                                         \
        __VA_ARGS__(Block{static_cast<int>(blockIdx.x), static_cast<int>(blockIdx.y)}, shared, job);      \
    }

#else
#include "shim.hpp"
#endif
