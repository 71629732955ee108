// Backbone: a sequence model over a catalogue of items.
//
//   void declare(Parameters& p, Sites& s);                        // tensors and activation sites; main thread
//   int64_t hidden() const;                                       // width of the state that score() reads
//   int64_t max_length() const;                                   // longest window, in items
//   void train(Ops& ops, const Batch& batch, Losses& losses);     // adds losses, accumulates ops.grad(…); dropout on
//   void forward(Ops& ops, const Batch& batch, const Hook& hook, const Tensor& hidden);   // dropout off
//   void score(Ops& ops, const Tensor& hidden, const Tensor& scores);   // [B,hidden] -> [B,items()]
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
      *out = {sizeof *out, Self::append_mask * uint32_t{HEDDLE_BACKBONE_APPEND_MASK}, self.hidden(), self.max_length()};
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
  static constexpr heddle_backbone_vtable table() {
    return {sizeof(heddle_backbone_vtable),
            0,
            &create,
            &destroy<Self, heddle_backbone>,
            &info,
            &parameters,
            &sites,
            &train,
            &forward,
            &score};
  }
};
}  // namespace detail

template <class Self>
class Backbone : public Component {
 public:
  static constexpr int32_t kind = HEDDLE_KIND_BACKBONE;
  // True: at inference the host appends the token items() (mask) to each sequence and reads its state.
  static constexpr bool append_mask = false;
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
