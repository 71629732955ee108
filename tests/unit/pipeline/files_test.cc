// What the pipeline leaves on disk beside numbers: read back as written, and refused when damaged.
#include "core/pipeline/example_file.h"
#include "core/pipeline/feature_details.h"
#include "core/pipeline/probe_file.h"
#include "core/store/atomic_file.h"
#include "tests/unit/store/temporary_folder.h"

namespace heddle {
namespace {

const std::string key(64, 'a');

template <class File>
Artefact stored(const TemporaryFolder& folder, const File& file) {
  ArtefactWriter writer = ArtefactStore(folder).create({"interpretation", key, {}, {}});
  file.save(writer);
  return writer.commit();
}

// The message of reading a file that holds `text` instead.
template <class File>
std::string refusal(const TemporaryFolder& folder, const std::string& text) {
  ArtefactWriter writer = ArtefactStore(folder).create({"interpretation", key, {}, {}});
  write_file(writer.file(File::file_name), text);
  try {
    File::load(writer.commit());
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

FeatureDetails details() {
  FeatureDetails file;
  file.bins = 3;
  file.best_by = "pearson";
  file.effects_absent = "the backbone declares no item table";
  file.attributes.push_back({"genre:Sci-Fi", 1, {0, 2, 1}});
  file.features.resize(2);  // feature 0 never fires
  file.features[1] = {0.1f, {5, 2, 1}, {{4, "u\"4", 7, 1, {9, 3}, {0, 0.1f}}}, {{3, 1.5f}}, {{2, -0.25f}}, {{0, 0.3f}}};
  return file;
}

TEST(FeatureDetailsFile, ReadsWhatItWrote) {
  const TemporaryFolder folder;
  const Artefact artefact = stored(folder, details());
  EXPECT_TRUE(FeatureDetails::present(artefact));
  const FeatureDetails read = FeatureDetails::load(artefact);
  EXPECT_EQ(read.bins, 3);
  EXPECT_EQ(read.best_by, "pearson");
  EXPECT_EQ(read.effects_absent, details().effects_absent);
  EXPECT_EQ(read.similar_absent, "");
  ASSERT_NE(read.of("genre:Sci-Fi"), nullptr);
  EXPECT_EQ(read.of("genre:Sci-Fi")->present, (std::vector<int64_t>{0, 2, 1}));
  EXPECT_EQ(read.of("genre:Drama"), nullptr);
  ASSERT_EQ(read.features.size(), 2u);
  EXPECT_TRUE(read.features[0].histogram.empty());
  EXPECT_TRUE(read.features[0].sequences.empty());
  const FeatureDetail& one = read.features[1];
  EXPECT_EQ(one.histogram, (std::vector<int64_t>{5, 2, 1}));
  ASSERT_EQ(one.sequences.size(), 1u);
  EXPECT_EQ(one.sequences[0].user_id, "u\"4");
  EXPECT_EQ(one.sequences[0].first, 7);
  EXPECT_EQ(one.sequences[0].peak, 1);
  EXPECT_EQ(one.sequences[0].items, (std::vector<int32_t>{9, 3}));
  EXPECT_EQ(one.sequences[0].activations, (std::vector<float>{0, 0.1f}));  // the very float
  EXPECT_EQ(one.promoted[0].item, 3);
  EXPECT_EQ(one.demoted[0].effect, -0.25f);
  EXPECT_EQ(one.similar[0].cosine, 0.3f);
  // Short digits: 0.1 and not the 17 of the double next to 0.1f.
  EXPECT_EQ(read_file(artefact.file("details.json")).find("0.1000000"), std::string::npos);
}

TEST(FeatureDetailsFile, RefusesDamage) {
  EXPECT_NE(refusal<FeatureDetails>(TemporaryFolder(), "{\"format\": 1}").find("details.json: damaged"),
            std::string::npos);
  EXPECT_NE(refusal<FeatureDetails>(TemporaryFolder(), "{\"format\": 2}").find("reads format 1"), std::string::npos);
  const std::string head =
      R"({"format":1,"bins":1,"best_by":"m","effects_absent":"","similar_absent":"","attributes":[],"features":[)";
  const std::string sequence =
      R"({"maximum":1,"histogram":[1],"promoted":[],"demoted":[],"similar":[],"sequences":[{"user":0,"user_id":"0",)";
  EXPECT_EQ(refusal<FeatureDetails>(TemporaryFolder(),
                                    head + sequence + R"("first":0,"peak":1,"items":[1,2],"activations":[0,1]}]}]})"),
            "");
  EXPECT_NE(refusal<FeatureDetails>(TemporaryFolder(),
                                    head + sequence + R"("first":0,"peak":2,"items":[1,2],"activations":[0,1]}]}]})")
                .find("do not agree"),
            std::string::npos);
}

TEST(ProbeFile, ReadsWhatItWrote) {
  ProbeFile file;
  file.width = 3;
  file.probes.push_back({"genre:A", "", true, 7, 2.5e-7, {1, -2, 0.5f}, 0.25f});
  file.probes.push_back({"genre:B", "no training row has the attribute", false, 0, 0, {}, 0});
  const TemporaryFolder folder;
  const ProbeFile read = ProbeFile::load(stored(folder, file));
  EXPECT_EQ(read.width, 3);
  ASSERT_NE(read.find("genre:A"), nullptr);
  EXPECT_EQ(read.find("genre:A")->weights, (std::vector<float>{1, -2, 0.5f}));
  EXPECT_EQ(read.find("genre:A")->bias, 0.25f);
  EXPECT_TRUE(read.find("genre:A")->converged);
  EXPECT_EQ(read.find("genre:A")->iterations, 7);
  EXPECT_EQ(read.find("genre:A")->gradient_norm, 2.5e-7);
  EXPECT_EQ(read.find("genre:B")->absent, "no training row has the attribute");
  EXPECT_EQ(read.find("genre:C"), nullptr);
}

TEST(ExampleFile, ReadsWhatItWrote) {
  ExampleFile file;
  file.dictionary = "l1";
  file.feature = 17;
  file.target = file.attribute = "genre:Sci-Fi";
  file.automatic = true;
  file.values = {-2, 4};
  ExampleUser user{5, "1410", {1, 2}, 40, 9, {0, {3, 4}, {1.5f, 1}, 0}, {}};
  user.after.push_back({-2, {3, 5}, {2, 1}, 1});
  user.after.push_back({4, {6}, {0.1f}, 1});
  file.users.push_back(user);
  const TemporaryFolder folder;
  const ExampleFile read = ExampleFile::load(stored(folder, file));
  EXPECT_EQ(read.feature, 17);
  EXPECT_EQ(read.attribute, "genre:Sci-Fi");
  EXPECT_TRUE(read.automatic);
  EXPECT_EQ(read.values, file.values);
  ASSERT_EQ(read.users.size(), 1u);
  EXPECT_EQ(read.users[0].user_id, "1410");
  EXPECT_EQ(read.users[0].history_length, 40);
  EXPECT_EQ(read.users[0].before.items, (std::vector<int32_t>{3, 4}));
  EXPECT_EQ(read.users[0].after[1].scores, (std::vector<float>{0.1f}));
  EXPECT_EQ(read.users[0].after[0].new_items, 1);
  EXPECT_NE(refusal<ExampleFile>(TemporaryFolder(), "{\"format\": 1}").find("examples.json: damaged"),
            std::string::npos);
}

}  // namespace
}  // namespace heddle
