// The sink behind heddle_attribute_sink gathers what sources push; the table is laid out once all have been read.
#include "core/data/attributes.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/data/source_error.h"
#include "core/data/utf8.h"

namespace heddle {
namespace {

class Sink {
 public:
  Sink(Catalogue& catalogue, AttributeTable& table) : catalogue_(catalogue), table_(table) {}

  void start(const AttributeSource& source) {
    source_ = &source;
    by_name_.clear();
    unknown_.clear();
    labelled_.assign(static_cast<size_t>(catalogue_.size()), 0);
    report_ = {source.prefix, source.plugin};
  }
  void finish() {
    report_.unknown_items = static_cast<int64_t>(unknown_.size());
    report_.unlabelled_items = std::count(labelled_.begin(), labelled_.end(), uint8_t{0});
    table_.sources.push_back(report_);
  }

  heddle_attribute_sink raw() {
    return {sizeof(heddle_attribute_sink),
            0,
            this,
            [](void* self, const char* name, int32_t type, int64_t* index, heddle_error* error) {
              return guard(error, [&] { *index = static_cast<Sink*>(self)->attribute(name, type); });
            },
            [](void* self, const char* item, int64_t attribute, double value, heddle_error* error) {
              return guard(error, [&] { static_cast<Sink*>(self)->label(item, attribute, value); });
            },
            [](void* self, const char* item, const char* title, heddle_error* error) {
              return guard(error, [&] { static_cast<Sink*>(self)->title(item, title); });
            }};
  }

  struct Label {
    int32_t item, attribute;
    bool operator<(const Label& other) const {
      return item != other.item ? item < other.item : attribute < other.attribute;
    }
    bool operator==(const Label&) const = default;
  };
  std::vector<Label> labels;  // binary

 private:
  // Exceptions must not cross into the plugin.
  template <class F>
  static int32_t guard(heddle_error* error, F&& f) {
    try {
      f();
      return HEDDLE_OK;
    } catch (const Error& e) {
      return set_error(error, e.code(), e.what());
    } catch (const std::exception& e) {
      return set_error(error, HEDDLE_INTERNAL, e.what());
    }
  }

  int64_t attribute(const char* name, int32_t type) {
    if (name == nullptr || *name == 0) fail(HEDDLE_INVALID_ARGUMENT, "an attribute without a name");
    if (!is_utf8(name)) fail(HEDDLE_INVALID_ARGUMENT, "the name of an attribute is not UTF-8");
    if (type != HEDDLE_ATTRIBUTE_BINARY && type != HEDDLE_ATTRIBUTE_NUMERIC)
      fail(HEDDLE_INVALID_ARGUMENT, "attribute '{}' has the unknown type {}", name, type);
    const auto [at, is_new] = by_name_.emplace(name, table_.size());
    if (is_new) {
      table_.attributes.push_back({source_->prefix + ":" + name, source_->prefix, type});
      table_.numeric.emplace_back();
      if (type == HEDDLE_ATTRIBUTE_NUMERIC)
        table_.numeric.back().assign(static_cast<size_t>(catalogue_.size()), std::nanf(""));
      ++report_.attributes;
    } else if (table_.attributes[static_cast<size_t>(at->second)].type != type) {
      fail(HEDDLE_INVALID_ARGUMENT, "attribute '{}' is declared both binary and numeric", name);
    }
    return at->second;
  }

  int32_t item(const char* raw) {
    if (raw == nullptr) fail(HEDDLE_INVALID_ARGUMENT, "a label without an item");
    const int32_t found = catalogue_.find(raw);
    if (found < 0) {
      ++report_.unknown_labels;
      unknown_.insert(raw);
    }
    return found;
  }

  void label(const char* raw, int64_t attribute, double value) {
    if (attribute < 0 || attribute >= table_.size() ||
        table_.attributes[static_cast<size_t>(attribute)].prefix != source_->prefix)
      fail(HEDDLE_OUT_OF_RANGE, "label of item '{}' for attribute {}, which was not declared",
           raw == nullptr ? "" : raw, attribute);
    const Attribute& declared = table_.attributes[static_cast<size_t>(attribute)];
    if (!std::isfinite(value))
      fail(HEDDLE_INVALID_ARGUMENT, "item '{}' has the value {} for '{}'; it must be finite", raw, value,
           declared.name);
    if (declared.type == HEDDLE_ATTRIBUTE_BINARY && value != 0.0 && value != 1.0)
      fail(HEDDLE_INVALID_ARGUMENT, "item '{}' has the value {} for the binary '{}'; it must be 0 or 1", raw, value,
           declared.name);
    const int32_t at = item(raw);
    if (at < 0) return;
    labelled_[static_cast<size_t>(at)] = 1;
    ++report_.labels;
    if (declared.type == HEDDLE_ATTRIBUTE_NUMERIC) {
      table_.numeric[static_cast<size_t>(attribute)][static_cast<size_t>(at)] = static_cast<float>(value);
    } else if (value == 1.0) {
      labels.push_back({at, static_cast<int32_t>(attribute)});
    }
  }

