// Targets of our kernels: AVX2 and AVX-512, compiled into one binary and chosen at run time (isa.h). Include first in
// every kernel file, before hwy/foreach_target.h. AVX2 is the floor, so the older targets would only cost compile
// time. There is no separate AVX-512-bf16 target: bf16 products have files of their own (matmul_bf16.cc, matmul_amx.cc).
//
// Inside HWY_NAMESPACE use no standard-library templates: an instance compiled for AVX-512 could be the one that the
// linker keeps for every caller.
#pragma once

#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#define HWY_BASELINE_TARGETS HWY_AVX2
