#include "core/data/attributes.h"

#include <cmath>
#include <functional>

#include "core/base/text.h"
#include "core/data/report.h"
#include "support.h"

namespace heddle::test {
namespace {

// A source that does what a function says.
using Push = std::function<int32_t(const heddle_catalogue&, const heddle_attribute_sink&, heddle_error*)>;
Push* current = nullptr;

const heddle_attributes_vtable& table() {
  static const heddle_attributes_vtable t = {
      sizeof(heddle_attributes_vtable),
      0,
      [](const heddle_host*, const heddle_values*, heddle_attributes** out, heddle_error*) -> int32_t {
        *out = reinterpret_cast<heddle_attributes*>(current);
        return HEDDLE_OK;
      },
      [](heddle_attributes*) {},
      [](heddle_attributes* self, const heddle_catalogue* catalogue, const heddle_attribute_sink* sink,
         heddle_error* error) -> int32_t { return (*reinterpret_cast<Push*>(self))(*catalogue, *sink, error); },
      [](heddle_attributes*, char* text, uint64_t, heddle_error*) -> int32_t {
        std::snprintf(text, 8, "fake");
        return HEDDLE_OK;
      }};
  return t;
}

AttributeTable read_one(Catalogue& catalogue, Push push, const std::string& prefix = "genre") {
  static const heddle_host host{};
  current = &push;
  const AttributeSource source{prefix, "test.fake", &table(), nullptr};
  return read_attributes(std::span(&source, 1), catalogue, host);
}

Catalogue three_items() { return Catalogue({"10", "20", "30"}, {5, 0, 7}); }

TEST(Attributes, LabelsAreJoinedByRawId) {
  Catalogue catalogue = three_items();
  const AttributeTable t =
      read_one(catalogue, [](const heddle_catalogue& c, const heddle_attribute_sink& s, heddle_error* e) {
        EXPECT_EQ(c.items, 3);
        EXPECT_EQ(c.counts[2], 7);
        EXPECT_STREQ(c.raw_ids[1], "20");
        int64_t horror = -1, comedy = -1, again = -1;
        s.attribute(s.self, "Horror", HEDDLE_ATTRIBUTE_BINARY, &horror, e);
        s.attribute(s.self, "Comedy", HEDDLE_ATTRIBUTE_BINARY, &comedy, e);
        s.attribute(s.self, "Horror", HEDDLE_ATTRIBUTE_BINARY, &again, e);
        EXPECT_EQ(horror, again);
        s.label(s.self, "30", comedy, 1, e);
        s.label(s.self, "30", horror, 1, e);
        s.label(s.self, "30", horror, 1, e);  // twice counts once
        s.label(s.self, "10", horror, 1, e);
        s.label(s.self, "10", comedy, 0, e);  // an explicit 0
        s.label(s.self, "99", comedy, 1, e);
        s.title(s.self, "98", "nobody knows", e);
        return s.title(s.self, "30", "Dr. Strangelove", e);
      });
  EXPECT_EQ(t.size(), 2);
  EXPECT_EQ(t.attributes[0].name, "genre:Horror");
  EXPECT_EQ(t.attributes[0].items, 2);
  EXPECT_EQ(t.offsets, (std::vector<int64_t>{0, 1, 1, 3}));
  EXPECT_EQ(t.labels, (std::vector<int32_t>{0, 0, 1}));
  EXPECT_TRUE(t.has(2, 1));
  EXPECT_FALSE(t.has(0, 1));
  EXPECT_EQ(t.bits_of(0), (std::vector<uint64_t>{0b101}));
  EXPECT_EQ(catalogue.title(2), "Dr. Strangelove");
  EXPECT_EQ(catalogue.title(0), "10");
  EXPECT_EQ(t.sources[0].unknown_items, 2);
  EXPECT_EQ(t.sources[0].unknown_labels, 2);
  EXPECT_EQ(t.sources[0].unlabelled_items, 1);
  EXPECT_EQ(t.require("genre:Comedy"), 1);
  EXPECT_EQ(failure([&] { t.require("genre:Horor"); }),
            "no attribute 'genre:Horor'; did you mean 'genre:Horror'?; there are: genre:Horror, genre:Comedy");
}

TEST(Attributes, NumericValuesAreNaNWhereAbsent) {
  Catalogue catalogue = three_items();
  const AttributeTable t =
      read_one(catalogue, [](const heddle_catalogue&, const heddle_attribute_sink& s, heddle_error* e) {
        int64_t year = -1;
        s.attribute(s.self, "year", HEDDLE_ATTRIBUTE_NUMERIC, &year, e);
        return s.label(s.self, "20", year, 1964, e);
      });
  EXPECT_TRUE(std::isnan(t.numeric[0][0]));
  EXPECT_EQ(t.numeric[0][1], 1964.0f);
  EXPECT_EQ(t.attributes[0].items, 1);
  EXPECT_TRUE(t.labels.empty());
}

TEST(Attributes, SourcesKeepTheirPrefixesAndTheFirstTitleWins) {
  Catalogue catalogue = three_items();
  static const heddle_host host{};
  Push push = [](const heddle_catalogue&, const heddle_attribute_sink& s, heddle_error* e) {
    static int calls = 0;
    int64_t a = -1;
    s.attribute(s.self, "Jazz", HEDDLE_ATTRIBUTE_BINARY, &a, e);
    s.title(s.self, "10", ++calls == 1 ? "first" : "second", e);
    return s.label(s.self, "10", a, 1, e);
  };
  current = &push;
  const std::vector<AttributeSource> sources = {{"genre", "test.a", &table(), nullptr},
                                                {"tag", "test.b", &table(), nullptr}};
  const AttributeTable t = read_attributes(sources, catalogue, host);
  EXPECT_EQ(t.attributes[0].name, "genre:Jazz");
  EXPECT_EQ(t.attributes[1].name, "tag:Jazz");
  EXPECT_EQ(std::vector<int32_t>(t.labels_of(0).begin(), t.labels_of(0).end()), (std::vector<int32_t>{0, 1}));
  EXPECT_EQ(catalogue.title(0), "first");
  EXPECT_EQ(attribute_fingerprint(sources[0], host), "fake");
}

TEST(Attributes, FaultsOfASourceAreTold) {
  Catalogue catalogue = three_items();
  const auto message = [&](Push push) { return failure([&] { read_one(catalogue, push); }); };
  EXPECT_EQ(message([](const heddle_catalogue&, const heddle_attribute_sink& s, heddle_error* e) {
              int64_t a = 0;
              s.attribute(s.self, "x", HEDDLE_ATTRIBUTE_BINARY, &a, e);
              return s.label(s.self, "10", a, 0.5, e);
            }),
            "[attributes.genre] test.fake: item '10' has the value 0.5 for the binary 'genre:x'; it must be 0 or 1");
  EXPECT_EQ(message([](const heddle_catalogue&, const heddle_attribute_sink& s, heddle_error* e) {
              int64_t a = 0;
              s.attribute(s.self, "x", HEDDLE_ATTRIBUTE_NUMERIC, &a, e);
              return s.label(s.self, "10", a, NAN, e);
            }),
            "[attributes.genre] test.fake: item '10' has the value nan for 'genre:x'; it must be finite");
  EXPECT_EQ(message([](const heddle_catalogue&, const heddle_attribute_sink& s, heddle_error* e) {
              int64_t a = 0;
              s.attribute(s.self, "x", HEDDLE_ATTRIBUTE_NUMERIC, &a, e);
              return s.attribute(s.self, "x", HEDDLE_ATTRIBUTE_BINARY, &a, e);
            }),
            "[attributes.genre] test.fake: attribute 'x' is declared both binary and numeric");
  EXPECT_EQ(message([](const heddle_catalogue&, const heddle_attribute_sink& s, heddle_error* e) {
              return s.label(s.self, "10", 3, 1, e);
            }),
            "[attributes.genre] test.fake: label of item '10' for attribute 3, which was not declared");
  EXPECT_EQ(message([](const heddle_catalogue&, const heddle_attribute_sink& s, heddle_error* e) {
              int64_t a = 0;
              return s.attribute(s.self, "caf\xE9", HEDDLE_ATTRIBUTE_BINARY, &a, e);
            }),
            "[attributes.genre] test.fake: the name of an attribute is not UTF-8");
}

TEST(CatalogueTest, CountsTheTrainingSide) {
  Interactions log = read({{1, 10, 1}, {1, 20, 2}, {1, 30, 9}, {2, 10, 3}, {2, 20, 4}, {3, 10, 8}, {3, 40, 9}});
  SplitOptions options;
  options.test = 0.3;
  options.activation_users = 0.5;
  options.validation_users = 0;
  const Split split = make_split(log, options, 1);
  const Catalogue catalogue(log, split);
  EXPECT_EQ(catalogue.counts,
            (std::vector<int64_t>{2, 2, 0, 0}));  // both training users, whatever their part; not test, not after T
  EXPECT_EQ(catalogue.find("40"), 3);
  EXPECT_EQ(catalogue.find("50"), -1);
}

TEST(DataReport, SaysWhatMattersInEightyColumns) {
  Interactions log = read({{1, 10, 978300019},
                           {1, 20, 978300055},
                           {1, 30, 978300055},
                           {2, 10, 978300060},
                           {2, 20, 978300070},
                           {3, 10, 978400000},
                           {3, 40, 978400001}});
  SplitOptions options;
  options.test = 0.3;
  options.validation_users = 0;
  const Split split = make_split(log, options, 1);
  const std::string text = data_report(log, split);
  for (const char* part :
       {"users                        3", "interactions                 7", "min 2, median 2, mean 2.3, max 3",
        "2000-12-31 22:00:19", "ties in time                 1 (14.3 %", "new_users, test = 0.3",
        "cold test targets            1", "Leakage check: passed", "dictionary"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    EXPECT_LE(display_width(text.substr(at, end - at)), 80u) << text.substr(at, end - at);
    at = end + 1;
  }
}

}  // namespace
}  // namespace heddle::test
