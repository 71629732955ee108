// Descriptors that are in the process already: copies of tables, refusals, search order, look-ups that fail usefully.
#include "core/plugin/registry.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "core/base/error.h"
#include "core/plugin/loader.h"
#include "core/plugin/normalise.h"
#include "core/plugin/vtables.h"

namespace heddle {
namespace {

int32_t create(const heddle_host*, const heddle_values*, heddle_metric**, heddle_error*) { return HEDDLE_OK; }
void destroy(heddle_metric*) {}
int32_t info(heddle_metric*, heddle_metric_info*, heddle_error*) { return HEDDLE_OK; }
int32_t score(heddle_metric*, int64_t, const heddle_pair*, double*, heddle_error*) { return 42; }

// A plugin with one metric; tests change a field and look at the refusal. Leaked: plugins live as long as the process.
struct Fixture {
  heddle_metric_vtable table{
      sizeof(heddle_metric_vtable), 0, create, destroy, info, score, nullptr, nullptr, nullptr, nullptr};
  heddle_param params[2] = {option::integer("a", 1, 0, 9, "first"), option::real("b", 0.5, 0, 1, "second")};
  heddle_component component{sizeof(heddle_component),
                             0,
                             HEDDLE_KIND_METRIC,
                             HEDDLE_CONCURRENCY_EXCLUSIVE,
                             "test.m",
                             "1.2.3",
                             "A metric. Of the tests.",
                             2,
                             params,
                             &table,
                             nullptr};
  const heddle_component* components[2] = {&component, &component};
  heddle_plugin plugin{sizeof(heddle_plugin), 0, HEDDLE_ABI_MAJOR, 0, "test.plugin", "0.1.0", "Doc.", 1, components};
};

template <class F>
std::string refusal(F&& change) {
  auto* fixture = new Fixture;
  change(*fixture);
  try {
    adopt_plugin(&fixture->plugin, "here");
  } catch (const Error& error) {
    delete fixture;
    return error.what();
  }
  return "accepted";
}

TEST(Loader, CopiesAComponent) {
  static Fixture fixture;
  const LoadedPlugin& plugin = adopt_plugin(&fixture.plugin, "here");
  ASSERT_EQ(plugin.components.size(), 1u);
  const Component& c = plugin.components[0];
  EXPECT_EQ(c.id, "test.m");
  EXPECT_EQ(c.plugin_id, "test.plugin");
  EXPECT_EQ(c.file, "here");
  EXPECT_TRUE(c.provides("score"));
  EXPECT_FALSE(c.provides("merge"));
  EXPECT_NE(c.exclusive, nullptr);
  const auto& table = c.table<heddle_metric_vtable>();
  EXPECT_EQ(table.score(nullptr, 0, nullptr, nullptr, nullptr), 42);
  ErrorBuffer error;
  EXPECT_EQ(table.merge(nullptr, nullptr, error), HEDDLE_UNIMPLEMENTED);
  EXPECT_EQ(error.message(), "slot 'merge' is not provided by this plugin");
  EXPECT_THROW(c.table<heddle_device_vtable>(), Error);
  EXPECT_EQ(&adopt_plugin(&fixture.plugin, "again"), &plugin);
}

// As an older minor would have left it: the table ends before the streaming slots.
TEST(Loader, ShortTableIsFilledWithStubs) {
  static Fixture fixture;
  fixture.table.struct_size = offsetof(heddle_metric_vtable, begin);
  fixture.table.begin = reinterpret_cast<decltype(fixture.table.begin)>(1);  // beyond its size: must not be looked at
  const Component& c = adopt_plugin(&fixture.plugin, "here").components[0];
  EXPECT_EQ(c.table<heddle_metric_vtable>().begin(nullptr, nullptr, nullptr), HEDDLE_UNIMPLEMENTED);
  EXPECT_EQ(c.table<heddle_metric_vtable>().struct_size, sizeof(heddle_metric_vtable));
}

// As a newer minor would write it: every struct longer than ours, arrays with a longer stride.
TEST(Loader, LongerTablesAreReadByTheirOwnSize) {
  struct LongParam {
    heddle_param known;
    uint64_t later[2];
  };
  static LongParam params[2] = {{option::integer("a", 1, 0, 9, "first"), {~0ull, ~0ull}},
                                {option::real("b", 0.5, 0, 1, "second"), {7, 7}}};
  for (auto& p : params) p.known.struct_size = sizeof(LongParam);
  static Fixture fixture;
  static struct {
    heddle_metric_vtable known;
    void (*later)();
  } table{fixture.table, nullptr};
  table.known.struct_size = sizeof table;
  fixture.component.params = &params[0].known;
  fixture.component.vtable = &table;
  const Component& c = adopt_plugin(&fixture.plugin, "here").components[0];
  ASSERT_EQ(c.params.size(), 2u);
  EXPECT_STREQ(c.params[1].name, "b");
  EXPECT_EQ(c.params[1].struct_size, sizeof(heddle_param));
}

TEST(Loader, RefusesWithAReason) {
  EXPECT_EQ(refusal([](Fixture& f) { f.table.create = nullptr; }),
            "here: component 'test.m': its metric table lacks the required function 'create'");
  EXPECT_EQ(refusal([](Fixture& f) { f.table.score = nullptr; }),
            "here: component 'test.m': its metric table must fill 'score', or all of 'begin', 'update', 'merge' and "
            "'finish'");
  EXPECT_EQ(refusal([](Fixture& f) { f.table.flags = 4; }),
            "here: component 'test.m': its metric table sets flag 0x4, which this heddle does not understand");
  EXPECT_EQ(refusal([](Fixture& f) { f.component.flags = 1; }),
            "here: component 0 sets flag 0x1, which this heddle does not understand");
  EXPECT_EQ(refusal([](Fixture& f) { f.plugin.flags = 1; }),
            "here: its descriptor sets flag 0x1, which this heddle does not understand");
  EXPECT_EQ(refusal([](Fixture& f) { f.plugin.flags = 1u << 16; }), "accepted");
  EXPECT_EQ(refusal([](Fixture& f) { f.component.id = "Test"; }),
            "here: component 'Test': ids are \"vendor.name\" of lower-case letters, digits and '_'");
  EXPECT_EQ(refusal([](Fixture& f) { f.component.id = nullptr; }), "here: the id of component 0 is a null pointer");
  EXPECT_EQ(refusal([](Fixture& f) { f.component.version = "1.2"; }),
            "here: component 'test.m' has the version '1.2'; MAJOR.MINOR.PATCH is needed");
  EXPECT_EQ(refusal([](Fixture& f) { f.component.kind = 99; }),
            "here: component 'test.m' is of kind 99, which this heddle does not know");
  EXPECT_EQ(refusal([](Fixture& f) { f.component.concurrency = 5; }),
            "here: component 'test.m' declares concurrency 5; 0 (exclusive) or 1 (per instance) is needed");
  EXPECT_EQ(refusal([](Fixture& f) { f.component.vtable = nullptr; }),
            "here: component 'test.m': its metric table is missing (null pointer)");
  EXPECT_EQ(refusal([](Fixture& f) { f.component.params = nullptr; }),
            "here: component 'test.m': its parameters: 2 announced, but the array is a null pointer");
  EXPECT_EQ(refusal([](Fixture& f) { f.params[1].name = "a"; }),
            "here: component 'test.m': parameter 'a' is declared twice");
  EXPECT_EQ(refusal([](Fixture& f) { f.params[0].default_int = 10; }),
            "here: component 'test.m': parameter 'a' has the default 10; accepted: 0 to 9");
  EXPECT_EQ(refusal([](Fixture& f) { f.component.struct_size = 12; }),
            "here: component 0 has struct_size 12; at least 64 and a multiple of 8 is needed");
  EXPECT_EQ(refusal([](Fixture& f) { f.plugin.abi_minor = 5; }),
            "here: its descriptor needs ABI 1.5; this heddle speaks 1.0");
  EXPECT_EQ(refusal([](Fixture& f) { f.plugin.n_components = 0; }), "here: it offers 0 components");
  EXPECT_EQ(refusal([](Fixture& f) { f.plugin.n_components = 2; }), "here: it offers the metric 'test.m' twice");
  EXPECT_EQ(refusal([](Fixture&) {}), "accepted");
}

TEST(Vtables, OpsAreCallableEvenWhenEmpty) {
  heddle_ops none{};
  none.struct_size = offsetof(heddle_ops, supports);
  const heddle_ops ops = full_ops(&none, "a device");
  ErrorBuffer error;
  EXPECT_EQ(ops.supports(nullptr, "gemm", {}), 0);
  EXPECT_EQ(ops.gemm(nullptr, nullptr, error), HEDDLE_UNIMPLEMENTED);
  EXPECT_EQ(error.message(), "slot 'gemm' is not provided by this plugin");
  ops.codes_destroy(nullptr, nullptr);
  EXPECT_EQ(ops.parallel_for(nullptr, 0, nullptr, nullptr, nullptr), HEDDLE_UNIMPLEMENTED);
}

TEST(Normalise, WalksArraysByTheWritersSize) {
  struct Long {
    heddle_parameter known;
    uint64_t later;
  };
  Long items[3] = {};
  for (int64_t i = 0; i < 3; ++i)
    items[i].known.struct_size = sizeof(Long), items[i].known.ndim = static_cast<int32_t>(i + 1);
  const auto full = normalise_array(&items[0].known, 3, "parameters");
  ASSERT_EQ(full.size(), 3u);
  EXPECT_EQ(full[2].ndim, 3);
  items[1].known.struct_size = 16;
  EXPECT_THROW(normalise_array(&items[0].known, 3, "parameters"), Error);
}

TEST(Registry, FailedLookUpListsPlacesAndReasons) {
  SearchPath path;
  path.places.push_back({"relative/plugins", "[plugins] path", false});
  path.places.push_back({"/nowhere/heddle", "installed with heddle", false});
  path.places.push_back({"/etc/hostname", "HEDDLE_PLUGIN_PATH", false});
  const Registry registry(path);
  try {
    registry.find(HEDDLE_KIND_DICTIONARY, "heddle.nothing", "exp.toml:3:1: ");
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(error.wrong_use());
    const std::string text = error.what();
    EXPECT_TRUE(text.starts_with("exp.toml:3:1: there is no dictionary 'heddle.nothing'")) << text;
    EXPECT_NE(text.find("relative/plugins: is relative; only absolute paths are searched"), std::string::npos) << text;
    EXPECT_NE(text.find("/nowhere/heddle (installed with heddle): does not exist"), std::string::npos) << text;
    EXPECT_NE(text.find("refused /etc/hostname: is not a shared library"), std::string::npos) << text;
  }
}

TEST(SearchPath, OrderIsExperimentEnvironmentInstall) {
  setenv("HEDDLE_PLUGIN_PATH", "/one:/two::relative", 1);
  const SearchPath path = SearchPath::standard({"/exp/a.so"});
  unsetenv("HEDDLE_PLUGIN_PATH");
  ASSERT_EQ(path.places.size(), 5u);
  EXPECT_EQ(path.places[0].path, "/exp/a.so");
  EXPECT_EQ(path.places[1].path, "/one");
  EXPECT_EQ(path.places[2].path, "/two");
  EXPECT_EQ(path.places[3].path, "relative");
  EXPECT_EQ(path.places[4].path, installed_plugin_folder());
  EXPECT_TRUE(path.places[4].path.is_absolute());
  EXPECT_EQ(path.places[4].path.filename(), "plugins");
}

}  // namespace
}  // namespace heddle
