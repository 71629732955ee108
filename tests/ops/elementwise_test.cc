// dropout, axpby, fill, copy, affine_columns: element by element against their definitions.
#include "tests/ops/fixture.h"

namespace heddle::testing {
namespace {

TEST(Dropout, MatchesItsDefinitionElementByElement) {
  const auto key = rng_key(3, RngPurpose::test);
  for (int64_t n : {0, 1, 63, 64, 65, 20011}) {
    for (double p : {0.0, 0.1, 0.5, 0.999}) {
      Guarded<float> x(n), y(n);
      x.random(1);
      run([&](auto& ops, void* dc, auto* e) { return ops.dropout(dc, p, key, x, y, e); });
      const auto scale = static_cast<float>(1 / (1 - p));
      for (int64_t i = 0; i < n; ++i) {
        const float want = philox_uniform(key, static_cast<uint64_t>(i)) >= p ? x[i] * scale : 0.0f;
        ASSERT_EQ(y[i], want) << i;
      }
      run([&](auto& ops, void* dc, auto* e) { return ops.dropout(dc, p, key, x, x, e); });  // in place
      EXPECT_EQ(std::memcmp(x.data(), y.data(), static_cast<size_t>(n) * sizeof(float)), 0);
    }
  }
}

TEST(Dropout, RefusesCertainty) {
  Guarded<float> x(3), y(3);
  EXPECT_EQ(run_failing(HEDDLE_INVALID_ARGUMENT,
                        [&](auto& ops, void* dc, auto* e) { return ops.dropout(dc, 1.0, {}, x, y, e); }),
            "dropout: p is 1; accepted: [0,1)");
}

TEST(Axpby, AddsAndOverwrites) {
  for (int64_t n : {0, 1, 17, 40000}) {
    Guarded<float> x(n), y(n);
    x.random(1);
    run([&](auto& ops, void* dc, auto* e) { return ops.axpby(dc, 2, x, 0, y, e); });  // y is NaN before
    for (int64_t i = 0; i < n; ++i) ASSERT_EQ(y[i], 2 * x[i]);
    run([&](auto& ops, void* dc, auto* e) { return ops.axpby(dc, 1, x, 3, y, e); });
    for (int64_t i = 0; i < n; ++i) ASSERT_NEAR(y[i], 7 * x[i], 1e-5);
  }
  Guarded<float> x(2, 3), y(3, 2);
  EXPECT_EQ(
      run_failing(HEDDLE_INVALID_ARGUMENT, [&](auto& ops, void* dc, auto* e) { return ops.axpby(dc, 1, x, 1, y, e); }),
      "axpby: x is f32 [2,3], y is f32 [3,2]; accepted: the same shape");
}

template <class T>
void fill_with_three() {
  Guarded<T> y(3, 5);
  run([&](auto& ops, void* dc, auto* e) { return ops.fill(dc, 3, y, e); });
  for (int64_t i = 0; i < y.size(); ++i) EXPECT_EQ(y[i], T{3});
}

TEST(Fill, EveryType) {
  fill_with_three<float>();
  fill_with_three<double>();
  fill_with_three<int32_t>();
  fill_with_three<int64_t>();
  fill_with_three<uint8_t>();
  Guarded<uint8_t> small(2);
  EXPECT_EQ(
      run_failing(HEDDLE_INVALID_ARGUMENT, [&](auto& ops, void* dc, auto* e) { return ops.fill(dc, 256, small, e); }),
      "fill: value 256 for y u8 [2]; accepted: whole numbers of its range");
  Guarded<bf16> y(7);
  run([&](auto& ops, void* dc, auto* e) { return ops.fill(dc, 3, y, e); });
  for (int64_t i = 0; i < 7; ++i) EXPECT_EQ(y[i].bits, 0x4040);
}

TEST(Copy, ConvertsBetweenFloatTypes) {
  const int64_t n = 20001;
  Guarded<float> x(n), back(n);
  Guarded<double> wide_x(n);
  Guarded<bf16> half(n), half_again(n);
  x.random(1, -100, 100);
  run([&](auto& ops, void* dc, auto* e) { return ops.copy(dc, x, wide_x, e); });
  run([&](auto& ops, void* dc, auto* e) { return ops.copy(dc, wide_x, back, e); });
  EXPECT_EQ(x.values(), back.values());
  run([&](auto& ops, void* dc, auto* e) { return ops.copy(dc, x, half, e); });
  run([&](auto& ops, void* dc, auto* e) { return ops.copy(dc, wide_x, half_again, e); });
  run([&](auto& ops, void* dc, auto* e) { return ops.copy(dc, half, back, e); });
  for (int64_t i = 0; i < n; ++i) {
    ASSERT_EQ(half[i].bits, half_again[i].bits);
    ASSERT_NEAR(back[i], x[i], std::fabs(x[i]) / 256 + 1e-30);
  }
}

TEST(Copy, RoundsToNearestEvenOnceAndKeepsSpecials) {
  Guarded<double> x(7);
  Guarded<bf16> y(7);
  const double tie = 1.0 + 0x1p-8;  // halfway between two bf16
  x.set({tie, tie + 0x1p-40, -tie - 0x1p-40, 1.0 + 3 * 0x1p-8, HUGE_VAL, std::nan(""), 1e300});
  run([&](auto& ops, void* dc, auto* e) { return ops.copy(dc, x, y, e); });
  EXPECT_EQ(y[0].bits, 0x3F80);
  EXPECT_EQ(y[1].bits, 0x3F81) << "rounded twice";
  EXPECT_EQ(y[2].bits, 0xBF81);
  EXPECT_EQ(y[3].bits, 0x3F82);
  EXPECT_EQ(y[4].bits, 0x7F80);
  EXPECT_GT(y[5].bits & 0x7FFF, 0x7F80);
  EXPECT_EQ(y[6].bits, 0x7F80);
  Guarded<int32_t> whole(7);
  run_failing(HEDDLE_INVALID_ARGUMENT, [&](auto& ops, void* dc, auto* e) { return ops.copy(dc, x, whole, e); });
}

TEST(Copy, WholeNumbers) {
  const int64_t n = 40001;
  Guarded<float> x(n);
  Guarded<int32_t> y(n), again(n);
  for (int64_t i = 0; i < n; ++i) x[i] = static_cast<float>((i - n / 2) * 401);
  x[0] = -0x1p31f;
  x[1] = 0x1.fffffep30f;  // the largest float below 2^31
  x[2] = -0.0f;
  run([&](auto& ops, void* dc, auto* e) { return ops.copy(dc, x, y, e); });
  for (int64_t i = 0; i < n; ++i) ASSERT_EQ(static_cast<double>(y[i]), static_cast<double>(x[i])) << i;
  run([&](auto& ops, void* dc, auto* e) { return ops.copy(dc, y, again, e); });
  EXPECT_EQ(again.values(), y.values());
  for (float wrong : {0.5f, 0x1p31f, -0x1.000002p31f, HUGE_VALF, std::nanf("")}) {
    x[n - 1] = wrong;
    EXPECT_NE(run_failing(HEDDLE_INVALID_ARGUMENT, [&](auto& ops, void* dc, auto* e) { return ops.copy(dc, x, y, e); })
                  .find("y is i32; accepted: whole numbers of its range"),
              std::string::npos)
        << wrong;
  }
  run_failing(HEDDLE_INVALID_ARGUMENT, [&](auto& ops, void* dc, auto* e) { return ops.copy(dc, y, x, e); });
}

TEST(AffineColumns, ForwardAndInverse) {
  for (int64_t n : {1, 5, 64}) {
    for (int64_t rows : {0, 1, 777}) {
      Guarded<float> x(rows, n), y(rows, n), back(rows, n), center(n), scale(n), inverse(n);
      x.random(1);
      center.random(2);
      scale.random(3, 0.5, 2);
      for (int64_t i = 0; i < n; ++i) inverse[i] = 1 / scale[i];
      run([&](auto& ops, void* dc, auto* e) { return ops.affine_columns(dc, 0, x, center, scale, y, e); });
      run([&](auto& ops, void* dc, auto* e) { return ops.affine_columns(dc, 1, y, center, inverse, back, e); });
      for (int64_t i = 0; i < rows * n; ++i) ASSERT_EQ(y[i], (x[i] - center[i % n]) * scale[i % n]);
      EXPECT_CLOSE(back, wide(x), 1e-6);
    }
  }
}

}  // namespace
}  // namespace heddle::testing
