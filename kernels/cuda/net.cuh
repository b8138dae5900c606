// Layers of narrow networks. A source generated for a network (vsr/engine/fused_cuda) names the instances.
//
// One launch is one layer. A block makes a tile of its result: slab by slab (4 to 16 channels, next to each other) it
// copies the tile with its halo to shared memory, then every warp multiplies 16 pixels of a row at a time by the weights
// of up to 64 channels, 16 products (4 groups of 4 channels, each of some tap) a step, with sums in registers; at last
// bias, activation, what is added, depth-to-space and the rounding to samples, and one store.
//
// Why so, in counts for 1920x1080 to twice the size on an H200 (132 multiprocessors, 1.755 GHz, 4.8 TB/s); none of it was
// timed yet.
// - Bytes: 4 channels of halves are 17 MB written and 17 MB read, 7 us together, less where level 2 (50 MB) still holds
//   them; 8 channels twice that. Anime4K x2 M moves 0.3 GB, 0.06 ms; VL 0.75 GB, 0.16 ms.
// - Products: M takes 46 multiply_add for 16 pixels. At one every 4 clocks for each of the 4 schedulers that is 0.03 ms.
// - Shared memory gives 128 bytes a clock; a step of 16 pixels reads 512, so a 3x3 layer of 4 channels takes 12 clocks for
//   16 pixels: 7 us. |x| is made of x in registers, which halves what CReLU layers read. No two threads meet in a bank.
// - Instructions are what bounds narrow layers: of sm_90's machine code a warp runs 448 for 64 pixels of a 3x3 layer of 4
//   channels, 536 of 8. M needs 0.15 ms at one a clock and scheduler, VL 0.25, ESPCN 0.3. Hence 4 rows of 16 pixels for
//   each load of weights, addresses that differ by constants, and tiles of 32x16.
// - The last layer of Anime4K, 1x1 over all layers before, reads them again: 16 bytes a pixel for each layer of 8 channels.
//   12 sums kept in halves and added to after each layer would move 48.
// - Layers are not merged in one launch: the halo (20 % of 32x16 for each 3x3) would be worked out again, and
//   instructions are what there is least of.
#pragma once
#include "fragments.cuh"
#include "net_ends.cuh"

namespace vsr {

// Where a layer looks: ROWS x COLUMNS taps, DOWN and ACROSS apart, the first of them LEFT of and above the pixel. Rows of
// shared memory have PITCH pixels, chosen so that threads that load at once meet in no bank.
template <int ROWS, int COLUMNS, int DOWN, int ACROSS, int ABOVE, int LEFT, int PITCH>
struct Window {
    static constexpr int kRows = ROWS, kColumns = COLUMNS, kDown = DOWN, kAcross = ACROSS, kAbove = ABOVE, kLeft = LEFT,
                         kPitch = PITCH;
};

// Slabs of buffers of T, GROUPS fours of channels at a time.
template <class T, int GROUPS>
struct FromBuffers {
    using Value = T;
    static constexpr int kGroups = GROUPS, kUnroll = 4;
    static constexpr bool kIsPicture = false;
    static constexpr int kPiece = sizeof(T) == 2 && GROUPS % 2 == 0 ? 8 : 4;  // values: 8 or 16 bytes

    struct Slab {
        const T* data;
        u32 stride;
    };

    static VSR_DEVICE Slab of(const NetJob& job, int pass) {
        const vsr::Slab* slab = job.slabs + pass;
        return {static_cast<const T*>(slab->data), u32(slab->stride)};
    }
    static VSR_DEVICE void copy(const NetJob& job, const Slab& slab, int x, int y, int piece, Some<T, 4>* to) {
        const int u = within(x, job.width), v = within(y, job.height);
        const bool is_zero = job.zero && (u != x || v != y);
        using Piece = Words<kPiece * sizeof(T)>;
        const u32 at = u32(v * job.width + u) * slab.stride + piece * kPiece;
        Piece words = loaded(reinterpret_cast<const Piece*>(slab.data + at));
#pragma unroll
        for (u32& word : words.of) word = is_zero ? 0 : word;
        *reinterpret_cast<Piece*>(to) = words;
    }
};

// The picture: COUNT components, or one at this place and the next three, ACROSS apart.
template <class T, class COMPONENTS, int COUNT, int ACROSS>
struct FromPicture {
    using Value = T;
    static constexpr int kGroups = 1, kPiece = 4, kUnroll = COMPONENTS::kUnroll;
    static constexpr bool kIsPicture = true;
    struct Slab {};

