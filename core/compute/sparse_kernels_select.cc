// Kernels that choose among stored values: exact k-th largest, compaction, and compression of dense rows.
//
// The k-th largest is found by bisection over the bits of the floats (positive floats order like their bits), dropping
// the values that are ruled out: a few sweeps over n in practice, 31 at the very most, no sorting.
#include "core/compute/simd.h"
#include "core/compute/sparse_kernels_parts.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/sparse_kernels_select.cc"
#include <hwy/foreach_target.h>

#include "core/compute/sparse_compress-inl.h"

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::sparse {
namespace HWY_NAMESPACE {

HWY_INLINE M lanes_of(int64_t left) { return hn::FirstN(D(), static_cast<size_t>(left < kLanes ? left : kLanes)); }

HWY_INLINE int32_t bits_of(float value) {
  int32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

// How many of n values have bits >= limit.
int64_t count_at_least(const float* HWY_RESTRICT values, int64_t n, int32_t limit) {
  const D d;
  const VI below = hn::Set(DI(), limit - 1);
  int64_t count = 0, i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const VI v = hn::BitCast(DI(), hn::LoadU(d, values + i));
    count += static_cast<int64_t>(hn::CountTrue(DI(), hn::Gt(v, below)));
  }
  for (; i < n; ++i) count += bits_of(values[i]) >= limit;
  return count;
}

// Copies the values with bits >= limit (or those < limit) to the front of `to`, which may be `values`.
int64_t keep_side(const float* values, int64_t n, int32_t limit, bool upper, float* to) {
  const D d;
  const VI below = hn::Set(DI(), limit - 1);
  int64_t kept = 0;
  for (int64_t i = 0; i < n; i += kLanes) {
    const M live = lanes_of(n - i);
    const V v = hn::MaskedLoad(live, d, values + i);
    const M large = hn::RebindMask(d, hn::Gt(hn::BitCast(DI(), v), below));
    const Compressor compress(upper ? hn::And(live, large) : hn::AndNot(large, live));
    hn::StoreU(compress(v), d, to + kept);
    kept += compress.count();
  }
  return kept;
}

float kth_largest(const float* values, int64_t n, int64_t k, float* scratch, int64_t* above) {
  // The wanted value is the rank-th largest of list[0..size) and its bits lie in [low, high].
  const float* list = values;
  int64_t size = n, rank = k;
  int32_t low = 0x7F800000, high = 0;
  for (int64_t i = 0; i < n; ++i) {
    const int32_t bits = bits_of(values[i]);
    low = bits < low ? bits : low;
    high = bits > high ? bits : high;
  }
  while (low < high) {
    const int32_t middle = low + (high - low + 1) / 2;
    const int64_t large = count_at_least(list, size, middle);
    const bool upper = large >= rank;
    const int64_t left = upper ? large : size - large;
    if (upper) {
      low = middle;
    } else {
      high = middle - 1;
    }
    if (left > size - size / 4) continue;  // too few would go
    size = keep_side(list, size, middle, upper, scratch);
    list = scratch;
    if (!upper) rank -= large;
    if (rank == size) {  // the smallest of what is left
      for (int64_t i = 0; i < size; ++i) high = bits_of(list[i]) < high ? bits_of(list[i]) : high;
      low = high;
    }
  }
  *above = low == 0x7F800000 ? 0 : count_at_least(values, n, low + 1);
  float result;
  std::memcpy(&result, &low, sizeof result);
  return result;
}

int64_t keep_largest(const float* values, const int32_t* indices, int64_t n, float limit, int64_t* ties,
                     float* to_values, int32_t* to_indices) {
  const D d;
  const DI di;
  const V bound = hn::Set(d, limit);
  int64_t kept = 0;
  for (int64_t i = 0; i < n; i += kLanes) {
    const M live = lanes_of(n - i);
    const V v = hn::MaskedLoad(live, d, values + i);
    const VI index = hn::MaskedLoad(hn::RebindMask(di, live), di, indices + i);
    const M equal = hn::And(live, hn::Eq(v, bound));
    M keep = hn::And(live, hn::Gt(v, bound));
    const int64_t equals = static_cast<int64_t>(hn::CountTrue(d, equal));
    if (equals > 0 && *ties > 0) {
      if (equals <= *ties) {
        keep = hn::Or(keep, equal);
        *ties -= equals;
      } else {  // only the first ones: rare, at most once per selection
        alignas(64) float flags[16] = {};
        for (int64_t lane = 0; lane < kLanes && i + lane<n&& * ties> 0; ++lane) {
          if (values[i + lane] != limit) continue;
          flags[lane] = 1;
          --*ties;
        }
        keep = hn::Or(keep, hn::Gt(hn::Load(d, flags), hn::Zero(d)));
      }
    }
    const Compressor compress(keep);
    if (i + kLanes <= n) {  // what a whole store spoils has been read
      hn::StoreU(compress(v), d, to_values + kept);
      hn::StoreU(compress(index), di, to_indices + kept);
    } else {  // behind the last entry another row may stand
      const M first = hn::FirstN(d, static_cast<size_t>(compress.count()));
      hn::BlendedStore(compress(v), first, d, to_values + kept);
      hn::BlendedStore(compress(index), hn::RebindMask(di, first), di, to_indices + kept);
    }
    kept += compress.count();
  }
  return kept;
}

int64_t count_nonzero(const float* values, int64_t n) {
  const D d;
  int64_t count = 0;
  for (int64_t i = 0; i < n; i += kLanes) {
    const M live = lanes_of(n - i);
    count += static_cast<int64_t>(hn::CountTrue(d, hn::Not(hn::Eq(hn::MaskedLoad(live, d, values + i), hn::Zero(d)))));
  }
  return count;
}

int64_t compress_nonzero(const float* x, int64_t n, float* values, int32_t* indices) {
  const D d;
  const DI di;
  int64_t kept = 0;
  for (int64_t i = 0; i < n; i += kLanes) {
    const V v = hn::MaskedLoad(lanes_of(n - i), d, x + i);
    const Compressor compress(hn::Not(hn::Eq(v, hn::Zero(d))));  // NaN is kept
    hn::StoreU(compress(v), d, values + kept);
    hn::StoreU(compress(hn::Iota(di, static_cast<int32_t>(i))), di, indices + kept);
    kept += compress.count();
  }
  return kept;
}

void add_select(Kernels* table) {
  table->kth_largest = kth_largest;
  table->keep_largest = keep_largest;
  table->count_nonzero = count_nonzero;
  table->compress_nonzero = compress_nonzero;
}

}  // namespace HWY_NAMESPACE
}  // namespace heddle::cpu::sparse
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heddle::cpu::sparse {
HWY_EXPORT(add_select);
void add_select_kernels(Kernels* table) { HWY_DYNAMIC_DISPATCH(add_select)(table); }
}  // namespace heddle::cpu::sparse
#endif
