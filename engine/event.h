/* SPDX-License-Identifier: Apache-2.0 */
/* Events: refused or taken, kind by kind. */
#ifndef TR_ENGINE_EVENT_H
#define TR_ENGINE_EVENT_H

#include "engine/state.h"

/* 0, or why the event is refused. Changes nothing. */
int tr_event_check(const struct tr_engine *e, const struct tr_event *event);
/* Take a checked event. */
void tr_event_handle(struct tr_engine *e, const struct tr_event *event);
/* Make the policy in a slot, which fits the registry, the active one. */
void tr_event_activate(struct tr_engine *e, uint32_t slot);

#endif
