// `heddle run` with [report] and `heddle report` as a user types them.
#include "tests/e2e/program.h"

namespace heddle::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* experiment = R"(
[experiment]
name = "page"
output = "out"
[interactions]
plugin = "heddle.synthetic"
users = 300
items = 120
events = 9000
[attributes.interest]
plugin = "heddle.synthetic_interests"
items = 120
[split]
kind = "new_users"
test = 0.15
activation_users = 0.4
[backbone]
plugin = "heddle.gptrec"
hidden = 16
layers = 1
heads = 1
max_length = 32
[backbone.training]
epochs = 2
[dictionary.l1]
plugin = "heddle.l1"
site = "block.0.out"
width = 64
[dictionary.l1.training]
batch = 256
steps = 40
[interpret]
metrics = ["heddle.pearson", "heddle.roc_auc", "heddle.sensitivity"]
[[steer]]
feature = { top = "interest:*" }
values = [-2, 0, 2]
users = 20
[report]
title = "A page of a run"
)";

size_t widest_line(const std::string& text) {
  size_t widest = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    size_t columns = 0;
    for (char c : line) columns += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
    widest = std::max(widest, columns);
  }
  return widest;
}

TEST(Report, is_written_by_run_and_again_by_report) {
  const Folder work;
  work.write("page.toml", experiment);
  Program program(work.path());
  const Outcome run = program.run({"run", "page.toml"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_NE(run.out.find("Page:    out/report-page.html\n"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("Next:    "), std::string::npos) << run.out;
  EXPECT_LE(widest_line(run.out), 80u) << run.out;
  const std::string page = slurp(work / "out/report-page.html");
  EXPECT_NE(page.find("<title>A page of a run</title>"), std::string::npos);
  EXPECT_NE(page.find("interest:"), std::string::npos);
  const Outcome again = program.run({"report", "out", "-o", "again.html"});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(slurp(work / "again.html"), page) << "the same runs give the same bytes";
  EXPECT_NE(again.out.find("again.html: "), std::string::npos) << again.out;
  EXPECT_NE(again.out.find("not shown: Figure 9"), std::string::npos) << "what is missing is said: " << again.out;
}

TEST(Report, says_what_it_needs) {
  const Folder work;
  Program program(work.path());
  auto wrong = [&](const std::vector<std::string>& arguments, const std::string& text) {
    const Outcome outcome = program.run(arguments);
    EXPECT_EQ(outcome.code, 2) << outcome.err;
    EXPECT_NE(outcome.err.find(text), std::string::npos) << outcome.err;
  };
  wrong({"report"}, "RUN is missing; usage: heddle report RUN...");
  wrong({"report", "nowhere"}, "nowhere: no run");
  fs::create_directories(work / "empty/runs");
  wrong({"report", "empty"}, "empty: no run is complete there");
  wrong({"report", "nowhere", "--browse", "-1"}, "--browse -1: accepted: 0 or more");
}

TEST(Run, of_many_points_ends_with_one_row_per_value) {
  const Folder work;
  std::string text = experiment;
  text.erase(text.find("[[steer]]"));
  text +=
      "[sweep]\n\"dictionary.l1.l1\" = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0]\n\"dictionary.l1.training.seed\" = [1, "
      "2, 3]\n";
  work.write("page.toml", text);
  Program program(work.path());
  const Outcome run = program.run({"run", "page.toml"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_LE(widest_line(run.out), 80u) << run.out;
  EXPECT_LT(std::count(run.out.begin(), run.out.end(), '\n'), 20) << run.out;
  EXPECT_NE(run.out.find("21 runs"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("seeds"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("mean best"), std::string::npos) << run.out;
}

}  // namespace
}  // namespace heddle::test
