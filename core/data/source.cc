// InteractionsSource: the boundary to an interactions plugin. What a plugin hands over is checked here, once per block.
#include <string>
#include <utility>

#include "core/base/error.h"
#include "core/data/interactions.h"
#include "core/data/source_error.h"

namespace heddle {

InteractionsSource::InteractionsSource(const heddle_interactions_vtable& table, std::string who,
                                       const heddle_host& host, const heddle_values* values)
    : table_(table), who_(std::move(who)) {
  ErrorBuffer error;
  check_source(table_.open(&host, values, &self_, error), error, who_);
}

InteractionsSource::~InteractionsSource() {
  if (self_ != nullptr) table_.close(self_);
}

std::string InteractionsSource::fingerprint() {
  ErrorBuffer error;
  char text[512] = {};
  check_source(table_.fingerprint(self_, text, sizeof text, error), error, who_);
  text[sizeof text - 1] = 0;
  return text;
}

heddle_interactions_info InteractionsSource::info() {
  ErrorBuffer error;
  heddle_interactions_info out{};
  out.struct_size = sizeof out;
  check_source(table_.info(self_, &out, error), error, who_);
  return out;
}

const heddle_event_block& InteractionsSource::next() {
  ErrorBuffer error;
  block_ = {};
  block_.struct_size = sizeof block_;
  check_source(table_.next(self_, &block_, error), error, who_);
  if (block_.count < 0 || block_.bad_rows < 0)
    fail(HEDDLE_INTERNAL, "{}: a block of {} events and {} bad rows (a fault of the plugin)", who_, block_.count,
         block_.bad_rows);
  if (block_.count > 0) {
    const bool users = block_.user != nullptr || (block_.user_offsets != nullptr && block_.user_text != nullptr);
    const bool items = block_.item != nullptr || (block_.item_offsets != nullptr && block_.item_text != nullptr);
    if (!users || !items || block_.time == nullptr)
      fail(HEDDLE_INTERNAL, "{}: a block of {} events lacks its {} column (a fault of the plugin)", who_, block_.count,
           !users   ? "user"
           : !items ? "item"
                    : "time");
  }
  return block_;
}

}  // namespace heddle
