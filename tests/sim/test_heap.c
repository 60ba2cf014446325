/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/random.h"
#include "sim/heap.h"

#define SEEDS 50

static int compare(const void *a, const void *b)
{
	const struct tr_heap_entry *left = a, *right = b;

	if (left->time != right->time)
		return left->time < right->time ? -1 : 1;
	return left->ticket < right->ticket ? -1 : left->ticket > right->ticket;
}

/* Few different times, so that ties are the rule. */
static tr_time_ns some_time(uint64_t seed, uint64_t n)
{
	return tr_below(tr_draw(seed, n, TR_PURPOSE_TEST, 0), 40);
}

/* SIM-1 */
static void test_entries_leave_in_the_order_that_sorting_gives(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		size_t count = 1 + (size_t)tr_below(tr_draw(seed, 0, TR_PURPOSE_TEST, 9), 300);
		struct tr_heap_entry *sorted = calloc(count, sizeof *sorted);
		struct tr_heap heap;

		assert_int_equal(tr_heap_init(&heap, count), 0);
		for (size_t i = 0; i < count; i++) {
			sorted[i].time = some_time(seed, i);
			sorted[i].ticket =
				tr_heap_push(&heap, sorted[i].time, (uint32_t)(count - i));
		}
		qsort(sorted, count, sizeof *sorted, compare);
		for (size_t i = 0; i < count; i++) {
			const struct tr_heap_entry *top = tr_heap_peek(&heap);

			assert_non_null(top);
			assert_true(top->time == sorted[i].time);
			assert_true(top->ticket == sorted[i].ticket);
			tr_heap_pop(&heap);
		}
		assert_null(tr_heap_peek(&heap));
		tr_heap_done(&heap);
		free(sorted);
	}
}

static void test_equal_times_leave_in_the_order_of_arrival(void **state)
{
	struct tr_heap heap;

	(void)state;
	assert_int_equal(tr_heap_init(&heap, 1000), 0);
	for (uint32_t i = 0; i < 1000; i++)
		tr_heap_push(&heap, 5, TR_HEAP_PAYLOAD_MAX - i);
	for (uint32_t i = 0; i < 1000; i++) {
		assert_int_equal(tr_heap_payload(tr_heap_peek(&heap)), TR_HEAP_PAYLOAD_MAX - i);
		tr_heap_pop(&heap);
	}
	tr_heap_done(&heap);
}

/* The classic hold model: each entry that leaves comes back later. */
static void test_replacing_is_a_pop_and_a_push(void **state)
{
	struct tr_heap replaced, popped;

	(void)state;
	assert_int_equal(tr_heap_init(&replaced, 64), 0);
	assert_int_equal(tr_heap_init(&popped, 64), 0);
	for (uint32_t i = 0; i < 64; i++) {
		tr_heap_push(&replaced, some_time(3, i), i);
		tr_heap_push(&popped, some_time(3, i), i);
	}
	for (uint32_t i = 0; i < 10000; i++) {
		struct tr_heap_entry a = *tr_heap_peek(&replaced), b = *tr_heap_peek(&popped);

		assert_true(a.time == b.time);
		assert_true(a.ticket == b.ticket);
		tr_heap_replace(&replaced, a.time + some_time(4, i), i);
		tr_heap_pop(&popped);
		tr_heap_push(&popped, b.time + some_time(4, i), i);
	}
	tr_heap_done(&replaced);
	tr_heap_done(&popped);
}

static bool is_even(void *self, const struct tr_heap_entry *entry)
{
	(void)self;
	return tr_heap_payload(entry) % 2 == 0;
}

static void test_a_sweep_keeps_what_it_should_in_order(void **state)
{
	(void)state;
	for (uint32_t count = 1; count < 100; count++) {
		struct tr_heap heap;
		struct tr_heap_entry last = {0};
		uint32_t left = 0;

		assert_int_equal(tr_heap_init(&heap, count), 0);
		for (uint32_t i = 0; i < count; i++)
			tr_heap_push(&heap, some_time(count, i), i);
		tr_heap_keep(&heap, is_even, NULL);
		for (; tr_heap_peek(&heap); tr_heap_pop(&heap), left++) {
			const struct tr_heap_entry *top = tr_heap_peek(&heap);

			assert_true(is_even(NULL, top));
			assert_true(left == 0 || tr_heap_before(last, *top));
			last = *top;
		}
		assert_int_equal(left, (count + 1) / 2);
		tr_heap_done(&heap);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries_leave_in_the_order_that_sorting_gives),
		cmocka_unit_test(test_equal_times_leave_in_the_order_of_arrival),
		cmocka_unit_test(test_replacing_is_a_pop_and_a_push),
		cmocka_unit_test(test_a_sweep_keeps_what_it_should_in_order),
	};

	return cmocka_run_group_tests_name("sim heap", tests, NULL, NULL);
}
