// How many threads a stage outside the compute device may use: reading and sorting of data. Set once from [compute]
// threads before the stage; all that the process may use until then. Never changes a result. Any thread.
//
// Threads that Heddle makes take no signals: handlers run on the threads of whoever installed them.
#pragma once

#include <signal.h>

#include <cstdint>
#include <functional>

namespace heddle {

// Processors that this process may use (affinity mask, not the machine's count).
int available_processors();

// 0: all that the process may use.
void set_threads(int64_t threads);
int32_t threads();

// While it lives the calling thread takes no signals, nor do the threads that it makes, from then on.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

// work() on so many threads, the caller's among them, or on fewer where the system makes no more: work() takes its
// share from what is left, whoever else does. Returns when all are done. Throws the first exception of any.
void run_on_threads(int64_t count, const std::function<void()>& work);

// What the host service "heddle.threads/1" points to: threads(), kept up to date by set_threads().
const int32_t* threads_address();

}  // namespace heddle
