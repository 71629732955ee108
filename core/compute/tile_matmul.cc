#include "core/compute/tile_matmul.h"

#include <dnnl.hpp>

#include <cstring>
#include <memory>
#include <unordered_map>

#include "core/base/error.h"
#include "core/compute/simd_convert.h"

namespace heddle::cpu {
namespace {

using dnnl::memory;

struct Key {
  TileShape shape;
  bool bf16_inputs;
  friend bool operator==(const Key&, const Key&) = default;
};

struct KeyHash {
  size_t operator()(const Key& key) const {
    const TileShape& s = key.shape;
    uint64_t h = 0;
    for (int64_t word : {s.m, s.n, s.k, s.lda, s.ldb, s.ldc,
                         int64_t{s.transpose_a} | int64_t{s.transpose_b} << 1 | int64_t{key.bf16_inputs} << 2}) {
      h = (h ^ static_cast<uint64_t>(word)) * 0x9E3779B97F4A7C15ull;
      h ^= h >> 29;
    }
    return h;
  }
};

struct Product {
  dnnl::matmul primitive;
  memory a, b, c, scratch;
  size_t scratch_bytes = 0;
  std::unordered_map<int, memory> args;
};

// Everything of oneDNN that a thread owns.
class ThreadState {
 public:
  Product& find(const Key& key) {
    auto it = products_.find(key);
    if (it != products_.end()) return *it->second;
    // Shapes come from a small set. A caller with ever new ones must not fill the memory.
    constexpr size_t kMost = 512;
    if (products_.size() >= kMost) products_.clear();
    return *products_.emplace(key, make(key)).first->second;
  }
  dnnl::stream& stream() { return stream_; }

 private:
  std::unique_ptr<Product> make(const Key& key) {
    const TileShape& s = key.shape;
    const auto type = key.bf16_inputs ? memory::data_type::bf16 : memory::data_type::f32;
    const auto layout = [](bool transpose, int64_t ld) {
      return transpose ? memory::dims{1, ld} : memory::dims{ld, 1};
    };
    const memory::desc a({s.m, s.k}, type, layout(s.transpose_a, s.lda));
    const memory::desc b({s.k, s.n}, type, layout(s.transpose_b, s.ldb));
    const memory::desc c({s.m, s.n}, memory::data_type::f32, memory::dims{s.ldc, 1});
    dnnl::primitive_attr attr;
    attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::matmul::primitive_desc description(dnnl::matmul::desc(a, b, c), attr, engine_);
    auto product = std::make_unique<Product>();
    product->primitive = dnnl::matmul(description);
    product->a = memory(a, engine_, nullptr);
    product->b = memory(b, engine_, nullptr);
    product->c = memory(c, engine_, nullptr);
    product->scratch = memory(description.scratchpad_desc(), engine_, nullptr);
    product->scratch_bytes = description.scratchpad_desc().get_size();
    product->args = {{DNNL_ARG_SRC, product->a},
                     {DNNL_ARG_WEIGHTS, product->b},
                     {DNNL_ARG_DST, product->c},
                     {DNNL_ARG_SCRATCHPAD, product->scratch}};
    return product;
  }

  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::unordered_map<Key, std::unique_ptr<Product>, KeyHash> products_;
};

void run(const Key& key, const void* a, const void* b, float* c, Arena& scratch) {
  thread_local ThreadState state;
  try {
    Product& product = state.find(key);
    ArenaScope scope(scratch);
    product.a.set_data_handle(const_cast<void*>(a));
    product.b.set_data_handle(const_cast<void*>(b));
    product.c.set_data_handle(c);
    if (product.scratch_bytes != 0) product.scratch.set_data_handle(scratch.need(product.scratch_bytes, "matmul"));
    product.primitive.execute(state.stream(), product.args);
    state.stream().wait();
  } catch (const dnnl::error& e) {
    const TileShape& s = key.shape;
    fail(e.status == dnnl_out_of_memory ? HEDDLE_RESOURCE_EXHAUSTED : HEDDLE_INTERNAL,
         "matmul [{},{}]x[{},{}]{}: oneDNN: {}", s.m, s.k, s.k, s.n, key.bf16_inputs ? " bf16" : "", e.message);
  }
}

}  // namespace

void tile_matmul(const TileShape& shape, const float* a, const float* b, float* c, Arena& scratch) {
  if (!shape.bf16) return run({shape, false}, a, b, c, scratch);
  const int64_t rows_a = shape.transpose_a ? shape.k : shape.m, cols_a = shape.transpose_a ? shape.m : shape.k;
  const int64_t rows_b = shape.transpose_b ? shape.n : shape.k, cols_b = shape.transpose_b ? shape.k : shape.n;
  ArenaScope scope(scratch);
  TileShape dense = shape;
  dense.lda = cols_a;
  dense.ldb = cols_b;
  if (native_bf16()) {
    auto* a16 = scratch.need<uint16_t>(rows_a * cols_a, "matmul");
    auto* b16 = scratch.need<uint16_t>(rows_b * cols_b, "matmul");
    for (int64_t r = 0; r < rows_a; ++r) to_bf16(a + r * shape.lda, a16 + r * cols_a, cols_a);
    for (int64_t r = 0; r < rows_b; ++r) to_bf16(b + r * shape.ldb, b16 + r * cols_b, cols_b);
    return run({dense, true}, a16, b16, c, scratch);
  }
  // Without bf16 instructions oneDNN's emulation is slower than f32 and absent on AVX2: round, then multiply in f32.
  auto* ar = scratch.need<float>(rows_a * cols_a, "matmul");
  auto* br = scratch.need<float>(rows_b * cols_b, "matmul");
  for (int64_t r = 0; r < rows_a; ++r) round_to_bf16(a + r * shape.lda, ar + r * cols_a, cols_a);
  for (int64_t r = 0; r < rows_b; ++r) round_to_bf16(b + r * shape.ldb, br + r * cols_b, cols_b);
  dense.bf16 = false;
  run({dense, false}, ar, br, c, scratch);
}

void tile_matmul_bf16(const TileShape& shape, const uint16_t* a, const uint16_t* b, float* c, Arena& scratch) {
  run({shape, true}, a, b, c, scratch);
}

}  // namespace heddle::cpu
