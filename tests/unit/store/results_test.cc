#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include <cmath>

#include "core/base/text.h"
#include "core/store/atomic_file.h"
#include "core/store/results_db.h"
#include "core/store/results_print.h"
#include "tests/unit/store/temporary_folder.h"

namespace heddle {
namespace {

ResultStage stage(const std::string& run, const std::string& name, const std::string& part = "") {
  return {run, "exp", name, part, "k1", 7, {{"split", "new_users"}, {"filter_seen", true}}};
}

ResultValue value(const std::string& metric, std::optional<double> number, const std::string& attribute = "") {
  return {metric, "", attribute, number, "", nlohmann::json::object()};
}

TEST(ResultsDb, WritesReadsAndReplaces) {
  const TemporaryFolder folder;
  ResultsDb db(folder / "results.sqlite", ResultsDb::Mode::write);
  db.replace(stage("a", "evaluate"), {value("ndcg", 0.125), value("hit_rate", 1.0 / 3)});
  db.replace(stage("a", "interpret", "l1"), {value("pearson", 0.5, "genre:Horror")});
  db.replace(stage("b", "evaluate"), {value("ndcg", 0.25)});
  EXPECT_EQ(db.query({}).size(), 4U);
  EXPECT_EQ(db.key_of("a", "evaluate", ""), "k1");
  EXPECT_FALSE(db.key_of("a", "evaluate", "l1").has_value());

  ResultStage again = stage("a", "evaluate");
  again.key = "k2";
  for (int i = 0; i < 2; ++i) db.replace(again, {value("ndcg", 0.5)});
  const auto records = db.query({.runs = {"a"}, .stages = {"evaluate"}});
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].value.value, 0.5);
  EXPECT_EQ(records[0].stage.key, "k2");
  EXPECT_EQ(records[0].stage.seed, 7);
  EXPECT_EQ(records[0].stage.protocol.at("split"), "new_users");
  EXPECT_EQ(db.metrics(), (std::vector<std::string>{"ndcg", "pearson"}));
}

TEST(ResultsDb, ReadersCannotWrite) {
  const TemporaryFolder folder;
  { ResultsDb(folder / "r", ResultsDb::Mode::write); }
  ResultsDb db(folder / "r", ResultsDb::Mode::read);
  EXPECT_NE(error_of([&] { db.replace(stage("r", "s"), {}); }, HEDDLE_FAILED_PRECONDITION), "");
}

TEST(ResultsDb, FiltersCombine) {
  const TemporaryFolder folder;
  ResultsDb db(folder / "r", ResultsDb::Mode::write);
  std::vector<ResultValue> values;
  for (const char* attribute : {"a", "b", "c"})
    for (const char* feature : {"1", "2"}) values.push_back({"pearson", feature, attribute, 0.5, "", {{"k", 10}}});
  db.replace(stage("r", "interpret", "l1"), values);
  EXPECT_EQ(db.query({.attributes = {"a", "c"}}).size(), 4U);
  EXPECT_EQ(db.query({.metrics = {"pearson"}, .features = {"2"}, .attributes = {"a", "c"}}).size(), 2U);
  EXPECT_EQ(db.query({.parts = {"l2"}}).size(), 0U);
  EXPECT_EQ(db.query({.metrics = {"' OR 1=1 --"}}).size(), 0U);
  EXPECT_EQ(db.query({.features = {"2"}, .attributes = {"b"}})[0].value.keys.at("k"), 10);
}

TEST(ResultsDb, AbsentValuesHaveAReason) {
  const TemporaryFolder folder;
  ResultsDb db(folder / "r", ResultsDb::Mode::write);
  ResultValue said = value("c", std::nullopt);
  said.reason = "constant feature";
  db.replace(stage("r", "s"), {value("a", NAN), value("b", INFINITY), said, value("d", std::nullopt)});
  std::vector<std::string> reasons;
  for (const ResultRecord& record : db.query({})) {
    EXPECT_FALSE(record.value.value.has_value());
    reasons.push_back(record.value.reason);
  }
  EXPECT_EQ(reasons, (std::vector<std::string>{"undefined", "infinite", "constant feature", "not given"}));
}

TEST(ResultsDb, IsQueryableByItsView) {
  const TemporaryFolder folder;
  {
    ResultsDb db(folder / "r", ResultsDb::Mode::write);
    db.replace(stage("r", "evaluate"), {value("ndcg", 0.5)});
  }
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open((folder / "r").c_str(), &raw), SQLITE_OK);
  sqlite3_stmt* statement = nullptr;
  ASSERT_EQ(
      sqlite3_prepare_v2(raw, "SELECT value, json_extract(protocol, '$.split') FROM results WHERE metric = 'ndcg'", -1,
                         &statement, nullptr),
      SQLITE_OK);
  ASSERT_EQ(sqlite3_step(statement), SQLITE_ROW);
  EXPECT_EQ(sqlite3_column_double(statement, 0), 0.5);
  EXPECT_STREQ(reinterpret_cast<const char*>(sqlite3_column_text(statement, 1)), "new_users");
  sqlite3_finalize(statement);
  sqlite3_close(raw);
}

