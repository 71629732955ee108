// The movie file of MovieLens in the layouts of GroupLens, recognised by content. One thread.
//
//   100K              u.item      id|title|date|video date|URL|19 flags, named by u.genre beside it; Latin-1
//   1M, 10M           movies.dat  id::title::genre|genre; 1M in Latin-1, 10M in UTF-8
//   20M, 25M, latest  movies.csv  movieId,title,genres with that header, quoted; UTF-8
// "(no genres listed)" and the flag "unknown" are no labels.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "content_hash.h"
#include "fields.h"
#include "files.h"

namespace heddle::plugins {

enum class MovieEncoding { automatic, utf8, latin1 };

struct Movie {
  std::string id, title;
  std::vector<std::string> genres;
};

class MovieFile {
 public:
  // A folder of the data set, or the file itself.
  explicit MovieFile(const std::string& path, MovieEncoding encoding = MovieEncoding::automatic)
      : file_(find_in_folder(path, {"u.item", "movies.dat", "movies.csv"})), declared_(encoding) {}

  std::vector<Movie> read() const {
    if (first_line().find("::") != std::string::npos) return read_rows("::", false, encoding(true), {0, 1, 2}, false);
    if (is_item_file()) return read_items();
    return read_table();
  }
  const std::string& path() const { return file_; }
  std::string fingerprint() const {
    const std::string names = genre_file();
    return content_fingerprint(file_) + (is_file(names) && is_item_file() ? " " + content_fingerprint(names) : "");
  }

 private:
  std::string genre_file() const { return file_.substr(0, file_.rfind('/') + 1) + "u.genre"; }

  // The first line decides. Latin-1 keeps every byte readable.
  std::string first_line() const {
    LineReader lines(file_, Encoding::latin1);
    std::string_view line;
    try {
      if (!lines.next(line))
        sdk::raise(HEDDLE_INVALID_ARGUMENT, file_, ": the file is empty; expected MovieLens movies");
    } catch (const BadRow& bad) {
      lines.fail(bad.message);
    }
    return std::string(line);
  }
  bool is_item_file() const {
    const std::string line = first_line();
    return std::count(line.begin(), line.end(), '|') >= 5 && line.find("::") == line.npos;
  }

  bool valid_utf8() const {
    LineReader lines(file_, Encoding::utf8);
    std::string_view line;
    try {
      while (lines.next(line)) {}
      return true;
    } catch (const BadRow&) {
      return false;
    }
  }
  Encoding encoding(bool latin1_unless_utf8) const {
    if (declared_ != MovieEncoding::automatic)
      return declared_ == MovieEncoding::latin1 ? Encoding::latin1 : Encoding::utf8;
    return latin1_unless_utf8 && !valid_utf8() ? Encoding::latin1 : Encoding::utf8;
  }

  struct Columns {
    std::size_t id, title, genres;
  };

  // Calls row(fields) for every line.
  template <class Row>
  void for_each_row(const std::string& path, FieldSplitter& splitter, Encoding encoding_of_file, Row&& row) const {
    LineReader lines(path, encoding_of_file);
    try {
      std::string_view line;
      while (lines.next(line))
        if (!line.empty()) row(splitter.split(line), lines);
    } catch (const BadRow& bad) {
      lines.fail(bad.message);
    }
  }

  static void require_fields(const std::vector<std::string_view>& fields, std::size_t n, const char* what) {
    if (fields.size() != n) throw BadRow{sdk::text(fields.size(), " fields; expected ", n, " (", what, ")")};
    if (fields[0].empty()) throw BadRow{"the movie's id is empty"};
  }

  std::vector<Movie> read_rows(const char* separator, bool quotes, Encoding encoding_of_file, Columns c,
                               bool header) const {
    std::vector<Movie> movies;
    FieldSplitter splitter(separator, quotes);
    std::size_t expected = 3;
    for_each_row(file_, splitter, encoding_of_file, [&](const auto& fields, const LineReader& lines) {
      if (header && lines.number() == 1) {
        expected = fields.size();
        return;
      }
      require_fields(fields, expected, "id, title, genres");
      Movie movie{std::string(fields[c.id]), std::string(fields[c.title]), {}};
      const std::string_view listed = fields[c.genres];
      if (listed != "(no genres listed)" && !listed.empty()) {
        FieldSplitter bar("|", false);
        for (const std::string_view genre : bar.split(listed)) {
          if (genre.empty()) throw BadRow{sdk::text("an empty genre in ", plugins::quoted(listed))};
          movie.genres.emplace_back(genre);
        }
      }
      movies.push_back(std::move(movie));
    });
    return movies;
  }

  std::vector<Movie> read_table() const {
    const std::string header = first_line();
    FieldSplitter splitter(",", true);
    const std::vector<std::string_view>& names = splitter.split(header);
    const auto column = [&](std::string_view name) {
      return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
    };
    const Columns c{column("movieId"), column("title"), column("genres")};
    if (std::max({c.id, c.title, c.genres}) >= names.size())
      sdk::raise(
          HEDDLE_INVALID_ARGUMENT, file_, ":1: the first line is ", plugins::quoted(header),
          "; expected id::title::genres, a u.item row, or a header with movieId,title,genres (heddle.item_labels "
          "reads other tables)");
    return read_rows(",", true, encoding(false), c, true);
  }

  std::vector<Movie> read_items() const {
    const Encoding encoding_of_file = declared_ == MovieEncoding::utf8 ? Encoding::utf8 : Encoding::latin1;
    FieldSplitter bar("|", false);
    std::vector<std::string> names;
    for_each_row(genre_file(), bar, encoding_of_file, [&](const auto& fields, const LineReader&) {
      int64_t index;
      if (fields.size() != 2 || !parse_integer(fields[1], index) || index != static_cast<int64_t>(names.size()))
        throw BadRow{sdk::text("expected genre|", names.size())};
      names.emplace_back(fields[0]);
    });
    std::vector<Movie> movies;
    for_each_row(file_, bar, encoding_of_file, [&](const auto& fields, const LineReader&) {
      require_fields(fields, 5 + names.size(), "id, title, two dates, URL and a flag per genre of u.genre");
      Movie movie{std::string(fields[0]), std::string(fields[1]), {}};
      for (std::size_t g = 0; g < names.size(); ++g) {
        if (fields[5 + g] != "0" && fields[5 + g] != "1")
          throw BadRow{
              sdk::text("the flag of ", names[g], " is ", plugins::quoted(fields[5 + g]), "; expected 0 or 1")};
        if (fields[5 + g] == "1" && names[g] != "unknown") movie.genres.push_back(names[g]);
      }
      movies.push_back(std::move(movie));
    });
    return movies;
  }

  std::string file_;
  MovieEncoding declared_;
};

}  // namespace heddle::plugins
