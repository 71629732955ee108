#include "core/plugin/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/plugin/list_text.h"

namespace heddle {

// Everything that the heddle_values points to. Deques, because their elements never move.
struct Values::Storage {
  Schema schema;
  ValuesContext context;
  std::vector<heddle_value> values;
  std::vector<SourcePosition> where;
  std::deque<std::string> strings;
  std::deque<std::vector<int64_t>> int_lists;
  std::deque<std::vector<double>> float_lists;
  std::deque<std::vector<const char*>> string_lists;
  heddle_values raw{};

  const char* keep(std::string text) { return strings.emplace_back(std::move(text)).c_str(); }
  void set_list(heddle_value* value, std::vector<int64_t> list) {
    const auto& kept = int_lists.emplace_back(std::move(list));
    value->n = kept.size(), value->list = kept.data();
  }
  void set_list(heddle_value* value, std::vector<double> list) {
    const auto& kept = float_lists.emplace_back(std::move(list));
    value->n = kept.size(), value->list = kept.data();
  }
  void set_list(heddle_value* value, const std::vector<std::string>& list) {
    auto& kept = string_lists.emplace_back();
    for (const std::string& entry : list) kept.push_back(keep(entry));
    value->n = kept.size(), value->list = kept.data();
  }
  void set_path(heddle_value* value, const std::string& text, const SourcePosition& position);
  void fill_default(const heddle_param& param, heddle_value* value);
  void fill_given(const heddle_param& param, const GivenValue& given, heddle_value* value);
  void run_check() const;
};

namespace {

std::string quoted(const std::string& text) {
  constexpr size_t most = 60;
  return text.size() <= most ? fmt::format("\"{}\"", text) : fmt::format("\"{}…\"", text.substr(0, most));
}

template <class T>
std::string list_text(const std::vector<T>& list) {
  std::vector<std::string> parts;
  for (const T& entry : list) {
    if (parts.size() == 8) {
      parts.emplace_back("…");
      break;
    }
    if constexpr (std::is_same_v<T, std::string>) parts.push_back(quoted(entry));
    else parts.push_back(fmt::format("{}", entry));
  }
  return fmt::format("[{}]", fmt::join(parts, ", "));
}

// What the user wrote, for a message.
std::string found_text(const GivenValue::Variant& value) {
  return std::visit(
      [](const auto& v) -> std::string {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, bool>) return v ? "true" : "false";
        else if constexpr (std::is_same_v<T, std::string>) return quoted(v);
        else if constexpr (std::is_same_v<T, double>)
          return v == std::floor(v) && std::abs(v) < 1e15 ? fmt::format("{:.1f}", v) : fmt::format("{}", v);
        else if constexpr (std::is_arithmetic_v<T>) return fmt::format("{}", v);
        else return list_text(v);
      },
      value);
}

std::vector<std::string> names_of(const Schema& schema) {
  std::vector<std::string> names;
  for (const heddle_param& p : schema.params) names.emplace_back(p.name);
  return names;
}

[[noreturn]] void refuse(const Schema& schema, const heddle_param& param, const GivenValue& given) {
  std::string hint;
  if (const auto* text = std::get_if<std::string>(&given.value); text != nullptr && param.type == HEDDLE_PARAM_CHOICE) {
    hint = did_you_mean(*text, {param.choices, param.choices + param.n_choices});
  }
  wrong_use("{}'{}' of {} is {}{} accepted: {}", given.where.prefix(), param.name, schema.owner,
            found_text(given.value), hint.empty() ? ";" : hint, accepted_text(param));
}

bool in_range(const heddle_param& p, double value) {
  return std::isfinite(value) && value >= p.minimum && value <= p.maximum;  // false for NaN
}

// Strings cross the boundary as C strings: a zero byte would cut them silently.
bool clean(const std::string& text) { return text.find('\0') == std::string::npos; }

bool empty_list(const GivenValue::Variant& value) {
  return std::visit(
      [](const auto& v) {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) return false;
        else return v.empty();
      },
      value);
}

}  // namespace

