// Attribute sources that choose among many labels: tags of films, tags of artists, genres of songs, groups of
// popularity.
#include <cmath>

#include "core/data/catalogue.h"
#include "core/data/report.h"
#include "core/data/split.h"
#include "support.h"

namespace heddle::test {
namespace {

class LabelSources : public SourceTest {
 protected:
  Catalogue catalogue{{"1", "2", "3"}, {100, 10, 1}};
  static GivenValue text(const char* name, const std::string& value) { return {name, value, {}}; }
  static GivenValue number(const char* name, int64_t value) { return {name, value, {}}; }
  std::string names(const AttributeTable& table) const {
    std::string all;
    for (const Attribute& a : table.attributes)
      all += fmt::format("{}{}:{}", all.empty() ? "" : " ", a.name.substr(a.prefix.size() + 1), a.items);
    return all;
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

class MovieTags : public LabelSources {
 protected:
  std::string names_with(Given more) {
    Given given = {{"path",
                    write("tags.csv",
                          "userId,movieId,tag,timestamp\n1,1,Funny,1\n2,1,funny,2\n3,1,FUNNY ,3\n1,1,space,4\n"
                          "1,2,funny,5\n2,2,space,6\n3,2,Space,7\n1,3,quirky,8\n9,99,quirky,9\n8,98,quirky,9\n"),
                    {}},
                   text("item", "movieId"),
                   text("label", "tag")};
    given.insert(given.end(), more.begin(), more.end());
    table_ = read_labels("heddle.item_labels", given, catalogue, "tag");
    return names(table_);
  }
  AttributeTable table_;
};

TEST_F(MovieTags, AreCaseSensitiveUnlessFolded) {
  EXPECT_EQ(names_with({}), "FUNNY:1 Funny:1 Space:1 funny:2 quirky:1 space:2");
  EXPECT_EQ(names_with({{"fold_case", true, {}}}), "funny:2 quirky:1 space:2");
  EXPECT_EQ(labels_of(table_, catalogue, "1"), "funny space");
  EXPECT_EQ(table_.sources[0].unknown_items, 2) << "98 and 99 are told about";
  EXPECT_EQ(table_.sources[0].unknown_labels, 2);
}

TEST_F(LabelSources, ItemsThatTheLogDoesNotHaveAreStated) {
  const std::string events = write("log.txt", "1 1 2 3 1 2\n2 3 2 1 3 2\n");
  Interactions log =
      read("heddle.delimited",
           {{"path", events, {}}, {"layout", std::string("sequences"), {}}, {"separator", std::string("space"), {}}});
  SplitOptions options;
  options.kind = SplitKind::leave_one_out;
  options.activation_users = 0;
  options.validation_users = 0;
  const Split split = make_split(log, options, 1);
  Catalogue items(log, split);
  const std::string path = write("l.csv", "item,label\n1,a\n7,a\n8,b\n8,c\n");
  const AttributeTable table = read_labels("heddle.item_labels", {{"path", path, {}}}, items, "tag");
  const std::string text = data_report(log, split, &table);
  EXPECT_NE(text.find("2 items are not in the log (ignored)"), std::string::npos) << text;
  EXPECT_NE(text.find("tag:b"), std::string::npos) << "an attribute that no item has is shown with its 0";
}

TEST_F(MovieTags, CountWhenGivenOftenEnough) {
  EXPECT_EQ(names_with({{"fold_case", true, {}}, number("min_uses", 2)}), "funny:1 quirky:0 space:1");
  EXPECT_EQ(labels_of(table_, catalogue, "1"), "funny");
  EXPECT_EQ(labels_of(table_, catalogue, "2"), "space");
  EXPECT_EQ(names_with({{"fold_case", true, {}}, number("min_uses", 2), number("min_items", 1)}),
            "funny:1 quirky:0 space:1");
  EXPECT_EQ(names_with({{"fold_case", true, {}}, number("min_items", 2)}), "funny:2 space:2");
}

TEST_F(MovieTags, AreKeptByWhatIsFrequent) {
  const Given one = {{"fold_case", true, {}}, number("most_frequent", 1)};
  const auto by = [&](const char* what) {
    Given given = one;
    given.push_back(text("frequent_by", what));
    return names_with(given);
  };
  EXPECT_EQ(by("items"), "funny:2") << "as many as space: the first name stays";
  EXPECT_EQ(by("uses"), "funny:2") << "4 uses against 3";
  EXPECT_EQ(by("interactions"), "funny:2");
  EXPECT_EQ(names_with({{"fold_case", true, {}}, number("most_frequent", 2)}), "funny:2 space:2");
  EXPECT_EQ(names_with({{"fold_case", true, {}}, number("most_frequent", 9)}), "funny:2 quirky:1 space:2");
}

TEST_F(LabelSources, FrequencyByItemsUsesAndInteractionsDiffer) {
  // a: many items; b: often given; c: of the most popular item.
  const std::string path = write("l.csv", "item,label\n2,a\n3,a\n3,b\n3,b\n3,b\n1,c\n");
  const auto best = [&](const char* by) {
    return names(read_labels("heddle.item_labels",
                             {{"path", path, {}}, number("most_frequent", 1), text("frequent_by", by)}, catalogue));
  };
  EXPECT_EQ(best("items"), "a:2");
  EXPECT_EQ(best("uses"), "b:1");
  EXPECT_EQ(best("interactions"), "c:1");
}

TEST_F(LabelSources, LabelsAreFoldedBeyondAscii) {
  const std::string path =
      write("l.csv", "item,label\n1,ÉLECTRO\n2,électro\n3,ΡΟΚ\n1,ρок\n1,РОК\n2,рок\n3,ŻÓŁĆ\n1,żółć\n");
  const AttributeTable t =
      read_labels("heddle.item_labels", {{"path", path, {}}, {"fold_case", true, {}}}, catalogue, "tag");
  EXPECT_EQ(t.attributes[static_cast<size_t>(t.require("tag:électro"))].items, 2);
  EXPECT_EQ(t.attributes[static_cast<size_t>(t.require("tag:рок"))].items, 2);
  EXPECT_EQ(t.attributes[static_cast<size_t>(t.require("tag:żółć"))].items, 2);
  EXPECT_GE(t.find("tag:ροκ"), 0);
}

TEST_F(LabelSources, TitlesMayCarryADetail) {
  const std::string path = write("i.csv", "id\tartist\tsong\n1\tCafé Tacvba\tEres\n2\t\tAlone\n3\tX\t\n");
  Given given = {{"path", path, {}}, text("separator", "tab"), text("label", ""), text("title", "song")};
  given.push_back(text("title_detail", "artist"));
  read_labels("heddle.item_labels", given, catalogue);
  EXPECT_EQ(catalogue.title(0), "Eres (Café Tacvba)");
  EXPECT_EQ(catalogue.title(1), "Alone");
  EXPECT_EQ(catalogue.titles[2], "");
  EXPECT_NE(failure_of("heddle.item_labels", {{"path", path, {}}, text("title_detail", "artist")})
                .find("title_detail is put behind a title, but title names no column"),
            std::string::npos);
}

class LastFm : public LabelSources {
 protected:
  LastFm() = default;
  void files(const std::string& json) {
    write("artist_tags.json", json);
    write("tags.csv", "attributeId,hetrecTagId,tag,assignments\n1,13,Chillout,3\n2,15,downtempo,1\n3,18,chillout,1\n");
    write("artists.csv", "itemId,hetrecArtistId,name\n1,52,Morcheeba\n2,63,\"Enigma, the\"\n7,64,Elsewhere\n");
  }
  Given at(Given more = {}) const {
    more.push_back({"path", folder(), {}});
    return more;
  }
};

TEST_F(LastFm, TagsAndNames) {
  files(R"({"1": [1, 2, 1], "2": [3], "7": [2]})");
  AttributeTable t = read_labels("heddle.lastfm_tags", at(), catalogue, "tag");
  EXPECT_EQ(names(t), "Chillout:1 chillout:1 downtempo:1");
  EXPECT_EQ(catalogue.title(0), "Morcheeba");
  EXPECT_EQ(catalogue.title(1), "Enigma, the");
  EXPECT_EQ(t.sources[0].unknown_items, 1);
  EXPECT_EQ(t.sources[0].unlabelled_items, 1);
  t = read_labels("heddle.lastfm_tags", at({{"fold_case", true, {}}, number("min_uses", 2)}), catalogue, "tag");
  EXPECT_EQ(names(t), "chillout:1 downtempo:0");
  EXPECT_EQ(labels_of(t, catalogue, "1"), "chillout");
  EXPECT_EQ(labels_of(t, catalogue, "2"), "");
}

TEST_F(LastFm, TagsMayBeNamesAndArtistsMayBeMissing) {
  files(R"({"1": ["Jazz", "jazz"]})");
  std::filesystem::remove(folder() + "/artists.csv");
  const AttributeTable t = read_labels("heddle.lastfm_tags", at({{"fold_case", true, {}}}), catalogue, "tag");
  EXPECT_EQ(names(t), "jazz:1");
  EXPECT_EQ(catalogue.titles[0], "");
}

TEST_F(LastFm, BadFilesSayWhatIsWrong) {
  const std::string who = "[attributes.x] heddle.lastfm_tags: " + folder() + "/";
  EXPECT_EQ(failure_of("heddle.lastfm_tags", at()), "[attributes.x] heddle.lastfm_tags: the folder " + folder() +
                                                        " has none of artist_tags.json (nor with .gz)");
  files("{\"1\": [1,");
  EXPECT_TRUE(failure_of("heddle.lastfm_tags", at()).starts_with(who + "artist_tags.json: no sound JSON: "));
  files("[1]");
  EXPECT_EQ(failure_of("heddle.lastfm_tags", at()),
            who + "artist_tags.json: expected an object of items, each with a list of tags");
  files(R"({"1": 3})");
  EXPECT_EQ(failure_of("heddle.lastfm_tags", at()), who + "artist_tags.json: item 1 has no list of tags");
  files(R"({"1": [1, 9]})");
  EXPECT_EQ(failure_of("heddle.lastfm_tags", at()),
            who + "artist_tags.json: item 1 has the tag 9, which " + folder() + "/tags.csv does not name");
  files(R"({"1": [1.5]})");
  EXPECT_EQ(failure_of("heddle.lastfm_tags", at()),
            who + "artist_tags.json: item 1 has the tag 1.5; expected a number of tags.csv, or a name");
}

TEST_F(LabelSources, PopularityGroups) {
  catalogue = Catalogue({"1", "2", "3", "4", "5", "6"}, {40, 20, 20, 10, 10, 0});
  Given given = {{"groups", true, {}}, {"head", 0.5, {}}, {"tail", 0.2, {}}};
  AttributeTable t = read_labels("heddle.item_popularity", given, catalogue, "pop");
  // Half of 100 is reached within the second group, which stays together; the last 20 are the tail, with what nobody
  // had.
  EXPECT_EQ(names(t), "log10_count:5 head:3 torso:0 tail:3");
  t = read_labels("heddle.item_popularity", {{"groups", true, {}}}, catalogue, "pop");
  EXPECT_EQ(names(t), "log10_count:5 head:1 torso:2 tail:3");
  EXPECT_EQ(labels_of(t, catalogue, "1"), "head");
  EXPECT_EQ(names(read_labels("heddle.item_popularity", {}, catalogue, "pop")), "log10_count:5");
  EXPECT_NE(
      failure_of("heddle.item_popularity", {{"head", 0.7, {}}, {"tail", 0.5, {}}}).find("more than all interactions"),
      std::string::npos);
}

}  // namespace
}  // namespace heddle::test
