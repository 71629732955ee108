// Every plugin of this tree passes the conformance kit; the sources among them on a small data set in MovieLens'
// layout.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/conformance/conformance.h"

namespace heddle {
namespace {

namespace fs = std::filesystem;

// ratings.csv and movies.csv as in ml-latest-small: 20 users, 40 movies.
void write_movielens(const fs::path& folder) {
  std::ofstream ratings(folder / "ratings.csv"), movies(folder / "movies.csv");
  ratings << "userId,movieId,rating,timestamp\n";
  movies << "movieId,title,genres\n";
  for (int movie = 1; movie <= 40; ++movie)
    movies << movie << ",\"Movie, The " << movie << " (1999)\"," << (movie % 2 ? "Action|Comedy" : "Drama") << "\n";
  for (int user = 1; user <= 20; ++user) {
    for (int i = 0; i < 12; ++i)
      ratings << user << "," << (user * 7 + i * 3) % 40 + 1 << "," << 1 + (user + i) % 5 << ","
              << 1000000 + user * 50 + i << "\n";
  }
}

TEST(InTree, PluginsPassTheConformanceKit) {
  const fs::path plugins = fs::path(HEDDLE_BUILD_DIR) / "lib/heddle/plugins";
  if (!fs::exists(plugins)) GTEST_SKIP() << "the plugins are linked in";
  const fs::path data = fs::temp_directory_path() / ("heddle_in_tree_" + std::to_string(getpid()));
  fs::create_directories(data);
  write_movielens(data);
  for (const auto& entry : fs::directory_iterator(plugins)) {
    if (entry.path().extension() != ".so") continue;
    SCOPED_TRACE(entry.path().filename().string());
    CheckOptions options;
    options.time_limit = 280;
    // The others that read files want columns named, or a table of labels: they have tests of their own
    // (tests/unit/data).
    if (entry.path().filename().string().find("movielens") != std::string::npos) options.given["path"] = data.string();
    std::ostringstream out;
    EXPECT_EQ(check_plugin(entry.path(), options, out), 0) << out.str();
  }
  fs::remove_all(data);
}

}  // namespace
}  // namespace heddle