std::string to_string(const SourcePosition& where) {
  return where.line <= 0 ? where.file : fmt::format("{}:{}:{}", where.file, where.line, where.column);
}

std::string SourcePosition::prefix() const { return file.empty() ? std::string() : to_string(*this) + ": "; }

void Values::Storage::set_path(heddle_value* value, const std::string& text, const SourcePosition& position) {
  if (text.empty()) {
    value->s = keep({});
  } else if (context.resolve_path) {
    value->s = keep(context.resolve_path(text, position));
  } else {
    const std::filesystem::path base = std::filesystem::absolute(position.file.empty() ? "." : position.file);
    const std::filesystem::path folder = position.file.empty() ? base : base.parent_path();
    value->s = keep((folder / text).lexically_normal().string());
  }
}

void Values::Storage::fill_default(const heddle_param& p, heddle_value* value) {
  const char* text = p.default_string == nullptr ? "" : p.default_string;
  // The declaration was checked when it was loaded, so the lists parse.
  switch (p.type) {
    case HEDDLE_PARAM_BOOL:
    case HEDDLE_PARAM_INT: value->i = p.default_int; break;
    case HEDDLE_PARAM_FLOAT: value->f = p.default_float; break;
    case HEDDLE_PARAM_CHOICE:
      value->i = p.default_int;
      value->s = p.choices[p.default_int];
      break;
    case HEDDLE_PARAM_STRING: value->s = keep(text); break;
    case HEDDLE_PARAM_PATH: set_path(value, text, context.where); break;
    case HEDDLE_PARAM_INT_LIST: {
      std::vector<int64_t> list;
      detail::parse_list(text, &list);
      set_list(value, std::move(list));
      break;
    }
    case HEDDLE_PARAM_FLOAT_LIST: {
      std::vector<double> list;
      detail::parse_list(text, &list);
      set_list(value, std::move(list));
      break;
    }
    case HEDDLE_PARAM_STRING_LIST: {
      std::vector<std::string> list;
      detail::parse_list(text, &list);
      set_list(value, list);
      break;
    }
    default: fail(HEDDLE_INTERNAL, "parameter '{}' of {} is of type {}", p.name, schema.owner, p.type);
  }
}

void Values::Storage::fill_given(const heddle_param& p, const GivenValue& given, heddle_value* value) {
  const auto& v = given.value;
  const auto* whole = std::get_if<int64_t>(&v);
  const auto* real = std::get_if<double>(&v);
  const auto* text = std::get_if<std::string>(&v);
  if (text != nullptr && !clean(*text)) {
    wrong_use("{}'{}' of {} contains a zero byte", given.where.prefix(), p.name, schema.owner);
  }
  switch (p.type) {
    case HEDDLE_PARAM_BOOL:
      if (const auto* flag = std::get_if<bool>(&v)) return void(value->i = *flag ? 1 : 0);
      break;
    case HEDDLE_PARAM_INT:
      if (whole != nullptr && in_range(p, static_cast<double>(*whole))) return void(value->i = *whole);
      break;
    case HEDDLE_PARAM_FLOAT:
      if (whole != nullptr && in_range(p, static_cast<double>(*whole)))
        return void(value->f = static_cast<double>(*whole));
      if (real != nullptr && in_range(p, *real)) return void(value->f = *real);
      break;
    case HEDDLE_PARAM_STRING:
      if (text != nullptr) return void(value->s = keep(*text));
      break;
    case HEDDLE_PARAM_PATH:
      if (text != nullptr) return set_path(value, *text, given.where);
      break;
    case HEDDLE_PARAM_CHOICE:
      for (uint32_t i = 0; text != nullptr && i < p.n_choices; ++i) {
        if (*text == p.choices[i]) {
          value->i = i;
          value->s = p.choices[i];
          return;
        }
      }
      break;
    case HEDDLE_PARAM_INT_LIST:
      if (empty_list(v)) return set_list(value, std::vector<int64_t>());
      if (const auto* list = std::get_if<std::vector<int64_t>>(&v)) {
        if (std::all_of(list->begin(), list->end(), [&](int64_t x) { return in_range(p, static_cast<double>(x)); })) {
          return set_list(value, *list);
        }
      }
      break;
    case HEDDLE_PARAM_FLOAT_LIST: {
      std::vector<double> list;
      if (const auto* wholes = std::get_if<std::vector<int64_t>>(&v)) list.assign(wholes->begin(), wholes->end());
      else if (const auto* reals = std::get_if<std::vector<double>>(&v)) list = *reals;
      else if (!empty_list(v)) break;
      if (!std::all_of(list.begin(), list.end(), [&](double x) { return in_range(p, x); })) break;
      return set_list(value, std::move(list));
    }
    case HEDDLE_PARAM_STRING_LIST:
      if (empty_list(v)) return set_list(value, std::vector<std::string>());
      if (const auto* list = std::get_if<std::vector<std::string>>(&v)) {
        if (std::all_of(list->begin(), list->end(), clean)) return set_list(value, *list);
      }
      break;
    default: break;
  }
  refuse(schema, p, given);
}