    static VSR_DEVICE Slab of(const NetJob&, int) { return {}; }
    static VSR_DEVICE void copy(const NetJob& job, const Slab&, int x, int y, int, Some<T, 4>* to) {
#pragma unroll COMPONENTS::kUnroll
        for (int i = 0; i < 4; ++i) {
            const int across = COUNT == 1 ? x + i * ACROSS : x;
            const int u = within(across, job.width), v = within(y, job.height);
            const bool is_zero = (COUNT > 1 && i >= COUNT) || (job.zero && (u != across || v != y));
            to->of[i] = ValueOf<T>::from(is_zero ? 0.0f : COMPONENTS::read(job.picture, COUNT == 1 ? 0 : i, u, v));
        }
    }
};

enum Activation { kLinear, kRelu, kSloped, kClamp, kTanh, kSigmoid };

// NaN stays NaN.
template <int ACTIVATION, bool IS_EXACT>
VSR_DEVICE float activated(const NetJob& job, float slope, float x) {
    if (ACTIVATION == kRelu) return x < 0 ? 0.0f : x;
    if (ACTIVATION == kSloped) return x < 0 ? x * slope : x;
    if (ACTIVATION == kClamp) return x < job.low ? job.low : x > job.high ? job.high : x;
    if (ACTIVATION == kTanh) return 1 - 2 * one_over<IS_EXACT>(1 + exponential<IS_EXACT>(2 * x));
    if (ACTIVATION == kSigmoid) return one_over<IS_EXACT>(1 + exponential<IS_EXACT>(-x));
    return x;
}

// What becomes of COUNT neighbouring positions of a layer's sums: channels, in the order of depth-to-space by FACTOR.
// `of` positions and a first pixel holds what is the same for all pixels; `put` is for one so far from it.
template <bool IS_EXACT, int COUNT, int ACTIVATION, class ADDED, int FACTOR, class OUTPUT>
struct Ending {
    static constexpr bool kIsWhole = FACTOR == 1 && !OUTPUT::kIsPlanes;  // positions are those of a buffer
    static constexpr int kPhases = FACTOR * FACTOR;
    static constexpr int kOutputs = kIsWhole || kPhases % COUNT == 0 ? 1 : COUNT;
    int position;
    Spot first;
    float biases[COUNT], slopes[COUNT];
    ADDED added[COUNT];
    OUTPUT outputs[kOutputs];

