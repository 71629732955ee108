#include "core/compute/isa.h"

#include <hwy/targets.h>

#include <mutex>
#include <optional>

#include "core/base/error.h"
#include "core/compute/matmul_amx.h"

namespace heddle {
namespace {

constexpr std::string_view kNames[] = {"avx2", "avx512", "avx512_bf16", "amx"};

std::mutex mutex;
std::optional<IsaLevel> selected;

bool has_amx() {
  // CPUID leaf 7: AMX-BF16 is EDX bit 22, AMX-TILE bit 24. GCC 12 has no __builtin_cpu_supports name for either.
  unsigned a = 7, b = 0, c = 0, d = 0;
  __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  return (d & (1u << 22)) && (d & (1u << 24));
}

// What the lowest level needs and this processor, or the operating system on it, does not offer: "AVX2, FMA".
std::string missing_features() {
  __builtin_cpu_init();
  std::string missing;
  const auto need = [&](bool there, const char* name) {
    if (!there) missing += (missing.empty() ? "" : ", ") + std::string(name);
  };
  need(__builtin_cpu_supports("avx2"), "AVX2");
  need(__builtin_cpu_supports("fma"), "FMA");
  need(__builtin_cpu_supports("f16c"), "F16C");
  need(__builtin_cpu_supports("bmi"), "BMI1");
  need(__builtin_cpu_supports("bmi2"), "BMI2");
  need(__builtin_cpu_supports("lzcnt"), "LZCNT");
  return missing.empty() ? "instructions of the AVX2 level" : missing;
}

}  // namespace

std::string_view isa_name(IsaLevel level) { return kNames[static_cast<int>(level)]; }

IsaLevel machine_isa() {
  // Asked before select_isa() may have told Highway to leave targets out.
  static const int64_t targets = hwy::SupportedTargets();
  if (targets & HWY_AVX3) {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx512bf16")) return IsaLevel::avx512;
    return has_amx() && cpu::amx_usable() ? IsaLevel::amx : IsaLevel::avx512_bf16;
  }
  if (targets & HWY_AVX2) return IsaLevel::avx2;
  fail(HEDDLE_FAILED_PRECONDITION,
       "compute: this processor lacks {}; Heddle's CPU device needs AVX2, FMA, F16C, BMI1, BMI2 and LZCNT (Intel "
       "Haswell, AMD Zen or later)",
       missing_features());
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
  if (level == IsaLevel::avx2) hwy::DisableTargets(HWY_AVX3 | HWY_AVX3_DL);
  selected = level;
  return level;
}

}  // namespace heddle
