// Stack: transformer blocks one behind the other, with their activation sites, training, inference, and inference again
// behind a site.
//
//   block.N.attn.out   what attention adds to the residual stream of block N
//   block.N.mlp.out    what its feed-forward layer adds
//   block.N.out        the output of the block
//
// Inference again starts behind a block's output only: behind the two inner sites it would need the residual stream as
// well. In a causal stack the rows of earlier tokens are not run again: forward() keeps the keys and values of the
// blocks behind the site, [T,kept_width], and forward_suffix() reads them. In a bidirectional one every token's state
// depends on all others: nothing is kept, and suffixes are whole sequences.
// A handle to declared tensors; copy freely. Threads: as Ops. Errors: UNIMPLEMENTED for a site to start behind,
// CANCELLED between two blocks on the user's wish.
#pragma once

#include "../backbone.hpp"
#include "transformer.hpp"

namespace heddle::sdk::nn {

// Throws when the user wishes to stop; looked at between the parts of a batch, which may take a second in all.
inline void stop_if_cancelled(Ops& ops) {
  if (ops.cancelled()) raise(HEDDLE_CANCELLED, "stopped on request");
}

class Stack {
 public:
  using Trace = std::vector<Block::State>;  // what train leaves for backward

  Stack() = default;
  // Declares the blocks' tensors, PREFIX0, PREFIX1 ..., and their sites. Where an item is several tokens, a row of a
  // site holds all of them side by side.
  Stack(Parameters& parameters, Sites& sites, const std::string& prefix, int64_t layers, const BlockShape& shape,
        int64_t tokens_per_row = 1)
      : causal_(shape.causal), tokens_per_row_(tokens_per_row) {
    const int64_t d = shape.hidden * tokens_per_row;
    for (int64_t i = 0; i < layers; ++i) {
      blocks_.emplace_back(parameters, text(prefix, i), shape);
      const std::string site = text("block.", i);
      sites_.push_back({sites.add(site + ".attn.out", d, "What attention adds to the residual stream."),
                        sites.add(site + ".mlp.out", d, "What the feed-forward layer adds to the residual stream."),
                        sites.add(site + ".out", d, "The residual stream behind the block.")});
    }
  }
  int64_t layers() const { return static_cast<int64_t>(blocks_.size()); }

  // Block i draws its dropout from the stream first_stream + i of the call.
  Tensor train(Ops& ops, const Tensor& offsets, Tensor x, double dropout, uint64_t first_stream, Trace& trace) const {
    trace.assign(blocks_.size(), {});
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      stop_if_cancelled(ops);
      x = blocks_[i].forward(ops, offsets, x, dropout, ops.rng(first_stream + i), trace[i], ignore, ignore);
    }
    stop_if_cancelled(ops);
    return x;
  }
  // dx is the gradient of the stack's output on entry and that of its input on return.
  void backward(Ops& ops, const Trace& trace, const Tensor& dx) const {
    for (std::size_t i = blocks_.size(); i-- > 0;) {
      stop_if_cancelled(ops);
      blocks_[i].backward(ops, trace[i], dx);
    }
  }

  // Inference. The result takes the place of x. With a cache [T,kept_width(kept_from)] what the blocks from kept_from on
  // need of every token goes there.
  Tensor forward(Ops& ops, const Tensor& offsets, Tensor x, const Hook& hook, int64_t kept_from = 0,
                 const Tensor& cache = {}) const {
    Block::State state{.reuse = true};
    const bool keeps = cache && causal_;
    for (int64_t i = 0; i < layers(); ++i) {
      const BlockSites& at = sites_[static_cast<std::size_t>(i)];
      if (keeps && i >= kept_from) state.qkv = slice(cache, i, kept_from);
      x = block(i).forward(
          ops, offsets, x, 0, {}, state, [&](const Tensor& a) { hook(at.attention, site_rows(a)); },
          [&](const Tensor& m) { hook(at.mlp, site_rows(m)); });
      hook(at.out, site_rows(x));
    }
    return x;
  }
  // Inference of the blocks from `first` on, for the rows of suffixes, whose input x is overwritten; the result takes
  // its place. rows.kept: the cache of a forward with kept_from == first, or none where no suffix has a prefix.
  // `memory`, empty at first, serves several calls of one running call, of which the first has the most rows.
  Tensor forward_suffix(Ops& ops, const Rows& rows, Tensor x, int64_t first, Block::State* memory = nullptr) const {
    const bool again = memory != nullptr && memory->u;
    Block::State state = again ? memory->first_rows(x.rows()) : Block::State{.reuse = true};
    for (int64_t i = first; i < layers(); ++i) {
      Rows own = rows;
      if (rows.kept) own.kept = slice(rows.kept, i, first);
      x = block(i).forward(ops, own, x, 0, {}, state, ignore, ignore);
    }
    if (memory != nullptr && !again) *memory = state;
    return x;
  }

  // Columns of the cache for the blocks from `first` on; 0: nothing is to be kept.
  int64_t kept_width(int64_t first) const {
    return causal_ && first < layers() ? (layers() - first) * block(first).kept_width() : 0;
  }
  // The first block behind a site, layers() for sites behind the last.
  int64_t behind(Site site) const {
    for (std::size_t i = 0; i < sites_.size(); ++i) {
      if (site.index == sites_[i].out.index) return static_cast<int64_t>(i) + 1;
      if (site.index <= sites_[i].out.index)
        raise(HEDDLE_UNIMPLEMENTED, "inference starts again behind the output of a block, not inside block ", i);
    }
    return layers();
  }

 private:
  struct BlockSites {
    Site attention, mlp, out;
  };
  static constexpr auto ignore = [](const Tensor&) {};
  const Block& block(int64_t i) const { return blocks_[static_cast<std::size_t>(i)]; }
  Tensor slice(const Tensor& cache, int64_t i, int64_t first) const {
    const int64_t width = block(i).kept_width();
    return cache.column_slice((i - first) * width, width);
  }

  Tensor site_rows(const Tensor& x) const {
    return tokens_per_row_ == 1 ? x : x.reshaped({x.rows() / tokens_per_row_, tokens_per_row_ * x.columns()});
  }

  bool causal_ = true;
  int64_t tokens_per_row_ = 1;
  std::vector<Block> blocks_;
  std::vector<BlockSites> sites_;
};

}  // namespace heddle::sdk::nn
