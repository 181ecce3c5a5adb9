/* Runs a piece of work again and again, with another allocation failing each time. Include
 * cmocka.h and what it needs before. */
#ifndef ANA_TESTS_FAULTS_H
#define ANA_TESTS_FAULTS_H

#include <stdbool.h>

#include "base/error.h"

/* Must release all that it allocated, whether it succeeds or not. */
typedef ana_status (*faulty_work)(ana_error *err);

/* Fails the allocations 1, 2, 3, ... until the work makes fewer. Each time there must be no leak,
 * and success or ANA_ERR_MEMORY with a message; success where something did without. Returns how
 * many failures were reported. */
int faults_each(const char *what, faulty_work work);

/* Where there are thousands: every `stride`-th, from a first one that ANATOME_FAULT_ROUND (0 to
 * stride - 1; 0 if it is not set) chooses, so that `stride` rounds fail each of them once. */
int faults_strided(const char *what, faulty_work work, int stride);

/* One of them. Returns false when the work made fewer than n allocations. */
bool faults_try(const char *what, faulty_work work, int n, int *told);

#endif
