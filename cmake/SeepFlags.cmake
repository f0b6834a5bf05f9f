# Flags on two INTERFACE targets: seep_warnings for our own sources,
# seep_build (hardening, sanitizers, LTO) for everything compiled here.
add_library(seep_warnings INTERFACE)
target_compile_options(
  seep_warnings
  INTERFACE -Wall
            -Wextra
            -Wpedantic
            -Wshadow
            -Wconversion
            -Wstrict-prototypes
            -Wmissing-prototypes
            -Wvla
            -Wundef
            -Wpointer-arith
            -Wwrite-strings
            -Wformat=2
            -Wimplicit-fallthrough
            -Wswitch-enum
            -Wcast-qual)
if(SEEP_WERROR)
  target_compile_options(seep_warnings INTERFACE -Werror)
endif()

add_library(seep_build INTERFACE)
# POSIX names (strnlen, open, ...) are declared although extensions of the
# language are off.
target_compile_definitions(seep_build INTERFACE _XOPEN_SOURCE=700
                                                _FILE_OFFSET_BITS=64)
# -ffp-contract=off: a simulated world is the same from every compiler.
# -fno-semantic-interposition: the shared library's functions call each other
# directly, as in the static one.
target_compile_options(
  seep_build
  INTERFACE -fno-common -ffp-contract=off -fno-semantic-interposition -fstack-protector-strong
            -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.
            -ffile-prefix-map=${PROJECT_BINARY_DIR}=build)
target_link_options(seep_build INTERFACE -Wl,-z,relro -Wl,-z,now -Wl,--as-needed)

if(SEEP_SANITIZE)
  target_compile_options(
    seep_build INTERFACE -fsanitize=${SEEP_SANITIZE} -fno-sanitize-recover=all
                         -fno-omit-frame-pointer)
  target_link_options(seep_build INTERFACE -fsanitize=${SEEP_SANITIZE})
else()
  target_compile_options(
    seep_build
    INTERFACE -fstack-clash-protection
              $<$<IN_LIST:${CMAKE_SYSTEM_PROCESSOR},x86_64;AMD64>:-fcf-protection>
              $<$<CONFIG:RelWithDebInfo,Release,MinSizeRel>:-U_FORTIFY_SOURCE>
              $<$<CONFIG:RelWithDebInfo,Release,MinSizeRel>:-D_FORTIFY_SOURCE=3>
  )
  target_link_options(seep_build INTERFACE -Wl,-z,noexecstack)
endif()

if(SEEP_FUZZER)
  target_compile_options(seep_build INTERFACE -fsanitize=fuzzer-no-link)
endif()

# Fat objects: libseep.a stays usable for linkers that know nothing of LTO. One
# partition: several would want make, which a bare machine has not.
if(SEEP_LTO)
  target_compile_options(seep_build INTERFACE -flto -ffat-lto-objects)
  target_link_options(seep_build INTERFACE -flto -flto-partition=one)
endif()
