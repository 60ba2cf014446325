/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that a server of known numbers would have been measured with.
 */
#ifndef TR_TESTS_CALIBRATE_KNOWN_SERVER_H
#define TR_TESTS_CALIBRATE_KNOWN_SERVER_H

#include "sim/calibrate/play.h"

struct known_server {
	const char *name;
	struct tr_fit_model model;
	uint32_t requests;
	uint32_t gap_us;       /* mean time between arrivals */
	uint32_t tokens_in[2]; /* even between these */
	uint32_t tokens_out[2];
	uint64_t seed;
};

/* To be given to tr_measured_done(). Aligned. */
void known_server_measure(const struct known_server *server, struct tr_measured *ret);

#endif
