// What the user sees while work goes on: log lines and progress on stderr, never on stdout. [any thread]
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace heddle {

// One line on stderr ("warning: ..." and so on). Debug lines only when verbose.
void log_line(int32_t severity, std::string_view component, std::string_view message);
void set_verbose(bool verbose);
void set_quiet(bool quiet);  // errors only, no progress

// Cancellation: set by SIGINT/SIGTERM (the second one exits at once) or by an embedding program.
void install_signal_handlers();
void request_cancel();
void clear_cancel();
bool cancel_requested();
// Throws Error(HEDDLE_CANCELLED, ...) when cancellation was asked for.
void throw_if_cancelled();

// A progress bar with rate and time left on a terminal, a plain line every ten seconds elsewhere.
class Progress {
 public:
  Progress(std::string what, uint64_t total, std::string unit = "");
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void update(uint64_t done, std::string_view note = {});
  void finish(std::string_view note = {});  // leaves one line behind

 private:
  void draw(uint64_t done, std::string_view note, bool last);
  std::string what_, unit_;
  uint64_t total_, done_ = 0;
  double start_, last_draw_ = 0;
  bool finished_ = false;
};

}  // namespace heddle
