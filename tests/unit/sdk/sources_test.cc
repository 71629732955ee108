// Text files and event blocks, through the example that uses them.
#define HEDDLE_STATIC_ENTRY basket_lines_entry
#include "examples/basket_lines/basket_lines.cc"
#include "harness.h"

#include <cstdio>
#include <filesystem>

namespace {

using heddle_test::ErrorText;

std::string write(const std::string& name, const std::string& content) {
  const auto path = std::filesystem::path(testing::TempDir()) / name;
  std::FILE* file = std::fopen(path.c_str(), "wb");
  std::fwrite(content.data(), 1, content.size(), file);
  std::fclose(file);
  return path;
}

TEST(TextFileTest, LinesFieldsAndNumbers) {
  TextFile in(write("lines.txt", "a\tb\r\n\nlast"));
  ASSERT_TRUE(in.next());
  EXPECT_EQ(in.fields('\t').size(), 2u);
  EXPECT_EQ(in.line(), "a\tb");
  ASSERT_TRUE(in.next());
  EXPECT_EQ(in.line(), "");
  ASSERT_TRUE(in.next());
  EXPECT_EQ(in.line(), "last");
  EXPECT_EQ(in.number(), 3);
  EXPECT_FALSE(in.next());
  EXPECT_FALSE(in.next());
}

TEST(TextFileTest, LinesLongerThanTheBuffer) {
  const std::string longer(200'000, 'x');
  TextFile in(write("long.txt", longer + "\n" + longer + "\n"));
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(in.next());
    EXPECT_EQ(in.line().size(), longer.size());
  }
  EXPECT_FALSE(in.next());
}

TEST(TextFileTest, ErrorsNameFileAndLine) {
  const std::string path = write("bad.txt", "1\nx2\n");
  TextFile in(path);
  in.next();
  EXPECT_EQ(in.to_number<int>(in.line()), 1);
  in.next();
  ErrorText error;
  EXPECT_EQ(guarded(&error.raw, [&] { in.to_number<int>(in.line()); }), HEDDLE_INVALID_ARGUMENT);
  EXPECT_EQ(std::string(error.text), path + ":2: \"x2\" is not a number of the kind expected");
  EXPECT_EQ(guarded(&error.raw, [] { TextFile("/nowhere/at/all"); }), HEDDLE_NOT_FOUND);
}

class BasketLinesTest : public testing::Test {
 protected:
  int32_t open(const std::string& content) {
    const heddle_test::Options options(component, {{"path", write("baskets.txt", content)}});
    return table.open(nullptr, options.raw(), &source, &error.raw);
  }
  ~BasketLinesTest() override {
    if (source != nullptr) table.close(source);
  }
  const heddle_component& component = heddle_test::component(basket_lines_entry(), "example.basket_lines");
  const heddle_interactions_vtable& table = *static_cast<const heddle_interactions_vtable*>(component.vtable);
  heddle_interactions* source = nullptr;
  ErrorText error;
};

TEST_F(BasketLinesTest, GivesEventsInFileOrder) {
  ASSERT_EQ(open("ann tea milk\nbob\ncleo tea\n"), HEDDLE_OK) << error.text;
  heddle_interactions_info info{};
  ASSERT_EQ(table.info(source, &info, &error.raw), HEDDLE_OK);
  EXPECT_EQ(info.user_ids, HEDDLE_ID_STRING);
  EXPECT_EQ(info.has_time, 0);
  heddle_event_block block{};
  ASSERT_EQ(table.next(source, &block, &error.raw), HEDDLE_OK) << error.text;
  ASSERT_EQ(block.count, 3);
  EXPECT_EQ(block.user, nullptr);
  EXPECT_EQ(std::string(block.user_text + block.user_offsets[2], block.user_text + block.user_offsets[3]), "cleo");
  EXPECT_EQ(std::string(block.item_text, block.item_offsets[3]), "teamilktea");
  ASSERT_EQ(table.next(source, &block, &error.raw), HEDDLE_OK);
  EXPECT_EQ(block.count, 0);
  ASSERT_EQ(table.next(source, &block, &error.raw), HEDDLE_OK);
  EXPECT_EQ(block.count, 0);
}

TEST_F(BasketLinesTest, BadLinesAndFingerprints) {
  ASSERT_EQ(open("ann tea  milk\n"), HEDDLE_OK);
  char first[128], second[128];
  ASSERT_EQ(table.fingerprint(source, first, sizeof first, &error.raw), HEDDLE_OK);
  EXPECT_EQ(table.fingerprint(source, second, 4, &error.raw), HEDDLE_OUT_OF_RANGE);
  heddle_event_block block{};
  EXPECT_EQ(table.next(source, &block, &error.raw), HEDDLE_INVALID_ARGUMENT);
  EXPECT_NE(std::string(error.text).find("baskets.txt:1: two blanks"), std::string::npos) << error.text;
  table.close(source);
  ASSERT_EQ(open("ann tea  milK\n"), HEDDLE_OK);
  ASSERT_EQ(table.fingerprint(source, second, sizeof second, &error.raw), HEDDLE_OK);
  EXPECT_STRNE(first, second);
}

}  // namespace
