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

// The weights of an output, one tap after another.
template <class W>
struct Weights {
    const W* next;
    int size;
    bool is_one;
    VSR_BOTH Weights(const BankOf<W>& bank, int i, int tap)
        : next(bank.weights + static_cast<long long>(tap) * bank.size + i), size(bank.size), is_one(!bank.start) {}
    VSR_BOTH W take() {
        const W weight = is_one ? W(1) : *next;
        next += size;
        return weight;
    }
};

// From a plane to the grid, or back.
struct Way {
    Bank columns, rows;
};

VSR_BOTH bool is_identity(const Way& way) { return !way.columns.start && !way.rows.start; }

// Along the rows, then across them: in(x, y) at (x, y) of the way's end.
template <class F>
VSR_BOTH float brought(const Way& way, int x, int y, const F& in) {
    if (is_identity(way)) return in(x, y);
    const int left = start_of(way.columns, x), top = start_of(way.rows, y);
    float sum = 0.0f;
#pragma unroll 1
    for (int row = 0; row < way.rows.taps; ++row) {
        float along = 0.0f;
#pragma unroll 1
        for (int column = 0; column < way.columns.taps; ++column)
            along = along + weight_of(way.columns, x, column) * in(left + column, top + row);
        sum = sum + weight_of(way.rows, y, row) * along;
    }
    return sum;
}

}  // namespace vsr
