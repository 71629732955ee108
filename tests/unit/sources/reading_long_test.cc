// Scale: a log of MovieLens-20M's shape, from the generator and from a CSV file. Prints rate and peak memory.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>

#include "core/data/split.h"
#include "support.h"

namespace heddle::test {
namespace {

// Processor time of all threads: what the rate would be on an idle machine with one core.
double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

// Peak resident memory since the last reset, in MiB.
void reset_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }
double peak_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == "VmHWM:") {
      double kib = 0;
      status >> kib;
      return kib / 1024;
    }
  return 0;
}

class ReadingLong : public SourceTest {
 protected:
  static void check_shape(const Interactions& log) {
    EXPECT_EQ(log.user_count(), 138493);
    EXPECT_EQ(log.item_count(), 18345);
    EXPECT_EQ(log.event_count(), 19984024);
    std::vector<int64_t> lengths;
    for (int64_t u = 0; u < log.user_count(); ++u) lengths.push_back(log.length(u));
    std::sort(lengths.begin(), lengths.end());
    EXPECT_EQ(lengths[lengths.size() / 2], 68);
    EXPECT_EQ(lengths.back(), 8540);
  }
  static Interactions timed_read(const char* what, const std::string& id, Given given) {
    reset_peak();
    const double cpu = cpu_seconds();
    const auto start = std::chrono::steady_clock::now();
    Interactions log = read(id, std::move(given));
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::printf("%s: %.2f s (%.2f s of processor time), %.2f million rows/s, peak %.0f MiB\n", what, seconds,
                cpu_seconds() - cpu, static_cast<double>(log.report.rows) / seconds * 1e-6, peak_mib());
    EXPECT_LE(peak_mib(), 1024);
    return log;
  }
};

TEST_F(ReadingLong, TheShapeOfMovieLens20M) {
  const Given given = {{"preset", std::string("ml-20m"), {}}};
  Interactions log = timed_read("synthetic, preset ml-20m", "heddle.synthetic", given);
  check_shape(log);

  const std::string path = write("ratings.csv", "userId,movieId,rating,timestamp\n");
  {
    std::FILE* file = std::fopen(path.c_str(), "ab");
    for (int64_t u = 0; u < log.user_count(); ++u)
      for (int64_t e = log.begin(u); e < log.end(u); ++e)
        std::fprintf(file, "%s,%s,4.0,%lld\n", log.user_ids[static_cast<size_t>(u)].c_str(),
                     log.item_ids[static_cast<size_t>(log.items[static_cast<size_t>(e)])].c_str(),
                     static_cast<long long>(log.times[static_cast<size_t>(e)]));
    std::fclose(file);
  }
  const EventColumn<int32_t> items = std::move(log.items);
  log = {};
  const Interactions again = timed_read("the same as a CSV file", "heddle.movielens", {{"path", path, {}}});
  check_shape(again);
  EXPECT_EQ(again.items, items);
}

}  // namespace
}  // namespace heddle::test
