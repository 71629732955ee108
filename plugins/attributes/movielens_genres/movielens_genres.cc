// heddle.movielens_genres: genres and titles of MovieLens, from the movie file in the layouts of GroupLens, recognised
// by content (plugins/common/movie_file.h).
#include <map>
#include <optional>

#include "../../common/movie_file.h"
#include "heddle/attributes.hpp"

namespace {
using namespace heddle::sdk;
using namespace heddle::plugins;

struct MovieLensGenres : Attributes<MovieLensGenres> {
  static constexpr About about{
      "heddle.movielens_genres",
      "Genres and titles from a MovieLens movie file (u.item, movies.dat, movies.csv), recognised by its layout."};
  struct Options {
    std::string_view path = "";
    MovieEncoding encoding = MovieEncoding::automatic;
  } options;
  static constexpr Schema schema{
      field("path", &Options::path)
          .path()
          .required()
          .doc("Folder of the data set, or its movie file (u.item, movies.dat, movies.csv)."),
      field("encoding", &Options::encoding)
          .choices("auto", "utf-8", "latin-1")
          .doc("Encoding of the file; auto: UTF-8 for movies.csv, Latin-1 for u.item, for movies.dat UTF-8 if it is "
               "valid.")};

  void open() { file_.emplace(std::string(options.path), options.encoding); }

  void read(const Catalogue&, Labels& labels) {
    const std::vector<Movie> movies = file_->read();
    std::map<std::string, Attribute> genres;  // declared in the order of their names
    for (const Movie& movie : movies)
      for (const std::string& genre : movie.genres) genres.emplace(genre, Attribute{});
    for (auto& [name, attribute] : genres) attribute = labels.binary(name);
    for (const Movie& movie : movies) {
      for (const std::string& genre : movie.genres) labels.label(movie.id, genres.at(genre));
      labels.title(movie.id, movie.title);
    }
  }
  std::string fingerprint() const { return file_->fingerprint(); }

 private:
  std::optional<MovieFile> file_;
};

}  // namespace

HEDDLE_PLUGIN("heddle.movielens_genres", "1.0.0", MovieLensGenres)
