// Checks that hold for a component of any kind: documentation, validation of parameters, instances at their bounds.
#include <cmath>
#include <limits>

#include "core/conformance/checks.h"

namespace heddle::conformance {
namespace {

using Variant = GivenValue::Variant;

bool is_list(int32_t type) { return type >= HEDDLE_PARAM_INT_LIST; }
bool is_ranged(int32_t type) {
  return type == HEDDLE_PARAM_INT || type == HEDDLE_PARAM_FLOAT || type == HEDDLE_PARAM_INT_LIST ||
         type == HEDDLE_PARAM_FLOAT_LIST;
}
bool is_whole(int32_t type) { return type == HEDDLE_PARAM_INT || type == HEDDLE_PARAM_INT_LIST; }

// A number as a value of the parameter's type.
Variant number(const heddle_param& p, double value) {
  if (is_whole(p.type)) {
    // Bounds beyond the type are as good as open.
    const auto whole = static_cast<int64_t>(std::clamp(value, -9.2e18, 9.2e18));
    return p.type == HEDDLE_PARAM_INT ? Variant(whole) : Variant(std::vector<int64_t>{whole});
  }
  return p.type == HEDDLE_PARAM_FLOAT ? Variant(value) : Variant(std::vector<double>{value});
}

// Values that must be accepted by validation.
std::vector<Variant> good_values(const heddle_param& p) {
  std::vector<Variant> out;
  if (is_ranged(p.type)) {
    if (std::isfinite(p.minimum)) out.push_back(number(p, p.minimum));
    if (std::isfinite(p.maximum)) out.push_back(number(p, p.maximum));
  }
  if (p.type == HEDDLE_PARAM_BOOL) out.insert(out.end(), {Variant(false), Variant(true)});
  if (p.type == HEDDLE_PARAM_CHOICE) {
    for (uint32_t i = 0; i < p.n_choices; ++i) out.emplace_back(std::string(p.choices[i]));
  }
  if (p.type == HEDDLE_PARAM_STRING)
    out.insert(out.end(), {Variant(std::string()), Variant(std::string(10000, 'x')), Variant(std::string("\xC3\xA9"))});
  if (p.type == HEDDLE_PARAM_PATH)
    out.insert(out.end(),
               {Variant(std::string()), Variant(std::string("/nonexistent/heddle")), Variant(std::string("/"))});
  if (is_list(p.type)) out.emplace_back(std::vector<int64_t>());
  return out;
}

// Values that validation must refuse before the plugin sees them.
std::vector<Variant> bad_values(const heddle_param& p) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  std::vector<Variant> out;
  if (is_ranged(p.type)) {
    const auto step = [&](double value) { return is_whole(p.type) ? 1.0 : std::max(std::abs(value) * 1e-6, 1e-12); };
    if (std::isfinite(p.minimum) && p.minimum > -9e18) out.push_back(number(p, p.minimum - step(p.minimum)));
    if (std::isfinite(p.maximum) && p.maximum < 9e18) out.push_back(number(p, p.maximum + step(p.maximum)));
    if (!is_whole(p.type)) {
      for (double value : {nan, infinity, -infinity}) out.push_back(number(p, value));
    } else {
      out.push_back(p.type == HEDDLE_PARAM_INT ? Variant(1.5) : Variant(std::vector<double>{1.5}));
    }
  }
  if (p.type == HEDDLE_PARAM_CHOICE) out.emplace_back(std::string("no such choice"));
  const bool text = p.type == HEDDLE_PARAM_STRING || p.type == HEDDLE_PARAM_PATH || p.type == HEDDLE_PARAM_CHOICE;
  if (text) out.insert(out.end(), {Variant(int64_t{1}), Variant(std::string("a\0b", 3))});
  else out.emplace_back(std::string("text"));
  if (p.type != HEDDLE_PARAM_BOOL) out.emplace_back(true);
  if (!is_list(p.type)) out.emplace_back(std::vector<std::string>{"a"});
  return out;
}

bool refused(const Component& component, std::vector<GivenValue> values, std::string* why = nullptr) {
  try {
    const Values checked(component, std::move(values));
    return false;
  } catch (const Error& error) {
    if (why != nullptr) *why = error.what();
    return true;
  }
}

std::string documentation(const Component& component, const GivenText&) {
  if (component.doc.size() < 10) fail_check("says nothing of itself: doc is \"{}\"", component.doc);
  for (const heddle_param& p : component.params) {
    if (std::string_view(p.doc).size() < 5) fail_check("parameter '{}' is not documented", p.name);
  }
  return fmt::format("{} parameters", component.params.size());
}

std::string validation(const Component& component, const GivenText& given) {
  const auto base = base_values(component, given, true);
  size_t tried = 0;
  for (const heddle_param& p : component.params) {
    for (const Variant& value : bad_values(p)) {
      about_to(fmt::format("check, parameter '{}'", p.name));
      if (!refused(component, with_value(base, p.name, value)))
        fail_check("a bad value of '{}' reaches the plugin", p.name);
      ++tried;
    }
    // A plugin's own check may refuse what the declaration accepts, with a reason.
    for (const Variant& value : good_values(p)) {
      about_to(fmt::format("check, parameter '{}'", p.name));
      std::string why;
      if (refused(component, with_value(base, p.name, value), &why) && why.size() < component.id.size() + 5) {
        fail_check("check() refuses '{}' without saying why", p.name);
      }
      ++tried;
    }
  }
  if (!refused(component, with_value(base, "no_such_key", int64_t{1}))) fail_check("an unknown key is accepted");
  return fmt::format("{} values", tried);
}

// Makes an instance; OK or an error that says something.
void try_instance(const Component& component, std::vector<GivenValue> given) {
  if (refused(component, given)) return;
  const Values values(component, std::move(given));
  by_kind(component.kind, [&]<class V>(V*) {
    const Instance<V> instance(component, values);
    if (instance.status() != HEDDLE_OK) require_error(instance.status(), instance.error(), "create");
  });
}

std::string bounds(const Component& component, const GivenText& given) {
  const auto base = base_values(component, given, true);
  about_to("create with defaults");
  try_instance(component, base);
  size_t tried = 1;
  for (const heddle_param& p : component.params) {
    for (const Variant& value : good_values(p)) {
      about_to(fmt::format("create, parameter '{}' at a bound", p.name));
      try {
        try_instance(component, with_value(base, p.name, value));
      } catch (const Failure& failure) {
        fail_check("{} ('{}' at a bound)", failure.reason, p.name);
      }
      ++tried;
    }
  }
  return fmt::format("{} instances", tried);
}

std::string creation(const Component& component, const GivenText& given) {
  const Values values(component, base_values(component, given));
  about_to("create");
  by_kind(component.kind, [&]<class V>(V*) {
    Instance<V> first(component, values), second(component, values);
    first.required();
    second.required();
  });
  return {};
}

}  // namespace

std::vector<Check> common_checks() {
  return {{"documentation", documentation},
          {"parameter validation", validation},
          {"create with defaults", creation},
          {"create at bounds", bounds}};
}

std::vector<Check> checks_for(int32_t kind) {
  std::vector<Check> all = common_checks();
  const auto append = [&](std::vector<Check> more) { all.insert(all.end(), more.begin(), more.end()); };
  switch (kind) {
    case HEDDLE_KIND_INTERACTIONS: append(interactions_checks()); break;
    case HEDDLE_KIND_ATTRIBUTES: append(attributes_checks()); break;
    case HEDDLE_KIND_BACKBONE: append(backbone_checks()), append(backbone_slot_checks()); break;
    case HEDDLE_KIND_DICTIONARY: append(dictionary_checks()); break;
    case HEDDLE_KIND_METRIC: append(metric_checks()); break;
    case HEDDLE_KIND_RANKING_METRIC: append(ranking_checks()); break;
    case HEDDLE_KIND_DEVICE: append(device_checks()); break;
    default: break;
  }
  return all;
}

}  // namespace heddle::conformance
