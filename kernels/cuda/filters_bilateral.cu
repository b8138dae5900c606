// Denoising by what is near and alike: kernels/common/bilateral.hpp, vsr/ops/shader_filters/bilateral.py.
//
// Median and mode weigh each neighbour of each pixel by a thread of its own, in shared memory; so a tile has the
// fewer pixels, the more neighbours there are.
#include "common/planes.hpp"
#include "common/scalar.hpp"
#include "common/bilateral.hpp"
#include "tiles.cuh"

namespace vsr {

struct BilateralJob {
    Plane in[3], out[3];
    Plane luma;            // of `in`; not for the mean
    const float* spatial;  // the weights of places, row by row
    int radius;
    int wide, high;        // pixels of a tile
    float sigma, curve, regularization;
};

constexpr int kMeanWide = 32, kMeanHigh = 8;
constexpr int kMostRadius = 8;
constexpr int kWeights = 2704;  // neighbours of a tile's pixels
constexpr int kAround = 448;    // pixels of a tile and its border

struct MeanShared {
    Surroundings<(kMeanWide + 2 * kMostRadius) * (kMeanHigh + 2 * kMostRadius)> around;
};

VSR_DEVICE void mean(Block block, MeanShared& shared, const BilateralJob& job) {
    const int x0 = block.x * kMeanWide, y0 = block.y * kMeanHigh, radius = job.radius, side = 2 * radius + 1;
    const int pitch = kMeanWide + 2 * radius, width = job.out[0].width, height = job.out[0].height;
    const Narrowness narrowness(job.sigma, job.curve);
#pragma unroll 1
    for (int plane = 0; plane < 3; ++plane) {
        shared.around.fill(block, x0 - radius, y0 - radius, pitch, kMeanHigh + 2 * radius, width, height,
                           [&](int x, int y) { return *at<float>(job.in[plane], x, y); });
        block.each([&](int thread) {
            const int column = thread % kMeanWide, row = thread / kMeanWide;
            if (x0 + column >= width || y0 + row >= height) return;
            const float* around = shared.around.of + row * pitch + column;
            const float here = around[radius * pitch + radius], narrow = narrowness(here);
            float sum = 0.0f, total = 0.0f;
#pragma unroll 1
            for (int i = 0; i < side * side; ++i) {
                const float value = around[i / side * pitch + i % side];
                const float weight = bell(value - here, narrow) * job.spatial[i];
                sum = sum + weight * value;
                total = total + weight;
            }
            *at<float>(job.out[plane], x0 + column, y0 + row) = sum / total;
        });
    }
}

// Neighbour i of pixel p lies at [i * pixels + p] of the weights.
struct ChoiceShared {
    Surroundings<kAround> luma, red;
    float weights[kWeights], spread[kWeights];
    float narrow[kThreads], total[kThreads];
};

// The tile of a block: its pixels, their neighbours, and where those lie.
struct Choice {
    const Block& block;
    ChoiceShared& shared;
    const BilateralJob& job;
    int side, count, pixels, pitch;

    VSR_DEVICE Choice(const Block& block, ChoiceShared& shared, const BilateralJob& job)
        : block(block), shared(shared), job(job), side(2 * job.radius + 1), count(side * side),
          pixels(job.wide * job.high), pitch(job.wide + 2 * job.radius) {}

    // Where in the surroundings neighbour i of pixel p lies.
    VSR_DEVICE int place(int p, int i) const {
        return (p / job.wide + i / side) * pitch + p % job.wide + i % side;
    }
    template <class F>
    VSR_DEVICE void each_pixel(const F& f) const {
        block.each([&](int thread) {
            if (thread < pixels) f(thread);
        });
    }
    // Call f(p, i) for all neighbours of all pixels.
    template <class F>
    VSR_DEVICE void each_neighbour(const F& f) const {
        block.each([&](int thread) {
#pragma unroll 1
            for (int at = thread; at < pixels * count; at += kThreads) f(at % pixels, at / pixels);
        });
    }

    VSR_DEVICE void read(Surroundings<kAround>& into, const Plane& plane) const {
        into.fill(block, block.x * job.wide - job.radius, block.y * job.high - job.radius, pitch,
                  job.high + 2 * job.radius, plane.width, plane.height,
                  [&](int x, int y) { return *at<float>(plane, x, y); });
    }

