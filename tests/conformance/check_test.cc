// The conformance kit catches each kind of fault, by the check that is there for it, and passes what is right.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/base/error.h"
#include "core/conformance/conformance.h"

namespace heddle {
namespace {

struct Report {
  int code = 0;
  std::string text;
  std::map<std::string, std::string> failed;  // check → reason
  std::map<std::string, std::string> skipped;
};

Report check_file(const std::filesystem::path& file, CheckOptions options = {}) {
  Report report;
  options.json = true;
  std::ostringstream out;
  report.code = check_plugin(file, options, out);
  report.text = out.str();
  const auto json = nlohmann::json::parse(report.text);
  for (const auto& row : json["checks"]) {
    const std::string name = row["check"], text = row["text"];
    if (row["result"] == "FAIL") report.failed[name] = text;
    if (row["result"] == "skipped") report.skipped[name] = text;
  }
  return report;
}

Report check_fixture(const std::string& name, const std::string& only = "", double time_limit = 60) {
  CheckOptions options;
  options.check = only;
  options.time_limit = time_limit;
  return check_file(std::filesystem::path(HEDDLE_FIXTURES) / (name + ".so"), options);
}

TEST(Check, GoodDictionaryPasses) {
  const Report report = check_fixture("good");
  EXPECT_EQ(report.code, 0) << report.text;
  EXPECT_EQ(report.skipped.count("gradients"), 0u) << report.text;
}

TEST(Check, EveryOtherKindPasses) {
  const Report report = check_fixture("kinds");
  EXPECT_EQ(report.code, 0) << report.text;
}

TEST(Check, BackbonesAndSourcesPass) {
  for (const char* name : {"backbones", "sources"}) {
    const Report report = check_fixture(name);
    EXPECT_EQ(report.code, 0) << report.text;
  }
  // Each optional slot is there in one of the backbones at least, and looked at.
  CheckOptions options;
  for (const auto& [id, check] : {std::pair("test.causal", "causality"),
                                  {"test.causal", "inference again"},
                                  {"test.cloze", "inference again"},
                                  {"test.cloze", "gradients"},
                                  {"test.ranks", "preparation"},
                                  {"test.ranks", "lists"}}) {
    options.component = id;
    options.check = check;
    const Report report = check_file(std::filesystem::path(HEDDLE_FIXTURES) / "backbones.so", options);
    EXPECT_EQ(report.code, 0) << report.text;
    EXPECT_TRUE(report.skipped.empty()) << report.text;
    EXPECT_NE(report.text.find(check), std::string::npos);
  }
}

TEST(Check, FutureTablesPass) { EXPECT_EQ(check_fixture("future_table").code, 0); }

struct Case {
  const char* fixture;
  const char* only;    // checks that are run
  const char* check;   // the one that must fail
  const char* reason;  // part of its reason
};

class Fault : public testing::TestWithParam<Case> {};

TEST_P(Fault, IsCaught) {
  const Case& c = GetParam();
  const Report report = check_fixture(c.fixture, c.only, std::string(c.fixture) == "hangs" ? 1.0 : 60.0);
  EXPECT_EQ(report.code, 1) << report.text;
  ASSERT_EQ(report.failed.count(c.check), 1u) << report.text;
  EXPECT_NE(report.failed.at(c.check).find(c.reason), std::string::npos) << report.failed.at(c.check);
}

INSTANTIATE_TEST_SUITE_P(
    Zoo, Fault,
    testing::Values(Case{"nan_output", "outputs", "outputs", "the reconstruction holds nan"},
                    Case{"past_end", "outputs", "outputs", ""},
                    Case{"wrong_shape", "outputs", "outputs", "does not fit its role"},
                    Case{"hangs", "one row", "one row", "did not come back within 1 s in: encode of 1 rows"},
                    Case{"prints", "one row", "one row", "wrote to stdout: \"encoding\""},
                    Case{"batch_dependent", "batch split", "batch split", "codes differ when 37 rows are split"},
                    Case{"wrong_gradient", "gradients", "gradients", "the gradient of 'decoder' disagrees"},
                    Case{"unstable", "threads", "threads", "when the same call is repeated"},
                    Case{"hidden_state", "save and load", "save and load", "after save and load"},
                    Case{"shared_state", "two instances", "two instances", "after another instance was trained"},
                    Case{"crashes_at_bound", "create", "create at bounds", "SIGSEGV"},
                    Case{"exits", "one row", "one row", "ended the process"},
                    Case{"writes_input", "one row", "one row", "SIGSEGV"},
                    Case{"aborts", "one row", "one row", "SIGABRT"},
                    Case{"silent_error", "create", "create at bounds", "no message"},
                    Case{"bad_default", "", "load", "default 5000"}, Case{"missing_slot", "", "load", "'encode'"},
                    Case{"wrong_major", "", "file", "ABI 2.0"}, Case{"new_minor", "", "file", "ABI 1.99"},
                    Case{"no_note", "", "file", "not a Heddle plugin"}, Case{"null_entry", "", "load", "null pointer"},
                    Case{"nan_loss", "outputs", "outputs", "the loss 'reconstruction' is nan"},
                    Case{"bad_free", "create", "create with defaults", ""},
                    Case{"throws", "pairwise scores", "pairwise scores", "thrown by the fixture"},
                    Case{"throws_no_std", "pairwise scores", "pairwise scores", "an exception crossed the boundary"},
                    Case{"exports", "exports", "exports", "besides its entry point"}),
    [](const auto& one) { return std::string(one.param.fixture); });

// Faults that a parameter of the fixture switches on, by its number there.
struct Switched {
  const char *name, *fixture, *component;
  int fault;
  const char *check, *reason;
};

class SwitchedFault : public testing::TestWithParam<Switched> {};

TEST_P(SwitchedFault, IsCaught) {
  const Switched& c = GetParam();
  CheckOptions options;
  options.component = c.component;
  options.check = c.check;
  options.given["fault"] = std::to_string(c.fault);
  const Report report = check_file(std::filesystem::path(HEDDLE_FIXTURES) / (std::string(c.fixture) + ".so"), options);
  EXPECT_EQ(report.code, 1) << report.text;
  ASSERT_EQ(report.failed.count(c.check), 1u) << report.text;
  EXPECT_NE(report.failed.at(c.check).find(c.reason), std::string::npos) << report.failed.at(c.check);
}

const char *backbones = "backbones", *sources = "sources";

INSTANTIATE_TEST_SUITE_P(
    Backbones, SwitchedFault,
    testing::Values(
        Switched{"not_causal", backbones, "test.causal", 1, "causality", "a state changes with the item"},
        Switched{"caching_differs", backbones, "test.causal", 2, "inference again", "gives other states than forward"},
        Switched{"cache_unused", backbones, "test.causal", 3, "inference again", "for suffixes of 1 tokens"},
        Switched{"ranks_seen", backbones, "test.ranks", 4, "lists", "which is seen"},
        Switched{"ranks_twice", backbones, "test.ranks", 5, "lists", "twice"},
        Switched{"ranks_unordered", backbones, "test.ranks", 6, "lists", "not best first"},
        Switched{"prepare_unstable", backbones, "test.ranks", 7, "preparation", "when the same call is repeated"},
        Switched{"prepare_nan", backbones, "test.ranks", 8, "outputs", "prepare leaves nan in 'prior'"},
        Switched{"wrong_gradient", backbones, "test.cloze", 9, "gradients", "the gradient of 'items' disagrees"},
        Switched{"site_skipped", backbones, "test.causal", 10, "hooks", "the sites are not reached once each"},
        Switched{"status_lost", backbones, "test.causal", 11, "hooks", "is not handed on"},
        Switched{"status_lost_by_rank", backbones, "test.ranks", 11, "lists", "is not handed on by rank"},
        Switched{"any_item", backbones, "test.causal", 12, "foreign items", "with item -5"},
        Switched{"batch_dependent", backbones, "test.causal", 13, "batch split", "come in batches of 1"},
        Switched{"half_cache", backbones, "test.causal", 14, "inference again", ""}),
    [](const auto& one) { return std::string(one.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Sources, SwitchedFault,
    testing::Values(
        Switched{"events_change", sources, "test.events", 1, "events", "the second reading gives other events"},
        Switched{"events_nan", sources, "test.events", 2, "events", "has the value nan"},
        Switched{"events_empty_id", sources, "test.events", 3, "events", "has an empty item id"},
        Switched{"events_not_utf8", sources, "test.events", 4, "events", "is not UTF-8"},
        Switched{"events_no_times", sources, "test.events", 5, "events", "a block has no times"},
        Switched{"fingerprint_changes", sources, "test.events", 6, "fingerprint", "different fingerprints"},
        Switched{"fingerprint_overruns", sources, "test.labels", 7, "fingerprint", "8 bytes"},
        Switched{"fingerprint_empty", sources, "test.labels", 8, "fingerprint", "is empty"},
        Switched{"file_ignored", sources, "test.events", 9, "missing file", "a missing file"},
        Switched{"labels_file_ignored", sources, "test.labels", 9, "missing file", "a missing file"},
        Switched{"file_unnamed", sources, "test.labels", 10, "missing file", "does not name the file"},
        Switched{"labels_change", sources, "test.labels", 11, "labels", "the second reading gives other labels"},
        Switched{"labels_foreign", sources, "test.labels", 12, "labels", "a label names attribute 5"},
        Switched{"labels_two", sources, "test.labels", 13, "labels", "a binary label is 2"},
        Switched{"labels_nan", sources, "test.labels", 14, "labels", "is nan"},
        Switched{"labels_not_utf8", sources, "test.labels", 15, "labels", "a title is missing or not UTF-8"},
        Switched{"labels_go_on", sources, "test.labels", 16, "stopping", "not handed on by read"},
        Switched{"labels_need_items", sources, "test.labels", 17, "empty catalogue", "SIGSEGV"}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(Check, MissingFileIsOneFailedCheck) {
  const Report report = check_file("/nonexistent/plugin.so");
  EXPECT_EQ(report.code, 1);
  EXPECT_EQ(report.failed.count("file"), 1u);
}

TEST(Check, TableNamesEveryCheck) {
  std::ostringstream out;
  CheckOptions options;
  options.component = "test.hits";
  EXPECT_EQ(check_plugin(std::filesystem::path(HEDDLE_FIXTURES) / "kinds.so", options, out), 0);
  EXPECT_NE(out.str().find("value per user"), std::string::npos) << out.str();
  EXPECT_EQ(out.str().find("test.events"), std::string::npos) << out.str();
  EXPECT_NE(out.str().find("0 failed"), std::string::npos) << out.str();
  options.component = "test.nothing";
  EXPECT_THROW(check_plugin(std::filesystem::path(HEDDLE_FIXTURES) / "kinds.so", options, out), Error);
}

}  // namespace
}  // namespace heddle
