// Runs a network over a band: whoever needs a row has it made. Included once by each net_*.cpp.
#pragma once
#include "../common/portable.hpp"
#include "net_rows.hpp"
#include "planes.hpp"

namespace vsr {
namespace {

class NetRun {
public:
    NetRun(const NetJob& job, const NetWindow& window, int first, int last, float* memory)
        : job_(job), net_(*job.program), window_(window), scratch_{memory} {
        const Planes& planes = job.planes;
        wide_ = window.to - window.from;
        for (int i = 0; i < planes.inputs; ++i) sources_[i].open(planes.in[i], window.from, window.to, scratch_);
        span_ = open_sinks(sinks_, planes, first, last, {window.first, window.last}, window.from * net_.scale, scratch_);
        open_buffers();
        find_first_rows();
    }

    void run() {
        const int result = net_.stages[net_.num_stages - 1].out;
        for (int y = span_.from; y < span_.to; ++y) {
            make(result, y);
            for (int i = 0; i < job_.planes.outputs; ++i) sinks_[i].take(y, row(result, i, y));
        }
    }

private:
    template <class T>
    T* take(std::size_t count) {
        const std::size_t floats = (count * sizeof(T) + sizeof(float) - 1) / sizeof(float);
        return reinterpret_cast<T*>(scratch_.take((floats + kBlock - 1) / kBlock * kBlock));
    }

    void open_buffers() {
        const int count = net_.num_buffers;
        rows_ = take<float*>(count);
        pitch_ = take<int>(count);
        height_ = take<int>(count);
        next_ = take<int>(count);
        int widest = 0;
        for (int b = 0; b < count; ++b) {
            const NetBuffer& buffer = net_.buffers[b];
            pitch_[b] = net_pitch(buffer, wide_);
            height_[b] = net_width(buffer, job_.planes.height);
            rows_[b] = take<float>(std::size_t(pitch_[b]) * buffer.planes * buffer.rows);
            if (pitch_[b] > widest) widest = pitch_[b];
        }
        const std::size_t tables = net_table(net_);
        zeros_ = take<float>(widest);
        for (int i = 0; i < widest; ++i) zeros_[i] = 0.0f;
        for (auto& line : lines_) line = take<float>(widest);
        inputs_ = take<const float*>(tables);
        outputs_ = take<float*>(tables);
        added_ = take<const float*>(tables);
    }

    int width(int b) const { return net_width(net_.buffers[b], wide_); }

    float* row(int b, int plane, int y) const {
        const NetBuffer& buffer = net_.buffers[b];
        return rows_[b] + (std::ptrdiff_t(y % buffer.rows) * buffer.planes + plane) * pitch_[b] + net_left(buffer);
    }
    const float* row(const NetPlane& plane, int y) const { return row(plane.buffer, plane.plane, y); }

    // The first and last row of its inputs that row y of the stage's result needs, unbounded.
    static void needed(const NetStage& stage, int y, int& first, int& last) {
        switch (stage.kind) {
            case kConvolve: {
                const int reach = stage.size / 2 * stage.dilation;
                first = y / stage.factor - reach;
                last = y / stage.factor + reach;
                return;
            }
            case kShuffle: first = last = y / stage.factor; return;
            case kUnshuffle:
                first = y * stage.factor;
                last = first + stage.factor - 1;
                return;
            default:
                first = y / stage.factor + stage.first[y % stage.factor];
                last = first + stage.taps - 1;
        }
    }

    int outside(const NetStage& stage, int b, int y) const {
        return stage.mirror ? mirrored(y, height_[b]) : within(y, height_[b]);
    }

    // The lowest and highest row inside the picture that rows first..last, which may lie outside, stand for.
    void inside(const NetStage& stage, int b, int& first, int& last) const {
        if (!stage.mirror) {
            first = within(first, height_[b]);
            last = within(last, height_[b]);
            return;
        }
        int low = height_[b] - 1, high = 0;
        for (int y = first; y <= last; ++y) {
            const int at = mirrored(y, height_[b]);
            if (at < low) low = at;
            if (at > high) high = at;
        }
        first = low;
        last = high;
    }

