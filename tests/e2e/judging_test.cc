// Interpretation details, probes, their steering and examples through the program, on a hand-made log whose attributes have
// every fault: one on an unknown item, one that no test row has, one that every row has; and features that never fire.
#include <cmath>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "program.h"

namespace heddle::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const char* const judged = R"(
[experiment]
name = "judged"
output = "out"
[interactions]
plugin = "heddle.delimited"
path = "events.csv"
user = "user"
item = "item"
time = "time"
[attributes.kind]
plugin = "heddle.item_labels"
path = "kinds.csv"
[split]
kind = "new_users"
test = 0.2
activation_users = 0.5
[backbone]
plugin = "heddle.gptrec"
hidden = 16
layers = 2
heads = 2
max_length = 16
[backbone.training]
epochs = 6
batch_sequences = 16
[dictionary.l1]
plugin = "heddle.l1"
site = "block.0.out"
width = 48
[dictionary.l1.training]
batch = 128
steps = 300
warmup_steps = 10
[interpret]
metrics = ["heddle.pearson", "heddle.roc_auc", "heddle.sensitivity", "heddle.top_share"]
top_sequences = 2
sequence_length = 5
histogram_bins = 6
[probe]
class_weight = "none"
[[steer]]
kind = "add_vector"
direction = "probe"
scale = "unit_variance"
feature = "kind:*"
values = [-4, 0, 4]
[[steer]]
kind = "add_vector"
dictionary = "l1"
scale = "unit_norm"
feature = "kind:even"
values = [0, 6]
[[example]]
dictionary = "l1"
feature = "kind:even"
values = [0, 6]
count = 3
)";

// 120 users; each walks through the even or the odd ones of 40 items. Item 99 is only met by the earliest users, who are
// never test users.
class World {
 public:
  World() {
    std::string events = "user,item,time\n";
    uint32_t state = 7;
    const auto next = [&] { return (state = state * 1664525u + 1013904223u) >> 8; };
    for (int user = 0; user < 120; ++user)
      for (int t = 0; t < 12; ++t) {
        const unsigned item = user < 10 && t == 3 ? 99 : 2 * (next() % 20) + (next() % 10 == 0 ? 1u : 0u) + (user % 2);
        events += std::to_string(user) + "," + std::to_string(item) + "," + std::to_string(user * 100 + t) + "\n";
      }
    folder_.write("events.csv", events);
    std::string kinds = "item,label\n";
    for (int item = 0; item < 42; ++item) {
      kinds += std::to_string(item) + (item % 2 == 0 ? ",even\n" : ",odd\n");
      kinds += std::to_string(item) + ",all\n";
    }
    folder_.write("kinds.csv", kinds + "99,all\n99,early\n777,ghost\n777,all\n");
    folder_.write("judged.toml", judged);
  }
  Outcome run(const std::vector<std::string>& settings = {}) const {
    std::vector<std::string> arguments = {"run", "judged.toml"};
    for (const std::string& setting : settings) arguments.insert(arguments.end(), {"--set", setting});
    return Program(folder_.path()).run(arguments);
  }
  json file(const std::string& run, const std::string& stage, const std::string& part, const std::string& name,
            const std::string& output = "out") const {
    const json record = json::parse(slurp(folder_ / (output + "/runs/" + run + ".json")));
    for (const json& entry : record.at("stages"))
      if (entry.at("stage") == stage && entry.at("part") == part)
        return json::parse(slurp(folder_ / (output + "/store/" + stage + "-" +
                                            entry.at("key").get<std::string>().substr(0, 16) + "/" + name)));
    ADD_FAILURE() << "no stage " << stage << " " << part;
    return {};
  }
  const Folder& folder() const { return folder_; }

 private:
  Folder folder_;
};

// metric -> row, of one attribute.
std::map<std::string, json> rows_of(const json& results, const std::string& attribute) {
  std::map<std::string, json> rows;
  for (const json& row : results.at("values"))
    if (row.value("attribute", "") == attribute) rows[row.at("metric")] = row;
  return rows;
}

// Every number of every file of results is finite, and every absence has its reason.
void expect_stated(const fs::path& output) {
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(output / "store")) {
    if (entry.path().extension() != ".json") continue;
    const std::string text = slurp(entry.path());
    EXPECT_EQ(text.find("NaN"), std::string::npos) << entry.path();
    EXPECT_EQ(text.find("nan"), std::string::npos) << entry.path();
    if (entry.path().filename() != "results.json") continue;
    ++files;
    for (const json& row : json::parse(text).at("values")) {
      if (row.at("value").is_null()) EXPECT_NE(row.value("reason", ""), "") << entry.path() << row.dump();
      else EXPECT_TRUE(std::isfinite(row.at("value").get<double>())) << entry.path() << row.dump();
    }
  }
  EXPECT_GT(files, 5);
}

