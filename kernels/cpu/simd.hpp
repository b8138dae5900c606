// Vectors of floats and of integers, by three instruction sets: the names that kernels are written in.
//
// F is LANES floats, I as many int32, M a comparison's result. All arithmetic is single operations of IEEE
// float32 (the build forbids contraction into fused multiply-add), so every instruction set gives the same bits.
// store_four rounds, halves to even, clamps to 0..top and packs; STREAM goes past the caches, to 64-byte multiples.
//
// Integers: times() of I multiplies int16 in pairs and adds each two products, times() of S rounds a product to its
// 16 bits above the lowest 15, halves up. halves() takes the lower int16 of each int32 from one, the upper from the
// other. load_pairs() gives (p[i], p[i + 1]), less 128. store_two clamps to 0..255 and packs.
#pragma once
#include <cstring>
#include "kernels.hpp"
#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace vsr {
namespace {

#if defined(__AVX512F__)
constexpr int LANES = 16;
using F = __m512;
using I = __m512i;
using M = __mmask16;
using WORDS = I;
#elif defined(__AVX2__)
constexpr int LANES = 8;
using F = __m256;
using I = __m256i;
using M = __m256;
using WORDS = I;
#else  // GCC's and Clang's portable vectors: SSE2, NEON, or scalar code
constexpr int LANES = 4;
typedef float F __attribute__((vector_size(16)));
typedef std::int32_t I __attribute__((vector_size(16)));
typedef std::int32_t M __attribute__((vector_size(16)));
typedef std::int16_t WORDS __attribute__((vector_size(16)));
#endif

// 2 * LANES int16.
struct S {
    WORDS v;
};

template <class W>
struct Vectors {
    using Type = F;
};
template <>
struct Vectors<std::int32_t> {
    using Type = I;
};
template <>
struct Vectors<std::int16_t> {
    using Type = S;
};
template <class W>
using Vector = typename Vectors<W>::Type;

#if defined(__AVX512F__)

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
inline I load(const std::int32_t* p) { return _mm512_loadu_si512(p); }
inline void store(std::int32_t* p, I v) { _mm512_storeu_si512(p, v); }
inline I all(std::int32_t x) { return _mm512_set1_epi32(x); }
inline F plus(F a, F b) { return a + b; }
inline F times(F a, F b) { return a * b; }
inline I plus(I a, I b) { return _mm512_add_epi32(a, b); }
inline I times(I a, I b) { return _mm512_madd_epi16(a, b); }
template <int BITS>
inline I left(I v) { return _mm512_slli_epi32(v, BITS); }
template <int BITS>
inline I right(I v) { return _mm512_srai_epi32(v, BITS); }
inline I halves(I low, I high) { return _mm512_mask_blend_epi16(0xaaaaaaaa, low, high); }
inline I load_pairs(const std::uint8_t* p) {
    const I low = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    const I high = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 1)));
    return _mm512_sub_epi16(_mm512_or_si512(low, left<16>(high)), _mm512_set1_epi16(128));
}
inline void store(std::int16_t* p, I v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(v));
}
inline S load(const std::int16_t* p) { return {_mm512_loadu_si512(p)}; }
inline S all(std::int16_t x) { return {_mm512_set1_epi16(x)}; }
inline S plus(S a, S b) { return {_mm512_add_epi16(a.v, b.v)}; }
inline S minus(S a, S b) { return {_mm512_sub_epi16(a.v, b.v)}; }
inline S times(S a, S b) { return {_mm512_mulhrs_epi16(a.v, b.v)}; }
inline S both(S a, S b) { return {_mm512_and_si512(a.v, b.v)}; }
template <int BITS>
inline S right(S v) { return {_mm512_srai_epi16(v.v, BITS)}; }
template <bool STREAM>
inline void store_bits(void* p, I v) {
    STREAM ? _mm512_stream_si512(static_cast<I*>(p), v) : _mm512_storeu_si512(p, v);
}
template <bool STREAM>
inline void store_two(std::uint8_t* p, S a, S b) {
    const I order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    store_bits<STREAM>(p, _mm512_permutexvar_epi64(order, _mm512_packus_epi16(a.v, b.v)));
}
inline I rounded(F v) { return _mm512_cvtps_epi32(v); }
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
inline F picked(F low, I index, F high) { return _mm512_permutex2var_ps(low, index, high); }
inline I picked(I low, I index, I high) { return _mm512_permutex2var_epi32(low, index, high); }
inline void store_interleaved(float* p, F even, F odd) {
    const I low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const I high = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    store(p, picked(even, low, odd));
    store(p + LANES, picked(even, high, odd));
}
inline void end_streaming() { _mm_sfence(); }

