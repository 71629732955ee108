// Kernels of sampled objectives, on one thread: random words of a row, and loss and gradient of a row. [any thread]
#pragma once

#include <cstdint>

#include "heddle/abi.h"

namespace heddle::cpu {

// Words 0 .. n-1 of a key, as philox_word in rng.h; `to` holds words_room(n).
void random_words(heddle_rng_key key, int64_t n, uint32_t* to);
int64_t words_room(int64_t n);

// One row of heddle_candidate_loss.
struct CandidateRow {
  int64_t n, target;  // entries, and which of them is the target
  const float *logits, *values;
  const int32_t* indices;
  const float* corrections;  // by item, or null
  float positive_power;      // binary
  float gradient;            // scale / rows with a target
  float* dlogits;            // or null
  float* scratch;            // [n rounded up to 16]; softmax
};
double binary_row(const CandidateRow& row);
double softmax_row(const CandidateRow& row);

}  // namespace heddle::cpu
