// Attention of one head over one sequence, forward and backward, and of suffixes over kept rows; on one thread.
// [any thread]
#pragma once

#include <cstdint>

#include "heddle/abi.h"

namespace heddle::cpu {

// Pointers stand at the sequence's first row and the head's first column; ld* are row strides.
struct AttentionTask {
  int64_t length, width;  // tokens, columns of the head
  bool causal;
  float scale;  // 1 / sqrt(width)
  const float *q, *k, *v;
  int64_t ldq, ldk, ldv;
  const uint8_t* key_mask;  // [length] or null
  // Dropout: probability (i,j) is kept when word((first_row + i) << 32 | (first_row + j)) >> 8 >= threshold.
  heddle_rng_key rng;  // of this head
  uint32_t threshold;  // 0 = no dropout
  float keep_scale;
  int64_t first_row;
  float* out;  // read by the backward
  int64_t ldo;
  float* log_sum_exp;  // one per row, ldl apart; null allowed in the forward
  int64_t ldl;
  const float* dout;  // backward only, from here on
  int64_t lddo;
  float *dq, *dk, *dv;
  int64_t lddq, lddk, lddv;
};

// Consecutive suffixes over the same kept rows. Pointers of q, k, v, out stand at row 0, those of the kept rows at the
// prefix's first, all at the head's first column; ld* are row strides.
struct SuffixTask {
  int64_t prefix, width;  // kept rows, columns of the head
  int64_t suffixes;
  const int64_t* offsets;  // [suffixes + 1], rows of q, k, v, out
  int64_t longest;         // of the suffixes
  bool causal;
  float scale;                   // 1 / sqrt(width)
  const float *kept_k, *kept_v;  // null when prefix is 0
  int64_t ldkk, ldkv;
  const float *q, *k, *v;
  int64_t ldq, ldk, ldv;
  float* out;
  int64_t ldo;
};

// Floats of scratch that a task needs, 64-byte aligned.
int64_t attention_scratch(int64_t length, int64_t width, bool backward);
// next: the task that this thread will probably run then, whose rows are fetched meanwhile, or null.
void attention_forward(const AttentionTask& task, const AttentionTask* next, float* scratch);
void attention_backward_task(const AttentionTask& task, const AttentionTask* next, float* scratch);
int64_t suffix_scratch(int64_t prefix, int64_t longest, int64_t width);
void attention_suffixes(const SuffixTask& task, float* scratch);

}  // namespace heddle::cpu
