// Sums of one feature's activations and ranks by attribute: many attributes at once, one per lane of a vector. Every lane adds in
// the order of the entries, so the bits are those of a loop over the entries. Pure; [any thread].
#pragma once

#include <cstdint>

namespace heddle {

// Binary attributes come in words of 32: bit i of labels[e] says that entry e's item has attribute i.
constexpr int64_t kWordAttributes = 32;

struct Moments {
  double sum = 0, squares = 0;
};

// For the first `attributes` (at most 32) bits: products[i] = sum of the values whose bit is set, counts[i] = their number;
// both have room for 32.
Moments sum_labelled(const float* values, const uint32_t* labels, int64_t n, int64_t attributes, double* products,
                     int64_t* counts);

// sums[i] = sum of doubled[e] over the entries order[e] whose bit i is set; room for 32. doubled[e] <= most, most > 0.
void sum_ranks(const uint32_t* doubled, const uint32_t* order, const uint32_t* labels, int64_t n, int64_t attributes,
               uint32_t most, uint64_t* sums);

// Numeric attributes come in groups of 8; table is [items, stride] f32, NaN = no value. Over the entries that have one:
struct NumericSums {
  int64_t active[8], positive[8];  // entries; those whose label is not 0
  double sum[8], squares[8], product[8];
};
void sum_numeric(const float* values, const int32_t* items, int64_t n, const float* table, int64_t stride,
                 NumericSums& to);
constexpr int64_t kNumericGroup = 8;

}  // namespace heddle
