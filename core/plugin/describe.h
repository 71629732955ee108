// What a component is and takes, for people: text for the terminal, pages for docs/reference/. All derived from the
// declarations; nothing is written twice. Threads: any.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/plugin/component.h"

namespace heddle {

// A table of the experiment file that the host itself owns, e.g. [split].
struct OptionTable {
  std::string heading;  // "[split]"
  std::string doc;      // paragraphs put under the heading
  Schema schema;
};

// Terminal text, lines of at most 80 columns.
std::string describe(const Component& component);
std::string describe(const OptionTable& table);

// Markdown of one kind's page: every component with its parameters.
std::string reference_page(const std::vector<const Component*>& components);
// Markdown of the experiment file's page: every table of the host.
std::string experiment_page(const std::vector<OptionTable>& tables);

// File name → text for the whole of docs/reference/: one page per kind, experiment.md, and README.md as index.
std::map<std::string, std::string> reference_pages(const std::vector<const Component*>& components,
                                                   const std::vector<OptionTable>& tables);
// Writes the pages that differ. Returns the names of those that did (so that CI can tell that they were stale).
std::vector<std::string> write_reference(const std::filesystem::path& folder,
                                         const std::map<std::string, std::string>& pages);

}  // namespace heddle
