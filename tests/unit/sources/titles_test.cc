// Attribute sources that look into titles: years, decades, words.
#include <cmath>

#include "plugins/common/civil_time.h"
#include "plugins/common/years.h"
#include "support.h"

namespace heddle::test {
namespace {

class TitleSources : public SourceTest {
 protected:
  Catalogue catalogue{{"1", "2", "3", "4"}, {9, 9, 9, 9}};
  static GivenValue text(const char* name, const std::string& value) { return {name, value, {}}; }
  float number(const AttributeTable& t, const std::string& name, size_t item) const {
    return t.numeric[static_cast<size_t>(t.require(name))][item];
  }
  std::string failure_of(const std::string& id, Given given) {
    try {
      read_labels(id, std::move(given), catalogue, "x");
    } catch (const Error& error) {
      EXPECT_TRUE(error.wrong_use()) << error.what();
      return error.what();
    }
    return "no error";
  }
};

TEST(YearOfTitles, IsTheLastBracketThatBeginsWithOne) {
  using plugins::year_of;
  EXPECT_EQ(year_of("Heat (1995)"), 1995);
  EXPECT_EQ(year_of("1995"), 1995);
  EXPECT_EQ(year_of(" 1995 "), 1995);
  EXPECT_EQ(year_of("2001: A Space Odyssey (1968) "), 1968);
  EXPECT_EQ(year_of("Fawlty Towers (1975-1979)"), 1975);
  EXPECT_EQ(year_of("Twelve (1912) (1995) (dubbed)"), 1995);
  EXPECT_EQ(year_of("(1995)"), std::nullopt) << "a bracket alone is the title";
  EXPECT_EQ(year_of("Babylon 5"), std::nullopt);
  EXPECT_EQ(year_of("Numbers (12345)"), std::nullopt);
  EXPECT_EQ(year_of("Old (1066)"), std::nullopt);
  EXPECT_EQ(year_of(""), std::nullopt);
  EXPECT_EQ(year_of("Cut (199"), std::nullopt);
}

TEST_F(TitleSources, YearsOfMovieLens) {
  write("movies.dat",
        "1::Heat (1995)::Action\n2::Metropolis (1926)::Sci-Fi\n3::Nameless::Drama\n9::Far (1997)::Drama\n");
  const AttributeTable t = read_labels("heddle.release_year", {{"path", folder(), {}}}, catalogue, "time");
  EXPECT_EQ(number(t, "time:year", 0), 1995.0f);
  EXPECT_EQ(number(t, "time:year", 1), 1926.0f);
  EXPECT_TRUE(std::isnan(number(t, "time:year", 2)));
  EXPECT_EQ(labels_of(t, catalogue, "1"), "1990s");
  EXPECT_EQ(labels_of(t, catalogue, "2"), "1920s");
  EXPECT_EQ(labels_of(t, catalogue, "3"), "");
  EXPECT_EQ(t.sources[0].unknown_items, 1);
  const AttributeTable decades = read_labels(
      "heddle.release_year", {{"path", folder(), {}}, {"year", false, {}}, {"min_items", int64_t{2}, {}}}, catalogue);
  EXPECT_EQ(decades.size(), 0) << "no decade has two items of the catalogue";
  EXPECT_EQ(read_labels("heddle.release_year", {{"path", folder(), {}}, {"decade", false, {}}}, catalogue).size(), 1);
}

TEST_F(TitleSources, YearsOfATable) {
  const std::string path = write("y.tsv", "film\twhen\n1\t1999\n1\t2001\n2\tn/a\n3\tUntitled (2009)\n");
  Given given = {{"path", path, {}}, text("separator", "tab"), text("column", "when"), text("item", "film")};
  const AttributeTable t = read_labels("heddle.release_year", given, catalogue, "time");
  EXPECT_EQ(number(t, "time:year", 0), 1999.0f) << "the first row of an item counts";
  EXPECT_TRUE(std::isnan(number(t, "time:year", 1)));
  EXPECT_EQ(labels_of(t, catalogue, "3"), "2000s");
  EXPECT_NE(failure_of("heddle.release_year", {{"path", path, {}}, text("separator", "tab"), text("column", "film")})
                .find("no title ends in a year"),
            std::string::npos);
  EXPECT_NE(failure_of("heddle.release_year", {{"path", path, {}}, text("separator", "tab")})
                .find("separator describes a table, so column has to name its column"),
            std::string::npos);
  EXPECT_NE(failure_of("heddle.release_year", {{"path", path, {}}, {"year", false, {}}, {"decade", false, {}}})
                .find("nothing"),
            std::string::npos);
}

TEST_F(TitleSources, ContainWords) {
  write("movies.csv",
        "movieId,title,genres\n1,Star Wars: Episode IV (1977),Sci-Fi\n2,\"Starship, The\",Sci-Fi\n3,Wårs of "
        "STAR,Drama\n4,\"Élan\",Drama\n");
  const std::vector<std::string> texts{"star", "star wars", "ÉLAN", "wars"};
  AttributeTable t =
      read_labels("heddle.title_contains", {{"path", folder(), {}}, {"texts", texts, {}}}, catalogue, "title");
  EXPECT_EQ(labels_of(t, catalogue, "1"), "star star wars wars");
  EXPECT_EQ(labels_of(t, catalogue, "2"), "star");
  EXPECT_EQ(labels_of(t, catalogue, "3"), "star");
  EXPECT_EQ(labels_of(t, catalogue, "4"), "ÉLAN");
  t = read_labels("heddle.title_contains", {{"path", folder(), {}}, {"texts", texts, {}}, {"whole_words", true, {}}},
                  catalogue, "title");
  EXPECT_EQ(labels_of(t, catalogue, "2"), "");
  EXPECT_EQ(labels_of(t, catalogue, "3"), "star");
}

TEST_F(TitleSources, ContainWordsOfATable) {
  const std::string path = write("t.csv", "1,A love song\n2,Glove\n");
  Given given = {
      {"path", path, {}}, text("header", "no"), text("title", "2"), {"texts", std::vector<std::string>{"Love"}, {}}};
  AttributeTable t = read_labels("heddle.title_contains", given, catalogue, "title");
  EXPECT_EQ(t.attributes[0].items, 2);
  given.push_back({"whole_words", true, {}});
  t = read_labels("heddle.title_contains", given, catalogue, "title");
  EXPECT_EQ(labels_of(t, catalogue, "1"), "Love");
  EXPECT_EQ(labels_of(t, catalogue, "2"), "");
}

TEST_F(TitleSources, RefuseTextsThatSayNothing) {
  const std::string path = write("movies.dat", "1::A (1990)::Drama\n");
  const auto with = [&](std::vector<std::string> texts) {
    return failure_of("heddle.title_contains", {{"path", path, {}}, {"texts", std::move(texts), {}}});
  };
  EXPECT_NE(with({"a", " "}).find("texts holds an empty text"), std::string::npos);
  EXPECT_NE(with({"a", "A"}).find("texts holds 'a' and 'A', which are one"), std::string::npos);
  EXPECT_NE(with({}).find("texts is empty"), std::string::npos);
}

TEST(CivilTime, IsSecondsOfUtc) {
  const auto seconds = [](std::string_view text) {
    int64_t out = -1;
    return plugins::parse_civil_time(text, out) ? out : -1;
  };
  EXPECT_EQ(seconds("1970-01-01"), 0);
  EXPECT_EQ(seconds("2019-01-20 18:05"), 1548007500);
  EXPECT_EQ(seconds("2019-01-20T18:05:07Z"), 1548007507);
  EXPECT_EQ(seconds("2000-02-29 00:00:00.75"), 951782400);
  EXPECT_EQ(seconds("2100-03-01"), 4107542400);
  for (const char* wrong : {"", "2019", "2019-1-20", "2019-13-01", "2019-02-29", "2100-02-29", "2019-01-20 24:00",
                            "2019-01-20 18", "2019-01-20 18:05+01:00", "2019-01-20x18:05", "2019-01-20 18:05:7"})
    EXPECT_EQ(seconds(wrong), -1) << wrong;
}

}  // namespace
}  // namespace heddle::test
