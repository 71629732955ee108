// Processors that are not this machine's, emulated by qemu-user (Debian package qemu-user; without it these tests are
// skipped): one below AVX2, which must be told so, and two whose best is AVX2, which must give the bits that
// `compute.isa = "avx2"` gives here.
#include "program.h"

namespace heddle::test {
namespace {

std::vector<std::string> emulated(const std::string& processor) { return {"qemu-x86_64", "-cpu", processor}; }

class Processors : public ::testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "sanitizers reserve address ranges that the emulator has not";
#endif
    if (std::system("qemu-x86_64 --version > /dev/null 2>&1") != 0)
      GTEST_SKIP() << "qemu-x86_64 is not installed (Debian: apt-get install qemu-user)";
    folder_.write("small.toml", experiment);
  }
  static constexpr const char* experiment = R"(
[experiment]
name = "small"
seed = 5
output = "out"
[interactions]
plugin = "heddle.synthetic"
users = 40
items = 60
events = 900
[attributes.interest]
plugin = "heddle.synthetic_interests"
items = 60
[split]
kind = "new_users"
test = 0.2
activation_users = 0.4
[backbone]
plugin = "heddle.gptrec"
hidden = 16
layers = 1
heads = 2
max_length = 12
[backbone.training]
epochs = 2
batch_sequences = 8
[dictionary.l1]
plugin = "heddle.l1"
site = "block.0.out"
width = 40
[dictionary.l1.training]
batch = 64
steps = 10
warmup_steps = 2
[dictionary.topk]
plugin = "heddle.topk"
site = "block.0.out"
width = 40
k = 4
[dictionary.topk.training]
batch = 64
steps = 10
[interpret]
)";
  Folder folder_;
};
using ProcessorsLong = Processors;

// Nehalem: SSE4.2, no AVX. Whatever computes nothing works there; what computes says what is missing before it reads a byte.
TEST_F(Processors, without_avx2_says_what_it_lacks) {
  Program heddle(folder_.path(), emulated("Nehalem"));
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"--help"},
                                                    {"plugins", "list"},
                                                    {"plugins", "describe", "heddle.gptrec"},
                                                    {"validate", "small.toml"}}) {
    const Outcome outcome = heddle.run(arguments);
    EXPECT_EQ(outcome.code, 0) << arguments.back() << ": " << outcome.err;
  }
  for (const char* isa : {"auto", "avx2", "avx512"}) {
    const Outcome outcome = heddle.run({"run", "small.toml", "--set", std::string("compute.isa=\"") + isa + "\""});
    EXPECT_EQ(outcome.code, 2) << isa;
    EXPECT_NE(outcome.err.find("this processor lacks AVX2, FMA, F16C, BMI1, BMI2, LZCNT; Heddle's CPU device needs"),
              std::string::npos)
        << outcome.err;
    EXPECT_NE(outcome.err.find("Intel Haswell, AMD Zen or later"), std::string::npos) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_FALSE(std::filesystem::exists(folder_ / "out/store"));
  }
}

// A hypervisor may hide a single one of them.
TEST_F(Processors, the_one_missing_instruction_set_is_named) {
  const Outcome outcome = Program(folder_.path(), emulated("Haswell,-fma")).run({"run", "small.toml"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("this processor lacks FMA; Heddle's CPU device needs"), std::string::npos) << outcome.err;
}

TEST_F(ProcessorsLong, with_avx2_alone_give_the_bits_of_that_level) {
  for (const std::string precision : {"f32", "bf16"}) {
    SCOPED_TRACE(precision);
    const std::string setting = "compute.precision=\"" + precision + "\"";
    const Outcome here = Program(folder_.path())
                             .run({"run", "small.toml", "--out", "here-" + precision, "--set", setting, "--set",
                                   "compute.isa=\"avx2\"", "--set", "compute.threads=2"});
    ASSERT_EQ(here.code, 0) << here.err;
    for (const std::string processor : {"Haswell", "EPYC"}) {
      const std::string output = processor + "-" + precision;
      const Outcome there =
          Program(folder_.path(), emulated(processor))
              .run({"run", "small.toml", "--out", output, "--set", setting, "--set", "compute.threads=1"});
      ASSERT_EQ(there.code, 0) << there.err;
      expect_same_artefacts(folder_ / ("here-" + precision), folder_ / output);
    }
  }
}

}  // namespace
}  // namespace heddle::test
