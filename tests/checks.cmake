# Tests of the tree itself, label "check": layers, format, headers, images, clang-tidy. They say
# nothing about a sanitizer build that the plain one has not said, so they run there only.
if(ANATOME_SANITIZE)
  return()
endif()

set(ANATOME_TOOLS ${PROJECT_SOURCE_DIR}/tools)
function(ana_check name)
  add_test(NAME check.${name} COMMAND ${ARGN})
  set_tests_properties(check.${name} PROPERTIES LABELS check SKIP_RETURN_CODE 77 TIMEOUT 300)
endfunction()

ana_check(layers ${ANATOME_TOOLS}/check-layers)
ana_check(layers_selftest ${ANATOME_TOOLS}/check-layers --selftest)
ana_check(format ${ANATOME_TOOLS}/check-format)
ana_check(headers ${ANATOME_TOOLS}/check-headers ${CMAKE_C_COMPILER})
ana_check(images ${ANATOME_TOOLS}/check-images)
ana_check(images_selftest ${ANATOME_TOOLS}/check-images --selftest)
ana_check(tidy ${ANATOME_TOOLS}/check-tidy ${PROJECT_BINARY_DIR})
set_tests_properties(check.tidy PROPERTIES TIMEOUT 900)
