// OrderedWork<Piece>: pieces are fetched one after the other, worked on by several threads and handed out in the order
// of fetching, so that nobody can see how many threads there are. The caller's thread works too; with one thread there
// is no other, and where the system makes fewer than asked for, those do. At most threads + 2 pieces exist at a time.
//
// fetch(piece) runs under a lock and returns false at the end; work(piece) on any thread. What they throw is thrown by
// next() in that piece's place.
#pragma once

#include <signal.h>

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace heddle::plugins {

template <class Piece>
class OrderedWork {
 public:
  OrderedWork(int threads, std::function<bool(Piece&)> fetch, std::function<void(Piece&)> work)
      : fetch_(std::move(fetch)), work_(std::move(work)), slots_(static_cast<std::size_t>(threads) + 2) {
    helpers_.reserve(slots_.size());
    // Helpers take no signals: handlers run on the threads of whoever installed them.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      for (int i = 1; i < threads; ++i) helpers_.emplace_back([this] { help(); });
    } catch (const std::exception&) {
      // No more threads to be had: the caller, and those there are, do the same work.
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  ~OrderedWork() {
    {
      std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    for (std::thread& helper : helpers_) helper.join();
  }
  OrderedWork(const OrderedWork&) = delete;
  OrderedWork& operator=(const OrderedWork&) = delete;

  // The next piece, valid until the next call; null at the end.
  Piece* next() {
    std::unique_lock lock(mutex_);
    if (handed_out_) ++taken_, changed_.notify_all();
    handed_out_ = false;
    for (;;) {
      if (taken_ < fetched_ && slot(taken_).done) break;
      if (ended_ && taken_ == fetched_) return nullptr;
      if (may_fetch()) {
        lock.unlock();
        step();
        lock.lock();
      } else {
        changed_.wait(lock);
      }
    }
    handed_out_ = true;
    Slot& ready = slot(taken_);
    if (ready.failure != nullptr) std::rethrow_exception(ready.failure);
    return &ready.piece;
  }

 private:
  struct Slot {
    Piece piece;
    bool done = false;
    std::exception_ptr failure;
  };
  Slot& slot(std::size_t number) { return slots_[number % slots_.size()]; }
  bool may_fetch() const { return !ended_ && fetched_ < taken_ + slots_.size(); }

  void help() {
    std::unique_lock lock(mutex_);
    while (!ended_) {
      if (may_fetch()) {
        lock.unlock();
        step();
        lock.lock();
      } else {
        changed_.wait(lock);
      }
    }
  }

  // Fetches a piece and works on it, if there is room for one.
  void step() {
    Slot* claimed = nullptr;
    {
      std::lock_guard fetching(fetch_mutex_);
      {
        std::lock_guard lock(mutex_);
        if (!may_fetch()) return;
        claimed = &slot(fetched_);
      }
      bool more = false;
      claimed->done = false;
      claimed->failure = nullptr;
      try {
        more = fetch_(claimed->piece);
      } catch (...) {
        claimed->failure = std::current_exception();
      }
      std::lock_guard lock(mutex_);
      if (!more) ended_ = true;
      if (!more && claimed->failure == nullptr) claimed = nullptr;
      else ++fetched_;
    }
    if (claimed == nullptr) return changed_.notify_all();
    if (claimed->failure == nullptr) {
      try {
        work_(claimed->piece);
      } catch (...) {
        claimed->failure = std::current_exception();
      }
    }
    {
      std::lock_guard lock(mutex_);
      claimed->done = true;
    }
    changed_.notify_all();
  }

  std::function<bool(Piece&)> fetch_;
  std::function<void(Piece&)> work_;
  std::vector<Slot> slots_;
  std::mutex fetch_mutex_;  // one fetches
  std::mutex mutex_;        // of what follows; taken inside of fetch_mutex_, never around it
  std::condition_variable changed_;
  std::size_t fetched_ = 0, taken_ = 0;  // pieces that were fetched; that were handed out and are done with
  bool ended_ = false, handed_out_ = false;
  std::vector<std::thread> helpers_;
};

}  // namespace heddle::plugins
