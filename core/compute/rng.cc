#include "core/compute/rng.h"

#include <cmath>
#include <numeric>
#include <utility>

namespace heddle {

uint32_t PhiloxStream::next_u32() {
  const uint64_t block = next_ / 4;
  if (block != block_index_) {
    block_ = philox_block(key_, block);
    block_index_ = block;
  }
  return block_[next_++ % 4];
}

uint64_t PhiloxStream::next_u64() {
  const uint64_t low = next_u32();
  return low | (uint64_t{next_u32()} << 32);
}

double PhiloxStream::uniform() { return static_cast<double>(next_u64() >> 11) * 0x1p-53; }

double PhiloxStream::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));  // 1-u in (0,1]: the logarithm is finite
  const double angle = 2.0 * 3.14159265358979323846 * uniform();
  spare_ = radius * std::sin(angle);
  has_spare_ = true;
  return radius * std::cos(angle);
}

__extension__ typedef unsigned __int128 uint128;

uint64_t PhiloxStream::below(uint64_t n) {
  // Lemire, "Fast random integer generation in an interval" (2019): reject the few low products that would bias.
  auto product = static_cast<uint128>(next_u64()) * n;
  if (static_cast<uint64_t>(product) < n) {
    const uint64_t threshold = (0 - n) % n;
    while (static_cast<uint64_t>(product) < threshold) product = static_cast<uint128>(next_u64()) * n;
  }
  return static_cast<uint64_t>(product >> 64);
}

std::vector<int64_t> permutation(heddle_rng_key key, int64_t n) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  PhiloxStream stream(key);
  for (int64_t i = n - 1; i > 0; --i) {
    std::swap(order[static_cast<size_t>(i)], order[stream.below(static_cast<uint64_t>(i) + 1)]);
  }
  return order;
}

}  // namespace heddle