    void find_first_rows() {
        for (int b = 0; b < net_.num_buffers; ++b) next_[b] = height_[b];
        next_[net_.stages[net_.num_stages - 1].out] = span_.from;
        for (int s = net_.num_stages - 1; s >= 0; --s) {
            const NetStage& stage = net_.stages[s];
            int& next = next_[stage.out];
            if (stage.kind == kConvolve && stage.factor == 2) next -= next % 2;
            int first, last;
            needed(stage, next, first, last);
            for (int i = 0; i < stage.num_planes; ++i) lower(stage, stage.planes[i].buffer, first, last);
            for (int i = 0; i < stage.num_added; ++i)
                if (next < next_[stage.added[i].buffer]) next_[stage.added[i].buffer] = next;
        }
    }
    void lower(const NetStage& stage, int b, int first, int last) {
        inside(stage, b, first, last);
        if (first < next_[b]) next_[b] = first;
    }

    // See to it that row y of a buffer, and all before it, have been made.
    void make(int b, int y) {
        while (next_[b] <= y) {
            if (net_.maker[b] < 0) read(b);
            else advance(net_.stages[net_.maker[b]]);
        }
    }

    void read(int b) {
        const int y = next_[b]++;
        for (int i = 0; i < job_.planes.inputs; ++i) sources_[i].row(y, row(b, i, y));
        close(b, y);
    }

    void close(int b, int y) const {
        const NetBuffer& buffer = net_.buffers[b];
        if (buffer.pad == 0) return;
        for (int i = 0; i < buffer.planes; ++i) close_row(row(b, i, y), width(b), buffer.pad, buffer.replicate);
    }

    void advance(const NetStage& stage) {
        const int y = next_[stage.out];
        const int count = stage.kind == kConvolve ? stage.factor : 1;
        int first, last;
        needed(stage, y, first, last);
        // Row by row: where a band begins, inputs advance together then, and need no more rows than later.
        for (int at = first; at <= last; ++at) {
            int made = -1;
            for (int i = 0; i < stage.num_planes; ++i) {
                const int b = stage.planes[i].buffer;
                if (b != made) make(b, outside(stage, b, at));
                made = b;
            }
        }
        for (int i = 0; i < stage.num_added; ++i) make(stage.added[i].buffer, y + count - 1);
        next_[stage.out] = y + count;
        switch (stage.kind) {
            case kConvolve: convolve(stage, y); break;
            case kShuffle: shuffle(stage, y); break;
            case kUnshuffle: unshuffle(stage, y); break;
            default: enlarge(stage, y);
        }
        for (int i = 0; i < count; ++i) close(stage.out, y + i);
    }

    void convolve(const NetStage& stage, int y) {
        const int reach = stage.size / 2 * stage.dilation, at = y / stage.factor;
        for (int i = 0; i < stage.num_planes; ++i) {
            const NetPlane& plane = stage.planes[i];
            for (int ky = 0; ky < stage.size; ++ky) {
                const int from = at + ky * stage.dilation - reach;
                const bool is_outside = from < 0 || from >= height_[plane.buffer];
                const float* in = is_outside && stage.zero ? zeros_ + net_left(net_.buffers[plane.buffer])
                                                           : row(plane, within(from, height_[plane.buffer]));
                inputs_[i * stage.size + ky] = in - reach;
            }
        }
        const NetBuffer& out = net_.buffers[stage.out];
        for (int part = 0; part < stage.factor; ++part) {
            for (int i = 0; i < out.planes; ++i) outputs_[i * stage.factor + part] = row(stage.out, i, y + part);
            for (int i = 0; i < stage.num_added; ++i) added_[i * stage.factor + part] = row(stage.added[i], y + part);
        }
        convolve_row({&stage, inputs_, stage.num_added ? added_ : nullptr, outputs_, out.format, out.planes},
                     width(stage.out) / stage.factor);
    }

    void shuffle(const NetStage& stage, int y) {
        const int factor = stage.factor, group = factor * factor;
        for (int i = 0; i * group < stage.num_planes; ++i) {
            for (int part = 0; part < factor; ++part)
                inputs_[part] = row(stage.planes[i * group + y % factor * factor + part], y / factor);
            interleave(inputs_, factor, width(stage.out) / factor, row(stage.out, i, y));
        }
    }

    void unshuffle(const NetStage& stage, int y) {
        const int factor = stage.factor, wide = width(stage.out);
        for (int i = 0; i < stage.num_planes; ++i)
            for (int part = 0; part < factor * factor; ++part) {
                const float* in = row(stage.planes[i], y * factor + part / factor) + part % factor;
                float* out = row(stage.out, i * factor * factor + part, y);
                for (int x = 0; x < wide; ++x) out[x] = in[x * factor];
            }
    }

