// The products of panels: against f64, at every remainder of rows, columns and depth; rows that do not see each other. AMX by a
// model of its tiles, which this machine need not have.
#include "core/compute/matmul_kernels.h"

#include "core/compute/isa.h"
#include "core/compute/matmul_amx-inl.h"
#include "core/compute/simd_convert.h"
#include "tests/ops/fixture.h"

namespace heddle::testing {
namespace {

using namespace heddle::cpu;

// AMX's tiles in plain C++: what its manual says of tileloadd, tilestored and tdpbf16ps, without the rounding of denormals.
// Sizes are checked as the processor would.
class ModelTiles {
 public:
  ModelTiles(int64_t rows, int64_t words) : rows_(rows), words_(words) {
    EXPECT_TRUE(rows >= 1 && rows <= 16 && words >= 1 && words <= 16) << rows << " " << words;
    for (auto& tile : sums_) tile.assign(256, std::numeric_limits<float>::quiet_NaN());
  }
  template <int i>
  void zero() {
    std::fill(sums_[i].begin(), sums_[i].end(), 0.0f);
  }
  template <int i>
  void load_sums(const float* from, int64_t ld) {
    for (int64_t r = 0; r < rows_; ++r) std::copy_n(from + r * ld, 16, sums_[i].begin() + r * 16);
  }
  template <int i>
  void store_sums(float* to, int64_t ld) {
    for (int64_t r = 0; r < rows_; ++r) std::copy_n(sums_[i].begin() + r * 16, 16, to + r * ld);
  }
  void load_a(const uint32_t* from, int64_t ld) {
    for (int64_t r = 0; r < rows_; ++r) std::copy_n(from + r * ld, words_, a_ + r * 16);
  }
  void load_b(const uint32_t* from, int64_t ld) {
    for (int64_t w = 0; w < words_; ++w) std::copy_n(from + w * ld, 16, b_ + w * 16);
  }
  template <int i>
  void multiply() {
    for (int64_t r = 0; r < rows_; ++r) {
      for (int64_t c = 0; c < 16; ++c) {
        float even = 0, odd = 0;
        for (int64_t w = 0; w < words_; ++w) {
          even += half(a_[r * 16 + w], 0) * half(b_[w * 16 + c], 0);
          odd += half(a_[r * 16 + w], 1) * half(b_[w * 16 + c], 1);
        }
        sums_[i][static_cast<size_t>(r * 16 + c)] += even + odd;
      }
    }
  }

 private:
  static float half(uint32_t word, int which) {
    const uint32_t bits = which == 0 ? word << 16 : word & 0xFFFF0000u;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  int64_t rows_, words_;
  std::vector<float> sums_[4];
  uint32_t a_[256] = {}, b_[256] = {};
};

struct Named {
  const char* name;
  MatmulKernel kernel;
};

std::vector<Named> kernels() {
  std::vector<Named> all = {{"f32", f32_matmul()}, {"amx model", {kPanelAmx, 2, 32, amx_multiply<ModelTiles>}}};
  if (native_bf16()) all.push_back({"bf16 dot", dot_matmul()});
  if (select_isa("auto") == IsaLevel::amx) all.push_back({"amx", bf16_matmul()});
  return all;
}

struct Product {
  Product(const MatmulKernel& which, int64_t rows, int64_t columns, int64_t depth, bool transposed_a, bool transposed_b)
      : kernel(which),
        m(rows),
        n(columns),
        k(depth),
        ta(transposed_a),
        tb(transposed_b),
        a(rows, depth),
        b(transposed_b ? columns : depth, transposed_b ? depth : columns),
        c(rows, columns) {
    a.random(1);
    b.random(2);
    for (int64_t i = 0; i < a.size() && kernel.depth == 2; ++i) round_to_bf16(&a[i], &a[i], 1);
    for (int64_t i = 0; i < b.size() && kernel.depth == 2; ++i) round_to_bf16(&b[i], &b[i], 1);
    words = (k + kernel.depth - 1) / kernel.depth;
    panels.resize(static_cast<size_t>(panel_words(kernel, k, n)));
    lay_out_panels(kernel, b.data(), transposed_b ? 1 : n, transposed_b ? k : 1, k, n, false, panels.data());
    left.resize(static_cast<size_t>(m * words));
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t w = 0; w < words; ++w) left[static_cast<size_t>(ta ? w * m + i : i * words + w)] = word(i, w);
    }
  }
  uint32_t word(int64_t i, int64_t w) const {
    uint32_t bits;
    std::memcpy(&bits, &a[i * k + w * kernel.depth], sizeof bits);
    if (kernel.depth == 1) return bits;
    uint16_t pair[2] = {0, 0};
    to_bf16(&a[i * k + 2 * w], pair, std::min<int64_t>(2, k - 2 * w));
    return uint32_t{pair[0]} | uint32_t{pair[1]} << 16;
  }
  void multiply(int64_t first, int64_t rows, bool add) {
    kernel.multiply({rows, n, words, left.data() + (ta ? first : first * words), ta ? 1 : words, ta ? m : 1,
                     panels.data(), words * kernel.panel, c.data() + first * n, n, add});
  }
  double reference(int64_t i, int64_t j) const {
    double sum = 0;
    for (int64_t at = 0; at < k; ++at) sum += static_cast<double>(a[i * k + at]) * (tb ? b[j * k + at] : b[at * n + j]);
    return sum;
  }
  const MatmulKernel& kernel;
  int64_t m, n, k, words;
  bool ta, tb;
  Guarded<float> a, b, c;
  std::vector<uint32_t> panels, left;
};

void expect_product(const Named& which, int64_t m, int64_t n, int64_t k, bool ta, bool tb) {
  Product p(which.kernel, m, n, k, ta, tb);
  p.multiply(0, m, false);
  const double tolerance = 3e-7 * std::sqrt(static_cast<double>(k)) + 3e-7;
  for (int round = 1; round <= 2; ++round) {
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        ASSERT_NEAR(p.c[i * n + j], round * p.reference(i, j), round * 4 * tolerance)
            << which.name << " " << m << "x" << n << "x" << k << (ta ? " ta" : "") << (tb ? " tb" : "") << " at " << i
            << "," << j;
      }
    }
    p.multiply(0, m, true);
  }
}

