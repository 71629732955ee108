// The product of panels (core/compute/matmul_kernels.h) against oneDNN's, on one thread, at the shapes that Heddle's ops give it: a
// tile of rows by a table or a weight whose side was laid out beforehand. oneDNN too gets B in the layout that it likes best,
// outside of the clock. Ratio: matmul/SHAPE/TYPE/onednn over matmul/SHAPE/TYPE/heddle.
#include <benchmark/benchmark.h>

#include <dnnl.hpp>

#include <unordered_map>
#include <vector>

#include "core/compute/isa.h"
#include "core/compute/matmul_kernels.h"
#include "core/compute/simd_convert.h"
#include "roofline.h"

extern "C" void omp_set_num_threads(int);

namespace heddle {
namespace {

using namespace cpu;

struct Shape {
  const char* name;
  int64_t m, n, k;
};
constexpr Shape kShapes[] = {
    {"logits", 12, 512, 64},         // of cross_entropy: 12 rows, a chunk of 512 items, width 64
    {"part", 12, 64, 512},           // its backward over the items
    {"qkv", 96, 192, 64},            // a transformer's linear layers
    {"mlp", 96, 256, 64},            //
    {"encode", 96, 2048, 64},        // a dictionary's encoder
    {"encode_wide", 96, 2048, 512},  //
};

struct Sides {
  explicit Sides(const Shape& s)
      : a(static_cast<size_t>(s.m * s.k)), b(static_cast<size_t>(s.k * s.n)), c(static_cast<size_t>(s.m * s.n)) {
    for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(i % 17) * 0.05f - 0.4f;
    for (size_t i = 0; i < b.size(); ++i) b[i] = static_cast<float>(i % 13) * 0.05f - 0.3f;
  }
  std::vector<float> a, b, c;
};

std::vector<uint16_t> halves(const std::vector<float>& from) {
  std::vector<uint16_t> to(from.size());
  to_bf16(from.data(), to.data(), static_cast<int64_t>(from.size()));
  return to;
}

void report(benchmark::State& state, const Shape& s, bool bf16) {
  const double flops = 2.0 * static_cast<double>(s.m * s.n * s.k), size = bf16 ? 2 : 4;
  Work work;
  (bf16 ? work.bf16_flops : work.flops) = flops;
  work.bytes = size * static_cast<double>(s.m * s.k + s.k * s.n) + 4.0 * static_cast<double>(s.m * s.n);
  work.threads = 1;
  roofline(state, work);
  state.counters["FLOP/s"] =
      benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
}

void ours(benchmark::State& state, const Shape& s, bool bf16) {
  Sides sides(s);
  const MatmulKernel& kernel = bf16 ? bf16_matmul() : f32_matmul();
  std::vector<uint32_t> panels(static_cast<size_t>(panel_words(kernel, s.k, s.n)));
  lay_out_panels(kernel, sides.b.data(), s.n, 1, s.k, s.n, false, panels.data());
  const std::vector<uint16_t> a16 = halves(sides.a);
  const int64_t words = s.k / kernel.depth;
  const void* a = bf16 ? static_cast<const void*>(a16.data()) : sides.a.data();
  for (auto _ : state) {
    kernel.multiply({s.m, s.n, words, a, words, 1, panels.data(), words * kernel.panel, sides.c.data(), s.n, false});
    benchmark::ClobberMemory();
  }
  report(state, s, bf16);
}

void onednn(benchmark::State& state, const Shape& s, bool bf16) {
  using dnnl::memory;
  omp_set_num_threads(1);
  Sides sides(s);
  const auto type = bf16 ? memory::data_type::bf16 : memory::data_type::f32;
  std::vector<uint16_t> a16 = halves(sides.a), b16 = halves(sides.b);
  dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const memory::desc a_desc({s.m, s.k}, type, memory::dims{s.k, 1}), b_desc({s.k, s.n}, type, memory::dims{s.n, 1});
  const memory::desc c_desc({s.m, s.n}, memory::data_type::f32, memory::dims{s.n, 1});
  const memory::desc b_any({s.k, s.n}, type, memory::format_tag::any);
  const dnnl::matmul::primitive_desc description(dnnl::matmul::desc(a_desc, b_any, c_desc), engine);
  memory a(a_desc, engine, bf16 ? static_cast<void*>(a16.data()) : sides.a.data());
  memory plain(b_desc, engine, bf16 ? static_cast<void*>(b16.data()) : sides.b.data());
  memory b(description.weights_desc(), engine), c(c_desc, engine, sides.c.data());
  dnnl::reorder(plain, b).execute(stream, plain, b);
  stream.wait();
  const dnnl::matmul product(description);
  const std::unordered_map<int, memory> args = {{DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, b}, {DNNL_ARG_DST, c}};
  for (auto _ : state) {
    product.execute(stream, args);
    benchmark::ClobberMemory();
  }
  stream.wait();
  report(state, s, bf16);
}

const bool registered = [] {
  for (const Shape& s : kShapes) {
    for (const bool bf16 : {false, true}) {
      if (bf16 && !native_bf16()) continue;
      const std::string name = std::string("matmul/") + s.name + (bf16 ? "/bf16/" : "/f32/");
      benchmark::RegisterBenchmark((name + "heddle").c_str(), ours, s, bf16);
      benchmark::RegisterBenchmark((name + "onednn").c_str(), onednn, s, bf16);
    }
  }
  return true;
}();

}  // namespace
}  // namespace heddle