// Lanes of a row at in[index + t]; near: all of them within 32 words of in.
template <class W>
inline bool is_near(const BankOf<W>& bank) { return bank.reach + bank.span <= 2 * LANES; }
template <class W>
struct NearPicker {
    Vector<W> low, high;
    I index;
    NearPicker(const W* in, I index) : low(load(in)), high(load(in + LANES)), index(index) {}
    Vector<W> operator()(int t) const { return picked(low, plus(index, all(t)), high); }
};
// Middling: those of one tap lie within 32 words.
template <class W>
inline bool is_middling(const BankOf<W>& bank) { return bank.reach < 2 * LANES; }
template <class W>
struct MiddlePicker {
    const W* in;
    I index;
    MiddlePicker(const W* in, I index) : in(in), index(index) {}
    Vector<W> operator()(int t) const { return picked(load(in + t), index, load(in + t + LANES)); }
};
inline F gathered(const float* in, I index) { return _mm512_i32gather_ps(index, in, 4); }
inline I gathered(const std::int32_t* in, I index) { return _mm512_i32gather_epi32(index, in, 4); }

#elif defined(__AVX2__)

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
inline I load(const std::int32_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
inline void store(std::int32_t* p, I v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
inline I all(std::int32_t x) { return _mm256_set1_epi32(x); }
inline F plus(F a, F b) { return a + b; }
inline F times(F a, F b) { return a * b; }
inline I plus(I a, I b) { return _mm256_add_epi32(a, b); }
inline I times(I a, I b) { return _mm256_madd_epi16(a, b); }
template <int BITS>
inline I left(I v) { return _mm256_slli_epi32(v, BITS); }
template <int BITS>
inline I right(I v) { return _mm256_srai_epi32(v, BITS); }
inline I halves(I low, I high) { return _mm256_blend_epi16(low, high, 0xaa); }
inline I load_pairs(const std::uint8_t* p) {
    const I low = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
    const I high = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p + 1)));
    return _mm256_sub_epi16(_mm256_or_si256(low, left<16>(high)), _mm256_set1_epi16(128));
}
inline void store(std::int16_t* p, I v) {
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), words);
}
inline S load(const std::int16_t* p) { return {load(reinterpret_cast<const std::int32_t*>(p))}; }
inline S all(std::int16_t x) { return {_mm256_set1_epi16(x)}; }
inline S plus(S a, S b) { return {_mm256_add_epi16(a.v, b.v)}; }
inline S minus(S a, S b) { return {_mm256_sub_epi16(a.v, b.v)}; }
inline S times(S a, S b) { return {_mm256_mulhrs_epi16(a.v, b.v)}; }
inline S both(S a, S b) { return {_mm256_and_si256(a.v, b.v)}; }
template <int BITS>
inline S right(S v) { return {_mm256_srai_epi16(v.v, BITS)}; }
template <bool STREAM>
inline void store_bits(void* p, I v) {
    auto* to = static_cast<I*>(p);
    STREAM ? _mm256_stream_si256(to, v) : _mm256_storeu_si256(to, v);
}
template <bool STREAM>
inline void store_two(std::uint8_t* p, S a, S b) {
    store_bits<STREAM>(p, _mm256_permute4x64_epi64(_mm256_packus_epi16(a.v, b.v), 0xd8));
}
inline I rounded(F v) { return _mm256_cvtps_epi32(v); }
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

inline F permuted(F v, I index) { return _mm256_permutevar8x32_ps(v, index); }
inline I permuted(I v, I index) { return _mm256_permutevar8x32_epi32(v, index); }
inline F select(I m, F yes, F no) { return _mm256_blendv_ps(no, yes, _mm256_castsi256_ps(m)); }
inline I select(I m, I yes, I no) { return _mm256_blendv_epi8(no, yes, m); }

// Lanes of a row at in[index + t]; near: all of them within 8 words of the first.
template <class W>
inline bool is_near(const BankOf<W>& bank) { return bank.half_reach < LANES; }
template <class W>
struct NearPicker {
    const W* in;
    I index;
    NearPicker(const W* row, I all_index) {
        const int first = _mm256_cvtsi256_si32(all_index);
        in = row + first;
        index = _mm256_sub_epi32(all_index, all(first));
    }
    Vector<W> operator()(int t) const { return permuted(load(in + t), index); }
};
// Middling: those of one tap lie within 16 words.
template <class W>
inline bool is_middling(const BankOf<W>& bank) { return bank.half_reach < 2 * LANES; }
template <class W>
struct MiddlePicker {
    const NearPicker<W> near;
    const I beyond;  // in the second vector
    MiddlePicker(const W* row, I all_index)
        : near(row, all_index), beyond(_mm256_cmpgt_epi32(near.index, all(LANES - 1))) {}
    Vector<W> operator()(int t) const { return select(beyond, near(t + LANES), near(t)); }
};
inline F gathered(const float* in, I index) { return _mm256_i32gather_ps(in, index, 4); }
inline I gathered(const std::int32_t* in, I index) { return _mm256_i32gather_epi32(in, index, 4); }

