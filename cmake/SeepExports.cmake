# The public interface follows from the sources, no list to keep: public
# headers are base/ and the front header of each room with whatever these
# include; libseep.so exports what public headers declare and nothing else.

# Headers of src/ to install, as absolute paths.
function(seep_public_headers out)
  file(GLOB todo CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/base/*.h)
  list(FILTER todo EXCLUDE REGEX "/(banned|gz_private)\\.h$")
  foreach(room IN LISTS seep_rooms)
    if(EXISTS ${PROJECT_SOURCE_DIR}/src/${room}/${room}.h)
      list(APPEND todo ${PROJECT_SOURCE_DIR}/src/${room}/${room}.h)
    endif()
  endforeach()
  set(found)
  while(todo)
    list(POP_FRONT todo header)
    if(header IN_LIST found OR NOT EXISTS ${header})
      continue()
    endif()
    list(APPEND found ${header})
    file(STRINGS ${header} includes REGEX "^#include \"[a-z_]+/[a-z_0-9]+\\.h\"")
    foreach(line IN LISTS includes)
      string(REGEX REPLACE "^#include \"([^\"]*)\".*$" "\\1" name "${line}")
      list(APPEND todo ${PROJECT_SOURCE_DIR}/src/${name})
    endforeach()
  endwhile()
  list(SORT found)
  set(${out} ${found} PARENT_SCOPE)
endfunction()

# Linker map of what the given headers declare.
function(seep_write_exports map)
  set(names)
  foreach(header IN LISTS ARGN)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${header})
    file(READ ${header} text)
    # A declaration starts in the first column; its return type may stand on
    # a line of its own.
    string(REGEX MATCHALL "\n[a-z][A-Za-z0-9_ *]*[ *\n][a-z][a-z0-9_]*\\("
                 functions "${text}")
    string(REGEX MATCHALL "\nextern [A-Za-z0-9_ *]*" tables "${text}")
    foreach(start IN LISTS functions tables)
      if(NOT start MATCHES "^\n(static|typedef)")
        string(REGEX REPLACE "^.*[ *\n]([a-z][a-z0-9_]*)\\(?$" "\\1" name
                             "${start}")
        list(APPEND names ${name})
      endif()
    endforeach()
  endforeach()
  list(SORT names)
  list(REMOVE_DUPLICATES names)
  string(REPLACE ";" ";\n    " lines "${names}")
  set(soname SEEP_${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  file(CONFIGURE OUTPUT ${map}
       CONTENT "@soname@ {\n  global:\n    @lines@;\n  local:\n    *;\n};\n"
       @ONLY)
endfunction()
