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
            for (int i = 0; i < 3; ++i) at[3 * y + i] = load(rows[y] + x + i - 1);
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

// For each pixel the direction it moves in, if any: one mask a direction, and whether it moves at all.
struct Moves {
    M by[kDirections];
    M any;
};

// Of the matching directions the last that makes the pixel lighter than those before it.
inline Moves lightest(const Patch& patch, F keep, F take) {
    Moves moves;
    moves.any = none();
    F best = patch.at[C];
    const F kept = patch.at[C] * keep;
#pragma GCC unroll 8
    for (int i = 0; i < kDirections; ++i) {
        const F lighter = kept + patch.sum(kDirection[i].light) * take;
        moves.by[i] = both(matches(patch, kDirection[i]), greater(lighter, best));
        moves.any = either(moves.any, moves.by[i]);
        best = select(moves.by[i], lighter, best);
    }
    return moves;
}

// The first of the matching directions.
inline Moves first_match(const Patch& patch, F, F) {
    Moves moves;
    moves.any = none();
#pragma GCC unroll 8
    for (int i = 0; i < kDirections; ++i) {
        moves.by[i] = only(matches(patch, kDirection[i]), moves.any);
        moves.any = either(moves.any, moves.by[i]);
    }
    return moves;
}

inline F moved(const float* const* rows, int x, const Moves& moves, F keep, F take) {
    const Patch patch(rows, x);
    F sum = patch.at[C];
#pragma GCC unroll 8
    for (int i = 0; i < kDirections; ++i) sum = select(moves.by[i], patch.sum(kDirection[i].light), sum);
    return select(moves.any, patch.at[C] * keep + sum * take, patch.at[C]);
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

// Move all components of row y by what `steer` says, with `find` choosing the directions.
template <class Find>
inline void move_row(const Find& find, const Rows& steer, const Rows* from, const Rows* to, int components, int y,
                     float keep, float take) {
    const float *steering[3], *rows[3][3];
    steer.around(y, steering);
    for (int i = 0; i < components; ++i) from[i].around(y, rows[i]);
    const F keeps = all(keep), takes = all(take);
    for (int x = 0; x < steer.width; x += LANES) {
        const Moves moves = find(Patch(steering, x), keeps, takes);
        const bool still = !any(moves.any);
        for (int i = 0; i < components; ++i)
            store(to[i].row(y) + x, still ? load(rows[i][1] + x) : moved(rows[i], x, moves, keeps, takes));
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
        for (int i = 0; i < planes_.inputs; ++i) sources_[i].open(planes_.in[i], width, scratch);
        span_ = open_sinks(sinks_, planes_, first, last, scratch);
        for (int i = 0; i < planes_.inputs; ++i) {
            color_[i].open(kColorRows, width, height, scratch);
            pushed_[i].open(kPushedRows, width, height, scratch);
            refined_[i].open(1, width, height, scratch);
        }
        luma_.open(kColorRows, width, height, scratch);
        pushed_luma_.open(kPushedRows, width, height, scratch);
        gradient_.open(kGradientRows, width, height, scratch);
        const int from = span_.from;
        next_color_ = from > 3 ? from - 3 : 0;
        next_pushed_ = from > 2 ? from - 2 : 0;
        next_gradient_ = from > 1 ? from - 1 : 0;
    }

    void run() {
        for (int y = span_.from; y < span_.to; ++y) {
            for (; next_gradient_ <= within(y + 1); ++next_gradient_) find_gradient(next_gradient_);
            move_row(first_match, gradient_, pushed_, refined_, planes_.inputs, y, job_.gradient_keep,
                     job_.gradient_take);
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
        move_row(lightest, luma_, color_, pushed_, planes_.inputs, y, job_.color_keep, job_.color_take);
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
    int next_color_, next_pushed_, next_gradient_;
};

void anime4k(const Anime4kJob& job, int first, int last, float* memory) { Cascade(job, first, last, memory).run(); }

}  // namespace
}  // namespace vsr
