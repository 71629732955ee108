#include "core/conformance/subject.h"

#include <cmath>

#include "core/plugin/host.h"
#include "core/plugin/list_text.h"

namespace heddle::conformance {
namespace {

// The user's text as a value of the parameter's type.
GivenValue::Variant parse_text(const heddle_param& p, const std::string& text) {
  const auto list = [&]<class T>(std::vector<T> values) -> GivenValue::Variant {
    if (!detail::parse_list(text.c_str(), &values))
      wrong_use("'{}' is \"{}\"; accepted: {}", p.name, text, accepted_text(p));
    return values;
  };
  switch (p.type) {
    case HEDDLE_PARAM_BOOL:
      if (text == "true" || text == "false") return text == "true";
      return text;
    case HEDDLE_PARAM_INT: return std::get<std::vector<int64_t>>(list(std::vector<int64_t>())).at(0);
    case HEDDLE_PARAM_FLOAT: return std::get<std::vector<double>>(list(std::vector<double>())).at(0);
    case HEDDLE_PARAM_INT_LIST: return list(std::vector<int64_t>());
    case HEDDLE_PARAM_FLOAT_LIST: return list(std::vector<double>());
    case HEDDLE_PARAM_STRING_LIST: return list(std::vector<std::string>());
    default: return text;
  }
}

GivenValue::Variant invented(const heddle_param& p) {
  switch (p.type) {
    case HEDDLE_PARAM_BOOL: return false;
    case HEDDLE_PARAM_INT: return std::isfinite(p.minimum) ? static_cast<int64_t>(p.minimum) : int64_t{1};
    case HEDDLE_PARAM_FLOAT: return std::isfinite(p.minimum) ? p.minimum : 1.0;
    case HEDDLE_PARAM_CHOICE: return std::string(p.choices[0]);
    case HEDDLE_PARAM_INT_LIST:
      return std::vector<int64_t>{std::isfinite(p.minimum) ? static_cast<int64_t>(p.minimum) : int64_t{1}};
    case HEDDLE_PARAM_FLOAT_LIST: return std::vector<double>{std::isfinite(p.minimum) ? p.minimum : 1.0};
    case HEDDLE_PARAM_STRING_LIST: return std::vector<std::string>{"x"};
    case HEDDLE_PARAM_PATH: return std::string("/nonexistent/heddle");
    default: return std::string("x");
  }
}

}  // namespace

const heddle_host& quiet_host() {
  static const heddle_host quiet = [] {
    heddle_host copy = host();
    copy.log = [](void*, int32_t, const char*, const char*) {};
    copy.progress = [](void*, const char*, uint64_t, uint64_t) {};
    return copy;
  }();
  return quiet;
}

std::vector<GivenValue> base_values(const Component& component, const GivenText& given, bool invent_paths) {
  std::vector<GivenValue> values;
  for (const heddle_param& p : component.params) {
    const auto found = given.find(p.name);
    if (found != given.end()) {
      values.push_back({p.name, parse_text(p, found->second), {}});
    } else if ((p.flags & HEDDLE_PARAM_REQUIRED) != 0) {
      if (p.type == HEDDLE_PARAM_PATH && !invent_paths) skip_check("needs '{0}'; give it with --set {0}=…", p.name);
      values.push_back({p.name, invented(p), {}});
    }
  }
  return values;
}

std::vector<GivenValue> with_value(std::vector<GivenValue> values, const std::string& name, GivenValue::Variant value) {
  std::erase_if(values, [&](const GivenValue& v) { return v.name == name; });
  values.push_back({name, std::move(value), {}});
  return values;
}

void require_ok(int32_t status, const ErrorBuffer& error, const std::string& what) {
  if (status == HEDDLE_OK) return;
  if (error.message().empty()) fail_check("{} failed with {} and no message", what, status_name(status));
  fail_check("{} failed: {}", what, error.message());
}

void require_error(int32_t status, const ErrorBuffer& error, const std::string& what) {
  if (status == HEDDLE_OK) fail_check("{} succeeded; an error was due", what);
  if (error.message().empty()) fail_check("{} failed with {} and no message", what, status_name(status));
}

}  // namespace heddle::conformance
