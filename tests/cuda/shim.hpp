// The host's side of kernels/cuda/block.cuh: a kernel becomes a function that runs all blocks, one thread after another.
//
// In both orders the results must be equal: if they are not, a phase depends on which thread comes first, a race.
#pragma once

#define VSR_DEVICE inline

struct Block {
    int x, y;
    bool reversed;

    template <class F>
    void each(const F& f) const {
        for (int i = 0; i < kThreads; ++i) f(reversed ? kThreads - 1 - i : i);
    }
};

inline void raise_to(unsigned* shared, unsigned value) { *shared = value > *shared ? value : *shared; }

template <class T>
struct PerThread {
    T own[kThreads];
    T& operator[](int thread) { return own[thread]; }
};

#define VSR_KERNEL(NAME, JOB, SHARED, ...)                                                                   \
    extern "C" __attribute__((visibility("default"))) void NAME(const JOB* job, int wide, int high, int reversed) { \
        static SHARED shared;                                                                                \
        for (int i = 0; i < wide * high; ++i) {                                                              \
            const int block = reversed ? wide * high - 1 - i : i;                                            \
            __builtin_memset(&shared, 0xff, sizeof shared); /* NaN: what was not written shows */            \
            __VA_ARGS__(Block{block % wide, block / wide, reversed != 0}, shared, *job);                     \
        }                                                                                                    \
    }                                                                                                        \
    extern "C" __attribute__((visibility("default"))) const int NAME##_job_bytes = int(sizeof(JOB));
