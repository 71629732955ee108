// Lists under many interventions at once: the same bits as a whole run per intervention, with the work that is left out
// counted. Backbones: those of tests/conformance/fixtures, which count the rows they run, and the transformers of the tree.
#include <set>

#include "core/base/error.h"
#include "core/steer/steered_lists.h"
#include "core/steer/sweep.h"
#include "tests/unit/train/test_backbones.h"

namespace heddle {
namespace {

using test::Machine;

constexpr int64_t kItems = 40, kFeatures = 9;

// A backbone, a dictionary on one of its sites, and users some of whose histories exceed the window.
struct World {
  World(std::unique_ptr<Backbone> backbone, Machine& machine_, const std::string& at)
      : machine(machine_), model(std::move(backbone)), log(test::walk_log(23, kItems)), part(test::target_part(log)) {
    site = model->site(at);
    const int64_t width = model->sites()[static_cast<size_t>(site)].width;
    const Component& l1 = test::component(HEDDLE_KIND_DICTIONARY, "heddle.l1");
    dictionary = std::make_unique<DictionaryModel>(*machine.device, l1, Values(l1, {{"width", kFeatures, {}}}), width);
    std::vector<float> rows(static_cast<size_t>(60 * width));
    PhiloxStream random(rng_key(8, RngPurpose::test));
    for (float& value : rows) value = static_cast<float>(random.normal() * 0.4 + 0.1);
    dictionary->initialise(machine.context, 7, rows.data(), 60);
    normalizer = std::make_unique<Normalizer>(Normalizer::fit(
        Normalization::per_dimension, Activations::in_memory(width, rows, std::vector<int32_t>(60),
                                                             std::vector<int32_t>(60), std::vector<int32_t>(60))));
    protocol.k = 7;
    protocol.batch_users = 6;
  }
  static World of_test(Machine& machine, const char* id, const std::string& at) {
    auto backbone =
        std::make_unique<Backbone>(*machine.device, test::test_backbone(id),
                                   Values(test::test_backbone(id), {{"max_length", int64_t{9}, {}}}), kItems);
    backbone->initialise(machine.context, 2);
    return World(std::move(backbone), machine, at);
  }

  std::vector<Recommendations> short_way(const std::vector<Intervention>& interventions) {
    return steered_lists(*model, machine.context, log, part, {site, dictionary.get(), *normalizer}, interventions,
                         protocol);
  }
  Recommendations whole_run(const Intervention& intervention) {
    return recommend_part(*model, machine.context, log, part,
                          make_hook(site, *machine.device, dictionary.get(), *normalizer, intervention), protocol);
  }
  void expect_same_bits(const std::vector<Intervention>& interventions) {
    const auto lists = short_way(interventions);
    ASSERT_EQ(lists.size(), interventions.size());
    for (size_t i = 0; i < lists.size(); ++i) {
      const Recommendations expected = whole_run(interventions[i]);
      EXPECT_EQ(lists[i].users, expected.users) << i;
      EXPECT_EQ(lists[i].targets, expected.targets) << i;
      EXPECT_EQ(lists[i].lists, expected.lists) << i;
      EXPECT_TRUE(test::same_bits(lists[i].scores, expected.scores)) << i;
    }
  }

