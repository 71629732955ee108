// Reads [sweep] and [[sweep]] as grids.
#include <algorithm>

#include "core/base/error.h"
#include "core/config/config_node.h"
#include "core/config/loader.h"
#include "core/config/section_reader.h"

namespace heddle {
namespace {

constexpr size_t most_points = 10000;

std::vector<std::string> names_in(const ConfigNode& table) {
  std::vector<std::string> names;
  for (const ConfigNode& child : table.children) names.push_back(child.name);
  return names;
}

// An axis that leads nowhere would make a section of its own, and the complaint would be about that.
void check_target(const ConfigNode& root, const SweepAxis& axis, const SourcePosition& where) {
  const std::string& section = axis.path[0];
  const auto& known = section_names();
  if (std::find(known.begin(), known.end(), section) == known.end())
    wrong_use("{}'{}' of [sweep]: the experiment file has no section '{}'{} accepted: {}", where.prefix(), axis.key,
              section, hint(section, known), fmt::join(known, ", "));
  const bool one_key = axis.path.size() < 2;
  if (section == "sweep" || section == "plugins" || section == "report" || section == "extends" || one_key ||
      (section == "experiment" && axis.path.back() != "seed"))
    wrong_use("{}'{}' cannot be swept{}", where.prefix(), axis.key, one_key ? "; give a key inside it" : "");
  const ConfigNode* node = root.find(section);
  // These always hold, also when the file does not mention them.
  for (const char* name : {"experiment", "compute", "filters", "split", "activations", "evaluate"})
    if (section == name) return;
  const bool list = section == "steer" || section == "example";
  if (node == nullptr)
    wrong_use("{}'{}' of [sweep]: the experiment has no {}", where.prefix(), axis.key,
              list ? "[[" + section + "]]"
                   : "[" + section + (section == "attributes" || section == "dictionary" ? ".NAME]" : "]"));
  if ((section == "attributes" || section == "dictionary") && node->is_table() && node->find(axis.path[1]) == nullptr) {
    const std::vector<std::string> names = names_in(*node);
    wrong_use("{}'{}' of [sweep]: there is no [{}.{}]{} accepted: {}", where.prefix(), axis.key, section, axis.path[1],
              hint(axis.path[1], names), fmt::join(names, ", "));
  }
}

void collect_axes(const ConfigNode& root, const ConfigNode& node, std::vector<std::string> path, SweepGrid& axes) {
  const std::vector<std::string> last = split_key(node.name, node.where);
  path.insert(path.end(), last.begin(), last.end());
  if (node.is_table()) {
    for (const ConfigNode& child : node.children) collect_axes(root, child, path, axes);
    return;
  }
  SweepAxis axis{fmt::format("{}", fmt::join(path, ".")), std::move(path), node.children};
  if (node.kind != ConfigNode::Kind::array || node.children.empty())
    wrong_use("{}'{}' of [sweep] must be a list of at least one value", node.where.prefix(), axis.key);
  check_target(root, axis, node.where);
  for (const SweepAxis& other : axes)
    if (other.path == axis.path) wrong_use("{}'{}' of [sweep] is given twice", node.where.prefix(), axis.key);
  axes.push_back(std::move(axis));
}

}  // namespace

std::vector<SweepGrid> read_sweep(const ConfigNode& root) {
  const ConfigNode* sweep = root.find("sweep");
  if (sweep == nullptr || (sweep->kind == ConfigNode::Kind::array && sweep->children.empty())) return {SweepGrid()};
  const bool several = sweep->kind == ConfigNode::Kind::array;
  const auto refuse = [](const ConfigNode& node) {
    wrong_use("{}[sweep] must be a table of \"dotted.key\" = [values], or several of them as [[sweep]]",
              node.where.prefix());
  };
  if (!several && !sweep->is_table()) refuse(*sweep);
  std::vector<SweepGrid> grids;
  size_t points = 0;
  for (size_t i = 0; i < (several ? sweep->children.size() : 1); ++i) {
    const ConfigNode& table = several ? sweep->children[i] : *sweep;
    if (!table.is_table()) refuse(table);
    SweepGrid grid;
    for (const ConfigNode& child : table.children) collect_axes(root, child, {}, grid);
    size_t product = 1;
    for (const SweepAxis& axis : grid) {
      product *= axis.values.size();
      if (points + product > most_points)
        wrong_use("{}[sweep] has more than {} points", table.where.prefix(), most_points);
    }
    points += product;
    grids.push_back(std::move(grid));
  }
  return grids;
}

}  // namespace heddle
