#include "core/cli/values.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/store/results_print.h"

namespace heddle::cli {
namespace {

TEST(Values, ranges_and_lists) {
  EXPECT_EQ(parse_values("-2:2", "--values"), (std::vector<double>{-2, -1, 0, 1, 2}));
  EXPECT_EQ(parse_values("-10:10:5", "--values"), (std::vector<double>{-10, -5, 0, 5, 10}));
  EXPECT_EQ(parse_values("3", "--values"), (std::vector<double>{3}));
  EXPECT_EQ(parse_values("1,2.5,-4", "--values"), (std::vector<double>{1, 2.5, -4}));
  // The end is reached although 0.1 is no binary fraction.
  EXPECT_EQ(parse_values("0:1:0.1", "--values").size(), 11u);
}

TEST(Values, nonsense_is_refused) {
  for (const char* text : {"", "a", "1:", "2:1", "1:2:0", "1:2:-1", "1:2:3:4", "nan", "inf", "0:1e9", "1,,2", "1 2"})
    EXPECT_THROW(parse_values(text, "--values"), Error) << text;
}

TEST(Values, what_a_float_cannot_hold_is_refused) {
  EXPECT_EQ(fit_float(-2.5, "--set"), -2.5f);
  EXPECT_THROW(fit_float(1e60, "--set"), Error);
  EXPECT_THROW(fit_float(-1e39, "--set"), Error);
}

TEST(Values, an_empty_field_is_named) {
  EXPECT_EQ(parse_fields("260, 1196", "--history"), (std::vector<std::string>{"260", "1196"}));
  for (const char* text : {"", "1,", ",1", "1, ,2"}) EXPECT_THROW(parse_fields(text, "--history"), Error) << text;
  try {
    parse_fields("260,,1196", "--history");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("field 2 of 3 is empty"), std::string::npos) << error.what();
  }
}

TEST(CsvField, quotes_only_when_needed) {
  EXPECT_EQ(csv_field("Heat"), "Heat");
  EXPECT_EQ(csv_field("Thing, The"), "\"Thing, The\"");
  EXPECT_EQ(csv_field("a \"b\""), "\"a \"\"b\"\"\"");
}

TEST(NearestName, typing_errors_only) {
  EXPECT_EQ(nearest_name("hiden", {"hidden", "heads"}), "hidden");
  EXPECT_EQ(nearest_name("ehads", {"hidden", "heads"}), "heads");
  EXPECT_EQ(nearest_name("zebra", {"hidden", "heads"}), "");
  EXPECT_EQ(edit_distance("abc", "acb"), 1u);
}

TEST(TextTable, aligns_and_cuts_the_widest_column) {
  Table table({"name", "n"}, {false, true});
  table.add({"Amélie", "7"});
  table.add({"a very long title indeed", "12"});
  EXPECT_EQ(table.text(16), "name           n\n────────────  ──\nAmélie         7\na very long…  12\n");
}

}  // namespace
}  // namespace heddle::cli
