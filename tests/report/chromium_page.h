// A page in headless Chromium, driven over the DevTools pipe (file descriptors 3 and 4 of the browser, JSON texts ended by NUL):
// open it, ask it, look at what it printed. No port, no server, no other program. Tests skip where there is no browser.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "core/report/chromium.h"

namespace heddle::test {

class ChromiumPage {
 public:
  // Where the test is to be skipped: no browser here.
  static bool missing() { return !find_chromium(); }

  explicit ChromiumPage(const std::filesystem::path& scratch, int width = 1280, int height = 900, bool dark = false)
      : profile_(scratch / "profile") {
    int to[2], from[2];
    if (pipe(to) != 0 || pipe(from) != 0) throw std::runtime_error("no pipe");
    write_ = to[1], read_ = from[0];
    std::vector<std::string> words = {find_chromium()->string(),
                                      "--headless",
                                      "--disable-gpu",
                                      "--no-first-run",
                                      "--disable-extensions",
                                      "--disable-dev-shm-usage",
                                      "--hide-scrollbars",
                                      "--remote-debugging-pipe",
                                      "--user-data-dir=" + profile_.string(),
                                      "about:blank"};
    if (geteuid() == 0) words.insert(words.begin() + 1, "--no-sandbox");
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    child_ = fork();
    if (child_ == 0) {
      setpgid(0, 0);
      // Moved out of the way first: the pipe's own numbers may be 3 and 4.
      const int in = fcntl(to[0], F_DUPFD, 20), out = fcntl(from[1], F_DUPFD, 20),
                nothing = open("/dev/null", O_WRONLY);
      dup2(nothing, 1);
      dup2(nothing, 2);
      dup2(in, 3);
      dup2(out, 4);
      for (int fd = 5; fd < 64; ++fd) close(fd);
      execv(arguments[0], arguments.data());
      _exit(127);
    }
    close(to[0]);
    close(from[1]);
    const auto target = call("Target.createTarget", {{"url", "about:blank"}});
    session_ = call("Target.attachToTarget", {{"targetId", target.at("targetId")}, {"flatten", true}}).at("sessionId");
    for (const char* domain : {"Page", "Runtime", "Log"}) call(std::string(domain) + ".enable");
    resize(width, height);
    if (dark)
      call("Emulation.setEmulatedMedia",
           {{"features", nlohmann::json::array({{{"name", "prefers-color-scheme"}, {"value", "dark"}}})}});
  }
  ~ChromiumPage() {
    kill(-child_, SIGKILL);
    waitpid(child_, nullptr, 0);
    close(write_);
    close(read_);
  }
  ChromiumPage(const ChromiumPage&) = delete;
  ChromiumPage& operator=(const ChromiumPage&) = delete;

  void resize(int width, int height) {
    call("Emulation.setDeviceMetricsOverride",
         {{"width", width}, {"height", height}, {"deviceScaleFactor", 1}, {"mobile", width < 600}});
  }
  // Opens a file and waits until everything is drawn. Seconds from the beginning of the navigation, as the page itself measures.
  double open_file(const std::filesystem::path& file, const std::string& hash = "") {
    call("Page.navigate", {{"url", "file://" + std::filesystem::absolute(file).string() + hash}});
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (evaluate("document.documentElement?.dataset.ready || ''") != "true") {
      if (std::chrono::steady_clock::now() > end) throw std::runtime_error("the page does not become ready");
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return evaluate("window.heddleReadyAt").get<double>() / 1000;
  }
  // The value of an expression, promises awaited. What it throws is an error of the page.
  nlohmann::json evaluate(const std::string& expression) {
    const auto result =
        call("Runtime.evaluate", {{"expression", expression}, {"returnByValue", true}, {"awaitPromise", true}});
    if (result.contains("exceptionDetails")) errors_.push_back(result.at("exceptionDetails").dump());
    return result.at("result").value("value", nlohmann::json());
  }
  nlohmann::json call(const std::string& method, const nlohmann::json& parameters = nlohmann::json::object()) {
    nlohmann::json message = {{"id", ++last_}, {"method", method}, {"params", parameters}};
    if (!session_.empty()) message["sessionId"] = session_;
    std::string text = message.dump();
    text += '\0';
    for (size_t at = 0; at < text.size();) {
      const ssize_t wrote = write(write_, text.data() + at, text.size() - at);
      if (wrote <= 0) throw std::runtime_error("the browser is gone");
      at += static_cast<size_t>(wrote);
    }
    for (;;) {
      const nlohmann::json answer = receive();
      if (answer.value("id", 0) == last_) {
        if (answer.contains("error")) throw std::runtime_error(method + ": " + answer.at("error").dump());
        return answer.at("result");
      }
      const std::string event = answer.value("method", "");
      if (event == "Runtime.exceptionThrown" || event == "Log.entryAdded")
        errors_.push_back(answer.at("params").dump());
      if (event == "Runtime.consoleAPICalled" && answer.at("params").at("type") != "log")
        errors_.push_back(answer.at("params").dump());
    }
  }
  // Exceptions, warnings and errors of the console so far.
  const std::vector<std::string>& errors() const { return errors_; }

 private:
  nlohmann::json receive() {
    for (;;) {
      const size_t end = buffer_.find('\0');
      if (end != std::string::npos) {
        auto message = nlohmann::json::parse(buffer_.substr(0, end));
        buffer_.erase(0, end + 1);
        return message;
      }
      pollfd ready{read_, POLLIN, 0};
      if (poll(&ready, 1, 60000) != 1) throw std::runtime_error("the browser does not answer");
      char part[1 << 16];
      const ssize_t got = read(read_, part, sizeof part);
      if (got <= 0) throw std::runtime_error("the browser is gone");
      buffer_.append(part, static_cast<size_t>(got));
    }
  }

  std::filesystem::path profile_;
  std::string session_, buffer_;
  std::vector<std::string> errors_;
  pid_t child_ = -1;
  int write_ = -1, read_ = -1, last_ = 0;
};

}  // namespace heddle::test
