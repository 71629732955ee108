# heddle_add_plugin(NAME source... [LIBRARIES lib...])
#
# Builds a Heddle plugin NAME.so from C or C++ sources against the SDK alone: hidden symbols, no unique symbols (two plugins
# must not share the SDK's inline variables), nothing undefined. In Heddle's own tree with HEDDLE_STATIC_PLUGINS the same
# sources become a static library with a renamed entry point.
set(_HEDDLE_PLUGIN_CMAKE_DIR ${CMAKE_CURRENT_LIST_DIR})
function(heddle_add_plugin name)
  cmake_parse_arguments(ARG "" "" "LIBRARIES" ${ARGN})
  if(HEDDLE_STATIC_PLUGINS)
    add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
    target_compile_definitions(${name} PRIVATE HEDDLE_STATIC_ENTRY=heddle_static_entry_${name})
    set_property(GLOBAL APPEND PROPERTY HEDDLE_STATIC_PLUGIN_NAMES ${name})
  else()
    add_library(${name} MODULE ${ARG_UNPARSED_ARGUMENTS})
    set_target_properties(${name} PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/heddle/plugins)
    target_link_options(${name} PRIVATE -Wl,-z,defs -Wl,--exclude-libs,ALL
      -Wl,--version-script=${_HEDDLE_PLUGIN_CMAKE_DIR}/heddle-plugin.map)
    set_target_properties(${name} PROPERTIES LINK_DEPENDS ${_HEDDLE_PLUGIN_CMAKE_DIR}/heddle-plugin.map)
    set_property(GLOBAL APPEND PROPERTY HEDDLE_PLUGIN_NAMES ${name})
  endif()
  set_target_properties(${name} PROPERTIES C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON POSITION_INDEPENDENT_CODE ON)
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-gnu-unique> -ffp-contract=off)
  target_link_libraries(${name} PRIVATE Heddle::sdk ${ARG_LIBRARIES})
  if(TARGET heddle_flags)
    target_link_libraries(${name} PRIVATE heddle_flags)
  endif()
endfunction()
