// Checks of devices: memory, copies, and a few ops against plain arithmetic. The full comparison of every op with an
// f64 oracle is tests/ops, which runs on any device.
#include <cmath>
#include <memory>

#include "core/compute/tensor.h"
#include "core/conformance/checks.h"
#include "core/conformance/parameter_set.h"
#include "core/plugin/vtables.h"

namespace heddle::conformance {
namespace {

using DeviceInstance = Instance<heddle_device_vtable>;

// A device that says that it is usable here, opened.
struct Opened {
  Opened(const Component& component, const GivenText& given) : values(component, base_values(component, given)) {
    const auto& table = component.table<heddle_device_vtable>();
    about_to("probe");
    if (table.probe(&quiet_host(), values.raw()) == 0) skip_check("not usable on this machine, it says");
    about_to("open");
    instance = std::make_unique<DeviceInstance>(component, values);
    instance->required();
    ErrorBuffer error;
    info.struct_size = sizeof info;
    require_ok(table.info(instance->handle(), &info, error), error, "info");
    if (info.name == nullptr || *info.name == 0 || info.isa == nullptr)
      fail_check("info names neither the device nor its class");
    about_to("ops");
    ops = full_ops(table.ops(instance->handle()), "its op table");
    about_to("context_create");
    require_ok(table.context_create(instance->handle(), &context, error), error, "context_create");
  }
  ~Opened() {
    if (context != nullptr) instance->table().context_destroy(instance->handle(), context);
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  void copy(void* to, DLDevice to_device, const void* from, DLDevice from_device, uint64_t bytes) {
    ErrorBuffer error;
    require_ok(instance->table().copy(context, to, to_device, from, from_device, bytes, error), error, "copy");
    require_ok(instance->table().synchronize(context, error), error, "synchronize");
  }
  Values values;
  std::unique_ptr<DeviceInstance> instance;
  heddle_device_info info{};
  heddle_ops ops{};
  void* context = nullptr;
};

constexpr DLDevice cpu{kDLCPU, 0};

// A matrix in the device's memory.
struct Matrix {
  Matrix(Opened& device, int64_t rows, int64_t columns, const float* values)
      : owner(device), bytes(static_cast<uint64_t>(rows * columns) * 4) {
    memory = device.instance->table().allocate(device.instance->handle(), bytes);
    if (memory == nullptr) fail_check("allocate gives nothing for {} bytes", bytes);
    if (reinterpret_cast<uintptr_t>(memory) % 64 != 0) fail_check("allocate gives memory that is not 64-byte aligned");
    view = TensorView(memory, DType::f32, {rows, columns}, device.info.device);
    if (values != nullptr) device.copy(memory, device.info.device, values, cpu, bytes);
  }
  ~Matrix() { owner.instance->table().release(owner.instance->handle(), memory); }
  Matrix(const Matrix&) = delete;
  Matrix& operator=(const Matrix&) = delete;
  std::vector<float> fetch() {
    std::vector<float> out(bytes / 4);
    owner.copy(out.data(), cpu, memory, owner.info.device, bytes);
    return out;
  }
  Opened& owner;
  uint64_t bytes;
  void* memory;
  TensorView view;
};

std::string memory(const Component& component, const GivenText& given) {
  Opened device(component, given);
  std::vector<float> values(1009);
  fill_normal(values.data(), 1009, 41);
  Matrix matrix(device, 1, 1009, values.data());
  if (matrix.fetch() != values) fail_check("what comes back differs from what was copied there");
  return fmt::format("{} ({})", device.info.name, device.info.isa);
}

std::string gemm(const Component& component, const GivenText& given) {
  Opened device(component, given);
  constexpr int64_t m = 17, n = 23, k = 31;
  std::vector<float> a(m * k), b(k * n);
  fill_normal(a.data(), m * k, 42);
  fill_normal(b.data(), k * n, 43);
  Matrix on_a(device, m, k, a.data()), on_b(device, k, n, b.data()), on_c(device, m, n, nullptr);
  heddle_gemm args{};
  args.struct_size = sizeof args;
  args.alpha = 1;
  args.a = on_a.view, args.b = on_b.view, args.c = on_c.view;
  ErrorBuffer error;
  about_to("gemm");
  require_ok(device.ops.gemm(device.context, &args, error), error, "gemm");
  const auto c = on_c.fetch();
  double off = 0, size = 0;
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (int64_t p = 0; p < k; ++p)
        sum += double{a[static_cast<size_t>(i * k + p)]} * b[static_cast<size_t>(p * n + j)];
      off += std::pow(sum - c[static_cast<size_t>(i * n + j)], 2), size += sum * sum;
    }
  }
  if (!(off <= 1e-10 * size)) fail_check("a product of matrices is off by {:.2g} of its size", std::sqrt(off / size));
  args.b = on_a.view;  // inner dimensions that do not match
  about_to("gemm with wrong shapes");
  require_error(device.ops.gemm(device.context, &args, error), error, "gemm with wrong shapes");
  return {};
}

}  // namespace

std::vector<Check> device_checks() { return {{"memory", memory}, {"gemm", gemm}}; }

}  // namespace heddle::conformance
