// From codes to reconstructions and back: decode and the gradient of the stored values.
#include <algorithm>

#include "core/compute/sparse_codes.h"

namespace heddle::cpu {

int32_t decode(void* dc, const heddle_codes* codes, const DLTensor* values, const DLTensor* weight,
               const DLTensor* bias, DLTensor* y, heddle_error* error) {
  return guarded(error, [&] {
    want_codes("decode", codes);
    want("decode", "weight", weight, DType::f32, {codes->width, kAny}, true);
    const int64_t d = dim(weight, 1);
    want_optional("decode", "bias", bias, DType::f32, {d});
    want("decode", "y", y, DType::f32, {codes->rows, d}, true);
    const float* stored = values_or_own("decode", codes, values);
    context(dc).pool.run(ceil_div(codes->rows, kTaskRows), [&](int64_t task) {
      const int64_t first = task * kTaskRows, rows = std::min(kTaskRows, codes->rows - first);
      sparse::kernels().decode_rows(codes->offsets + first, rows, codes->indices, stored, data<float>(weight),
                                    rows_apart(weight), data<float>(bias), d, data<float>(y) + first * rows_apart(y),
                                    rows_apart(y));
    });
  });
}

int32_t codes_backward(void* dc, const heddle_codes* codes, const DLTensor* dy, const DLTensor* weight, double l1,
                       DLTensor* dvalues, heddle_error* error) {
  return guarded(error, [&] {
    want_codes("codes_backward", codes);
    want("codes_backward", "weight", weight, DType::f32, {codes->width, kAny}, true);
    const int64_t d = dim(weight, 1);
    want("codes_backward", "dy", dy, DType::f32, {codes->rows, d}, true);
    want("codes_backward", "dvalues", dvalues, DType::f32, {codes->nnz});
    context(dc).pool.run(ceil_div(codes->rows, kTaskRows), [&](int64_t task) {
      const int64_t first = task * kTaskRows, rows = std::min(kTaskRows, codes->rows - first);
      sparse::kernels().dot_rows(codes->offsets + first, rows, codes->indices, data<float>(dy) + first * rows_apart(dy),
                                 rows_apart(dy), data<float>(weight), rows_apart(weight), d, static_cast<float>(l1),
                                 data<float>(dvalues));
    });
  });
}

}  // namespace heddle::cpu
