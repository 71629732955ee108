#include "core/interpret/directions.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/compute/tensor.h"
#include "core/interpret/parallel.h"

namespace heddle {
namespace {

constexpr int64_t block_rows = 256;

// use(i, products) with the products of row i and every row of `right`; rows in parallel within a block.
template <class Use>
void for_products(Context& context, std::span<const float> left, std::span<const float> right, int64_t width,
                  Use&& use) {
  const int64_t rows = static_cast<int64_t>(left.size()) / width, columns = static_cast<int64_t>(right.size()) / width;
  if (rows == 0 || columns == 0) return;
  Tensor table(context.device(), DType::f32, {columns, width}),
      block(context.device(), DType::f32, {block_rows, width}),
      products(context.device(), DType::f32, {block_rows, columns});
  table.from_host(right.data());
  std::vector<float> host(static_cast<size_t>(block_rows * columns));
  for (int64_t first = 0; first < rows; first += block_rows) {
    throw_if_cancelled();
    const int64_t count = std::min(block_rows, rows - first);
    TensorView a = block.rows(0, count), c = products.rows(0, count);
    context.device().copy_from_host(a.dl()->data, left.data() + first * width,
                                    static_cast<size_t>(count * width) * sizeof(float));
    heddle_gemm gemm{};
    gemm.struct_size = sizeof gemm;
    gemm.transpose_b = 1;
    gemm.alpha = 1;
    gemm.precision = HEDDLE_PRECISION_F32;
    gemm.a = a, gemm.b = table, gemm.c = c;
    ErrorBuffer error;
    check(context.ops().gemm(context.handle(), &gemm, error), error, "gemm");
    context.synchronize();
    context.device().copy_to_host(host.data(), c.dl()->data, static_cast<size_t>(count * columns) * sizeof(float));
    run_parallel(
        context, count, [&] { return std::vector<int32_t>(); },
        [&](std::vector<int32_t>& order, int64_t i) {
          use(first + i, std::span<const float>(host.data() + i * columns, static_cast<size_t>(columns)), order);
        });
  }
}

// The n first of `order` by `before`, as neighbours.
template <class Before>
std::vector<Neighbour> first_of(std::vector<int32_t>& order, size_t n, std::span<const float> values, Before before) {
  const auto kept = order.begin() + static_cast<std::ptrdiff_t>(std::min(n, order.size()));
  std::partial_sort(order.begin(), kept, order.end(), before);
  std::vector<Neighbour> out;
  for (auto i = order.begin(); i != kept; ++i) out.push_back({*i, values[static_cast<size_t>(*i)]});
  return out;
}

}  // namespace

std::vector<std::vector<Neighbour>> similar_directions(Context& context, std::span<const float> directions,
                                                       int64_t width, std::span<const uint8_t> mask, int64_t n) {
  const size_t count = mask.size(), columns = static_cast<size_t>(width);
  if (directions.size() != count * columns)
    fail(HEDDLE_INVALID_ARGUMENT, "similar_directions: {} numbers for {} rows of {}", directions.size(), count, width);
  std::vector<std::vector<Neighbour>> out(count);
  // Unit rows of those that take part, packed: the others cost nothing.
  std::vector<float> unit;
  std::vector<int64_t> original;
  for (size_t i = 0; i < count; ++i) {
    const float* row = directions.data() + i * columns;
    double squares = 0;
    for (size_t j = 0; j < columns; ++j) squares += static_cast<double>(row[j]) * static_cast<double>(row[j]);
    if (mask[i] == 0 || !(squares > 0)) continue;
    original.push_back(static_cast<int64_t>(i));
    for (size_t j = 0; j < columns; ++j)
      unit.push_back(static_cast<float>(static_cast<double>(row[j]) / std::sqrt(squares)));
  }
  if (n < 1) return out;
  for_products(context, unit, unit, width, [&](int64_t i, std::span<const float> cosines, std::vector<int32_t>& order) {
    order.clear();
    for (size_t j = 0; j < cosines.size(); ++j)
      if (static_cast<int64_t>(j) != i) order.push_back(static_cast<int32_t>(j));
    auto found = first_of(order, static_cast<size_t>(n), cosines, [&](int32_t a, int32_t b) {
      const float x = cosines[static_cast<size_t>(a)], y = cosines[static_cast<size_t>(b)];
      return x != y ? x > y : a < b;
    });
    for (Neighbour& neighbour : found) {
      neighbour.index = original[static_cast<size_t>(neighbour.index)];
      neighbour.value = std::clamp(neighbour.value, -1.0f, 1.0f);
    }
    out[static_cast<size_t>(original[static_cast<size_t>(i)])] = std::move(found);
  });
  return out;
}

std::vector<Effects> direction_effects(Context& context, std::span<const float> directions, int64_t width,
                                       std::span<const uint8_t> mask, std::span<const float> table, int64_t n) {
  const size_t count = mask.size(), columns = static_cast<size_t>(width);
  if (directions.size() != count * columns || table.size() % columns != 0)
    fail(HEDDLE_INVALID_ARGUMENT, "direction_effects: {} and {} numbers for rows of {}", directions.size(),
         table.size(), width);
  std::vector<Effects> out(count);
  if (n < 1) return out;
  std::vector<float> packed;
  std::vector<int64_t> original;
  for (size_t i = 0; i < count; ++i) {
    if (mask[i] == 0) continue;
    original.push_back(static_cast<int64_t>(i));
    packed.insert(packed.end(), directions.begin() + static_cast<std::ptrdiff_t>(i * columns),
                  directions.begin() + static_cast<std::ptrdiff_t>((i + 1) * columns));
  }
  const size_t items = table.size() / columns;
  const size_t each = std::min(static_cast<size_t>(n), items / 2);  // the two lists share no item
  for_products(
      context, packed, table, width, [&](int64_t i, std::span<const float> effects, std::vector<int32_t>& order) {
        Effects& to = out[static_cast<size_t>(original[static_cast<size_t>(i)])];
        order.resize(items);
        std::iota(order.begin(), order.end(), 0);
        const auto value = [&](int32_t item) { return effects[static_cast<size_t>(item)]; };
        to.largest = first_of(order, each, effects,
                              [&](int32_t a, int32_t b) { return value(a) != value(b) ? value(a) > value(b) : a < b; });
        // Later indices lose a tie above and win it here, so that equal effects cannot be in both lists.
        to.smallest = first_of(order, each, effects, [&](int32_t a, int32_t b) {
          return value(a) != value(b) ? value(a) < value(b) : a > b;
        });
      });
  return out;
}

}  // namespace heddle
