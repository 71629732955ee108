// Text for the terminal and pages for docs/reference come from the declarations alone.
#include "core/plugin/describe.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>

#include "core/base/text.h"

namespace heddle {
namespace {

const char* const kinds[] = {"relu", "topk"};
const heddle_param table[] = {
    option::path("path", nullptr, "The ratings file. One line per event.", HEDDLE_PARAM_REQUIRED),
    option::real(
        "warmup", 0.25, 0, 1,
        "Share of the steps in which the rate rises from zero to its value, a sentence so long that it must be broken.",
        HEDDLE_PARAM_EXPERIMENTAL, "steps"),
    option::choice("kind", kinds, 1, "a | b", HEDDLE_PARAM_NOT_NUMERIC)};

Component demo() {
  Component c;
  c.kind = HEDDLE_KIND_DICTIONARY;
  c.id = "test.demo", c.version = "1.0.0", c.doc = "A dictionary. And more of it.";
  c.plugin_id = "test.plugin", c.plugin_version = "2.0.0", c.file = "/plugins/demo.so";
  c.params.assign(std::begin(table), std::end(table));
  return c;
}

TEST(Describe, FitsEightyColumns) {
  const std::string text = describe(demo());
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 80u) << line;
  EXPECT_NE(text.find("path (required)"), std::string::npos) << text;
  EXPECT_NE(text.find("warmup = 0.25"), std::string::npos) << text;
  EXPECT_NE(text.find("number, 0 to 1, in steps; experimental"), std::string::npos) << text;
  EXPECT_NE(text.find("one of: relu, topk; changes no result"), std::string::npos) << text;
}

TEST(Describe, PagesCoverKindsAndTables) {
  const Component component = demo();
  const OptionTable split{"[split]", "How users are divided.", Schema{"[split]", table}};
  const auto pages = reference_pages({&component}, {split});
  ASSERT_EQ(pages.size(), 3u);
  EXPECT_NE(pages.at("dictionary.md").find("| `kind` | `\"topk\"` | one of: relu, topk; changes no result | a \\| b |"),
            std::string::npos)
      << pages.at("dictionary.md");
  EXPECT_NE(pages.at("experiment.md").find("## `[split]`"), std::string::npos);
  EXPECT_NE(pages.at("README.md").find("`test.demo`: A dictionary"), std::string::npos);
}

TEST(Describe, WritesOnlyWhatChanged) {
  const auto folder = std::filesystem::temp_directory_path() / ("heddle_reference_" + std::to_string(getpid()));
  std::map<std::string, std::string> pages{{"a.md", "one\n"}, {"b.md", "two\n"}};
  EXPECT_EQ(write_reference(folder, pages).size(), 2u);
  EXPECT_TRUE(write_reference(folder, pages).empty());
  pages["b.md"] = "three\n";
  EXPECT_EQ(write_reference(folder, pages), std::vector<std::string>{"b.md"});
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace heddle
