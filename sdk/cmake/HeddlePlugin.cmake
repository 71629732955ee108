# heddle_add_plugin(NAME source... [LIBRARIES lib...] [OUTPUT_DIRECTORY dir] [MODULE])
#
# Builds a Heddle plugin NAME.so from C or C++ sources against the SDK alone: hidden symbols, one exported symbol, no unique
# symbols (two plugins must not share the SDK's inline variables), nothing undefined.
#
#   LIBRARIES         what else to link
#   OUTPUT_DIRECTORY  where NAME.so goes; default: <build>/plugins, in Heddle's own tree <build>/lib/heddle/plugins
#   MODULE            a shared library also where HEDDLE_STATIC_PLUGINS is on (see below)
#
# With HEDDLE_STATIC_PLUGINS (Heddle's own sanitizer builds) the same sources become a static library whose entry point has a
# name of its own, and the host links them in: cmake/HeddleBuiltin.cmake.
set(_HEDDLE_PLUGIN_MAP ${CMAKE_CURRENT_LIST_DIR}/heddle-plugin.map)

function(heddle_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "MODULE" "OUTPUT_DIRECTORY" "LIBRARIES")
  if(NOT arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "heddle_add_plugin(${name}): no source files given")
  endif()
  if(HEDDLE_STATIC_PLUGINS AND NOT arg_MODULE)
    add_library(${name} STATIC ${arg_UNPARSED_ARGUMENTS})
    target_compile_definitions(${name} PRIVATE HEDDLE_STATIC_ENTRY=heddle_static_entry_${name})
    set_property(GLOBAL APPEND PROPERTY HEDDLE_STATIC_PLUGIN_NAMES ${name})
  else()
    add_library(${name} MODULE ${arg_UNPARSED_ARGUMENTS})
    if(arg_OUTPUT_DIRECTORY)
      set(directory ${arg_OUTPUT_DIRECTORY})
    elseif(HEDDLE_PLUGIN_DIR) # only set in Heddle's own tree
      set(directory ${CMAKE_BINARY_DIR}/${HEDDLE_PLUGIN_DIR})
      set_property(GLOBAL APPEND PROPERTY HEDDLE_PLUGIN_NAMES ${name})
    else()
      set(directory ${CMAKE_BINARY_DIR}/plugins)
    endif()
    set_target_properties(${name} PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${directory}
      LINK_DEPENDS ${_HEDDLE_PLUGIN_MAP})
    target_link_options(${name} PRIVATE -Wl,-z,defs -Wl,--exclude-libs,ALL -Wl,--version-script=${_HEDDLE_PLUGIN_MAP})
  endif()
  set_target_properties(${name} PROPERTIES C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON POSITION_INDEPENDENT_CODE ON)
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-gnu-unique> -ffp-contract=off)
  target_link_libraries(${name} PRIVATE Heddle::sdk ${arg_LIBRARIES})
  if(TARGET heddle_flags)
    target_link_libraries(${name} PRIVATE heddle_flags)
  endif()
endfunction()
