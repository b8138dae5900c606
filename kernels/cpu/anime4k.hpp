// Anime4K 0.9: push pixels of thin lines towards their lighter side, then of edges towards their flat side.
//
// Four steps, each looking one pixel around, run as a cascade of row rings: picture and luma; pushed picture and
// its luma; gradient of that; refined picture. All of it works on whatever components the picture has: they are
// linear in R, G and B, and so are the means that pixels are replaced by.
#pragma once
#include "convert.hpp"

namespace vsr {
namespace {

constexpr int kDirections = 8;
enum Neighbour { TL, T, TR, L, C, R, BL, B, BR };

struct Direction {
    int light[3], dark[3];
    bool beyond_centre;  // the lightest must also be lighter than the pixel itself
};

constexpr Direction kDirection[kDirections] = {
    {{TL, T, TR}, {BR, B, BL}, true}, {{BR, B, BL}, {TL, T, TR}, true},
    {{R, T, TR}, {C, L, B}, false},   {{BL, L, B}, {C, R, T}, false},
    {{R, BR, TR}, {L, TL, BL}, true}, {{L, TL, BL}, {R, BR, TR}, true},
    {{R, BR, B}, {C, L, T}, false},   {{T, L, TL}, {C, R, B}, false},
};

struct Patch {
    F at[9];
    Patch(const float* const* rows, int x) {
        for (int y = 0; y < 3; ++y)
            for (int i = 0; i < 3; ++i) at[3 * y + i] = held(load(rows[y] + x + i - 1));
    }
    F lowest(const int* of) const { return min(min(at[of[0]], at[of[1]]), at[of[2]]); }
    F highest(const int* of) const { return max(max(at[of[0]], at[of[1]]), at[of[2]]); }
    F sum(const int* of) const { return (at[of[0]] + at[of[1]]) + at[of[2]]; }
};

inline M matches(const Patch& patch, const Direction& direction) {
    const F lowest = patch.lowest(direction.light);
    const M match = greater(lowest, patch.highest(direction.dark));
    return direction.beyond_centre ? both(match, greater(lowest, patch.at[C])) : match;
}

// For each pixel 1 + the direction it moves in, as a float, or 0: of the matching directions the last that makes
// the pixel lighter than those before it.
struct Lightest {
    F keep, take;

    F operator()(const Patch& patch) const {
        F chosen = all(0.0f), best = patch.at[C];
        const F kept = patch.at[C] * keep;
#pragma GCC unroll 8
        for (int i = 0; i < kDirections; ++i) {
            const F lighter = kept + patch.sum(kDirection[i].light) * take;
            const M better = both(matches(patch, kDirection[i]), greater(lighter, best));
            chosen = select(better, all(float(i + 1)), chosen);
            best = select(better, lighter, best);
        }
        return chosen;
    }
};

// The same, the first of the matching directions.
struct FirstMatch {
    F operator()(const Patch& patch) const {
        F chosen = all(0.0f);
#pragma GCC unroll 8
        for (int i = kDirections; i-- > 0;)
            chosen = select(matches(patch, kDirection[i]), all(float(i + 1)), chosen);
        return chosen;
    }
};

inline F moved(const Patch& patch, F chosen, F keep, F take) {
    F sum = patch.at[C];
#pragma GCC unroll 8
    for (int i = 0; i < kDirections; ++i)
        sum = select(equal(chosen, all(float(i + 1))), patch.sum(kDirection[i].light), sum);
    return select(greater(chosen, all(0.0f)), patch.at[C] * keep + sum * take, patch.at[C]);
}

// Rows of the grid with one more pixel on either side, which repeats the outermost.
struct Rows {
    float* data;
    int count, pitch, width, height;

