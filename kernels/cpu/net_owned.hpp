// A network program that owns its tables. Not for kernel files.
#pragma once
#include <memory>
#include <mutex>
#include <vector>
#include "bands.hpp"
#include "net.hpp"

namespace vsr {

// Takes numbers off two lists, one after the other; every read is checked.
class NetReader {
public:
    NetReader(const std::int32_t* ints, std::size_t num_ints, const float* floats, std::size_t num_floats)
        : int_(ints), int_end_(ints + num_ints), float_(floats), float_end_(floats + num_floats) {}

    int number(int low, int high);  // throws std::invalid_argument outside of that
    const std::int32_t* numbers(std::size_t count);
    const float* values(std::size_t count);
    bool at_end() const { return int_ == int_end_ && float_ == float_end_; }

private:
    const std::int32_t *int_, *int_end_;
    const float *float_, *float_end_;
};

// The lists, in this order. Buffers: count, then (planes, num, den, rows, pad, replicate, format) of each. Stages: count,
// then of each kind, out, size, dilation, factor, zero; planes: count, (buffer, plane); added: the same; activation,
// taps, mirror, taps' `first` (factor of them, of kEnlarge); blocks: count, then (outputs, a count for each kind, planes).
// Last scale, before, after, multiple. Values of each stage: bias, slopes, low, high, steps (two for each channel, of a
// result in bytes), weights of kEnlarge, weights and (with quads) gains of each block.
class OwnedNet {
public:
    // Throws std::invalid_argument for lists that do not hold together.
    OwnedNet(std::vector<std::int32_t> ints, std::vector<float> floats);
    OwnedNet(const OwnedNet&) = delete;
    OwnedNet& operator=(const OwnedNet&) = delete;

    NetProgram view{};

    // Scratch memory is kept for the next run: fresh pages cost as much as a small picture.
    std::unique_ptr<Floats> borrow(std::size_t floats);
    void give_back(std::unique_ptr<Floats> scratch);

private:
    void read_stage(NetReader& reader);
    std::vector<NetPlane> read_planes(NetReader& reader, bool any);
    void check_convolution(const NetStage& stage) const;

    std::vector<std::int32_t> ints_;
    std::vector<float> floats_;
    std::vector<NetBuffer> buffers_;
    std::vector<NetStage> stages_;
    std::vector<std::int32_t> makers_;
    std::vector<std::vector<NetPlane>> planes_;
    std::vector<std::vector<NetBlock>> blocks_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Floats>> spare_;
};

}  // namespace vsr
