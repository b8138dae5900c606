// Split rows over threads. Not for kernel files.
#pragma once
#include <algorithm>
#include <memory>
#include <exception>
#include <thread>
#include <vector>
#include "kernels.hpp"

namespace vsr {

// Floats at a multiple of 64 bytes, all zero.
class Floats {
public:
    explicit Floats(std::size_t count) : memory_(new float[count + kBlock]()), size_(count) {}
    std::size_t size() const { return size_; }
    float* data() const {
        const auto past = reinterpret_cast<std::uintptr_t>(memory_.get()) % 64 / sizeof(float);
        return memory_.get() + (past ? kBlock - past : 0);
    }

private:
    std::unique_ptr<float[]> memory_;
    std::size_t size_;
};

constexpr int kMostBands = 64;  // each has memory of its own
inline int num_bands(int rows, int step, int threads) {
    return std::max(1, std::min({threads, (rows + step - 1) / step, kMostBands}));
}

// Call work(first, last, scratch[band]) on bands of `rows` rows at once, one for each piece of scratch memory, their
// boundaries at multiples of `step`. A thread that the system refuses has its band done by another.
template <class Scratch, class Work>
void in_bands_with(const Scratch& scratch, int rows, int step, const Work& work) {
    const int steps = (rows + step - 1) / step, bands = int(scratch.size());
    const auto run = [&](int band) {
        const int first = int(std::int64_t(steps) * band / bands) * step;
        const int last = std::min(rows, int(std::int64_t(steps) * (band + 1) / bands) * step);
        work(first, last, scratch[std::size_t(band)]->data());
    };
    std::vector<std::thread> others;
    others.reserve(std::size_t(bands));
    for (int band = 1; band < bands; ++band) {
        try {
            others.emplace_back(run, band);
        } catch (const std::exception&) {  // no thread, or no memory for one
            run(band);
        }
    }
    run(0);
    for (auto& other : others) other.join();
}

// The same on `threads` bands at most, with memory of their own. Throws std::bad_alloc before any work has begun.
template <class Work>
void in_bands(int rows, int step, int threads, std::size_t scratch_floats, const Work& work) {
    std::vector<std::unique_ptr<Floats>> scratch;
    for (int band = num_bands(rows, step, threads); band > 0; --band)
        scratch.push_back(std::make_unique<Floats>(scratch_floats));
    in_bands_with(scratch, rows, step, work);
}

}  // namespace vsr
