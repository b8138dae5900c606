// One vector of floats, by three instruction sets: the names that kernels are written in.
//
// F is LANES floats, I as many int32, M a comparison's result. All arithmetic is single operations of IEEE
// float32 (the build forbids contraction into fused multiply-add), so every instruction set gives the same bits.
// store_four rounds, halves to even, clamps to 0..top and packs; STREAM goes past the caches, to 64-byte multiples.
#pragma once
#include <cstring>
#include "kernels.hpp"
#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace vsr {
namespace {

#if defined(__AVX512F__)

constexpr int LANES = 16;
using F = __m512;
using I = __m512i;
using M = __mmask16;

inline F load(const float* p) { return _mm512_loadu_ps(p); }
inline void store(float* p, F v) { _mm512_storeu_ps(p, v); }
inline F all(float x) { return _mm512_set1_ps(x); }
inline F min(F a, F b) { return _mm512_min_ps(a, b); }
inline F max(F a, F b) { return _mm512_max_ps(a, b); }
inline F sqrt(F a) { return _mm512_sqrt_ps(a); }
inline F held(F v) {  // kept in a register rather than loaded again for each use
    asm("" : "+v"(v));
    return v;
}
inline M greater(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
inline M equal(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
inline M both(M a, M b) { return M(a & b); }
inline bool any(M m) { return m != 0; }
inline F select(M m, F yes, F no) { return _mm512_mask_blend_ps(m, no, yes); }
inline F load(const std::uint8_t* p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
inline F load(const std::uint16_t* p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))));
}
inline void store(std::uint8_t* p, F v) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v)));
}
inline void store(std::uint16_t* p, F v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(v)));
}
inline __m512i rounded(F v) { return _mm512_cvtps_epi32(v); }
template <bool STREAM>
inline void store_bits(void* p, __m512i v) {
    STREAM ? _mm512_stream_si512(static_cast<__m512i*>(p), v) : _mm512_storeu_si512(p, v);
}
template <bool STREAM>
inline void store_four(std::uint8_t* p, F a, F b, F c, F d, F) {
    const __m512i bytes = _mm512_packus_epi16(_mm512_packs_epi32(rounded(a), rounded(b)),
                                              _mm512_packs_epi32(rounded(c), rounded(d)));
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    store_bits<STREAM>(p, _mm512_permutexvar_epi32(order, bytes));
}
template <bool STREAM>
inline void store_two(std::uint16_t* p, F a, F b, F top) {
    const __m512i words = _mm512_packus_epi32(rounded(min(a, top)), rounded(min(b, top)));
    store_bits<STREAM>(p, _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), words));
}
template <bool STREAM>
inline void store_four(std::uint16_t* p, F a, F b, F c, F d, F top) {
    store_two<STREAM>(p, a, b, top);
    store_two<STREAM>(p + 2 * LANES, c, d, top);
}
inline void store_interleaved(float* p, F even, F odd) {
    const I low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const I high = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    store(p, _mm512_permutex2var_ps(even, low, odd));
    store(p + LANES, _mm512_permutex2var_ps(even, high, odd));
}
inline void end_streaming() { _mm_sfence(); }
inline I load_index(const std::int32_t* p) { return _mm512_loadu_si512(p); }

// Lanes of a row at in[index + t]; near: all of them within 32 floats of in.
inline bool is_near(const Bank& bank) { return bank.reach + bank.taps <= 2 * LANES; }
struct NearPicker {
    F low, high;
    I index;
    NearPicker(const float* in, I index) : low(load(in)), high(load(in + LANES)), index(index) {}
    F operator()(int t) const {
        return _mm512_permutex2var_ps(low, _mm512_add_epi32(index, _mm512_set1_epi32(t)), high);
    }
};
// Middling: those of one tap lie within 32 floats.
inline bool is_middling(const Bank& bank) { return bank.reach < 2 * LANES; }
struct MiddlePicker {
    const float* in;
    I index;
    MiddlePicker(const float* in, I index) : in(in), index(index) {}
    F operator()(int t) const { return _mm512_permutex2var_ps(load(in + t), index, load(in + t + LANES)); }
};
struct FarPicker {
    const float* in;
    I index;
    FarPicker(const float* in, I index) : in(in), index(index) {}
    F operator()(int t) const { return _mm512_i32gather_ps(index, in + t, 4); }
};

