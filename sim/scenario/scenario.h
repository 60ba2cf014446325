/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scenario files: which policy meets which requests on which machines.
 *
 * A scenario says nothing of the past: its faults, assertions and time line are those that the
 * vocabulary of scenario/vocabulary.c has, no more. Every key takes effect. The canonical form has
 * every default filled in, every included file merged and every parameter put in; it refers to no
 * file but policy and trace.
 */
#ifndef TR_SIM_SCENARIO_SCENARIO_H
#define TR_SIM_SCENARIO_SCENARIO_H

#include "engine/policy/load.h"
#include "engine/policy/schema.h"
#include "sim/scenario/include.h"
#include "sim/scenario/parameters.h"
#include "sim/server/server.h"
#include "sim/workload.h"
#include "traces/trace.h"

/* Tenants that a scenario may draw from. */
#define TR_SCENARIO_TENANTS_MAX TR_POLICY_TENANTS_MAX
/* Sessions of a tenant. */
#define TR_SCENARIO_SESSIONS_MAX (1u << 16)
/* Seeds of a scenario, and requirements that it proves. */
#define TR_SCENARIO_SEEDS_MAX  (1u << 16)
#define TR_SCENARIO_PROVES_MAX 64

extern const struct tr_schema tr_scenario_schema;

/* Where requests come from. */
enum tr_scenario_source {
	TR_SOURCE_NONE, /* the scenario leaves it to the command line */
	TR_SOURCE_TRACE,
	TR_SOURCE_SYNTHETIC,
};

struct tr_scenario {
	const char *path;			    /* as it was loaded; NULL: by default */
	const char *title;			    /* NULL: none */
	const char *proves[TR_SCENARIO_PROVES_MAX]; /* "SIM-5", sorted */
	uint32_t proves_count;
	uint64_t seed;		   /* the only one, or the first */
	uint32_t seed_count;	   /* cases that it is; >= 1 */
	bool seeds_given;	   /* as `seeds`, be it one */
	const uint64_t *seed_list; /* NULL: they follow each other */
	const char *policy; /* path of the file that it is in, or that `set` goes over; NULL: not
			       given */
	const struct tr_node *policy_node;
	const struct tr_parameters *parameters;
	struct tr_scenario_files files; /* where it comes from, with what it names */
	enum tr_scenario_source source;
	const char *trace; /* "FORMAT:PATH", the same; TRACE */
	struct tr_trace_options trace_options;
	struct tr_process process; /* SYNTHETIC, for these three */
	struct tr_sizes tokens_in;
	struct tr_sizes tokens_out;
	struct tr_prompts_options prompts; /* without the conversations' rows */
	uint64_t requests_max;
	tr_span_ns duration;
	struct tr_workload_labels labels;
	tr_span_ns store_delay;
	tr_span_ns stop_after;
	struct tr_scenario_fleet *fleet;  /* what it says of servers */
	const struct tr_rows *profiles;	  /* and of profiles, where it was read */
	const struct tr_rows *intents;	  /* and of intents */
	const struct tr_rows *assertions; /* struct tr_draft_assertion */
	/* Faults in the order of the file, with name, kind, `at` and `end`; whom they concern is
	 * known together with a policy: tr_scenario_faults(). */
	const struct tr_fault *faults;
	uint32_t fault_count;
	const struct tr_rows *fault_drafts; /* as they were read */
	tr_span_ns signal;		    /* between two load signals, 0: none */
	tr_span_ns signal_age;
	char *canonical;
	size_t canonical_length;
	/* What all of it lives in. */
	struct tr_document *document;
	struct tr_arena arena;
};

/* What a scenario is read with. All zeroes: as it stands, from the files of this machine. */
struct tr_scenario_reading {
	const struct tr_scenario_setting *settings;
	uint32_t setting_count;
	const struct tr_scenario_files *files; /* NULL: tr_scenario_disk */
};

/* Load and check. Returns 0 and *ret, to be freed, or -1 and *ret_diagnostic. */
int tr_scenario_load(const char *path, const struct tr_scenario_reading *reading,
		     struct tr_scenario **ret, struct tr_diagnostic *ret_diagnostic);
/* The same as it stands, from a file of this machine, or from text. */
int tr_scenario_load_file(const char *path, struct tr_scenario **ret,
			  struct tr_diagnostic *ret_diagnostic);
int tr_scenario_load_text(const char *name, const char *text, size_t length,
			  struct tr_scenario **ret, struct tr_diagnostic *ret_diagnostic);
/* What an empty file says, for runs without one. NULL when memory is out. */
struct tr_scenario *tr_scenario_default(void);
void tr_scenario_free(struct tr_scenario *scenario);

/* The seed of its n-th case, from 0. */
uint64_t tr_scenario_seed(const struct tr_scenario *scenario, uint32_t index);

/* Load the policy that it names or holds; it must have one. Returns 0 and *ret, to be freed, or -1
 * and *ret_diagnostic, which names the file that is wrong. */
int tr_scenario_policy(const struct tr_scenario *scenario, struct tr_policy_file **ret,
		       struct tr_diagnostic *ret_diagnostic);

/*
 * The servers of a policy's endpoints, in their order, to be freed with free(). Precedence: what
 * the scenario says of the endpoint, of its model, of all. "a1~2", a copy made by
 * tr_policy_scale(), has what "a1" has. Returns -1 where the scenario speaks of models or endpoints
 * that the policy does not have.
 */
int tr_scenario_servers(const struct tr_scenario *scenario, const struct tr_policy_file *policy,
			struct tr_server **ret, struct tr_diagnostic *ret_diagnostic);

/*
 * The scenario's faults with the rows of the servers that they concern, `fault_count` of them, to
 * be freed with free(); names of the faults stay the scenario's. Returns -1 where a fault speaks of
 * models or endpoints that the policy does not have.
 */
int tr_scenario_faults(const struct tr_scenario *scenario, const struct tr_policy_file *policy,
		       struct tr_fault **ret, struct tr_diagnostic *ret_diagnostic);

#endif
