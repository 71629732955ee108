#include "core/conformance/child.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <thread>

#include "core/base/console.h"
#include "core/base/error.h"

namespace heddle::conformance {
namespace {

// An anonymous file that parent and child share; the parent reads it when the child is gone.
class SharedText {
 public:
  explicit SharedText(const char* name) : descriptor_(memfd_create(name, 0)) {
    if (descriptor_ < 0) fail(HEDDLE_RESOURCE_EXHAUSTED, "memfd_create: {}", std::strerror(errno));
  }
  ~SharedText() { close(descriptor_); }
  SharedText(const SharedText&) = delete;
  SharedText& operator=(const SharedText&) = delete;
  int descriptor() const { return descriptor_; }
  std::string read() const {
    std::string text(64 * 1024, '\0');
    const ssize_t got = pread(descriptor_, text.data(), text.size(), 0);
    text.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return text;
  }
  void write(const std::string& text) const {
    size_t at = 0;
    while (at < text.size()) {
      const ssize_t put = ::write(descriptor_, text.data() + at, text.size() - at);
      if (put <= 0) return;
      at += static_cast<size_t>(put);
    }
  }

 private:
  int descriptor_;
};

// Whether the build watches memory itself; then address space must not be limited and messages come on stderr.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

// One page that the child writes and the parent reads when the child can no longer say anything.
char* shared_page() {
  static char* const page = [] {
    void* memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail(HEDDLE_RESOURCE_EXHAUSTED, "mmap: {}", std::strerror(errno));
    return static_cast<char*>(memory);
  }();
  return page;
}

std::string last_step() { return *shared_page() == 0 ? std::string() : fmt::format(" in: {}", shared_page()); }

void limit(__rlimit_resource resource, rlim_t value) {
  const rlimit both{value, value};
  setrlimit(resource, &both);
}

[[noreturn]] void be_the_child(const std::function<std::string()>& body, const SharedText& result,
                               const SharedText& out, const SharedText& err) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Crashes end the child as such, also where a sanitizer would rather print and exit.
  for (int number : {SIGINT, SIGTERM, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) signal(number, SIG_DFL);
  limit(RLIMIT_CORE, 0);
  // A parameter at its upper bound may ask for any amount of memory: that must end in an error and not in the OOM
  // killer.
  if (!sanitized) limit(RLIMIT_AS, rlim_t{16} << 30);
  dup2(out.descriptor(), STDOUT_FILENO);
  dup2(err.descriptor(), STDERR_FILENO);
  set_quiet(true);
  std::string text;
  try {
    text = "P" + body();
  } catch (const Skip& skip) {
    text = "S" + skip.reason;
  } catch (const Failure& failure) {
    text = "F" + failure.reason;
  } catch (const std::exception& error) {
    text = std::string("F") + error.what() + last_step();
  } catch (...) {
    text = std::string("Fan exception crossed the boundary") + last_step();
  }
  std::fflush(nullptr);
  result.write(text);
  _exit(0);
}

std::string first_line(const std::string& text) {
  std::string line = text.substr(0, text.find('\n'));
  if (line.size() > 100) line = line.substr(0, 100) + "…";
  return line;
}

std::string signal_text(int number) {
  const char* name = sigabbrev_np(number);
  return fmt::format("crashed with SIG{} ({})", name == nullptr ? "?" : name, strsignal(number));
}

// Waits for the child to end; false when it had to be killed.
bool wait_for(pid_t child, double time_limit, int* status) {
  const auto start = std::chrono::steady_clock::now();
  auto pause = std::chrono::microseconds(200);
  while (true) {
    const pid_t got = waitpid(child, status, WNOHANG);
    if (got == child) return true;
    if (got < 0 && errno != EINTR) fail(HEDDLE_INTERNAL, "waitpid: {}", std::strerror(errno));
    if (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() > time_limit ||
        cancel_requested()) {
      kill(child, SIGKILL);
      waitpid(child, status, 0);
      throw_if_cancelled();
      return false;
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::microseconds(20000));
  }
}

Outcome judge(int status, const std::string& result, const std::string& out, const std::string& err) {
  if (WIFSIGNALED(status))
    return {Verdict::failed, signal_text(WTERMSIG(status)) + last_step() + (err.empty() ? "" : ": " + first_line(err))};
  if (result.empty()) {
    const std::string said = err.empty() ? "" : ": " + first_line(err);
    return {Verdict::failed,
            fmt::format("ended the process (exit code {}){}{}", WEXITSTATUS(status), last_step(), said)};
  }
  if (!out.empty()) return {Verdict::failed, fmt::format("wrote to stdout: \"{}\"", first_line(out))};
  if (!err.empty()) return {Verdict::failed, fmt::format("wrote to stderr: \"{}\"", first_line(err))};
  const Verdict verdict = result[0] == 'P' ? Verdict::passed : result[0] == 'S' ? Verdict::skipped : Verdict::failed;
  return {verdict, result.substr(1)};
}

}  // namespace

void about_to(const std::string& what) {
  const size_t length = std::min<size_t>(what.size(), 200);
  std::memcpy(shared_page(), what.data(), length);
  shared_page()[length] = 0;
}

Outcome run_in_child(const std::function<std::string()>& body, double time_limit) {
  *shared_page() = 0;
  const SharedText result("result"), out("stdout"), err("stderr");
  std::fflush(nullptr);  // or the child would print again what the parent has not written yet
  const auto start = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child < 0) fail(HEDDLE_RESOURCE_EXHAUSTED, "fork: {}", std::strerror(errno));
  if (child == 0) be_the_child(body, result, out, err);
  int status = 0;
  const bool ended = wait_for(child, time_limit, &status);
  Outcome outcome =
      ended ? judge(status, result.read(), out.read(), err.read())
            : Outcome{Verdict::failed, fmt::format("did not come back within {:g} s{}", time_limit, last_step())};
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return outcome;
}

}  // namespace heddle::conformance
