// Validation of parameters: every refusal says where, what and what would be accepted; defaults, JSON and cache keys.
#include "core/plugin/values.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/base/error.h"

namespace heddle {
namespace {

const char* const kinds[] = {"relu", "topk", "batch_topk"};
const heddle_param table[] = {
    option::integer("hidden", 64, 1, 4096, "width of the state"),
    option::real("dropout", 0.1, 0, 0.9, "share of zeros"),
    option::boolean("tied", true, "tie the head"),
    option::choice("kind", kinds, 1, "rule of selection"),
    option::text("label", "x", "free text", HEDDLE_PARAM_NOT_NUMERIC),
    option::path("file", nullptr, "a file"),
    option::integers("steps", "1, 2,3", 0, 10, "steps"),
    option::reals("values", nullptr, -1, 1, "values"),
    option::texts("names", "a,b", "names"),
};
const Schema schema{"heddle.demo", table};

GivenValue give(std::string name, GivenValue::Variant value) {
  return {std::move(name), std::move(value), {"exp.toml", 12, 3}};
}

std::string message_of(const Schema& with, std::vector<GivenValue> given, const ValuesContext& context = {}) {
  try {
    Values values(with, std::move(given), context);
  } catch (const Error& error) {
    EXPECT_TRUE(error.wrong_use()) << error.what();
    return error.what();
  }
  return "accepted";
}

TEST(Values, FillsDefaultsInDeclarationOrder) {
  const Values values(schema, {});
  ASSERT_EQ(values.raw()->count, 9u);
  EXPECT_EQ(values.raw()->struct_size, sizeof(heddle_values));
  const heddle_value* v = values.raw()->values;
  EXPECT_EQ(v[0].i, 64);
  EXPECT_EQ(v[1].f, 0.1);
  EXPECT_EQ(v[2].i, 1);
  EXPECT_EQ(v[3].i, 1);
  EXPECT_STREQ(v[3].s, "topk");
  EXPECT_STREQ(v[4].s, "x");
  EXPECT_STREQ(v[5].s, "");
  ASSERT_EQ(v[6].n, 3u);
  EXPECT_EQ(static_cast<const int64_t*>(v[6].list)[2], 3);
  EXPECT_EQ(v[7].n, 0u);
  ASSERT_EQ(v[8].n, 2u);
  EXPECT_STREQ(static_cast<const char* const*>(v[8].list)[1], "b");
  for (int i = 0; i < 9; ++i) EXPECT_EQ(v[i].flags & HEDDLE_VALUE_GIVEN, 0u);
}

TEST(Values, TakesWhatIsGiven) {
  const Values values(
      schema, {give("dropout", int64_t{0}), give("kind", std::string("relu")),
               give("values", std::vector<int64_t>{1, 0}), give("names", std::vector<int64_t>{}), give("tied", false)});
  EXPECT_EQ(values.real("dropout"), 0.0);
  EXPECT_EQ(values.choice("kind"), 0);
  EXPECT_EQ(values.text("kind"), "relu");
  EXPECT_EQ(values.reals("values")[0], 1.0);
  EXPECT_TRUE(values.texts("names").empty());
  EXPECT_FALSE(values.boolean("tied"));
  EXPECT_TRUE(values.given("dropout"));
  EXPECT_FALSE(values.given("hidden"));
  EXPECT_EQ(values.where("kind").line, 12);
  EXPECT_THROW(values.integer("nothing"), Error);
  EXPECT_THROW(values.integer("dropout"), Error);
}

TEST(Values, CopiesShareWhatRawPointsTo) {
  Values copy(schema, {});
  const char* label = nullptr;
  {
    const Values values(schema,
                        {give("label", std::string("a long label that is not stored inside the string object"))});
    copy = values;
    label = values.raw()->values[4].s;
  }
  EXPECT_EQ(copy.raw()->values[4].s, label);
  EXPECT_EQ(copy.text("label"), "a long label that is not stored inside the string object");
}

TEST(Values, RefusalsSayWhereWhatAndWhatIsAccepted) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(message_of(schema, {give("hiden", int64_t{1})}),
            "exp.toml:12:3: unknown key 'hiden' of heddle.demo; did you mean 'hidden'? accepted: hidden, dropout, "
            "tied, kind, label, file, "
            "steps, values, names");
  EXPECT_EQ(message_of(schema, {give("hidden", int64_t{0})}),
            "exp.toml:12:3: 'hidden' of heddle.demo is 0; accepted: whole number, 1 to 4096");
  EXPECT_EQ(message_of(schema, {give("hidden", 64.0)}),
            "exp.toml:12:3: 'hidden' of heddle.demo is 64.0; accepted: whole number, 1 to 4096");
  EXPECT_EQ(message_of(schema, {give("hidden", std::string("big"))}),
            "exp.toml:12:3: 'hidden' of heddle.demo is \"big\"; accepted: whole number, 1 to 4096");
  EXPECT_EQ(message_of(schema, {give("dropout", nan)}),
            "exp.toml:12:3: 'dropout' of heddle.demo is nan; accepted: number, 0 to 0.9");
  EXPECT_EQ(message_of(schema, {give("dropout", inf)}),
            "exp.toml:12:3: 'dropout' of heddle.demo is inf; accepted: number, 0 to 0.9");
  EXPECT_EQ(message_of(schema, {give("tied", int64_t{1})}),
            "exp.toml:12:3: 'tied' of heddle.demo is 1; accepted: true or false");
  EXPECT_EQ(message_of(schema, {give("kind", std::string("topq"))}),
            "exp.toml:12:3: 'kind' of heddle.demo is \"topq\"; did you mean 'topk'? accepted: one of: relu, topk, "
            "batch_topk");
  EXPECT_EQ(message_of(schema, {give("steps", std::vector<int64_t>{1, 11})}),
            "exp.toml:12:3: 'steps' of heddle.demo is [1, 11]; accepted: list of whole numbers, 0 to 10");
  EXPECT_EQ(message_of(schema, {give("values", std::vector<double>{nan})}),
            "exp.toml:12:3: 'values' of heddle.demo is [nan]; accepted: list of numbers, -1 to 1");
  EXPECT_EQ(message_of(schema, {give("names", std::string("a"))}),
            "exp.toml:12:3: 'names' of heddle.demo is \"a\"; accepted: list of strings");
  EXPECT_EQ(message_of(schema, {give("label", std::string("a\0b", 3))}),
            "exp.toml:12:3: 'label' of heddle.demo contains a zero byte");
  EXPECT_EQ(message_of(schema, {give("tied", true), give("tied", true)}),
            "exp.toml:12:3: 'tied' of heddle.demo is given twice");
}

TEST(Values, PositionOfAnOverrideIsTheOverride) {
  EXPECT_EQ(message_of(schema, {{"hidden", int64_t{0}, {"--set backbone.hidden=0", 0, 0}}}),
            "--set backbone.hidden=0: 'hidden' of heddle.demo is 0; accepted: whole number, 1 to 4096");
}

TEST(Values, RequiredAndCrossFieldFaultsPointAtTheTable) {
  static const heddle_param required[] = {option::path("path", nullptr, "the ratings file", HEDDLE_PARAM_REQUIRED),
                                          option::integer("heads", 2, 1, 64, "heads")};
  const Schema with{"heddle.source", required, [](const heddle_values* values, heddle_error* error) -> int32_t {
                      if (values->values[1].i == 3)
                        return set_error(error, HEDDLE_INVALID_ARGUMENT, "heads must be even");
                      return HEDDLE_OK;
                    }};
  const ValuesContext context{{"exp.toml", 4, 1}, {}};
  EXPECT_EQ(message_of(with, {}, context), "exp.toml:4:1: heddle.source needs 'path' (path): the ratings file");
  EXPECT_EQ(message_of(with, {give("path", std::string("/x")), give("heads", int64_t{3})}, context),
            "exp.toml:4:1: heddle.source: heads must be even");
}

TEST(Values, PathsAreMadeAbsolute) {
  const Values plain(schema, {{"file", std::string("data/x.csv"), {"/configs/exp.toml", 3, 1}}});
  EXPECT_EQ(plain.text("file"), "/configs/data/x.csv");
  const ValuesContext context{{"exp.toml", 1, 1},
                              [](const std::string& text, const SourcePosition&) { return "/root/" + text; }};
  EXPECT_EQ(Values(schema, {give("file", std::string("x"))}, context).text("file"), "/root/x");
  EXPECT_EQ(Values(schema, {give("file", std::string())}, context).text("file"), "");
}

TEST(Values, JsonHoldsEverythingAndTheKeyOnlyNumbers) {
  const Values values(schema, {give("dropout", 0.25)});
  EXPECT_EQ(
      values.resolved().dump(),
      R"({"hidden":64,"dropout":0.25,"tied":true,"kind":"topk","label":"x","file":"","steps":[1,2,3],"values":[],"names":["a","b"]})");
  EXPECT_FALSE(values.numeric_key().contains("label"));
  EXPECT_EQ(values.numeric_key().size(), 8u);
  EXPECT_EQ(values.numeric_key(),
            Values(schema, {give("dropout", 0.25), give("label", std::string("other"))}).numeric_key());
}

TEST(Schema, FaultsOfADeclaration) {
  const auto fault = [](heddle_param p) { return schema_fault(Schema{"t", {&p, 1}}); };
  EXPECT_EQ(schema_fault(schema), "");
  EXPECT_EQ(fault(option::integer("Big", 1, 0, 2, "")), "parameter name 'Big' is not lower_snake_case");
  EXPECT_EQ(fault(option::integer("a", 3, 0, 2, "")), "parameter 'a' has the default 3; accepted: 0 to 2");
  EXPECT_EQ(fault(option::integer("a", 3, 0, 2, "", HEDDLE_PARAM_REQUIRED)), "");
  EXPECT_EQ(fault(option::real("a", NAN, 0, 2, "")), "parameter 'a' has the default nan; accepted: number, 0 to 2");
  EXPECT_EQ(fault(option::real("a", 1, NAN, 2, "")), "parameter 'a' has the range nan to 2");
  EXPECT_EQ(fault(option::real("a", 1, 2, 1, "")), "parameter 'a' has the range 2 to 1");
  EXPECT_EQ(fault(option::choice("a", kinds, 3, "")),
            "parameter 'a' has the default 3; accepted: the index of one of 3 choices");
  static const char* const twice[] = {"x", "x"};
  EXPECT_EQ(fault(option::choice("a", twice, 0, "")), "parameter 'a' names the choice 'x' twice");
  EXPECT_EQ(fault(option::integers("a", "1,b", 0, 9, "")), "parameter 'a' has the default \"1,b\", not a list");
  EXPECT_EQ(fault(option::integer("a", 1, 0, 2, "", 1u << 7)),
            "parameter 'a' sets flags 0x80, not all of which this heddle understands");
  EXPECT_EQ(fault(option::base(77, "a", "", 0, "")), "parameter 'a' is of unknown type 77");
  static const heddle_param twins[] = {option::boolean("a", true, ""), option::boolean("a", true, "")};
  EXPECT_EQ(schema_fault(Schema{"t", twins}), "parameter 'a' is declared twice");
}

}  // namespace
}  // namespace heddle