    static VSR_DEVICE Ending of(const NetJob& job, int position, const Spot& first) {
        Ending own;
        own.position = position;
        own.first = first;
#pragma unroll
        for (int i = 0; i < COUNT; ++i) {
            const int at = position + i, channel = at / kPhases, lane = least(channel, job.result.channels - 1);
            own.biases[i] = constant(job.biases + at);
            own.slopes[i] = ACTIVATION == kSloped ? constant(job.slopes + at) : 0;
            own.added[i] = ADDED::of(job, lane, at % FACTOR, at / FACTOR % FACTOR);
            if (i < kOutputs) own.outputs[i] = OUTPUT::of(job, OUTPUT::kIsPlanes ? lane : channel, first.x * FACTOR, first.y * FACTOR);
        }
        return own;
    }
    VSR_DEVICE void put(const NetJob& job, const typename ADDED::Shared& shared, int right, int down,
                        const float (&sums)[COUNT]) const {
        const Spot spot = first.moved(right, down);
        const bool is_inside = spot.x < job.width && spot.y < job.height;
        float values[COUNT];
#pragma unroll
        for (int i = 0; i < COUNT; ++i) {
            values[i] = activated<ACTIVATION, IS_EXACT>(job, slopes[i], sums[i] + biases[i]);
            if constexpr (!IsNothing<ADDED>::kIs)
                if (ADDED::kIsFilled || is_inside) values[i] += added[i].at(job, shared, spot);
            if constexpr (!kIsWhole) {
                const int at = position + i, x = right * FACTOR + at % FACTOR, y = down * FACTOR + at / FACTOR % FACTOR;
                if (is_inside && at / kPhases < (OUTPUT::kIsPlanes ? job.result.channels : job.result.filled))
                    outputs[kOutputs == 1 ? 0 : i].put(job, x, y, values[i]);
            }
        }
        if constexpr (kIsWhole)
            if (is_inside) outputs[0].template put_all<COUNT>(job, right, down, values);
    }
};

template <int ACTIVATION, class ADDED, int FACTOR, class OUTPUT>
struct Finish {
    using Added = ADDED;
    static constexpr int kSpan = FACTOR == 1 ? OUTPUT::kSpan : 8;  // positions that lie next to each other
    template <bool IS_EXACT, int COUNT>
    using Of = Ending<IS_EXACT, COUNT, ACTIVATION, ADDED, FACTOR, OUTPUT>;
};

// A block's shared memory: the tile that is multiplied, and then what is added.
template <class TILE, class ADDED>
union LayerShared {
    typename TILE::Shared tile;
    ADDED added;
};

// What convolutions of both precisions share. TILES: eights of positions.
template <class INPUT, class WINDOW, int HIGH>
struct Tile {
    static constexpr int kWide = 32, kHigh = HIGH;  // pixels of a block
    static constexpr int kRows = HIGH + (WINDOW::kRows - 1) * WINDOW::kDown;
    static constexpr int kColumns = kWide + (WINDOW::kColumns - 1) * WINDOW::kAcross;
    static constexpr int kGroups = WINDOW::kRows * WINDOW::kColumns * INPUT::kGroups;  // of 4 products

    using Shared = Some<typename INPUT::Value, 4>[kRows * WINDOW::kPitch * INPUT::kGroups];

    // Where the group lies, from the first of its pixel.
    static VSR_DEVICE constexpr int place(int group) {
        const int last = kGroups - 1, own = group < last ? group : last, tap = own / INPUT::kGroups;
        return (tap / WINDOW::kColumns * WINDOW::kDown * WINDOW::kPitch + tap % WINDOW::kColumns * WINDOW::kAcross) *
                   INPUT::kGroups + own % INPUT::kGroups;
    }
    static VSR_DEVICE int pixel(int x, int y) { return (y * WINDOW::kPitch + x) * INPUT::kGroups; }

    static VSR_DEVICE void fill(Block block, Shared& shared, const NetJob& job, int pass) {
        constexpr int kPieces = INPUT::kGroups * 4 / INPUT::kPiece, kTotal = kRows * kColumns * kPieces;
        constexpr int kTurns = (kTotal + kThreads - 1) / kThreads;
        const int x0 = block.x * kWide - WINDOW::kLeft, y0 = block.y * HIGH - WINDOW::kAbove;
        const auto slab = INPUT::of(job, pass);
        block.each([&](int thread) {
#pragma unroll INPUT::kUnroll
            for (int turn = 0; turn < kTurns; ++turn) {
                const u32 i = turn * kThreads + thread;
                if ((turn + 1) * kThreads > kTotal && i >= kTotal) break;
                const int piece = i % kPieces, column = i / kPieces % kColumns, row = i / kPieces / kColumns;
                const int at = pixel(column, row) + piece * (INPUT::kPiece / 4);
                INPUT::copy(job, slab, x0 + column, y0 + row, piece, &shared[at]);
            }
        });
    }
};

// In halves, by the tensor cores. Weights: [pass][step][value, magnitude][TILES][lane] of four halves.
template <class INPUT, class WINDOW, bool HAS_MAGNITUDES, int TILES, class FINISH>
struct TensorLayer {
    static constexpr int kHigh = TILES <= 4 ? 16 : 8;
    static constexpr int kOwn = kHigh * 2 / kWarps;  // sixteens of pixels of a warp, two a row
    static constexpr int kBlocks = kOwn * TILES < 8 ? 3 : 2;
    using Area = Tile<INPUT, WINDOW, kHigh>;
    using Added = typename FINISH::Added::Shared;
    using Shared = LayerShared<Area, Added>;
    static constexpr int kSteps = (Area::kGroups + 3) / 4, kParts = HAS_MAGNITUDES ? 2 : 1;
    static constexpr int kUnroll = kOwn * TILES >= 8 || kSteps > 10 ? 3 : kSteps;  // more would take registers

