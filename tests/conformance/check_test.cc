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
