// The CPU device behind heddle_device_vtable: memory, contexts, and the op table of cpu_ops.cc.
#include <cmath>
#include <cstring>
#include <new>

#include "core/compute/device.h"
#include "core/compute/ops_internal.h"

namespace heddle {
namespace cpu {

CpuDevice::CpuDevice(int threads, IsaLevel level)
    : isa(level),
      pool(threads),
      name(fmt::format("CPU, {}, {} thread{}", isa_name(level), threads, threads == 1 ? "" : "s")) {}

CpuContext::CpuContext(CpuDevice& owner) : device(owner), pool(owner.pool), isa(owner.isa) {
  for (int i = 0; i < pool.threads(); ++i) workers.push_back(std::make_unique<Worker>());
}

int32_t report(heddle_error* error) noexcept {
  try {
    throw;
  } catch (const Error& e) {
    return set_error(error, e.code(), e.what());
  } catch (const std::bad_alloc&) {
    return set_error(error, HEDDLE_RESOURCE_EXHAUSTED, "out of memory");
  } catch (const std::exception& e) {
    return set_error(error, HEDDLE_INTERNAL, e.what());
  } catch (...) {
    return set_error(error, HEDDLE_UNKNOWN, "unknown exception");
  }
}

namespace {

constexpr int kMaxThreads = 1024;
const char* const kIsaChoices[] = {"auto", "avx2", "avx512", "avx512_bf16", "amx"};

CpuDevice& self(heddle_device* device) { return *reinterpret_cast<CpuDevice*>(device); }

int32_t probe(const heddle_host*, const heddle_values*) {
  try {
    machine_isa();
    return 100;  // devices that say nothing special of themselves answer 1; they must not win by accident
  } catch (...) {
    return 0;
  }
}

int32_t open(const heddle_host*, const heddle_values* values, heddle_device** out, heddle_error* error) {
  return guarded(error, [&] {
    int64_t threads = 0;
    std::string isa = "auto";
    if (values != nullptr && values->count == 2) {
      threads = values->values[0].i;
      if (values->values[1].s != nullptr) isa = values->values[1].s;
    }
    if (threads < 0 || threads > kMaxThreads) {
      fail(HEDDLE_INVALID_ARGUMENT, "compute.threads: found {}; accepted: 0 (all) to {}", threads, kMaxThreads);
    }
    const IsaLevel level = select_isa(isa);
    const int count = threads == 0 ? available_processors() : static_cast<int>(threads);
    *out = reinterpret_cast<heddle_device*>(new CpuDevice(count, level));
  });
}

void close(heddle_device* device) { delete &self(device); }

int32_t info(heddle_device* device, heddle_device_info* out, heddle_error*) {
  out->device = {kDLCPU, 0};
  out->memory = 0;
  out->name = self(device).name.c_str();
  out->isa = isa_name(self(device).isa).data();
  return HEDDLE_OK;
}

int32_t context_create(heddle_device* device, void** out, heddle_error* error) {
  return guarded(error, [&] { *out = new CpuContext(self(device)); });
}

int32_t copy_bytes(void*, void* to, DLDevice, const void* from, DLDevice, uint64_t bytes, heddle_error*) {
  if (bytes != 0) std::memcpy(to, from, bytes);
  return HEDDLE_OK;
}

constexpr heddle_device_vtable kTable = {
    .struct_size = sizeof(heddle_device_vtable),
    .flags = 0,
    .probe = probe,
    .open = open,
    .close = close,
    .info = info,
    .ops = [](heddle_device*) { return &cpu_ops(); },
    .context_create = context_create,
    .context_destroy = [](heddle_device*, void* context) { delete static_cast<CpuContext*>(context); },
    .allocate = [](heddle_device*, uint64_t bytes) { return aligned_allocate(bytes); },
    .release = [](heddle_device*, void* memory) { aligned_release(memory); },
    .copy = copy_bytes,
    .synchronize = [](void*, heddle_error*) -> int32_t { return HEDDLE_OK; },
};

const heddle_param kParams[] = {
    {.struct_size = sizeof(heddle_param),
     .flags = HEDDLE_PARAM_NOT_NUMERIC,
     .type = HEDDLE_PARAM_INT,
     .n_choices = 0,
     .name = "threads",
     .unit = "",
     .doc = "Worker threads; 0 uses every processor of the process. Results do not depend on it.",
     .choices = nullptr,
     .default_int = 0,
     .default_float = 0,
     .default_string = nullptr,
     .minimum = 0,
     .maximum = kMaxThreads},
    {.struct_size = sizeof(heddle_param),
     .flags = 0,
     .type = HEDDLE_PARAM_CHOICE,
     .n_choices = 5,
     .name = "isa",
     .unit = "",
     .doc = "Upper bound of the instruction set; results repeat bitwise within one.",
     .choices = kIsaChoices,
     .default_int = 0,
     .default_float = 0,
     .default_string = nullptr,
     .minimum = -HUGE_VAL,
     .maximum = HUGE_VAL},
};

const heddle_component kComponent = {.struct_size = sizeof(heddle_component),
                                     .flags = 0,
                                     .kind = HEDDLE_KIND_DEVICE,
                                     .concurrency = HEDDLE_CONCURRENCY_PER_INSTANCE,
                                     .id = "heddle.cpu",
                                     .version = "1.0.0",
                                     .doc = "The processor: kernels for AVX2, AVX-512 and AMX, chosen at run time.",
                                     .n_params = 2,
                                     .params = kParams,
                                     .vtable = &kTable,
                                     .check = nullptr};

}  // namespace
}  // namespace cpu

const heddle_device_vtable* cpu_device_vtable() { return &cpu::kTable; }
const heddle_component* cpu_device_component() { return &cpu::kComponent; }

}  // namespace heddle
