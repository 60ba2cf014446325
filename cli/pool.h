/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work in child processes, several at once: each piece in a process of its own, so that one that
 * crashes, or is killed, or needs too much memory takes nothing along.
 *
 * A child is a copy of this process: it sees everything that was there when it began, writes its
 * answer into a pipe, and ends. Children do not outlive their parent.
 */
#ifndef TR_CLI_POOL_H
#define TR_CLI_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Pieces at once, at most. */
#define TR_POOL_JOBS_MAX 1024

struct tr_pool_answer {
	uint32_t index;
	const char *text; /* what the child wrote, all of it */
	size_t length;
	int status; /* as waitpid() gives it */
	uint64_t wall_ns;
};

struct tr_pool_work {
	uint32_t count; /* pieces, numbered from 0 and begun in this order */
	unsigned jobs;	/* at once, 1..TR_POOL_JOBS_MAX */
	/* In a child: do a piece. */
	void (*play)(void *self, uint32_t index, FILE *answer);
	/* In this process: a piece has ended, whichever does so first. Returns the number of the
	 * last piece that is still of interest: those behind it are not begun, or killed. */
	uint32_t (*take)(void *self, const struct tr_pool_answer *answer);
	/* In this process, about ten times a second. */
	void (*tick)(void *self, uint32_t running);
	void *self;
};

/* Returns 0 when all has ended, or an errno where no process or pipe can be made at all. */
int tr_pool_run(const struct tr_pool_work *work);

/* CPUs that this process may use. */
unsigned tr_pool_cpus(void);

#endif
