// The host's side of kernels/cuda/block.cuh: a kernel becomes a function that runs all blocks, one thread after another.
//
// In both orders the results must be equal: if they are not, a phase depends on which thread comes first, a race.
#pragma once

#define VSR_DEVICE inline

struct Warp {
    int index;
    bool reversed;

    template <class F>
    void each_lane(const F& f) const {
        for (int i = 0; i < kWarpThreads; ++i) f(reversed ? kWarpThreads - 1 - i : i);
    }
};

struct Block {
    int x, y;
    bool reversed;

    template <class F>
    void each(const F& f) const {
        for (int i = 0; i < kThreads; ++i) f(reversed ? kThreads - 1 - i : i);
    }
    template <class F>
    void each_warp(const F& f) const {
        for (int i = 0; i < kWarps; ++i) f(Warp{reversed ? kWarps - 1 - i : i, reversed});
    }
};

inline void raise_to(unsigned* shared, unsigned value) { *shared = value > *shared ? value : *shared; }

template <class T>
struct PerThread {
    T own[kThreads];
    T& operator[](int thread) { return own[thread]; }
};

template <class T>
struct PerWarp {
    T own[kWarps];
    T& operator[](Warp warp) { return own[warp.index]; }
};

#define VSR_KERNEL_OF(NAME, JOB, SHARED, BLOCKS, ...)                                                        \
    extern "C" __attribute__((visibility("default"))) void NAME(const JOB* job, int wide, int high, int reversed) { \
        static SHARED shared;                                                                                \
        for (int i = 0; i < wide * high; ++i) {                                                              \
            const int block = reversed ? wide * high - 1 - i : i;                                            \
            __builtin_memset(&shared, 0xff, sizeof shared); /* NaN: what was not written shows */            \
            __VA_ARGS__(Block{block % wide, block / wide, reversed != 0}, shared, *job);                     \
        }                                                                                                    \
    }                                                                                                        \
    extern "C" __attribute__((visibility("default"))) const int NAME##_job_bytes = int(sizeof(JOB));
