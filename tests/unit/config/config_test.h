// Experiments from text, in a folder of their own with an empty log.csv that HEDDLE_DATA does not know.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "core/config/experiment.h"
#include "core/store/atomic_file.h"
#include "tests/unit/config/fake_plugins.h"

namespace heddle {

class ConfigTest : public ::testing::Test {
 protected:
  ConfigTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "heddle-config-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    write("log.csv", "");
    ::setenv("HEDDLE_DATA", (folder_ / "data").c_str(), 1);
  }
  ~ConfigTest() override {
    ::unsetenv("HEDDLE_DATA");
    std::filesystem::remove_all(folder_);
  }
  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    write_file(folder_ / name, text);
  }
  std::vector<Experiment> load(const std::string& text, const std::vector<std::string>& overrides = {}) const {
    return ExperimentFile::parse(text, folder_ / "exp.toml", overrides).experiments(plugins_);
  }
  Experiment one(const std::string& text, const std::vector<std::string>& overrides = {}) const {
    return load(text, overrides).at(0);
  }
  // The error's message without the name of the folder.
  std::string failure(const std::string& text, const std::vector<std::string>& overrides = {}) const {
    std::string message = "no error";
    try {
      load(text, overrides);
    } catch (const Error& error) {
      EXPECT_TRUE(error.wrong_use()) << error.what();
      message = error.what();
    }
    const std::string prefix = folder_.string() + "/";
    for (size_t at; (at = message.find(prefix)) != std::string::npos;) message.erase(at, prefix.size());
    return message;
  }

  std::filesystem::path folder_;
  FakePlugins plugins_;
};

}  // namespace heddle
