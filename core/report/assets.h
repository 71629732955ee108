// The files under core/report/assets and the Vega modules of Debian's libjs-vega, as they were when libheddle was built
// (cmake/HeddleEmbed.cmake): an installed program needs neither. Lives as long as the program. [any thread]
#pragma once

#include <string_view>

namespace heddle {

// By path below assets/ ("page.css", "specs/fig2.json") or by module ("vega/vega-util"). Empty when there is none.
std::string_view report_asset(std::string_view name);

}  // namespace heddle
