// Decoding of next items for a batch of histories: beam search over codes, where each step runs the few tokens of every
// hypothesis behind the kept keys and values of its history, which is run once.
//
// Users are taken in groups, so that scratch memory stays small however large the batch is; a list does not depend on
// the group. Reads states in host memory: devices of other memory are refused by Tensor. Threads: as Ops.
#pragma once

#include <heddle/nn/embedding.hpp>
#include <heddle/nn/stack.hpp>

#include "beam_search.h"

namespace gptrec_svd {

using heddle::sdk::Ops;
using heddle::sdk::Tensor;
namespace nn = heddle::sdk::nn;

// The trained parts that decoding runs.
struct DecoderParts {
  const nn::Stack& stack;
  const nn::Norm& norm;
  Tensor tokens_table;     // [t * v, d]
  Tensor positions_table;  // [(max_length + 1) * t, d]
  int64_t values;          // v
};

// What is known of the histories when they have run.
struct DecodedHistories {
  Tensor offsets;                  // i64 [n + 1], in tokens
  std::vector<int64_t> positions;  // [n] of the first token of the next item, a row of positions_table
  Tensor cache;                    // [tokens, stack.kept_width(0)]
  Tensor states;                   // [n, d] of the last token, normalised; rows may be strided
};

class Decoder {
 public:
  Decoder(Ops& ops, const DecoderParts& parts, const CodeTrie& trie, int64_t width)
      : ops_(ops), parts_(parts), trie_(trie), width_(width) {}

  void decode(const DecodedHistories& histories, const heddle::sdk::RankedLists& lists) {
    const int64_t n = histories.states.rows(),
                  group = std::clamp<int64_t>(rows_at_once / width_, 1, std::max<int64_t>(n, 1));
    reserve(group);
    for (int64_t first = 0; first < n; first += group) {
      nn::stop_if_cancelled(ops_);
      decode_group(histories, lists, first, std::min(group, n - first));
    }
  }

 private:
  static constexpr int64_t rows_at_once = 8192;  // hypotheses

  void reserve(int64_t group) {
    const int64_t beams = group * width_, rows = beams * std::max<int64_t>(trie_.length() - 1, 1);
    const int64_t d = parts_.tokens_table.columns();
    tokens_ = ops_.tensor({rows}, heddle::sdk::i32);
    positions_ = ops_.tensor({rows}, heddle::sdk::i32);
    last_ = ops_.tensor({beams}, heddle::sdk::i32);
    x_ = ops_.tensor({rows, d});
    placed_ = ops_.tensor({rows, d});
    states_ = ops_.tensor({beams, d});
    normed_ = {ops_.tensor({beams, d}), ops_.tensor({beams}), ops_.tensor({beams})};
    logits_ = ops_.tensor({beams, parts_.values});
  }

  void decode_group(const DecodedHistories& histories, const heddle::sdk::RankedLists& lists, int64_t first,
                    int64_t count) {
    std::vector<BeamSearch> searches;
    searches.reserve(static_cast<std::size_t>(count));
    for (int64_t s = first; s < first + count; ++s) searches.emplace_back(trie_, seen(lists, s), width_);
    std::vector<int64_t> begin(static_cast<std::size_t>(count) + 1);  // first hypothesis of each user
    for (int64_t level = 0; level < trie_.length(); ++level) {
      for (std::size_t i = 0; i < searches.size(); ++i)
        begin[i + 1] = begin[i] + static_cast<int64_t>(searches[i].beams().size());
      const Tensor states =
          level == 0 ? histories.states.row_slice(first, count) : run(histories, searches, begin, first, level);
      const Tensor logits = ops_.gemm(states, parts_.tokens_table.row_slice(level * parts_.values, parts_.values),
                                      logits_.row_slice(0, begin.back()), {.transpose_b = true});
      ops_.parallel_for(count, [&](int64_t i) {
        const auto at = static_cast<std::size_t>(i);
        searches[at].advance(static_cast<int32_t>(level * parts_.values), [&](std::size_t beam) {
          return std::span<const float>(logits.row<float>(begin[at] + static_cast<int64_t>(beam)));
        });
      });
    }
    ops_.parallel_for(count, [&](int64_t i) {
      searches[static_cast<std::size_t>(i)].list(lists.items.row<int32_t>(first + i),
                                                 lists.scores.row<float>(first + i));
    });
  }

