// Reading ratings of MovieLens-20M's size and layout (users in order, each user's rows by item, half stars), from the
// file in the page cache to the host's rows by user and time: the rival is pandas' read_csv (peers/read_csv.py), which
// gives columns in the order of the file. Files are made once, in $HEDDLE_BENCH_CACHE or build/bench.
//
// Bounds: copying the file out of the page cache (0.05 s on one core of a Zen 5, 0.025 s on two), touching the log's
// pages, and instructions: about 15 ns of a core per row to read and parse, 10 to renumber and sort by time (phases of a
// whole run, measured).
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/threads.h"
#include "core/data/interactions.h"
#include "core/plugin/host.h"
#include "core/plugin/registry.h"
#include "core/plugin/values.h"
#include "tests/bench/roofline.h"

namespace heddle {
namespace {

struct Source {
  Source(const std::string& id, std::vector<GivenValue> given)
      : values(registry().find(HEDDLE_KIND_INTERACTIONS, id), std::move(given)),
        source(registry().find(HEDDLE_KIND_INTERACTIONS, id).table<heddle_interactions_vtable>(), id, host(),
               values.raw()) {}
  static const Registry& registry() {
    static const Registry found;
    return found;
  }
  Values values;
  InteractionsSource source;
};

std::filesystem::path folder() {
  const char* given = std::getenv("HEDDLE_BENCH_CACHE");
  return given != nullptr ? std::filesystem::path(given) : std::filesystem::path("build") / "bench";
}

// The synthetic log as GroupLens would publish it; user by user, so that little memory is used.
void write_ratings(const std::filesystem::path& path, const char* header, const char* separator) {
  Source synthetic("heddle.synthetic", {{"preset", std::string("ml-20m"), {}}});
  const auto cannot = [&] { fail(HEDDLE_INTERNAL, "{}: cannot be written: {}", path.string(), std::strerror(errno)); };
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wb"), &std::fclose);
  if (file == nullptr) cannot();
  fmt::memory_buffer text;
  text.append(std::string_view(header));
  std::vector<std::pair<int64_t, int64_t>> row;  // item, time
  for (;;) {
    const heddle_event_block& block = synthetic.source.next();
    for (int64_t first = 0, last; first < block.count; first = last) {
      row.clear();
      for (last = first; last < block.count && block.user[last] == block.user[first]; ++last)
        row.emplace_back(block.item[last] * 7 + 1, block.time[last]);  // ids up to 128,416, as there
      std::sort(row.begin(), row.end());
      for (const auto& [item, time] : row) {
        const int64_t half_stars = (item * 31 + time * 17) % 10 + 1;
        fmt::format_to(std::back_inserter(text), "{1}{0}{2}{0}{3}.{4}{0}{5}\n", separator, block.user[first], item,
                       half_stars / 2, half_stars % 2 * 5, time);
      }
    }
    if (std::fwrite(text.data(), 1, text.size(), file.get()) != text.size()) cannot();
    text.clear();
    if (block.count == 0) break;
  }
  if (std::fclose(file.release()) != 0) cannot();
}

std::filesystem::path ratings(const char* name, const char* header, const char* separator) {
  const std::filesystem::path path = folder() / name;
  if (!std::filesystem::exists(path)) {
    std::filesystem::create_directories(path.parent_path());
    const std::filesystem::path made = path.string() + fmt::format(".{}", ::getpid());
    try {
      write_ratings(made, header, separator);
      std::filesystem::rename(made, path);
    } catch (...) {
      std::error_code ignored;
      std::filesystem::remove(made, ignored);
      throw;
    }
  }
  return path;
}

void read(benchmark::State& state, const char* name, const char* header, const char* separator) {
  std::filesystem::path path;
  try {
    path = ratings(name, header, separator);
  } catch (const std::exception& error) {
    return state.SkipWithError(error.what());
  }
  set_threads(state.range(0));
  int64_t rows = 0;
  double seconds = 0;
  for (auto _ : state) {
    Source opened("heddle.movielens", {{"path", path.string(), {}}});
    const Interactions log = read_log(opened.source);
    rows = log.event_count();
    seconds = log.report.seconds;
  }
  const auto size = static_cast<double>(std::filesystem::file_size(path));
  state.SetItemsProcessed(state.iterations() * rows);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(size));
  state.counters["ns_per_row"] = seconds * 1e9 / static_cast<double>(rows);
  // The file read once, the log's 16 bytes per event written, then read and written once more by the sort.
  roofline(state, {.bytes = size + 3 * 16.0 * static_cast<double>(rows), .threads = static_cast<int>(state.range(0))});
  set_threads(0);
}

void read_ratings(benchmark::State& state) { read(state, "ratings.csv", "userId,movieId,rating,timestamp\n", ","); }
BENCHMARK(read_ratings)
    ->ArgName("threads")
    ->Apply(thread_counts)
    ->MinWarmUpTime(0.3)
    ->MinTime(1)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

void read_ratings_dat(benchmark::State& state) { read(state, "ratings.dat", "", "::"); }
BENCHMARK(read_ratings_dat)
    ->ArgName("threads")
    ->Apply(thread_counts)
    ->MinWarmUpTime(0.3)
    ->MinTime(1)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace heddle
