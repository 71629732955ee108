// Backbone: a sequence model over a catalogue of items.
//
//   void declare(Parameters& p, Sites& s);                        // tensors and activation sites; main thread
//   int64_t hidden() const;                                       // width of the state that score() reads
//   int64_t max_length() const;                                   // longest window, in items
//   void train(Ops& ops, const Batch& batch, Losses& losses);     // adds losses, accumulates ops.grad(…); dropout on
//   void forward(Ops& ops, const Batch& batch, const Hook& hook, const Tensor& hidden);   // dropout off
//   void score(Ops& ops, const Tensor& hidden, const Tensor& scores);   // [B,hidden] -> [B,items()]
// Optional, found by their presence:
//   void prepare(Ops& ops, const TrainingLog& log);               // once before training: writes ops[param] of buffers
//   int64_t cache_width(Site site) const;                         // the three together: inference again behind a site,
//   void forward_caching(Ops&, const Batch&, const Hook&, Site, const Tensor& cache, const Tensor& hidden);
//   void forward_from(Ops& ops, const Resume& from, const Tensor& hidden);   // see abi/backbone.h
//   void rank(Ops& ops, const Batch& batch, const Hook& hook, const RankedLists& lists);   // decoding of its own
// forward fills hidden [T,hidden] and calls hook(site, activations [T,width]) at every site, in the order of
// declaration: the host may read or overwrite them there. The host owns the loop, the optimiser, dropout's randomness
// (ops.rng) and storage. train, forward and score run on one worker thread at a time per instance.
#pragma once

#include "losses.hpp"
#include "ops.hpp"
#include "plugin.hpp"

namespace heddle::sdk {

struct Site {
  int64_t index = -1;
};

class Sites {
 public:
  Site add(std::string name, int64_t width, std::string doc) {
    names_.push_back(std::move(name));
    docs_.push_back(std::move(doc));
    items_.push_back({sizeof(heddle_site), 0, names_.back().c_str(), docs_.back().c_str(), width});
    return {static_cast<int64_t>(items_.size()) - 1};
  }
  heddle_sites raw() const noexcept { return {sizeof(heddle_sites), 0, items_.size(), items_.data()}; }

 private:
  std::deque<std::string> names_, docs_;
  std::vector<heddle_site> items_;
};

// Sequences one after the other, without padding; see abi/backbone.h.
struct Batch {
  explicit Batch(const heddle_sequences& s)
      : count(s.count),
        tokens(s.tokens),
        offsets(s.offsets),
        items(s.items),
        targets(s.targets),
        positions(s.positions),
        users(s.users) {}
  int64_t count, tokens;  // n sequences of T tokens in all
  Tensor offsets;         // i64 [n+1], host memory
  Tensor items;           // i32 [T]
  Tensor targets;         // i32 [T], -1 = no loss; "none" at inference
  Tensor positions;       // i32 [T]
  Tensor users;           // i32 [n]
};

// Events of the training users, oldest first; host memory, valid during prepare().
struct TrainingLog {
  explicit TrainingLog(const heddle_training_log& raw) : raw_(raw) {}
  int64_t users() const { return raw_.users; }
  std::span<const int32_t> items_of(int64_t user) const {
    return {raw_.items + raw_.offsets[user], static_cast<std::size_t>(raw_.offsets[user + 1] - raw_.offsets[user])};
  }

