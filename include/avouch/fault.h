/* Faults on purpose, for tests/crash. Built with -Dfaults=true, AVOUCH_FAULT names them, by comma:
 *
 *   POINT:N      the process kills itself when it comes past FAULT_POINT(POINT) for the Nth time
 *   no-sync      commits are not made durable        no-compare   commits do not look at what was read
 *   map:BYTES    a small database
 *
 * Otherwise nothing of it is compiled in, and the program does not know the variable. */
#ifndef AVOUCH_FAULT_H
#define AVOUCH_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef AVOUCH_FAULTS
#    define FAULTS_BUILT       true
#    define FAULT_POINT(name)  fault_point(name)
#    define FAULT_IS(name)     fault_is(name)
#    define FAULT_NUMBER(name) fault_number(name)

void fault_point(const char *name);
bool fault_is(const char *name);
uint64_t fault_number(const char *name); /* what stands behind NAME: ; 0: nothing */
#else
#    define FAULTS_BUILT       false
#    define FAULT_POINT(name)  ((void)0)
#    define FAULT_IS(name)     false
#    define FAULT_NUMBER(name) UINT64_C(0)
#endif

#endif
