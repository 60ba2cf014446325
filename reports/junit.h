/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outcomes of cases as JUnit XML, in the common part of what Jenkins and Surefire take: a test
 * suite for each scenario file, a test case for each seed. Assertions that do not hold are
 * failures; a case that could not be played, or whose process died, is an error.
 *
 * `time` is the run's virtual time: the same on every machine, as everything else in the file.
 */
#ifndef TR_REPORTS_JUNIT_H
#define TR_REPORTS_JUNIT_H

#include <jansson.h>
#include <stdio.h>

struct tr_junit;

/* NULL when memory is out. */
struct tr_junit *tr_junit_new(void);
void tr_junit_free(struct tr_junit *junit);
/* Take one in; those of a file come one after the other. It is not needed afterwards. */
void tr_junit_add(struct tr_junit *junit, const json_t *outcome);
/* Write the document. Returns 0, or an errno. */
int tr_junit_write(struct tr_junit *junit, FILE *stream);

#endif
