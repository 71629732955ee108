// The data of the feature browser: everything about every feature of some dictionaries, compact. Items are numbered anew, so
// that only titles that the page can show are in it. [one thread]
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "core/report/score_figures.h"

namespace heddle {

// {"dictionaries": [{"name", "site", "points", "metrics", "by", "attributes", "bins", "absent": {…},
//    "rate": […], "mean": […], "max": […], "attr": [[a, m1, m2, …, a, …]], "items": [[item, activation, points, …]],
//    "hist": [[…]], "present": {FEATURE: [[a, n, n, …]]}, "seq": [[[user, first, [item…], [activation…]]]],
//    "up": [[item, effect, …]], "down": …, "like": [[feature, cosine, …]]}],
//  "ids": […], "titles": […], "labels": [[l…]], "label_names": […]}     one entry per item that is shown
// Lists of one feature are flat to keep the page small.
nlohmann::ordered_json browser_json(const std::vector<Interpreted>& dictionaries, const Focus& focus);

}  // namespace heddle
