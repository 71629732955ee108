#include "core/store/results_db.h"

#include <sqlite3.h>

#include <cmath>

#include "core/base/error.h"
#include "core/store/json_file.h"

#ifndef HEDDLE_VERSION
#define HEDDLE_VERSION "0"
#endif

namespace heddle {
namespace {

constexpr int format_version = 1;
constexpr int application_id = 0x48454444;  // "HEDD"

// JSON columns are text so that SQLite's json functions work on them. Deleting a stage row deletes its values.
constexpr const char* schema = R"sql(
CREATE TABLE stage_result (
  id INTEGER PRIMARY KEY,
  run TEXT NOT NULL, experiment TEXT NOT NULL, stage TEXT NOT NULL, part TEXT NOT NULL, key TEXT NOT NULL,
  seed INTEGER NOT NULL, protocol TEXT NOT NULL, created_by TEXT NOT NULL,
  created_at TEXT NOT NULL DEFAULT (datetime('now')),
  UNIQUE (run, stage, part));
CREATE TABLE value_result (
  id INTEGER PRIMARY KEY,
  stage_id INTEGER NOT NULL REFERENCES stage_result (id) ON DELETE CASCADE,
  metric TEXT NOT NULL, feature TEXT NOT NULL, attribute TEXT NOT NULL, value REAL,
  reason TEXT NOT NULL, keys TEXT NOT NULL);
CREATE INDEX value_by_stage ON value_result (stage_id);
CREATE INDEX value_by_metric ON value_result (metric, attribute);
CREATE VIEW results AS
  SELECT s.run, s.experiment, s.stage, s.part, v.metric, v.feature, v.attribute, v.value, v.reason, v.keys,
         s.seed, s.protocol, s.key, s.created_by, s.created_at
  FROM value_result v JOIN stage_result s ON s.id = v.stage_id;
)sql";

}  // namespace