#else

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
inline I load(const std::int32_t* p) { return from_memory<I>(p); }
inline void store(std::int32_t* p, I v) { std::memcpy(p, &v, sizeof v); }
inline I all(std::int32_t x) { return I{x, x, x, x}; }
inline F plus(F a, F b) { return a + b; }
inline F times(F a, F b) { return a * b; }
inline I plus(I a, I b) { return a + b; }
inline I times(I a, I b) {
#if defined(__SSE2__)
    return I(_mm_madd_epi16(__m128i(a), __m128i(b)));
#else
    return (a << 16 >> 16) * (b << 16 >> 16) + (a >> 16) * (b >> 16);
#endif
}
template <int BITS>
inline I left(I v) { return v << BITS; }
template <int BITS>
inline I right(I v) { return v >> BITS; }
inline I halves(I low, I high) { return (low & 0xffff) | (high & ~0xffff); }
inline I load_pairs(const std::uint8_t* p) {
    const I pairs{p[0] | p[1] << 16, p[1] | p[2] << 16, p[2] | p[3] << 16, p[3] | p[4] << 16};
    return I(WORDS(pairs) - std::int16_t(128));
}
inline void store(std::int16_t* p, I v) {
    for (int lane = 0; lane < LANES; ++lane) p[lane] = std::int16_t(v[lane]);
}
inline S load(const std::int16_t* p) { return {from_memory<WORDS>(p)}; }
inline S all(std::int16_t x) { return {WORDS{x, x, x, x, x, x, x, x}}; }
inline S plus(S a, S b) { return {a.v + b.v}; }
inline S minus(S a, S b) { return {a.v - b.v}; }
inline I rescaled(I product) { return (product + (1 << 14)) >> 15; }
inline S times(S a, S b) {
#if defined(__SSE2__)
    const __m128i low = _mm_mullo_epi16(__m128i(a.v), __m128i(b.v));
    const __m128i high = _mm_mulhi_epi16(__m128i(a.v), __m128i(b.v));
    const I first = rescaled(I(_mm_unpacklo_epi16(low, high))), second = rescaled(I(_mm_unpackhi_epi16(low, high)));
    return {WORDS(_mm_packs_epi32(__m128i(first), __m128i(second)))};
#else
    for (int lane = 0; lane < 2 * LANES; ++lane)
        a.v[lane] = std::int16_t((a.v[lane] * b.v[lane] + (1 << 14)) >> 15);
    return a;
#endif
}
inline S both(S a, S b) { return {a.v & b.v}; }
template <int BITS>
inline S right(S v) { return {v.v >> BITS}; }
inline std::uint8_t to_byte(int v) { return std::uint8_t(v < 0 ? 0 : v > 255 ? 255 : v); }
template <bool>
inline void store_two(std::uint8_t* p, S a, S b) {
#if defined(__SSE2__)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(__m128i(a.v), __m128i(b.v)));
#else
    for (int lane = 0; lane < 2 * LANES; ++lane) {
        p[lane] = to_byte(a.v[lane]);
        p[lane + 2 * LANES] = to_byte(b.v[lane]);
    }
#endif
}

template <class W>
inline bool is_near(const BankOf<W>&) { return false; }
template <class W>
inline bool is_middling(const BankOf<W>&) { return false; }
inline F gathered(const float* p, I index) { return F{p[index[0]], p[index[1]], p[index[2]], p[index[3]]}; }
inline I gathered(const std::int32_t* p, I index) { return I{p[index[0]], p[index[1]], p[index[2]], p[index[3]]}; }
template <class W>
struct FarPicker;
template <class W>
using NearPicker = FarPicker<W>;
template <class W>
using MiddlePicker = FarPicker<W>;

#endif

template <class W>
struct FarPicker {
    const W* in;
    I index;
    FarPicker(const W* in, I index) : in(in), index(index) {}
    Vector<W> operator()(int t) const { return gathered(in + t, index); }
};

inline F clamp(F v, F low, F high) { return min(max(v, low), high); }

}  // namespace
}  // namespace vsr
