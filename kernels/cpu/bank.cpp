#include "bank.hpp"

#include <algorithm>
#include <cstring>

namespace vsr {

template <class W>
OwnedBank<W>::OwnedBank(const std::int32_t* start, const W* weights, int size_in, int size_out, int taps)
    : start_(start, start + size_out), weights_(weights, weights + std::size_t(size_out) * taps) {
    view = BankOf<W>{};
    view.size_in = size_in;
    view.size_out = size_out;
    view.taps = taps;
    view.span = kStep<W> * (taps - 1) + 1;
    view.blocks = (size_out + kBlock - 1) / kBlock;
    view.identity = passes_through();
    for (int block = 0; block < view.blocks; ++block) add_block(block * kBlock);
    find_doubling();
    view.period = find_period();
    view.start = start_.data();
    view.weights = weights_.data();
    view.base = base_.data();
    view.pattern = pattern_.data();
    view.index = index_.data();
    view.lanes = lanes_.data();
}

template <class W>
bool OwnedBank<W>::passes_through() const {
    if (view.size_in != view.size_out || view.taps != 1) return false;
    for (int i = 0; i < view.size_out; ++i)
        if (start_[i] != i || weights_[i] != W(1)) return false;
    return true;
}

// True where each output of the block has the weights of the one two before, one input further.
template <class W>
bool OwnedBank<W>::repeats(int block) const {
    const W* weights = weights_.data();
    for (int i = std::max(2, block * kBlock); i < (block + 1) * kBlock; ++i)
        if (start_[i] != start_[i - 2] + 1 ||
            !std::equal(weights + std::size_t(i) * view.taps, weights + std::size_t(i + 1) * view.taps,
                        weights + std::size_t(i - 2) * view.taps))
            return false;
    return true;
}

template <class W>
void OwnedBank<W>::find_doubling() {
    const int whole = view.size_out / kBlock;
    int first = whole / 2, last = whole / 2;
    while (last < whole && repeats(last)) ++last;
    while (first > 0 && last > first && repeats(first - 1)) --first;
    view.doubling_first = first + 1 < last ? first + 1 : 0;  // a block repeats what lies before it
    view.doubling_last = first + 1 < last ? last : 0;
}

template <class W>
int OwnedBank<W>::find_period() const {
    const int middle = view.blocks / 2;
    for (int period = 1; period <= 8 && middle + 2 * period <= view.blocks; ++period)
        if (std::equal(&pattern_[middle], &pattern_[middle] + period, &pattern_[middle] + period)) return period;
    return 1;
}

template <class W>
std::vector<std::int32_t> OwnedBank<W>::block_index(int first) const {
    std::vector<std::int32_t> index(kBlock);
    for (int lane = 0; lane < kBlock; ++lane)
        index[lane] = start_[std::min(first + lane, view.size_out - 1)] - start_[first];
    return index;
}

template <class W>
std::vector<W> OwnedBank<W>::block_lanes(int first) const {
    std::vector<W> lanes(std::size_t(view.taps) * kBlock);
    for (int lane = 0; lane < kBlock && first + lane < view.size_out; ++lane)
        for (int t = 0; t < view.taps; ++t)
            lanes[std::size_t(t) * kBlock + lane] = weights_[std::size_t(first + lane) * view.taps + t];
    return lanes;
}

// Blocks of equal shape share their weights. Shapes repeat with a short period, so the search from the end is
// short where it finds something, and it gives up after a while where ratios are odd.
template <class W>
void OwnedBank<W>::add_block(int first) {
    const auto index = block_index(first);
    const auto lanes = block_lanes(first);
    const int known = int(index_.size()) / kBlock;
    int found = known;
    for (int i = known - 1; i >= 0 && i >= known - 64 && found == known; --i)
        if (std::equal(index.begin(), index.end(), index_.begin() + std::ptrdiff_t(i) * kBlock) &&
            std::equal(lanes.begin(), lanes.end(), lanes_.begin() + std::ptrdiff_t(i) * std::ptrdiff_t(lanes.size())))
            found = i;
    if (found == known) {
        index_.insert(index_.end(), index.begin(), index.end());
        lanes_.insert(lanes_.end(), lanes.begin(), lanes.end());
    }
    base_.push_back(start_[first]);
    pattern_.push_back(found);
    view.reach = std::max(view.reach, index[kBlock - 1]);
    view.half_reach = std::max({view.half_reach, index[7] - index[0], index[15] - index[8]});
}

template class OwnedBank<float>;
template class OwnedBank<std::int32_t>;
template class OwnedBank<std::int16_t>;

}  // namespace vsr