    void open(int rows, int grid_width, int grid_height, Scratch& scratch) {
        *this = Rows{nullptr, rows, grid_row_floats(grid_width), grid_width, grid_height};
        data = scratch.take(std::size_t(rows) * pitch);
    }
    float* row(int y) const { return data + std::ptrdiff_t(y % count) * pitch + kBlock; }
    void close_edges(int y) const {
        float* edge = row(y);
        edge[-1] = edge[0];
        edge[width] = edge[width - 1];
    }
    // Rows y - 1, y, y + 1 as far as the picture goes.
    void around(int y, const float** rows) const {
        rows[0] = row(y > 0 ? y - 1 : 0);
        rows[1] = row(y);
        rows[2] = row(y + 1 < height ? y + 1 : y);
    }
};

template <class Choose>
inline void choose_row(const Choose& choose, const Rows& steer, int y, float* chosen) {
    const float* rows[3];
    steer.around(y, rows);
    for (int x = 0; x < steer.width; x += LANES) store(chosen + x, choose(Patch(rows, x)));
}

// Move row y of one component as chosen. Apart from the choice, this needs no register of it.
inline void move_row(const float* chosen, const Rows& from, const Rows& to, int y, float keep, float take) {
    const float* rows[3];
    from.around(y, rows);
    float* out = to.row(y);
    const F keeps = all(keep), takes = all(take);
    for (int x = 0; x < from.width; x += LANES) {
        const F choice = load(chosen + x);
        const bool still = !any(greater(choice, all(0.0f)));
        store(out + x, still ? load(rows[1] + x) : moved(Patch(rows, x), choice, keeps, takes));
    }
}

// 1 - the length of Sobel's gradient, at least 0.
inline F flatness(const Patch& p) {
    const F two = all(2.0f), one = all(1.0f);
    const F gx = ((p.at[TR] - p.at[TL]) + (p.at[R] - p.at[L]) * two) + (p.at[BR] - p.at[BL]);
    const F gy = ((p.at[BL] - p.at[TL]) + (p.at[B] - p.at[T]) * two) + (p.at[BR] - p.at[TR]);
    return one - min(sqrt(gx * gx + gy * gy), one);
}

class Cascade {
public:
    Cascade(const Anime4kJob& job, int first, int last, float* memory) : job_(job), planes_(job.planes) {
        Scratch scratch{memory};
        const int width = planes_.width, height = planes_.height;
        for (int i = 0; i < planes_.inputs; ++i) sources_[i].open(planes_.in[i], 0, width, scratch);
        span_ = open_sinks(sinks_, planes_, first, last, {0, width}, 0, scratch);
        for (int i = 0; i < planes_.inputs; ++i) {
            color_[i].open(kColorRows, width, height, scratch);
            pushed_[i].open(kPushedRows, width, height, scratch);
            refined_[i].open(1, width, height, scratch);
        }
        luma_.open(kColorRows, width, height, scratch);
        pushed_luma_.open(kPushedRows, width, height, scratch);
        gradient_.open(kGradientRows, width, height, scratch);
        chosen_ = scratch.take(grid_row_floats(width));
        const int from = span_.from;
        next_color_ = from > 3 ? from - 3 : 0;
        next_pushed_ = from > 2 ? from - 2 : 0;
        next_gradient_ = from > 1 ? from - 1 : 0;
    }

    void run() {
        for (int y = span_.from; y < span_.to; ++y) {
            for (; next_gradient_ <= within(y + 1); ++next_gradient_) find_gradient(next_gradient_);
            choose_row(FirstMatch(), gradient_, y, chosen_);
            for (int i = 0; i < planes_.inputs; ++i)
                move_row(chosen_, pushed_[i], refined_[i], y, job_.gradient_keep, job_.gradient_take);
            for (int i = 0; i < planes_.outputs; ++i) sinks_[i].take(y, refined_[i].row(y));
        }
        end_streaming();
    }

private:
    int within(int y) const { return y < planes_.height ? y : planes_.height - 1; }

    void find_gradient(int y) {
        for (; next_pushed_ <= within(y + 1); ++next_pushed_) push(next_pushed_);
        const float* rows[3];
        pushed_luma_.around(y, rows);
        float* out = gradient_.row(y);
        for (int x = 0; x < planes_.width; x += LANES) store(out + x, flatness(Patch(rows, x)));
        gradient_.close_edges(y);
    }

    void push(int y) {
        for (; next_color_ <= within(y + 1); ++next_color_) read(next_color_);
        choose_row(Lightest{all(job_.color_keep), all(job_.color_take)}, luma_, y, chosen_);
        for (int i = 0; i < planes_.inputs; ++i)
            move_row(chosen_, color_[i], pushed_[i], y, job_.color_keep, job_.color_take);
        close_and_weigh(pushed_, pushed_luma_, y);
    }

    void read(int y) {
        for (int i = 0; i < planes_.inputs; ++i) sources_[i].row(y, color_[i].row(y));
        close_and_weigh(color_, luma_, y);
    }

    void close_and_weigh(const Rows* components, const Rows& luma, int y) const {
        const float* rows[3];
        for (int i = 0; i < planes_.inputs; ++i) {
            components[i].close_edges(y);
            rows[i] = components[i].row(y);
        }
        mix(rows, planes_.inputs, job_.luma, planes_.width, luma.row(y));
        luma.close_edges(y);
    }

    const Anime4kJob& job_;
    const Planes& planes_;
    Source sources_[3];
    Sink sinks_[3];
    Span span_;
    Rows color_[3], pushed_[3], refined_[3], luma_, pushed_luma_, gradient_;
    float* chosen_;  // of the row in work
    int next_color_, next_pushed_, next_gradient_;
};

void anime4k(const Anime4kJob& job, int first, int last, float* memory) { Cascade(job, first, last, memory).run(); }

}  // namespace
}  // namespace vsr
