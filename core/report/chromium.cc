#include "core/report/chromium.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/store/atomic_file.h"

namespace heddle {

namespace fs = std::filesystem;

std::optional<fs::path> find_chromium() {
  auto runs = [](const fs::path& file) { return access(file.c_str(), X_OK) == 0 && !fs::is_directory(file); };
  if (const char* named = std::getenv("HEDDLE_CHROMIUM")) {
    if (runs(named)) return named;
    // "none" and a slip alike mean that there is no browser; searching on would surprise.
    return std::nullopt;
  }
  const char* path = std::getenv("PATH");
  const std::string folders = path == nullptr ? "/usr/bin:/bin" : path;
  for (const char* name : {"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"})
    for (size_t at = 0; at <= folders.size();) {
      const size_t end = std::min(folders.find(':', at), folders.size());
      const fs::path file = fs::path(folders.substr(at, end - at)) / name;
      if (end > at && runs(file)) return file;
      at = end + 1;
    }
  return std::nullopt;
}

std::string document_after_scripts(const fs::path& chromium, const fs::path& page, int seconds) {
  // Beside the page: a folder of ours, so that neither a running browser nor its profile is touched.
  const fs::path out = page.string() + ".dom", err = page.string() + ".log", profile = page.string() + ".profile";
  std::vector<std::string> words = {chromium.string(),
                                    "--headless",
                                    "--disable-gpu",
                                    "--no-first-run",
                                    "--disable-extensions",
                                    "--disable-dev-shm-usage",
                                    "--user-data-dir=" + profile.string(),
                                    "--dump-dom"};
  // Its sandbox refuses to work for root; the page is our own text.
  if (geteuid() == 0) words.push_back("--no-sandbox");
  words.push_back("file://" + fs::absolute(page).string());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t child = fork();
  if (child < 0) fail(HEDDLE_RESOURCE_EXHAUSTED, "cannot start {}", chromium.string());
  if (child == 0) {
    setpgid(0, 0);  // its helpers are stopped together with it
    const int to = open(out.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600),
              log = open(err.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600);
    dup2(to, 1);
    dup2(log, 2);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  int status = 0;
  bool ended = false;
  while (!ended && std::chrono::steady_clock::now() < end && !cancel_requested()) {
    ended = waitpid(child, &status, WNOHANG) == child;
    if (!ended) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  if (!ended) {
    kill(-child, SIGKILL);
    waitpid(child, &status, 0);
  }
  std::error_code ignored;
  const std::string said = fs::exists(err, ignored) ? read_file(err) : "";
  fs::remove_all(profile, ignored);
  throw_if_cancelled();
  if (!ended || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
    fail(HEDDLE_FAILED_PRECONDITION, "{} {}: {}", chromium.string(), ended ? "failed" : "did not finish in time",
         said.substr(said.size() > 300 ? said.size() - 300 : 0));
  return read_file(out);
}

}  // namespace heddle
