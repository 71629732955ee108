// Golden test of what a user is told about a wrong experiment file: tests/unit/config/bad_experiments.golden.
//
// Each case there is: "### what is wrong", the file's text, "$ KEY=VALUE" for each --set, and ">>> " with the exact message.
// With HEDDLE_UPDATE_GOLDEN=1 the file is written anew; read the difference before you keep it.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/config/experiment.h"
#include "core/store/atomic_file.h"
#include "tests/unit/config/fake_plugins.h"

namespace heddle {
namespace {

struct Case {
  std::string title, text, message;
  std::vector<std::string> overrides;
};

std::vector<Case> read_cases(const std::string& file) {
  std::vector<Case> cases;
  std::istringstream lines(read_file(file));
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("### ", 0) == 0) cases.push_back({line.substr(4), "", "", {}});
    else if (cases.empty() || (!cases.back().message.empty() && line.empty())) continue;
    else if (line.rfind(">>> ", 0) == 0) cases.back().message = line.substr(4);
    else if (line.rfind("$ ", 0) == 0) cases.back().overrides.push_back(line.substr(2));
    else cases.back().text += line + "\n";
  }
  return cases;
}

void write_cases(const std::string& file, const std::vector<Case>& cases) {
  std::string text;
  for (const Case& c : cases) {
    text += "### " + c.title + "\n" + c.text;
    for (const std::string& assignment : c.overrides) text += "$ " + assignment + "\n";
    text += ">>> " + c.message + "\n\n";
  }
  write_file(file, text);
}

TEST(BadExperiments, GiveTheMessagesOfTheGoldenFile) {
  // A folder of known content; its name is left out of messages.
  std::string folder = (std::filesystem::temp_directory_path() / "heddle-config-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  write_file(std::filesystem::path(folder) / "log.csv", "");
  ::setenv("HEDDLE_DATA", (folder + "/data").c_str(), 1);

  const std::string file = HEDDLE_SOURCE_DIR "/tests/unit/config/bad_experiments.golden";
  std::vector<Case> cases = read_cases(file);
  EXPECT_GE(cases.size(), 60U);
  const FakePlugins plugins;
  for (Case& c : cases) {
    std::string message = "no error";
    try {
      const ExperimentFile experiment = ExperimentFile::parse(c.text, folder + "/exp.toml", c.overrides);
      experiment.plugin_paths();
      experiment.experiments(plugins);
    } catch (const Error& error) {
      EXPECT_TRUE(error.wrong_use()) << c.title;
      message = error.what();
    }
    for (size_t at; (at = message.find(folder + "/")) != std::string::npos;) message.erase(at, folder.size() + 1);
    EXPECT_EQ(message.find('\n'), std::string::npos) << c.title;
    EXPECT_NE(message, "no error") << c.title;
    if (std::getenv("HEDDLE_UPDATE_GOLDEN") != nullptr) c.message = message;
    EXPECT_EQ(message, c.message) << c.title << "\n" << c.text;
  }
  if (std::getenv("HEDDLE_UPDATE_GOLDEN") != nullptr) write_cases(file, cases);
  ::unsetenv("HEDDLE_DATA");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace heddle
