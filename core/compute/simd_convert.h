// bf16 conversions on one thread. Rounding is to nearest even, NaN stays NaN. [any thread]
#pragma once

#include <cstdint>

namespace heddle::cpu {

void to_bf16(const float* from, uint16_t* to, int64_t n);
void from_bf16(const uint16_t* from, float* to, int64_t n);
void round_to_bf16(const float* from, float* to, int64_t n);  // to bf16 and back
// Does the selected ISA level multiply bf16 in hardware?
bool native_bf16();

}  // namespace heddle::cpu
