// A filter bank that owns its tables. Not for kernel files: they see only vsr::BankOf.
#pragma once
#include <vector>
#include "kernels.hpp"

namespace vsr {

template <class W>
class OwnedBank {
public:
    // start: size_out window starts, not descending, each window within size_in.
    // weights: size_out rows of taps.
    OwnedBank(const std::int32_t* start, const W* weights, int size_in, int size_out, int taps);
    OwnedBank(const OwnedBank&) = delete;
    OwnedBank& operator=(const OwnedBank&) = delete;

    BankOf<W> view;

private:
    void add_block(int first);
    std::vector<W> block_lanes(int first) const;
    std::vector<std::int32_t> block_index(int first) const;
    bool passes_through() const;
    bool repeats(int block) const;
    void find_doubling();
    int find_period() const;

    std::vector<std::int32_t> start_, base_, pattern_, index_;
    std::vector<W> weights_, lanes_;
};

}  // namespace vsr