 private:
  const heddle_training_log& raw_;
};

// Suffixes of sequences at a site, and what forward_caching kept of their earlier tokens; see heddle_resume.
struct Resume {
  explicit Resume(const heddle_resume& r)
      : site{r.site},
        suffix_offsets(r.suffix_offsets),
        prefix_begin(r.prefix_begin),
        prefix_end(r.prefix_end),
        activations(r.activations),
        cache(r.cache) {}
  Site site;
  Tensor suffix_offsets, prefix_begin, prefix_end;  // i64 [S+1], [S], [S], host memory
  Tensor activations;                               // [R,width]
  Tensor cache;                                     // [T,cache_width] or "none"
};

// Where rank() puts its lists; everything in host memory.
struct RankedLists {
  explicit RankedLists(const heddle_rank& r)
      : seen_offsets(r.seen_offsets), seen_items(r.seen_items), items(r.items), scores(r.scores) {}
  int64_t length() const { return items.columns(); }
  Tensor seen_offsets, seen_items;  // i64 [n+1], i32 ascending per sequence; "none": nothing is masked
  Tensor items, scores;             // i32, f32 [n,k]; -1 and -inf fill short lists
};

// Cloze training: the host replaces events by the mask token items(); see HEDDLE_BATCHES_CLOZE.
struct Cloze {
  double mask_probability = 0, last_mask_probability = 0;
};

class Hook {
 public:
  explicit Hook(const heddle_hook* raw) : raw_(raw) {}
  void operator()(Site site, const Tensor& activations) const {
    if (raw_ == nullptr) return;
    HostError error;
    error.check(raw_->at(raw_->self, site.index, activations.raw(), error));
  }

