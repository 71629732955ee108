// Checks of op arguments, so that a plugin's wrong shape gives one clear line instead of a crash.
#include <cstring>

#include "core/compute/ops_internal.h"

namespace heddle::cpu {
namespace {

std::string accepted(DType type, std::initializer_list<int64_t> shape) {
  std::string text = dtype_name(dl_dtype(type)) + " [";
  const char* separator = "";
  for (int64_t extent : shape) {
    text += separator;
    text += extent == kAny ? std::string("any") : std::to_string(extent);
    separator = ",";
  }
  return text + "]";
}

}  // namespace

int64_t elements(const DLTensor* tensor) {
  int64_t count = 1;
  for (int i = 0; i < tensor->ndim; ++i) count *= tensor->shape[i];
  return count;
}

void want(const char* op, const char* name, const DLTensor* tensor, DType type, std::initializer_list<int64_t> shape,
          bool strided) {
  if (tensor == nullptr) fail(HEDDLE_INVALID_ARGUMENT, "{}: {} is null; accepted: {}", op, name, accepted(type, shape));
  const DLDataType expected = dl_dtype(type);
  bool same = tensor->ndim == static_cast<int>(shape.size()) && tensor->dtype.code == expected.code &&
              tensor->dtype.bits == expected.bits && tensor->dtype.lanes == 1;
  int i = 0;
  for (int64_t extent : shape) {
    if (!same) break;
    same = tensor->shape[i] >= 0 && (extent == kAny || tensor->shape[i] == extent);
    ++i;
  }
  if (!same)
    fail(HEDDLE_INVALID_ARGUMENT, "{}: {} is {}; accepted: {}", op, name, shape_text(tensor), accepted(type, shape));
  if (tensor->device.device_type != kDLCPU) {
    fail(HEDDLE_INVALID_ARGUMENT, "{}: {} {} lies on device type {}; accepted: {} (CPU)", op, name, shape_text(tensor),
         static_cast<int>(tensor->device.device_type), static_cast<int>(kDLCPU));
  }
  if (elements(tensor) == 0) return;
  if (tensor->data == nullptr) fail(HEDDLE_INVALID_ARGUMENT, "{}: {} {} has no data", op, name, shape_text(tensor));
  if (tensor->byte_offset != 0)
    fail(HEDDLE_INVALID_ARGUMENT, "{}: {} has byte_offset {}; accepted: 0", op, name, tensor->byte_offset);
  if (tensor->strides == nullptr) return;
  int64_t dense = 1;
  for (int d = tensor->ndim - 1; d >= 0; --d) {
    const bool row = strided && d == tensor->ndim - 2;
    if (tensor->shape[d] > 1 && (row ? tensor->strides[d] < dense : tensor->strides[d] != dense)) {
      fail(HEDDLE_INVALID_ARGUMENT, "{}: {} {} has stride {} in dimension {}; accepted: {}{}", op, name,
           shape_text(tensor), tensor->strides[d], d, row ? "at least " : "", dense);
    }
    dense *= tensor->shape[d];
  }
}

void want_struct(const char* op, const void* args, uint32_t size, uint32_t expected) {
  if (args == nullptr) fail(HEDDLE_INVALID_ARGUMENT, "{}: arguments are null", op);
  if (size < expected)
    fail(HEDDLE_INVALID_ARGUMENT, "{}: struct_size is {}; accepted: at least {}", op, size, expected);
}

}  // namespace heddle::cpu
