# Installs two components.
#   sdk   headers of the boundary and find_package(Heddle): all that a plugin author needs, on any machine
#   host  bin/heddle, libheddle and its headers (include/heddle-host), the in-tree plugins, configs and documents
# The prefix may be moved afterwards: everything inside finds the rest relative to itself.
include(CMakePackageConfigHelpers)
set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Heddle)
set(data_dir ${CMAKE_INSTALL_DATADIR}/heddle)

# -- sdk --
install(DIRECTORY sdk/include/heddle DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT sdk)
install(TARGETS heddle_sdk EXPORT HeddleSdkTargets COMPONENT sdk)
install(EXPORT HeddleSdkTargets NAMESPACE Heddle:: DESTINATION ${config_dir} COMPONENT sdk)
configure_package_config_file(sdk/cmake/HeddleConfig.cmake.in HeddleConfig.cmake INSTALL_DESTINATION ${config_dir}
  PATH_VARS CMAKE_INSTALL_BINDIR HEDDLE_PLUGIN_DIR)
# Before 1.0 a minor version may break the C++ layer; the C ABI has a version of its own.
write_basic_package_version_file(HeddleConfigVersion.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES sdk/cmake/HeddlePlugin.cmake sdk/cmake/heddle-plugin.map
  ${CMAKE_BINARY_DIR}/HeddleConfig.cmake ${CMAKE_BINARY_DIR}/HeddleConfigVersion.cmake
  DESTINATION ${config_dir} COMPONENT sdk)
install(FILES sdk/conformance/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME conformance.md COMPONENT sdk)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT sdk)

# -- host --
install(TARGETS heddle_core EXPORT HeddleHostTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT host)
install(EXPORT HeddleHostTargets NAMESPACE Heddle:: DESTINATION ${config_dir} COMPONENT host)
install(TARGETS heddle RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT host)
install(DIRECTORY core DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/heddle-host COMPONENT host
  FILES_MATCHING PATTERN "*.h" PATTERN "cli" EXCLUDE)
get_property(plugin_names GLOBAL PROPERTY HEDDLE_PLUGIN_NAMES)
if(plugin_names)
  install(TARGETS ${plugin_names} LIBRARY DESTINATION ${HEDDLE_PLUGIN_DIR} COMPONENT host)
endif()
install(DIRECTORY sdk/templates configs DESTINATION ${data_dir} COMPONENT host)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT host)
