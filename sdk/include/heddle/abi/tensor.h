/* Heddle ABI: tensors and sparse codes.
 *
 * A tensor is a DLPack DLTensor, borrowed for the call; `const DLTensor*` is read-only, `DLTensor*` is written. Rules on top
 * of DLPack: row-major, strides never NULL, byte_offset 0, the last dimension contiguous; only where an op says so may a row
 * stride exceed the row's length. data is 64-byte aligned for tensors that the host allocated, NULL allowed when a
 * dimension is 0. Types: f32, bf16, f64, i32, i64, u8. */
#ifndef HEDDLE_ABI_TENSOR_H
#define HEDDLE_ABI_TENSOR_H

#include <dlpack/dlpack.h>

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sparse codes: the non-zero feature activations of `rows` inputs over a dictionary of `width` features, by rows (CSR).
 * Invariants: offsets[0] = 0, offsets[rows] = nnz <= capacity; indices ascend strictly within a row.
 * A stored value may be 0 (JumpReLU keeps candidates near their threshold); `active` means value != 0.
 * All pointers are in the memory of `device`; rows, width, nnz are host numbers. Created, grown and freed by the device
 * (heddle_ops.codes_create/codes_destroy); a plugin never allocates one. */
typedef struct heddle_codes {
  uint32_t struct_size, flags;
  int64_t rows, width, nnz, capacity;
  int64_t* offsets; /* [rows + 1] */
  int32_t* indices; /* [capacity] */
  float* values;    /* [capacity] */
  float* pre;       /* [capacity], pre-activations; NULL unless the selection asked for them (margin > 0) */
  DLDevice device;
  void* device_data; /* the device's own, e.g. the by-feature ordering */
} heddle_codes;

#ifdef __cplusplus
}
#endif
#endif
