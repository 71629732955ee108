// The effort budget: what a new thing costs its author, counted in all lines of the example, comments and blanks
// included.
#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace {

int lines(const std::string& file) {
  std::ifstream in(std::string(HEDDLE_SOURCE_DIR) + "/examples/" + file);
  EXPECT_TRUE(in) << file;
  int count = 0;
  for (std::string line; std::getline(in, line);) ++count;
  return count;
}

TEST(EffortBudget, ADictionaryIn60Lines) { EXPECT_LE(lines("jumprelu/jumprelu.cc"), 60); }
TEST(EffortBudget, AMetricIn25Lines) {
  EXPECT_LE(lines("f1/f1.cc"), 25);
  EXPECT_LE(lines("precision_at_k/precision_at_k.cc"), 25);
}
TEST(EffortBudget, AnAttributeSourceIn40Lines) { EXPECT_LE(lines("release_years/release_years.cc"), 40); }

}  // namespace
