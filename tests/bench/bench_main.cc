// heddle_bench: Google Benchmark's own main, after the machine's peaks were measured for roofline.h.
#include <benchmark/benchmark.h>

#include <cstring>

#include "roofline.h"

int main(int argc, char** argv) {
  bool lists_only = false;
  for (int i = 1; i < argc; ++i) {
    if (std::strncmp(argv[i], "--benchmark_list_tests", 22) == 0) lists_only = true;
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  if (!lists_only) heddle::measure_peaks();
  // Like Google Benchmark itself, silent and successful when no name matches.
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