TEST(Judging, details_probes_and_examples) {
  const World world;
  const Outcome outcome = world.run();
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  expect_stated(world.folder() / "out");

  // Items 41 and 777 are in the file of attributes alone.
  // Features: 'early' has no test row, 'all' has every one, 'ghost' stands on an item that the log does not have.
  const json features = world.file("judged", "interpretation", "l1", "results.json");
  EXPECT_GT(rows_of(features, "kind:even").at("pearson").at("value").get<double>(), 0.2);
  EXPECT_EQ(rows_of(features, "kind:early").at("pearson").at("reason"), "no data point has the attribute");
  EXPECT_EQ(rows_of(features, "kind:all").at("pearson").at("reason"), "every data point has the attribute");
  if (const auto ghost = rows_of(features, "kind:ghost"); !ghost.empty()) {
    EXPECT_EQ(ghost.at("pearson").at("reason"), "no data point has the attribute");
  }
  EXPECT_NE(outcome.err.find("[attributes.kind] items that are not in the log (ignored): 2"), std::string::npos)
      << outcome.err;

  // Details agree with the rest.
  const json details = world.file("judged", "interpretation", "l1", "details.json");
  ASSERT_EQ(details.at("features").size(), 48u);
  const json summary = world.file("judged", "interpretation", "l1", "features.json");
  bool any = false;
  for (size_t f = 0; f < 48; ++f) {
    const json& detail = details.at("features")[f];
    int64_t count = 0;
    for (const json& bin : detail.at("histogram")) count += bin.get<int64_t>();
    EXPECT_NEAR(static_cast<double>(count) / summary.at("points").get<double>(),
                summary.at("features")[f].at("rate").get<double>(), 1e-12);
    if (count == 0) continue;
    any = true;
    EXPECT_EQ(detail.at("histogram").size(), 6u);
    EXPECT_EQ(detail.at("promoted").size(), 8u);
    ASSERT_LE(detail.at("sequences").size(), 2u);
    const json& best = detail.at("sequences")[0];
    EXPECT_LE(best.at("items").size(), 5u);
    EXPECT_EQ(best.at("activations")[best.at("peak").get<size_t>()].get<float>(), detail.at("maximum").get<float>());
  }
  EXPECT_TRUE(any);
  EXPECT_EQ(details.at("effects_absent"), "");

  // The probe knows more than the best feature, and says what it could not learn.
  const json probes = world.file("judged", "probe", "block.0.out", "results.json");
  const auto even = rows_of(probes, "kind:even");
  EXPECT_GT(even.at("pearson").at("value").get<double>(),
            rows_of(features, "kind:even").at("pearson").at("value").get<double>());
  EXPECT_EQ(even.at("converged").at("value"), 1);
  EXPECT_LE(even.at("gradient_norm").at("value").get<double>(), 1e-6);
  EXPECT_TRUE(even.at("pearson.logit").at("value").is_number());
  EXPECT_EQ(rows_of(probes, "kind:all").at("pearson").at("reason"), "every training row has the attribute");
  EXPECT_TRUE(rows_of(probes, "kind:early").at("pearson").at("value").is_null());
  EXPECT_EQ(probes.at("protocol").at("class_weight"), "none");

  // Steering: the probe's direction moves the share of its attribute; absent probes are stated.
  const json steering = world.file("judged", "steering", "0", "results.json");
  std::map<double, double> share;
  bool missing = false;
  for (const json& row : steering.at("values")) {
    const json keys = row.value("keys", json::object());
    if (row.at("metric") == "share" && row.value("attribute", "") == "kind:even" &&
        keys.value("target", "") == "kind:even") {
      share[keys.at("value")] = row.at("value");
      EXPECT_EQ(keys.at("direction"), "probe");
      EXPECT_EQ(keys.at("scale"), "unit_variance");
    }
    missing = missing || (keys.value("target", "") == "kind:all" && row.at("value").is_null());
  }
  ASSERT_EQ(share.size(), 3u);
  EXPECT_LT(share.at(-4), share.at(4));
  EXPECT_TRUE(missing);
  EXPECT_EQ(world.file("judged", "steering", "1", "results.json").at("protocol").at("vector_scale"), "unit_norm");

  const json examples = world.file("judged", "examples", "0", "examples.json");
  EXPECT_TRUE(examples.at("automatic").get<bool>());
  ASSERT_EQ(examples.at("users").size(), 3u);
  for (const json& user : examples.at("users")) {
    EXPECT_EQ(user.at("before").at("items").size(), 10u);
    EXPECT_EQ(user.at("after").size(), 2u);
    EXPECT_GT(user.at("after")[1].at("new_items").get<int>(), 0);
    EXPECT_LE(user.at("history").size(), 10u);
  }
  // The same users by name give the same lists.
  const std::string id = examples.at("users")[0].at("user_id");
  const Outcome named = world.run({"experiment.name=named",
                                   "example=[{dictionary=\"l1\", feature=\"kind:even\", "
                                   "values=[0, 6], users=[\"" +
                                       id + "\"]}]"});
  ASSERT_EQ(named.code, 0) << named.err;
  const json one = world.file("named", "examples", "0", "examples.json");
  EXPECT_FALSE(one.at("automatic").get<bool>());
  EXPECT_EQ(one.at("users")[0].at("after"), examples.at("users")[0].at("after"));
}

