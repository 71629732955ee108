// Runs the `heddle` program of this build as a child process, as a user would.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace heddle::test {

struct Outcome {
  int code = -1;  // exit code, or -signal
  std::string out, err;
};

inline std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// A fresh folder, removed with the object.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "heddle-e2e-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  std::filesystem::path write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

// Every artefact of an output folder: path below it → bytes.
inline std::map<std::string, std::string> artefact_bytes(const std::filesystem::path& output) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(output / "store"))
    if (entry.is_regular_file()) files[std::filesystem::relative(entry.path(), output).string()] = slurp(entry.path());
  return files;
}

inline void expect_same_artefacts(const std::filesystem::path& a, const std::filesystem::path& b) {
  const auto left = artefact_bytes(a), right = artefact_bytes(b);
  ASSERT_FALSE(left.empty());
  for (const auto& [name, bytes] : left) {
    ASSERT_EQ(right.count(name), 1u) << name << " is missing in " << b;
    EXPECT_TRUE(right.at(name) == bytes) << name << " differs between " << a << " and " << b;
  }
  EXPECT_EQ(left.size(), right.size());
}

class Program {
 public:
  // before: a program with arguments that runs ours, e.g. an emulator.
  explicit Program(std::filesystem::path work, std::vector<std::string> before = {})
      : work_(std::move(work)), before_(std::move(before)) {}

  // Starts `heddle arguments...`; wait() collects it.
  void start(const std::vector<std::string>& arguments) {
    pid_ = fork();
    if (pid_ == 0) {
      if (chdir(work_.c_str()) != 0) _exit(127);
      const int out = open("stdout.txt", O_CREAT | O_WRONLY | O_TRUNC, 0600),
                err = open("stderr.txt", O_CREAT | O_WRONLY | O_TRUNC, 0600);
      dup2(out, 1);
      dup2(err, 2);
      std::vector<char*> argv;
      for (std::string& word : before_) argv.push_back(word.data());
      std::string name = HEDDLE_BUILD_DIR "/bin/heddle";
      argv.push_back(name.data());
      for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
      argv.push_back(nullptr);
      execvp(argv[0], argv.data());
      _exit(127);
    }
  }
  void signal(int number) const { kill(pid_, number); }
  bool running() const {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
  }
  Outcome wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    Outcome outcome;
    outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    outcome.out = slurp(work_ / "stdout.txt");
    outcome.err = slurp(work_ / "stderr.txt");
    return outcome;
  }
  Outcome run(const std::vector<std::string>& arguments) {
    start(arguments);
    return wait();
  }

 private:
  std::filesystem::path work_;
  std::vector<std::string> before_;
  pid_t pid_ = -1;
};

}  // namespace heddle::test
