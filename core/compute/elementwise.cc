// Ops that treat every element alone: dropout, axpby, fill, copy with conversion, affine_columns. Cut into blocks of
// fixed size; a block's numbers depend on their index only.
//
// Bound by memory (40 to 55 GB/s on two cores where a step's tensors are larger than the caches), but dropout by the
// generator: 45 cycles per 32 words on Zen 5, five times what the caches would take (benchmark dropout_block).
#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/compute/ops_internal.h"
#include "core/compute/simd.h"
#include "core/compute/simd_convert.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/elementwise.cc"
#include "hwy/foreach_target.h"

#include "core/compute/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::HWY_NAMESPACE {

// Keeps element i when word(i) >> 8 >= threshold. `first` is a multiple of 4. Bound by the generator's multiplications.
void DropoutBlock(heddle_rng_key key, uint32_t threshold, float keep_scale, int64_t first, const float* x, float* y,
                  int64_t n) {
  const F32 d;
  const U32 du;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  constexpr int64_t kWords = 1024;  // drawn at a time
  HWY_ALIGN uint32_t words[kWords];
  const auto limit = hn::Set(du, threshold);
  const auto scale = hn::Set(d, keep_scale);
  for (int64_t begin = 0; begin < n; begin += kWords) {
    const int64_t count = HWY_MIN(kWords, n - begin);
    philox_words(du, key.seed, key.stream, static_cast<uint64_t>(first + begin) / 4, (count + 3) / 4, words);
    for (int64_t i = 0; i < count; i += lanes) {
      const int64_t at = begin + i;
      const auto keep = hn::RebindMask(d, hn::Not(hn::Lt(hn::ShiftRight<8>(hn::Load(du, words + i)), limit)));
      if (i + lanes <= count) {
        hn::StoreU(hn::IfThenElseZero(keep, hn::Mul(hn::LoadU(d, x + at), scale)), d, y + at);
      } else {
        const auto rest = static_cast<size_t>(count - i);
        store_n(hn::IfThenElseZero(keep, hn::Mul(load_n(d, x + at, rest), scale)), d, y + at, rest);
      }
    }
  }
}

void AxpbyBlock(float alpha, const float* x, float beta, float* y, int64_t n) {
  if (beta == 0) {  // y may be uninitialised
    for (int64_t i = 0; i < n; ++i) y[i] = alpha * x[i];
  } else {
    for (int64_t i = 0; i < n; ++i) y[i] = alpha * x[i] + beta * y[i];
  }
}

void AffineRow(bool inverse, const float* x, const float* center, const float* scale, float* y, int64_t n) {
  if (inverse) {
    for (int64_t i = 0; i < n; ++i) y[i] = x[i] * scale[i] + center[i];
  } else {
    for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - center[i]) * scale[i];
  }
}

}  // namespace heddle::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heddle::cpu {
HWY_EXPORT(DropoutBlock);
HWY_EXPORT(AxpbyBlock);
HWY_EXPORT(AffineRow);

