// What every kind of component shares: its name, its options, the host's log, and the descriptor that the host reads.
//
// A component is a struct derived from the base of its kind, e.g. Metric<F1>, with
//   static constexpr About about{"acme.f1", "One sentence; then the source of the method."};
//   struct Options { … } options;            // when it has any
//   static constexpr Schema schema{ … };     // their declaration, see schema.hpp
//   static void check(const Options&);       // optional: raise() when options contradict each other
// The host makes and destroys instances on its main thread; each kind's header says which thread calls what.
#pragma once

#include <memory>

#include "schema.hpp"

namespace heddle::sdk {

struct About {
  const char* id;                 // "vendor.name"
  const char* doc;                // first sentence: what it is; then source of the method
  const char* version = nullptr;  // of the component; the plugin's when left out
  int32_t concurrency = HEDDLE_CONCURRENCY_PER_INSTANCE;
};

// The host's services. Never print, exit or read the environment: this is the way out. Any thread.
class Host {
 public:
  Host() = default;
  Host(const heddle_host* host, const char* component) : host_(host), component_(component) {}
  template <class... Parts>
  void info(const Parts&... parts) const {
    log(HEDDLE_LOG_INFO, text(parts...));
  }
  template <class... Parts>
  void warning(const Parts&... parts) const {
    log(HEDDLE_LOG_WARNING, text(parts...));
  }
  void log(int32_t severity, const std::string& message) const {
    if (host_ != nullptr) host_->log(host_->self, severity, component_, message.c_str());
  }
  // total 0: unknown
  void progress(const char* what, uint64_t done, uint64_t total) const {
    if (host_ != nullptr) host_->progress(host_->self, what, done, total);
  }
  // Leaves with CANCELLED when the user asked to stop; call it now and then in long loops.
  void stop_if_cancelled() const {
    if (host_ != nullptr && host_->cancelled(host_->self) != 0) raise(HEDDLE_CANCELLED, "cancelled");
  }

 private:
  const heddle_host* host_ = nullptr;
  const char* component_ = "";
};

namespace detail {
struct Access;
}

// Base of the bases.
class Component {
 public:
  Host host;

 private:
  friend detail::Access;
  detail::Texts texts_;
};

namespace detail {

struct Access {
  static Texts& texts(Component& c) { return c.texts_; }
};

template <class Self, class Handle>
Self& self_of(Handle* handle) {
  return *reinterpret_cast<Self*>(handle);
}

// Body of every create() and open(): make, fill options, check them, then begin(self).
template <class Self, class Handle, class Begin>
int32_t make(const heddle_host* host, const heddle_values* values, Handle** out, heddle_error* error,
             Begin&& begin) noexcept {
  return guarded(error, [&] {
    *out = nullptr;
    auto self = std::make_unique<Self>();
    self->host = Host(host, Self::about.id);
    if constexpr (HasSchema<Self>) {
      read_options<Self>(self->options, Access::texts(*self), values);
      if constexpr (requires { Self::check(self->options); }) Self::check(self->options);
    }
    begin(*self);
    *out = reinterpret_cast<Handle*>(self.release());
  });
}
template <class Self, class Handle>
void destroy(Handle* handle) noexcept {
  delete reinterpret_cast<Self*>(handle);
}

template <class Self>
int32_t check(const heddle_values* values, heddle_error* error) noexcept {
  return guarded(error, [&] {
    typename Self::Options options;
    Texts texts;
    read_options<Self>(options, texts, values);
    Self::check(options);
  });
}

template <class Self>
constexpr heddle_component component(const char* plugin_version) {
  heddle_component c{};
  c.struct_size = sizeof c;
  c.kind = Self::kind;
  c.concurrency = Self::about.concurrency;
  c.id = Self::about.id;
  c.version = Self::about.version != nullptr ? Self::about.version : plugin_version;
  c.doc = Self::about.doc;
  if constexpr (HasSchema<Self>) {
    c.n_params = params<Self>.size();
    c.params = params<Self>.data();
    if constexpr (requires(const typename Self::Options& o) { Self::check(o); }) c.check = &check<Self>;
  }
  c.vtable = &Self::template vtable<Self>;
  return c;
}

}  // namespace detail
}  // namespace heddle::sdk
