// @ID@: interactions from a text file "user,item,time".
#include <heddle/interactions.hpp>

using namespace heddle::sdk;

namespace {

struct @CLASS@ : Interactions<@CLASS@> {
  static constexpr About about{"@ID@", "Interactions from a text file of lines user, item, time."};

  struct Options {
    std::string_view path;
  } options;
  static constexpr Schema schema{
      field("path", &Options::path).path().required().doc("File of lines user, comma, item, comma, time.")};

  Carries open() {
    file_ = std::make_unique<TextFile>(options.path);
    return {.text_users = true, .text_items = true, .value = false};
  }
  // Adds some thousands of events; false when these were the last.
  bool next(Events& block) {
    while (block.size() < 8192) {
      if (!file_->next()) return false;
      const auto& fields = file_->fields(',');
      if (fields.size() != 3) file_->fail("expected user, item and time, found ", fields.size(), " fields");
      block.add(fields[0], fields[1], file_->to_number<int64_t>(fields[2]));
    }
    return true;
  }
  std::string fingerprint() const { return file_fingerprint(options.path); }

 private:
  std::unique_ptr<TextFile> file_;
};

}  // namespace

HEDDLE_PLUGIN("@ID@", "0.1.0", @CLASS@)
