// All components that can be named in an experiment: built-in ones, then those found along the search path.
//
//   Registry registry(SearchPath::standard(paths));
//   const Component& dictionary = registry.find(HEDDLE_KIND_DICTIONARY, "heddle.l1");
//
// The constructor loads every plugin of the search path; a file that is refused is remembered with its reason and shown
// when a look-up fails, so one broken plugin does not stop a run that does not need it. If two files give the same kind
// and id, the first in search order wins (debug log).
//
// Threads: constructing and load_file [main]; look-ups any. Errors: find throws wrong_use with every place tried.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/component.h"
#include "core/plugin/search_path.h"

namespace heddle {

struct Refusal {
  std::string file;
  std::string reason;
};

class Registry {
 public:
  explicit Registry(SearchPath path = SearchPath::standard());

  // `where`: put before the message, e.g. SourcePosition::prefix().
  const Component& find(int32_t kind, std::string_view id, std::string_view where = {}) const;
  // Null when absent.
  const Component* try_find(int32_t kind, std::string_view id) const;
  // Of one kind, or of all kinds (0), ordered by kind and id.
  std::vector<const Component*> all(int32_t kind = 0) const;
  // By id alone, over all kinds (an id may serve several kinds).
  std::vector<const Component*> by_id(std::string_view id) const;

  // Adds one file at the end of the search order; throws the reason when it is refused.
  void load_file(const std::filesystem::path& file);

  const std::vector<Refusal>& refusals() const { return refusals_; }
  // "looked in: …" with the reason for each refusal, indented lines.
  std::string search_report() const;

 private:
  void scan(const SearchPlace& place);
  void add(const std::vector<Component>& components);
  SearchPath path_;
  std::vector<const Component*> components_;
  std::vector<Refusal> refusals_;
  std::vector<std::string> places_;  // one line each: what was looked at and what it held
};

}  // namespace heddle
