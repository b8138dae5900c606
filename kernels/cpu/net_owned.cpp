#include "net_owned.hpp"

#include <stdexcept>

namespace vsr {

namespace {

constexpr int kMost = 1 << 16;
constexpr int kMostStages = 1 << 12;  // one calls the one before: all of them have to fit on a thread's stack

void require(bool condition) {
    if (!condition) throw std::invalid_argument("the stages of a network do not fit together");
}

}  // namespace

int NetReader::number(int low, int high) {
    require(int_ < int_end_ && *int_ >= low && *int_ <= high);
    return *int_++;
}

const std::int32_t* NetReader::numbers(std::size_t count) {
    require(std::size_t(int_end_ - int_) >= count);
    return (int_ += count) - count;
}

const float* NetReader::values(std::size_t count) {
    require(std::size_t(float_end_ - float_) >= count);
    return (float_ += count) - count;
}

OwnedNet::OwnedNet(std::vector<std::int32_t> ints, std::vector<float> floats)
    : ints_(std::move(ints)), floats_(std::move(floats)) {
    NetReader reader(ints_.data(), ints_.size(), floats_.data(), floats_.size());
    const int num_buffers = reader.number(1, kMost);
    for (int b = 0; b < num_buffers; ++b) {
        NetBuffer buffer{};
        buffer.planes = reader.number(1, kMost);
        buffer.num = reader.number(1, 256);
        buffer.den = reader.number(1, 256);
        buffer.rows = reader.number(1, kMost);
        buffer.pad = reader.number(0, 1024);
        buffer.replicate = reader.number(0, 1) != 0;
        buffer.format = reader.number(kFloat32, kBytes);
        buffers_.push_back(buffer);
    }
    makers_.assign(std::size_t(num_buffers), -1);
    const int num_stages = reader.number(1, kMostStages);
    for (int s = 0; s < num_stages; ++s) read_stage(reader);
    for (int b = 1; b < num_buffers; ++b) require(makers_[std::size_t(b)] >= 0);
    view.scale = reader.number(1, 64);
    view.before = reader.number(0, kMost);
    view.after = reader.number(0, kMost);
    view.multiple = reader.number(1, 256);
    require(reader.at_end());
    require(buffers_[0].num == buffers_[0].den && buffers_[0].format == kFloat32);
    for (const NetBuffer& buffer : buffers_) require(view.multiple % buffer.den == 0);
    const NetBuffer& result = buffers_[std::size_t(stages_.back().out)];
    require(result.num == view.scale * result.den && result.format == kFloat32);
    view.num_buffers = num_buffers;
    view.num_stages = num_stages;
    view.buffers = buffers_.data();
    view.stages = stages_.data();
    view.maker = makers_.data();
}

std::vector<NetPlane> OwnedNet::read_planes(NetReader& reader, bool any) {
    std::vector<NetPlane> planes;
    for (int count = reader.number(any ? 0 : 1, kMost); count > 0; --count) {
        NetPlane plane{};
        plane.buffer = reader.number(0, int(buffers_.size()) - 1);
        plane.plane = reader.number(0, buffers_[std::size_t(plane.buffer)].planes - 1);
        require(plane.buffer == 0 || makers_[std::size_t(plane.buffer)] >= 0);  // made by a stage before
        planes.push_back(plane);
    }
    return planes;
}

void OwnedNet::read_stage(NetReader& reader) {
    NetStage stage{};
    stage.kind = reader.number(kConvolve, kEnlarge);
    stage.out = reader.number(1, int(buffers_.size()) - 1);
    stage.size = reader.number(1, 255);
    stage.dilation = reader.number(1, 255);
    stage.factor = reader.number(1, kNetFactor);
    stage.zero = reader.number(0, 1) != 0;
    planes_.push_back(read_planes(reader, false));
    stage.planes = planes_.back().data();
    stage.num_planes = int(planes_.back().size());
    planes_.push_back(read_planes(reader, true));
    stage.added = planes_.back().data();
    stage.num_added = int(planes_.back().size());
    stage.activation = reader.number(kLinear, kSigmoid);
    stage.taps = reader.number(1, 4);
    stage.mirror = reader.number(0, 1) != 0;
    const NetBuffer& out = buffers_[std::size_t(stage.out)];
    const bool enlarges = stage.kind == kEnlarge, convolves = stage.kind == kConvolve;
    if (enlarges) {
        stage.first = reader.numbers(std::size_t(stage.factor));
        for (int p = 0; p < stage.factor; ++p) require(stage.first[p] >= -2 && stage.first[p] <= 3 - stage.taps);
    }
    const int num_blocks = convolves ? reader.number(1, kMost) : 0;
    std::vector<NetBlock> blocks;
    std::vector<std::size_t> weights;
    std::size_t channels = 0;
    for (int b = 0; b < num_blocks; ++b) {
        NetBlock block{};
        block.outputs = reader.number(1, kNetBlock);
        require(b == num_blocks - 1 || block.outputs == kNetBlock);
        channels += std::size_t(block.outputs);
        std::size_t taps = 0, count = 0;
        for (int kind = 0; kind < kNetKinds; ++kind) {
            block.count[kind] = reader.number(0, stage.num_planes);
            count += std::size_t(block.count[kind]);
            taps += std::size_t(block.count[kind]) * (kind == kFoldedFloats || kind == kFoldedPairs ? 2 : 1);
        }
        block.planes = reader.numbers(count);
        const std::int32_t* plane = block.planes;
        for (int kind = 0; kind < kNetKinds; ++kind)
            for (int i = 0; i < block.count[kind]; ++i, ++plane) {
                require(*plane >= 0 && *plane < stage.num_planes);
                const int format = buffers_[std::size_t(stage.planes[*plane].buffer)].format;
                require(format == (kind == kQuads ? kBytes : kind >= kPairs ? kBfloat16 : kFloat32));
            }
        weights.push_back(taps * std::size_t(stage.size) * std::size_t(stage.size) * std::size_t(block.outputs));
        blocks.push_back(block);
    }
    if (convolves) stage.bias = reader.values(channels);
    if (stage.activation == kSlopes) stage.slopes = reader.values(channels);
    stage.low = *reader.values(1);
    stage.high = *reader.values(1);
    stage.channels = int(channels);
    if (out.format == kBytes) stage.steps = reader.values(2 * channels);
    if (enlarges) stage.weights = reader.values(std::size_t(stage.factor * stage.taps));
    for (std::size_t b = 0; b < blocks.size(); ++b) {
        blocks[b].weights = reader.values(weights[b]);
        if (blocks[b].count[kQuads]) blocks[b].gains = reader.values(std::size_t(blocks[b].outputs));
    }
    blocks_.push_back(std::move(blocks));
    stage.blocks = blocks_.back().data();
    stage.num_blocks = num_blocks;

    std::size_t results = convolves ? channels : std::size_t(stage.num_planes);
    const std::size_t group = std::size_t(stage.factor * stage.factor);
    if (convolves) {
        check_convolution(stage);
        require(stage.factor == 1 || (stage.factor == 2 && channels % kNetBlock == 0));
        if (stage.factor == 2) results /= group;
        require(stage.num_added == 0 || std::size_t(stage.num_added) == results);
        if (out.format == kBfloat16) results = (results + 1) / 2;
        if (out.format == kBytes) {
            results = (results + kNetBlock - 1) / kNetBlock;
            if (std::size_t(out.planes) == 2 * results) results *= 2;
            require(channels % kNetBlock == 0);  // steps are read in fours
        }
        require(out.format == kFloat32 || stage.factor == 1);
    } else {
        for (int i = 0; i < stage.num_planes; ++i) require(buffers_[std::size_t(stage.planes[i].buffer)].format == kFloat32);
        require(out.format == kFloat32 && stage.num_added == 0 && stage.activation == kLinear && stage.size == 1);
        if (stage.kind == kShuffle) {
            require(results % group == 0);
            results /= group;
        }
        if (stage.kind == kUnshuffle) results *= group;
    }
    require(results == std::size_t(out.planes) && makers_[std::size_t(stage.out)] < 0);
    for (int i = 0; i < stage.num_planes + stage.num_added; ++i) {
        const bool is_added = i >= stage.num_planes;
        const NetPlane& plane = is_added ? stage.added[i - stage.num_planes] : stage.planes[i];
        const NetBuffer& in = buffers_[std::size_t(plane.buffer)];
        const int up = is_added || stage.kind == kUnshuffle ? 1 : stage.factor;
        const int down = !is_added && stage.kind == kUnshuffle ? stage.factor : 1;
        require(!(is_added && in.format != kFloat32) && in.num * up * out.den == out.num * down * in.den);
    }
    makers_[std::size_t(stage.out)] = int(stages_.size());
    stages_.push_back(stage);
}

void OwnedNet::check_convolution(const NetStage& stage) const {
    require(stage.size % 2 == 1);
    for (int i = 0; i < stage.num_planes; ++i)
        require(stage.size / 2 * stage.dilation <= buffers_[std::size_t(stage.planes[i].buffer)].pad);
}

std::unique_ptr<Floats> OwnedNet::borrow(std::size_t floats) {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        for (auto& spare : spare_)
            if (spare->size() >= floats) {
                std::swap(spare, spare_.back());
                auto found = std::move(spare_.back());
                spare_.pop_back();
                return found;
            }
    }
    return std::make_unique<Floats>(floats);
}

void OwnedNet::give_back(std::unique_ptr<Floats> scratch) {
    const std::lock_guard<std::mutex> lock(mutex_);
    spare_.push_back(std::move(scratch));
}

}  // namespace vsr