  void title(const char* raw, const char* text) {
    const int32_t at = item(raw);
    if (at < 0 || text == nullptr || *text == 0) return;
    if (!is_utf8(text)) fail(HEDDLE_INVALID_ARGUMENT, "the title of item '{}' is not UTF-8", raw);
    std::string& kept = catalogue_.titles[static_cast<size_t>(at)];
    if (kept.empty()) kept = text;
    ++report_.titles;
  }

  Catalogue& catalogue_;
  AttributeTable& table_;
  const AttributeSource* source_ = nullptr;
  std::unordered_map<std::string, int64_t> by_name_;
  std::unordered_set<std::string> unknown_;
  std::vector<uint8_t> labelled_;
  AttributeSourceReport report_;
};

// An opened source that closes itself.
class Opened {
 public:
  Opened(const AttributeSource& source, const heddle_host& host) : source_(source) {
    ErrorBuffer error;
    check_source(source.table->open(&host, source.values, &self_, error), error, who());
  }
  ~Opened() {
    if (self_ != nullptr) source_.table->close(self_);
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  heddle_attributes* get() const { return self_; }
  std::string who() const { return fmt::format("[attributes.{}] {}", source_.prefix, source_.plugin); }

 private:
  const AttributeSource& source_;
  heddle_attributes* self_ = nullptr;
};

// Labels sorted by item into rows; a label pushed twice counts once.
void lay_out(std::vector<Sink::Label>& labels, AttributeTable& table) {
  std::sort(labels.begin(), labels.end());
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  table.offsets.assign(static_cast<size_t>(table.items) + 1, 0);
  table.labels.reserve(labels.size());
  for (const Sink::Label& label : labels) {
    ++table.offsets[static_cast<size_t>(label.item) + 1];
    table.labels.push_back(label.attribute);
    ++table.attributes[static_cast<size_t>(label.attribute)].items;
  }
  for (size_t i = 1; i < table.offsets.size(); ++i) table.offsets[i] += table.offsets[i - 1];
  for (size_t a = 0; a < table.attributes.size(); ++a)
    if (table.attributes[a].type == HEDDLE_ATTRIBUTE_NUMERIC)
      table.attributes[a].items =
          std::count_if(table.numeric[a].begin(), table.numeric[a].end(), [](float v) { return !std::isnan(v); });
}

}  // namespace

std::span<const int32_t> AttributeTable::labels_of(int32_t item) const {
  const auto begin = static_cast<size_t>(offsets[static_cast<size_t>(item)]),
             end = static_cast<size_t>(offsets[static_cast<size_t>(item) + 1]);
  return {labels.data() + begin, end - begin};
}

bool AttributeTable::has(int32_t item, int32_t attribute) const {
  const std::span<const int32_t> row = labels_of(item);
  return std::binary_search(row.begin(), row.end(), attribute);
}

int32_t AttributeTable::find(std::string_view name) const {
  for (size_t a = 0; a < attributes.size(); ++a)
    if (attributes[a].name == name) return static_cast<int32_t>(a);
  return -1;
}

int32_t AttributeTable::require(std::string_view name) const {
  const int32_t found = find(name);
  if (found >= 0) return found;
  std::vector<std::string> names;
  for (const Attribute& attribute : attributes) names.push_back(attribute.name);
  std::string known;
  for (size_t i = 0; i < std::min<size_t>(names.size(), 30); ++i) known += (i > 0 ? ", " : "") + names[i];
  if (names.size() > 30) known += fmt::format(", … ({} in all)", names.size());
  wrong_use("no attribute '{}'{}; there are: {}", name, did_you_mean(name, names), known.empty() ? "none" : known);
}

std::vector<uint64_t> AttributeTable::bits_of(int32_t attribute) const {
  std::vector<uint64_t> bits((static_cast<size_t>(items) + 63) / 64, 0);
  for (int32_t item = 0; item < items; ++item)
    if (has(item, attribute)) bits[static_cast<size_t>(item) / 64] |= uint64_t{1} << (item % 64);
  return bits;
}

AttributeTable read_attributes(std::span<const AttributeSource> sources, Catalogue& catalogue,
                               const heddle_host& host) {
  AttributeTable table;
  table.items = catalogue.size();
  std::vector<const char*> raw_ids;
  for (const std::string& id : catalogue.raw_ids) raw_ids.push_back(id.c_str());
  const heddle_catalogue view{sizeof(heddle_catalogue), 0, catalogue.size(), catalogue.counts.data(), raw_ids.data()};
  Sink sink(catalogue, table);
  const heddle_attribute_sink raw = sink.raw();
  for (const AttributeSource& source : sources) {
    Opened opened(source, host);
    sink.start(source);
    ErrorBuffer error;
    check_source(source.table->read(opened.get(), &view, &raw, error), error, opened.who());
    sink.finish();
  }
  lay_out(sink.labels, table);
  return table;
}

std::string attribute_fingerprint(const AttributeSource& source, const heddle_host& host) {
  Opened opened(source, host);
  ErrorBuffer error;
  char text[512] = {};
  check_source(source.table->fingerprint(opened.get(), text, sizeof text, error), error, opened.who());
  text[sizeof text - 1] = 0;
  return text;
}

}  // namespace heddle