#elif defined(__AVX2__)

constexpr int LANES = 8;
using F = __m256;
using I = __m256i;
using M = __m256;

inline F load(const float* p) { return _mm256_loadu_ps(p); }
inline void store(float* p, F v) { _mm256_storeu_ps(p, v); }
inline F all(float x) { return _mm256_set1_ps(x); }
inline F min(F a, F b) { return _mm256_min_ps(a, b); }
inline F max(F a, F b) { return _mm256_max_ps(a, b); }
inline F sqrt(F a) { return _mm256_sqrt_ps(a); }
inline F held(F v) { return v; }
inline M greater(F a, F b) { return _mm256_cmp_ps(a, b, _CMP_GT_OQ); }
inline M equal(F a, F b) { return _mm256_cmp_ps(a, b, _CMP_EQ_OQ); }
inline M both(M a, M b) { return _mm256_and_ps(a, b); }
inline bool any(M m) { return _mm256_movemask_ps(m) != 0; }
inline F select(M m, F yes, F no) { return _mm256_blendv_ps(no, yes, m); }
inline F load(const std::uint8_t* p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
}
inline F load(const std::uint16_t* p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
inline __m128i to_words(F v) {
    const __m256i i = _mm256_cvtps_epi32(v);
    return _mm_packus_epi32(_mm256_castsi256_si128(i), _mm256_extracti128_si256(i, 1));
}
inline void store(std::uint8_t* p, F v) {
    const __m128i words = to_words(v);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(words, words));
}
inline void store(std::uint16_t* p, F v) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), to_words(v)); }
inline __m256i rounded(F v) { return _mm256_cvtps_epi32(v); }
template <bool STREAM>
inline void store_bits(void* p, __m256i v) {
    auto* to = static_cast<__m256i*>(p);
    STREAM ? _mm256_stream_si256(to, v) : _mm256_storeu_si256(to, v);
}
template <bool STREAM>
inline void store_four(std::uint8_t* p, F a, F b, F c, F d, F) {
    const __m256i bytes = _mm256_packus_epi16(_mm256_packs_epi32(rounded(a), rounded(b)),
                                              _mm256_packs_epi32(rounded(c), rounded(d)));
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    store_bits<STREAM>(p, _mm256_permutevar8x32_epi32(bytes, order));
}
template <bool STREAM>
inline void store_two(std::uint16_t* p, F a, F b, F top) {
    const __m256i words = _mm256_packus_epi32(rounded(min(a, top)), rounded(min(b, top)));
    store_bits<STREAM>(p, _mm256_permute4x64_epi64(words, 0xd8));
}
template <bool STREAM>
inline void store_four(std::uint16_t* p, F a, F b, F c, F d, F top) {
    store_two<STREAM>(p, a, b, top);
    store_two<STREAM>(p + 2 * LANES, c, d, top);
}
inline void store_interleaved(float* p, F even, F odd) {
    const F low = _mm256_unpacklo_ps(even, odd), high = _mm256_unpackhi_ps(even, odd);
    store(p, _mm256_permute2f128_ps(low, high, 0x20));
    store(p + LANES, _mm256_permute2f128_ps(low, high, 0x31));
}
inline void end_streaming() { _mm_sfence(); }
inline I load_index(const std::int32_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }

// Lanes of a row at in[index + t]; near: all of them within 8 floats of the first.
inline bool is_near(const Bank& bank) { return bank.half_reach < LANES; }
struct NearPicker {
    const float* in;
    I index;
    NearPicker(const float* row, I all_index) {
        const int first = _mm256_cvtsi256_si32(all_index);
        in = row + first;
        index = _mm256_sub_epi32(all_index, _mm256_set1_epi32(first));
    }
    F operator()(int t) const { return _mm256_permutevar8x32_ps(load(in + t), index); }
};
// Middling: those of one tap lie within 16 floats.
inline bool is_middling(const Bank& bank) { return bank.half_reach < 2 * LANES; }
struct MiddlePicker {
    const float* in;
    I index;
    F beyond;  // sign set: in the second vector
    MiddlePicker(const float* row, I all_index) {
        const int first = _mm256_cvtsi256_si32(all_index);
        in = row + first;
        index = _mm256_sub_epi32(all_index, _mm256_set1_epi32(first));
        beyond = _mm256_castsi256_ps(_mm256_cmpgt_epi32(index, _mm256_set1_epi32(LANES - 1)));
    }
    F operator()(int t) const {
        const F low = _mm256_permutevar8x32_ps(load(in + t), index);
        const F high = _mm256_permutevar8x32_ps(load(in + t + LANES), index);
        return _mm256_blendv_ps(low, high, beyond);
    }
};
struct FarPicker {
    const float* in;
    I index;
    FarPicker(const float* in, I index) : in(in), index(index) {}
    F operator()(int t) const { return _mm256_i32gather_ps(in + t, index, 4); }
};

