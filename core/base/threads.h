// How many threads a stage outside the compute device may use: reading and sorting of data. Set once from [compute]
// threads before the stage; all that the process may use until then. Never changes a result. Any thread.
#pragma once

#include <cstdint>
#include <functional>

namespace heddle {

// 0: all that the process may use.
void set_threads(int64_t threads);
int32_t threads();

// work() on so many threads, the caller's among them; returns when all are done. Throws the first exception of any.
void run_on_threads(int64_t count, const std::function<void()>& work);

// What the host service "heddle.threads/1" points to: threads(), kept up to date by set_threads().
const int32_t* threads_address();

}  // namespace heddle
