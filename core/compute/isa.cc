#include "core/compute/isa.h"

#include <hwy/targets.h>
#include <dnnl.hpp>

#include <mutex>
#include <optional>

#include "core/base/error.h"

namespace heddle {
namespace {

constexpr std::string_view kNames[] = {"avx2", "avx512", "avx512_bf16", "amx"};

std::mutex mutex;
std::optional<IsaLevel> selected;

dnnl::cpu_isa dnnl_isa(IsaLevel level) {
  switch (level) {
    case IsaLevel::avx2: return dnnl::cpu_isa::avx2;
    case IsaLevel::avx512: return dnnl::cpu_isa::avx512_core;
    case IsaLevel::avx512_bf16: return dnnl::cpu_isa::avx512_core_bf16;
    case IsaLevel::amx: return dnnl::cpu_isa::avx512_core_amx;
  }
  return dnnl::cpu_isa::all;
}

bool has_amx() {
  // CPUID leaf 7: AMX-BF16 is EDX bit 22, AMX-TILE bit 24. GCC 12 has no __builtin_cpu_supports name for either.
  unsigned a = 7, b = 0, c = 0, d = 0;
  __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  return (d & (1u << 22)) && (d & (1u << 24));
}

}  // namespace

std::string_view isa_name(IsaLevel level) { return kNames[static_cast<int>(level)]; }

IsaLevel machine_isa() {
  const int64_t targets = hwy::SupportedTargets();
  if (targets & HWY_AVX3) {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx512bf16")) return IsaLevel::avx512;
    return has_amx() ? IsaLevel::amx : IsaLevel::avx512_bf16;
  }
  if (targets & HWY_AVX2) return IsaLevel::avx2;
  fail(HEDDLE_FAILED_PRECONDITION,
       "compute: this processor lacks AVX2 with FMA and F16C (Intel Haswell, AMD Zen or later), which Heddle's CPU "
       "device needs");
}

IsaLevel select_isa(std::string_view name) {
  std::lock_guard lock(mutex);
  if (name == "auto" && selected) return *selected;
  const IsaLevel machine = selected ? std::max(*selected, IsaLevel::avx2) : machine_isa();
  IsaLevel level = machine;
  if (name != "auto") {
    int found = -1;
    for (int i = 0; i < 4; ++i) {
      if (name == kNames[i]) found = i;
    }
    if (found < 0) {
      fail(HEDDLE_INVALID_ARGUMENT, "compute.isa: found '{}'; accepted: auto, avx2, avx512, avx512_bf16, amx", name);
    }
    level = static_cast<IsaLevel>(found);
  }
  if (selected) {
    if (*selected == level) return level;
    fail(HEDDLE_FAILED_PRECONDITION,
         "compute.isa: asked for '{}', but this process already uses '{}'; it is fixed at first use", isa_name(level),
         isa_name(*selected));
  }
  if (level > machine) {
    fail(HEDDLE_FAILED_PRECONDITION, "compute.isa: asked for '{}', but this machine offers '{}' at most",
         isa_name(level), isa_name(machine));
  }
  // A library in the same process may have used oneDNN before us: then the limit can no longer be set, and bits could
  // differ.
  if (dnnl::set_max_cpu_isa(dnnl_isa(level)) != dnnl::status::success &&
      dnnl::get_effective_cpu_isa() != dnnl_isa(level)) {
    if (name != "auto")
      fail(HEDDLE_FAILED_PRECONDITION, "compute.isa: oneDNN is already in use in this process, '{}' cannot be set",
           name);
  }
  if (level == IsaLevel::avx2) hwy::DisableTargets(HWY_AVX3 | HWY_AVX3_DL);
  selected = level;
  return level;
}

}  // namespace heddle
