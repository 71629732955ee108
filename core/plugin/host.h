// The heddle_host that every plugin of this process is given: log lines and progress go to the console, cancellation
// comes from it, services are looked up by id. Threads: any. Lives until the process ends.
#pragma once

#include <string>

#include "heddle/abi.h"

namespace heddle {

const heddle_host& host();

// Makes a service available to plugins under "vendor.name/revision". The table must live as long as the process; a
// second registration of an id is a bug and throws.
void register_service(const std::string& id, const void* table);

}  // namespace heddle
