// One declaration gives the host's array, the parser and the plugin's descriptor.
#define HEDDLE_STATIC_ENTRY schema_test_entry
#include "harness.h"
#include "heddle/metric.hpp"

namespace {

using namespace heddle::sdk;

enum class Colour { red, green, blue };

struct Everything : Metric<Everything> {
  static constexpr About about{"test.everything", "An option of every type."};
  static constexpr Range range{.lowest = 0, .highest = 1};
  struct Options {
    bool on = true;
    int small = -3;
    int64_t large = int64_t{1} << 40;
    double real = 0.25;
    std::string_view word = "a default longer than any small-string buffer";
    std::string_view file;
    Colour colour = Colour::blue;
    std::vector<int64_t> counts;
    std::vector<double> reals;
    std::vector<std::string> words;
  } options;
  static constexpr Schema schema{field("on", &Options::on).doc("d"),
                                 field("small", &Options::small).range(-10, 10).unit("steps"),
                                 field("large", &Options::large).not_numeric(),
                                 field("real", &Options::real).range(0, 1),
                                 field("word", &Options::word),
                                 field("file", &Options::file).path().required(),
                                 field("colour", &Options::colour).choices("red", "green", "blue").experimental(),
                                 field("counts", &Options::counts).by_default("1,2,3").range(0),
                                 field("reals", &Options::reals),
                                 field("words", &Options::words).by_default("a,b")};
  static void check(const Options& o) {
    if (o.small == 7) raise(HEDDLE_INVALID_ARGUMENT, "small is 7");
  }
  double score(const Pair&) const {
    return options.small + options.real + static_cast<double>(options.word.size()) +
           static_cast<double>(options.counts.size());
  }
};

struct Nothing : Metric<Nothing> {
  static constexpr About about{"test.nothing", "No options.", "2.0.0", HEDDLE_CONCURRENCY_EXCLUSIVE};
  static constexpr Range range{.lowest = 0, .highest = 1, .lower_is_better = true};
  double score(const Pair&) const { return 0; }
};

}  // namespace

HEDDLE_PLUGIN("test.schema", "1.2.3", Everything, Nothing)

namespace {

using heddle_test::component;

TEST(Schema, DeclaresEverythingAsConstantData) {
  const heddle_component& c = component(schema_test_entry(), "test.everything");
  ASSERT_EQ(c.n_params, 10u);
  const heddle_param* p = c.params;
  for (uint64_t i = 0; i < c.n_params; ++i) EXPECT_EQ(p[i].struct_size, sizeof(heddle_param));
  EXPECT_EQ(p[0].type, HEDDLE_PARAM_BOOL);
  EXPECT_EQ(p[0].default_int, 1);
  EXPECT_STREQ(p[0].doc, "d");
  EXPECT_EQ(p[1].default_int, -3);
  EXPECT_EQ(p[1].minimum, -10);
  EXPECT_STREQ(p[1].unit, "steps");
  EXPECT_EQ(p[2].default_int, int64_t{1} << 40);
  EXPECT_EQ(p[2].flags, uint32_t{HEDDLE_PARAM_NOT_NUMERIC});
  EXPECT_EQ(p[2].maximum, INFINITY);
  EXPECT_EQ(p[3].default_float, 0.25);
  EXPECT_STREQ(p[4].default_string, "a default longer than any small-string buffer");
  EXPECT_EQ(p[5].type, HEDDLE_PARAM_PATH);
  EXPECT_EQ(p[5].flags, uint32_t{HEDDLE_PARAM_REQUIRED});
  EXPECT_EQ(p[6].type, HEDDLE_PARAM_CHOICE);
  ASSERT_EQ(p[6].n_choices, 3u);
  EXPECT_STREQ(p[6].choices[p[6].default_int], "blue");
  EXPECT_EQ(p[7].type, HEDDLE_PARAM_INT_LIST);
  EXPECT_STREQ(p[7].default_string, "1,2,3");
  EXPECT_EQ(p[8].default_string, nullptr);
  EXPECT_EQ(p[9].type, HEDDLE_PARAM_STRING_LIST);
}

TEST(Schema, DescriptorAndVersions) {
  const heddle_plugin* plugin = schema_test_entry();
  EXPECT_STREQ(plugin->id, "test.schema");
  EXPECT_EQ(plugin->abi_major, uint32_t{HEDDLE_ABI_MAJOR});
  const heddle_component& everything = component(plugin, "test.everything");
  EXPECT_STREQ(everything.version, "1.2.3");
  EXPECT_EQ(everything.concurrency, HEDDLE_CONCURRENCY_PER_INSTANCE);
  EXPECT_NE(everything.check, nullptr);
  const heddle_component& nothing = component(plugin, "test.nothing");
  EXPECT_STREQ(nothing.version, "2.0.0");
  EXPECT_EQ(nothing.concurrency, HEDDLE_CONCURRENCY_EXCLUSIVE);
  EXPECT_EQ(nothing.check, nullptr);
  EXPECT_EQ(nothing.n_params, 0u);
  EXPECT_EQ(heddle_abi_note.kinds, 1u << HEDDLE_KIND_METRIC);
}

TEST(Schema, ParsesValuesAndKeepsItsOwnTexts) {
  const heddle_component& c = component(schema_test_entry(), "test.everything");
  const auto& table = *static_cast<const heddle_metric_vtable*>(c.vtable);
  heddle_metric* metric = nullptr;
  heddle_test::ErrorText error;
  {
    const heddle_test::Options options(
        c, {{"small", int64_t{5}}, {"word", std::string("four")}, {"file", std::string("/x")}});
    ASSERT_EQ(table.create(nullptr, options.raw(), &metric, &error.raw), HEDDLE_OK) << error.text;
  }  // the host's values are gone
  const heddle_pair pair{};
  double score = 0;
  heddle_pair sized = pair;
  sized.struct_size = sizeof sized;
  ASSERT_EQ(table.score(metric, 1, &sized, &score, &error.raw), HEDDLE_OK);
  EXPECT_EQ(score, 5 + 0.25 + 4);
  table.destroy(metric);
}

TEST(Schema, RefusesWhatItDidNotDeclare) {
  const heddle_component& c = component(schema_test_entry(), "test.everything");
  const auto& table = *static_cast<const heddle_metric_vtable*>(c.vtable);
  heddle_test::ErrorText error;
  heddle_metric* metric = nullptr;
  const heddle_values none{sizeof none, 0, 0, nullptr};
  EXPECT_EQ(table.create(nullptr, &none, &metric, &error.raw), HEDDLE_INTERNAL);
  EXPECT_EQ(metric, nullptr);
  const heddle_test::Options seven(c, {{"small", int64_t{7}}});
  EXPECT_EQ(c.check(seven.raw(), &error.raw), HEDDLE_INVALID_ARGUMENT);
  EXPECT_STREQ(error.text, "small is 7");
  EXPECT_EQ(table.create(nullptr, seven.raw(), &metric, &error.raw), HEDDLE_INVALID_ARGUMENT);
  const heddle_test::Options too_large(c, {{"small", int64_t{1} << 40}});
  EXPECT_EQ(c.check(too_large.raw(), &error.raw), HEDDLE_OUT_OF_RANGE);
}

}  // namespace
