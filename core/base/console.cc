#include "core/base/console.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>

#include "core/base/error.h"

namespace heddle {
namespace {

std::atomic<bool> verbose{false}, quiet{false}, cancelled{false};
std::mutex stderr_mutex;
bool bar_on_screen = false;  // guarded by stderr_mutex

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

bool on_terminal() {
  static const bool terminal = isatty(STDERR_FILENO) == 1;
  return terminal;
}

size_t terminal_width() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20) return size.ws_col;
  return 80;
}

std::string duration(double seconds) {
  auto s = static_cast<long>(seconds + 0.5);
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m{:02}s", s / 60, s % 60);
  return fmt::format("{}h{:02}m", s / 3600, s % 3600 / 60);
}

std::string quantity(double value) {
  if (value >= 1e6) return fmt::format("{:.1f}M", value / 1e6);
  if (value >= 1e4) return fmt::format("{:.0f}k", value / 1e3);
  if (value >= 100) return fmt::format("{:.0f}", value);
  return fmt::format("{:.1f}", value);
}

extern "C" void on_signal(int) {
  if (cancelled.exchange(true)) _exit(130);
}

}  // namespace

void set_verbose(bool value) { verbose = value; }
void set_quiet(bool value) { quiet = value; }

void log_line(int32_t severity, std::string_view component, std::string_view message) {
  if (severity == HEDDLE_LOG_DEBUG && !verbose) return;
  if (severity < HEDDLE_LOG_ERROR && quiet) return;
  const char* label = severity == HEDDLE_LOG_ERROR ? "error: " : severity == HEDDLE_LOG_WARNING ? "warning: " : "";
  std::lock_guard lock(stderr_mutex);
  if (bar_on_screen) fmt::print(stderr, "\r\033[K");
  bar_on_screen = false;
  if (component.empty()) fmt::print(stderr, "{}{}\n", label, message);
  else fmt::print(stderr, "{}{}: {}\n", label, component, message);
}

void install_signal_handlers() {
  // A stack of their own: generated code of a plugin's library (oneDNN's, for one) may use the stack pointer as a general
  // register, and a frame pushed while it runs would land in the heap. Worker threads block signals altogether (ThreadPool).
  static char stack[1 << 16];
  stack_t alternate{};
  alternate.ss_sp = stack;
  alternate.ss_size = sizeof stack;
  sigaltstack(&alternate, nullptr);
  struct sigaction action {};
  action.sa_flags = SA_ONSTACK;
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

void request_cancel() { cancelled = true; }
void clear_cancel() { cancelled = false; }
bool cancel_requested() { return cancelled.load(std::memory_order_relaxed); }
void throw_if_cancelled() {
  if (cancel_requested()) throw Error(HEDDLE_CANCELLED, "interrupted");
}

Progress::Progress(std::string what, uint64_t total, std::string unit)
    : what_(std::move(what)), unit_(std::move(unit)), total_(total), start_(now_seconds()), last_draw_(start_) {}

Progress::~Progress() {
  if (finished_ || !on_terminal()) return;
  std::lock_guard lock(stderr_mutex);
  if (bar_on_screen) fmt::print(stderr, "\r\033[K");
  bar_on_screen = false;
}

void Progress::update(uint64_t done, std::string_view note) {
  done_ = done;
  const double now = now_seconds();
  if (now - last_draw_ < (on_terminal() ? 0.1 : 10.0)) return;
  last_draw_ = now;
  draw(done, note, false);
}

void Progress::finish(std::string_view note) {
  if (finished_) return;
  finished_ = true;
  draw(done_, note, true);
}

void Progress::draw(uint64_t done, std::string_view note, bool last) {
  if (quiet) return;
  const double elapsed = now_seconds() - start_;
  const double rate = elapsed > 0 ? static_cast<double>(done) / elapsed : 0;
  std::string line = fmt::format("{:<22}", what_);
  if (last) {
    line += fmt::format(" {:>7}", duration(elapsed));
    if (done > 0 && elapsed > 0.05) line += fmt::format("  {} {}/s", quantity(rate), unit_);
  } else {
    if (total_ > 0) {
      const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total_));
      if (on_terminal()) {
        const int filled = static_cast<int>(share * 20);
        line += fmt::format(" [{:=<{}}{: <{}}]", "", filled, "", 20 - filled);
      }
      line += fmt::format(" {:>3.0f}%", share * 100);
      if (share > 0.01) line += fmt::format("  {} left", duration(elapsed / share - elapsed));
    }
    line += fmt::format("  {} {}/s", quantity(rate), unit_);
  }
  if (!note.empty()) line += fmt::format("  {}", note);
  std::lock_guard lock(stderr_mutex);
  if (on_terminal()) {
    const size_t width = terminal_width() - 1;
    if (line.size() > width) line.resize(width);
    fmt::print(stderr, "\r\033[K{}{}", line, last ? "\n" : "");
    bar_on_screen = !last;
  } else {
    fmt::print(stderr, "{}\n", line);
  }
  std::fflush(stderr);
}

}  // namespace heddle
