/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who races: per pool and class, a binary heap of the queues whose tenants may be served, by
 * (virtual counter, name of the tenant). A queue races while it holds a job and its tenant is below
 * its concurrency cap. The place in the heap stands in the queue's row, so a queue leaves from
 * anywhere in O(log n), and a restore puts the heaps together again from the rows.
 */
#include "engine/ready.h"

static uint32_t backlog_of_queue(const struct tr_engine *e, uint32_t q)
{
	return q / e->limits.tenants;
}

static bool sooner(const struct tr_engine *e, uint32_t a, uint32_t b)
{
	const struct tr_queue *qa = &e->queue[a], *qb = &e->queue[b];

	if (qa->service != qb->service)
		return qa->service < qb->service;
	return e->tenant[a % e->limits.tenants].name < e->tenant[b % e->limits.tenants].name;
}

static uint32_t *heap_of(const struct tr_engine *e, uint32_t backlog)
{
	return &e->ready_heap[(size_t)backlog * e->limits.tenants];
}

static void place(struct tr_engine *e, uint32_t *heap, uint32_t at, uint32_t q)
{
	heap[at] = q;
	e->queue[q].ready1 = at + 1;
}

static void sift(struct tr_engine *e, uint32_t backlog, uint32_t at, uint32_t q)
{
	uint32_t *heap = heap_of(e, backlog);
	uint32_t count = e->backlog[backlog].ready;

	while (at > 0 && sooner(e, q, heap[(at - 1) / 2])) {
		place(e, heap, at, heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= count)
			break;
		if (child + 1 < count && sooner(e, heap[child + 1], heap[child]))
			child++;
		if (!sooner(e, heap[child], q))
			break;
		place(e, heap, at, heap[child]);
		at = child;
	}
	place(e, heap, at, q);
}

static void ready_add(struct tr_engine *e, uint32_t q)
{
	uint32_t backlog = backlog_of_queue(e, q);

	TR_ASSERT(e->queue[q].ready1 == 0);
	sift(e, backlog, e->backlog[backlog].ready++, q);
}

void tr_ready_remove(struct tr_engine *e, uint32_t q)
{
	uint32_t backlog = backlog_of_queue(e, q);
	uint32_t at = e->queue[q].ready1 - 1;
	uint32_t last = heap_of(e, backlog)[--e->backlog[backlog].ready];

	TR_ASSERT(e->queue[q].ready1 != 0);
	e->queue[q].ready1 = 0;
	if (last != q)
		sift(e, backlog, at, last);
}

void tr_ready_refresh(struct tr_engine *e, uint32_t q)
{
	const struct tr_tenant *tenant = &e->tenant[q % e->limits.tenants];
	bool capped = tenant->max_concurrent && tenant->running >= tenant->max_concurrent;
	bool ready = e->queue[q].root1 && !capped;

	if (ready && !e->queue[q].ready1)
		ready_add(e, q);
	else if (!ready && e->queue[q].ready1)
		tr_ready_remove(e, q);
}

bool tr_ready_rebuild(struct tr_engine *e)
{
	for (uint32_t b = 0; b < e->backlog_count; b++) {
		uint32_t *heap = heap_of(e, b);
		uint32_t found = 0;

		for (uint32_t q = b * e->limits.tenants; q < (b + 1) * e->limits.tenants; q++) {
			uint32_t ready1 = e->queue[q].ready1;

			if (!ready1)
				continue;
			if (ready1 > e->backlog[b].ready)
				return false;
			heap[ready1 - 1] = q;
			found++;
		}
		if (found != e->backlog[b].ready)
			return false;
		for (uint32_t i = 0; i < found; i++)
			if (e->queue[heap[i]].ready1 != i + 1 ||
			    (i > 0 && sooner(e, heap[i], heap[(i - 1) / 2])))
				return false;
	}
	return true;
}

uint32_t tr_ready_first(const struct tr_engine *e, uint32_t backlog)
{
	TR_ASSERT(e->backlog[backlog].ready > 0);
	return heap_of(e, backlog)[0];
}

void tr_ready_moved(struct tr_engine *e, uint32_t q)
{
	if (e->queue[q].ready1)
		sift(e, backlog_of_queue(e, q), e->queue[q].ready1 - 1, q);
}
