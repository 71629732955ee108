// A program with Heddle inside: what a recommendation service would do.
//
//   embed                      lists all components that can be found (HEDDLE_PLUGIN_PATH adds to them)
//   embed RUN ITEM [ITEM …]    opens a finished run and recommends after this history of raw item ids, oldest first
//
// A run is opened once and then used for many requests, from one thread. Features are steered by
// RecommendRequest::sliders.
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/pipeline/run_view.h"
#include "core/plugin/registry.h"

namespace {

void list_components(const heddle::Registry& registry) {
  for (const heddle::Component* component : registry.all())
    std::printf("%-16.*s %-32s %s\n", static_cast<int>(heddle::kind_name(component->kind).size()),
                heddle::kind_name(component->kind).data(), component->id.c_str(), component->doc.c_str());
}

void recommend(const heddle::Registry& registry, const char* folder, const std::vector<std::string>& history) {
  heddle::RunView run(folder, registry);
  const heddle::Catalogue& catalogue = run.items().catalogue;
  heddle::RecommendRequest request;
  for (const std::string& id : history) {
    const int32_t item = catalogue.find(id);
    if (item < 0) throw heddle::Error(HEDDLE_NOT_FOUND, "no item " + id + " in the catalogue");
    request.history.push_back(item);
  }
  for (const heddle::RecommendedItem& entry : run.recommend(request))
    std::printf("%8.3f  %s  %s\n", static_cast<double>(entry.score),
                catalogue.raw_ids[static_cast<size_t>(entry.item)].c_str(), catalogue.title(entry.item).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const heddle::Registry registry;
    if (argc == 1) list_components(registry);
    else recommend(registry, argv[1], {argv + 2, argv + argc});
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "embed: %s\n", error.what());
    return 1;
  }
}
