// A stream of work on a device, with scratch memory: what stands behind a heddle_call. One thread at a time; several
// contexts may work on one device at once.
#pragma once

#include <cstdint>
#include <vector>

#include "core/compute/arena.h"
#include "core/compute/device.h"
#include "core/compute/rng.h"
#include "heddle/abi.h"

namespace heddle {

class Context {
 public:
  explicit Context(Device& device);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  Device& device() const { return device_; }
  void* handle() const { return handle_; }  // first argument of every op
  const heddle_ops& ops() const { return device_.ops(); }

  // Waits until all work given to this context is done; call it before Tensor::to_host or another context reads what
  // its ops wrote. Does nothing on the CPU.
  void synchronize();

  // Codes owned by the caller: created here, to be destroyed by ops().codes_destroy(handle(), codes).
  heddle_codes* create_codes();

  // Runs f(const heddle_call&) and gives back the call's scratch afterwards, also when f throws. May be nested.
  template <class F>
  auto call(heddle_rng_key rng, int32_t precision, F&& f) {
    Frame frame(*this);
    const heddle_call call = make_call(rng, precision);
    return f(call);
  }

 private:
  struct Frame {  // what a call took is given back at its end
    explicit Frame(Context& owner) : context(owner), scratch(owner.arena_), codes(owner.codes_used_) {}
    ~Frame() { context.codes_used_ = codes; }
    Context& context;
    ArenaScope scratch;
    size_t codes;
  };
  heddle_call make_call(heddle_rng_key rng, int32_t precision);
  heddle_codes* scratch_codes() noexcept;

  Device& device_;
  void* handle_ = nullptr;
  Arena arena_;
  std::vector<heddle_codes*> codes_;  // reused from call to call: they keep their capacity
  size_t codes_used_ = 0;
};

}  // namespace heddle
