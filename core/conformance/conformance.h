// The conformance kit: what every plugin must do, whatever it computes. `heddle plugins check FILE.so`.
//
// Each check runs in a forked child with a time limit, so that a crash, a hang or a stray write is a failed check with
// a reason and not the end of the program; the parent never loads the plugin. Buffers that a plugin writes end at guard
// pages, what it may only read is write-protected. The method of each check stands with it in core/conformance/*.cc;
// what an author must know is in sdk/conformance/README.md.
//
// This is a room of the host and not part of sdk/: it drives plugins as the host does, with the host's loader,
// validation, CPU device and safetensors, on which the SDK must not depend.
//
// Threads: [main], and no other thread may run (fork). Errors: faults of the plugin are rows of the report, not
// exceptions.
#pragma once

#include <filesystem>
#include <iosfwd>
#include <map>
#include <string>

namespace heddle {

struct CheckOptions {
  double time_limit = 60;  // seconds per check
  std::string component;   // only this id; empty = all
  std::string check;       // only checks whose name contains this; empty = all
  bool json = false;       // one JSON object instead of the table
  // Parameters to use instead of defaults, where a component has one of this name: sources need a file to be checked
  // on.
  std::map<std::string, std::string> given;
};

// Writes the report; 0 when every check passed or was skipped, 1 when one failed.
int check_plugin(const std::filesystem::path& file, const CheckOptions& options, std::ostream& out);

}  // namespace heddle