TEST(Matmul, EveryRemainder) {
  for (const Named& which : kernels()) {
    for (int64_t m : {1, 2, 3, 5, 6, 7, 12, 13, 16, 17, 35}) {
      for (int64_t n : {1, 8, 15, 16, 17, 33, 49, 64, 65, 130}) {
        for (int64_t k : {1, 2, 7, 33, 130}) expect_product(which, m, n, k, m % 2 == 1, n % 2 == 1);
      }
    }
  }
}

TEST(Matmul, TransposedSidesAndMuchDepth) {
  for (const Named& which : kernels()) {
    for (bool ta : {false, true}) {
      for (bool tb : {false, true}) expect_product(which, 20, 70, 611, ta, tb);
    }
  }
}

TEST(Matmul, RowsDoNotSeeEachOther) {
  for (const Named& which : kernels()) {
    Product p(which.kernel, 37, 100, 150, false, true);
    p.multiply(0, 37, false);
    const std::vector<float> together = p.c.values();
    for (int64_t first : {0, 1, 5, 16, 30}) {
      for (int64_t rows : {1, 4, 7}) {
        p.c.fill(-1);
        p.multiply(first, rows, false);
        for (int64_t i = first * 100; i < (first + rows) * 100; ++i)
          ASSERT_EQ(p.c[i], together[static_cast<size_t>(i)]) << which.name << " rows " << first << "+" << rows;
      }
    }
  }
}

TEST(Matmul, NoDepthGivesZero) {
  for (const Named& which : kernels()) {
    Product p(which.kernel, 3, 5, 1, false, false);
    p.words = 0;
    p.multiply(0, 3, false);
    for (int64_t i = 0; i < p.c.size(); ++i) EXPECT_EQ(p.c[i], 0) << which.name;
  }
}

// A unit that forgets the second value of each pair, or the sums that were there.
class HalfTiles : public ModelTiles {
 public:
  using ModelTiles::ModelTiles;
  void load_a(const uint32_t* from, int64_t ld) {
    std::vector<uint32_t> low(static_cast<size_t>(15 * ld + 16));
    for (int64_t i = 0; i < std::ssize(low) && i < readable_; ++i) low[static_cast<size_t>(i)] = from[i] & 0xFFFFu;
    ModelTiles::load_a(low.data(), ld);
  }

 private:
  static constexpr int64_t readable_ = 16;  // the first row will do
};
class ForgetfulTiles : public ModelTiles {
 public:
  using ModelTiles::ModelTiles;
  template <int i>
  void load_sums(const float*, int64_t) {
    zero<i>();
  }
};

TEST(Matmul, TheCheckAtStartTellsAWrongUnit) {
  EXPECT_TRUE(amx_multiplies_rightly<ModelTiles>());
  EXPECT_FALSE(amx_multiplies_rightly<HalfTiles>());
  EXPECT_FALSE(amx_multiplies_rightly<ForgetfulTiles>());
}

TEST(Matmul, RoundedPanelsHoldBf16) {
  Guarded<float> b(9, 40);
  b.random(3);
  for (bool transposed : {false, true}) {
    const int64_t k = transposed ? 40 : 9, n = transposed ? 9 : 40;
    std::vector<float> plain(static_cast<size_t>(panel_words(f32_matmul(), k, n))), rounded(plain.size());
    lay_out_panels(f32_matmul(), b.data(), transposed ? 1 : 40, transposed ? 40 : 1, k, n, false, plain.data());
    lay_out_panels(f32_matmul(), b.data(), transposed ? 1 : 40, transposed ? 40 : 1, k, n, true, rounded.data());
    round_to_bf16(plain.data(), plain.data(), static_cast<int64_t>(plain.size()));
    EXPECT_EQ(plain, rounded);
  }
}

}  // namespace
}  // namespace heddle::testing
