/* The function of c_header.c that its test calls. */
#ifndef ASHLAR_TESTS_UNIT_MALLOC_API_C_HEADER_H
#define ASHLAR_TESTS_UNIT_MALLOC_API_C_HEADER_H

#ifdef __cplusplus
extern "C" {
#endif

/* Uses every kind of function of ashlar.h; returns 0, or the line of the check
 * that failed. */
int use_ashlar_from_c(void);

#ifdef __cplusplus
}
#endif

#endif
