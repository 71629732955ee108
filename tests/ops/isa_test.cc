// The whole program again at every ISA level that this machine has, in child processes: a process has one level for
// good.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "core/base/error.h"
#include "core/compute/isa.h"
#include "tests/ops/fixture.h"

namespace heddle::testing {
namespace {

constexpr const char* kVariable = "HEDDLE_TEST_ISA";

// Before any device exists.
const bool selected_at_start = [] {
  if (const char* isa = std::getenv(kVariable)) select_isa(isa);
  return true;
}();

int run_at(IsaLevel level) {
  const std::string isa(isa_name(level));
  const pid_t child = fork();
  if (child == 0) {
    setenv(kVariable, isa.c_str(), 1);
    // The parent's own filter and shard must not reach the child.
    for (const char* name : {"GTEST_FILTER", "GTEST_TOTAL_SHARDS", "GTEST_SHARD_INDEX", "GTEST_OUTPUT"}) unsetenv(name);
    execl("/proc/self/exe", "test_ops", "--gtest_filter=-*Long*:Isa.*:*Speed*", "--gtest_brief=1",
          static_cast<char*>(nullptr));
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// At the machine's own level every other test of this program has already run (none of them limits it), so only the levels
// below are run again.
void expect_all_ops_at(IsaLevel level) {
  if (std::getenv(kVariable)) GTEST_SKIP() << "already inside";
  const IsaLevel machine = machine_isa();
  if (level > machine) GTEST_SKIP() << "this processor offers " << isa_name(machine) << " at most";
  if (level == machine) {
    EXPECT_EQ(device().isa(), isa_name(level));
    return;
  }
  EXPECT_EQ(run_at(level), 0) << "at " << isa_name(level);
}

TEST(Isa, AllOpsAtAvx2) { expect_all_ops_at(IsaLevel::avx2); }
TEST(Isa, AllOpsAtAvx512) { expect_all_ops_at(IsaLevel::avx512); }
TEST(Isa, AllOpsAtAvx512Bf16) { expect_all_ops_at(IsaLevel::avx512_bf16); }
TEST(Isa, AllOpsAtAmx) { expect_all_ops_at(IsaLevel::amx); }

TEST(Isa, UnknownNameIsRefused) {
  try {
    select_isa("sse2");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "compute.isa: found 'sse2'; accepted: auto, avx2, avx512, avx512_bf16, amx");
  }
}

TEST(Isa, IsFixedForTheProcess) {
  const IsaLevel now = select_isa("auto");
  EXPECT_EQ(select_isa(isa_name(now)), now);
  EXPECT_THROW(select_isa(isa_name(now == IsaLevel::avx2 ? IsaLevel::avx512 : IsaLevel::avx2)), Error);
}

}  // namespace
}  // namespace heddle::testing