TEST(ResultsDb, RefusesWhatIsNotItsOwn) {
  const TemporaryFolder folder;
  EXPECT_NE(error_of([&] { ResultsDb(folder / "none", ResultsDb::Mode::read); }, HEDDLE_NOT_FOUND), "");
  write_file(folder / "text", std::string(5000, 'x'));
  EXPECT_NE(error_of([&] { ResultsDb(folder / "text", ResultsDb::Mode::read); }, HEDDLE_DATA_LOSS), "");
  EXPECT_NE(error_of([&] { ResultsDb(folder / "text", ResultsDb::Mode::write); }, HEDDLE_DATA_LOSS), "");
  write_file(folder / "empty", "");
  EXPECT_NE(error_of([&] { ResultsDb(folder / "empty", ResultsDb::Mode::read); }, HEDDLE_DATA_LOSS), "");
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open((folder / "other").c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw, "CREATE TABLE t (x)", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(raw);
  EXPECT_NE(error_of([&] { ResultsDb(folder / "other", ResultsDb::Mode::write); }, HEDDLE_DATA_LOSS)
                .find("not a results file"),
            std::string::npos);
  { ResultsDb(folder / "newer", ResultsDb::Mode::write); }
  ASSERT_EQ(sqlite3_open((folder / "newer").c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw, "PRAGMA user_version = 9", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(raw);
  EXPECT_NE(
      error_of([&] { ResultsDb(folder / "newer", ResultsDb::Mode::write); }, HEDDLE_DATA_LOSS).find("format is 9"),
      std::string::npos);
}

// Killed at any moment, a stage has its old values or its new ones, all of them.
TEST(ResultsDb, KilledWriterLeavesOneWholeVersion) {
  const TemporaryFolder folder;
  const auto values = [](double number) { return std::vector<ResultValue>(200, value("m", number)); };
  { ResultsDb(folder / "r", ResultsDb::Mode::write).replace(stage("r", "s"), values(0)); }
  for (int round = 0; round < 15; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      ResultsDb db(folder / "r", ResultsDb::Mode::write);
      for (int i = 1;; ++i) db.replace(stage("r", "s"), values(i));
    }
    ::usleep(static_cast<useconds_t>(2000 + 1371 * round));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    const auto records = ResultsDb(folder / "r", ResultsDb::Mode::read).query({});
    ASSERT_EQ(records.size(), 200U);
    for (const ResultRecord& record : records) ASSERT_EQ(record.value.value, records[0].value.value);
  }
}

std::vector<ResultRecord> sample() {
  std::vector<ResultRecord> records;
  for (const char* attribute : {"genre:Film-Noir", "genre:Horror"})
    records.push_back({stage("exp", "interpret", "l1"), {"pearson", "17", attribute, 1.0 / 3, "", {{"rank", 1}}}});
  records[1].value.value.reset();
  records[1].value.reason = "a \"quoted\", reason";
  return records;
}

TEST(ResultsPrint, TableSaysCommonColumnsOnce) {
  const std::string text = print_results(sample(), ResultFormat::table);
  EXPECT_NE(text.find("experiment: exp   stage: interpret   part: l1   feature: 17   seed: 7   rank: 1\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("0.333333"), std::string::npos) << text;
  EXPECT_EQ(text.find("run"), std::string::npos) << text;
  size_t longest = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    longest = std::max(longest, display_width(text.substr(at, end - at)));
    at = end + 1;
  }
  EXPECT_LE(longest, 80U) << text;
  EXPECT_EQ(print_results({}, ResultFormat::table), "no results\n");
}

TEST(ResultsPrint, CsvIsRfc4180AndExact) {
  EXPECT_EQ(print_results(sample(), ResultFormat::csv),
            "experiment,run,stage,part,metric,feature,attribute,seed,value,reason,protocol,key,rank\r\n"
            "exp,exp,interpret,l1,pearson,17,genre:Film-Noir,7,0.3333333333333333,,\"{\"\"filter_seen\"\":true,"
            "\"\"split\"\":\"\"new_users\"\"}\",k1,1\r\n"
            "exp,exp,interpret,l1,pearson,17,genre:Horror,7,,\"a \"\"quoted\"\", "
            "reason\",\"{\"\"filter_seen\"\":true,\"\"split\"\":\"\"new_users\"\"}\",k1,1\r\n");
}

TEST(ResultsPrint, JsonReadsBack) {
  const auto list = nlohmann::json::parse(print_results(sample(), ResultFormat::json));
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].at("value").get<double>(), 1.0 / 3);
  EXPECT_TRUE(list[1].at("value").is_null());
  EXPECT_EQ(list[0].at("protocol").at("split"), "new_users");
  EXPECT_EQ(print_results({}, ResultFormat::json), "[]\n");
}

// Coordinates may have the name of a column; no format has two of one name.
TEST(ResultsPrint, ColumnNamesAreUnique) {
  std::vector<ResultRecord> records;
  for (double at : {-3.0, 3.0})
    records.push_back(
        {stage("exp", "steering", "0"),
         {"ndcg", "17", "", 0.5, "", {{"k", 10}, {"value", at}, {"key", at}, {"keys", "x"}, {"key_key", 1}}}});
  const std::string csv = print_results(records, ResultFormat::csv);
  EXPECT_EQ(csv.substr(0, csv.find('\r')),
            "experiment,run,stage,part,metric,feature,attribute,seed,value,reason,protocol,key,k,key_key_key,key_key,"
            "key_keys,steer_value");
  const auto list = nlohmann::json::parse(print_results(records, ResultFormat::json));
  EXPECT_EQ(list[0].at("keys").at("steer_value"), -3.0);
  EXPECT_EQ(list[0].at("keys").at("k"), 10);
  EXPECT_FALSE(list[0].at("keys").contains("value"));
  const std::string table = print_results(records, ResultFormat::table);
  EXPECT_NE(table.find("steer_value"), std::string::npos) << table;
}

TEST(ResultsPrint, UnknownFormatIsRefused) {
  EXPECT_NE(error_of([] { parse_result_format("cvs"); }, HEDDLE_INVALID_ARGUMENT).find("did you mean 'csv'"),
            std::string::npos);
}

}  // namespace
}  // namespace heddle
