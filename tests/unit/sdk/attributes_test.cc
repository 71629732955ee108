// The attribute source example, through a sink that records what it is told.
#define HEDDLE_STATIC_ENTRY release_years_entry
#include "examples/release_years/release_years.cc"
#include "harness.h"

#include <cstdio>

namespace {

using heddle_test::ErrorText;

struct Sink {
  std::vector<std::string> attributes, labels, titles;
  int32_t refuse = HEDDLE_OK;
};

heddle_attribute_sink sink_to(Sink& sink) {
  heddle_attribute_sink raw{sizeof raw, 0, &sink, nullptr, nullptr, nullptr};
  raw.attribute = [](void* self, const char* name, int32_t type, int64_t* index, heddle_error*) -> int32_t {
    auto& names = static_cast<Sink*>(self)->attributes;
    const std::string text = std::string(name) + (type == HEDDLE_ATTRIBUTE_NUMERIC ? " numeric" : " binary");
    for (size_t i = 0; i < names.size(); ++i)
      if (names[i] == text) return *index = static_cast<int64_t>(i), HEDDLE_OK;
    names.push_back(text);
    *index = static_cast<int64_t>(names.size()) - 1;
    return HEDDLE_OK;
  };
  raw.label = [](void* self, const char* item, int64_t attribute, double value, heddle_error* error) -> int32_t {
    auto& s = *static_cast<Sink*>(self);
    if (s.refuse != HEDDLE_OK) return set_error(error, s.refuse, "the sink refuses");
    s.labels.push_back(text(std::string_view(item), ' ', attribute, ' ', value));
    return HEDDLE_OK;
  };
  raw.title = [](void* self, const char* item, const char* title, heddle_error*) -> int32_t {
    static_cast<Sink*>(self)->titles.push_back(std::string(item) + " = " + title);
    return HEDDLE_OK;
  };
  return raw;
}

int32_t read(const std::string& content, Sink& sink, ErrorText& error) {
  const std::string path = testing::TempDir() + "years.tsv";
  std::FILE* file = std::fopen(path.c_str(), "wb");
  std::fwrite(content.data(), 1, content.size(), file);
  std::fclose(file);
  const heddle_component& c = heddle_test::component(release_years_entry(), "example.release_years");
  const auto& table = *static_cast<const heddle_attributes_vtable*>(c.vtable);
  const heddle_test::Options options(c, {{"path", path}});
  heddle_attributes* source = nullptr;
  EXPECT_EQ(table.open(nullptr, options.raw(), &source, &error.raw), HEDDLE_OK) << error.text;
  const int64_t counts[] = {5};
  const char* const ids[] = {"m1"};
  const heddle_catalogue catalogue{sizeof catalogue, 0, 1, counts, ids};
  const heddle_attribute_sink raw = sink_to(sink);
  const int32_t status = table.read(source, &catalogue, &raw, &error.raw);
  table.close(source);
  return status;
}

TEST(AttributesExample, PushesLabelsAndTitles) {
  Sink sink;
  ErrorText error;
  ASSERT_EQ(read("m1\t1977\tStar Wars\nm2\t1982\tBlade Runner\nm3\t1979\tAlien\n", sink, error), HEDDLE_OK)
      << error.text;
  EXPECT_EQ(sink.attributes, (std::vector<std::string>{"year numeric", "decade:1970 binary", "decade:1980 binary"}));
  EXPECT_EQ(sink.labels,
            (std::vector<std::string>{"m1 0 1977", "m1 1 1", "m2 0 1982", "m2 2 1", "m3 0 1979", "m3 1 1"}));
  EXPECT_EQ(sink.titles[1], "m2 = Blade Runner");
}

TEST(AttributesExample, ErrorsOfFileAndOfSinkComeOut) {
  Sink sink;
  ErrorText error;
  EXPECT_EQ(read("m1\t1977\n", sink, error), HEDDLE_INVALID_ARGUMENT);
  EXPECT_NE(std::string(error.text).find("years.tsv:1: expected item, year and title, found 2 fields"),
            std::string::npos)
      << error.text;
  sink.refuse = HEDDLE_RESOURCE_EXHAUSTED;
  EXPECT_EQ(read("m1\t1977\tStar Wars\n", sink, error), HEDDLE_RESOURCE_EXHAUSTED);
  EXPECT_STREQ(error.text, "the sink refuses");
}

}  // namespace
