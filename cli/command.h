/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands as data: one table of options per command feeds the parser, --help and completion.
 */
#ifndef TR_CLI_COMMAND_H
#define TR_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/policy/diagnostic.h"

/* Exit codes; their meaning never changes. X(name, value, text) */
#define TR_EXIT_MAP(X)                                                                             \
	X(OK, 0, "every check held")                                                               \
	X(FAILED, 1, "a check or gate failed")                                                     \
	X(USAGE, 2, "the command line is wrong")                                                   \
	X(INPUT, 3, "an input file is missing or bad")                                             \
	X(OUTPUT, 4, "an output could not be written")                                             \
	X(INCONCLUSIVE, 5, "the data cannot decide")

enum tr_exit {
#define X(name, value, text) TR_EXIT_##name = value,
	TR_EXIT_MAP(X)
#undef X
};

enum tr_option_kind {
	TR_OPTION_FLAG,	  /* bool */
	TR_OPTION_TEXT,	  /* const char * */
	TR_OPTION_TEXTS,  /* struct tr_texts: may be given many times */
	TR_OPTION_U64,	  /* uint64_t, min..max */
	TR_OPTION_MILLI,  /* uint64_t in thousandths from a decimal such as 2.5; min..max in
			     thousandths */
	TR_OPTION_CHOICE, /* unsigned: index into choices */
};

/* Values of an option that may be given many times, in order. */
#define TR_TEXTS_MAX 64
struct tr_texts {
	unsigned count;
	const char *items[TR_TEXTS_MAX];
};

struct tr_option {
	const char *name;     /* "seed" for --seed */
	const char *argument; /* "N"; NULL for a flag */
	const char *text;     /* one line, with the default */
	enum tr_option_kind kind;
	size_t offset;		    /* of the value in the command's struct of values */
	uint64_t min, max;	    /* U64, MILLI */
	const char *const *choices; /* CHOICE; ends with NULL */
};

struct tr_command {
	const char *name;    /* "sim"; for sub-commands "trace info" */
	const char *summary; /* one line */
	const char *usage;   /* "[SCENARIO] [OPTION...]" */
	const char *example; /* first line of --help, after the summary */
	const char *details; /* more lines, or NULL */
	const struct tr_option *options;
	size_t option_count;
	size_t values_size;
	const void *defaults;		       /* values_size bytes the parser starts from */
	unsigned arguments_min, arguments_max; /* words that are no options */
	/* Returns an enum tr_exit. `values` is the command's struct, arguments the other words. */
	int (*run)(const void *values, int argument_count, char **arguments);
};

/*
 * Find the command in the table by argv[1] (and argv[2] where the name has two words), parse the
 * rest, answer --help and --version, run it, check that stdout could be written. Returns the exit
 * code.
 */
int tr_cli_main(const struct tr_command *const *commands, size_t count, int argc, char **argv);

/* One or two lines on stderr: "tailrace: MESSAGE". */
void tr_cli_say_diagnostic(const struct tr_diagnostic *diagnostic);

/* The same, and the code that is given comes back, so that a command can return it. */
int tr_cli_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline int tr_cli_fail_diagnostic(int code, const struct tr_diagnostic *diagnostic)
{
	tr_cli_say_diagnostic(diagnostic);
	return code;
}

#endif
