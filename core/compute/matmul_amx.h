// AMX: products of bf16 tiles, several times the arithmetic of AVX-512. [any thread]
#pragma once

#include "core/compute/matmul_kernels.h"

namespace heddle::cpu {

// May this process use AMX, and does a small product come out right? Call only where CPUID reports AMX with bf16. The second
// question is asked once per process because few have run this kernel: a wrong answer must not reach a result.
bool amx_usable();
const MatmulKernel& amx_matmul();

}  // namespace heddle::cpu
