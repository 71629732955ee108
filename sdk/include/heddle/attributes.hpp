// Attributes: labels of items (binary, multi-valued, numeric) and item titles.
//
//   void read(const Catalogue& catalogue, Labels& labels);   // pushes everything once; a worker thread
//   std::string fingerprint() const;                         // a text that changes whenever the labels could
// Items are named by their raw id as text; labels of items outside the catalogue are counted and dropped by the host.
#pragma once

#include <span>

#include "plugin.hpp"
#include "text_file.hpp"

namespace heddle::sdk {

// The items that are left after the filters. Valid during read().
class Catalogue {
 public:
  explicit Catalogue(const heddle_catalogue& raw) : raw_(raw) {}
  int64_t items() const { return raw_.items; }
  std::string_view raw_id(int64_t item) const { return raw_.raw_ids[item]; }
  // Interactions of an item in the training part.
  int64_t count(int64_t item) const { return raw_.counts[item]; }
  std::span<const int64_t> counts() const { return {raw_.counts, static_cast<std::size_t>(raw_.items)}; }

 private:
  const heddle_catalogue& raw_;
};

// An attribute declared through Labels.
struct Attribute {
  int64_t index;
};

class Labels {
 public:
  explicit Labels(const heddle_attribute_sink& sink) : sink_(sink) {}
  // Declares an attribute, or finds one declared before by this name. Items without a label of a binary one have 0;
  // items without a value of a numeric one are left out of its metrics.
  Attribute binary(std::string_view name) { return declare(name, HEDDLE_ATTRIBUTE_BINARY); }
  Attribute numeric(std::string_view name) { return declare(name, HEDDLE_ATTRIBUTE_NUMERIC); }
  // Gives an item its label; value is for numeric attributes.
  void label(std::string_view raw_item, Attribute attribute, double value = 1) {
    HostError error;
    error.check(sink_.label(sink_.self, c_text(item_, raw_item), attribute.index, value, error));
  }
  void title(std::string_view raw_item, std::string_view title) {
    HostError error;
    error.check(sink_.title(sink_.self, c_text(item_, raw_item), c_text(name_, title), error));
  }

 private:
  Attribute declare(std::string_view name, int32_t type) {
    HostError error;
    Attribute out{};
    error.check(sink_.attribute(sink_.self, c_text(name_, name), type, &out.index, error));
    return out;
  }
  static const char* c_text(std::string& buffer, std::string_view text) { return buffer.assign(text).c_str(); }

  const heddle_attribute_sink& sink_;
  std::string item_, name_;
};

namespace detail {
template <class Self>
struct AttributesTable {
  static int32_t open(const heddle_host* host, const heddle_values* values, heddle_attributes** out,
                      heddle_error* error) noexcept {
    return make<Self>(host, values, out, error, [](Self& self) {
      if constexpr (requires { self.open(); }) self.open();
    });
  }
  static int32_t read(heddle_attributes* s, const heddle_catalogue* catalogue, const heddle_attribute_sink* sink,
                      heddle_error* error) noexcept {
    return guarded(error, [&] {
      Labels labels(*sink);
      self_of<Self>(s).read(Catalogue(*catalogue), labels);
    });
  }
  static int32_t fingerprint(heddle_attributes* s, char* text, uint64_t capacity, heddle_error* error) noexcept {
    return guarded(error, [&] { put_text(self_of<Self>(s).fingerprint(), text, capacity); });
  }
  static constexpr heddle_attributes_vtable table() {
    return {sizeof(heddle_attributes_vtable), 0, &open, &destroy<Self, heddle_attributes>, &read, &fingerprint};
  }
};
}  // namespace detail

template <class Self>
class Attributes : public Component {
 public:
  static constexpr int32_t kind = HEDDLE_KIND_ATTRIBUTES;
  template <class S>
  static constexpr heddle_attributes_vtable vtable = detail::AttributesTable<S>::table();
};

}  // namespace heddle::sdk
