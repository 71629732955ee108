// A system that makes few threads more, while it lives: there is no address space for their stacks.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

namespace heddle::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool address_space_limited = false;  // sanitizers' shadow memory does not live under a limit
#else
constexpr bool address_space_limited = true;
#endif

// At most some ten: fewer than `many`.
class FewThreads {
 public:
  static constexpr int many = 100;

  FewThreads() {
    int64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    getrlimit(RLIMIT_AS, &before_);
    rlimit limit = before_;
    limit.rlim_cur = static_cast<rlim_t>(pages * sysconf(_SC_PAGESIZE)) + (rlim_t{24} << 20);
    if (address_space_limited) setrlimit(RLIMIT_AS, &limit);
  }
  ~FewThreads() { setrlimit(RLIMIT_AS, &before_); }
  FewThreads(const FewThreads&) = delete;
  FewThreads& operator=(const FewThreads&) = delete;

 private:
  rlimit before_{};
};

}  // namespace heddle::test