    void enlarge(const NetStage& stage, int y) {
        const int phase = y % stage.factor, top = y / stage.factor + stage.first[phase];
        const float* weights = stage.weights + phase * stage.taps;
        for (int i = 0; i < stage.num_planes; ++i) {
            const NetPlane& plane = stage.planes[i];
            const int b = plane.buffer, wide = width(b);
            float* line = lines_[0] + kBlock;
            const float* rows[4];
            for (int t = 0; t < stage.taps; ++t) rows[t] = row(plane, outside(stage, b, top + t));
            for (int x = 0; x < wide; x += LANES) {
                F sum = load(rows[0] + x) * all(weights[0]);
                for (int t = 1; t < stage.taps; ++t) sum = fused(load(rows[t] + x), all(weights[t]), sum);
                store(line + x, sum);
            }
            for (int x = 1; x <= 2; ++x) {
                line[-x] = line[stage.mirror ? mirror(x - 1, wide) : 0];
                line[wide - 1 + x] = line[stage.mirror ? mirror(wide - x, wide) : wide - 1];
            }
            for (int p = 0; p < stage.factor; ++p) enlarge_columns(stage, p, line, wide);
            interleave(lines_ + 1, stage.factor, wide, row(stage.out, i, y));
        }
    }
    static int mirror(int x, int width) { return x < 0 ? 0 : x < width ? x : width - 1; }

    void enlarge_columns(const NetStage& stage, int phase, const float* line, int wide) const {
        const float* in = line + stage.first[phase];
        const float* weights = stage.weights + phase * stage.taps;
        for (int x = 0; x < wide; x += LANES) {
            F sum = load(in + x) * all(weights[0]);
            for (int t = 1; t < stage.taps; ++t) sum = fused(load(in + x + t), all(weights[t]), sum);
            store(lines_[1 + phase] + x, sum);
        }
    }

    const NetJob& job_;
    const NetProgram& net_;
    const NetWindow window_;
    Scratch scratch_;
    int wide_;  // columns of the input
    Source sources_[3];
    Sink sinks_[3];
    Span span_;
    float** rows_;
    int *pitch_, *height_, *next_;
    float *zeros_, *lines_[1 + kNetFactor];
    const float** inputs_;
    float** outputs_;
    const float** added_;
};

void run_net(const NetJob& job, int first, int last, float* memory) {
    const int step = job.tile * job.program->scale;
    for (int x = 0; x < job.planes.width * job.program->scale; x += step)
        NetRun(job, net_window(job, x), first, last, memory).run();
    end_streaming();
}

template <class T>
double exert_with(T value, int products, int rounds) {
    constexpr int SUMS = 12;  // more than a multiply-add takes cycles, times two a cycle
    F sums[SUMS];
    for (auto& sum : sums) sum = all(0.0f);
    for (int i = 0; i < rounds; ++i) {
        const Vector<T> factor = kept(all(value));
#pragma GCC unroll 12
        for (int k = 0; k < SUMS; ++k) sums[k] = fused(factor, factor, sums[k]);
    }
    F total = sums[0];
    for (int k = 1; k < SUMS; ++k) total = total + sums[k];
    float lanes[LANES];
    store(lanes, total);  // of zeros: so that the sums are needed
    return 2.0 * SUMS * rounds * LANES * products + lanes[0];
}

#if defined(__AVX512VNNI__)
double exert_bytes(I value, int rounds) {
    constexpr int SUMS = 12;
    I sums[SUMS];
    for (auto& sum : sums) sum = all(0);
    for (int i = 0; i < rounds; ++i) {
        const I factor = kept(value);
#pragma GCC unroll 12
        for (int k = 0; k < SUMS; ++k) sums[k] = dotted(factor, factor, sums[k]);
    }
    I total = sums[0];
    for (int k = 1; k < SUMS; ++k) total = plus(total, sums[k]);
    std::int32_t lanes[LANES];
    store(lanes, total);
    return 2.0 * SUMS * rounds * LANES * 4 + lanes[0];
}
#endif

double exert(NetFormat format, int rounds) {
    if (format == kFloat32) return exert_with(float(rounds < 0), 1, rounds);
#if defined(__AVX512BF16__)
    if (format == kBfloat16) return exert_with(std::int32_t(rounds < 0), 2, rounds);
#endif
#if defined(__AVX512VNNI__)
    if (format == kBytes) return exert_bytes(all(std::int32_t(rounds < 0)), rounds);
#endif
    return 0.0;
}

}  // namespace
}  // namespace vsr

#define VSR_NET(name, halves, bytes) \
    const ::vsr::NetKernels vsr::net_##name = {#name, halves, bytes, ::vsr::run_net, ::vsr::exert};
