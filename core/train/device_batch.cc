#include "core/train/device_batch.h"

#include "core/base/error.h"

namespace heddle {

DeviceBatch::DeviceBatch(Device& device, const heddle_call& call, const heddle_sequences& host) : raw_(host) {
  if (device.is_cpu()) return;
  raw_.items = stage(device, call, host.items, items_);
  raw_.targets = stage(device, call, host.targets, targets_);
  raw_.positions = stage(device, call, host.positions, positions_);
  raw_.users = stage(device, call, host.users, users_);
}

const DLTensor* DeviceBatch::stage(Device& device, const heddle_call& call, const DLTensor* host, TensorView& view) {
  if (host == nullptr) return nullptr;
  const size_t bytes = static_cast<size_t>(host->shape[0]) * sizeof(int32_t);
  void* memory = bytes == 0 ? nullptr : call.scratch(call.self, bytes);
  if (bytes != 0 && memory == nullptr)
    fail(HEDDLE_RESOURCE_EXHAUSTED, "no device memory for a batch of {} bytes", bytes);
  if (bytes != 0) device.copy_from_host(memory, host->data, bytes);
  view = TensorView(memory, DType::i32, {host->shape[0]}, device.dl_device());
  return view.dl();
}

}  // namespace heddle
