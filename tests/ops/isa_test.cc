// The whole program again at every ISA level that this machine has, in child processes: a process has one level for
// good.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "core/base/error.h"
#include "core/compute/isa.h"

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

TEST(Isa, AllOpsAtAvx2) {
  if (std::getenv(kVariable)) GTEST_SKIP() << "already inside";
  EXPECT_EQ(run_at(IsaLevel::avx2), 0);
}

TEST(Isa, AllOpsAtAvx512) {
  if (std::getenv(kVariable)) GTEST_SKIP() << "already inside";
  if (machine_isa() < IsaLevel::avx512) GTEST_SKIP() << "this machine has no AVX-512";
  EXPECT_EQ(run_at(IsaLevel::avx512), 0);
}

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
