// Rows of a network's stages.
//
// A convolution keeps a block of sums in registers, kNetBlock channels of several vectors of pixels, and goes through
// the taps of all planes: each tap is one load a vector, and one broadcast weight a channel.
#pragma once
#include "net.hpp"
#include "rows.hpp"

namespace vsr {
namespace {

#if defined(__AVX512F__)
inline F fused(F a, F b, F sum) { return _mm512_fmadd_ps(a, b, sum); }
inline F magnitude(F x) { return _mm512_abs_ps(x); }
inline F power_of_two(F n) { return _mm512_scalef_ps(all(1.0f), n); }
inline F whole_number(F x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
constexpr int kWidest = 6;
#elif defined(__AVX2__)
inline F fused(F a, F b, F sum) { return _mm256_fmadd_ps(a, b, sum); }
inline F magnitude(F x) { return _mm256_and_ps(x, _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff))); }
inline F power_of_two(F n) {
    const __m256i biased = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(biased, 23));
}
inline F whole_number(F x) { return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
constexpr int kWidest = 2;
#else
inline F fused(F a, F b, F sum) { return a * b + sum; }
inline F magnitude(F x) { return F(I(x) & 0x7fffffff); }
inline F whole_number(F x) {
    const F big = all(12582912.0f);  // 1.5 * 2^23: what is added to it has no fraction left
    return (x + big) - big;
}
inline F power_of_two(F n) { return F((__builtin_convertvector(n, I) + 127) << 23); }
constexpr int kWidest = 2;
#endif

#if defined(__AVX512BF16__)
inline F fused(I pair, I weights, F sum) { return _mm512_dpbf16_ps(sum, (__m512bh)pair, (__m512bh)weights); }
inline I magnitude(I pair) { return _mm512_and_si512(pair, _mm512_set1_epi32(0x7fff7fff)); }
inline I pair_of(F first, F second) {
    const __m512i halves = (__m512i)_mm512_cvtne2ps_pbh(second, first);
    const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8,
                                           23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_permutexvar_epi16(order, halves);
}
#endif

// Kept in a register: compilers would rather load it again for each use, and these loads straddle cache lines.
template <class V>
inline __attribute__((always_inline)) V kept(V v) {
#if defined(__AVX512F__)
    asm("" : "+v"(v));
#elif defined(__SSE2__)
    asm("" : "+x"(v));
#elif defined(__aarch64__)
    asm("" : "+w"(v));
#endif
    return v;
}

#if defined(__AVX512VNNI__)
inline I dotted(I quads, I weights, I sum) { return _mm512_dpbusd_epi32(sum, quads, weights); }
inline F as_float(I whole) { return _mm512_cvtepi32_ps(whole); }
inline I as_byte(F x) {
    return _mm512_cvtps_epi32(min(max(x, all(0.0f)), all(255.0f)));
}
inline I quad_of(I a, I b, I c, I d) {
    return _mm512_or_si512(_mm512_or_si512(a, left<8>(b)), _mm512_or_si512(left<16>(c), left<24>(d)));
}
#endif

// exp(x) to 2 units in the last place: 2^n times Taylor's series about 0, |rest| <= ln(2) / 2.
inline F exponential(F x) {
    const F bounded = min(max(x, all(-87.0f)), all(88.0f));
    const F n = whole_number(bounded * all(1.44269504f));
    const F rest = fused(n, all(1.42860677e-6f), fused(n, all(-0.693145752f), bounded));
    constexpr float factors[] = {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f};
    F sum = all(1.0f / 5040);
    for (float factor : factors) sum = fused(sum, rest, all(factor));
    return sum * power_of_two(n);
}

struct Activation {
    const NetStage& stage;
    const float* slopes;

    inline __attribute__((always_inline)) F operator()(F x, int channel) const {
        switch (stage.activation) {
            case kSlopes: return fused(min(x, all(0.0f)), all(slopes[channel]), max(x, all(0.0f)));
            case kClamp: return min(max(x, all(stage.low)), all(stage.high));
            case kTanh: return all(1.0f) - all(2.0f) / (exponential(x + x) + all(1.0f));
            case kSigmoid: return all(1.0f) / (exponential(all(0.0f) - x) + all(1.0f));
            default: return x;
        }
    }
};

// What a row of a convolution is made from and goes to.
struct ConvolvedRow {
    const NetStage* stage;
    const float* const* taps;   // [plane][ky]: rows, from the leftmost tap of column 0
    const float* const* added;  // [channel], of twice the rows (upper, lower) with factor 2; or null
    float* const* out;          // [plane], or with factor 2 [channel][upper, lower]
    int format, planes;         // of the result
};

template <int OUT, int VECTORS>
using Sums = F[OUT][VECTORS];

template <class T, bool FOLDED, int OUT, int VECTORS>
inline __attribute__((always_inline)) const float* add_planes(const ConvolvedRow& row, const std::int32_t*& plane, int count,
                                                              const float* weights, int x, Sums<OUT, VECTORS>& sums) {
    using V = Vector<T>;
    const int size = row.stage->size, dilation = row.stage->dilation;
    for (; count > 0; --count, ++plane) {
        const float* const* rows = row.taps + std::ptrdiff_t(*plane) * size;
        for (int ky = 0; ky < size; ++ky) {
            const T* in = reinterpret_cast<const T*>(rows[ky]) + x;
            for (int kx = 0; kx < size; ++kx, in += dilation) {
                V values[VECTORS];
#pragma GCC unroll 8
                for (int v = 0; v < VECTORS; ++v) values[v] = kept(load(in + v * LANES));
#pragma GCC unroll 4
                for (int o = 0; o < OUT; ++o) {
                    const V weight = all(reinterpret_cast<const T*>(weights)[o]);
#pragma GCC unroll 8
                    for (int v = 0; v < VECTORS; ++v) sums[o][v] = fused(values[v], weight, sums[o][v]);
                }
                weights += OUT;
                if (!FOLDED) continue;
#pragma GCC unroll 8
                for (int v = 0; v < VECTORS; ++v) values[v] = magnitude(values[v]);
#pragma GCC unroll 4
                for (int o = 0; o < OUT; ++o) {
                    const V weight = all(reinterpret_cast<const T*>(weights)[o]);
#pragma GCC unroll 8
                    for (int v = 0; v < VECTORS; ++v) sums[o][v] = fused(values[v], weight, sums[o][v]);
                }
                weights += OUT;
            }
        }
    }
    return weights;
}

#if defined(__AVX512VNNI__)
// Sums of bytes, added to sums of float32 by each channel's gain.
template <int OUT, int VECTORS>
inline __attribute__((always_inline)) void add_quads(const ConvolvedRow& row, const std::int32_t* plane, const NetBlock& block,
                                                     const float* weights, int x, Sums<OUT, VECTORS>& sums) {
    const int size = row.stage->size, dilation = row.stage->dilation;
    const auto* words = reinterpret_cast<const std::int32_t*>(weights);
    I dots[OUT][VECTORS];
    for (int o = 0; o < OUT; ++o)
        for (int v = 0; v < VECTORS; ++v) dots[o][v] = all(0);
    for (int count = block.count[kQuads]; count > 0; --count, ++plane) {
        const float* const* rows = row.taps + std::ptrdiff_t(*plane) * size;
        for (int ky = 0; ky < size; ++ky) {
            const auto* in = reinterpret_cast<const std::int32_t*>(rows[ky]) + x;
            for (int kx = 0; kx < size; ++kx, in += dilation, words += OUT) {
                I values[VECTORS];
#pragma GCC unroll 8
                for (int v = 0; v < VECTORS; ++v) values[v] = kept(load(in + v * LANES));
#pragma GCC unroll 4
                for (int o = 0; o < OUT; ++o) {
                    const I weight = all(words[o]);
#pragma GCC unroll 8
                    for (int v = 0; v < VECTORS; ++v) dots[o][v] = dotted(values[v], weight, dots[o][v]);
                }
            }
        }
    }
    for (int o = 0; o < OUT; ++o)
        for (int v = 0; v < VECTORS; ++v) sums[o][v] = fused(as_float(dots[o][v]), all(block.gains[o]), sums[o][v]);
}

// One quad of each set of planes: the parts of up to four channels.
template <int OUT, int VECTORS>
inline __attribute__((always_inline)) void store_quads(const ConvolvedRow& row, int index, int x, const Sums<OUT, VECTORS>& sums) {
    const NetStage& stage = *row.stage;
    const float* steps = stage.steps + index * kNetBlock;
    for (int plane = index; plane < row.planes; plane += stage.num_blocks, steps += stage.channels)
        for (int v = 0; v < VECTORS; ++v) {
            I bytes[kNetBlock];
            for (int o = 0; o < kNetBlock; ++o) bytes[o] = o < OUT ? as_byte(sums[o < OUT ? o : 0][v] * all(steps[o])) : all(0);
            store(reinterpret_cast<std::int32_t*>(row.out[plane]) + x + v * LANES, quad_of(bytes[0], bytes[1], bytes[2], bytes[3]));
        }
}
#endif

// Columns [x, x + VECTORS * LANES) of the channels of block `index`.
template <int OUT, int VECTORS>
inline void convolve_block(const ConvolvedRow& row, int index, int x) {
    const NetStage& stage = *row.stage;
    const NetBlock& block = stage.blocks[index];
    const int channel = index * kNetBlock;
    Sums<OUT, VECTORS> sums;
    for (int o = 0; o < OUT; ++o)
        for (int v = 0; v < VECTORS; ++v) sums[o][v] = all(stage.bias[channel + o]);
    const std::int32_t* plane = block.planes;
    const float* weights = block.weights;
    weights = add_planes<float, false, OUT, VECTORS>(row, plane, block.count[kFloats], weights, x, sums);
    weights = add_planes<float, true, OUT, VECTORS>(row, plane, block.count[kFoldedFloats], weights, x, sums);
#if defined(__AVX512BF16__)
    weights = add_planes<std::int32_t, false, OUT, VECTORS>(row, plane, block.count[kPairs], weights, x, sums);
    weights = add_planes<std::int32_t, true, OUT, VECTORS>(row, plane, block.count[kFoldedPairs], weights, x, sums);
#endif
#if defined(__AVX512VNNI__)
    if (block.count[kQuads]) add_quads<OUT, VECTORS>(row, plane, block, weights, x, sums);
#endif
    if (stage.activation != kLinear) {
        const Activation activate{stage, stage.slopes + channel};
        for (int o = 0; o < OUT; ++o)
            for (int v = 0; v < VECTORS; ++v) sums[o][v] = activate(sums[o][v], o);
    }
    if (OUT == kNetBlock && stage.factor == 2) {
        for (int part = 0; part < 2; ++part) {
            float* out = row.out[2 * index + part];
            for (int v = 0; v < VECTORS; ++v)
                store_interleaved(out + 2 * (x + v * LANES), sums[OUT / 2 * part][v], sums[OUT / 2 * part + OUT / 4][v]);
            if (!row.added) continue;
            const float* base = row.added[2 * index + part];
            for (int i = 2 * x; i < 2 * (x + VECTORS * LANES); i += LANES) store(out + i, load(out + i) + load(base + i));
        }
        return;
    }
    if (row.added)
        for (int o = 0; o < OUT; ++o)
            for (int v = 0; v < VECTORS; ++v)
                sums[o][v] = sums[o][v] + load(row.added[channel + o] + x + v * LANES);
#if defined(__AVX512VNNI__)
    if (row.format == kBytes) return store_quads<OUT, VECTORS>(row, index, x, sums);
#endif
#if defined(__AVX512BF16__)
    if (row.format == kBfloat16) {
        for (int o = 0; o < OUT; o += 2)
            for (int v = 0; v < VECTORS; ++v) {
                const F second = o + 1 < OUT ? sums[o + 1 < OUT ? o + 1 : o][v] : all(0.0f);
                store(reinterpret_cast<std::int32_t*>(row.out[(channel + o) / 2]) + x + v * LANES, pair_of(sums[o][v], second));
            }
        return;
    }
#endif
    for (int o = 0; o < OUT; ++o)
        for (int v = 0; v < VECTORS; ++v) store(row.out[channel + o] + x + v * LANES, sums[o][v]);
}

template <int VECTORS>
inline int convolve_columns(const ConvolvedRow& row, int x, int end) {
    for (; x + VECTORS * LANES <= end; x += VECTORS * LANES)
        for (int b = 0; b < row.stage->num_blocks; ++b) switch (row.stage->blocks[b].outputs) {
            case 4: convolve_block<4, VECTORS>(row, b, x); break;
            case 3: convolve_block<3, VECTORS>(row, b, x); break;
            case 2: convolve_block<2, VECTORS>(row, b, x); break;
            default: convolve_block<1, VECTORS>(row, b, x);
        }
    return x;
}

// Whole vectors; columns past the width are worked out from whatever lies there, and hold no result.
void convolve_row(const ConvolvedRow& row, int width) {
    const int end = round_up(width, LANES);
    int x = convolve_columns<kWidest>(row, 0, end);
    if (kWidest > 4) x = convolve_columns<kWidest - 2>(row, x, end);
    if (kWidest > 2) x = convolve_columns<2>(row, x, end);
    convolve_columns<1>(row, x, end);
}

// out[factor * x + i] = rows[i][x].
inline void interleave(const float* const* rows, int factor, int width, float* out) {
    if (factor == 2) {
        for (int x = 0; x < width; x += LANES) store_interleaved(out + 2 * x, load(rows[0] + x), load(rows[1] + x));
        return;
    }
    for (int x = 0; x < width; ++x)
        for (int i = 0; i < factor; ++i) out[factor * x + i] = rows[i][x];
}

// Columns beyond both ends of a row. Words are floats or pairs.
inline void close_row(float* row, int width, int pad, bool replicate) {
    const auto fill = [](float* to, int count, float value) {
        for (int i = 0; i < count; ++i) to[i] = value;
    };
    fill(row - pad, pad, replicate ? row[0] : 0.0f);
    fill(row + width, pad, replicate ? row[width - 1] : 0.0f);
}

}  // namespace
}  // namespace vsr