#else  // GCC's and Clang's portable vectors: SSE2, NEON, or scalar code

constexpr int LANES = 4;
typedef float F __attribute__((vector_size(16)));
typedef std::int32_t I __attribute__((vector_size(16)));
typedef std::int32_t M __attribute__((vector_size(16)));

template <class V, class T>
inline V from_memory(const T* p) {
    V v;
    std::memcpy(&v, p, sizeof v);
    return v;
}
inline F load(const float* p) { return from_memory<F>(p); }
inline void store(float* p, F v) { std::memcpy(p, &v, sizeof v); }
inline F all(float x) { return F{x, x, x, x}; }
inline F select(M m, F yes, F no) { return F((I(yes) & m) | (I(no) & ~m)); }
inline F held(F v) { return v; }
inline M greater(F a, F b) { return a > b; }
inline M equal(F a, F b) { return a == b; }
inline F min(F a, F b) { return select(a < b, a, b); }
inline F max(F a, F b) { return select(a > b, a, b); }
inline F sqrt(F a) {
    return F{__builtin_sqrtf(a[0]), __builtin_sqrtf(a[1]), __builtin_sqrtf(a[2]), __builtin_sqrtf(a[3])};
}
inline M both(M a, M b) { return a & b; }
inline bool any(M m) { return (m[0] | m[1] | m[2] | m[3]) != 0; }
template <class T>
inline F load_samples(const T* p) { return F{float(p[0]), float(p[1]), float(p[2]), float(p[3])}; }
inline F load(const std::uint8_t* p) { return load_samples(p); }
inline F load(const std::uint16_t* p) { return load_samples(p); }
template <class T>
inline void store_samples(T* p, F v) {
    // Above 2^23 a float has no fraction: the addition itself rounds, halves to even. Inputs are below 2^17.
    const F magic = all(12582912.0f);
    const I i = __builtin_convertvector((v + magic) - magic, I);
    for (int lane = 0; lane < LANES; ++lane) p[lane] = T(i[lane]);
}
inline void store(std::uint8_t* p, F v) { store_samples(p, v); }
inline void store(std::uint16_t* p, F v) { store_samples(p, v); }
template <bool, class T>
inline void store_four(T* p, F a, F b, F c, F d, F top) {
    const F parts[4] = {a, b, c, d};
    float values[4 * LANES];
    for (int i = 0; i < 4; ++i) store(values + i * LANES, min(max(parts[i], all(0.0f)), top));
    for (int i = 0; i < 4 * LANES; ++i) p[i] = T(std::int32_t((values[i] + 12582912.0f) - 12582912.0f));
}
inline void store_interleaved(float* p, F even, F odd) {
    store(p, F{even[0], odd[0], even[1], odd[1]});
    store(p + LANES, F{even[2], odd[2], even[3], odd[3]});
}
inline void end_streaming() {}
inline I load_index(const std::int32_t* p) { return from_memory<I>(p); }

inline bool is_near(const Bank&) { return true; }
struct NearPicker {
    const float* in;
    I index;
    NearPicker(const float* in, I index) : in(in), index(index) {}
    F operator()(int t) const {
        const float* p = in + t;
        return F{p[index[0]], p[index[1]], p[index[2]], p[index[3]]};
    }
};
inline bool is_middling(const Bank&) { return false; }
using MiddlePicker = NearPicker;
using FarPicker = NearPicker;

#endif

inline F clamp(F v, F low, F high) { return min(max(v, low), high); }

}  // namespace
}  // namespace vsr