  // States behind the last token of every hypothesis: its `level` tokens run behind the user's history.
  Tensor run(const DecodedHistories& histories, const std::vector<BeamSearch>& searches,
             const std::vector<int64_t>& begin, int64_t first, int64_t level) {
    const int64_t beams = begin.back(), rows = beams * level;
    const Tensor tokens = tokens_.row_slice(0, rows), positions = positions_.row_slice(0, rows),
                 last = last_.row_slice(0, beams);
    std::vector<int64_t> suffixes(static_cast<std::size_t>(beams) + 1), prefix_begin(static_cast<std::size_t>(beams)),
        prefix_end(prefix_begin.size());
    const auto offsets = histories.offsets.span<int64_t>();
    std::size_t beam = 0, row = 0;
    for (std::size_t i = 0; i < searches.size(); ++i) {
      const std::size_t s = static_cast<std::size_t>(first) + i;
      for (const Hypothesis& hypothesis : searches[i].beams()) {
        const auto path = trie_.path(level - 1, hypothesis.node);
        for (std::size_t k = 0; k < path.size(); ++k, ++row) {
          tokens.span<int32_t>()[row] = path[k];
          positions.span<int32_t>()[row] = static_cast<int32_t>(histories.positions[s] + static_cast<int64_t>(k));
        }
        prefix_begin[beam] = offsets[s];
        prefix_end[beam] = offsets[s + 1];
        last.span<int32_t>()[beam] = static_cast<int32_t>(row) - 1;
        suffixes[++beam] = static_cast<int64_t>(row);
      }
    }
    Tensor x = ops_.gather_rows(parts_.tokens_table, tokens, x_.row_slice(0, rows));
    ops_.add(ops_.gather_rows(parts_.positions_table, positions, placed_.row_slice(0, rows)), x);
    const nn::Rows behind(Tensor::of(suffixes.data(), {beams + 1}), Tensor::of(prefix_begin.data(), {beams}),
                          Tensor::of(prefix_end.data(), {beams}), histories.cache);
    if (memory_.u && memory_.u.rows() < rows) memory_ = {.reuse = true};  // more rows than before: new memory
    x = parts_.stack.forward_suffix(ops_, behind, x, 0, &memory_);
    const Tensor states = ops_.gather_rows(x, last, states_.row_slice(0, beams));
    return parts_.norm
        .forward(ops_, states,
                 {normed_.y.row_slice(0, beams), normed_.mean.row_slice(0, beams), normed_.rstd.row_slice(0, beams)})
        .y;
  }

  static std::span<const int32_t> seen(const heddle::sdk::RankedLists& lists, int64_t s) {
    if (!lists.seen_offsets) return {};
    const auto offsets = lists.seen_offsets.span<int64_t>();
    const auto begin = static_cast<std::size_t>(offsets[static_cast<std::size_t>(s)]),
               end = static_cast<std::size_t>(offsets[static_cast<std::size_t>(s) + 1]);
    return lists.seen_items.span<int32_t>().subspan(begin, end - begin);
  }

  Ops& ops_;
  const DecoderParts& parts_;
  const CodeTrie& trie_;
  int64_t width_;
  Tensor tokens_, positions_, last_, x_, placed_, states_, logits_;  // memory for a full group
  heddle::sdk::LayerNorm normed_;
  nn::Block::State memory_{.reuse = true};
};

}  // namespace gptrec_svd
