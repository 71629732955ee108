#include "core/plugin/loader.h"

// Boost.DLL 1.74 with std::filesystem uses std::vector without including it.
#include <vector>

#include <boost/dll/shared_library.hpp>

#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "core/base/error.h"
#include "core/plugin/elf_check.h"
#include "core/plugin/normalise.h"
#include "core/plugin/vtables.h"
#include "core/store/hash.h"

namespace heddle {
namespace {

namespace fs = std::filesystem;

// One per process and never destroyed: plugin code may still run while static objects go.
struct Loaded {
  std::mutex mutex;
  std::map<std::pair<dev_t, ino_t>, std::unique_ptr<LoadedPlugin>> by_file;
  std::map<const heddle_plugin*, std::unique_ptr<LoadedPlugin>> by_address;
  std::vector<std::unique_ptr<boost::dll::shared_library>> libraries;
  std::vector<std::shared_ptr<void>> tables;
  std::vector<std::unique_ptr<std::mutex>> mutexes;
};

Loaded& loaded() {
  static auto* const the_loaded = new Loaded;
  return *the_loaded;
}

bool id_ok(std::string_view id) {
  const auto part_ok = [](std::string_view part) {
    return !part.empty() && part.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
  };
  const size_t dot = id.find('.');
  return dot != std::string_view::npos && part_ok(id.substr(0, dot)) && part_ok(id.substr(dot + 1));
}

// MAJOR.MINOR.PATCH, optionally followed by -something or +something (semver.org).
bool version_ok(std::string_view version) {
  const std::string_view core = version.substr(0, version.find_first_of("-+"));
  int parts = 0;
  for (size_t at = 0; at <= core.size(); ++parts) {
    const size_t dot = std::min(core.find('.', at), core.size());
    if (dot == at || core.substr(at, dot - at).find_first_not_of("0123456789") != std::string_view::npos) return false;
    at = dot + 1;
  }
  return parts == 3;
}

std::string text_of(const char* text, std::string_view what) {
  if (text == nullptr) fail(HEDDLE_INVALID_ARGUMENT, "{} is a null pointer", what);
  return text;
}

#define HEDDLE_THROUGH(type, field) (offsetof(type, field) + sizeof(type::field))

Component copy_component(const heddle_component* raw, size_t index, const LoadedPlugin& plugin) {
  const auto c = normalise_struct(raw, fmt::format("component {}", index), HEDDLE_THROUGH(heddle_component, vtable));
  Component out;
  out.id = text_of(c.id, fmt::format("the id of component {}", index));
  const std::string what = fmt::format("component '{}'", out.id);
  if (!id_ok(out.id))
    fail(HEDDLE_INVALID_ARGUMENT, "{}: ids are \"vendor.name\" of lower-case letters, digits and '_'", what);
  out.kind = c.kind;
  out.concurrency = c.concurrency;
  out.flags = c.flags;
  out.version = text_of(c.version, what + ": its version");
  out.doc = text_of(c.doc, what + ": its doc");
  out.check = c.check;
  out.plugin_id = plugin.id;
  out.plugin_version = plugin.version;
  out.file = plugin.file;
  if (kind_by_name(kind_name(c.kind)) != c.kind) {
    fail(HEDDLE_INVALID_ARGUMENT, "{} is of kind {}, which this heddle does not know", what, c.kind);
  }
  if (!version_ok(out.version))
    fail(HEDDLE_INVALID_ARGUMENT, "{} has the version '{}'; MAJOR.MINOR.PATCH is needed", what, out.version);
  if (c.concurrency != HEDDLE_CONCURRENCY_EXCLUSIVE && c.concurrency != HEDDLE_CONCURRENCY_PER_INSTANCE) {
    fail(HEDDLE_INVALID_ARGUMENT, "{} declares concurrency {}; 0 (exclusive) or 1 (per instance) is needed", what,
         c.concurrency);
  }
  out.params = normalise_array(c.params, c.n_params, what + ": its parameters", HEDDLE_THROUGH(heddle_param, maximum),
                               HEDDLE_PARAM_REQUIRED | HEDDLE_PARAM_NOT_NUMERIC);
  for (heddle_param& p : out.params) {
    if (p.unit == nullptr) p.unit = "";
    if (p.doc == nullptr) p.doc = "";
  }
  if (std::string fault = schema_fault(out.schema()); !fault.empty())
    fail(HEDDLE_INVALID_ARGUMENT, "{}: {}", what, fault);
  FullTable table = full_vtable(c.kind, c.vtable, fmt::format("{}: its {} table", what, kind_name(c.kind)));
  out.vtable = table.memory.get();
  out.provided = std::move(table.provided);
  loaded().tables.push_back(std::move(table.memory));
  if (c.concurrency == HEDDLE_CONCURRENCY_EXCLUSIVE) {
    out.exclusive = loaded().mutexes.emplace_back(std::make_unique<std::mutex>()).get();
  }
  return out;
}

std::unique_ptr<LoadedPlugin> copy_plugin(const heddle_plugin* raw, const std::string& origin, const PluginNote* note) {
  const auto p = normalise_struct(raw, "its descriptor", HEDDLE_THROUGH(heddle_plugin, components));
  auto out = std::make_unique<LoadedPlugin>();
  out->file = origin;
  out->id = text_of(p.id, "its id");
  out->version = text_of(p.version, "its version");
  out->doc = text_of(p.doc, "its doc");
  out->abi_major = p.abi_major, out->abi_minor = p.abi_minor;
  if (p.abi_major != HEDDLE_ABI_MAJOR || p.abi_minor > HEDDLE_ABI_MINOR) {
    fail(HEDDLE_INVALID_ARGUMENT, "its descriptor needs ABI {}.{}; this heddle speaks {}.{}", p.abi_major, p.abi_minor,
         HEDDLE_ABI_MAJOR, HEDDLE_ABI_MINOR);
  }
  if (note != nullptr && (note->abi_major != p.abi_major || note->abi_minor != p.abi_minor)) {
    fail(HEDDLE_INVALID_ARGUMENT, "its descriptor says ABI {}.{}, its note {}.{}", p.abi_major, p.abi_minor,
         note->abi_major, note->abi_minor);
  }
  if (!id_ok(out->id))
    fail(HEDDLE_INVALID_ARGUMENT, "its id '{}' is not \"vendor.name\" of lower-case letters, digits and '_'", out->id);
  if (!version_ok(out->version))
    fail(HEDDLE_INVALID_ARGUMENT, "its version '{}' is not MAJOR.MINOR.PATCH", out->version);
  if (p.n_components == 0 || p.n_components > 4096 || p.components == nullptr) {
    fail(HEDDLE_INVALID_ARGUMENT, "it offers {} components", p.components == nullptr ? 0 : p.n_components);
  }
  std::set<std::pair<int32_t, std::string>> seen;
  for (uint64_t i = 0; i < p.n_components; ++i) {
    Component component = copy_component(p.components[i], i, *out);
    if (!seen.emplace(component.kind, component.id).second) {
      fail(HEDDLE_INVALID_ARGUMENT, "it offers the {} '{}' twice", kind_name(component.kind), component.id);
    }
    if (note != nullptr && note->kinds != 0 && (note->kinds >> component.kind & 1) == 0) {
      fail(HEDDLE_INVALID_ARGUMENT, "it offers a {} ('{}'), which its note does not mention", kind_name(component.kind),
           component.id);
    }
    out->components.push_back(std::move(component));
  }
  return out;
}

// The library's entry point. The library stays in the process for ever, also when what it describes is then refused.
heddle_plugin_entry open_library(const fs::path& file) {
  namespace dll = boost::dll;
  // Now, not lazily: an undefined symbol is an error here and not a crash in the middle of a run. Local: plugins do not
  // see one another's symbols. NODELETE has no name in Boost, but the mode is passed to dlopen as it is.
  const auto mode =
      static_cast<dll::load_mode::type>(dll::load_mode::rtld_now | dll::load_mode::rtld_local | RTLD_NODELETE);
  try {
    auto library = std::make_unique<dll::shared_library>(file, mode);
    if (!library->has(HEDDLE_ENTRY_SYMBOL)) fail(HEDDLE_INVALID_ARGUMENT, "does not export {}", HEDDLE_ENTRY_SYMBOL);
    auto& entry = library->get<const heddle_plugin*()>(HEDDLE_ENTRY_SYMBOL);
    loaded().libraries.push_back(std::move(library));
    return &entry;
  } catch (const Error&) {
    throw;
  } catch (const std::exception& problem) {
    fail(HEDDLE_INVALID_ARGUMENT, "cannot be loaded: {}", problem.what());
  }
}

const heddle_plugin* call_entry(heddle_plugin_entry entry) {
  try {
    const heddle_plugin* plugin = entry();
    if (plugin == nullptr) fail(HEDDLE_INVALID_ARGUMENT, "its entry point returns a null pointer");
    return plugin;
  } catch (const Error&) {
    throw;
  } catch (...) {
    fail(HEDDLE_INVALID_ARGUMENT, "its entry point threw an exception");
  }
}

template <class F>
auto with_file(const std::string& file, F&& f) {
  try {
    return f();
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", file, error.what()), error.wrong_use());
  }
}

}  // namespace

const LoadedPlugin& load_plugin(const fs::path& file) {
  std::lock_guard lock(loaded().mutex);
  std::error_code ignored;
  fs::path absolute = fs::canonical(file, ignored);
  if (ignored) absolute = file;
  const PluginNote note = check_plugin_file(absolute);
  struct stat status {};
  if (stat(absolute.c_str(), &status) != 0) fail(HEDDLE_NOT_FOUND, "{}: {}", absolute.string(), std::strerror(errno));
  auto& slot = loaded().by_file[{status.st_dev, status.st_ino}];
  if (slot != nullptr) return *slot;
  const std::string name = absolute.string();
  auto plugin = with_file(name, [&] { return copy_plugin(call_entry(open_library(absolute)), name, &note); });
  const std::string digest = sha256_file(absolute);
  for (Component& component : plugin->components) component.sha256 = digest;
  slot = std::move(plugin);
  return *slot;
}

const LoadedPlugin& adopt_plugin(const heddle_plugin* plugin, const std::string& origin) {
  std::lock_guard lock(loaded().mutex);
  auto& slot = loaded().by_address[plugin];
  if (slot == nullptr) slot = with_file(origin, [&] { return copy_plugin(plugin, origin, nullptr); });
  return *slot;
}

}  // namespace heddle
