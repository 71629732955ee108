#include "core/compute/context.h"

#include "core/base/console.h"
#include "core/base/error.h"

namespace heddle {

Context::Context(Device& device)
    : device_(device),
      arena_([&device](size_t bytes) { return device.try_allocate(bytes); },
             [&device](void* memory) { device.release(memory); }) {
  ErrorBuffer error;
  check(device.table().context_create(device.handle(), &handle_, error), error, device.name());
}

Context::~Context() {
  for (heddle_codes* codes : codes_) ops().codes_destroy(handle_, codes);
  device_.table().context_destroy(device_.handle(), handle_);
}

void Context::synchronize() {
  ErrorBuffer error;
  check(device_.table().synchronize(handle_, error), error, device_.name());
}

heddle_codes* Context::create_codes() {
  heddle_codes* codes = nullptr;
  ErrorBuffer error;
  check(ops().codes_create(handle_, &codes, error), error, device_.name());
  return codes;
}

heddle_codes* Context::scratch_codes() noexcept {
  try {
    if (codes_used_ == codes_.size()) {
      codes_.reserve(codes_.size() + 1);
      codes_.push_back(create_codes());
    }
    return codes_[codes_used_++];
  } catch (...) {
    return nullptr;
  }
}

heddle_call Context::make_call(heddle_rng_key rng, int32_t precision) {
  heddle_call call{};
  call.struct_size = sizeof call;
  call.ops = &ops();
  call.device_context = handle_;
  call.device = device_.dl_device();
  call.precision = precision;
  call.rng = rng;
  call.self = this;
  call.scratch = [](void* self, uint64_t bytes) { return static_cast<Context*>(self)->arena_.take(bytes); };
  call.scratch_codes = [](void* self) { return static_cast<Context*>(self)->scratch_codes(); };
  call.cancelled = [](void*) { return cancel_requested() ? 1 : 0; };
  return call;
}

}  // namespace heddle
