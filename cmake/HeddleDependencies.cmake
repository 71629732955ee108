# Debian 12 packages only; ./dev installs them (see `packages` there).
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(Boost 1.74 REQUIRED COMPONENTS program_options)
find_package(ZLIB REQUIRED)
find_library(HEDDLE_HWY_LIBRARY hwy REQUIRED)
find_library(HEDDLE_HWY_CONTRIB_LIBRARY hwy_contrib REQUIRED)  # its sort
find_path(HEDDLE_DLPACK_INCLUDE dlpack/dlpack.h REQUIRED)
# Vega as Debian's libjs-vega has it: one file per module, put into the report's pages (core/report).
find_path(HEDDLE_VEGA_DIR vega-view.min.js PATHS /usr/share /usr/local/share PATH_SUFFIXES javascript/vega REQUIRED)