    struct Own {
        Sums of[kOwn][TILES];

        VSR_DEVICE void clear() {
#pragma unroll
            for (int i = 0; i < kOwn * TILES; ++i) of[i / TILES][i % TILES].clear();
        }
    };

    // Where the group of a step lies that belongs to the threads t.
    static VSR_DEVICE int place(int step, int t) {
        if (INPUT::kGroups == 4) return Area::place(4 * step) + t;
        const int first = t == 0 ? Area::place(4 * step) : Area::place(4 * step + 1);
        const int second = t == 2 ? Area::place(4 * step + 2) : Area::place(4 * step + 3);
        return t < 2 ? first : second;
    }

    static VSR_DEVICE void multiply(Warp warp, Own& own, const typename Area::Shared& shared, const Words<8>* weights) {
        const int y0 = warp.index * (kOwn / 2);
#pragma unroll kUnroll
        for (int step = 0; step < kSteps; ++step) {
            Right right[kParts][TILES];
#pragma unroll
            for (int i = 0; i < kParts * TILES; ++i)
                right[i / TILES][i % TILES].load(warp, [&](int lane) {
                    const Words<8> words = loaded(weights + (step * kParts * TILES + i) * kWarpThreads + lane);
                    return Halves{words.of[0], words.of[1]};
                });
#pragma unroll
            for (int i = 0; i < kOwn; ++i) {
                Left left;
                left.load(warp, [&](int lane, int half) {
                    const int x = i % 2 * 16 + lane / 4 + 8 * half, y = y0 + i / 2;
                    return reinterpret_cast<const Halves&>(shared[Area::pixel(x, y) + place(step, lane % 4)]);
                });
#pragma unroll
                for (int tile = 0; tile < TILES; ++tile) multiply_add(own.of[i][tile], left, right[0][tile]);
                if constexpr (HAS_MAGNITUDES) {
                    const Left magnitudes = left.magnitudes();
#pragma unroll
                    for (int tile = 0; tile < TILES; ++tile) multiply_add(own.of[i][tile], magnitudes, right[1][tile]);
                }
            }
        }
    }

    static VSR_DEVICE void finish(Block block, Warp warp, const Own& own, const Added& added, const NetJob& job) {
        constexpr bool kIsPair = FINISH::kSpan > 8;  // of tiles that are a slab: a thread has four neighbours
        constexpr int kCount = kIsPair ? 4 : 2;
        warp.each_lane([&](int lane) {
            const int first = lane % 4 * kCount, column = lane / 4, row = warp.index * (kOwn / 2);
            const Spot spot = {column, row, block.x * Area::kWide + column, block.y * kHigh + row};
#pragma unroll
            for (int tile = 0; tile < TILES; tile += kCount / 2) {
                if (first >= FINISH::kSpan) return;
                const int position = tile * 2 / kCount * FINISH::kSpan + first;
                const auto end = FINISH::template Of<false, kCount>::of(job, position, spot);
#pragma unroll
                for (int i = 0; i < kOwn * 2; ++i) {  // 8 pixels further each time, 4 times a row
                    float sums[kCount];
#pragma unroll
                    for (int k = 0; k < kCount; ++k) sums[k] = own.of[i / 2][tile + k / 2].at(lane, i % 2, k % 2);
                    end.put(job, added, i % 4 * 8, i / 4, sums);
                }
            }
        });
    }

