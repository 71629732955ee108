// Interactions from a text file with one user per line: the user, then its items in order, separated by blanks.
#include <heddle/interactions.hpp>

using namespace heddle::sdk;

namespace {

struct BasketLines : Interactions<BasketLines> {
  static constexpr About about{"example.basket_lines", "Lines of user and items in order, separated by blanks."};

  struct Options {
    std::string_view path;
  } options;
  static constexpr Schema schema{field("path", &Options::path).path().required().doc("The file.")};

  Carries open() {
    file_ = std::make_unique<TextFile>(options.path);
    // No times: the host orders a user's events as the file does.
    return {.text_users = true, .text_items = true, .time = false, .value = false};
  }

  bool next(Events& block) {
    while (block.size() < 8192) {
      if (!file_->next()) return false;
      const auto& words = file_->fields(' ');
      if (words[0].empty()) file_->fail("expected a user, found a blank");
      for (std::size_t i = 1; i < words.size(); ++i) {
        if (words[i].empty()) file_->fail("two blanks in a row after ", i - 1, " items");
        block.add(words[0], words[i]);
      }
    }
    return true;
  }
  std::string fingerprint() const { return file_fingerprint(options.path); }

 private:
  std::unique_ptr<TextFile> file_;
};

}  // namespace

HEDDLE_PLUGIN("example.basket_lines", "1.0.0", BasketLines)
