// A network as a list of row-wise stages, run over a band of rows without ever holding a whole layer. Plain data.
//
// A stage writes rows of one buffer from rows of others; a buffer is a ring of its last rows. Whoever needs a row has
// the stages before it make theirs, so that a row of the first layer is followed at once by what it makes possible.
#pragma once
#include "kernels.hpp"

namespace vsr {

// What a word of a plane holds: a channel in float32; two in bfloat16, the first in the lower half; four in 8 bits
// without a sign, the first lowest. Bytes come in two sets of planes: those of the channels' positive parts, and, where
// something reads them, those of the negative parts' magnitudes.
enum NetFormat { kFloat32, kBfloat16, kBytes };

// Rows of `planes` planes, num / den times the size of the input.
struct NetBuffer {
    int planes, num, den;
    int rows;        // the ring's
    int pad;         // columns beyond each end of a row, which hold zeros or the row's first and last sample
    bool replicate;
    int format;
};

struct NetPlane {
    int buffer, plane;
};

// Up to kNetBlock channels of a convolution's result, and the planes they depend on, each kind with its weights in
// order (plane, ky, kx, channel): float32, float32 folded, bfloat16, bfloat16 folded, bytes. A folded plane counts
// twice: as it is, and its magnitude, so that weights of max(x, 0) and of max(-x, 0) need nothing else. Sums of bytes
// are in integers; each channel's are multiplied by its gain.
constexpr int kNetBlock = 4;
constexpr int kNetFactor = 8;  // the largest of a stage
enum { kFloats, kFoldedFloats, kPairs, kFoldedPairs, kQuads, kNetKinds };
struct NetBlock {
    int outputs;
    int count[kNetKinds];
    const std::int32_t* planes;  // of the stage's, in the order of the kinds
    const float* weights;
    const float* gains;  // of quads
};

enum NetActivation { kLinear, kSlopes, kClamp, kTanh, kSigmoid };
enum NetKind { kConvolve, kShuffle, kUnshuffle, kEnlarge };

// kConvolve: blocks; then the activation (kSlopes: a slope for each channel where x < 0); then `added`, one plane for
//   each channel of the result, or none. For a result in bytes, steps[c] is what a channel's positive part is multiplied
//   by, steps[channels + c] what its negative part is, below 0. With factor 2 each block of 4 channels is one of twice the size, in order
//   (upper left, upper right, lower left, lower right), before `added`.
// kShuffle: planes c * factor^2 + iy * factor + ix become channel c, factor times as large. kUnshuffle: the reverse.
// kEnlarge: sample factor * i + p is the sum over t < taps of weights[p * taps + t] * in[i + first[p] + t], along both
//   axes; outside lies the nearest sample, or where `mirror` the picture's mirror image.
struct NetStage {
    int kind, out, size, dilation, factor;
    bool zero;  // what lies above and below the picture: zeros, or the nearest row
    int num_planes, num_blocks, num_added;
    const NetPlane* planes;
    const NetBlock* blocks;
    const float* bias;
    int activation;
    const float* slopes;
    float low, high;
    int channels;
    const float* steps;
    const NetPlane* added;
    int taps;
    bool mirror;
    const std::int32_t* first;
    const float* weights;
};

// Stages in an order in which they could run; the input is buffer 0, the result the last stage's.
struct NetProgram {
    int num_buffers, num_stages;
    const NetBuffer* buffers;
    const NetStage* stages;
    const std::int32_t* maker;  // of each buffer; -1 of the input
    int scale;
    int before, after;  // columns of the input that a column of the result depends on
    int multiple;       // sides of the input are multiples of this
};

// The grid of the outputs is program.scale times that of the inputs.
struct NetJob {
    const NetProgram* program;
    Planes planes;
    int tile;  // columns of the input that are done at a time, a multiple of kNetTile
};
constexpr int kNetTile = 64;

struct NetKernels {
    const char* name;
    bool halves, bytes;  // which formats it has beside float32
    // The rows [first, last) of the outputs' grid.
    void (*run)(const NetJob& job, int first, int last, float* scratch);
    // Do nothing but multiply and add in a format, `rounds` times; the operations done, two for each product. What a
    // processor does here, a network cannot exceed.
    double (*exert)(NetFormat format, int rounds);
};

// Columns [first, last) of the outputs' grid and those of the inputs' that they need.
struct NetWindow {
    int first, last, from, to;
};

static inline NetWindow net_window(const NetJob& job, int first) {
    const NetProgram& net = *job.program;
    const int width = job.planes.width * net.scale;
    NetWindow window{first, first + job.tile * net.scale, 0, 0};
    if (window.last > width) window.last = width;
    int reach = 0;
    for (int i = 0; i < job.planes.outputs; ++i)
        if (!job.planes.out[i].columns->identity && job.planes.out[i].columns->taps > reach)
            reach = job.planes.out[i].columns->taps;
    const int from = (first - reach) / net.scale - net.before, to = (window.last + reach) / net.scale + net.after + 1;
    const int step = kBlock * net.multiple;
    window.from = from < 0 ? 0 : from / step * step;
    window.to = round_up(to, step) < job.planes.width ? round_up(to, step) : job.planes.width;
    return window;
}

static inline int net_left(const NetBuffer& buffer) { return round_up(buffer.pad, kBlock); }
static inline int net_width(const NetBuffer& buffer, int input) { return int(std::int64_t(input) * buffer.num / buffer.den); }
// Floats from row to row: what lies left of a row, the row in whole vectors, what lies right of it and may be read over.
static inline int net_pitch(const NetBuffer& buffer, int input) {
    const int pitch = 2 * net_left(buffer) + round_up(net_width(buffer, input), kBlock) + 2 * kBlock;
    return pitch % 1024 ? pitch : pitch + kBlock;  // rows a power of two apart share few lines of the caches
}

// Pointers that a stage needs at most.
static inline std::size_t net_table(const NetProgram& net) {
    std::size_t most = 0;
    for (int s = 0; s < net.num_stages; ++s) {
        const NetStage& stage = net.stages[s];
        const std::size_t in = std::size_t(stage.num_planes) * stage.size, out = 2 * std::size_t(stage.num_blocks) * kNetBlock;
        if (in > most) most = in;
        if (out > most) most = out;
    }
    return most;
}

static inline std::size_t net_scratch(const NetJob& job) {
    const NetProgram& net = *job.program;
    const Planes& planes = job.planes;
    int columns = 0;
    for (int x = 0; x < planes.width * net.scale; x += job.tile * net.scale) {
        const NetWindow window = net_window(job, x);
        if (window.to - window.from > columns) columns = window.to - window.from;
    }
    const auto taken = [](std::size_t count) { return (count + kBlock - 1) / kBlock * kBlock; };
    std::size_t floats = 5 * taken(std::size_t(net.num_buffers)), widest = 0;
    for (int b = 0; b < net.num_buffers; ++b) {
        const NetBuffer& buffer = net.buffers[b];
        const std::size_t pitch = net_pitch(buffer, columns);
        floats += taken(pitch * std::size_t(buffer.planes) * std::size_t(buffer.rows));
        if (pitch > widest) widest = pitch;
    }
    floats += (2 + kNetFactor) * taken(widest) + 3 * taken(2 * net_table(net));
    for (int i = 0; i < planes.inputs; ++i)
        floats += row_floats(planes.in[i].plane.width) + std::size_t(planes.in[i].rows->taps) * row_floats(columns + kBlock);
    for (int i = 0; i < planes.outputs; ++i)
        floats += std::size_t(planes.out[i].rows->taps) * row_floats(planes.out[i].plane.width);
    return floats;
}

extern const NetKernels net_plain;
#ifdef VSR_X86
extern const NetKernels net_avx2;
extern const NetKernels net_avx512;
extern const NetKernels net_avx512_vnni;
extern const NetKernels net_avx512_bf16;
#endif

}  // namespace vsr
