// Split rows over threads. Not for kernel files.
#pragma once
#include <algorithm>
#include <memory>
#include <thread>
#include <vector>
#include "kernels.hpp"

namespace vsr {

// Call work(first, last, scratch) on `threads` bands of `rows` rows at once, boundaries at multiples of `step`.
template <class Work>
void in_bands(int rows, int step, int threads, std::size_t scratch_floats, const Work& work) {
    const int steps = (rows + step - 1) / step;
    const int bands = std::max(1, std::min(threads, steps));
    const auto run = [&](int band) {
        const int first = int(std::int64_t(steps) * band / bands) * step;
        const int last = std::min(rows, int(std::int64_t(steps) * (band + 1) / bands) * step);
        const std::unique_ptr<float[]> memory(new float[scratch_floats + kBlock]());
        const auto misaligned = reinterpret_cast<std::uintptr_t>(memory.get()) % 64 / sizeof(float);
        work(first, last, memory.get() + (misaligned ? kBlock - misaligned : 0));
    };
    std::vector<std::thread> others;
    for (int band = 1; band < bands; ++band) others.emplace_back(run, band);
    run(0);
    for (auto& other : others) other.join();
}

}  // namespace vsr
