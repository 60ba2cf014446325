/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event queue under the hold model (Jones, CACM 1986): with N events pending, take the earliest
 * and put one back a random gap later, over and over. Beside it, in the same run and on the same
 * gaps, a textbook binary heap of the same entries: the figure to look at is the ratio.
 *
 *   bench_heap [--runs N]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/random.h"
#include "sim/heap.h"

#define RUNS_MAX 64
#define HOLDS	 UINT64_C(2000000)

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * TR_SECOND + (uint64_t)now.tv_nsec;
}

static uint64_t gap(uint64_t n)
{
	return 1 + (tr_mix(n) >> 40);
}

/* ---- the peer ---- */

struct plain {
	struct tr_heap_entry *entries;
	size_t count;
	uint64_t sequence;
};

static bool plain_before(const struct tr_heap_entry *a, const struct tr_heap_entry *b)
{
	return a->time != b->time ? a->time < b->time : a->ticket < b->ticket;
}

static void plain_push(struct plain *heap, tr_time_ns time)
{
	struct tr_heap_entry entry = {time, ++heap->sequence};
	size_t at = heap->count++;

	while (at > 0 && plain_before(&entry, &heap->entries[(at - 1) / 2])) {
		heap->entries[at] = heap->entries[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap->entries[at] = entry;
}

static struct tr_heap_entry plain_pop(struct plain *heap)
{
	struct tr_heap_entry top = heap->entries[0], last = heap->entries[--heap->count];
	size_t at = 0;

	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= heap->count)
			break;
		if (child + 1 < heap->count &&
		    plain_before(&heap->entries[child + 1], &heap->entries[child]))
			child++;
		if (!plain_before(&heap->entries[child], &last))
			break;
		heap->entries[at] = heap->entries[child];
		at = child;
	}
	heap->entries[at] = last;
	return top;
}

/* ---- one run of each: holds a second ---- */

static uint64_t run_plain(size_t pending)
{
	struct plain heap = {.entries = malloc((pending + 1) * sizeof *heap.entries)};
	uint64_t began, last = 0;

	if (!heap.entries)
		abort();
	for (size_t i = 0; i < pending; i++)
		plain_push(&heap, gap(i));
	began = clock_ns();
	for (uint64_t i = 0; i < HOLDS; i++) {
		last = plain_pop(&heap).time;
		plain_push(&heap, last + gap(i));
	}
	began = clock_ns() - began;
	free(heap.entries);
	return last ? tr_mul_div(HOLDS, TR_SECOND, tr_max(began, 1)) : 0;
}

static uint64_t run_ours(size_t pending)
{
	struct tr_heap heap;
	uint64_t began, last = 0;

	if (tr_heap_init(&heap, pending + 1) < 0)
		abort();
	for (size_t i = 0; i < pending; i++)
		tr_heap_push(&heap, gap(i), 0);
	began = clock_ns();
	for (uint64_t i = 0; i < HOLDS; i++) {
		last = tr_heap_peek(&heap)->time;
		tr_heap_pop(&heap);
		tr_heap_push(&heap, last + gap(i), 0);
	}
	began = clock_ns() - began;
	tr_heap_done(&heap);
	return last ? tr_mul_div(HOLDS, TR_SECOND, tr_max(began, 1)) : 0;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv)
{
	static const size_t pendings[] = {1000, 100000, 1000000};
	unsigned runs = argc == 3 && strcmp(argv[1], "--runs") == 0 ? (unsigned)atoi(argv[2]) : 5;

	if (runs < 1 || runs > RUNS_MAX || (argc != 1 && argc != 3)) {
		fputs("usage: bench_heap [--runs 1..64]\n", stderr);
		return 2;
	}
	printf("event queue, hold model: million holds/s, median of %u runs (least..most)\n", runs);
	printf("  %9s  %-22s  %-22s  %s\n", "pending", "4-ary heap", "binary heap", "ratio");
	for (size_t p = 0; p < TR_ARRAY_LENGTH(pendings); p++) {
		uint64_t ours[RUNS_MAX], plain[RUNS_MAX];

		/* In turn, so that a machine that slows down slows both. */
		for (unsigned i = 0; i < runs; i++) {
			ours[i] = run_ours(pendings[p]);
			plain[i] = run_plain(pendings[p]);
		}
		qsort(ours, runs, sizeof *ours, by_value);
		qsort(plain, runs, sizeof *plain, by_value);
		printf("  %9zu  %6.2f (%6.2f..%6.2f)  %6.2f (%6.2f..%6.2f)  %.2f\n", pendings[p],
		       (double)ours[runs / 2] / 1e6, (double)ours[0] / 1e6,
		       (double)ours[runs - 1] / 1e6, (double)plain[runs / 2] / 1e6,
		       (double)plain[0] / 1e6, (double)plain[runs - 1] / 1e6,
		       (double)ours[runs / 2] / (double)plain[runs / 2]);
	}
	return 0;
}
