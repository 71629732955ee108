// Opens source plugins as the host does, on files written for the test.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/data/attributes.h"
#include "core/data/interactions.h"
#include "core/plugin/host.h"
#include "core/plugin/registry.h"
#include "core/plugin/values.h"

namespace heddle::test {

inline const Registry& registry() {
  static const Registry found;
  return found;
}

// A folder of its own for each test, removed afterwards.
class SourceTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    std::string name = fmt::format("heddle_{}_{}_{}", test->test_suite_name(), test->name(), ::getpid());
    std::replace(name.begin(), name.end(), '/', '_');  // of parameterised tests
    folder_ = std::filesystem::temp_directory_path() / name;
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, std::string_view text) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return (folder_ / name).string();
  }
  std::string write_gzip(const std::string& name, const std::string& text) const {
    const std::string path = (folder_ / name).string();
    gzFile file = gzopen(path.c_str(), "wb");
    gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
    gzclose(file);
    return path;
  }
  std::string folder() const { return folder_.string(); }

 private:
  std::filesystem::path folder_;
};

using Given = std::vector<GivenValue>;

struct OpenSource {
  OpenSource(const std::string& id, Given given)
      : component(registry().find(HEDDLE_KIND_INTERACTIONS, id)),
        values(component, std::move(given)),
        source(component.table<heddle_interactions_vtable>(), id, host(), values.raw()) {}
  const Component& component;
  Values values;
  InteractionsSource source;
};

inline Interactions read(const std::string& id, Given given, const FilterOptions& filters = {}) {
  OpenSource opened(id, std::move(given));
  return read_log(opened.source, filters);
}

// "1: 10@5 20@7; 2: 10@1": users with their items and times.
inline std::string describe(const Interactions& log, bool with_values = false) {
  std::string text;
  for (int64_t u = 0; u < log.user_count(); ++u) {
    text += (u > 0 ? "; " : "") + log.user_ids[static_cast<size_t>(u)] + ":";
    for (int64_t e = log.begin(u); e < log.end(u); ++e) {
      text += fmt::format(" {}@{}", log.item_ids[static_cast<size_t>(log.items[static_cast<size_t>(e)])],
                          log.times[static_cast<size_t>(e)]);
      if (with_values) text += fmt::format("={:g}", log.values[static_cast<size_t>(e)]);
    }
  }
  return text;
}

// The message of the error that reading gives.
inline std::string failure(const std::string& id, Given given) {
  try {
    read(id, std::move(given));
  } catch (const Error& error) {
    EXPECT_TRUE(error.wrong_use()) << error.what();
    return error.what();
  }
  return "no error";
}

inline AttributeTable read_labels(const std::string& id, Given given, Catalogue& catalogue,
                                  const std::string& prefix = "genre") {
  const Component& component = registry().find(HEDDLE_KIND_ATTRIBUTES, id);
  const Values values(component, std::move(given));
  const AttributeSource source{prefix, id, &component.table<heddle_attributes_vtable>(), values.raw()};
  return read_attributes(std::span(&source, 1), catalogue, host());
}

// "Horror Comedy": the labels of an item without their prefix.
inline std::string labels_of(const AttributeTable& table, const Catalogue& catalogue, const std::string& raw) {
  std::string text;
  for (int32_t a : table.labels_of(catalogue.find(raw))) {
    const Attribute& attribute = table.attributes[static_cast<size_t>(a)];
    text += (text.empty() ? "" : " ") + attribute.name.substr(attribute.prefix.size() + 1);
  }
  return text;
}

// The shared data sets, which no test may need: HEDDLE_TEST_DATA, else ../shared/data beside the source tree. "" when
// absent.
inline std::string shared_data(const std::string& name) {
  const char* set = std::getenv("HEDDLE_TEST_DATA");
  const std::filesystem::path root =
      set != nullptr ? std::filesystem::path(set) : std::filesystem::path(HEDDLE_SOURCE_DIR) / ".." / "shared" / "data";
  const std::filesystem::path path = root / name;
  return std::filesystem::exists(path) ? path.string() : "";
}

#define HEDDLE_NEEDS_DATA(variable, name)                         \
  const std::string variable = ::heddle::test::shared_data(name); \
  if (variable.empty()) GTEST_SKIP() << "needs the data set " << name << " (HEDDLE_TEST_DATA)"

}  // namespace heddle::test
