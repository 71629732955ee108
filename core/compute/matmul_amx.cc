// bf16 product of panels by AMX. The panels are those of matmul_bf16.cc: 16 words of 16 columns of one are a tile as it lies.
#include "core/compute/matmul_amx.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cmath>
#include <vector>

#include "core/compute/matmul_amx-inl.h"

namespace heddle::cpu {
namespace {

// Inline assembly, because GCC 12's intrinsics do not tell the compiler that loading a tile reads memory.
class AmxTiles {
 public:
  AmxTiles(int64_t rows, int64_t words) {
    struct alignas(64) {
      uint8_t palette = 1, start_row = 0, reserved[14] = {};
      uint16_t bytes[16] = {};  // per row, of each tile
      uint8_t rows[16] = {};
    } config;
    for (int i = 0; i < 4; ++i) set(config, i, rows, kTileColumns);
    set(config, 4, rows, words);
    set(config, 5, words, kTileColumns);
    __asm__ volatile("ldtilecfg %0" ::"m"(config));
  }
  ~AmxTiles() { __asm__ volatile("tilerelease" ::); }
  AmxTiles(const AmxTiles&) = delete;
  AmxTiles& operator=(const AmxTiles&) = delete;

  template <int i>
  void zero() {
    __asm__ volatile("tilezero %%tmm%c0" ::"i"(i));
  }
  template <int i>
  void load_sums(const float* from, int64_t ld) {
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(4 * ld), "i"(i) : "memory");
  }
  template <int i>
  void store_sums(float* to, int64_t ld) {
    __asm__ volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(4 * ld), "i"(i) : "memory");
  }
  void load_a(const uint32_t* from, int64_t ld) {
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm4" ::"r"(from), "r"(4 * ld) : "memory");
  }
  void load_b(const uint32_t* from, int64_t ld) {
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm5" ::"r"(from), "r"(4 * ld) : "memory");
  }
  template <int i>
  void multiply() {
    __asm__ volatile("tdpbf16ps %%tmm5, %%tmm4, %%tmm%c0" ::"i"(i));
  }

 private:
  template <class Config>
  static void set(Config& config, int tile, int64_t rows, int64_t columns) {
    config.rows[tile] = static_cast<uint8_t>(rows);
    config.bytes[tile] = static_cast<uint16_t>(4 * columns);
  }
};

// Small whole numbers, which every way of adding products gives exactly.
bool multiplies_rightly() {
  constexpr int64_t m = 19, n = 70, k = 37;                                                         // words
  const auto value = [](int64_t i) { return static_cast<uint32_t>(0x3F80 + (i * 7 % 3) * 0x40); };  // 1, 1.5 or 2
  const auto number = [](uint32_t bits) { return bits == 0x3F80 ? 1.0f : bits == 0x3FC0 ? 1.5f : 2.0f; };
  std::vector<uint32_t> a(m * k), b(k * 2 * kPanelAmx);
  for (size_t i = 0; i < a.size(); ++i)
    a[i] = value(static_cast<int64_t>(i)) | value(static_cast<int64_t>(i) + 1) << 16;
  for (size_t i = 0; i < b.size(); ++i)
    b[i] = value(static_cast<int64_t>(i) + 2) | value(static_cast<int64_t>(i) * 5) << 16;
  std::vector<float> c(m * n, 1.0f);
  amx_multiply<AmxTiles>({m, n, k, a.data(), k, 1, b.data(), k * kPanelAmx, c.data(), n, true});
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      float want = 1;
      for (int64_t w = 0; w < k; ++w) {
        const uint32_t left = a[static_cast<size_t>(i * k + w)];
        const uint32_t right = b[static_cast<size_t>(j / kPanelAmx * k * kPanelAmx + w * kPanelAmx + j % kPanelAmx)];
        want += number(left & 0xFFFF) * number(right & 0xFFFF) + number(left >> 16) * number(right >> 16);
      }
      if (c[static_cast<size_t>(i * n + j)] != want) return false;
    }
  }
  return true;
}

}  // namespace

bool amx_usable() {
  // The kernel gives a process its tile registers only when asked: ARCH_REQ_XCOMP_PERM of XFEATURE_XTILEDATA.
  static const bool usable = syscall(SYS_arch_prctl, 0x1023, 18) == 0 && multiplies_rightly();
  return usable;
}

const MatmulKernel& amx_matmul() {
  static constexpr MatmulKernel kernel{kPanelAmx, 2, amx_multiply<AmxTiles>};
  return kernel;
}

}  // namespace heddle::cpu
