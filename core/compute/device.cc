#include "core/compute/device.h"

#include <cstring>

#include "core/base/error.h"

namespace heddle {

std::unique_ptr<Device> Device::cpu(const CpuOptions& options) {
  heddle_value values[2] = {};
  for (auto& value : values) value.struct_size = sizeof value;
  values[0].type = HEDDLE_PARAM_INT;
  values[0].i = options.threads;
  values[1].type = HEDDLE_PARAM_CHOICE;
  values[1].i = -1;  // by name: open() says what is accepted
  values[1].s = options.isa.c_str();
  const heddle_values all{sizeof(heddle_values), 0, 2, values};
  heddle_device* handle = nullptr;
  ErrorBuffer error;
  const int32_t status = cpu_device_vtable()->open(nullptr, &all, &handle, error);
  if (status != HEDDLE_OK) throw Error(status, std::string(error.message()), true);
  auto device = std::make_unique<Device>(cpu_device_vtable(), handle);
  device->threads_ = options.threads > 0 ? options.threads : available_processors();
  return device;
}

Device::Device(const heddle_device_vtable* table, heddle_device* handle) : table_(table), handle_(handle) {
  info_.struct_size = sizeof info_;
  ErrorBuffer error;
  check(table_->info(handle_, &info_, error), error, "device");
  ops_ = table_->ops(handle_);
  if (ops_ == nullptr) fail(HEDDLE_INTERNAL, "device {}: gives no op table", name());
  check(table_->context_create(handle_, &copy_context_, error), error, name());
}

Device::~Device() {
  if (copy_context_ != nullptr) table_->context_destroy(handle_, copy_context_);
  table_->close(handle_);
}

void* Device::allocate(size_t bytes) {
  void* memory = table_->allocate(handle_, bytes);
  if (memory == nullptr) fail(HEDDLE_RESOURCE_EXHAUSTED, "device {}: out of memory, {} bytes", name(), bytes);
  return memory;
}

void Device::release(void* memory) noexcept {
  if (memory != nullptr) table_->release(handle_, memory);
}

void Device::copy_to_host(void* destination, const void* source, size_t bytes) {
  copy(destination, {kDLCPU, 0}, source, dl_device(), bytes);
}

void Device::copy_from_host(void* destination, const void* source, size_t bytes) {
  copy(destination, dl_device(), source, {kDLCPU, 0}, bytes);
}

void Device::copy(void* to, DLDevice to_device, const void* from, DLDevice from_device, size_t bytes) {
  if (bytes == 0) return;
  if (is_cpu()) {  // no context involved, so any thread may copy
    std::memcpy(to, from, bytes);
    return;
  }
  ErrorBuffer error;
  check(table_->copy(copy_context_, to, to_device, from, from_device, bytes, error), error, name());
  check(table_->synchronize(copy_context_, error), error, name());
}

}  // namespace heddle
