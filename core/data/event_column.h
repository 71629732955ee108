// EventColumn<T>: a growable array of plain numbers, for one field of millions of events. Where it differs from std::vector:
//   resize() leaves what it adds unset, so that memory which is written once is touched once;
//   a large one grows by moving its pages (mremap) instead of copying them: no moment holds it twice;
//   a large one is on huge pages where the system has them (512 times fewer page faults).
// Owns its memory; the rules of threads are those of std::vector.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace heddle {

template <class T>
class EventColumn {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  using value_type = T;
  using iterator = T*;
  using const_iterator = const T*;

  EventColumn() = default;
  explicit EventColumn(size_t n) { resize(n); }
  EventColumn(const std::vector<T>& from) { assign(from.begin(), from.end()); }
  EventColumn(const EventColumn& other) { assign(other.begin(), other.end()); }
  EventColumn(EventColumn&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)),
        mapped_(std::exchange(other.mapped_, 0)) {}
  EventColumn& operator=(EventColumn other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    std::swap(mapped_, other.mapped_);
    return *this;
  }
  ~EventColumn() {
    if (mapped_ > 0) ::munmap(data_, mapped_);
    else std::free(data_);
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  T& back() { return data_[size_ - 1]; }
  const T& back() const { return data_[size_ - 1]; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }

  void clear() { size_ = 0; }
  void reserve(size_t n) {
    if (n > capacity_) reallocate(n);
  }
  void resize(size_t n) {
    if (n > capacity_) reallocate(std::max(n, capacity_ * 2));
    size_ = n;
  }
  // n more elements, unset; returns the first.
  T* extend(size_t n) {
    resize(size_ + n);
    return data_ + (size_ - n);
  }
  void push_back(T value) { *extend(1) = value; }
  template <class Iterator>
  void assign(Iterator first, Iterator last) {
    resize(static_cast<size_t>(last - first));
    std::copy(first, last, data_);
  }

  friend bool operator==(const EventColumn& a, const EventColumn& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  // Whole huge pages, so that the kernel keeps large blocks aligned to them and moves them as a whole.
  static constexpr size_t huge_page = size_t{2} << 20;

  void reallocate(size_t n) {
    if (n > SIZE_MAX / 4 / sizeof(T)) throw std::bad_alloc();
    if (n * sizeof(T) < huge_page && mapped_ == 0) {
      void* grown = std::realloc(static_cast<void*>(data_), n * sizeof(T));
      if (grown == nullptr) throw std::bad_alloc();
      data_ = static_cast<T*>(grown);
      capacity_ = n;
      return;
    }
    const size_t bytes = (n * sizeof(T) + huge_page - 1) / huge_page * huge_page;
    void* grown = mapped_ > 0 ? ::mremap(static_cast<void*>(data_), mapped_, bytes, MREMAP_MAYMOVE)
                              : ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (grown == MAP_FAILED) throw std::bad_alloc();
    ::madvise(grown, bytes, MADV_HUGEPAGE);  // a hint: a system without huge pages refuses it, and nothing is lost
    if (mapped_ == 0 && data_ != nullptr) {
      std::copy_n(data_, size_, static_cast<T*>(grown));
      std::free(data_);
    }
    data_ = static_cast<T*>(grown);
    capacity_ = bytes / sizeof(T);
    mapped_ = bytes;
  }

  T* data_ = nullptr;
  size_t size_ = 0, capacity_ = 0;
  size_t mapped_ = 0;  // bytes; 0: from malloc
};

}  // namespace heddle
