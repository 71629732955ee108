#include "roofline_peaks.h"

#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "core/compute/isa.h"

#define HEDDLE_TARGET(features) __attribute__((target(features), noinline))

namespace heddle::peak {
namespace {

volatile float float_sink;
volatile int64_t integer_sink;

// A fused multiply-add takes 4 cycles and two start per cycle: 8 chains at least, 16 leave room for a third port.
constexpr int kChains = 16;

HEDDLE_TARGET("avx512f") double f32_avx512(long rounds) {
  __m512 sum[kChains];
  for (int i = 0; i < kChains; ++i) sum[i] = _mm512_set1_ps(1e-3f * static_cast<float>(i));
  const __m512 a = _mm512_set1_ps(.999f), b = _mm512_set1_ps(1e-4f);
  for (long r = 0; r < rounds; ++r) {
#pragma GCC unroll 16
    for (int i = 0; i < kChains; ++i) sum[i] = _mm512_fmadd_ps(sum[i], a, b);
  }
  __m512 total = _mm512_setzero_ps();
  for (int i = 0; i < kChains; ++i) total = _mm512_add_ps(total, sum[i]);
  float_sink = _mm512_cvtss_f32(total);
  return static_cast<double>(rounds) * kChains * 16 * 2;
}

HEDDLE_TARGET("avx2,fma") double f32_avx2(long rounds) {
  constexpr int chains = 12;  // 16 registers: 12 sums and two factors
  __m256 sum[chains];
  for (int i = 0; i < chains; ++i) sum[i] = _mm256_set1_ps(1e-3f * static_cast<float>(i));
  const __m256 a = _mm256_set1_ps(.999f), b = _mm256_set1_ps(1e-4f);
  for (long r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i) sum[i] = _mm256_fmadd_ps(sum[i], a, b);
  }
  __m256 total = _mm256_setzero_ps();
  for (int i = 0; i < chains; ++i) total = _mm256_add_ps(total, sum[i]);
  float_sink = _mm256_cvtss_f32(total);
  return static_cast<double>(rounds) * chains * 8 * 2;
}

HEDDLE_TARGET("avx512f,avx512bf16") double bf16_avx512(long rounds) {
  __m512 sum[kChains];
  for (int i = 0; i < kChains; ++i) sum[i] = _mm512_set1_ps(1e-3f * static_cast<float>(i));
  const auto a = reinterpret_cast<__m512bh>(_mm512_set1_epi32(0x3f003f00));  // pairs of .5
  const auto b = reinterpret_cast<__m512bh>(_mm512_set1_epi32(0x3c003c00));
  for (long r = 0; r < rounds; ++r) {
#pragma GCC unroll 16
    for (int i = 0; i < kChains; ++i) sum[i] = _mm512_dpbf16_ps(sum[i], a, b);
  }
  __m512 total = _mm512_setzero_ps();
  for (int i = 0; i < kChains; ++i) total = _mm512_add_ps(total, sum[i]);
  float_sink = _mm512_cvtss_f32(total);
  return static_cast<double>(rounds) * kChains * 32 * 2;
}

// Asked once: machine_isa() executes cpuid, which costs a virtual machine some 20 us.
IsaLevel level() {
  static const IsaLevel found = machine_isa();
  return found;
}

// The kernel gives a process its tile registers only when asked (ARCH_REQ_XCOMP_PERM, feature 18).
bool may_use_tiles() { return syscall(SYS_arch_prctl, 0x1023, 18) == 0; }

HEDDLE_TARGET("avx512f,amx-tile,amx-bf16") double bf16_amx(long rounds) {
  alignas(64) uint8_t config[64] = {1};  // palette 1; columns in bytes from byte 16, rows from byte 48: 16 x 64 each
  for (int tile = 0; tile < 6; ++tile) {
    config[16 + 2 * tile] = 64;
    config[48 + tile] = 16;
  }
  _tile_loadconfig(config);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  for (long r = 0; r < rounds; ++r) {
    _tile_dpbf16ps(0, 4, 5);
    _tile_dpbf16ps(1, 4, 5);
    _tile_dpbf16ps(2, 4, 5);
    _tile_dpbf16ps(3, 4, 5);
  }
  _tile_release();
  return static_cast<double>(rounds) * 4 * (16.0 * 16 * 32 * 2);
}

// One stream into eight sums. "or" has no rounding and no flags; a sum that nobody needs would be left out.
HEDDLE_TARGET("avx512f") void read_avx512(const char* data, size_t bytes) {
  __m512i seen[8];
  for (__m512i& part : seen) part = _mm512_setzero_si512();
  for (size_t at = 0; at < bytes; at += 512) {
#pragma GCC unroll 8
    for (size_t line = 0; line < 8; ++line)
      seen[line] = _mm512_or_si512(seen[line], _mm512_load_si512(data + at + line * 64));
  }
  for (int line = 1; line < 8; ++line) seen[0] = _mm512_or_si512(seen[0], seen[line]);
  alignas(64) int64_t parts[8];
  _mm512_store_si512(parts, seen[0]);
  integer_sink = parts[0];
}

HEDDLE_TARGET("avx2") void read_avx2(const char* data, size_t bytes) {
  __m256i seen[8];
  for (__m256i& part : seen) part = _mm256_setzero_si256();
  for (size_t at = 0; at < bytes; at += 256) {
#pragma GCC unroll 8
    for (size_t half = 0; half < 8; ++half)
      seen[half] = _mm256_or_si256(seen[half], _mm256_load_si256(reinterpret_cast<const __m256i*>(data + at) + half));
  }
  for (int half = 1; half < 8; ++half) seen[0] = _mm256_or_si256(seen[0], seen[half]);
  integer_sink = _mm256_extract_epi64(seen[0], 0);
}

}  // namespace

double f32(long rounds) { return level() >= IsaLevel::avx512 ? f32_avx512(rounds) : f32_avx2(rounds); }

double bf16(long rounds) {
  static const bool tiles = level() >= IsaLevel::amx && may_use_tiles();
  if (tiles) return bf16_amx(rounds);
  return level() >= IsaLevel::avx512_bf16 ? bf16_avx512(rounds) : f32(rounds);
}

void read(const char* data, size_t bytes) {
  level() >= IsaLevel::avx512 ? read_avx512(data, bytes) : read_avx2(data, bytes);
}

}  // namespace heddle::peak
