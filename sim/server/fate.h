/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of one try at one server: how fast it is, and where it fails if it does.
 */
#ifndef TR_SIM_SERVER_FATE_H
#define TR_SIM_SERVER_FATE_H

#include "sim/server/server.h"

/* No span of a request is longer: keeps sums of times far from their end. */
#define TR_FATE_SPAN_MAX (UINT64_C(36500) * TR_DAY)

enum tr_break {
	TR_BREAK_NONE,
	TR_BREAK_CONNECT,
	TR_BREAK_FIRST,
	TR_BREAK_STREAM,
};

struct tr_fate {
	tr_span_ns ttft; /* to the first token, or to the failure before it */
	tr_span_ns tpot;
	uint32_t tokens_last; /* made before it ends, well or badly */
	uint8_t breaks;	      /* enum tr_break */
};

/*
 * The same seed, job, server name and n-th try there have the same fate, whatever else happened:
 * two policies over the same requests see the same world.
 */
void tr_fate_draw(uint64_t seed, tr_name server, const struct tr_server_profile *profile,
		  const struct tr_server_request *request, struct tr_fate *ret);

#endif
