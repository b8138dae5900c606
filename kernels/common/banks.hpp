// Filters along one axis: out[i] = sum over t of weight(i, t) * in[start(i) + t], t ascending.
#pragma once
#include "portable.hpp"

namespace vsr {

// The tables of vsr.ops.scalers.FilterBank, weights transposed so that neighbouring outputs read neighbours.
template <class W>
struct BankOf {
    const int* start;  // null where output is input
    const W* weights;  // [taps][size]
    int taps, size;    // size: number of outputs
};
using Bank = BankOf<float>;
using IntegerBank = BankOf<int>;

template <class W>
VSR_BOTH int start_of(const BankOf<W>& bank, int i) {
    return bank.start ? bank.start[i] : i;
}

template <class W>
VSR_BOTH W weight_of(const BankOf<W>& bank, int i, int tap) {
    return bank.start ? bank.weights[tap * bank.size + i] : W(1);
}

// From a plane to the grid, or back.
struct Way {
    Bank columns, rows;
};

// The sum of `taps` of in(start + tap), in ascending order.
template <class F>
VSR_BOTH float filtered(const Bank& bank, int i, const F& in) {
    if (!bank.start) return in(i);
    const int start = bank.start[i];
    float sum = bank.weights[i] * in(start);
#pragma unroll 1  // nested, it would fill the instruction cache
    for (int tap = 1; tap < bank.taps; ++tap) sum = sum + bank.weights[tap * bank.size + i] * in(start + tap);
    return sum;
}

// Along the rows, then across them: in(x, y) at (x, y) of the way's end.
template <class F>
VSR_BOTH float brought(const Way& way, int x, int y, const F& in) {
    return filtered(way.rows, y, [&](int row) {
        return filtered(way.columns, x, [&](int column) { return in(column, row); });
    });
}

}  // namespace vsr
