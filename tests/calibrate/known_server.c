/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Draws are hashes of a counter: gaps even between 0 and twice the mean, token counts even between
 * two bounds.
 */
#include "tests/calibrate/known_server.h"

#include <assert.h>
#include <stdlib.h>

#include "engine/random.h"

struct draws {
	uint64_t seed;
	uint64_t count;
};

static uint32_t draw(struct draws *draws, const uint32_t between[2])
{
	uint64_t bits = tr_mix(draws->seed + tr_mix(++draws->count));

	return between[0] + (uint32_t)(bits % (between[1] - between[0] + 1));
}

void known_server_measure(const struct known_server *server, struct tr_measured *ret)
{
	struct tr_play_entry *entries = calloc(server->requests, sizeof *entries);
	struct tr_played *played = calloc(server->requests, sizeof *played);
	struct draws draws = {.seed = server->seed};
	struct tr_diagnostic diagnostic;
	tr_time_ns at = TR_SECOND;

	assert(entries && played);
	for (uint32_t i = 0; i < server->requests; i++) {
		const uint32_t gap[2] = {0, 2 * server->gap_us};

		at += UINT64_C(1000) * draw(&draws, gap);
		entries[i] = (struct tr_play_entry){at, draw(&draws, server->tokens_in),
						    draw(&draws, server->tokens_out)};
	}
	if (tr_play(&server->model, entries, server->requests, NULL, played) < 0)
		abort();
	*ret = (struct tr_measured){.scheduled = true};
	for (uint32_t i = 0; i < server->requests; i++) {
		const struct tr_measured_row row = {
			.line = i + 1,
			.arrival = entries[i].at,
			.queued = played[i].queued,
			.scheduled = played[i].scheduled,
			.first = played[i].first,
			.last = played[i].last,
			.tokens_in = entries[i].tokens_in,
			.tokens_out = entries[i].tokens_out,
		};

		if (!played[i].done || tr_measured_add(ret, &row, &diagnostic) < 0)
			abort();
	}
	tr_measured_align(ret, ret->count);
	free(played);
	free(entries);
}
