// Interactions: a source of (user, item, time, value) events, block by block in the order of the file.
//
//   Carries open();                    // opens the source, says what it carries; main thread
//   bool next(Events& block);          // adds the next events, some thousands at a time; false: these were the last
//   std::string fingerprint() const;   // a text that changes whenever the events could; called before next
// The host filters, splits and encodes ids. next() and fingerprint() run on one worker thread at a time.
#pragma once

#include "plugin.hpp"
#include "text_file.hpp"

namespace heddle::sdk {

// What the stream carries. Ids are all integers or all texts, per column.
struct Carries {
  bool text_users = false, text_items = false;
  bool time = true, value = true;  // false: the host fills in the event's position / 1.0
  int64_t expected_events = 0;     // a hint, 0 = unknown
};

// The block being filled. Its memory is used again for the next one.
class Events {
 public:
  // Integer or text ids, as Carries said.
  template <class User, class Item>
  void add(const User& user, const Item& item, int64_t time = 0, double value = 1) {
    users_.add(user);
    items_.add(item);
    times_.push_back(time);
    values_.push_back(value);
  }
  // Columns of n more events of integer ids, for sources that read many at once: to be filled by the caller, valid until
  // the next change. drop(n) takes the last n back.
  struct Rows {
    int64_t *users, *items, *times;
    double* values;
  };
  Rows grow(int64_t n) {
    const std::size_t first = times_.size(), last = first + static_cast<std::size_t>(n);
    users_.numbers.resize(last);
    items_.numbers.resize(last);
    times_.resize(last);
    values_.resize(last);
    return {users_.numbers.data() + first, items_.numbers.data() + first, times_.data() + first,
            values_.data() + first};
  }
  void drop(int64_t n) {
    const std::size_t last = times_.size() - static_cast<std::size_t>(n);
    users_.numbers.resize(last);
    items_.numbers.resize(last);
    times_.resize(last);
    values_.resize(last);
  }
  // Gives the events the times first, first + 1, … (sources without times).
  void number_times(int64_t first) {
    for (int64_t& time : times_) time = first++;
  }
  // A row that was left out because it could not be read; the host reports the sum.
  void skip_bad_row() { ++bad_rows_; }
  int64_t size() const { return static_cast<int64_t>(times_.size()); }
  int64_t bad_rows() const { return bad_rows_; }

  void clear() {
    users_.clear();
    items_.clear();
    times_.clear();
    values_.clear();
    bad_rows_ = 0;
  }
  heddle_event_block raw(const Carries& c) const {
    return {sizeof(heddle_event_block),
            0,
            size(),
            c.text_users ? nullptr : users_.numbers.data(),
            c.text_items ? nullptr : items_.numbers.data(),
            c.text_users ? users_.ends.data() : nullptr,
            c.text_items ? items_.ends.data() : nullptr,
            c.text_users ? users_.bytes.data() : nullptr,
            c.text_items ? items_.bytes.data() : nullptr,
            times_.data(),
            values_.data(),
            bad_rows_};
  }
  // True when every id so far is of the promised sort.
  bool consistent(const Carries& c) const {
    return users_.count(c.text_users) == size() && items_.count(c.text_items) == size();
  }

 private:
  struct Ids {
    std::vector<int64_t> numbers;
    std::vector<uint64_t> ends{0};
    std::string bytes;
    void add(std::integral auto id) { numbers.push_back(static_cast<int64_t>(id)); }
    void add(std::string_view id) {
      bytes += id;
      ends.push_back(bytes.size());
    }
    int64_t count(bool text) const { return static_cast<int64_t>(text ? ends.size() - 1 : numbers.size()); }
    void clear() {
      numbers.clear();
      ends.resize(1);
      bytes.clear();
    }
  };
  Ids users_, items_;
  std::vector<int64_t> times_;
  std::vector<double> values_;
  int64_t bad_rows_ = 0;
};

template <class Self>
class Interactions;

namespace detail {
template <class Self>
struct InteractionsTable {
  // The base's own members, also where Self has some of the same name.
  static Interactions<Self>& base(Interactions<Self>* self) { return *self; }
  static int32_t open(const heddle_host* host, const heddle_values* values, heddle_interactions** out,
                      heddle_error* error) noexcept {
    return make<Self>(host, values, out, error, [host](Self& self) {
      if (host != nullptr && host->service != nullptr)
        if (const void* threads = host->service(host->self, "heddle.threads/1"); threads != nullptr)
          base(&self).threads_ = *static_cast<const int32_t*>(threads);
      base(&self).carries_ = self.open();
    });
  }
  static int32_t info(heddle_interactions* s, heddle_interactions_info* out, heddle_error*) noexcept {
    const Carries& c = base(&self_of<Self>(s)).carries_;
    *out = {sizeof *out,
            0,
            c.text_users ? HEDDLE_ID_STRING : HEDDLE_ID_INT,
            c.text_items ? HEDDLE_ID_STRING : HEDDLE_ID_INT,
            c.time,
            c.value,
            c.expected_events};
    return HEDDLE_OK;
  }
  static int32_t next(heddle_interactions* s, heddle_event_block* out, heddle_error* error) noexcept {
    return guarded(error, [&] {
      Self& self = self_of<Self>(s);
      Events& events = base(&self).events_;
      const Carries& carries = base(&self).carries_;
      // A block of count 0 means the end, so blocks that hold nothing but bad rows are joined to the next one.
      events.clear();
      bool& more = base(&self).more_;
      while (more && events.size() == 0) {
        self.host.stop_if_cancelled();
        more = self.next(events);
      }
      if (!events.consistent(carries))
        raise(HEDDLE_INTERNAL, "events mix integer and text ids, or are not of the sort that open() promised");
      *out = events.raw(carries);
    });
  }
  static int32_t fingerprint(heddle_interactions* s, char* text, uint64_t capacity, heddle_error* error) noexcept {
    return guarded(error, [&] { put_text(self_of<Self>(s).fingerprint(), text, capacity); });
  }
  static constexpr heddle_interactions_vtable table() {
    return {
        sizeof(heddle_interactions_vtable), 0, &open, &destroy<Self, heddle_interactions>, &info, &next, &fingerprint};
  }
};
}  // namespace detail

template <class Self>
class Interactions : public Component {
 public:
  static constexpr int32_t kind = HEDDLE_KIND_INTERACTIONS;
  template <class S>
  static constexpr heddle_interactions_vtable vtable = detail::InteractionsTable<S>::table();

 protected:
  // How many threads next() may use, the caller's among them. From open() on. No number of them may change an event.
  int threads() const { return threads_; }

 private:
  friend detail::InteractionsTable<Self>;
  Carries carries_;
  Events events_;
  bool more_ = true;
  int threads_ = 1;
};

}  // namespace heddle::sdk
