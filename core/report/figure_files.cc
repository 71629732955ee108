#include "core/report/figure_files.h"

#include <unistd.h>

#include <array>

#include "core/base/error.h"
#include "core/report/chromium.h"
#include "core/report/page.h"
#include "core/store/atomic_file.h"

namespace heddle {

namespace fs = std::filesystem;

namespace {

constexpr int most_seconds = 120;

std::string from_base64(std::string_view text) {
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (char c : text) {
    uint32_t value = 0;
    if (c >= 'A' && c <= 'Z') value = static_cast<uint32_t>(c - 'A');
    else if (c >= 'a' && c <= 'z') value = static_cast<uint32_t>(c - 'a') + 26;
    else if (c >= '0' && c <= '9') value = static_cast<uint32_t>(c - '0') + 52;
    else if (c == '+') value = 62;
    else if (c == '/') value = 63;
    else continue;
    bits = bits << 6 | value;
    if ((count += 6) >= 8) out += static_cast<char>(bits >> (count -= 8) & 0xFF);
  }
  return out;
}

// The value of an attribute of a tag, "" without it.
std::string attribute_of(std::string_view tag, const std::string& name) {
  const size_t at = tag.find(name + "=\"");
  if (at == std::string_view::npos) return "";
  const size_t begin = at + name.size() + 2;
  return std::string(tag.substr(begin, tag.find('"', begin) - begin));
}

// A folder for the browser's files that goes with the object.
class Scratch {
 public:
  Scratch() {
    std::string pattern = (fs::temp_directory_path() / "heddle-figures-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr)
      fail(HEDDLE_FAILED_PRECONDITION, "cannot make a folder in {}", fs::temp_directory_path().string());
    path_ = pattern;
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace

std::vector<std::pair<std::string, std::string>> drawn_figures(const std::string& document) {
  std::vector<std::pair<std::string, std::string>> out;
  const std::string start = "<pre data-figure=";
  for (size_t at = document.find(start); at != std::string::npos; at = document.find(start, at + 1)) {
    const size_t end = document.find('>', at), close = document.find("</pre>", at);
    if (end == std::string::npos || close == std::string::npos) break;
    const std::string tag = document.substr(at, end - at), id = attribute_of(tag, "data-figure");
    const std::string svg = from_base64(std::string_view(document).substr(end + 1, close - end - 1));
    if (svg.empty())
      fail(HEDDLE_FAILED_PRECONDITION, "the browser could not draw {}: {}", id, attribute_of(tag, "data-error"));
    out.emplace_back(id, svg);
  }
  return out;
}

FigureFiles write_figure_files(const fs::path& folder, const std::vector<Figure>& figures) {
  FigureFiles files;
  fs::create_directories(folder);
  size_t pictures = 0;
  for (const Figure& figure : figures) {
    if (!figure.absent.empty()) continue;
    pictures += figure.spec.empty() ? 0 : 1;
    files.tables.push_back(folder / (figure.id + ".csv"));
    write_file(files.tables.back(), figure_csv(figure));
  }
  if (pictures == 0) {
    files.absent = "these runs hold no figure";
    return files;
  }
  const auto chromium = find_chromium();
  if (!chromium) {
    files.absent =
        "SVG needs a browser: install Debian's chromium, or name one in HEDDLE_CHROMIUM; the CSV files are written";
    return files;
  }
  const Scratch scratch;
  const fs::path page = scratch.path() / "figures.html";
  write_file(page, figures_page(figures));
  const auto drawn = drawn_figures(document_after_scripts(*chromium, page, most_seconds));
  if (drawn.size() != pictures)
    fail(HEDDLE_FAILED_PRECONDITION, "{} drew {} of {} figures", chromium->string(), drawn.size(), pictures);
  for (const auto& [id, svg] : drawn) {
    files.pictures.push_back(folder / (id + ".svg"));
    write_file(files.pictures.back(), svg + "\n");
  }
  return files;
}

}  // namespace heddle
