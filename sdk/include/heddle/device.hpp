// Device: memory, contexts and an op table. Two classes make one: the device, and its Context, whose public member
// functions that are named like slots of heddle_ops become the table. Slots without a function stay empty:
// UNIMPLEMENTED to callers.
//
//   struct MyContext {
//     explicit MyContext(MyDevice& device);
//     void fill(double value, DLTensor* y);   // slots: their arguments without context and error; pointers that are
//     void gemm(const heddle_gemm& args); …   //   never null may be taken as references; raise() on error
//     void transfer(void* to, DLDevice to_device, const void* from, DLDevice from_device, uint64_t bytes);  // required
//     void synchronize();                                                                                   // required
//   };
//   struct MyDevice : Device<MyDevice, MyContext> {
//     Description describe() const;                    // after open
//     void open();                                     // optional: acquire the hardware, raise() when that fails
//     static int32_t probe();                          // optional: 0 = not usable on this machine, else a score
//     void* allocate(uint64_t bytes);                  // 64-byte aligned, null when exhausted; any thread
//     void release(void* memory);                      // any thread
//   };
// Threads: at most one uses a context at a time. supports() answers "filled, for f32" unless the Context has its own
// `bool supports(std::string_view op, DLDataType)`.
#pragma once

#include "ops.hpp"
#include "plugin.hpp"

namespace heddle::sdk {

struct Description {
  DLDevice device = cpu;
  const char* name;  // "CPU, AVX-512, 2 threads"
  const char* isa;   // the class within which bits repeat
  int64_t memory = 0;
};

namespace detail {

// Calls Context::*Member with the arguments of a slot; a pointer argument becomes a reference where Member takes one.
template <class Parameter, class Argument>
decltype(auto) adapt(Argument argument) {
  if constexpr (std::is_reference_v<Parameter>) return *argument;
  else return argument;
}
template <auto Member>
struct Op;
template <class Context, class... Parameters, void (Context::*Member)(Parameters...)>
struct Op<Member> {
  template <class... Arguments>
  static constexpr auto slot(int32_t (*)(void*, Arguments...)) {
    // The slot's last argument is the error; the others are the member's parameters.
    static_assert(sizeof...(Arguments) == sizeof...(Parameters) + 1, "the function does not have the slot's arguments");
    return +[](void* context, Arguments... arguments) noexcept -> int32_t {
      return run(static_cast<Context*>(context), std::tuple<Arguments...>(arguments...),
                 std::index_sequence_for<Parameters...>{});
    };
  }
  template <class Arguments, std::size_t... I>
  static int32_t run(Context* context, const Arguments& all, std::index_sequence<I...>) noexcept {
    return guarded(std::get<sizeof...(I)>(all), [&] { (context->*Member)(adapt<Parameters>(std::get<I>(all))...); });
  }
};

// The slots with a status, in the order of the table.
// clang-format off
#define HEDDLE_SLOTS(X)                                                                                              \
  X(gemm) X(activation_backward) X(layer_norm) X(layer_norm_backward) X(attention) X(attention_backward)             \
  X(cross_entropy) X(top_n) X(dropout) X(gather_rows) X(scatter_add_rows) X(axpby) X(fill) X(copy) X(affine_columns) \
  X(sum_rows) X(column_moments) X(sum_squares) X(normalize_rows) X(adam) X(random_uniform) X(random_normal)          \
  X(codes_create) X(encode) X(codes_from_dense) X(codes_to_dense) X(decode) X(codes_backward)                        \
  X(codes_weight_gradient) X(codes_column_sum) X(codes_count) X(codes_summary) X(codes_set) X(threshold_backward)    \
  X(reconstruction) X(parallel_for)
#define HEDDLE_HAS_SLOT(NAME) if (op == #NAME) return requires { &Context::NAME; };
#define HEDDLE_FILL_SLOT(NAME) \
  if constexpr (requires { &Context::NAME; }) table.NAME = Op<&Context::NAME>::slot(table.NAME);
// clang-format on

template <class Context>
struct OpTable {
  static bool has(std::string_view op) {
    HEDDLE_SLOTS(HEDDLE_HAS_SLOT)
    return false;
  }
  static int32_t supports(void* context, const char* op, DLDataType type) noexcept {
    if constexpr (requires(Context & c) { c.supports(op, type); })
      return static_cast<Context*>(context)->supports(op, type);
    else return same_type(type, f32) && has(op);
  }
  static constexpr heddle_ops make() {
    heddle_ops table{};
    table.struct_size = sizeof table;
    table.supports = &supports;
    HEDDLE_SLOTS(HEDDLE_FILL_SLOT)
    if constexpr (requires(Context & c, heddle_codes * z) { c.codes_destroy(z); })
      table.codes_destroy = [](void* context, heddle_codes* z) { static_cast<Context*>(context)->codes_destroy(z); };
    return table;
  }
  static constexpr heddle_ops ops = make();
};
#undef HEDDLE_SLOTS
#undef HEDDLE_HAS_SLOT
#undef HEDDLE_FILL_SLOT

template <class Self, class Context>
struct DeviceTable {
  static int32_t probe(const heddle_host*, const heddle_values*) noexcept {
    if constexpr (requires { Self::probe(); }) return Self::probe();
    else return 1;
  }
  static int32_t open(const heddle_host* host, const heddle_values* values, heddle_device** out,
                      heddle_error* error) noexcept {
    return sdk::detail::make<Self>(host, values, out, error, [](Self& self) {
      if constexpr (requires { self.open(); }) self.open();
    });
  }
  static int32_t info(heddle_device* d, heddle_device_info* out, heddle_error* error) noexcept {
    return guarded(error, [&] {
      const Description about = self_of<const Self>(d).describe();
      *out = {sizeof *out, 0, about.device, about.memory, about.name, about.isa};
    });
  }
  static const heddle_ops* ops(heddle_device*) noexcept { return &OpTable<Context>::ops; }
  static int32_t context_create(heddle_device* d, void** out, heddle_error* error) noexcept {
    return guarded(error, [&] { *out = std::make_unique<Context>(self_of<Self>(d)).release(); });
  }
  static void context_destroy(heddle_device*, void* context) noexcept { delete static_cast<Context*>(context); }
  static void* allocate(heddle_device* d, uint64_t bytes) noexcept { return self_of<Self>(d).allocate(bytes); }
  static void release(heddle_device* d, void* memory) noexcept { self_of<Self>(d).release(memory); }
  static int32_t copy(void* context, void* to, DLDevice to_device, const void* from, DLDevice from_device,
                      uint64_t bytes, heddle_error* error) noexcept {
    return guarded(error, [&] { static_cast<Context*>(context)->transfer(to, to_device, from, from_device, bytes); });
  }
  static int32_t synchronize(void* context, heddle_error* error) noexcept {
    return guarded(error, [&] { static_cast<Context*>(context)->synchronize(); });
  }
  static constexpr heddle_device_vtable table() {
    return {sizeof(heddle_device_vtable),
            0,
            &probe,
            &open,
            &destroy<Self, heddle_device>,
            &info,
            &ops,
            &context_create,
            &context_destroy,
            &allocate,
            &release,
            &copy,
            &synchronize};
  }
};

}  // namespace detail

template <class Self, class Context>
class Device : public Component {
 public:
  static constexpr int32_t kind = HEDDLE_KIND_DEVICE;
  template <class S>
  static constexpr heddle_device_vtable vtable = detail::DeviceTable<S, Context>::table();
};

}  // namespace heddle::sdk
