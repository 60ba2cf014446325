/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled policies made by hand, for tests and probes that must do without the loader. */
#ifndef TR_TESTS_POLICIES_H
#define TR_TESTS_POLICIES_H

#include "engine/engine.h"

/* The name hash of a literal. */
#define TR_NAME(text) tr_name_of((text), sizeof(text) - 1)

/* One model `m` with one endpoint `a` of one slot, one class, no limits, no retries. */
const struct tr_policy *tr_test_policy_smallest(void);

/* Two models (`large` falls back to `small`), five endpoints, two classes, three tenants with caps,
 * rates and budgets, strategies of every picker, intents with deadlines and hedging, a quick
 * breaker, short time-outs. Time spans are of the order of a second. */
const struct tr_policy *tr_test_policy_busy(void);

/* The busy policy after an edit: an endpoint gone, one added, a class's limit changed. */
const struct tr_policy *tr_test_policy_edited(void);

#endif
