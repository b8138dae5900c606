// Filters on planes of float32 whose reads depend on what they read: warps and bilateral means, medians and modes.
#pragma once
#include "../common/bilateral.hpp"
#include "../common/warp.hpp"
#include "filters.hpp"

namespace vsr {
namespace {

inline F load_some(const float* p, int count) {
    if (count >= LANES) return load(p);
    float rest[LANES] = {};
    std::memcpy(rest, p, count * sizeof(float));
    return load(rest);
}

// Where the texels of an axis lie among those of a texture: whole part and fraction.
struct Place {
    float whole, part;
    Place(int i, int size_in, int size_out) {
        const std::int64_t twice = 2 * std::int64_t(size_out);
        const std::int64_t position = (2 * std::int64_t(i) + 1) * size_in - size_out;
        const std::int64_t n = position >= 0 ? position / twice : -1;  // never below -1/2
        whole = float(n);
        part = float(double(position - n * twice) / double(twice));
    }
};

// The texels of a plane, by their columns and rows.
struct Texels {
    const float* data;
    int stride;
    explicit Texels(const Plane& plane)
        : data(plane.row<const float>(0)), stride(int(plane.stride / std::ptrdiff_t(sizeof(float)))) {}
    F operator()(Words column, Words row) const { return gathered(data, (I)(row * stride + column)); }
};

class Warp {
public:
    Warp(const WarpJob& job, float* scratch) : job_(job), width_(job.out[0].width) {
        for (int i = 0; i < 2; ++i) steers_[i].open(job.steer[i], width_, scratch);
        for (float*& row : places_) {
            row = scratch;
            scratch += row_floats(width_);
        }
        for (int x = 0; x < width_; ++x) {
            const Place picture(x, job.in[0].width, width_), steer(x, job.steer[0].plane.width, width_);
            places_[0][x] = picture.whole;
            places_[1][x] = picture.part;
            places_[2][x] = steer.whole;
            places_[3][x] = steer.part;
        }
    }

    void run(int first, int last) {
        for (int y = first; y < last; ++y) row(y);
    }

private:
    void row(int y) {
        const int height = job_.out[0].height;
        const Plane &steer = job_.steer[0].plane, &picture = job_.in[0];
        const Place in_picture(y, picture.height, height), in_steer(y, steer.height, height);
        const F across = all(float(steer.width) / float(picture.width));
        const F down = all(float(steer.height) / float(picture.height));
        const float* gradient[2] = {steers_[0].row(y), steers_[1].row(y)};
        for (int x = 0; x < width_; x += LANES) {
            const int count = width_ - x;
            F dx = all(0.0f), dy = all(0.0f);
            step(load_some(gradient[0] + x, count), load_some(gradient[1] + x, count), job_.strength, dx, dy);
            for (int i = 1; i < job_.iterations; ++i) {
                const Corners at(steer.width, steer.height, load(places_[2] + x), load(places_[3] + x) + dx * across,
                                 all(in_steer.whole), all(in_steer.part) + dy * down);
                step(at.of(Texels(steer)), at.of(Texels(job_.steer[1].plane)), job_.strength, dx, dy);
            }
            const Corners at(picture.width, picture.height, load(places_[0] + x), load(places_[1] + x) + dx,
                             all(in_picture.whole), all(in_picture.part) + dy);
            for (int i = 0; i < 3; ++i) store_some(job_.out[i].row<float>(y) + x, at.of(Texels(job_.in[i])), count);
        }
    }

    const WarpJob& job_;
    const int width_;
    FloatSource steers_[2];
    float* places_[4];
};

void warp(const WarpJob& job, int first, int last, float* scratch) { Warp(job, scratch).run(first, last); }

class Neighbourhood {
public:
    Neighbourhood(const BilateralJob& job, float* scratch)
        : job_(job), width_(job.out[0].width), side_(2 * job.radius + 1), count_(side_ * side_),
          pitch_(bilateral_pitch(job)), rows_(scratch), narrowness_(job.sigma, job.curve) {}

    void run(int first, int last) {
        const int bottom = job_.out[0].height - 1, radius = job_.radius;
        int next = first - radius < 0 ? 0 : first - radius;
        for (int y = first; y < last; ++y) {
            for (; next <= bottom && next <= y + radius; ++next) read(next);
            look_around(y, bottom);
            for (int x = 0; x < width_; x += LANES) {
                F result[3];
                if (job_.kind == kMean) mean(x, result);
                else if (job_.kind == kMedian) median(x, result);
                else mode(x, result);
                for (int i = 0; i < 3; ++i) store_some(job_.out[i].row<float>(y) + x, result[i], width_ - x);
            }
        }
    }

private:
    // Row y of red, green, blue or luma (0..3); `radius` pixels lie before its first.
    float* row(int y, int plane) const {
        return rows_ + std::ptrdiff_t(y % side_ * 4 + plane) * pitch_ + job_.radius;
    }

