# cli.kill_resume makes its own data set and weights and runs the trainer 22 times.
add_executable(make_synthetic ${CMAKE_CURRENT_SOURCE_DIR}/../support/make_synthetic.c
  ${CMAKE_CURRENT_SOURCE_DIR}/../support/synthetic.c)
target_link_libraries(make_synthetic PRIVATE mod_io)
set_property(TEST cli.kill_resume APPEND PROPERTY ENVIRONMENT
  "SYNTHETIC=$<TARGET_FILE:make_synthetic>")
set_tests_properties(cli.kill_resume PROPERTIES FIXTURES_REQUIRED "" TIMEOUT 1200)
