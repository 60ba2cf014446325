/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled policies made by hand, for tests and probes that must do without the loader. */
#ifndef TR_TESTS_POLICIES_H
#define TR_TESTS_POLICIES_H

#include "engine/engine.h"

/* Values of policies made by hand where nothing is to bite: to stand in the row's initializer. */
#define TR_TEST_CLASS	 .retries = 16, .sojourn_interval_ns = 5 * TR_SECOND
#define TR_TEST_TENANT	 .tokens_in = INT32_MAX, .tokens_out = INT32_MAX
#define TR_TEST_STRATEGY .hot_percent = 84, .bound_percent = 125
#define TR_TEST_RETRY	 .budget_percent = 100, .budget_per_second = 1000000
#define TR_TEST_HEDGE	 .budget_percent = 100, .cost_budget_percent = 100
#define TR_TEST_BREAKER	 .slow_percent = 80
#define TR_TEST_POLICY                                                                             \
	.affinity = {.load_percent = 150}, .concurrency = {.least = 1},                            \
	.bypass = {.window_ns = 10 * TR_SECOND, .cooldown_ns = 10 * TR_SECOND, .failures = 5},     \
	.health = {.signal_half_life_ns = 5 * TR_SECOND,                                           \
		   .peak_half_life_ns = 7 * TR_SECOND,                                             \
		   .feedback_half_life_ns = 3600 * TR_SECOND,                                      \
		   .window_ns = TR_MINUTE,                                                         \
		   .tail_percent = 95}

/* The name hash of a literal. */
#define TR_NAME(text) tr_name_of((text), sizeof(text) - 1)

/* One model `m` with one endpoint `a` of one slot, one class, no limits, no retries. */
const struct tr_policy *tr_test_policy_smallest(void);

/* Two models (`large` falls back to `small`), five endpoints, two classes, three tenants with caps,
 * rates and budgets, strategies of every picker, intents with deadlines and hedging, a quick
 * breaker that minds slow answers, adaptive limits, short time-outs. Time spans are of the order of
 * a second. */
const struct tr_policy *tr_test_policy_busy(void);

/* The busy policy after an edit: an endpoint gone, one added, a class's limit, the length of
 * windows and the least limit changed, and where it preempted softly it does hard. */
const struct tr_policy *tr_test_policy_edited(void);

#endif
