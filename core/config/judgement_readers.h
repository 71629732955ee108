// Reads [probe], [[example]] and [report]. The experiment has its dictionaries, attributes and [interpret] read
// already: names are checked against them. Internal to core/config. [any thread] Errors: wrong_use.
#pragma once

#include "core/config/example.h"
#include "core/config/probe.h"
#include "core/config/report_options.h"
#include "core/config/section_reader.h"

namespace heddle {

// Options as plain data, and the values in canonical form for the record and for keys.
template <class Options>
struct TableRead {
  Options options;
  nlohmann::ordered_json resolved;
  nlohmann::json numeric;
};

TableRead<ProbeOptions> read_probe(const SectionReader& reader, const ConfigNode& section,
                                   const Experiment& experiment);
TableRead<ExampleOptions> read_example(const SectionReader& reader, const ConfigNode& section,
                                       const Experiment& experiment);
TableRead<ReportOptions> read_report(const SectionReader& reader, const ConfigNode& section,
                                     const Experiment& experiment);

}  // namespace heddle
