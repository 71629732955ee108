// The real files, where they are present: counts that are published or were measured with an independent program.
#include "core/data/batcher.h"
#include "core/data/report.h"
#include "core/data/split.h"
#include "support.h"

namespace heddle::test {
namespace {

TEST(SharedData, MovieLens1MNewUsersSplitHasTheReferenceCounts) {
  HEDDLE_NEEDS_DATA(path, "ml-1m");
  Interactions log = read("heddle.movielens", {{"path", path, {}}});
  EXPECT_EQ(log.user_count(), 6040);
  EXPECT_EQ(log.item_count(), 3416);
  EXPECT_EQ(log.event_count(), 999611);
  EXPECT_FALSE(log.report.has_value);
  SplitOptions options;
  options.test = 0.097;
  options.validation = Validation::activation_users;
  const Split split = make_split(log, options, 1);
  EXPECT_EQ(split.training_users, 5454);
  EXPECT_EQ(split.train.user_count(), 3272);
  EXPECT_EQ(split.dictionary.user_count(), 2182);
  EXPECT_EQ(split.test.user_count(), 586);
  EXPECT_EQ(split.test.token_count(128, false), 48444);
  EXPECT_EQ(split.boundary, 975971517);
  EXPECT_TRUE(find_leaks(log, split).empty());
}

TEST(SharedData, MovieLens1MLeaveOneOutHasTheReferenceCounts) {
  HEDDLE_NEEDS_DATA(path, "ml-1m");
  Interactions log = read("heddle.movielens", {{"path", path, {}}});
  SplitOptions options;
  options.kind = SplitKind::leave_one_out;
  options.activation_users = 0;
  const Split split = make_split(log, options, 1);
  EXPECT_EQ(split.train.user_count(), 6040);
  EXPECT_EQ(split.train.token_count(128, true), 510138);
  EXPECT_EQ(split.validation.user_count(), 2048);
  EXPECT_EQ(split.test.user_count(), 6040);
  EXPECT_TRUE(find_leaks(log, split).empty());
  const Batcher batcher(log, split.train, {.training = true});
  EXPECT_EQ(batcher.tokens(), 510138);
}

TEST(SharedData, MovieLens100K) {
  HEDDLE_NEEDS_DATA(path, "ml-100k");
  const Interactions log = read("heddle.movielens", {{"path", path, {}}});
  EXPECT_EQ(log.user_count(), 943);
  EXPECT_EQ(log.item_count(), 1682);
  EXPECT_EQ(log.event_count(), 100000);
  EXPECT_TRUE(log.report.has_value);
  Catalogue catalogue(log.item_ids, std::vector<int64_t>(log.item_ids.size(), 1));
  const AttributeTable genres = read_labels("heddle.movielens_genres", {{"path", path, {}}}, catalogue);
  EXPECT_EQ(genres.size(), 18);  // 19 flags, of which "unknown" is no label
  EXPECT_EQ(labels_of(genres, catalogue, "1"), "Animation Children's Comedy");
  EXPECT_EQ(catalogue.title(catalogue.find("1")), "Toy Story (1995)");
}

TEST(SharedData, MovieLensLatestSmall) {
  HEDDLE_NEEDS_DATA(path, "ml-latest-small");
  const Interactions log = read("heddle.movielens", {{"path", path, {}}});
  EXPECT_EQ(log.user_count(), 610);
  EXPECT_EQ(log.item_count(), 9724);
  EXPECT_EQ(log.event_count(), 100836);
  Catalogue catalogue(log.item_ids, std::vector<int64_t>(log.item_ids.size(), 1));
  const AttributeTable genres = read_labels("heddle.movielens_genres", {{"path", path, {}}}, catalogue);
  EXPECT_EQ(genres.size(), 19);  // IMAX besides the 18
  EXPECT_EQ(genres.sources[0].unknown_items, 9742 - 9724);
}

TEST(SharedData, MovieLens1MGenresAreLatin1) {
  HEDDLE_NEEDS_DATA(path, "ml-1m");
  const Interactions log = read("heddle.movielens", {{"path", path, {}}});
  Catalogue catalogue(log.item_ids, std::vector<int64_t>(log.item_ids.size(), 1));
  const AttributeTable genres = read_labels("heddle.movielens_genres", {{"path", path, {}}}, catalogue);
  EXPECT_EQ(genres.size(), 18);
  EXPECT_EQ(catalogue.title(catalogue.find("73")), "Misérables, Les (1995)");
  EXPECT_EQ(genres.sources[0].unlabelled_items, 0);
  // The share of Drama over data points, an independent count.
  int64_t drama = 0;
  const int32_t attribute = genres.require("genre:Drama");
  for (int32_t item : log.items) drama += genres.has(item, attribute);
  EXPECT_NEAR(static_cast<double>(drama) / static_cast<double>(log.event_count()), 0.354, 0.001);
}

TEST(SharedData, MovieLens20MCatalogue) {
  HEDDLE_NEEDS_DATA(path, "catalogues/ml-20m-movies.csv");
  Catalogue catalogue({"1", "131262"}, {1, 1});
  const AttributeTable genres = read_labels("heddle.movielens_genres", {{"path", path, {}}}, catalogue);
  EXPECT_EQ(genres.size(), 19);
  EXPECT_EQ(genres.sources[0].unknown_items, 27278 - 2);
  EXPECT_EQ(labels_of(genres, catalogue, "131262"), "Adventure Fantasy Horror");
}

TEST(SharedData, LastFmSequences) {
  HEDDLE_NEEDS_DATA(path, "lastfm");
  const Interactions log = read("heddle.delimited", {{"path", path + "/sequences.txt", {}},
                                                     {"layout", std::string("sequences"), {}},
                                                     {"separator", std::string("space"), {}}});
  EXPECT_EQ(log.user_count(), 1090);
  EXPECT_EQ(log.item_count(), 3646);
  EXPECT_EQ(log.event_count(), 52551);
  EXPECT_FALSE(log.report.has_time);
  Catalogue catalogue(log.item_ids, std::vector<int64_t>(log.item_ids.size(), 1));
  read_labels("heddle.item_labels",
              {{"path", path + "/artists.csv", {}},
               {"item", std::string("itemId"), {}},
               {"label", std::string(), {}},
               {"title", std::string("name"), {}}},
              catalogue);
  EXPECT_EQ(catalogue.title(catalogue.find("3")), "Café Del Mar");
}

TEST(SharedData, LastFmTags) {
  HEDDLE_NEEDS_DATA(path, "lastfm");
  const Interactions log = read("heddle.delimited", {{"path", path + "/sequences.txt", {}},
                                                     {"layout", std::string("sequences"), {}},
                                                     {"separator", std::string("space"), {}}});
  Catalogue catalogue(log.item_ids, std::vector<int64_t>(log.item_ids.size(), 1));
  AttributeTable tags = read_labels("heddle.lastfm_tags", {{"path", path, {}}}, catalogue, "tag");
  EXPECT_EQ(tags.size(), 382);  // of 388, six have no name
  EXPECT_EQ(tags.attributes[static_cast<size_t>(tags.require("tag:rock"))].items, 1433);
  EXPECT_EQ(tags.sources[0].unknown_items, 0);
  EXPECT_EQ(tags.sources[0].titles, 3646 - 72);  // as many have no name
  tags = read_labels("heddle.lastfm_tags",
                     {{"path", path, {}}, {"min_uses", int64_t{2}, {}}, {"most_frequent", int64_t{20}, {}}}, catalogue,
                     "tag");
  ASSERT_EQ(tags.size(), 20);
  // An independent count of artists with two or more assignments: rock 946, …, electronica 203, then chillout 202.
  EXPECT_EQ(tags.attributes[static_cast<size_t>(tags.require("tag:rock"))].items, 946);
  EXPECT_EQ(tags.attributes[static_cast<size_t>(tags.require("tag:electronica"))].items, 203);
  EXPECT_EQ(tags.find("tag:chillout"), -1);
}

TEST(SharedData, MovieLens1MYearsAndLanguages) {
  HEDDLE_NEEDS_DATA(path, "ml-1m");
  const Interactions log = read("heddle.movielens", {{"path", path, {}}});
  Catalogue catalogue(log.item_ids, std::vector<int64_t>(log.item_ids.size(), 1));
  const AttributeTable titles = read_labels("heddle.release_year", {{"path", path, {}}}, catalogue, "year");
  const auto meta = [&](const char* column) {
    return Given{{"path", path + "/movies_meta.csv", {}},
                 {"item", std::string("movieId"), {}},
                 {"column", std::string(column), {}}};
  };
  const AttributeTable table = read_labels("heddle.release_year", meta("year"), catalogue, "year");
  EXPECT_EQ(titles.attributes[0].items, 3416);
  EXPECT_EQ(titles.numeric[0], table.numeric[0]) << "the titles and the independent table agree";
  EXPECT_EQ(titles.labels, table.labels);
  EXPECT_EQ(labels_of(titles, catalogue, "1"), "1990s");
  const AttributeTable languages = read_labels("heddle.item_labels",
                                               {{"path", path + "/movies_meta.csv", {}},
                                                {"item", std::string("movieId"), {}},
                                                {"label", std::string("tmdb_original_language"), {}},
                                                {"min_items", int64_t{20}, {}}},
                                               catalogue, "language");
  EXPECT_EQ(labels_of(languages, catalogue, "1"), "en");
  EXPECT_EQ(languages.size(), 6);  // en, fr, it, de, ja, es
  EXPECT_EQ(languages.attributes[static_cast<size_t>(languages.require("language:fr"))].items, 84);
}

TEST(SharedData, MovieLensLatestSmallTags) {
  HEDDLE_NEEDS_DATA(path, "ml-latest-small");
  const Interactions log = read("heddle.movielens", {{"path", path, {}}});
  Catalogue catalogue(log.item_ids, std::vector<int64_t>(log.item_ids.size(), 1));
  const Given given = {{"path", path + "/tags.csv", {}},   {"item", std::string("movieId"), {}},
                       {"label", std::string("tag"), {}},  {"fold_case", true, {}},
                       {"most_frequent", int64_t{20}, {}}, {"frequent_by", std::string("uses"), {}}};
  const AttributeTable tags = read_labels("heddle.item_labels", given, catalogue, "tag");
  EXPECT_EQ(tags.size(), 20);
  for (const char* name : {"tag:in netflix queue", "tag:funny", "tag:visually appealing", "tag:comedy"})
    EXPECT_GE(tags.find(name), 0) << name;
}

}  // namespace
}  // namespace heddle::test
