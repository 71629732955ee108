// heddle.movielens: the ratings of MovieLens in the layouts in which GroupLens publishes them, recognised by content.
//
//   100K                    u.data       user <tab> item <tab> rating <tab> timestamp
//   1M, 10M                 ratings.dat  user::item::rating::timestamp (10M with half stars)
//   20M, 25M, 32M, latest   ratings.csv  userId,movieId,rating,timestamp with that header
// A ratings.csv may lack the rating (value 1) and may have further columns, which are not read.
#include <algorithm>
#include <optional>

#include "../../common/content_hash.h"
#include "../../common/delimited_events.h"
#include "../../common/files.h"

namespace {
using namespace heddle::sdk;
using namespace heddle::plugins;

struct MovieLens : Interactions<MovieLens> {
  static constexpr About about{
      "heddle.movielens",
      "MovieLens ratings (100K, 1M, 10M, 20M, 25M, 32M, latest), recognised by their layout; plain or gzip."};
  struct Options {
    std::string_view path = "";
    OnBadRow on_bad_row = OnBadRow::error;
  } options;
  static constexpr Schema schema{
      field("path", &Options::path)
          .path()
          .required()
          .doc("Folder of the data set, or its ratings file (u.data, ratings.dat, ratings.csv)."),
      field("on_bad_row", &Options::on_bad_row)
          .choices("error", "skip")
          .doc("A row that cannot be read: stop with its line, or skip and count it.")};

  Carries open() {
    file_ = find_in_folder(std::string(options.path), {"u.data", "ratings.dat", "ratings.csv"});
    EventFormat format = recognise();
    format.on_bad_row = options.on_bad_row;
    reader_.emplace(file_, format, threads());
    Carries carries = reader_->carries();
    carries.expected_events = expected_;
    return carries;
  }
  bool next(Events& block) { return reader_->next(block); }
  std::string fingerprint() const { return content_fingerprint(file_); }

 private:
  EventFormat recognise() {
    LineReader lines(file_, Encoding::utf8);
    std::string_view first;
    try {
      if (!lines.next(first)) raise(HEDDLE_INVALID_ARGUMENT, file_, ": the file is empty; expected MovieLens ratings");
    } catch (const BadRow& bad) {
      lines.fail(bad.message);
    }
    // A row of the usual length; only the progress bar uses it.
    if (!lines.file().compressed())
      expected_ = lines.file().size() / static_cast<int64_t>(std::max<std::size_t>(first.size() + 1, 12));
    EventFormat format;
    if (first.find("::") != first.npos) return by_position("::");
    if (first.find('\t') != first.npos) return by_position("\t");
    FieldSplitter splitter(",", true);
    const std::vector<std::string_view>& names = splitter.split(first);
    const auto column = [&](std::string_view name) {
      const auto at = std::find(names.begin(), names.end(), name);
      return at == names.end() ? -1 : static_cast<int>(at - names.begin());
    };
    format.columns = {column("userId"), column("movieId"), column("timestamp"), column("rating")};
    format.header = true;
    if (format.columns.user < 0 || format.columns.item < 0 || format.columns.time < 0)
      lines.fail(text("the first line is ", quoted(first),
                      "; expected user<tab>item<tab>rating<tab>time, user::item::rating::time, or a "
                      "header with userId,movieId,timestamp (heddle.delimited reads other tables)"));
    return format;
  }
  static EventFormat by_position(std::string separator) {
    EventFormat format;
    format.separator = std::move(separator);
    format.columns = {0, 1, 3, 2};
    return format;
  }

  std::string file_;
  int64_t expected_ = 0;
  std::optional<DelimitedEvents> reader_;
};

}  // namespace

HEDDLE_PLUGIN("heddle.movielens", "1.0.0", MovieLens)