void Values::Storage::run_check() const {
  if (schema.check == nullptr) return;
  ErrorBuffer error;
  const int32_t status = schema.check(&raw, error);
  if (status == HEDDLE_OK) return;
  const std::string_view said = error.message();
  wrong_use("{}{}: {}", context.where.prefix(), schema.owner, said.empty() ? status_name(status) : said);
}

Values::Values(const Schema& schema, std::vector<GivenValue> given, const ValuesContext& context) {
  auto storage = std::make_shared<Storage>();
  storage->schema = schema;
  storage->context = context;
  std::vector<const GivenValue*> by_index(schema.params.size(), nullptr);
  for (const GivenValue& value : given) {
    const int64_t i = schema.index(value.name);
    if (i < 0) {
      wrong_use("{}{}", value.where.prefix(), unknown_key_text(value.name, schema.owner, names_of(schema)));
    }
    const GivenValue*& slot = by_index[static_cast<size_t>(i)];
    if (slot != nullptr) wrong_use("{}'{}' of {} is given twice", value.where.prefix(), value.name, schema.owner);
    slot = &value;
  }
  for (size_t i = 0; i < schema.params.size(); ++i) {
    const heddle_param& p = schema.params[i];
    heddle_value value{};
    value.struct_size = sizeof value;
    value.type = p.type;
    if (by_index[i] != nullptr) {
      value.flags |= HEDDLE_VALUE_GIVEN;
      storage->fill_given(p, *by_index[i], &value);
    } else if ((p.flags & HEDDLE_PARAM_REQUIRED) != 0) {
      wrong_use("{}{} needs '{}' ({}){}{}", context.where.prefix(), schema.owner, p.name, accepted_text(p),
                p.doc == nullptr || *p.doc == 0 ? "" : ": ", p.doc == nullptr ? "" : p.doc);
    } else {
      storage->fill_default(p, &value);
    }
    storage->values.push_back(value);
    storage->where.push_back(by_index[i] != nullptr ? by_index[i]->where : context.where);
  }
  storage->raw = {sizeof(heddle_values), 0, storage->values.size(), storage->values.data()};
  storage->run_check();
  storage_ = std::move(storage);
}

Values::Values(const Component& component, std::vector<GivenValue> given, const ValuesContext& context)
    : Values(component.schema(), std::move(given), context) {}

const heddle_values* Values::raw() const { return &storage_->raw; }

