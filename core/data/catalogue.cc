#include "core/data/catalogue.h"

#include "core/base/error.h"

namespace heddle {

Catalogue::Catalogue(std::vector<std::string> ids, std::vector<int64_t> item_counts)
    : raw_ids(std::move(ids)), counts(std::move(item_counts)), titles(raw_ids.size()) {
  if (counts.size() != raw_ids.size())
    fail(HEDDLE_INTERNAL, "catalogue: {} ids and {} counts", raw_ids.size(), counts.size());
  index_.reserve(raw_ids.size());
  for (size_t i = 0; i < raw_ids.size(); ++i) index_.emplace(raw_ids[i], static_cast<int32_t>(i));
}

Catalogue::Catalogue(const Interactions& log, const Split& split)
    : Catalogue(log.item_ids, [&] {
        std::vector<int64_t> n(log.item_ids.size(), 0);
        for (int64_t user = 0; user < log.user_count(); ++user)
          for (int32_t item : log.items_of(log.begin(user), split.training_end[static_cast<size_t>(user)]))
            ++n[static_cast<size_t>(item)];
        return n;
      }()) {}

int32_t Catalogue::find(std::string_view raw) const {
  const auto at = index_.find(raw);
  return at == index_.end() ? -1 : at->second;
}

const std::string& Catalogue::title(int32_t item) const {
  const auto i = static_cast<size_t>(item);
  return titles[i].empty() ? raw_ids[i] : titles[i];
}

}  // namespace heddle
