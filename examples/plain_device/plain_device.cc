// A device in plain loops: host memory, one thread, a handful of ops, and a count of their calls. It shows what a
// device consists of. It cannot train anything: ops that it lacks answer UNIMPLEMENTED.
#include <algorithm>
#include <cstdlib>

#include <heddle/device.hpp>

using namespace heddle::sdk;

namespace {

struct PlainDevice;

class PlainContext {
 public:
  explicit PlainContext(PlainDevice& device) : device_(device) {}
  ~PlainContext();

  void gemm(const heddle_gemm& g);
  void axpby(float alpha, const DLTensor* x, float beta, DLTensor* y);
  void fill(double value, DLTensor* y);
  void sum_squares(const DLTensor* x, double* out);
  void gather_rows(const DLTensor* table, const DLTensor* index, DLTensor* out);

  void transfer(void* to, DLDevice, const void* from, DLDevice, uint64_t bytes) { std::memcpy(to, from, bytes); }
  void synchronize() {}  // nothing is ever pending

 private:
  PlainDevice& device_;
  int64_t calls_ = 0;
};

struct PlainDevice : Device<PlainDevice, PlainContext> {
  static constexpr About about{"example.plain_device", "Host memory and a few ops in plain loops, for reading."};
  Description describe() const { return {.device = cpu, .name = "plain loops, 1 thread", .isa = "baseline"}; }
  void* allocate(uint64_t bytes) { return std::aligned_alloc(64, (bytes + 63) / 64 * 64); }
  void release(void* memory) { std::free(memory); }
};

PlainContext::~PlainContext() { device_.host.log(HEDDLE_LOG_DEBUG, text("plain_device: ", calls_, " calls of ops")); }

void PlainContext::gemm(const heddle_gemm& g) {
  ++calls_;
  if (g.activation != HEDDLE_ACTIVATION_NONE || g.bias != nullptr || g.pre != nullptr)
    raise(HEDDLE_UNIMPLEMENTED, "gemm of plain_device has no epilogue");
  const Tensor a(g.a), b(g.b), c(g.c);
  const int64_t inner = a.size(g.transpose_a ? 0 : 1);
  if (b.size(g.transpose_b ? 1 : 0) != inner)
    raise(HEDDLE_INVALID_ARGUMENT, "gemm: a ", a.shape_text(), ", b ", b.shape_text());
  c.expect("c of gemm", {a.size(g.transpose_a ? 1 : 0), b.size(g.transpose_b ? 0 : 1)});
  const auto at = [](const Tensor& t, bool transposed, int64_t i, int64_t j) {
    return transposed ? t.row<float>(j)[static_cast<std::size_t>(i)] : t.row<float>(i)[static_cast<std::size_t>(j)];
  };
  for (int64_t i = 0; i < c.rows(); ++i)
    for (int64_t j = 0; j < c.columns(); ++j) {
      double sum = 0;
      for (int64_t k = 0; k < inner; ++k) sum += double{at(a, g.transpose_a, i, k)} * at(b, g.transpose_b, k, j);
      float& out = c.row<float>(i)[static_cast<std::size_t>(j)];
      out = static_cast<float>(g.alpha * sum + (g.beta == 0 ? 0 : double{g.beta} * out));
    }
}

void PlainContext::axpby(float alpha, const DLTensor* x, float beta, DLTensor* y) {
  ++calls_;
  const auto in = Tensor(x).span<float>(), out = Tensor(y).span<float>();
  if (in.size() != out.size()) raise(HEDDLE_INVALID_ARGUMENT, "axpby: ", in.size(), " and ", out.size(), " elements");
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = alpha * in[i] + (beta == 0 ? 0 : beta * out[i]);
}

void PlainContext::fill(double value, DLTensor* y) {
  ++calls_;
  for (float& element : Tensor(y).span<float>()) element = static_cast<float>(value);
}

void PlainContext::sum_squares(const DLTensor* x, double* out) {
  ++calls_;
  *out = 0;
  for (float element : Tensor(x).span<float>()) *out += double{element} * element;
}

void PlainContext::gather_rows(const DLTensor* table, const DLTensor* index, DLTensor* out) {
  ++calls_;
  const Tensor source(table), rows(out);
  const auto which = Tensor(index).span<int32_t>();
  rows.expect("out of gather_rows", {static_cast<int64_t>(which.size()), source.columns()});
  for (std::size_t t = 0; t < which.size(); ++t) {
    const auto row = source.row<float>(which[t]);  // OUT_OF_RANGE where there is no such row
    std::copy(row.begin(), row.end(), rows.row<float>(static_cast<int64_t>(t)).begin());
  }
}

}  // namespace

HEDDLE_PLUGIN("example.plain_device", "1.0.0", PlainDevice)
