/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shape is three quantile tables: input tokens, output tokens, arrivals per tick. A value is
 * drawn by inverting its table, linear between the knots, in integers throughout. The knots are
 * published statistics of public traces (the Azure LLM inference trace 2023 "code": 2.57 requests a
 * second, 73% of the seconds empty, 67 in the fullest; Mooncake "conversation"; the arena trace of
 * VTC); no row of theirs is in here, and nothing that the tables do not say is kept, such as the
 * correlation of sizes with times or with each other.
 *
 * Within a tick the arrivals lie anywhere, to 100 ns; on a grid they all lie on the tick. The first
 * row of all lies on its tick, so that seconds counted from it are the seconds of the table.
 */
#include "traces/sample.h"

#include "engine/random.h"
#include "traces/write.h"

/* Shares are in millionths. */
#define ONE	  1000000
#define KNOTS_MAX 16

/* 2024-01-01 00:00:00, a Monday. */
#define BEGIN (UINT64_C(1704067200) * TR_SECOND)

/* Numbers of the draws under one key, far enough apart. */
enum {
	DRAW_COUNT,
	DRAW_TOKENS_IN,
	DRAW_TOKENS_OUT,
	DRAW_PLACE = 16
};

/* `value` is the quantile of `share`; the first share is 0, the last ONE. */
struct knot {
	uint32_t share;
	uint32_t value;
};

struct shape {
	struct knot tokens_in[KNOTS_MAX];
	struct knot tokens_out[KNOTS_MAX];
	struct knot arrivals[KNOTS_MAX]; /* per tick */
	tr_span_ns tick;
	bool on_grid;
};

#define TOKENS(p0, p50, p90, p99, p100)                                                            \
	{                                                                                          \
		{0, p0}, {500000, p50}, {900000, p90}, {990000, p99},                              \
		{                                                                                  \
			ONE, p100                                                                  \
		}                                                                                  \
	}

/* Most arrivals of one tick in any table. */
#define ARRIVALS_MAX 67

static const struct shape shapes[TR_SAMPLE_COUNT] =
	{
		[TR_SAMPLE_AZURE_CODE] =
			{
				.tokens_in = TOKENS(3, 1469, 5186, 7436, 7437),
				.tokens_out = TOKENS(6, 13, 55, 252, 1899),
				.arrivals = {{0, 0},
					     {734000, 0},
					     {750000, 2},
					     {800000, 5},
					     {850000, 7},
					     {900000, 9},
					     {950000, 13},
					     {980000, 22},
					     {990000, 28},
					     {995000, 31},
					     {999000, 51},
					     {ONE, 67}},
				.tick = TR_SECOND,
			},
		[TR_SAMPLE_MOONCAKE] =
			{
				.tokens_in = TOKENS(891, 6909, 27367, 85401, 126195),
				.tokens_out = TOKENS(1, 350, 597, 1120, 2000),
				.arrivals = {{0, 0},
					     {100000, 0},
					     {250000, 5},
					     {500000, 10},
					     {750000, 15},
					     {900000, 21},
					     {990000, 29},
					     {ONE, 43}},
				.tick = 3 * TR_SECOND,
				.on_grid = true,
			},
		[TR_SAMPLE_ARENA] =
			{
				.tokens_in = TOKENS(2, 40, 432, 929, 1021),
				.tokens_out = TOKENS(2, 211, 513, 785, 977),
				.arrivals =
					{{0, 0},
					 {100000, 0},
					 {250000, 1},
					 {500000, 2},
					 {750000, 3},
					 {900000, 5},
					 {990000, 9},
					 {ONE, 11}},
				.tick = TR_SECOND,
			},
};

/* The value at a share drawn from `bits`, rounded to the nearest between two knots. */
static uint32_t invert(const struct knot *knots, uint64_t bits)
{
	uint32_t share = (uint32_t)tr_below(bits, ONE), width;
	uint64_t rise;

	while (knots[1].share <= share)
		knots++;
	TR_ASSERT(knots[0].share <= share);
	TR_ASSERT(knots[0].value <= knots[1].value);
	width = knots[1].share - knots[0].share;
	rise = (uint64_t)(knots[1].value - knots[0].value) * (share - knots[0].share);
	return knots[0].value + (uint32_t)((rise + width / 2) / width);
}

/* Where in the tick its arrivals lie, in order. */
static void place(const struct shape *shape, uint64_t seed, uint64_t tick, uint32_t count,
		  tr_span_ns *ret_places)
{
	TR_ASSERT(count <= ARRIVALS_MAX);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t bits = tr_draw(seed, tick, TR_PURPOSE_SAMPLE, DRAW_PLACE + i);
		tr_span_ns at = shape->on_grid ? 0 : tr_below(bits, shape->tick / 100) * 100;
		uint32_t j = i;

		for (; j > 0 && ret_places[j - 1] > at; j--)
			ret_places[j] = ret_places[j - 1];
		ret_places[j] = at;
	}
}

void tr_sample_write(FILE *file, enum tr_sample_shape shape_index, uint64_t rows, uint64_t seed)
{
	const struct shape *shape = &shapes[shape_index];
	tr_span_ns places[ARRIVALS_MAX];
	struct tr_trace_writer writer;
	struct tr_trace_row row = {.line = 0};

	TR_ASSERT(shape_index < TR_SAMPLE_COUNT);
	TR_ASSERT(rows >= 1);
	TR_ASSERT(rows <= TR_SAMPLE_ROWS_MAX);
	tr_trace_write_begin(&writer, TR_TRACE_AZURE, file, TR_TRACE_AZURE);
	for (uint64_t tick = 0; writer.rows < rows; tick++) {
		uint64_t bits = tr_draw(seed, tick, TR_PURPOSE_SAMPLE, DRAW_COUNT);
		uint32_t count = invert(shape->arrivals, bits);

		place(shape, seed, tick, count, places);
		if (writer.rows == 0)
			places[0] = 0;
		for (uint32_t i = 0; i < count && writer.rows < rows; i++) {
			uint64_t key = writer.rows;

			row.arrival = BEGIN + tick * shape->tick + places[i];
			bits = tr_draw(seed, key, TR_PURPOSE_SAMPLE, DRAW_TOKENS_IN);
			row.tokens_in = invert(shape->tokens_in, bits);
			bits = tr_draw(seed, key, TR_PURPOSE_SAMPLE, DRAW_TOKENS_OUT);
			row.tokens_out = invert(shape->tokens_out, bits);
			tr_trace_write(&writer, &row);
		}
	}
}
