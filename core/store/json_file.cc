#include "core/store/json_file.h"

#include <algorithm>
#include <set>
#include <vector>

#include "core/base/error.h"
#include "core/store/atomic_file.h"

namespace heddle {
namespace {

using json = nlohmann::json;

// What the library's own parser lets pass and we do not: a name given twice, and bottomless nesting.
struct Refused {
  std::string reason;
};

std::string place(std::string_view text, size_t byte) {
  byte = std::min(byte, text.size());
  const std::string_view before = text.substr(0, byte);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t start = before.rfind('\n');
  return std::to_string(line) + ":" +
         std::to_string(byte - (start == std::string_view::npos ? 0 : start + 1) + (byte == 0 ? 1 : 0));
}

}  // namespace

json parse_json(std::string_view text, const std::string& name) {
  std::vector<std::set<std::string>> keys;
  const auto strict = [&keys](int depth, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start || event == json::parse_event_t::array_start) {
      if (depth >= 64) throw Refused{"nested deeper than 64"};
      keys.emplace_back();
    } else if (event == json::parse_event_t::object_end || event == json::parse_event_t::array_end) {
      keys.pop_back();
    } else if (event == json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second) {
      throw Refused{fmt::format("the name '{}' is given twice", parsed.get<std::string>())};
    }
    return true;
  };
  try {
    return json::parse(text, strict);
  } catch (const Refused& refused) {
    fail(HEDDLE_DATA_LOSS, "{}: not sound JSON: {}", name, refused.reason);
  } catch (const json::parse_error& error) {
    // what() is "[json.exception.parse_error.101] parse error at line 1, column 5: reason"; the place is ours to print.
    std::string_view reason = error.what();
    if (const size_t at = reason.find(": "); at != std::string_view::npos) reason.remove_prefix(at + 2);
    fail(HEDDLE_DATA_LOSS, "{}:{}: not sound JSON: {}", name, place(text, error.byte), reason);
  } catch (const json::exception& error) {  // numbers out of range
    fail(HEDDLE_DATA_LOSS, "{}: not sound JSON: {}", name, error.what());
  }
}

json read_json(const std::filesystem::path& path) { return parse_json(read_file(path), path.string()); }

void require_format(const json& file, int64_t format, const std::filesystem::path& path) {
  if (const json& found = file.at("format"); found != format)
    fail(HEDDLE_FAILED_PRECONDITION, "{}: format {}, this program reads format {}", path.string(), found.dump(),
         format);
}

void write_json(const std::filesystem::path& path, const json& value) { write_file(path, value.dump(2) + "\n"); }

void write_json(const std::filesystem::path& path, const nlohmann::ordered_json& value) {
  write_file(path, value.dump(2) + "\n");
}

}  // namespace heddle
