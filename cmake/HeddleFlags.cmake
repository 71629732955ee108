# One INTERFACE target carries warnings, determinism flags and sanitizers. It never reaches an installed target.
add_library(heddle_flags INTERFACE)
target_compile_options(heddle_flags INTERFACE
  -Wall -Wextra -Wpedantic
  $<$<COMPILE_LANGUAGE:CXX>:-Wshadow>
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>
  # Designated initialisers that leave later ABI fields at zero are the normal way to fill a table.
  $<$<COMPILE_LANGUAGE:CXX>:-Wno-missing-field-initializers>
  # GCC 12 sees overlapping copies inside std::string's operator+ that are not there (its bug 105651).
  $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-restrict>
  # Without this, a*b+c may be fused where the target has FMA, which changes bits (docs/determinism.md).
  -ffp-contract=off)
if(HEDDLE_WERROR)
  target_compile_options(heddle_flags INTERFACE -Werror)
endif()
if(HEDDLE_SANITIZE)
  target_compile_options(heddle_flags INTERFACE -fsanitize=${HEDDLE_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(heddle_flags INTERFACE -fsanitize=${HEDDLE_SANITIZE})
  if(HEDDLE_SANITIZE MATCHES "undefined")
    # A report must fail the test that caused it.
    target_compile_options(heddle_flags INTERFACE -fno-sanitize-recover=undefined)
  endif()
endif()