  Machine& machine;
  std::unique_ptr<Backbone> model;
  Interactions log;
  Part part;
  int64_t site = 0;
  std::unique_ptr<DictionaryModel> dictionary;
  std::unique_ptr<Normalizer> normalizer;
  RankingProtocol protocol;
};

// Features set to several values, alone and together, and vectors added: at the last or all positions, with or without the
// error, whatever may stand beside each other; out of order on purpose.
std::vector<Intervention> every_kind(const World& world) {
  std::vector<Intervention> out;
  const auto width = static_cast<size_t>(world.normalizer->width());
  for (const float value : {3.0f, 0.0f, -2.5f, 0.25f}) {
    for (const Positions edit : {Positions::last, Positions::all}) {
      for (const Positions replace : {Positions::all, Positions::last}) {
        for (const bool keep : {false, true}) {
          Intervention one;
          one.edit = edit;
          one.replace = replace;
          one.keep_error = keep;
          if (edit == Positions::last || replace == Positions::all) {
            one.features = {{4, value}};
            out.push_back(one);
            one.features = {{2, value}, {7, -value}};
            out.push_back(one);
          }
          one.features.clear();
          one.vector.assign(width, 0.3f * value);
          out.push_back(one);  // on top of a reconstruction
          one.reconstruct = false;
          out.push_back(one);  // and alone
        }
      }
    }
  }
  out.push_back(Intervention{});  // the reconstruction as it is
  return out;
}

TEST(Resume, gives_the_bits_of_whole_runs_for_every_kind_of_edit) {
  for (const int threads : {1, 3}) {
    Machine machine(threads);
    for (const char* site : {"in", "block.0.attn.out", "block.0.out", "final"}) {
      SCOPED_TRACE(site);
      World world = World::of_test(machine, "test.causal", site);
      EXPECT_TRUE(world.model->can_resume());
      EXPECT_EQ(world.model->can_resume(world.site), std::string(site) != "block.0.attn.out");
      world.expect_same_bits(every_kind(world));
    }
  }
}

TEST(Resume, gives_the_bits_of_whole_runs_where_tokens_look_ahead) {
  Machine machine;
  for (const char* site : {"in", "block.0.out", "final"}) {
    SCOPED_TRACE(site);
    World world = World::of_test(machine, "test.cloze", site);
    EXPECT_FALSE(world.model->causal());
    world.expect_same_bits(every_kind(world));
  }
}

TEST(Resume, gives_the_bits_of_whole_runs_of_the_transformers) {
  Machine machine;
  const std::vector<GivenValue> shape = {{"hidden", int64_t{8}, {}},
                                         {"layers", int64_t{3}, {}},
                                         {"heads", int64_t{2}, {}},
                                         {"max_length", int64_t{9}, {}}};
  for (const char* id : {"heddle.gptrec", "heddle.sasrec", "heddle.bert4rec"}) {
    const Component& component = test::component(HEDDLE_KIND_BACKBONE, id);
    for (const char* site : {"block.0.out", "block.1.attn.out", "block.2.out", "final"}) {
      SCOPED_TRACE(std::string(id) + " " + site);
      auto backbone = std::make_unique<Backbone>(*machine.device, component, Values(component, shape), kItems);
      backbone->initialise(machine.context, 2);
      World world(std::move(backbone), machine, site);
      // Inside a block the residual stream is not among the site's values: whole runs.
      EXPECT_EQ(world.model->can_resume(world.site), std::string(site) != "block.1.attn.out");
      world.expect_same_bits(every_kind(world));
    }
  }
}

TEST(Resume, lists_do_not_depend_on_the_batch_nor_on_what_else_is_asked) {
  Machine machine;
  World world = World::of_test(machine, "test.causal", "block.0.out");
  const auto all = every_kind(world);
  const auto together = world.short_way(all);
  world.protocol.batch_users = 23;
  for (const size_t i : {size_t{0}, size_t{5}, size_t{9}, all.size() - 1}) {
    const auto alone = world.short_way({all[i]});
    EXPECT_EQ(alone[0].lists, together[i].lists) << i;
    EXPECT_TRUE(test::same_bits(alone[0].scores, together[i].scores)) << i;
  }
}

TEST(Resume, runs_only_what_an_edit_reaches) {
  Machine machine;
  World world = World::of_test(machine, "test.causal", "block.0.out");
  std::vector<Intervention> values;
  for (int v = -10; v <= 10; ++v) {
    for (const int64_t feature : {1, 5, 6}) {
      Intervention one;
      one.features = {{feature, static_cast<float>(v)}};
      values.push_back(one);
    }
  }
  int64_t tokens = 0;
  for (const UserRange& range : world.part.users) tokens += std::min<int64_t>(range.length(), 9);
  tokens_run = rows_resumed = 0;
  world.short_way(values);
  EXPECT_EQ(tokens_run, tokens);         // each user once
  EXPECT_EQ(rows_resumed, 23 * 21 * 3);  // one row per user, value and feature
  for (Intervention& one : values) one.edit = Positions::all;
  tokens_run = rows_resumed = 0;
  world.short_way(values);
  EXPECT_EQ(tokens_run, tokens);
  EXPECT_EQ(rows_resumed, tokens * 21 * 3);
}

TEST(Resume, takes_whole_runs_where_nothing_else_is_right) {
  Machine machine;
  World ranks = World::of_test(machine, "test.ranks", "block.0.out");
  Intervention edit;
  edit.features = {{3, 2.0f}};
  EXPECT_FALSE(resumes(*ranks.model, ranks.site, edit, ranks.protocol));
  ranks.expect_same_bits({edit});
  World causal = World::of_test(machine, "test.causal", "block.0.out");
  EXPECT_TRUE(resumes(*causal.model, causal.site, edit, causal.protocol));
  causal.protocol.generation = Generation::next_k;
  EXPECT_FALSE(resumes(*causal.model, causal.site, edit, causal.protocol));
  causal.expect_same_bits({edit, Intervention{}});
}

TEST(Resume, tells_how_far_it_is_and_refuses_what_whole_runs_refuse) {
  Machine machine;
  World world = World::of_test(machine, "test.causal", "block.0.out");
  auto all = every_kind(world);
  std::vector<uint64_t> told;
  steered_lists(*world.model, machine.context, world.log, world.part,
                {world.site, world.dictionary.get(), *world.normalizer}, all, world.protocol,
                [&](uint64_t done, uint64_t of) {
                  EXPECT_EQ(of, 23 * all.size());
                  told.push_back(done);
                });
  EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
  EXPECT_EQ(told.back(), 23 * all.size());
  Intervention outside;
  outside.features = {{kFeatures, 1.0f}};
  EXPECT_THROW(world.short_way({Intervention{}, outside}), Error);
  EXPECT_TRUE(world.short_way({}).empty());
}

TEST(Sweep, of_values_gives_a_point_each_and_reports_them) {
  Machine machine;
  World world = World::of_test(machine, "test.causal", "block.0.out");
  AttributeTable attributes;
  attributes.items = kItems;
  attributes.attributes = {{"g:even", "g", HEDDLE_ATTRIBUTE_BINARY, kItems / 2}};
  attributes.offsets = {0};
  for (int32_t item = 0; item < kItems; ++item) {
    if (item % 2 == 0) attributes.labels.push_back(0);
    attributes.offsets.push_back(static_cast<int64_t>(attributes.labels.size()));
  }
  const Component& ndcg = test::component(HEDDLE_KIND_RANKING_METRIC, "heddle.ndcg");
  RankingMetrics metrics;
  metrics.push_back(std::make_unique<RankingMetric>("ndcg", ndcg, Values(ndcg, {})));
  world.protocol.filter_seen = false;
  const SweepSetting setting{*world.model, machine.context, world.log, world.part, attributes, metrics, world.protocol};
  const std::vector<double> values = {-4, 0, 4};
  std::vector<size_t> told;
  const auto at = [](double value) {
    Intervention one;
    one.features = {{3, static_cast<float>(value)}};
    return one;
  };
  const auto points = sweep(setting, world.site, world.dictionary.get(), *world.normalizer, values, at,
                            [&](size_t n) { told.push_back(n); });
  ASSERT_EQ(points.size(), 3u);
  EXPECT_EQ(told, (std::vector<size_t>{1, 2, 3}));
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(points[i].value, values[i]);
    const Recommendations whole = world.whole_run(at(values[i]));
    EXPECT_EQ(points[i].shares, attribute_shares(whole, attributes));
    EXPECT_EQ(points[i].metrics[0].value, score_lists(whole, kItems, metrics, world.protocol).value("ndcg"));
  }
}

}  // namespace
}  // namespace heddle
