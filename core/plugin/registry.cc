#include "core/plugin/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/base/text.h"
#include "core/compute/device.h"
#include "core/plugin/builtin.h"
#include "core/plugin/loader.h"

namespace heddle {
namespace {

namespace fs = std::filesystem;

std::string count_text(size_t count) { return count == 1 ? "1 plugin" : fmt::format("{} plugins", count); }

// What is no plugin at all but can be named like one: the CPU device.
const heddle_plugin* host_plugin() {
  static const heddle_component* const components[] = {cpu_device_component()};
  static const heddle_plugin plugin = {
      sizeof(heddle_plugin),  0, HEDDLE_ABI_MAJOR, HEDDLE_ABI_MINOR, "heddle.host", HEDDLE_VERSION,
      "Built into the host.", 1, components};
  return &plugin;
}

// A refusal's reason without the file, which is shown beside it anyway.
std::string without_file(const std::string& reason, const std::string& file) {
  return reason.starts_with(file + ": ") ? reason.substr(file.size() + 2) : reason;
}

}  // namespace

Registry::Registry(SearchPath path) : path_(std::move(path)) {
  add(adopt_plugin(host_plugin(), "built in").components);
  for (const BuiltinPlugin& plugin : builtin_plugins()) {
    add(adopt_plugin(plugin.entry(), fmt::format("built in ({})", plugin.name)).components);
  }
  if (const size_t count = builtin_plugins().size(); count > 0)
    places_.push_back(fmt::format("built in: {}", count_text(count)));
  for (const SearchPlace& place : path_.places) scan(place);
}

void Registry::scan(const SearchPlace& place) {
  const std::string name = place.path.string();
  const auto refuse = [&](const std::string& file, const std::string& reason) {
    refusals_.push_back({file, reason});
    places_.push_back(fmt::format("  refused {}: {}", file, reason));
    if (place.explicitly)
      log_line(HEDDLE_LOG_WARNING, "plugins", fmt::format("{} ({}): {}", file, place.origin, reason));
  };
  const auto load = [&](const fs::path& file) {
    try {
      add(load_plugin(file).components);
      return true;
    } catch (const Error& error) {
      refuse(file.string(), without_file(error.what(), file.string()));
      return false;
    }
  };
  const size_t line = places_.size();
  places_.push_back(fmt::format("{} ({})", name, place.origin));
  if (!place.path.is_absolute()) return refuse(name, "is relative; only absolute paths are searched");
  std::error_code error;
  const fs::file_status status = fs::status(place.path, error);
  if (!fs::exists(status)) {
    places_[line] += ": does not exist";
    if (place.explicitly) refuse(name, "does not exist");
    return;
  }
  if (!fs::is_directory(status)) {
    if (load(place.path)) places_[line] += ": loaded";
    return;
  }
  std::vector<fs::path> files;
  for (fs::directory_iterator at(place.path, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == ".so") files.push_back(at->path());
  }
  if (error) return refuse(name, error.message());
  std::sort(files.begin(), files.end());  // the order of a folder's entries differs between file systems
  size_t count = 0;
  for (const fs::path& file : files) count += load(file) ? 1 : 0;
  places_[line] += ": " + count_text(count);
}

void Registry::add(const std::vector<Component>& components) {
  for (const Component& component : components) {
    if (const Component* first = try_find(component.kind, component.id); first != nullptr) {
      if (first != &component) {
        log_line(HEDDLE_LOG_DEBUG, "plugins",
                 fmt::format("{} '{}' of {} is hidden by that of {}", kind_name(component.kind), component.id,
                             component.file, first->file));
      }
      continue;
    }
    components_.push_back(&component);
  }
}

void Registry::load_file(const fs::path& file) {
  const LoadedPlugin& plugin = load_plugin(file);
  add(plugin.components);
  places_.push_back(plugin.file + " (named directly): loaded");
}

const Component* Registry::try_find(int32_t kind, std::string_view id) const {
  for (const Component* component : components_) {
    if (component->kind == kind && component->id == id) return component;
  }
  return nullptr;
}

const Component& Registry::find(int32_t kind, std::string_view id, std::string_view where) const {
  if (const Component* component = try_find(kind, id); component != nullptr) return *component;
  std::vector<std::string> same_kind;
  for (const Component* component : all(kind)) same_kind.push_back(component->id);
  std::string text = fmt::format("{}there is no {} '{}'{}", where, kind_name(kind), id, did_you_mean(id, same_kind));
  for (const Component* other : by_id(id)) text += fmt::format("; '{}' is a {}", id, kind_name(other->kind));
  text += fmt::format("\nfound of this kind: {}\n{}",
                      same_kind.empty() ? "none" : fmt::format("{}", fmt::join(same_kind, ", ")), search_report());
  throw Error(HEDDLE_NOT_FOUND, text, true);
}

std::vector<const Component*> Registry::all(int32_t kind) const {
  std::vector<const Component*> out;
  for (const Component* component : components_) {
    if (kind == 0 || component->kind == kind) out.push_back(component);
  }
  std::sort(out.begin(), out.end(),
            [](const Component* a, const Component* b) { return std::tie(a->kind, a->id) < std::tie(b->kind, b->id); });
  return out;
}

std::vector<const Component*> Registry::by_id(std::string_view id) const {
  std::vector<const Component*> out = all();
  std::erase_if(out, [&](const Component* component) { return component->id != id; });
  return out;
}

std::string Registry::search_report() const {
  std::string text = "looked in:";
  for (const std::string& place : places_) text += "\n  " + place;
  return text;
}

}  // namespace heddle
