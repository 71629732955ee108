// What a case of threads_test.cc is: ops of one or more slots at shapes beyond their blocks, and everything they write.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "tests/ops/fixture.h"

namespace heddle::testing {

// Everything that a case has written, in order.
class Bits {
 public:
  template <class T>
  void add(const Guarded<T>& tensor) {
    append(tensor.data(), static_cast<size_t>(tensor.size()) * sizeof(T));
  }
  template <class T>
  void add(T scalar) {
    static_assert(std::is_arithmetic_v<T>);
    append(&scalar, sizeof scalar);
  }
  void add(const heddle_codes& codes) {
    const auto nnz = static_cast<size_t>(codes.nnz);
    append(codes.offsets, static_cast<size_t>(codes.rows + 1) * sizeof *codes.offsets);
    append(codes.indices, nnz * sizeof *codes.indices);
    append(codes.values, nnz * sizeof *codes.values);
    if (codes.pre != nullptr) append(codes.pre, nnz * sizeof *codes.pre);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void append(const void* data, size_t size) { bytes_.append(static_cast<const char*>(data), size); }
  std::string bytes_;
};

class Codes {
 public:
  explicit Codes(Context& context) : context_(context), codes_(context.create_codes()) {}
  ~Codes() { context_.ops().codes_destroy(context_.handle(), codes_); }
  Codes(const Codes&) = delete;
  Codes& operator=(const Codes&) = delete;
  operator heddle_codes*() const { return codes_; }
  const heddle_codes& operator*() const { return *codes_; }
  const heddle_codes* operator->() const { return codes_; }

 private:
  Context& context_;
  heddle_codes* codes_;
};

struct Slot {
  const char* name;
  size_t offset;  // in heddle_ops
};
#define HEDDLE_SLOT(name) \
  ::heddle::testing::Slot { #name, offsetof(heddle_ops, name) }

struct ThreadsCase {
  std::string name;  // letters, digits, underscores
  std::vector<Slot> slots;
  std::function<void(Context&, Bits&)> run;
};

std::vector<ThreadsCase> dense_cases();      // threads_dense_cases.cc
std::vector<ThreadsCase> attention_cases();  // threads_dense_cases.cc
std::vector<ThreadsCase> row_cases();        // threads_row_cases.cc
std::vector<ThreadsCase> sparse_cases();     // threads_sparse_cases.cc
std::vector<ThreadsCase> sampled_cases();    // threads_sparse_cases.cc

}  // namespace heddle::testing
