// random_uniform and random_normal: the numbers of their definition, moments, golden bits on every ISA level.
#include "tests/ops/fixture.h"

namespace heddle::testing {
namespace {

TEST(RandomUniform, IsThePhiloxNumberOfItsIndex) {
  const auto key = rng_key(3, RngPurpose::test, 1, 2);
  for (int64_t n : {0, 1, 5, 63, 65, 40003}) {
    Guarded<float> y(n);
    run([&](auto& ops, void* dc, auto* e) { return ops.random_uniform(dc, key, 0, 1, y, e); });
    for (int64_t i = 0; i < n; ++i) ASSERT_EQ(y[i], philox_uniform(key, static_cast<uint64_t>(i))) << i;
    run([&](auto& ops, void* dc, auto* e) { return ops.random_uniform(dc, key, -3, 5, y, e); });
    for (int64_t i = 0; i < n; ++i)
      ASSERT_NEAR(y[i], -3 + 8 * static_cast<double>(philox_uniform(key, static_cast<uint64_t>(i))), 1e-6);
  }
}

TEST(RandomNormal, IsBoxMullerOfItsBlock) {
  const auto key = rng_key(4, RngPurpose::test);
  const int64_t n = 40003;
  Guarded<float> y(n);
  run([&](auto& ops, void* dc, auto* e) { return ops.random_normal(dc, key, 2, y, e); });
  for (int64_t i = 0; i < n; ++i) {
    const auto words = philox_block(key, static_cast<uint64_t>(i) / 4);
    const int pair = static_cast<int>(i % 4) / 2 * 2;
    const double radius = std::sqrt(-2 * std::log((static_cast<double>(words[pair] >> 8) + 1) * 0x1p-24));
    const double angle = 2 * M_PI * static_cast<double>(words[pair + 1] >> 8) * 0x1p-24;
    const double want = 2 * radius * (i % 2 == 0 ? std::cos(angle) : std::sin(angle));
    ASSERT_NEAR(y[i], want, 4e-6) << i;
  }
}

TEST(RandomNormal, MomentsAndTails) {
  const int64_t n = 1000000;
  Guarded<float> y(n);
  run([&](auto& ops, void* dc, auto* e) { return ops.random_normal(dc, rng_key(5, RngPurpose::test), 1, y, e); });
  double m1 = 0, m2 = 0, m4 = 0;
  int64_t beyond_two = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double x = y[i];
    m1 += x;
    m2 += x * x;
    m4 += x * x * x * x;
    beyond_two += std::fabs(x) > 2;
  }
  EXPECT_NEAR(m1 / n, 0, 0.004);
  EXPECT_NEAR(m2 / n, 1, 0.006);
  EXPECT_NEAR(m4 / n, 3, 0.04);
  EXPECT_NEAR(static_cast<double>(beyond_two) / n, 0.0455, 0.001);
}

TEST(Random, SameBitsOnAnyNumberOfThreads) {
  Guarded<float> a(50021), b(50021);
  expect_same_bits_on_any_threads([&](Context& context) {
    run(context,
        [&](auto& ops, void* dc, auto* e) { return ops.random_normal(dc, rng_key(5, RngPurpose::test), 1, a, e); });
    run(context,
        [&](auto& ops, void* dc, auto* e) { return ops.dropout(dc, 0.3, rng_key(6, RngPurpose::test), a, b, e); });
    return b.values();
  });
}

// Golden bits: the same on every ISA level, compiler and year.
TEST(Random, GoldenBits) {
  Guarded<float> y(4);
  run([&](auto& ops, void* dc, auto* e) { return ops.random_normal(dc, {1, 2}, 1, y, e); });
  uint32_t bits[4];
  std::memcpy(bits, y.data(), sizeof bits);
  EXPECT_EQ(bits[0], 0xbedb93e7u);
  EXPECT_EQ(bits[1], 0xbe1039ffu);
  EXPECT_EQ(bits[2], 0x3fcfd47eu);
  EXPECT_EQ(bits[3], 0x3ed12a76u);
}

}  // namespace
}  // namespace heddle::testing