    VSR_DEVICE void weigh() const {
        read(shared.luma, job.luma);
        const Narrowness narrowness(job.sigma, job.curve);
        each_pixel([&](int p) { shared.narrow[p] = narrowness(shared.luma.of[place(p, count / 2)]); });
        each_neighbour([&](int p, int i) {
            const float distance = shared.luma.of[place(p, i)] - shared.luma.of[place(p, count / 2)];
            shared.weights[i * pixels + p] = bell(distance, shared.narrow[p]) * job.spatial[i];
        });
        if (job.regularization > 0.0f) regularize();
    }

    VSR_DEVICE void regularize() const {
        const float narrow = 1.0f / job.regularization;
        each_neighbour([&](int p, int i) {
            const float own = shared.luma.of[place(p, i)];
            float sum = 0.0f;
#pragma unroll 1
            for (int j = 0; j < count; ++j) {
                const float likeness = bell(shared.luma.of[place(p, j)] - own, narrow);
                const float weight = shared.weights[j * pixels + p];
                sum = sum + (i == j ? weight : likeness * weight);
            }
            shared.spread[i * pixels + p] = sum;
        });
        each_neighbour([&](int p, int i) { shared.weights[i * pixels + p] = shared.spread[i * pixels + p]; });
    }

    // Write neighbour i of pixel p; itself where i is -1.
    VSR_DEVICE void write(int p, int i) const {
        const int x = block.x * job.wide + p % job.wide, y = block.y * job.high + p / job.wide;
        if (x >= job.out[0].width || y >= job.out[0].height) return;
        const int chosen = i < 0 ? count / 2 : i;
        const int column = within(x - job.radius + chosen % side, job.out[0].width);
        const int row = within(y - job.radius + chosen / side, job.out[0].height);
#pragma unroll
        for (int plane = 0; plane < 3; ++plane) *at<float>(job.out[plane], x, y) = *at<float>(job.in[plane], column, row);
    }
};

VSR_DEVICE void mode(Block block, ChoiceShared& shared, const BilateralJob& job) {
    const Choice choice(block, shared, job);
    choice.weigh();
    choice.each_pixel([&](int p) {
        int chosen = -1;
        float largest = 0.0f;
#pragma unroll 1
        for (int i = 0; i < choice.count; ++i) {
            const float weight = shared.weights[i * choice.pixels + p];
            if (!(largest > weight)) chosen = i;
            largest = most(weight, largest);
        }
        choice.write(p, chosen);
    });
}

VSR_DEVICE void median(Block block, ChoiceShared& shared, const BilateralJob& job) {
    const Choice choice(block, shared, job);
    choice.weigh();
    choice.read(shared.red, job.in[0]);
    choice.each_pixel([&](int p) {
        float total = 0.0f;
#pragma unroll 1
        for (int i = 0; i < choice.count; ++i) total = total + shared.weights[i * choice.pixels + p];
        shared.total[p] = total;
    });
    choice.each_neighbour([&](int p, int i) {  // 1 where it is a median
        const float own = shared.red.of[choice.place(p, i)], total = shared.total[p];
        float above = 0.0f, under = 0.0f;
#pragma unroll 1
        for (int j = 0; j < choice.count; ++j) {
            const float red = shared.red.of[choice.place(p, j)], weight = shared.weights[j * choice.pixels + p];
            above = above + (red > own ? weight : 0.0f);
            under = under + (own > red ? weight : 0.0f);
        }
        const bool misses = 0.5f > (total - above) / total || under / total > 0.5f;
        shared.spread[i * choice.pixels + p] = misses ? 0.0f : 1.0f;
    });
    choice.each_pixel([&](int p) {
        int chosen = 0;
        while (chosen < choice.count && shared.spread[chosen * choice.pixels + p] == 0.0f) ++chosen;
        choice.write(p, chosen < choice.count ? chosen : -1);
    });
}

}  // namespace vsr

VSR_KERNEL(bilateral_mean, vsr::BilateralJob, vsr::MeanShared, vsr::mean)
VSR_KERNEL(bilateral_median, vsr::BilateralJob, vsr::ChoiceShared, vsr::median)
VSR_KERNEL(bilateral_mode, vsr::BilateralJob, vsr::ChoiceShared, vsr::mode)
