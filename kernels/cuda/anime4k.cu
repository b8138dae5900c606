// Anime4K 0.9 on a picture that has its final size: push pixels of thin lines towards their lighter side, then of
// edges towards their flat side. A block does all steps on a tile, each on a border one pixel narrower.
#include "block.cuh"
#include "common/anime4k.hpp"
#include "common/planes.hpp"

namespace vsr {

struct Anime4kJob {
    Plane in[3], out[3];  // in: float32, of the picture's size
    float bias[3];        // added to what is written directly
    float luma[4];        // factors of the inputs, and what is added, to steer by
    float color_keep, color_take;
    float gradient_keep, gradient_take;
    float top;
    int direct[3];        // whether `out` has samples of the kernel's type, else float32 to be filtered further
    int inputs, outputs;
    int width, height;
};

constexpr int kPictureWide = 32, kPictureHigh = 16;

// A tile with a border of N pixels.
template <int N>
struct Border {
    static constexpr int kWide = kPictureWide + 2 * N, kHigh = kPictureHigh + 2 * N;
    float of[kHigh * kWide];

    VSR_BOTH float& at(int x, int y, const Block& block) {
        return of[(y - block.y * kPictureHigh + N) * kWide + x - block.x * kPictureWide + N];
    }
    VSR_BOTH Patch around(int x, int y, const Block& block, const Anime4kJob& job) {
        return patch_around(x, y, job.width, job.height, [&](int i, int j) { return at(i, j, block); });
    }
};

struct Anime4kShared {
    Border<3> color[3], luma;
    Border<2> pushed[3], pushed_luma;
    Border<1> gradient;
};

// Call f(x, y) for the pixels of the picture within a tile and its border of N.
template <int N, class F>
VSR_DEVICE void each_pixel(const Block& block, const Anime4kJob& job, const F& f) {
    block.each([&](int thread) {
#pragma unroll 1
        for (int i = thread; i < Border<N>::kWide * Border<N>::kHigh; i += kThreads) {
            const int x = block.x * kPictureWide - N + i % Border<N>::kWide;
            const int y = block.y * kPictureHigh - N + i / Border<N>::kWide;
            if (x >= 0 && y >= 0 && x < job.width && y < job.height) f(x, y);
        }
    });
}

template <int N>
VSR_DEVICE float weighed(Border<N>* components, int x, int y, const Block& block, const Anime4kJob& job) {
    float sum = components[0].at(x, y, block) * job.luma[0];
    for (int i = 1; i < job.inputs; ++i) sum = sum + components[i].at(x, y, block) * job.luma[i];
    return sum + job.luma[3];
}

template <class Out>
VSR_DEVICE void anime4k(Block block, Anime4kShared& shared, const Anime4kJob& job) {
    each_pixel<3>(block, job, [&](int x, int y) {
        for (int i = 0; i < job.inputs; ++i) shared.color[i].at(x, y, block) = read<float>(job.in[i], x, y);
        shared.luma.at(x, y, block) = weighed(shared.color, x, y, block, job);
    });
    each_pixel<2>(block, job, [&](int x, int y) {
        const int chosen = lightest(shared.luma.around(x, y, block, job), job.color_keep, job.color_take);
#pragma unroll 1
        for (int i = 0; i < job.inputs; ++i)
            shared.pushed[i].at(x, y, block) =
                moved(shared.color[i].around(x, y, block, job), chosen, job.color_keep, job.color_take);
        shared.pushed_luma.at(x, y, block) = weighed(shared.pushed, x, y, block, job);
    });
    each_pixel<1>(block, job, [&](int x, int y) {
        shared.gradient.at(x, y, block) = flatness(shared.pushed_luma.around(x, y, block, job));
    });
    each_pixel<0>(block, job, [&](int x, int y) {
        const int chosen = first_match(shared.gradient.around(x, y, block, job));
#pragma unroll 1
        for (int i = 0; i < job.outputs; ++i) {
            const float value =
                moved(shared.pushed[i].around(x, y, block, job), chosen, job.gradient_keep, job.gradient_take);
            if (job.direct[i]) write<Out>(job.out[i], x, y, value + job.bias[i], job.top);
            else write<float>(job.out[i], x, y, value, job.top);
        }
    });
}

}  // namespace vsr

VSR_KERNEL(anime4k_u8, vsr::Anime4kJob, vsr::Anime4kShared, vsr::anime4k<vsr::u8>)
VSR_KERNEL(anime4k_u16, vsr::Anime4kJob, vsr::Anime4kShared, vsr::anime4k<vsr::u16>)
VSR_KERNEL(anime4k_f16, vsr::Anime4kJob, vsr::Anime4kShared, vsr::anime4k<vsr::Half>)
VSR_KERNEL(anime4k_f32, vsr::Anime4kJob, vsr::Anime4kShared, vsr::anime4k<float>)
