/*
 * Functions that cannot be used safely on input, refused at compile time.
 * Included last by sources that handle text; headers of the system must come
 * before it, since they declare these names.
 */
#ifndef SEEP_BASE_BANNED_H
#define SEEP_BASE_BANNED_H

#if defined(__GNUC__)
#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol atof gets
#pragma GCC poison strerror
#pragma GCC poison alloca
#endif

#endif
