// The host's side of the one hook that a backbone calls at every site: extraction, fidelity, steering.
//
// Thread: the thread that called forward. Errors: what the function throws leaves forward unchanged (no exception
// crosses the plugin: it is kept here and thrown again when the plugin has returned).
#pragma once

#include <exception>
#include <functional>

#include "heddle/abi.h"

namespace heddle {

struct HookPoint {
  int64_t site;                   // index into Backbone::sites()
  DLTensor* activations;          // [T, width], in place
  const heddle_sequences* batch;  // which rows belong to which user and position
  const heddle_call* call;        // ops and scratch may be used here: the plugin waits
};

// Reads or overwrites the activations. false: nothing after this site is needed, forward may stop.
using Hook = std::function<bool(const HookPoint&)>;

// Makes a heddle_hook of a Hook for one forward.
class HookAdapter {
 public:
  HookAdapter(const Hook& hook, const heddle_sequences& batch, const heddle_call& call);
  const heddle_hook* raw() const { return &raw_; }
  bool stopped() const { return stopped_; }
  void rethrow() const;  // what the function threw, if anything

 private:
  static int32_t at(void* self, int64_t site, DLTensor* activations, heddle_error* error);
  const Hook& hook_;
  const heddle_sequences& batch_;
  const heddle_call& call_;
  heddle_hook raw_;
  bool stopped_ = false;
  std::exception_ptr thrown_;
};

}  // namespace heddle