namespace {

nlohmann::ordered_json json_of(const heddle_value& value) {
  switch (value.type) {
    case HEDDLE_PARAM_BOOL: return value.i != 0;
    case HEDDLE_PARAM_INT: return value.i;
    case HEDDLE_PARAM_FLOAT: return value.f;
    case HEDDLE_PARAM_INT_LIST:
    case HEDDLE_PARAM_FLOAT_LIST:
    case HEDDLE_PARAM_STRING_LIST: {
      auto list = nlohmann::ordered_json::array();
      for (uint64_t i = 0; i < value.n; ++i) {
        if (value.type == HEDDLE_PARAM_INT_LIST) list.push_back(static_cast<const int64_t*>(value.list)[i]);
        else if (value.type == HEDDLE_PARAM_FLOAT_LIST) list.push_back(static_cast<const double*>(value.list)[i]);
        else list.push_back(static_cast<const char* const*>(value.list)[i]);
      }
      return list;
    }
    default: return value.s;
  }
}

}  // namespace

nlohmann::ordered_json Values::resolved() const {
  auto json = nlohmann::ordered_json::object();
  for (size_t i = 0; i < storage_->values.size(); ++i)
    json[storage_->schema.params[i].name] = json_of(storage_->values[i]);
  return json;
}

nlohmann::json Values::numeric_key() const {
  auto json = nlohmann::json::object();
  for (size_t i = 0; i < storage_->values.size(); ++i) {
    const heddle_param& p = storage_->schema.params[i];
    if ((p.flags & HEDDLE_PARAM_NOT_NUMERIC) == 0) json[p.name] = json_of(storage_->values[i]);
  }
  return json;
}

const heddle_value& Values::at(std::string_view name, int32_t type, int32_t other) const {
  const int64_t i = storage_->schema.index(name);
  if (i < 0) fail(HEDDLE_INTERNAL, "{} declares no '{}'", storage_->schema.owner, name);
  const heddle_value& value = storage_->values[static_cast<size_t>(i)];
  if (type != 0 && value.type != type && value.type != other) {
    fail(HEDDLE_INTERNAL, "'{}' of {} is a {}, read as a {}", name, storage_->schema.owner, type_text(value.type),
         type_text(type));
  }
  return value;
}

bool Values::boolean(std::string_view name) const { return at(name, HEDDLE_PARAM_BOOL).i != 0; }
int64_t Values::integer(std::string_view name) const { return at(name, HEDDLE_PARAM_INT).i; }
double Values::real(std::string_view name) const { return at(name, HEDDLE_PARAM_FLOAT).f; }
int64_t Values::choice(std::string_view name) const { return at(name, HEDDLE_PARAM_CHOICE).i; }
std::string Values::text(std::string_view name) const {
  const heddle_value& value = at(name, 0);
  return value.type == HEDDLE_PARAM_CHOICE ? value.s : at(name, HEDDLE_PARAM_STRING, HEDDLE_PARAM_PATH).s;
}
std::span<const int64_t> Values::integers(std::string_view name) const {
  const heddle_value& value = at(name, HEDDLE_PARAM_INT_LIST);
  return {static_cast<const int64_t*>(value.list), value.n};
}
std::span<const double> Values::reals(std::string_view name) const {
  const heddle_value& value = at(name, HEDDLE_PARAM_FLOAT_LIST);
  return {static_cast<const double*>(value.list), value.n};
}
std::vector<std::string> Values::texts(std::string_view name) const {
  const heddle_value& value = at(name, HEDDLE_PARAM_STRING_LIST);
  const auto* list = static_cast<const char* const*>(value.list);
  return {list, list + value.n};
}
bool Values::given(std::string_view name) const { return (at(name, 0).flags & HEDDLE_VALUE_GIVEN) != 0; }
const SourcePosition& Values::where(std::string_view name) const {
  at(name, 0);
  return storage_->where[static_cast<size_t>(storage_->schema.index(name))];
}

nlohmann::json component_key(const Component& component, const Values& values) {
  return {{"id", component.id}, {"version", component.version}, {"params", values.numeric_key()}};
}

}  // namespace heddle
