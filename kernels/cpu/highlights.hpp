// The largest luma around each pixel.
#pragma once
#include "filters.hpp"

namespace vsr {
namespace {

// Rows of luma, each already the largest along the row, of which the last left + right + 1 are kept.
class Highlights {
public:
    Highlights(const HighlightJob& job, float* scratch)
        : job_(job), width_(job.out.width), around_(job.left + job.right),
          pitch_(row_floats(width_) + around_ + kBlock), wide_(scratch), rows_(scratch + pitch_) {}

    void run(int first, int last) {
        const int count = around_ + 1, bottom = job_.out.height - 1;
        int next = first - job_.left < 0 ? 0 : first - job_.left;
        for (int y = first; y < last; ++y) {
            const int from = y - job_.left < 0 ? 0 : y - job_.left;
            const int to = y + job_.right < bottom ? y + job_.right : bottom;
            for (; next <= to; ++next) largest_along(next, rows_ + std::ptrdiff_t(next % count) * pitch_);
            const float* rows[kMaxWindow];
            for (int i = from; i <= to; ++i) rows[i - from] = rows_ + std::ptrdiff_t(i % count) * pitch_;
            float* out = job_.out.row<float>(y);
            for (int x = 0; x < width_; x += LANES) {
                F most = load(rows[0] + x);
                for (int i = 1; i <= to - from; ++i) most = max(load(rows[i] + x), most);
                store_some(out + x, most, width_ - x);
            }
        }
    }

private:
    void largest_along(int y, float* out) {
        const float* in[3] = {job_.red.row<const float>(y), job_.green.row<const float>(y),
                              job_.blue.row<const float>(y)};
        float* middle = wide_ + job_.left;
        point_row<3, 1>(Luma(nullptr), in, &middle, width_);
        for (int i = 0; i < job_.left; ++i) wide_[i] = middle[0];
        for (int i = 0; i < job_.right; ++i) middle[width_ + i] = middle[width_ - 1];
        for (int x = 0; x < width_; x += LANES) {
            F most = all(0.0f);
            for (int i = 0; i <= around_; ++i) most = max(load(wide_ + x + i), most);
            store(out + x, most);
        }
    }

    const HighlightJob& job_;
    const int width_, around_, pitch_;
    float *wide_, *rows_;
};

void highlights(const HighlightJob& job, int first, int last, float* scratch) {
    Highlights(job, scratch).run(first, last);
}

}  // namespace
}  // namespace vsr
