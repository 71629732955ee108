// Which whole runs give the same bits (docs/determinism.md): any number of threads and any batch at inference, within one
// instruction set level and one precision. Every artefact of the store is compared byte by byte. (The same level on other
// processors: processors_test.cc.)
#include <cstdlib>

#include "core/compute/isa.h"
#include "program.h"

namespace heddle::test {
namespace {

// Shapes beyond one block of every hot op: 700 items, 1,280 tokens per batch, 600 rows of 300 features. A dictionary with
// few active features and one with most of them, revival of both kinds, probes, both kinds of steering, examples.
const char* const experiment = R"(
[experiment]
name = "classes"
seed = 5
output = "out"
[interactions]
plugin = "heddle.synthetic"
users = 260
items = 700
events = 9000
[attributes.interest]
plugin = "heddle.synthetic_interests"
items = 700
[split]
kind = "new_users"
test = 0.2
activation_users = 0.4
[backbone]
plugin = "heddle.gptrec"
hidden = 32
layers = 2
heads = 2
max_length = 32
[backbone.training]
epochs = 3
batch_sequences = 40
[dictionary.few]
plugin = "heddle.l1"
site = "block.0.out"
width = 300
l1 = 0.3
[dictionary.few.training]
batch = 600
steps = 40
warmup_steps = 5
revival = "resample"
resample_every = 15
dead_vectors = 3000
[dictionary.many]
plugin = "heddle.l1"
site = "block.0.out"
width = 300
l1 = 0.0001
[dictionary.many.training]
batch = 600
steps = 40
warmup_steps = 5
[dictionary.topk]
plugin = "heddle.topk"
site = "block.1.out"
width = 130
k = 8
[dictionary.topk.training]
batch = 512
steps = 40
revival = "auxk"
[interpret]
[probe]
attributes = "interest:*"
[[steer]]
dictionary = "few"
feature = { top = "interest:*" }
values = [-2, 0, 2]
users = 20
[[steer]]
kind = "add_vector"
direction = "probe"
site = "block.0.out"
feature = "interest:*"
values = [0, 3]
users = 20
[[example]]
dictionary = "few"
feature = 3
values = [0, 4]
count = 2
)";

class Classes : public ::testing::Test {
 protected:
  Classes() { folder_.write("classes.toml", experiment); }
  // Into folder `output`; `before` as in Program.
  void run(const std::string& output, std::vector<std::string> settings, std::vector<std::string> before = {}) {
    std::vector<std::string> arguments = {"run", "classes.toml", "--out", output};
    for (std::string& setting : settings) arguments.insert(arguments.end(), {"--set", std::move(setting)});
    const Outcome outcome = Program(folder_.path(), std::move(before)).run(arguments);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
  }
  void expect_same_on_any_threads(const std::vector<std::string>& settings) {
    for (const char* threads : {"1", "2", "3", "7"}) {
      std::vector<std::string> all = settings;
      all.push_back(std::string("compute.threads=") + threads);
      ASSERT_NO_FATAL_FAILURE(run(std::string("t") + threads, all));
      if (*threads != '1') expect_same_artefacts(folder_ / "t1", folder_ / (std::string("t") + threads));
    }
    EXPECT_GT(artefact_bytes(folder_ / "t1").size(), 60u);  // every stage is there
    // Nor in batches of another size at inference.
    std::vector<std::string> small = settings;
    small.push_back("evaluate.batch_users=7");
    ASSERT_NO_FATAL_FAILURE(run("small", small));
    expect_same_artefacts(folder_ / "t1", folder_ / "small");
  }
  Folder folder_;
};
using ClassesLong = Classes;

TEST_F(Classes, a_whole_run_in_f32_on_any_threads) { expect_same_on_any_threads({}); }
TEST_F(Classes, a_whole_run_in_bf16_on_any_threads) { expect_same_on_any_threads({"compute.precision=\"bf16\""}); }

// The levels below the machine's own, each a class of its own; a run at one level never takes up another's results.
TEST_F(ClassesLong, every_level_in_both_precisions) {
  size_t levels = 0, files = 0;
  for (IsaLevel level : {IsaLevel::avx2, IsaLevel::avx512, IsaLevel::avx512_bf16, IsaLevel::amx}) {
    if (level > machine_isa()) {
      GTEST_LOG_(INFO) << "this processor cannot run " << isa_name(level);
      continue;
    }
    SCOPED_TRACE(isa_name(level));
    ++levels;
    for (const char* precision : {"f32", "bf16"}) {
      SCOPED_TRACE(precision);
      ASSERT_NO_FATAL_FAILURE(expect_same_on_any_threads({"compute.isa=\"" + std::string(isa_name(level)) + "\"",
                                                          "compute.precision=\"" + std::string(precision) + "\""}));
    }
    if (files == 0) files = artefact_bytes(folder_ / "t1").size();
    EXPECT_GE(artefact_bytes(folder_ / "t1").size(), levels * files / 2);  // nothing but reading data is shared
  }
}

// Sampled objectives and bidirectional attention.
TEST_F(ClassesLong, other_backbones_on_any_threads) {
  for (const std::string precision : {"f32", "bf16"}) {
    SCOPED_TRACE(precision);
    const std::string compute = "compute.precision=\"" + precision + "\"";
    expect_same_on_any_threads(
        {compute, "backbone.plugin=\"heddle.sasrec\"", "backbone.objective=\"gbce\"", "backbone.negatives=64"});
    expect_same_on_any_threads({compute, "backbone.plugin=\"heddle.bert4rec\""});
  }
}

}  // namespace
}  // namespace heddle::test
