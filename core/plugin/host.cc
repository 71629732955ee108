#include "core/plugin/host.h"

#include <map>
#include <memory>
#include <mutex>

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/base/threads.h"

namespace heddle {
namespace {

// What plugins may reach for the whole life of the process: leaked on purpose, because plugin code may run until the
// very end, after static destructors have begun.
struct HostState {
  std::mutex mutex;
  std::map<std::string, std::unique_ptr<Progress>> stages;
  std::map<std::string, const void*> services{{"heddle.threads/1", threads_address()}};
};

HostState& state() {
  static auto* const the_state = new HostState;
  return *the_state;
}

// Nothing may be thrown into a plugin (it may be C): out of memory loses a line, no more.
void log(void*, int32_t severity, const char* component, const char* message) noexcept {
  try {
    log_line(severity, component == nullptr ? "" : component, message == nullptr ? "" : message);
  } catch (...) {}
}

int32_t cancelled(void*) noexcept { return cancel_requested() ? 1 : 0; }

void progress(void*, const char* what, uint64_t done, uint64_t total) noexcept {
  try {
    const std::string name = what == nullptr ? "" : what;
    std::lock_guard lock(state().mutex);
    auto& stage = state().stages[name];
    if (stage == nullptr) stage = std::make_unique<Progress>(name, total);
    stage->update(done);
    if (total > 0 && done >= total) {
      stage->finish();
      state().stages.erase(name);
    }
  } catch (...) {}
}

const void* service(void*, const char* id) noexcept {
  if (id == nullptr) return nullptr;
  try {
    std::lock_guard lock(state().mutex);
    const auto found = state().services.find(id);
    return found == state().services.end() ? nullptr : found->second;
  } catch (...) {
    return nullptr;
  }
}

}  // namespace

const heddle_host& host() {
  static const heddle_host the_host = {
      sizeof(heddle_host), 0,        HEDDLE_ABI_MAJOR, HEDDLE_ABI_MINOR, "heddle", HEDDLE_VERSION, nullptr, log,
      cancelled,           progress, service};
  return the_host;
}

void register_service(const std::string& id, const void* table) {
  std::lock_guard lock(state().mutex);
  if (!state().services.emplace(id, table).second) fail(HEDDLE_INTERNAL, "service '{}' is registered twice", id);
}

}  // namespace heddle
