/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kind of machine serves an endpoint, in numbers. All of it is read by the server's rooms and
 * by nobody else.
 */
#ifndef TR_SIM_SERVER_PROFILE_H
#define TR_SIM_SERVER_PROFILE_H

#include "sim/server/batch.h"

/* When a server says that it will answer. X(NAME, word, text) */
#define TR_HEADERS_MAP(X)                                                                          \
	X(SLOT, "slot", "when it has a slot")                                                      \
	X(ACCEPT, "accept", "when it is taken in, before it has a slot")                           \
	X(FIRST_TOKEN, "first_token", "together with its first token")

enum tr_headers {
#define X(NAME, word, text) TR_HEADERS_##NAME,
	TR_HEADERS_MAP(X)
#undef X
	TR_HEADERS_COUNT
};

struct tr_server_profile {
	tr_span_ns connect_ns;		  /* from dispatch to connected */
	tr_span_ns ttft_base_ns;	  /* from a slot to the first token, without the prompt */
	uint64_t prefill_milli;		  /* prompt tokens per second, thousandths, > 0 */
	tr_span_ns tpot_ns;		  /* time per output token after the first */
	uint32_t slots;			  /* requests served at once; 0: as the policy says */
	uint32_t service_noise_permille;  /* 0..1000 */
	uint32_t endpoint_noise_permille; /* 0..1000 */
	uint32_t error_ppm;		  /* tries that fail, 0..1000000 */
	/* Its network side; 0 is no limit for each. */
	uint32_t workers;	   /* requests that it reads or answers at once */
	uint32_t inside_max;	   /* requests taken in, being served and waiting */
	uint16_t full_status;	   /* of those beyond it, 0: 503 */
	tr_span_ns full_retry_ns;  /* what it asks of them, 0: nothing */
	uint32_t limit_requests;   /* taken in within each interval */
	uint64_t limit_tokens;	   /* the same of prompt and answer tokens */
	tr_span_ns limit_interval; /* 0: a minute */
	bool limit_reported;	   /* its answers say what is left */
	uint8_t headers;	   /* enum tr_headers */
	/* Its computing, where it batches; then slots, times per token and noise of the simple
	 * model stand idle. */
	bool batches;
	struct tr_batch_profile batching;
};

/*
 * The profile of an endpoint about which nothing is said: llama2-70b on 8 A100-80GB with tensor
 * parallelism, as splitwise-sim measured it (batch 1: 65 ms for 128 prompt tokens, 651 ms for
 * 4,096, 44.9 ms a token, and hardly more up to batch 16): 50 ms + tokens / 7,000 per s, 45 ms.
 * The noise (10% for a request, 5% for a try) and 1 ms to connect are our own assumptions.
 */
extern const struct tr_server_profile tr_server_profile_default;

/*
 * What a batching server has about which no more is said: vLLM's defaults where it has any (256
 * sequences, 2,048 tokens a step, blocks of 16), endless KV memory, and no times at all: those must
 * be given.
 */
extern const struct tr_batch_profile tr_batch_profile_default;

#endif