TEST(Judging, features_that_never_fire_are_stated) {
  const World world;
  const Outcome outcome = world.run({"dictionary.l1.l1=5", "dictionary.l1.training.learning_rate=0.01",
                                     "dictionary.l1.training.steps=1000", "steer=[]", "example=[]"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  expect_stated(world.folder() / "out");
  const json summary = world.file("judged", "interpretation", "l1", "features.json");
  const json details = world.file("judged", "interpretation", "l1", "details.json");
  int silent = 0;
  for (size_t f = 0; f < 48; ++f) {
    if (summary.at("features")[f].at("rate") != 0) continue;
    ++silent;
    const json& feature = details.at("features")[f];
    EXPECT_EQ(feature.at("maximum"), 0);
    for (const char* list : {"histogram", "sequences", "promoted", "demoted", "similar"})
      EXPECT_TRUE(feature.at(list).empty()) << list;
  }
  EXPECT_GE(silent, 10);
  for (const json& attribute : details.at("attributes"))  // none of them stands for an attribute
    EXPECT_GT(summary.at("features")[attribute.at("feature").get<size_t>()].at("rate").get<double>(), 0);
  // Turned up by number, such a feature still has a direction.
  const Outcome turned =
      world.run({"dictionary.l1.l1=5", "dictionary.l1.training.learning_rate=0.01", "dictionary.l1.training.steps=1000",
                 "example=[]", "steer=[{dictionary=\"l1\", feature=[0, 1], values=[-3, 3]}]"});
  ASSERT_EQ(turned.code, 0) << turned.err;
  expect_stated(world.folder() / "out");
}

// An example whose attribute no test row has is left out and says so; the run goes on.
TEST(Judging, an_example_without_a_feature_is_stated) {
  const World world;
  const Outcome outcome = world.run({"steer=[]", "example=[{dictionary=\"l1\", feature=\"kind:early\", values=[1]}]"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const json example = world.file("judged", "examples", "0", "examples.json");
  EXPECT_NE(example.at("absent").get<std::string>().find("labels no data point"), std::string::npos);
  EXPECT_TRUE(example.at("users").empty());
  expect_stated(world.folder() / "out");
}

TEST(Judging, the_same_bits_for_1_and_3_threads) {
  const World world;
  std::map<std::string, std::string> files[2];
  for (int i = 0; i < 2; ++i) {
    const std::string output = i == 0 ? "t1" : "t3";
    const Outcome outcome =
        world.run({"experiment.output=" + output, std::string("compute.threads=") + (i == 0 ? "1" : "3")});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    for (const auto& entry : fs::recursive_directory_iterator(world.folder() / (output + "/store")))
      if (entry.is_regular_file())
        files[i][fs::relative(entry.path(), world.folder() / output).string()] = slurp(entry.path());
  }
  ASSERT_GT(files[0].size(), 20u);
  for (const auto& [name, bytes] : files[0]) EXPECT_TRUE(files[1][name] == bytes) << name;
}

TEST(Judging, one_clear_error_each) {
  const World world;
  struct Bad {
    std::vector<std::string> settings;
    std::string says;
  };
  const Bad cases[] = {
      {{"probe.site=\"block.7.out\""}, "block.7.out"},
      {{"probe.attributes=\"kind:evn\""}, "kind:even"},
      {{"probe.attributes=\"genre:*\""}, "genre"},
      {{"steer=[{kind=\"add_vector\", direction=\"probe\", feature=\"kind:all\", values=[1]}]"},
       "every training row has the attribute"},
      {{"steer=[{dictionary=\"l1\", feature=\"kind:early\", values=[1]}]"}, "it labels no data point"},
      {{"steer=[{dictionary=\"l1\", feature=3, values=[nan]}]"}, "values"},
      {{"steer=[{dictionary=\"l1\", feature=48, values=[1]}]"}, "accepted: 0 to 47"},
      {{"example=[{dictionary=\"l1\", feature=\"kind:even\", values=[1], users=[\"nobody\"]}]"}, "nobody"},
      {{"example=[{dictionary=\"l1\", feature=\"kind:even\", values=[1], users=[\"0\"]}]"}, "no test user"},
      {{"sweep={\"dictionary.l1.widht\"=[8, 16]}"}, "width"},
  };
  ASSERT_EQ(world.run({"steer=[]", "example=[]"}).code, 0);  // what the cases share is there once
  for (const Bad& bad : cases) {
    std::vector<std::string> settings = bad.settings;
    if (settings[0].starts_with("steer")) settings.push_back("example=[]");
    else if (settings[0].starts_with("example")) settings.push_back("steer=[]");
    else settings.insert(settings.end(), {"steer=[]", "example=[]"});
    const Outcome outcome = world.run(settings);
    EXPECT_EQ(outcome.code, 2) << bad.settings[0] << ": " << outcome.err;
    EXPECT_NE(outcome.err.find(bad.says), std::string::npos) << bad.settings[0] << ": " << outcome.err;
  }
}

// Probes can be swept like anything else; what the points share is made once, and a stage of many points is one line.
TEST(Judging, a_sweep_over_probes) {
  const World world;
  const Outcome outcome = world.run({"steer=[]", "example=[]", "sweep={\"probe.l2\"=[0.1, 1, 1000]}"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto times = [&](const std::string& text) {
    int count = 0;
    for (size_t at = outcome.err.find(text); at != std::string::npos; at = outcome.err.find(text, at + 1)) ++count;
    return count;
  };
  EXPECT_EQ(times("probe block.0.out"), 1) << outcome.err;
  EXPECT_EQ(times("  3 points\n"), 1) << outcome.err;
  EXPECT_EQ(times("interpretation l1"), 1) << outcome.err;
  // A larger penalty pulls the probabilities together.
  const auto pearson = [&](const std::string& run) {
    return rows_of(world.file(run, "probe", "block.0.out", "results.json"), "kind:even").at("pearson").at("value");
  };
  EXPECT_NE(pearson("judged@l2=0.1"), pearson("judged@l2=1000"));
}

// Whatever the backbone: an appended mask token, positions from the end, decoding of its own, several tokens per item.
TEST(Judging, every_backbone_is_judged_and_recommends) {
  const World world;
  Program heddle(world.folder().path());
  for (const std::string backbone : {"heddle.bert4rec", "heddle.sasrec", "heddle.gptrec_svd"}) {
    std::string text = judged;
    text.replace(text.find("heddle.gptrec"), std::string("heddle.gptrec").size(), backbone);
    world.folder().write("judged.toml", text);
    const Outcome outcome = world.run({"experiment.output=" + backbone});
    ASSERT_EQ(outcome.code, 0) << backbone << ": " << outcome.err;
    expect_stated(world.folder() / backbone);
    const json details = world.file("judged", "interpretation", "l1", "details.json", backbone);
    for (const json& feature : details.at("features"))
      for (const json& sequence : feature.at("sequences")) {
        for (const json& item : sequence.at("items")) EXPECT_LT(item.get<uint32_t>(), 43u) << backbone;
        EXPECT_LE(sequence.at("first").get<size_t>() + sequence.at("items").size(), 11u) << backbone;  // of 12 events
      }
    EXPECT_EQ(details.at("effects_absent") == "", backbone != "heddle.gptrec_svd");  // which has no table of items
    const std::vector<std::string> ask = {"recommend", backbone, "--history", "2,4,6",
                                          "--top",     "5",      "--format",  "json"};
    const Outcome plain = heddle.run(ask);
    ASSERT_EQ(plain.code, 0) << backbone << ": " << plain.err;
    const json list = json::parse(plain.out);
    EXPECT_EQ(list.size(), 5u) << backbone;
    for (const json& entry : list)
      for (const char* seen : {"2", "4", "6"}) EXPECT_NE(entry.at("item"), seen) << backbone;
    std::vector<std::string> slide = ask;
    slide.insert(slide.end(), {"--dictionary", "l1", "--set", "kind:odd=40"});
    const Outcome slid = heddle.run(slide);
    ASSERT_EQ(slid.code, 0) << backbone << ": " << slid.err;
    EXPECT_NE(slid.out, plain.out) << backbone;
  }
}

// Without any [attributes] there is nothing to judge, but a backbone is trained and evaluated, and it recommends.
TEST(Judging, an_experiment_without_attributes_runs) {
  const World world;
  const std::string whole = judged;
  std::string bare = whole.substr(0, whole.find("[dictionary.l1]"));
  bare.erase(bare.find("[attributes.kind]"), bare.find("[split]") - bare.find("[attributes.kind]"));
  world.folder().write("bare.toml", bare);
  Program heddle(world.folder().path());
  const Outcome outcome = heddle.run({"run", "bare.toml", "--out", "bare"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Outcome list = heddle.run({"recommend", "bare", "--history", "2,4", "--top", "3", "--format", "json"});
  ASSERT_EQ(list.code, 0) << list.err;
  EXPECT_EQ(json::parse(list.out).size(), 3u);
}

}  // namespace
}  // namespace heddle::test