class ResultsDb::Statement {
 public:
  Statement(const ResultsDb& db, const std::string& sql) : db_(db) {
    if (sqlite3_prepare_v2(db.db_, sql.c_str(), -1, &raw_, nullptr) != SQLITE_OK) db.raise("cannot be queried");
  }
  ~Statement() { sqlite3_finalize(raw_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(const std::string& text) {
    return done(sqlite3_bind_text64(raw_, ++at_, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  }
  Statement& bind(int64_t value) { return done(sqlite3_bind_int64(raw_, ++at_, value)); }
  Statement& bind(double value) { return done(sqlite3_bind_double(raw_, ++at_, value)); }
  Statement& bind_null() { return done(sqlite3_bind_null(raw_, ++at_)); }
  // True when there is a row.
  bool step() {
    const int code = sqlite3_step(raw_);
    if (code != SQLITE_ROW && code != SQLITE_DONE) db_.raise("cannot be written or read");
    return code == SQLITE_ROW;
  }
  void run() {
    step();
    sqlite3_reset(raw_);
    at_ = 0;
  }
  std::string text(int column) const {
    const auto* p = reinterpret_cast<const char*>(sqlite3_column_text(raw_, column));
    return p == nullptr ? std::string() : std::string(p, static_cast<size_t>(sqlite3_column_bytes(raw_, column)));
  }
  int64_t integer(int column) const { return sqlite3_column_int64(raw_, column); }
  std::optional<double> real(int column) const {
    if (sqlite3_column_type(raw_, column) == SQLITE_NULL) return std::nullopt;
    return sqlite3_column_double(raw_, column);
  }

 private:
  Statement& done(int code) {
    if (code != SQLITE_OK) db_.raise("cannot be written");
    return *this;
  }
  const ResultsDb& db_;
  sqlite3_stmt* raw_ = nullptr;
  int at_ = 0;
};

void ResultsDb::raise(const std::string& what) const {
  const int code = sqlite3_errcode(db_) & 0xff;
  const bool full = code == SQLITE_FULL || code == SQLITE_NOMEM;
  const bool denied = code == SQLITE_READONLY || code == SQLITE_PERM || code == SQLITE_BUSY || code == SQLITE_LOCKED;
  fail(full     ? HEDDLE_RESOURCE_EXHAUSTED
       : denied ? HEDDLE_FAILED_PRECONDITION
                : HEDDLE_DATA_LOSS,
       "{}: {}: {}", file_.string(), what, sqlite3_errmsg(db_));
}

void ResultsDb::execute(const char* sql) const {
  if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) raise("cannot be written or read");
}

ResultsDb::ResultsDb(const std::filesystem::path& file, Mode mode) : file_(file) {
  if (mode == Mode::read && !std::filesystem::exists(file)) fail(HEDDLE_NOT_FOUND, "{}: no such file", file.string());
  // Readers too open for writing where they may: a killed run leaves a journal that the next opener must roll back.
  const int flags = SQLITE_OPEN_READWRITE | (mode == Mode::read ? 0 : SQLITE_OPEN_CREATE);
  try {
    if (sqlite3_open_v2(file.c_str(), &db_, flags, nullptr) != SQLITE_OK) raise("cannot be opened");
    sqlite3_busy_timeout(db_, 5000);  // a reader of the same file holds it for moments only
    execute("PRAGMA foreign_keys = ON");
    if (mode == Mode::read) execute("PRAGMA query_only = ON");
    const auto number = [this](const char* sql) {
      Statement statement(*this, sql);
      return statement.step() ? statement.integer(0) : 0;
    };
    const int64_t application = number("PRAGMA application_id"), version = number("PRAGMA user_version");
    const bool fresh = number("SELECT count(*) FROM sqlite_master") == 0 && application == 0;
    if (fresh && mode == Mode::write) {
      const std::string sql =
          fmt::format("BEGIN IMMEDIATE; {} PRAGMA application_id = {}; PRAGMA user_version = {}; COMMIT;", schema,
                      application_id, format_version);
      execute(sql.c_str());
    } else if (application != application_id) {
      fail(HEDDLE_DATA_LOSS, "{}: not a results file of Heddle", file.string());
    } else if (version != format_version) {
      fail(HEDDLE_DATA_LOSS, "{}: its format is {}, this program reads {}", file.string(), version, format_version);
    }
  } catch (...) {
    sqlite3_close(db_);
    throw;
  }
}

ResultsDb::~ResultsDb() { sqlite3_close(db_); }

void ResultsDb::replace(const ResultStage& stage, const std::vector<ResultValue>& values) {
  execute("BEGIN IMMEDIATE");
  try {
    Statement(*this, "DELETE FROM stage_result WHERE run = ? AND stage = ? AND part = ?")
        .bind(stage.run)
        .bind(stage.stage)
        .bind(stage.part)
        .run();
    Statement(*this,
              "INSERT INTO stage_result (run, experiment, stage, part, key, seed, protocol, created_by) VALUES "
              "(?,?,?,?,?,?,?,?)")
        .bind(stage.run)
        .bind(stage.experiment)
        .bind(stage.stage)
        .bind(stage.part)
        .bind(stage.key)
        .bind(stage.seed)
        .bind(stage.protocol.dump())
        .bind(std::string("heddle " HEDDLE_VERSION))
        .run();
    const int64_t id = sqlite3_last_insert_rowid(db_);
    Statement insert(
        *this,
        "INSERT INTO value_result (stage_id, metric, feature, attribute, value, reason, keys) VALUES (?,?,?,?,?,?,?)");
    for (const ResultValue& value : values) {
      insert.bind(id).bind(value.metric).bind(value.feature).bind(value.attribute);
      std::string reason = value.reason;
      if (value.value && std::isfinite(*value.value)) {
        insert.bind(*value.value);
      } else {
        if (reason.empty()) reason = !value.value ? "not given" : std::isnan(*value.value) ? "undefined" : "infinite";
        insert.bind_null();
      }
      insert.bind(reason).bind(value.keys.dump()).run();
    }
    execute("COMMIT");
  } catch (...) {
    sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
  }
}

std::optional<std::string> ResultsDb::key_of(const std::string& run, const std::string& stage,
                                             const std::string& part) const {
  Statement statement(*this, "SELECT key FROM stage_result WHERE run = ? AND stage = ? AND part = ?");
  statement.bind(run).bind(stage).bind(part);
  if (!statement.step()) return std::nullopt;
  return statement.text(0);
}

std::vector<ResultRecord> ResultsDb::query(const ResultQuery& query) const {
  std::string where;
  std::vector<std::string> arguments;
  const auto among = [&](const char* column, const std::vector<std::string>& accepted) {
    if (accepted.empty()) return;
    where += fmt::format("{} {} IN (", where.empty() ? " WHERE" : " AND", column);
    for (size_t i = 0; i < accepted.size(); ++i) where += i == 0 ? "?" : ",?";
    where += ")";
    arguments.insert(arguments.end(), accepted.begin(), accepted.end());
  };
  among("s.run", query.runs);
  among("s.experiment", query.experiments);
  among("s.stage", query.stages);
  among("s.part", query.parts);
  among("v.metric", query.metrics);
  among("v.feature", query.features);
  among("v.attribute", query.attributes);
  Statement statement(*this,
                      "SELECT s.run, s.experiment, s.stage, s.part, s.key, s.seed, s.protocol, v.metric, v.feature, "
                      "v.attribute, v.value, "
                      "v.reason, v.keys FROM value_result v JOIN stage_result s ON s.id = v.stage_id" +
                          where + " ORDER BY s.experiment, s.run, s.stage, s.part, v.id");
  for (const std::string& argument : arguments) statement.bind(argument);
  std::vector<ResultRecord> records;
  while (statement.step()) {
    ResultRecord record;
    record.stage = {statement.text(0),
                    statement.text(1),
                    statement.text(2),
                    statement.text(3),
                    statement.text(4),
                    statement.integer(5),
                    parse_json(statement.text(6), file_.string())};
    record.value = {statement.text(7),  statement.text(8),  statement.text(9),
                    statement.real(10), statement.text(11), parse_json(statement.text(12), file_.string())};
    records.push_back(std::move(record));
  }
  return records;
}

std::vector<std::string> ResultsDb::metrics() const {
  Statement statement(*this, "SELECT DISTINCT metric FROM value_result ORDER BY metric");
  std::vector<std::string> names;
  while (statement.step()) names.push_back(statement.text(0));
  return names;
}

}  // namespace heddle
