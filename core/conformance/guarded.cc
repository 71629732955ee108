#include "core/conformance/guarded.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "core/base/error.h"
#include "core/conformance/child.h"

namespace heddle::conformance {
namespace {

constexpr unsigned char pattern = 0xA5;
constexpr size_t alignment = 64;

size_t rounded(size_t value, size_t to) { return (value + to - 1) / to * to; }

}  // namespace

Guarded::Guarded(size_t bytes) : page_(static_cast<size_t>(sysconf(_SC_PAGESIZE))), bytes_(bytes) {
  const size_t body = rounded(bytes, page_);
  mapped_ = body + 2 * page_;
  void* memory = mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail(HEDDLE_RESOURCE_EXHAUSTED, "out of memory for {} guarded bytes", bytes);
  mapping_ = static_cast<char*>(memory);
  if (body > 0) mprotect(mapping_ + page_, body, PROT_READ | PROT_WRITE);
  // As near to the page behind as alignment allows.
  data_ = mapping_ + page_ + body - rounded(bytes, alignment);
  if (body > 0) std::memset(mapping_ + page_, pattern, body);
}

Guarded::~Guarded() { munmap(mapping_, mapped_); }

void Guarded::protect(bool read_only) {
  if (mapped_ > 2 * page_)
    mprotect(mapping_ + page_, mapped_ - 2 * page_, read_only ? PROT_READ : PROT_READ | PROT_WRITE);
}

void Guarded::check(const char* what) const {
  const auto* end = reinterpret_cast<const unsigned char*>(data_) + bytes_;
  const auto* stop = reinterpret_cast<const unsigned char*>(mapping_) + mapped_ - page_;
  for (const auto* at = end; at < stop; ++at) {
    if (*at != pattern) fail_check("wrote {} bytes past the end of {}", at - end + 1, what);
  }
  for (const auto* at = reinterpret_cast<const unsigned char*>(mapping_) + page_;
       at < reinterpret_cast<unsigned char*>(data_); ++at) {
    if (*at != pattern) fail_check("wrote before the beginning of {}", what);
  }
}

GuardedTensor::GuardedTensor(DType type, std::vector<int64_t> shape) : shape_(std::move(shape)) {
  size_t size = dtype_size(type);
  for (int64_t extent : shape_) size *= static_cast<size_t>(extent);
  memory_ = std::make_unique<Guarded>(size);
  if (size > 0) std::memset(memory_->data(), 0xFF, size);  // as f32 or f64: NaN
  view_ = TensorView(memory_->data(), type, shape_, DLDevice{kDLCPU, 0});
}

void GuardedTensor::zero() {
  if (bytes() > 0) std::memset(memory_->data(), 0, bytes());
}

}  // namespace heddle::conformance
