/* SPDX-License-Identifier: Apache-2.0 */
/* Who gives up its place in a full queue. */
#ifndef TR_ENGINE_SHED_H
#define TR_ENGINE_SHED_H

#include "engine/state.h"

/* What letting in one more job takes. */
struct tr_shed {
	struct tr_job *victim; /* gives up its place; NULL: nobody needs to */
	enum tr_cause cause;   /* of the victim's end */
	tr_name limit;	       /* the class or model that is full; 0: neither */
};

/* Is there a place for one more job of a class in a pool, or somebody who gives up his? Changes
 * nothing. False: the job is to be refused; ret->limit says whose limit spoke. O(classes). */
bool tr_shed_find(const struct tr_engine *e, uint32_t model, uint32_t class_slot,
		  struct tr_shed *ret);

/* End the victim, if there is one: JOB_FINISH with outcome FAILED. */
void tr_shed_make_room(struct tr_engine *e, const struct tr_shed *shed);

#endif
