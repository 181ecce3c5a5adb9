# libanatome, shared and static, its pkg-config file, the command, the default weights.
#
# Every module is a static library of its own, so that layers stay apart. The two libraries that
# users link are made of the same archives, whole.
set(ANATOME_DATA_FOLDER ${CMAKE_INSTALL_FULL_DATADIR}/anatome)
target_compile_definitions(mod_api PRIVATE ANATOME_DATA_FOLDER="${ANATOME_DATA_FOLDER}")

set(module_targets "")
set(module_files "")
foreach(module ${ANATOME_MODULES})
  list(APPEND module_targets mod_${module})
  list(APPEND module_files $<TARGET_FILE:mod_${module}>)
endforeach()
set(foreign Threads::Threads PkgConfig::NETTLE PkgConfig::PNG PkgConfig::JPEG PkgConfig::TIFF
  PkgConfig::JANSSON m)

# Shared: only what the public headers mark with ANA_API is exported (visibility is hidden).
file(WRITE ${PROJECT_BINARY_DIR}/library.c "typedef int anatome_library;\n")
add_library(anatome SHARED ${PROJECT_BINARY_DIR}/library.c)
set_target_properties(anatome PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
target_include_directories(anatome INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>)
target_link_libraries(anatome PRIVATE -Wl,--whole-archive ${module_files} -Wl,--no-whole-archive
  ${foreign})
add_dependencies(anatome ${module_targets})
set_property(TARGET anatome APPEND PROPERTY LINK_DEPENDS ${module_files})
if(NOT ANATOME_SANITIZE)
  target_link_options(anatome PRIVATE -Wl,--no-undefined)
endif()

# Static: one object made of all modules, in which everything but the public functions is local, so
# that one file is enough and no name of ours meets one of the program's.
find_program(ANATOME_OBJCOPY NAMES ${CMAKE_OBJCOPY} objcopy llvm-objcopy REQUIRED)
set(static_file ${PROJECT_BINARY_DIR}/libanatome.a)
set(static_object ${PROJECT_BINARY_DIR}/libanatome.o)
add_custom_command(OUTPUT ${static_file}
  COMMAND ${CMAKE_LINKER} -r -o ${static_object} --whole-archive ${module_files}
  COMMAND ${ANATOME_OBJCOPY} --localize-hidden ${static_object}
  COMMAND ${CMAKE_COMMAND} -E rm -f ${static_file}
  COMMAND ${CMAKE_AR} rcs ${static_file} ${static_object}
  DEPENDS ${module_targets} ${module_files}
  COMMENT "Joining the modules in libanatome.a" VERBATIM)
add_custom_target(anatome_archive ALL DEPENDS ${static_file})
add_library(anatome_static STATIC IMPORTED GLOBAL)
set_target_properties(anatome_static PROPERTIES IMPORTED_LOCATION ${static_file}
  INTERFACE_INCLUDE_DIRECTORIES ${PROJECT_SOURCE_DIR}/include)
target_link_libraries(anatome_static INTERFACE ${foreign})
add_dependencies(anatome_static anatome_archive)

# The command sees the public headers only.
file(GLOB cli_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/cli/*.c)
add_executable(anatome_command ${cli_sources})
set_target_properties(anatome_command PROPERTIES OUTPUT_NAME anatome)
target_include_directories(anatome_command PRIVATE ${PROJECT_SOURCE_DIR}/src)
target_link_libraries(anatome_command PRIVATE anatome_static)

configure_file(${PROJECT_SOURCE_DIR}/cmake/anatome.pc.in ${PROJECT_BINARY_DIR}/anatome.pc @ONLY)

install(TARGETS anatome LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${static_file} DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS anatome_command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/anatome DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h")
install(FILES ${PROJECT_BINARY_DIR}/anatome.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(EXISTS ${PROJECT_SOURCE_DIR}/models)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/models DESTINATION ${CMAKE_INSTALL_DATADIR}/anatome)
endif()
# The commands' pages come from their option tables.
set(man_pages "")
foreach(name segment eval train models info bench)
  set(page ${PROJECT_BINARY_DIR}/anatome-${name}.1)
  add_custom_command(OUTPUT ${page}
    COMMAND $<TARGET_FILE:anatome_command> help --man ${name} > ${page}
    DEPENDS anatome_command VERBATIM)
  list(APPEND man_pages ${page})
endforeach()
add_custom_target(anatome_man ALL DEPENDS ${man_pages})
install(FILES ${PROJECT_SOURCE_DIR}/man/anatome.1 ${man_pages}
  DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
