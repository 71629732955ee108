// The layout of Music4All (Santana et al., IWSSIP 2020) in the generic sources, on hand-made files: tab-separated
// tables id_information, id_genres, id_tags, id_lang and listening_history, ids of letters and digits, times as dates.
#include "support.h"

namespace heddle::test {
namespace {

class Music4All : public SourceTest {
 protected:
  void SetUp() override {
    SourceTest::SetUp();
    write("id_information.csv",
          "id\tartist\tsong\talbum_name\n0009fF\tCafé \"One\"\tFirst, "
          "the\tA\n00aaBB\tBand\tSecond\tB\n0zz\tX\tUnheard\tC\n");
    write("id_genres.csv", "id\tgenres\n0009fF\trock,indie rock\n00aaBB\trock\n0zz\tpolka\n");
    write("id_tags.csv", "id\ttags\n0009fF\tSlow,live\n00aaBB\tslow\n0zz\tx\n");
    write("id_lang.csv", "id\tlang\n0009fF\ten\n00aaBB\tpt\n0zz\ten\n");
    write("listening_history.csv",
          "user\tsong\ttimestamp\nuser_007XIjOr\t00aaBB\t2019-02-20 12:28\nuser_007XIjOr\t0009fF\t2019-02-20 "
          "12:20\nuser_2\t0009fF\t2019-01-01 00:00\n");
  }
  Given table(const char* file, const char* column, Given more = {}) const {
    more.push_back({"path", folder() + "/" + file, {}});
    more.push_back({"separator", std::string("tab"), {}});
    more.push_back({"quotes", false, {}});
    more.push_back({"item", std::string("id"), {}});
    more.push_back({"label", std::string(column), {}});
    return more;
  }
};

TEST_F(Music4All, ListeningHistory) {
  const Given given = {{"path", folder() + "/listening_history.csv", {}},
                       {"separator", std::string("tab"), {}},
                       {"user", std::string("user"), {}},
                       {"item", std::string("song"), {}},
                       {"time", std::string("timestamp"), {}}};
  EXPECT_EQ(describe(read("heddle.delimited", given)),
            "user_007XIjOr: 0009fF@1550665200 00aaBB@1550665680; user_2: 0009fF@1546300800");
}

TEST_F(Music4All, DatesNeedNoHeader) {
  const std::string path = write("plain.tsv", "u1\ts1\t2019-02-20 12:28\nu1\ts2\t2019-02-20\n");
  EXPECT_EQ(describe(read("heddle.delimited",
                          {{"path", path, {}}, {"separator", std::string("tab"), {}}, {"time", std::string("3"), {}}})),
            "u1: s2@1550620800 s1@1550665680");
}

TEST_F(Music4All, Attributes) {
  Catalogue catalogue({"0009fF", "00aaBB"}, {2, 1});
  AttributeTable t = read_labels(
      "heddle.item_labels", table("id_genres.csv", "genres", {{"label_separator", std::string(","), {}}}), catalogue);
  EXPECT_EQ(labels_of(t, catalogue, "0009fF"), "indie rock rock");
  EXPECT_EQ(t.sources[0].unknown_items, 1);
  t = read_labels(
      "heddle.item_labels",
      table("id_genres.csv", "genres", {{"label_separator", std::string(","), {}}, {"most_frequent", int64_t{1}, {}}}),
      catalogue);
  ASSERT_EQ(t.size(), 1);
  EXPECT_EQ(t.attributes[0].name, "genre:rock");
  t = read_labels("heddle.item_labels",
                  table("id_tags.csv", "tags", {{"label_separator", std::string(","), {}}, {"fold_case", true, {}}}),
                  catalogue);
  EXPECT_EQ(t.attributes[static_cast<size_t>(t.require("genre:slow"))].items, 2);
  t = read_labels("heddle.item_labels", table("id_lang.csv", "lang"), catalogue, "language");
  EXPECT_EQ(labels_of(t, catalogue, "00aaBB"), "pt");
  read_labels("heddle.item_labels",
              table("id_information.csv", "",
                    {{"title", std::string("song"), {}}, {"title_detail", std::string("artist"), {}}}),
              catalogue);
  EXPECT_EQ(catalogue.title(0), "First, the (Café \"One\")");
}

}  // namespace
}  // namespace heddle::test
