// Every number of every run of an output folder, in one SQLite file in long form: OUTPUT/results.sqlite.
//
// A number carries its protocol: the stage row holds run, experiment, seed, key and a JSON with split, seen filter,
// denominators, loss form and so on; the value row holds metric, feature, attribute and any further keys (steer
// value, …). The view `results` joins both, for people with the sqlite3 program. An absent value is NULL with a
// reason, never 0 or NaN. Writing a stage again replaces its rows in one transaction. Rollback journal, not WAL: one
// file, network drives included. Threads: one at a time per object. Errors name the file and SQLite's reason.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

struct sqlite3;

namespace heddle {

// Where numbers come from. (run, stage, part) is unique in a file.
struct ResultStage {
  std::string run;         // identity of the run inside the output folder
  std::string experiment;  // its name
  std::string stage;       // "evaluate", "dictionary", "interpret", "steer", …
  std::string part;        // which of several: name of the dictionary, number of the steer table; "" when there is one
  std::string key;         // content address of the stage
  int64_t seed = 0;
  nlohmann::json protocol = nlohmann::json::object();
};

struct ResultValue {
  std::string metric;
  std::string feature;    // "" when it is about no single feature
  std::string attribute;  // "" likewise
  std::optional<double> value;
  std::string reason;                              // why value is absent
  nlohmann::json keys = nlohmann::json::object();  // further coordinates: {"value": -3, "k": 10}
};

struct ResultRecord {
  ResultStage stage;
  ResultValue value;
};

// Empty lists mean "any".
struct ResultQuery {
  std::vector<std::string> runs, experiments, stages, parts, metrics, features, attributes;
};

class ResultsDb {
 public:
  enum class Mode { read, write };
  // Mode::read throws NOT_FOUND when there is no such file. A file of another program or of a newer format is refused.
  ResultsDb(const std::filesystem::path& file, Mode mode);
  ~ResultsDb();
  ResultsDb(const ResultsDb&) = delete;
  ResultsDb& operator=(const ResultsDb&) = delete;

  // Replaces all values of (run, stage, part). A value that is NaN or infinite becomes NULL with a reason.
  void replace(const ResultStage& stage, const std::vector<ResultValue>& values);
  // The key under which (run, stage, part) was last written, if it was.
  std::optional<std::string> key_of(const std::string& run, const std::string& stage, const std::string& part) const;
  // In the order of writing within a stage; stages by (experiment, run, stage, part).
  std::vector<ResultRecord> query(const ResultQuery& query) const;
  // Distinct metric names, for messages.
  std::vector<std::string> metrics() const;

 private:
  class Statement;
  void execute(const char* sql) const;
  [[noreturn]] void raise(const std::string& what) const;
  std::filesystem::path file_;
  sqlite3* db_ = nullptr;
};

}  // namespace heddle
