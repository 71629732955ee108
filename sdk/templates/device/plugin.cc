// @ID@: a compute device. Functions of the Context that are named like slots of heddle_ops (heddle/abi/ops.h) are its
// ops; whatever is missing answers UNIMPLEMENTED. What each op must compute is said there.
#include <cstdlib>

#include <heddle/device.hpp>

using namespace heddle::sdk;

namespace {

struct @CLASS@;

class @CLASS@Context {
 public:
  explicit @CLASS@Context(@CLASS@&) {}

  void fill(double value, DLTensor* y) {
    for (float& element : Tensor(y).span<float>()) element = static_cast<float>(value);
  }

  void transfer(void* to, DLDevice, const void* from, DLDevice, uint64_t bytes) { std::memcpy(to, from, bytes); }
  void synchronize() {}
};

struct @CLASS@ : Device<@CLASS@, @CLASS@Context> {
  static constexpr About about{"@ID@", "Host memory and one op."};
  static int32_t probe() { return 1; }  // 0: not usable on this machine; under device = "auto" the highest wins
  Description describe() const { return {.device = cpu, .name = "@NAME@", .isa = "baseline"}; }
  void* allocate(uint64_t bytes) { return std::aligned_alloc(64, (bytes + 63) / 64 * 64); }
  void release(void* memory) { std::free(memory); }
};

}  // namespace

HEDDLE_PLUGIN("@ID@", "0.1.0", @CLASS@)
