// Mix components by a matrix at the size of the luma, bringing chroma there and back.
#pragma once
#include "planes.hpp"

namespace vsr {
namespace {

// factors[0..INPUTS) times the rows, plus factors[3].
template <int INPUTS>
inline void mix_rows(const float* const* rows, const float* factors, int width, float* out) {
    const float* in[INPUTS];
    F factor[INPUTS];
    for (int i = 0; i < INPUTS; ++i) {
        in[i] = rows[i];
        factor[i] = all(factors[i]);
    }
    const F offset = all(factors[3]);
    for (int x = 0; x < width; x += LANES) {
        F sum = load(in[0] + x) * factor[0];
        for (int i = 1; i < INPUTS; ++i) sum = sum + load(in[i] + x) * factor[i];
        store(out + x, sum + offset);
    }
}

inline void mix(const float* const* rows, int inputs, const float* factors, int width, float* out) {
    if (inputs == 1) return mix_rows<1>(rows, factors, width, out);
    mix_rows<3>(rows, factors, width, out);
}

void convert(const ConvertJob& job, int first, int last, float* memory) {
    const Planes& planes = job.planes;
    Scratch scratch{memory};
    Source sources[3];
    Sink sinks[3];
    float *rows[3], *mixed[3];
    for (int i = 0; i < planes.inputs; ++i) sources[i].open(planes.in[i], 0, planes.width, scratch);
    const Span span = open_sinks(sinks, planes, first, last, {0, planes.width}, 0, scratch);
    for (auto& row : rows) row = scratch.take(row_floats(planes.width));
    for (auto& row : mixed) row = scratch.take(row_floats(planes.width));
    for (int y = span.from; y < span.to; ++y) {
        for (int i = 0; i < planes.inputs; ++i) sources[i].row(y, rows[i]);
        for (int i = 0; i < planes.outputs; ++i) {
            mix(rows, planes.inputs, job.matrix[i], planes.width, mixed[i]);
            sinks[i].take(y, mixed[i]);
        }
    }
    end_streaming();
}

}  // namespace
}  // namespace vsr
