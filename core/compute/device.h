// A compute device as the host uses it: memory and the op table of sdk/include/heddle/abi/{device,ops}.h. The CPU
// device is built in; a plugin's device stands behind the same table, so nothing else in the host knows which one it
// has.
//
// Device: any thread. Contexts (context.h) borrow it and must go first, tensors too.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "heddle/abi.h"

namespace heddle {

struct CpuOptions {
  int threads = 0;           // 0 = all processors that this process may use
  std::string isa = "auto";  // auto, avx2, avx512, avx512_bf16, amx: an upper bound; fixed for the process at first use
};

class Device {
 public:
  // The built-in CPU device. INVALID_ARGUMENT for unknown options, FAILED_PRECONDITION when the machine lacks AVX2 or
  // the process already uses another isa.
  static std::unique_ptr<Device> cpu(const CpuOptions& options = {});
  // A device that a plugin has opened; closed by the destructor.
  Device(const heddle_device_vtable* table, heddle_device* handle);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const heddle_ops& ops() const { return *ops_; }
  DLDevice dl_device() const { return info_.device; }
  std::string name() const { return info_.name ? info_.name : ""; }
  std::string isa() const { return info_.isa ? info_.isa : ""; }
  int threads() const { return threads_; }  // of the CPU device; 1 for others
  bool is_cpu() const { return info_.device.device_type == kDLCPU; }

  void* allocate(size_t bytes);  // RESOURCE_EXHAUSTED when there is none
  void* try_allocate(size_t bytes) noexcept { return table_->allocate(handle_, bytes); }
  void release(void* memory) noexcept;
  // Ordered after all work of the calling thread's contexts that have been synchronised.
  void copy_to_host(void* destination, const void* source, size_t bytes);
  void copy_from_host(void* destination, const void* source, size_t bytes);

  const heddle_device_vtable& table() const { return *table_; }
  heddle_device* handle() const { return handle_; }

 private:
  void copy(void* to, DLDevice to_device, const void* from, DLDevice from_device, size_t bytes);
  const heddle_device_vtable* table_;
  heddle_device* handle_;
  const heddle_ops* ops_ = nullptr;
  heddle_device_info info_{};
  int threads_ = 1;
  void* copy_context_ = nullptr;
};

// The CPU device as a component: its table, and its declaration ("heddle.cpu": threads, isa) for the registry.
const heddle_device_vtable* cpu_device_vtable();
const heddle_component* cpu_device_component();

// Processors that this process may use (affinity mask, not the machine's count).
int available_processors();

}  // namespace heddle
