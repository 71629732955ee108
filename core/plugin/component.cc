#include "core/plugin/component.h"

#include <algorithm>
#include <array>

#include "core/base/error.h"

namespace heddle {
namespace {

constexpr std::array<std::string_view, 8> names = {"",           "interactions", "attributes",     "backbone",
                                                   "dictionary", "metric",       "ranking metric", "device"};

}  // namespace

std::string_view kind_name(int32_t kind) {
  return kind > 0 && kind < static_cast<int32_t>(names.size()) ? names[static_cast<size_t>(kind)] : "unknown kind";
}

int32_t kind_by_name(std::string_view name) {
  std::string text(name);
  std::replace(text.begin(), text.end(), '_', ' ');
  std::replace(text.begin(), text.end(), '-', ' ');
  for (size_t i = 1; i < names.size(); ++i) {
    if (text == names[i]) return static_cast<int32_t>(i);
  }
  return 0;
}

bool Component::provides(std::string_view slot) const {
  return std::find(provided.begin(), provided.end(), slot) != provided.end();
}

const void* Component::checked_table(int32_t wanted) const {
  if (kind != wanted) fail(HEDDLE_INTERNAL, "{} is a {}, used as a {}", id, kind_name(kind), kind_name(wanted));
  return vtable;
}

}  // namespace heddle
