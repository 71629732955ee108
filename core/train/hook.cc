#include "core/train/hook.h"

#include "core/base/error.h"

namespace heddle {

HookAdapter::HookAdapter(const Hook& hook, const heddle_sequences& batch, const heddle_call& call)
    : hook_(hook), batch_(batch), call_(call), raw_{sizeof(heddle_hook), 0, this, &HookAdapter::at} {}

void HookAdapter::rethrow() const {
  if (thrown_) std::rethrow_exception(thrown_);
}

int32_t HookAdapter::at(void* self, int64_t site, DLTensor* activations, heddle_error* error) {
  auto& adapter = *static_cast<HookAdapter*>(self);
  try {
    if (adapter.hook_({site, activations, &adapter.batch_, &adapter.call_})) return HEDDLE_OK;
    adapter.stopped_ = true;
    return set_error(error, HEDDLE_CANCELLED, "nothing after this site is needed");
  } catch (const std::exception& failure) {
    adapter.thrown_ = std::current_exception();
    return set_error(error, HEDDLE_INTERNAL, failure.what());
  }
}

}  // namespace heddle
