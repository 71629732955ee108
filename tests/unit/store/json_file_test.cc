#include "core/store/json_file.h"

#include <gtest/gtest.h>

#include "core/store/atomic_file.h"
#include "tests/unit/store/temporary_folder.h"

namespace heddle {
namespace {

TEST(JsonFile, RoundTrip) {
  const TemporaryFolder folder;
  const nlohmann::json value = {{"a", 1}, {"b", {0.1, nullptr, "ü"}}};
  write_json(folder / "x.json", value);
  EXPECT_EQ(read_json(folder / "x.json"), value);
  nlohmann::ordered_json ordered;
  ordered["z"] = 1, ordered["a"] = 2;
  write_json(folder / "y.json", ordered);
  EXPECT_EQ(read_file(folder / "y.json"), "{\n  \"z\": 1,\n  \"a\": 2\n}\n");
}

TEST(JsonFile, ErrorsNameFileAndPlace) {
  const struct {
    std::string text, expected;
  } cases[] = {{"", "f.json:1:1: not sound JSON"},
               {"{\"a\": 1,\n \"b\": ]}", "f.json:2:7: not sound JSON"},
               {"{\"a\": 1, \"a\": 2}", "the name 'a' is given twice"},
               {"{\"o\": {\"a\": 1, \"a\": 2}}", "the name 'a' is given twice"},
               {"{} {}", "f.json:1:4: not sound JSON"},
               {"{\"a\": \"\xff\"}", "not sound JSON"},
               {"[1e999]", "not sound JSON"},
               {std::string(100, '['), "nested deeper than 64"}};
  for (const auto& c : cases) {
    const std::string message = error_of([&] { parse_json(c.text, "f.json"); }, HEDDLE_DATA_LOSS);
    EXPECT_NE(message.find(c.expected), std::string::npos) << c.text << " -> " << message;
  }
  EXPECT_NE(error_of([] { read_json("/none.json"); }, HEDDLE_NOT_FOUND), "");
}

}  // namespace
}  // namespace heddle
