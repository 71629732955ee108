// bf16 product of panels by AMX. The panels are those of matmul_bf16.cc: 16 words of 16 columns of one are a tile as it lies.
#include "core/compute/matmul_amx.h"

#include <sys/syscall.h>
#include <unistd.h>

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

}  // namespace

bool amx_usable() {
  // The kernel gives a process its tile registers only when asked: ARCH_REQ_XCOMP_PERM of XFEATURE_XTILEDATA.
  static const bool usable = syscall(SYS_arch_prctl, 0x1023, 18) == 0 && amx_multiplies_rightly<AmxTiles>();
  return usable;
}

const MatmulKernel& amx_matmul() {
  static constexpr MatmulKernel kernel{kPanelAmx, 2, 2 * kTileRowsAmx, amx_multiply<AmxTiles>};
  return kernel;
}

}  // namespace heddle::cpu
