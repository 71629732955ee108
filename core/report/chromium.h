// A headless browser that draws a page, where one is installed: Chromium or a relative. [one thread]
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace heddle {

// HEDDLE_CHROMIUM, else the first of chromium, chromium-browser, google-chrome, google-chrome-stable in PATH.
std::optional<std::filesystem::path> find_chromium();

// The document of `page` after its scripts have run. `seconds`: how long it may take. HEDDLE_CANCELLED when the user stops it,
// FAILED_PRECONDITION with the end of what the browser said when it fails or takes too long.
std::string document_after_scripts(const std::filesystem::path& chromium, const std::filesystem::path& page,
                                   int seconds);

}  // namespace heddle
