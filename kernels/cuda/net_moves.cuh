// Steps of networks that only move or interpolate: a value of the result for each lane, place by place.
#pragma once
#include "net_ends.cuh"

namespace vsr {

constexpr int kMoveWide = 64, kMoveHigh = 16;  // pixels of the result that a block covers

// Lanes as they are.
template <class READER>
struct Copied {
    static VSR_DEVICE float at(const NetJob& job, int channel, int x, int y) {
        return READER::of(job, channel).at(job, x, y, job.width);
    }
};
// Lanes channel * FACTOR^2 + iy * FACTOR + ix are the pixels of a channel.
template <class READER, int FACTOR>
struct Shuffled {
    static VSR_DEVICE float at(const NetJob& job, int channel, int x, int y) {
        const int lane = (channel * FACTOR + y % FACTOR) * FACTOR + x % FACTOR;
        return READER::of(job, lane).at(job, x / FACTOR, y / FACTOR, job.width);
    }
};
// The reverse.
template <class READER, int FACTOR>
struct Unshuffled {
    static VSR_DEVICE float at(const NetJob& job, int channel, int x, int y) {
        const int u = x * FACTOR + channel % FACTOR, v = y * FACTOR + channel / FACTOR % FACTOR;
        return READER::of(job, channel / (FACTOR * FACTOR)).at(job, u, v, job.width);
    }
};
template <class READER, int FACTOR, int TAPS>
struct Grown {
    static VSR_DEVICE float at(const NetJob& job, int channel, int x, int y) {
        const READER reader = READER::of(job, channel);
        const auto across = Phase<TAPS>::of(job, x % FACTOR), down = Phase<TAPS>::of(job, y % FACTOR);
        return interpolated(across, down, [&](int column, int row) {
            const int u = Phase<TAPS>::inside(x / FACTOR + column, job.width);
            return reader.at(job, u, Phase<TAPS>::inside(y / FACTOR + row, job.height), job.width);
        });
    }
};

template <class FROM, class OUTPUT>
VSR_DEVICE void move(Block block, NoShared&, const NetJob& job) {
    block.each([&](int thread) {
        const int x = block.x * kMoveWide + thread % kMoveWide;
        for (int i = thread / kMoveWide; i < kMoveHigh; i += kThreads / kMoveWide) {
            const int y = block.y * kMoveHigh + i;
            if (x >= job.result.width || y >= job.result.height) return;
#pragma unroll 1
            for (int channel = 0; channel < (OUTPUT::kIsPlanes ? job.result.channels : job.result.filled); ++channel) {
                const float value = channel < job.result.channels ? FROM::at(job, channel, x, y) : 0.0f;
                OUTPUT::of(job, channel, x, y).put(job, 0, 0, value);
            }
        }
    });
}

}  // namespace vsr