 private:
  const heddle_hook* raw_;
};

template <class Self>
class Backbone;

namespace detail {
template <class Self>
concept prepares = requires(Self& s, Ops& ops, const TrainingLog& log) {
  s.prepare(ops, log);
};
template <class Self>
concept resumes = requires(Self& s, Ops& ops, const Resume& from, const Tensor& hidden) {
  s.forward_from(ops, from, hidden);
};
template <class Self>
concept ranks = requires(Self& s, Ops& ops, const Batch& batch, const Hook& hook, const RankedLists& lists) {
  s.rank(ops, batch, hook, lists);
};

template <class Self>
struct BackboneTable {
  // The base's own members, also where Self has some of the same name.
  static Backbone<Self>& base(Backbone<Self>* self) { return *self; }
  static int32_t create(const heddle_host* host, const heddle_values* values, const heddle_backbone_plan* plan,
                        heddle_backbone** out, heddle_error* error) noexcept {
    return make<Self>(host, values, out, error, [&](Self& self) {
      base(&self).items_ = plan->items;
      self.declare(base(&self).parameters_, base(&self).sites_);
    });
  }
  static int32_t info(heddle_backbone* b, heddle_backbone_info* out, heddle_error* error) noexcept {
    return guarded(error, [&] {
      const Self& self = self_of<Self>(b);
      const Cloze cloze = self.cloze();
      uint32_t flags = 0;
      if (Self::append_mask) flags |= HEDDLE_BACKBONE_APPEND_MASK;
      if (Self::causal) flags |= HEDDLE_BACKBONE_CAUSAL;
      if (self.positions_from_end()) flags |= HEDDLE_BACKBONE_POSITIONS_FROM_END;
      if constexpr (ranks<Self>) flags |= HEDDLE_BACKBONE_RANKS;
      *out = {sizeof *out,   flags, self.hidden(),          self.max_length(),
              Self::batches, 0,     cloze.mask_probability, cloze.last_mask_probability};
    });
  }
  static int32_t parameters(heddle_backbone* b, heddle_parameters* out, heddle_error*) noexcept {
    *out = base(&self_of<Self>(b)).parameters_.raw();
    return HEDDLE_OK;
  }
  static int32_t sites(heddle_backbone* b, heddle_sites* out, heddle_error*) noexcept {
    *out = base(&self_of<Self>(b)).sites_.raw();
    return HEDDLE_OK;
  }
  static int32_t train(heddle_backbone* b, const heddle_call* call, const heddle_tensors* params,
                       const heddle_tensors* gradients, const heddle_sequences* batch, const heddle_losses* losses,
                       heddle_error* error) noexcept {
    return guarded(error, [&] {
      Ops ops(*call, params, gradients);
      Losses out(*losses);
      self_of<Self>(b).train(ops, Batch(*batch), out);
    });
  }
  static int32_t forward(heddle_backbone* b, const heddle_call* call, const heddle_tensors* params,
                         const heddle_sequences* batch, const heddle_hook* hook, DLTensor* hidden,
                         heddle_error* error) noexcept {
    return guarded(error, [&] {
      Ops ops(*call, params);
      self_of<Self>(b).forward(ops, Batch(*batch), Hook(hook), Tensor(hidden));
    });
  }
  static int32_t score(heddle_backbone* b, const heddle_call* call, const heddle_tensors* params,
                       const DLTensor* hidden, DLTensor* scores, heddle_error* error) noexcept {
    return guarded(error, [&] {
      Ops ops(*call, params);
      self_of<Self>(b).score(ops, Tensor(hidden), Tensor(scores));
    });
  }
  static int32_t prepare(heddle_backbone* b, const heddle_call* call, const heddle_tensors* params,
                         const heddle_training_log* log, heddle_error* error) noexcept {
    return guarded(error, [&] {
      Ops ops(*call, params);
      self_of<Self>(b).prepare(ops, TrainingLog(*log));
    });
  }
  static int32_t cache_width(heddle_backbone* b, int64_t site, int64_t* width, heddle_error* error) noexcept {
    return guarded(error, [&] { *width = self_of<Self>(b).cache_width(Site{site}); });
  }
  static int32_t forward_caching(heddle_backbone* b, const heddle_call* call, const heddle_tensors* params,
                                 const heddle_sequences* batch, const heddle_hook* hook, int64_t site, DLTensor* cache,
                                 DLTensor* hidden, heddle_error* error) noexcept {
    return guarded(error, [&] {
      Ops ops(*call, params);
      self_of<Self>(b).forward_caching(ops, Batch(*batch), Hook(hook), Site{site}, Tensor(cache), Tensor(hidden));
    });
  }
  static int32_t forward_from(heddle_backbone* b, const heddle_call* call, const heddle_tensors* params,
                              const heddle_resume* from, DLTensor* hidden, heddle_error* error) noexcept {
    return guarded(error, [&] {
      Ops ops(*call, params);
      self_of<Self>(b).forward_from(ops, Resume(*from), Tensor(hidden));
    });
  }
  static int32_t rank(heddle_backbone* b, const heddle_call* call, const heddle_tensors* params,
                      const heddle_rank* args, heddle_error* error) noexcept {
    return guarded(error, [&] {
      Ops ops(*call, params);
      self_of<Self>(b).rank(ops, Batch(*args->batch), Hook(args->hook), RankedLists(*args));
    });
  }
  static constexpr heddle_backbone_vtable table() {
    heddle_backbone_vtable out{};
    out.struct_size = sizeof out;
    out.create = &create;
    out.destroy = &destroy<Self, heddle_backbone>;
    out.info = &info;
    out.parameters = &parameters;
    out.sites = &sites;
    out.train = &train;
    out.forward = &forward;
    out.score = &score;
    if constexpr (prepares<Self>) out.prepare = &prepare;
    if constexpr (resumes<Self>) {
      out.cache_width = &cache_width;
      out.forward_caching = &forward_caching;
      out.forward_from = &forward_from;
    }
    if constexpr (ranks<Self>) out.rank = &rank;
    return out;
  }
};
}  // namespace detail

template <class Self>
class Backbone : public Component {
 public:
  static constexpr int32_t kind = HEDDLE_KIND_BACKBONE;
  // True: at inference the host appends the token items() (mask) to each sequence and reads its state.
  static constexpr bool append_mask = false;
  // True: a token's state depends on no later token.
  static constexpr bool causal = false;
  // What training batches hold: HEDDLE_BATCHES_*.
  static constexpr int32_t batches = HEDDLE_BATCHES_NEXT_ITEM;
  // Self may hide these: positions count from the window's end; masks of HEDDLE_BATCHES_CLOZE.
  bool positions_from_end() const { return false; }
  Cloze cloze() const { return {}; }
  template <class S>
  static constexpr heddle_backbone_vtable vtable = detail::BackboneTable<S>::table();

  int64_t items() const { return items_; }  // V; special tokens follow from V on

 private:
  friend detail::BackboneTable<Self>;
  int64_t items_ = 0;
  Parameters parameters_;
  Sites sites_;
};

}  // namespace heddle::sdk
