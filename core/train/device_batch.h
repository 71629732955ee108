// A packed batch where the device can see it: on the CPU the host's own arrays, elsewhere copies in the call's scratch
// memory (offsets stay on the host, as the ABI says). Lives as long as the call.
#pragma once

#include "core/compute/device.h"
#include "core/compute/tensor.h"

namespace heddle {

class DeviceBatch {
 public:
  DeviceBatch(Device& device, const heddle_call& call, const heddle_sequences& host);
  DeviceBatch(const DeviceBatch&) = delete;
  DeviceBatch& operator=(const DeviceBatch&) = delete;
  const heddle_sequences& sequences() const { return raw_; }

 private:
  const DLTensor* stage(Device& device, const heddle_call& call, const DLTensor* host, TensorView& view);
  heddle_sequences raw_;
  TensorView items_, targets_, positions_, users_;
};

}  // namespace heddle
