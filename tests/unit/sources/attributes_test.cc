// The attribute sources on hand-made files of every layout.
#include <cmath>

#include "support.h"

namespace heddle::test {
namespace {

class AttributeSources : public SourceTest {
 protected:
  Catalogue catalogue{{"1", "2", "3"}, {100, 10, 0}};
  static Given at(const std::string& path) { return {{"path", path, {}}}; }
  std::string failure_of(const std::string& id, Given given) {
    try {
      read_labels(id, std::move(given), catalogue);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }
};

TEST_F(AttributeSources, Genres1MInLatin1) {
  write("movies.dat",
        "1::Mis\xE9rables, Les (1995)::Drama|Musical\n2::Heat (1995)::Action|Drama\n9::Elsewhere::Western\n");
  const AttributeTable t = read_labels("heddle.movielens_genres", at(folder()), catalogue);
  ASSERT_EQ(t.size(), 4);
  EXPECT_EQ(t.attributes[0].name, "genre:Action");  // ordered by name
  EXPECT_EQ(t.attributes[3].items, 0);              // Western: of an item that is not in the log
  EXPECT_EQ(labels_of(t, catalogue, "1"), "Drama Musical");
  EXPECT_EQ(labels_of(t, catalogue, "3"), "");
  EXPECT_EQ(catalogue.title(0), "Misérables, Les (1995)");
  EXPECT_EQ(t.sources[0].unknown_items, 1);
  EXPECT_EQ(t.sources[0].unlabelled_items, 1);
}

TEST_F(AttributeSources, Genres10MInUtf8) {
  const std::string path = write("movies.dat", "1::Misérables, Les (1995)::Drama\n2::None::(no genres listed)\n");
  const AttributeTable t = read_labels("heddle.movielens_genres", at(path), catalogue);
  EXPECT_EQ(t.size(), 1);
  EXPECT_EQ(catalogue.title(0), "Misérables, Les (1995)");
  EXPECT_EQ(catalogue.title(1), "None");
}

TEST_F(AttributeSources, Genres20MQuoted) {
  write("movies.csv",
        "movieId,title,genres\n1,\"American President, The (1995)\",Comedy|Drama\n2,\"11'09\"\"01 (2002)\",(no genres "
        "listed)\n");
  const AttributeTable t = read_labels("heddle.movielens_genres", at(folder()), catalogue);
  EXPECT_EQ(labels_of(t, catalogue, "1"), "Comedy Drama");
  EXPECT_EQ(catalogue.title(0), "American President, The (1995)");
  EXPECT_EQ(catalogue.title(1), "11'09\"01 (2002)");
}

TEST_F(AttributeSources, Genres100KFromFlags) {
  write("u.genre", "unknown|0\nAction|1\nComedy|2\n\n");
  const std::string path =
      write("u.item", "1|Toy Story (1995)|01-Jan-1995||http://x|0|0|1\n2|unknown||||1|0|0\n3|Caf\xE9|||x|0|1|1\n");
  const AttributeTable t = read_labels("heddle.movielens_genres", at(folder()), catalogue);
  EXPECT_EQ(t.size(), 2);
  EXPECT_EQ(labels_of(t, catalogue, "1"), "Comedy");
  EXPECT_EQ(labels_of(t, catalogue, "2"), "");
  EXPECT_EQ(labels_of(t, catalogue, "3"), "Action Comedy");
  EXPECT_EQ(catalogue.title(2), "Café");
  write("u.item", "1|Toy Story (1995)|01-Jan-1995||http://x|0|0|2\n");
  EXPECT_EQ(failure_of("heddle.movielens_genres", at(path)),
            "[attributes.genre] heddle.movielens_genres: " + path + ":1: the flag of Comedy is '2'; expected 0 or 1");
}

TEST_F(AttributeSources, GenresOfBadFiles) {
  const std::string path = write("movies.dat", "1::Toy Story::Comedy\n2::Heat\n");
  const std::string who = "[attributes.genre] heddle.movielens_genres: " + path;
  EXPECT_EQ(failure_of("heddle.movielens_genres", at(path)), who + ":2: 2 fields; expected 3 (id, title, genres)");
  write("movies.dat", "1::Toy Story::Comedy||Drama\n");
  EXPECT_EQ(failure_of("heddle.movielens_genres", at(path)), who + ":1: an empty genre in 'Comedy||Drama'");
  write("movies.dat", "a,b\n");
  EXPECT_TRUE(failure_of("heddle.movielens_genres", at(path))
                  .starts_with(who + ":1: the first line is 'a,b'; expected id::title::genres"));
  write("movies.dat", "1::Caf\xE9::Comedy\n");
  EXPECT_NE(failure_of("heddle.movielens_genres", {{"path", path, {}}, {"encoding", std::string("utf-8"), {}}})
                .find(":1: bytes that are not UTF-8"),
            std::string::npos);
}

TEST_F(AttributeSources, FingerprintOfGenresFollowsBothFiles) {
  write("u.genre", "Action|0\n");
  const std::string path = write("u.item", "1|a|b|c|d|1\n");
  const auto print = [&] {
    const Component& component = registry().find(HEDDLE_KIND_ATTRIBUTES, "heddle.movielens_genres");
    const Values values(component, at(path));
    return attribute_fingerprint({"genre", "x", &component.table<heddle_attributes_vtable>(), values.raw()}, host());
  };
  const std::string first = print();
  write("u.genre", "Comedy|0\n");
  EXPECT_NE(print(), first);
}

TEST_F(AttributeSources, Popularity) {
  AttributeTable t = read_labels("heddle.item_popularity", {}, catalogue, "popularity");
  EXPECT_EQ(t.attributes[0].name, "popularity:log10_count");
  EXPECT_FLOAT_EQ(t.numeric[0][0], 2.0f);
  EXPECT_FLOAT_EQ(t.numeric[0][1], 1.0f);
  EXPECT_TRUE(std::isnan(t.numeric[0][2]));
  t = read_labels("heddle.item_popularity", {{"scale", std::string("count"), {}}}, catalogue, "popularity");
  EXPECT_EQ(t.attributes[0].name, "popularity:count");
  EXPECT_EQ(t.numeric[0][0], 100.0f);
}

TEST_F(AttributeSources, TablesWithSeveralLabelsInACell) {
  const std::string path =
      write("tags.csv", "id;name;tags;year\n1;One;\"jazz, swing\";1950\n2;Two;;\n3;Three;swing;1960.5\n");
  Given given = {{"path", path, {}},
                 {"separator", std::string(";"), {}},
                 {"item", std::string("id"), {}},
                 {"label", std::string("tags"), {}},
                 {"label_separator", std::string(","), {}},
                 {"title", std::string("name"), {}},
                 {"numbers", std::vector<std::string>{"year"}, {}}};
  AttributeTable t = read_labels("heddle.item_labels", given, catalogue, "tag");
  EXPECT_EQ(labels_of(t, catalogue, "1"), "jazz swing");
  EXPECT_EQ(labels_of(t, catalogue, "2"), "");
  EXPECT_EQ(labels_of(t, catalogue, "3"), "swing");
  EXPECT_EQ(catalogue.title(1), "Two");
  const auto year = static_cast<size_t>(t.require("tag:year"));
  EXPECT_EQ(t.numeric[year][2], 1960.5f);
  EXPECT_TRUE(std::isnan(t.numeric[year][1]));
  given.push_back({"min_items", int64_t{2}, {}});
  t = read_labels("heddle.item_labels", given, catalogue, "tag");
  EXPECT_EQ(t.find("tag:jazz"), -1);
  EXPECT_GE(t.find("tag:swing"), 0);
}

TEST_F(AttributeSources, TablesWithOneLabelPerRow) {
  const std::string path = write("tags.txt", "1\tjazz\n1\tswing\n2\tjazz\n1\tjazz\n");
  const AttributeTable t = read_labels(
      "heddle.item_labels",
      {{"path", path, {}}, {"separator", std::string("tab"), {}}, {"header", std::string("no"), {}}}, catalogue, "tag");
  EXPECT_EQ(labels_of(t, catalogue, "1"), "jazz swing");
  EXPECT_EQ(t.attributes[static_cast<size_t>(t.require("tag:jazz"))].items, 2);
}

TEST_F(AttributeSources, TablesWithBadRows) {
  const std::string path = write("tags.csv", "item,label\n1,jazz\n2\n3,swing\n");
  EXPECT_EQ(failure_of("heddle.item_labels", at(path)),
            "[attributes.genre] heddle.item_labels: " + path + ":3: 1 fields; expected 2, separated by ','");
  const AttributeTable t =
      read_labels("heddle.item_labels", {{"path", path, {}}, {"on_bad_row", std::string("skip"), {}}}, catalogue);
  EXPECT_EQ(labels_of(t, catalogue, "3"), "swing");
  EXPECT_NE(failure_of("heddle.item_labels", {{"path", path, {}}, {"label", std::string("genre"), {}}})
                .find(":1: column 'genre' is not in the header, which has: item, label"),
            std::string::npos);
}

}  // namespace
}  // namespace heddle::test