    void read(int y) const {
        for (int i = 0; i < 3; ++i) std::memcpy(row(y, i), job_.in[i].row<const float>(y), width_ * sizeof(float));
        const float* colors[3] = {row(y, 0), row(y, 1), row(y, 2)};
        float* weighed = row(y, 3);
        point_row<3, 1>(Luma(nullptr), colors, &weighed, width_);
        for (int i = 0; i < 4; ++i) {
            float* edge = row(y, i);
            for (int x = 1; x <= job_.radius; ++x) {
                edge[-x] = edge[0];
                edge[width_ - 1 + x] = edge[width_ - 1];
            }
        }
    }

    // Point at the neighbours of row y's first pixel.
    void look_around(int y, int bottom) {
        for (int plane = 0; plane < 4; ++plane)
            for (int i = 0; i < side_; ++i) {
                const int at = y - job_.radius + i;
                const float* from = row(at < 0 ? 0 : at > bottom ? bottom : at, plane) - job_.radius;
                for (int x = 0; x < side_; ++x) near_[plane][i * side_ + x] = from + x;
            }
    }

    F neighbour(int i, int plane, int x) const { return load(near_[plane][i] + x); }
    F centre(int plane, int x) const { return neighbour(count_ / 2, plane, x); }

    void mean(int x, F* result) const {
        for (int plane = 0; plane < 3; ++plane) {
            const F here = centre(plane, x), narrow = narrowness_(here);
            F sum = all(0.0f), total = all(0.0f);
            for (int i = 0; i < count_; ++i) {
                const F value = neighbour(i, plane, x);
                const F weight = bell(value - here, narrow) * all(job_.spatial[i]);
                sum = sum + weight * value;
                total = total + weight;
            }
            result[plane] = sum / total;
        }
    }

    // Weights by luma into weights_, and their sum.
    F weigh(int x) {
        const F here = centre(3, x), narrow = narrowness_(here);
        F total = all(0.0f);
        for (int i = 0; i < count_; ++i) {
            lumas_[i] = neighbour(i, 3, x);
            weights_[i] = bell(lumas_[i] - here, narrow) * all(job_.spatial[i]);
            total = total + weights_[i];
        }
        return job_.regularization > 0.0f ? regularize() : total;
    }

    F regularize() {
        const F narrow = all(1.0f) / all(job_.regularization);
        F spread[kMaxNeighbours], total = all(0.0f);
        for (int i = 0; i < count_; ++i) spread[i] = all(0.0f);
        for (int i = 0; i < count_; ++i) {
            spread[i] = spread[i] + weights_[i];
            for (int j = i + 1; j < count_; ++j) {
                const F likeness = bell(lumas_[j] - lumas_[i], narrow);
                spread[j] = spread[j] + likeness * weights_[i];
                spread[i] = spread[i] + likeness * weights_[j];
            }
            total = total + spread[i];
        }
        for (int i = 0; i < count_; ++i) weights_[i] = spread[i];
        return total;
    }

    void median(int x, F* result) {
        const F total = weigh(x), half = all(0.5f), zero = all(0.0f);
        F reds[kMaxNeighbours], chosen = all(-1.0f);
        for (int i = 0; i < count_; ++i) reds[i] = neighbour(i, 0, x);
        for (int i = count_; i-- > 0;) {
            F above = zero, under = zero;
            for (int j = 0; j < count_; ++j) {
                above = above + select(greater(reds[j], reds[i]), weights_[j], zero);
                under = under + select(greater(reds[i], reds[j]), weights_[j], zero);
            }
            const M misses_above = greater(half, (total - above) / total), misses_under = greater(under / total, half);
            chosen = select(misses_above, chosen, select(misses_under, chosen, all(float(i))));
        }
        pick(chosen, x, result);
    }

    void mode(int x, F* result) {
        weigh(x);
        F chosen = all(-1.0f), most = all(0.0f);
        for (int i = 0; i < count_; ++i) {
            chosen = select(greater(most, weights_[i]), chosen, all(float(i)));
            most = max(weights_[i], most);
        }
        pick(chosen, x, result);
    }

    // The neighbour of that number; the pixel itself where it is -1.
    void pick(F chosen, int x, F* result) const {
        for (int plane = 0; plane < 3; ++plane) result[plane] = centre(plane, x);
        for (int i = 0; i < count_; ++i) {
            const M here = equal(chosen, all(float(i)));
            for (int plane = 0; plane < 3; ++plane)
                result[plane] = select(here, neighbour(i, plane, x), result[plane]);
        }
    }

    const BilateralJob& job_;
    const int width_, side_, count_, pitch_;
    float* rows_;
    const Narrowness narrowness_;
    const float* near_[4][kMaxNeighbours];
    F lumas_[kMaxNeighbours], weights_[kMaxNeighbours];
};

void bilateral(const BilateralJob& job, int first, int last, float* scratch) {
    Neighbourhood(job, scratch).run(first, last);
}

}  // namespace
}  // namespace vsr