namespace {

DType dtype_of(const char* op, const char* name, const DLTensor* tensor) {
  if (tensor == nullptr) fail(HEDDLE_INVALID_ARGUMENT, "{}: {} is null", op, name);
  for (DType type : {DType::f32, DType::bf16, DType::f64, DType::i32, DType::i64, DType::u8}) {
    const DLDataType dl = dl_dtype(type);
    if (dl.code == tensor->dtype.code && dl.bits == tensor->dtype.bits && tensor->dtype.lanes == 1) return type;
  }
  fail(HEDDLE_INVALID_ARGUMENT, "{}: {} is {}; accepted: f32, bf16, f64, i32, i64, u8", op, name, shape_text(tensor));
}

// Same number of dimensions and extents, dense.
void want_same(const char* op, const char* x_name, const DLTensor* x, DType x_type, const char* y_name,
               const DLTensor* y, DType y_type) {
  if (x == nullptr || y == nullptr)
    fail(HEDDLE_INVALID_ARGUMENT, "{}: {} is {}, {} is {}", op, x_name, shape_text(x), y_name, shape_text(y));
  bool same = x->ndim == y->ndim && x->ndim <= TensorView::kMaxDims;
  for (int i = 0; same && i < x->ndim; ++i) same = x->shape[i] == y->shape[i];
  if (!same)
    fail(HEDDLE_INVALID_ARGUMENT, "{}: {} is {}, {} is {}; accepted: the same shape", op, x_name, shape_text(x), y_name,
         shape_text(y));
  const auto check_one = [&](const char* name, const DLTensor* t, DType type) {
    switch (t->ndim) {
      case 0: return want(op, name, t, type, {});
      case 1: return want(op, name, t, type, {kAny});
      case 2: return want(op, name, t, type, {kAny, kAny});
      case 3: return want(op, name, t, type, {kAny, kAny, kAny});
      default: return want(op, name, t, type, {kAny, kAny, kAny, kAny});
    }
  };
  check_one(x_name, x, x_type);
  check_one(y_name, y, y_type);
}

template <class F>
void over_blocks(void* dc, int64_t n, F&& f) {
  context(dc).pool.run(ceil_div(n, kBlock),
                       [&](int64_t task) { f(task * kBlock, std::min(kBlock, n - task * kBlock)); });
}

void convert(DType from, const void* x, DType to, void* y, int64_t n) {
  const auto* xf = static_cast<const float*>(x);
  const auto* xd = static_cast<const double*>(x);
  const auto* xb = static_cast<const uint16_t*>(x);
  auto* yf = static_cast<float*>(y);
  auto* yd = static_cast<double*>(y);
  auto* yb = static_cast<uint16_t*>(y);
  if (from == to) {
    std::memmove(y, x, static_cast<size_t>(n) * dtype_size(from));
  } else if (from == DType::f32 && to == DType::bf16) {
    to_bf16(xf, yb, n);
  } else if (from == DType::bf16 && to == DType::f32) {
    from_bf16(xb, yf, n);
  } else if (from == DType::f32 && to == DType::f64) {
    for (int64_t i = 0; i < n; ++i) yd[i] = xf[i];
  } else if (from == DType::f64 && to == DType::f32) {
    for (int64_t i = 0; i < n; ++i) yf[i] = static_cast<float>(xd[i]);
  } else if (from == DType::f32 && to == DType::i32) {
    auto* yi = static_cast<int32_t*>(y);
    for (int64_t i = 0; i < n; ++i) {
      const float value = xf[i];
      if (!(value >= -0x1p31f && value < 0x1p31f) || value != std::trunc(value))
        fail(HEDDLE_INVALID_ARGUMENT, "copy: x holds {}, y is i32; accepted: whole numbers of its range", value);
      yi[i] = static_cast<int32_t>(value);
    }
  } else if (from == DType::bf16 && to == DType::f64) {
    for (int64_t i = 0; i < n; ++i) {
      float value;
      from_bf16(xb + i, &value, 1);
      yd[i] = value;
    }
  } else {  // f64 -> bf16. Rounding twice is wrong at ties of the first rounding, so f32 is rounded to odd in between.
    for (int64_t i = 0; i < n; ++i) {
      float value = static_cast<float>(xd[i]);
      if (std::isfinite(value) && static_cast<double>(value) != xd[i]) {
        uint32_t bits;
        std::memcpy(&bits, &value, sizeof bits);
        if (std::fabs(static_cast<double>(value)) > std::fabs(xd[i])) --bits;  // back to the truncated value
        bits |= 1;
        std::memcpy(&value, &bits, sizeof bits);
      }
      to_bf16(&value, yb + i, 1);
    }
  }
}

}  // namespace

int32_t dropout(void* dc, double p, heddle_rng_key rng, const DLTensor* x, DLTensor* y, heddle_error* error) {
  return guarded(error, [&] {
    want_same("dropout", "x", x, DType::f32, "y", y, DType::f32);
    if (!(p >= 0 && p < 1)) fail(HEDDLE_INVALID_ARGUMENT, "dropout: p is {}; accepted: [0,1)", p);
    // u = (word >> 8) 2^-24 >= p, compared as integers.
    const auto threshold = static_cast<uint32_t>(std::ceil(p * 0x1p24));
    const auto scale = static_cast<float>(1 / (1 - p));
    over_blocks(dc, elements(x), [&](int64_t begin, int64_t size) {
      HWY_DYNAMIC_DISPATCH(DropoutBlock)
      (rng, threshold, scale, begin, data<float>(x) + begin, data<float>(y) + begin, size);
    });
  });
}

