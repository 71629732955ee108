// The promise of docs/determinism.md for every op: the same bytes for 1, 2, 3 and 7 threads, and again on a context whose
// scratch holds what an earlier call left. One table over the slots of heddle_ops: a slot without a case fails.
// isa_test.cc runs this at every instruction set level of the machine.
#include <fmt/format.h>

#include <functional>
#include <set>

#include "tests/ops/threads_cases.h"

namespace heddle::testing {
namespace {

std::vector<ThreadsCase> all_cases() {
  std::vector<ThreadsCase> all;
  for (auto* make : {dense_cases, attention_cases, row_cases, sparse_cases, sampled_cases}) {
    for (ThreadsCase& made : make()) all.push_back(std::move(made));
  }
  return all;
}

TEST(Threads, EverySlotOfTheTableHasACase) {
  std::set<size_t> covered;
  for (const ThreadsCase& one : all_cases()) {
    EXPECT_FALSE(one.slots.empty()) << one.name;
    for (const Slot& slot : one.slots) covered.insert(slot.offset);
  }
  std::string before = "struct_size, flags";
  for (size_t at = offsetof(heddle_ops, supports); at < sizeof(heddle_ops); at += sizeof(void (*)())) {
    EXPECT_EQ(covered.count(at), 1u) << "the slot at byte " << at << " of heddle_ops, right behind " << before
                                     << ", has no case in tests/ops/threads_*_cases.cc";
    for (const ThreadsCase& one : all_cases()) {
      for (const Slot& slot : one.slots)
        if (slot.offset == at) before = slot.name;
    }
  }
}

class Threads : public ::testing::TestWithParam<ThreadsCase> {};

TEST_P(Threads, DoNotShow) {
  Bits expected;
  {
    Context alone(device(1));
    GetParam().run(alone, expected);
  }
  // Something was computed at all: not nothing, not one byte over and over.
  ASSERT_FALSE(expected.bytes().empty());
  EXPECT_NE(expected.bytes().find_first_not_of(expected.bytes()[0]), std::string::npos);
  // In the report of --gtest_output=xml: equal digests at two levels of HEDDLE_TEST_ISA are equal bits.
  RecordProperty("digest", fmt::format("{:016x}", std::hash<std::string>()(expected.bytes())));
  for (int threads : {2, 3, 7}) {
    Context context(device(threads));
    for (const char* time : {"first", "second"}) {
      Bits found;
      GetParam().run(context, found);
      if (found.bytes() == expected.bytes()) continue;
      const size_t size = std::min(found.bytes().size(), expected.bytes().size());
      size_t at = 0;
      while (at < size && found.bytes()[at] == expected.bytes()[at]) ++at;
      FAIL() << threads << " threads, " << time << " time: byte " << at << " of " << expected.bytes().size()
             << " is the first that differs from 1 thread's (now " << found.bytes().size() << " bytes)";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Op, Threads, ::testing::ValuesIn(all_cases()),
                         [](const auto& made) { return made.param.name; });

}  // namespace
}  // namespace heddle::testing
