// heddle.title_contains: one attribute per text, which an item has when its title contains the text, whatever the case.
#include <cctype>
#include <optional>

#include "../../common/fold_case.h"
#include "../../common/item_titles.h"
#include "heddle/attributes.hpp"

namespace {
using namespace heddle::sdk;
using namespace heddle::plugins;

// Whether the bytes around a hit end words: a letter or digit on either side makes it a part of a longer one.
bool is_whole_word(std::string_view title, std::size_t at, std::size_t size) {
  const auto in_word = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || std::isalnum(byte) != 0;
  };
  return (at == 0 || !in_word(title[at - 1])) && (at + size >= title.size() || !in_word(title[at + size]));
}

struct TitleContains : Attributes<TitleContains> {
  static constexpr About about{"heddle.title_contains",
                               "Labels of items whose title contains a text, whatever the case; one per text."};
  struct Options : TableOptions {
    std::vector<std::string> texts;
    std::string_view title = "";
    bool whole_words = false;
  } options;
  static constexpr auto schema = joined(
      Schema(
          field("path", &Options::path)
              .path()
              .required()
              .doc("A MovieLens data set (folder or movie file), or a table when title is given."),
          field("texts", &Options::texts)
              .by_default("")
              .required()
              .doc("What is looked for, each an attribute of that name."),
          field("title", &Options::title)
              .doc("Column of the titles in a table: its name, or its number from 1; empty: the titles of MovieLens."),
          field("item", &Options::item).doc("Column of the item: its name, or its number from 1."),
          field("whole_words", &Options::whole_words)
              .doc("A text counts only where no letter or digit goes on before or behind it.")),
      table_schema());

  static void check(const Options& o) {
    check_title_options(o, o.title, "title");
    if (o.texts.empty()) raise(HEDDLE_INVALID_ARGUMENT, "texts is empty; expected at least one");
    for (std::size_t i = 0; i < o.texts.size(); ++i) {
      if (trimmed(o.texts[i]).empty())
        raise(HEDDLE_INVALID_ARGUMENT, "texts holds an empty text, which is in every title");
      for (std::size_t j = 0; j < i; ++j)
        if (fold_case(o.texts[i]) == fold_case(o.texts[j]))
          raise(HEDDLE_INVALID_ARGUMENT, "texts holds '", o.texts[j], "' and '", o.texts[i], "', which are one");
    }
  }

  void open() { titles_.emplace(options, options.title); }

  void read(const Catalogue&, Labels& labels) {
    auto titles = titles_->read([&](const std::string& text) { host.warning(text); });
    for (auto& [item, title] : titles) title = fold_case(title);
    for (const std::string& wanted : options.texts) {
      const Attribute attribute = labels.binary(wanted);
      const std::string folded = fold_case(wanted);
      for (const auto& [item, title] : titles)
        if (contains(title, folded)) labels.label(item, attribute);
    }
  }
  std::string fingerprint() const { return titles_->fingerprint(); }

 private:
  bool contains(std::string_view title, std::string_view text) const {
    for (std::size_t at = title.find(text); at != title.npos; at = title.find(text, at + 1))
      if (!options.whole_words || is_whole_word(title, at, text.size())) return true;
    return false;
  }

  std::optional<ItemTitles> titles_;
};

}  // namespace

HEDDLE_PLUGIN("heddle.title_contains", "1.0.0", TitleContains)