int32_t axpby(void* dc, float alpha, const DLTensor* x, float beta, DLTensor* y, heddle_error* error) {
  return guarded(error, [&] {
    want_same("axpby", "x", x, DType::f32, "y", y, DType::f32);
    over_blocks(dc, elements(x), [&](int64_t begin, int64_t size) {
      HWY_DYNAMIC_DISPATCH(AxpbyBlock)(alpha, data<float>(x) + begin, beta, data<float>(y) + begin, size);
    });
  });
}

int32_t fill(void* dc, double value, DLTensor* y, heddle_error* error) {
  return guarded(error, [&] {
    const DType type = dtype_of("fill", "y", y);
    const bool whole = type == DType::i32 || type == DType::i64 || type == DType::u8;
    const double limit = type == DType::u8 ? 0xFFp0 : type == DType::i32 ? 0x7FFFFFFFp0 : 0x1p53;
    if (whole && !(value == std::floor(value) && value <= limit && value >= (type == DType::u8 ? 0 : -limit))) {
      fail(HEDDLE_INVALID_ARGUMENT, "fill: value {} for y {}; accepted: whole numbers of its range", value,
           shape_text(y));
    }
    want_same("fill", "y", y, type, "y", y, type);
    over_blocks(dc, elements(y), [&](int64_t begin, int64_t size) {
      switch (type) {
        case DType::f32: std::fill_n(data<float>(y) + begin, size, static_cast<float>(value)); break;
        case DType::f64: std::fill_n(data<double>(y) + begin, size, value); break;
        case DType::i32: std::fill_n(data<int32_t>(y) + begin, size, static_cast<int32_t>(value)); break;
        case DType::i64: std::fill_n(data<int64_t>(y) + begin, size, static_cast<int64_t>(value)); break;
        case DType::u8: std::fill_n(data<uint8_t>(y) + begin, size, static_cast<uint8_t>(value)); break;
        case DType::bf16: {
          uint16_t word;
          convert(DType::f64, &value, DType::bf16, &word, 1);
          std::fill_n(data<uint16_t>(y) + begin, size, word);
          break;
        }
      }
    });
  });
}

int32_t copy(void* dc, const DLTensor* x, DLTensor* y, heddle_error* error) {
  return guarded(error, [&] {
    const DType from = dtype_of("copy", "x", x), to = dtype_of("copy", "y", y);
    want_same("copy", "x", x, from, "y", y, to);
    const auto is_float = [](DType t) { return t == DType::f32 || t == DType::bf16 || t == DType::f64; };
    if (from != to && !(is_float(from) && is_float(to)) && !(from == DType::f32 && to == DType::i32)) {
      fail(HEDDLE_INVALID_ARGUMENT,
           "copy: x is {}, y is {}; accepted: the same type, f32, bf16 and f64 among each other, or f32 to i32",
           shape_text(x), shape_text(y));
    }
    over_blocks(dc, elements(x), [&](int64_t begin, int64_t size) {
      convert(from, data<std::byte>(x) + begin * static_cast<int64_t>(dtype_size(from)), to,
              data<std::byte>(y) + begin * static_cast<int64_t>(dtype_size(to)), size);
    });
  });
}

int32_t affine_columns(void* dc, int32_t inverse, const DLTensor* x, const DLTensor* center, const DLTensor* scale,
                       DLTensor* y, heddle_error* error) {
  return guarded(error, [&] {
    want("affine_columns", "x", x, DType::f32, {kAny, kAny});
    const int64_t rows = dim(x, 0), columns = dim(x, 1);
    want("affine_columns", "center", center, DType::f32, {columns});
    want("affine_columns", "scale", scale, DType::f32, {columns});
    want("affine_columns", "y", y, DType::f32, {rows, columns});
    if (columns == 0) return;
    const int64_t block = std::max<int64_t>(1, kBlock / columns);
    context(dc).pool.run(ceil_div(rows, block), [&](int64_t task) {
      for (int64_t r = task * block; r < std::min(rows, (task + 1) * block); ++r) {
        HWY_DYNAMIC_DISPATCH(AffineRow)
        (inverse != 0, data<float>(x) + r * columns, data<float>(center), data<float>(scale),
         data<float>(y) + r * columns, columns);
      }
    });
  });
}

}  // namespace heddle::cpu
#endif
