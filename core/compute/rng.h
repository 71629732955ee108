// Counter-based randomness: Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
//
// The 32-bit word drawn for (key, index) is lane index%4 of Philox with key words (seed low, seed high) and counter
// (index/4 low, index/4 high, stream low, stream high). It depends on nothing else: no state, no order, no thread. The
// kernels of the device draw the very same numbers. Pure functions, [any thread].
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "heddle/abi.h"

namespace heddle {

// What randomness is for; part of the key so that no two purposes share numbers. Append only: values are part of
// results.
enum class RngPurpose : uint64_t {
  init = 1,
  shuffle = 2,
  dropout = 3,
  split = 4,
  dictionary_init = 5,
  dictionary_batch = 6,
  resample = 7,
  sample = 8,
  synthetic = 9,
  component = 10,
  test = 11,
};

// Finaliser of splitmix64 (Steele, Lea, Flood 2014): a bijection that spreads every input bit over all output bits.
constexpr uint64_t mix64(uint64_t x) {
  x += 0x9E3779B97F4A7C15ull;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

// Key of a draw: unique to its arguments (up to 64-bit collisions).
constexpr heddle_rng_key rng_key(uint64_t seed, RngPurpose purpose, uint64_t epoch = 0, uint64_t step = 0) {
  return {seed, mix64(mix64(mix64(static_cast<uint64_t>(purpose)) ^ epoch) ^ step)};
}

// A sub-stream of a key, e.g. per layer or per head.
constexpr heddle_rng_key rng_substream(heddle_rng_key key, uint64_t index) {
  return {key.seed, mix64(key.stream ^ mix64(index + 1))};
}

// One Philox block: the words of indices 4*block .. 4*block+3.
constexpr std::array<uint32_t, 4> philox_block(heddle_rng_key key, uint64_t block) {
  uint32_t c0 = static_cast<uint32_t>(block), c1 = static_cast<uint32_t>(block >> 32);
  uint32_t c2 = static_cast<uint32_t>(key.stream), c3 = static_cast<uint32_t>(key.stream >> 32);
  uint32_t k0 = static_cast<uint32_t>(key.seed), k1 = static_cast<uint32_t>(key.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53u} * c0, p1 = uint64_t{0xCD9E8D57u} * c2;
    const uint32_t n0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0, n2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<uint32_t>(p1);
    c3 = static_cast<uint32_t>(p0);
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {c0, c1, c2, c3};
}

constexpr uint32_t philox_word(heddle_rng_key key, uint64_t index) { return philox_block(key, index / 4)[index % 4]; }

// u in [0,1) with 24 bits: every value is a float, so host and kernels agree exactly.
constexpr float philox_uniform(heddle_rng_key key, uint64_t index) {
  return static_cast<float>(philox_word(key, index) >> 8) * 0x1p-24f;
}

// Draws in sequence on the host: a cursor over one key. Not for kernels. One thread at a time.
class PhiloxStream {
 public:
  explicit PhiloxStream(heddle_rng_key key, uint64_t start = 0) : key_(key), next_(start) {}
  uint32_t next_u32();
  uint64_t next_u64();
  double uniform();            // [0,1), 53 bits
  double normal();             // mean 0, deviation 1 (Box-Muller)
  uint64_t below(uint64_t n);  // [0,n), unbiased (Lemire's rejection); n > 0
  uint64_t position() const { return next_; }

 private:
  heddle_rng_key key_;
  uint64_t next_;
  std::array<uint32_t, 4> block_{};
  uint64_t block_index_ = UINT64_MAX;
  double spare_ = 0;
  bool has_spare_ = false;
};

// A uniformly random order of 0..n-1 (Fisher-Yates), a function of the key alone.
std::vector<int64_t> permutation(heddle_rng_key key, int64_t n);

}  // namespace heddle
