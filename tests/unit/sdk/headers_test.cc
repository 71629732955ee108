// The SDK as a compiler sees it: every header alone, without RTTI, without warnings; together with the host's headers
// in one program; and every template of `heddle plugins new` as it would be written.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

// An embedding program may include both sides: their names do not clash.
#include "core/base/error.h"
#include "core/compute/device.h"
#include "core/compute/tensor.h"
#include "heddle/attributes.hpp"
#include "heddle/backbone.hpp"
#include "heddle/device.hpp"
#include "heddle/dictionary.hpp"
#include "heddle/interactions.hpp"
#include "heddle/metric.hpp"
#include "heddle/ranking_metric.hpp"

namespace {

namespace fs = std::filesystem;
const fs::path root = HEDDLE_SOURCE_DIR;

// Empty when it compiles, else what the compiler said.
std::string compile(const std::string& source, const std::string& name) {
  const fs::path folder = fs::path(testing::TempDir()) / "heddle_headers";
  fs::create_directories(folder);
  std::ofstream(folder / (name + ".cc")) << source;
  const std::string log = folder / (name + ".log");
  const std::string command =
      "c++ -std=c++20 -fno-rtti -fsyntax-only -Wall -Wextra -Wpedantic -Wshadow -Wno-missing-field-initializers "
      "-Wno-pragma-once-outside-header -Werror -I" +
      (root / "sdk/include").string() + " " + (folder / (name + ".cc")).string() + " >" + log + " 2>&1";
  if (std::system(command.c_str()) == 0) return "";
  std::ostringstream out;
  out << std::ifstream(log).rdbuf();
  return out.str() + "\n(failed)";
}

TEST(SdkHeaders, EachCompilesAlone) {
  int count = 0;
  for (const fs::path& folder : {root / "sdk/include/heddle", root / "sdk/include/heddle/nn"})
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() != ".hpp") continue;
      const std::string name = fs::relative(entry.path(), root / "sdk/include");
      EXPECT_EQ(compile("#include <" + name + ">\nint main() {}\n", entry.path().stem()), "") << name;
      ++count;
    }
  EXPECT_GE(count, 16);
}

TEST(SdkHeaders, EveryTemplateCompiles) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator(root / "sdk/templates")) {
    std::ostringstream text;
    text << std::ifstream(entry.path() / "plugin.cc").rdbuf();
    std::string source = std::regex_replace(text.str(), std::regex("@ID@"), "acme.my_thing");
    source = std::regex_replace(source, std::regex("@NAME@"), "my_thing");
    source = std::regex_replace(source, std::regex("@CLASS@"), "MyThing");
    EXPECT_EQ(source.find('@'), std::string::npos) << entry.path();
    EXPECT_EQ(compile(source, "template_" + entry.path().filename().string()), "") << entry.path();
    EXPECT_TRUE(fs::exists(entry.path() / "CMakeLists.txt")) << entry.path();
    ++count;
  }
  EXPECT_EQ(count, 7);
}

// docs/writing-a-plugin.md shows true code: every C++ block marked with a file is that file.
TEST(SdkHeaders, TheGuideShowsTheExamplesAsTheyAre) {
  std::ostringstream text;
  text << std::ifstream(root / "docs/writing-a-plugin.md").rdbuf();
  const std::string guide = text.str();
  int count = 0;
  const std::regex block("<!-- (examples/[^ ]+) -->\n```[a-z+]*\n([^]*?)```\n");
  for (std::sregex_iterator it(guide.begin(), guide.end(), block), end; it != end; ++it, ++count) {
    std::ostringstream file;
    file << std::ifstream(root / (*it)[1].str()).rdbuf();
    EXPECT_EQ((*it)[2].str(), file.str()) << (*it)[1].str();
  }
  EXPECT_GE(count, 3);
}

}  // namespace
