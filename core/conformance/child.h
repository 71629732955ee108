// Runs one check in a forked child with a time limit and says how it went, whatever the plugin did to the child.
//
// The child's stdout and stderr are caught: a plugin never prints. A signal, an exit in the middle or running out of
// time is a failed check. Threads: [main], with no other thread running. Errors: Error when the system refuses to fork.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <string>

namespace heddle::conformance {

enum class Verdict { passed, failed, skipped };

struct Outcome {
  Verdict verdict = Verdict::failed;
  std::string text;  // reason, or a figure worth knowing
  double seconds = 0;
};

// What `body` may throw to end a check early. Any heddle::Error or other exception is a failed check with its message.
struct Skip {
  std::string reason;
};
struct Failure {
  std::string reason;
};

template <typename... Args>
[[noreturn]] void fail_check(fmt::format_string<Args...> format, Args&&... args) {
  throw Failure{fmt::format(format, std::forward<Args>(args)...)};
}
template <typename... Args>
[[noreturn]] void skip_check(fmt::format_string<Args...> format, Args&&... args) {
  throw Skip{fmt::format(format, std::forward<Args>(args)...)};
}

// Says what the child is about to do; shown when it crashes or hangs. Cheap.
void about_to(const std::string& what);

// `body` returns a note for the report ("" for none).
Outcome run_in_child(const std::function<std::string()>& body, double time_limit);

}  // namespace heddle::conformance
