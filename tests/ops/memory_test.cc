// Out of memory is an answer, not the end of the process.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "tests/ops/fixture.h"

namespace heddle::testing {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // their shadow memory does not live under a limit
#else
constexpr bool kSanitized = false;
#endif

int64_t address_space() {
  long pages = 0;
  if (FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%ld", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  return static_cast<int64_t>(pages) * sysconf(_SC_PAGESIZE);
}

// 0 when the op, short of the 256 MiB for its exponentials, says RESOURCE_EXHAUSTED and then works again.
int starve() {
  Guarded<float> hidden(64, 1), table(1 << 20, 1), dhidden(64, 1), dtable(1 << 20, 1);
  Guarded<int32_t> targets(64);
  hidden.random(1);
  table.random(2);
  targets.fill(3);
  dtable.fill(0);
  double loss = 0;
  int64_t count = 0;
  heddle_cross_entropy args{};
  args.struct_size = sizeof args;
  args.scale = 1;
  args.hidden = hidden;
  args.table = table;
  args.targets = targets;
  args.loss_sum = &loss;
  args.count = &count;
  args.dhidden = dhidden;
  args.dtable = dtable;
  const auto device = Device::cpu({1, "auto"});
  Context context(*device);
  ErrorBuffer error;
  const rlimit tight{static_cast<rlim_t>(address_space() + (100 << 20)), RLIM_INFINITY};
  if (setrlimit(RLIMIT_AS, &tight) != 0) return 2;
  if (context.ops().cross_entropy(context.handle(), &args, error) != HEDDLE_RESOURCE_EXHAUSTED) return 3;
  if (error.message().find("cross_entropy: out of memory") == std::string_view::npos) return 4;
  const rlimit open{RLIM_INFINITY, RLIM_INFINITY};
  if (setrlimit(RLIMIT_AS, &open) != 0) return 5;
  if (context.ops().cross_entropy(context.handle(), &args, error) != HEDDLE_OK) return 6;
  return 0;
}

TEST(Memory, ExhaustionIsReportedAndSurvived) {
  if (kSanitized) GTEST_SKIP() << "no address space limit under a sanitizer";
  const pid_t child = fork();
  if (child == 0) _exit(starve());
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace heddle::testing