    static VSR_DEVICE void run(Block block, Shared& shared, const NetJob& job) {
        PerWarp<Own> own;
        const Words<8>* weights = static_cast<const Words<8>*>(job.weights);
        if constexpr (INPUT::kIsPicture) {  // no sums need registers while it is read
            Area::fill(block, shared.tile, job, 0);
            block.each_warp([&](Warp warp) {
                own[warp].clear();
                multiply(warp, own[warp], shared.tile, weights);
            });
        } else {
            block.each_warp([&](Warp warp) { own[warp].clear(); });
#pragma unroll 1
            for (int pass = 0; pass < job.passes; ++pass) {
                Area::fill(block, shared.tile, job, pass);
                block.each_warp([&](Warp warp) { multiply(warp, own[warp], shared.tile, weights); });
                weights += kSteps * kParts * TILES * kWarpThreads;
            }
        }
        if constexpr (FINISH::Added::kIsFilled) FINISH::Added::fill(block, shared.added, job);
        block.each_warp([&](Warp warp) { finish(block, warp, own[warp], shared.added, job); });
    }
};

// In float32, a pixel for each thread. Weights: [pass][group][value, magnitude][4][COUNT] of float; COUNT: positions.
template <class INPUT, class WINDOW, bool HAS_MAGNITUDES, int COUNT, class FINISH>
struct ExactLayer {
    static constexpr int kHigh = 8, kBlocks = COUNT <= 16 ? 4 : COUNT <= 32 ? 2 : 1;
    using Area = Tile<INPUT, WINDOW, kHigh>;
    using Added = typename FINISH::Added::Shared;
    using Shared = LayerShared<Area, Added>;
    static constexpr int kParts = HAS_MAGNITUDES ? 2 : 1;

    struct Own {
        float of[COUNT];
    };

    static VSR_DEVICE void multiply(Own& own, const typename Area::Shared& shared, int thread, const float* weights) {
        const int pixel = Area::pixel(thread % Area::kWide, thread / Area::kWide);
#pragma unroll 1
        for (int group = 0; group < Area::kGroups; ++group) {
            const Some<float, 4> values = shared[pixel + Area::place(group)];
#pragma unroll
            for (int part = 0; part < kParts; ++part)
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    const float value = part ? magnitude(values.of[i]) : values.of[i];
#pragma unroll
                    for (int k = 0; k < COUNT; ++k) own.of[k] = fused(constant(weights + k), value, own.of[k]);
                    weights += COUNT;
                }
        }
    }

    static VSR_DEVICE void run(Block block, Shared& shared, const NetJob& job) {
        PerThread<Own> own;
        const float* weights = static_cast<const float*>(job.weights);
        if constexpr (INPUT::kIsPicture) {
            Area::fill(block, shared.tile, job, 0);
            block.each([&](int thread) {
                own[thread] = Own{};
                multiply(own[thread], shared.tile, thread, weights);
            });
        } else {
            block.each([&](int thread) { own[thread] = Own{}; });
#pragma unroll 1
            for (int pass = 0; pass < job.passes; ++pass) {
                Area::fill(block, shared.tile, job, pass);
                block.each([&](int thread) { multiply(own[thread], shared.tile, thread, weights); });
                weights += Area::kGroups * kParts * 4 * COUNT;
            }
        }
        if constexpr (FINISH::Added::kIsFilled) FINISH::Added::fill(block, shared.added, job);
        block.each([&](int thread) {
            const int column = thread % Area::kWide, row = thread / Area::kWide;
            const Spot spot = {column, row, block.x * Area::kWide + column, block.y * kHigh + row};
#pragma unroll
            for (int k = 0; k < COUNT; k += 4) {
                const float* sums = own[thread].of + k;
                const float four[4] = {sums[0], sums[1], sums[2], sums[3]};
                FINISH::template Of<true, 4>::of(job, k, spot).put(job, shared.added, 0, 0, four);
            }
        });
    }
};

template <class LAYER>
VSR_DEVICE void layer(Block block, typename LAYER::Shared& shared, const NetJob& job) {
    LAYER::run(block, shared, job);
}

}  // namespace vsr
