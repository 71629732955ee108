// The instruction set that kernels use: one level for the process, fixed at first use, because results repeat bitwise only
// within a level. [any thread]
#pragma once

#include <string>
#include <string_view>

namespace heddle {

enum class IsaLevel { avx2 = 0, avx512 = 1, avx512_bf16 = 2, amx = 3 };

std::string_view isa_name(IsaLevel level);

// Fixes the level: "auto" takes the best of this machine, a name is an upper bound that the machine must reach.
// Errors: INVALID_ARGUMENT unknown name; FAILED_PRECONDITION without AVX2+FMA, level above the machine's, or a second
// call with another answer. Calling again with the same answer, or with "auto", is fine.
IsaLevel select_isa(std::string_view name);

// What this machine can do, whatever was selected. Throws FAILED_PRECONDITION below AVX2.
IsaLevel machine_isa();

}  // namespace heddle
