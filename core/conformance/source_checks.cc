// Checks of interactions and attributes. They need data: what a required path names is given with --set path=…
#include <cmath>
#include <cstring>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "core/conformance/checks.h"
#include "core/conformance/guarded.h"
#include "core/conformance/utf8_text.h"
#include "core/plugin/normalise.h"
#include "core/store/hash.h"

namespace heddle::conformance {
namespace {

constexpr uint64_t fingerprint_capacity = 4096;

template <class V>
std::string fingerprint(Instance<V>& instance) {
  const Guarded text(fingerprint_capacity);
  std::memset(text.data(), 'x', fingerprint_capacity);
  about_to("fingerprint");
  ErrorBuffer error;
  require_ok(
      instance.table().fingerprint(instance.handle(), static_cast<char*>(text.data()), fingerprint_capacity, error),
      error, "fingerprint");
  text.check("the fingerprint");
  const auto* begin = static_cast<const char*>(text.data());
  const size_t length = strnlen(begin, fingerprint_capacity);
  if (length == fingerprint_capacity) fail_check("the fingerprint is not terminated");
  if (length == 0) fail_check("the fingerprint is empty");
  return {begin, length};
}

// The same text every time; a short buffer is respected.
template <class V>
std::string fingerprints(const Component& component, const GivenText& given) {
  const Values values(component, base_values(component, given));
  about_to("open");
  Instance<V> first(component, values), second(component, values);
  const std::string text = fingerprint(first.required());
  if (text != fingerprint(second.required())) fail_check("two instances on the same data have different fingerprints");
  const Guarded small(8);
  std::memset(small.data(), 'x', 8);
  ErrorBuffer error;
  about_to("fingerprint into 8 bytes");
  if (first.table().fingerprint(first.handle(), static_cast<char*>(small.data()), 8, error) == HEDDLE_OK &&
      strnlen(static_cast<const char*>(small.data()), 8) == 8) {
    fail_check("the fingerprint does not end inside a buffer of 8 bytes");
  }
  small.check("a fingerprint of 8 bytes");
  return text.size() <= 60 ? text : text.substr(0, 60) + "…";
}

// Collects what a source pushes; checks as it goes. Nothing may be thrown through the plugin, so problems are kept.
struct Sink {
  Sink() : raw{sizeof raw, 0, this, attribute, label, title} {}
  static int32_t attribute(void* self, const char* name, int32_t type, int64_t* index, heddle_error*) {
    auto& sink = *static_cast<Sink*>(self);
    if (sink.stop) return HEDDLE_CANCELLED;
    if (name == nullptr || *name == 0 || !is_utf8(name))
      sink.problem = "an attribute has no name, or one that is not UTF-8";
    if (type != HEDDLE_ATTRIBUTE_BINARY && type != HEDDLE_ATTRIBUTE_NUMERIC)
      sink.problem = fmt::format("an attribute has type {}", type);
    for (size_t i = 0; i < sink.names.size(); ++i) {
      if (name != nullptr && sink.names[i] == name) return *index = static_cast<int64_t>(i), HEDDLE_OK;
    }
    sink.names.emplace_back(name == nullptr ? "" : name);
    sink.types.push_back(type);
    *index = static_cast<int64_t>(sink.names.size()) - 1;
    return HEDDLE_OK;
  }
  static int32_t label(void* self, const char* item, int64_t attribute, double value, heddle_error*) {
    auto& sink = *static_cast<Sink*>(self);
    if (sink.stop) return HEDDLE_CANCELLED;
    if (item == nullptr) sink.problem = "a label has no item";
    else if (attribute < 0 || attribute >= static_cast<int64_t>(sink.names.size()))
      sink.problem = fmt::format("a label names attribute {}", attribute);
    else if (!std::isfinite(value)) sink.problem = fmt::format("the label of item {} is {}", item, value);
    else if (sink.types[static_cast<size_t>(attribute)] == HEDDLE_ATTRIBUTE_BINARY && value != 1)
      sink.problem = fmt::format("a binary label is {}", value);
    else sink.digest.update(fmt::format("{} {} {}\n", item, attribute, value));
    sink.labels += 1;
    return HEDDLE_OK;
  }
  static int32_t title(void* self, const char* item, const char* title, heddle_error*) {
    auto& sink = *static_cast<Sink*>(self);
    if (sink.stop) return HEDDLE_CANCELLED;
    if (item == nullptr || title == nullptr || !is_utf8(title)) sink.problem = "a title is missing or not UTF-8";
    sink.titles += 1;
    return HEDDLE_OK;
  }
  heddle_attribute_sink raw;
  bool stop = false;
  std::string problem;
  std::vector<std::string> names;
  std::vector<int32_t> types;
  int64_t labels = 0, titles = 0;
  Sha256 digest;
};

struct Catalogue {
  Catalogue() {
    for (int64_t i = 0; i < test_items; ++i) ids.push_back(std::to_string(i + 1)), counts.push_back(3 * i % 17);
    for (const std::string& id : ids) pointers.push_back(id.c_str());
    raw = {sizeof raw, 0, test_items, counts.data(), pointers.data()};
  }
  std::vector<std::string> ids;
  std::vector<int64_t> counts;
  std::vector<const char*> pointers;
  heddle_catalogue raw;
};

// A path that does not exist gives an error when it is opened, or at the latest when it is read.
template <class V>
std::string missing_file(const Component& component, const GivenText& given) {
  const heddle_param* path = nullptr;
  for (const heddle_param& p : component.params) {
    if (p.type == HEDDLE_PARAM_PATH && (path == nullptr || (p.flags & HEDDLE_PARAM_REQUIRED) != 0)) path = &p;
  }
  if (path == nullptr) skip_check("it reads no file");
  const std::string name = "/nonexistent/heddle/data.csv";
  const Values values(component, with_value(base_values(component, given, true), path->name, name));
  about_to("open of a missing file");
  Instance<V> instance(component, values);
  std::string said(instance.error().message());
  if (instance.status() == HEDDLE_OK) {
    ErrorBuffer error;
    if constexpr (std::is_same_v<V, heddle_interactions_vtable>) {
      heddle_event_block block{};
      block.struct_size = sizeof block;
      require_error(instance.table().next(instance.handle(), &block, error), error, "reading a missing file");
    } else {
      Sink sink;
      const Catalogue catalogue;
      require_error(instance.table().read(instance.handle(), &catalogue.raw, &sink.raw, error), error,
                    "reading a missing file");
    }
    said = error.message();
  }
  if (said.find("/nonexistent/heddle") == std::string::npos) fail_check("the error does not name the file: {}", said);
  return {};
}

heddle_interactions_info info_of(Instance<heddle_interactions_vtable>& instance) {
  heddle_interactions_info info{};
  info.struct_size = sizeof info;
  ErrorBuffer error;
  about_to("info");
  require_ok(instance.table().info(instance.handle(), &info, error), error, "info");
  for (int32_t ids : {info.user_ids, info.item_ids}) {
    if (ids != HEDDLE_ID_INT && ids != HEDDLE_ID_STRING) fail_check("info says ids of type {}", ids);
  }
  return info;
}

void check_ids(const char* what, int32_t type, int64_t count, const int64_t* numbers, const uint64_t* offsets,
               const char* text, Sha256* digest) {
  if (type == HEDDLE_ID_INT) {
    if (numbers == nullptr) fail_check("a block has no {} ids", what);
    digest->update(numbers, static_cast<size_t>(count) * sizeof *numbers);
    return;
  }
  if (offsets == nullptr || text == nullptr) fail_check("a block has no {} ids as text", what);
  for (int64_t i = 0; i < count; ++i) {
    if (offsets[i + 1] < offsets[i]) fail_check("the offsets of {} ids do not ascend", what);
    const std::string_view id(text + offsets[i], offsets[i + 1] - offsets[i]);
    if (id.empty()) fail_check("event {} of a block has an empty {} id", i, what);
    if (!is_utf8(id)) fail_check("the {} id of event {} of a block is not UTF-8", what, i);
    digest->update(id);
    digest->update("\n");
  }
}

// Reads the whole stream; returns a digest of it.
std::string read_all(const Component& component, const GivenText& given, int64_t* events) {
  const Values values(component, base_values(component, given));
  about_to("open");
  Instance<heddle_interactions_vtable> instance(component, values);
  const heddle_interactions_info info = info_of(instance.required());
  Sha256 digest;
  ErrorBuffer error;
  *events = 0;
  while (true) {
    heddle_event_block block{};
    block.struct_size = sizeof block;
    about_to(fmt::format("next after {} events", *events));
    require_ok(instance.table().next(instance.handle(), &block, error), error, "next");
    if (block.count < 0 || block.bad_rows < 0)
      fail_check("a block has {} events, {} bad rows", block.count, block.bad_rows);
    if (block.count == 0) return digest.hex();
    check_ids("user", info.user_ids, block.count, block.user, block.user_offsets, block.user_text, &digest);
    check_ids("item", info.item_ids, block.count, block.item, block.item_offsets, block.item_text, &digest);
    if (info.has_time != 0 && block.time == nullptr) fail_check("a block has no times, info says there are");
    if (info.has_value != 0 && block.value == nullptr) fail_check("a block has no values, info says there are");
    for (int64_t i = 0; info.has_value != 0 && i < block.count; ++i) {
      if (!std::isfinite(block.value[i])) fail_check("event {} of a block has the value {}", i, block.value[i]);
    }
    if (info.has_time != 0) digest.update(block.time, static_cast<size_t>(block.count) * sizeof *block.time);
    if (info.has_value != 0) digest.update(block.value, static_cast<size_t>(block.count) * sizeof *block.value);
    *events += block.count;
  }
}

std::string events(const Component& component, const GivenText& given) {
  int64_t first = 0, second = 0;
  const std::string digest = read_all(component, given, &first);
  if (digest != read_all(component, given, &second) || first != second)
    fail_check("the second reading gives other events");
  return fmt::format("{} events", first);
}

int32_t read_labels(Instance<heddle_attributes_vtable>& instance, const heddle_catalogue& catalogue, Sink& sink,
                    ErrorBuffer& error) {
  about_to(fmt::format("read with {} items", catalogue.items));
  return instance.table().read(instance.handle(), &catalogue, &sink.raw, error);
}

std::string labels(const Component& component, const GivenText& given) {
  const Values values(component, base_values(component, given));
  const Catalogue catalogue;
  std::vector<std::string> digests;
  std::string note;
  for (int round = 0; round < 2; ++round) {
    about_to("open");
    Instance<heddle_attributes_vtable> instance(component, values);
    Sink sink;
    ErrorBuffer error;
    require_ok(read_labels(instance.required(), catalogue.raw, sink, error), error, "read");
    if (!sink.problem.empty()) throw Failure{sink.problem};
    digests.push_back(sink.digest.hex());
    note = fmt::format("{} attributes, {} labels, {} titles", sink.names.size(), sink.labels, sink.titles);
  }
  if (digests[0] != digests[1]) fail_check("the second reading gives other labels");
  return note;
}

std::string empty_catalogue(const Component& component, const GivenText& given) {
  const Values values(component, base_values(component, given));
  about_to("open");
  Instance<heddle_attributes_vtable> instance(component, values);
  const heddle_catalogue nothing{sizeof nothing, 0, 0, nullptr, nullptr};
  Sink sink;
  ErrorBuffer error;
  require_ok(read_labels(instance.required(), nothing, sink, error), error, "read");
  if (!sink.problem.empty()) throw Failure{sink.problem};
  return {};
}

// What the sink answers is handed on: the host may have been asked to stop.
std::string stopping(const Component& component, const GivenText& given) {
  const Values values(component, base_values(component, given));
  about_to("open");
  Instance<heddle_attributes_vtable> instance(component, values);
  const Catalogue catalogue;
  Sink sink;
  sink.stop = true;
  ErrorBuffer error;
  if (read_labels(instance.required(), catalogue.raw, sink, error) != HEDDLE_CANCELLED)
    fail_check("the sink's status is not handed on by read");
  return {};
}

}  // namespace

std::vector<Check> interactions_checks() {
  using V = heddle_interactions_vtable;
  return {{"events", events}, {"fingerprint", fingerprints<V>}, {"missing file", missing_file<V>}};
}

std::vector<Check> attributes_checks() {
  using V = heddle_attributes_vtable;
  return {{"labels", labels},
          {"empty catalogue", empty_catalogue},
          {"stopping", stopping},
          {"fingerprint", fingerprints<V>},
          {"missing file", missing_file<V>}};
}

}  // namespace heddle::conformance
