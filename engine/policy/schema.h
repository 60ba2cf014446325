/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table per kind of input file: it reads the file, and it writes the file's JSON Schema, its
 * reference page and its canonical form. So what is documented is what is accepted.
 *
 * A table lists the fields of a struct: key, kind, range, default, unit, meaning. tr_schema_read()
 * walks a document by it and refuses unknown keys, wrong types, values out of range and names that
 * refer to nothing, each with what would be right and the nearest valid name. Defaults are texts in
 * the file's own notation and go through the same readers. A number or word that is neither
 *required nor has a default is 0 where not given; give it a range or values without 0.
 *
 * Usage:
 *
 *	struct zoo { struct tr_rows cages; tr_span_ns pause_ns; uint32_t first; };
 *	struct cage { struct tr_row row; uint32_t beds; bool open; };	(rows begin with tr_row)
 *
 *	static const struct tr_schema_field cage_fields[] = {
 *		TR_INTEGER(struct cage, beds, "beds", 1, 9, "2", "beds", "How many sleep here."),
 *		TR_BOOL(struct cage, open, "open", "true", "Whether visitors see it."),
 *	};
 *	static const struct tr_table cage_table = TR_TABLE(struct cage, cage_fields, "cage");
 *	static const struct tr_reference to_cage = TR_REFERENCE_TO(struct zoo, cages, cage_table);
 *
 *	static const struct tr_schema_field zoo_fields[] = {
 *		TR_MAP(struct zoo, cages, "cages", &cage_table, 1, 99, "The cages by name.",
 *		       .required = true),
 *		TR_DURATION_MS(struct zoo, pause_ns, "pause_ms", 0, 60000, "1500", "Midday."),
 *		TR_REFERENCE(struct zoo, first, "first", &to_cage, NULL, "Where the tour begins."),
 *	};
 *	static const struct tr_table zoo_table = TR_TABLE(struct zoo, zoo_fields, "zoo");
 *	const struct tr_schema zoo_schema = {.name = "zoo", .title = "Zoo", .root = &zoo_table};
 *
 *	struct tr_arena arena = {0};
 *	struct zoo zoo;
 *	tr_document_load(path, &document, &diagnostic);
 *	tr_schema_read(&zoo_schema, document, &arena, &zoo, &diagnostic);
 *
 * reads `cages: {lion: {beds: 3}, owl: {}}`, gives rows sorted by name, 1.5 s of pause, and TR_NONE
 * for `first`. Checks across fields are the caller's: it reports them with tr_schema_diagnose() at
 * the node a row remembers.
 */
#ifndef TR_POLICY_SCHEMA_H
#define TR_POLICY_SCHEMA_H

#include "engine/base.h"
#include "engine/policy/arena.h"
#include "engine/policy/document.h"

/* Names: 1..100 bytes of A-Z a-z 0-9 . _ : / @ + ~ - that do not begin with '-'. */
#define TR_NAME_BYTES_MAX 100
#define TR_NAME_PATTERN	  "^[A-Za-z0-9._:/@+~][A-Za-z0-9._:/@+~-]{0,99}$"

/* Row of a reference written as "*", where the field permits that. */
#define TR_STAR (UINT32_MAX - 1)

/* The first member of a row of a map or a list. */
struct tr_row {
	const char *name;	    /* its key in a map; NULL in a list */
	const struct tr_node *node; /* where it was given; NULL: a built-in row */
};

/* A member for TR_MAP (sorted by name bytes) and TR_LIST (in file order, sets sorted). */
struct tr_rows {
	void *items;
	uint32_t count;
};

/* What a field holds, and the C type of its member. */
enum tr_kind {
	TR_KIND_INTEGER,   /* uint8_t .. uint64_t */
	TR_KIND_DECIMAL,   /* the same, in units of 10^-scale; never through floating point */
	TR_KIND_BOOL,	   /* bool or uint8_t */
	TR_KIND_ENUM,	   /* uint8_t .. uint64_t, the value of one of `words` */
	TR_KIND_FLAGS,	   /* the same; a list of words, their values or-ed */
	TR_KIND_NAME,	   /* const char *; NULL: not given */
	TR_KIND_TEXT,	   /* const char *, UTF-8 without control characters; NULL: not given */
	TR_KIND_REFERENCE, /* uint32_t, row in the map referred to; TR_NONE: not given */
	TR_KIND_OBJECT,	   /* a struct */
	TR_KIND_MAP,	   /* struct tr_rows */
	TR_KIND_LIST,	   /* struct tr_rows */
	TR_KIND_TREE,	   /* const struct tr_node *, of one of `shapes`; NULL: not given */
};

/* What the value of a TREE may be; or-ed. What it means is said by who takes it from there. */
enum tr_shape {
	TR_SHAPE_TEXT = 1 << 0,
	TR_SHAPE_NUMBER = 1 << 1,
	TR_SHAPE_BOOL = 1 << 2,
	TR_SHAPE_MAP = 1 << 3,
	TR_SHAPE_LIST = 1 << 4,
};

/* One word of an enumeration; the array ends with a NULL word. */
struct tr_word {
	const char *word;
	uint64_t value;
	const char *doc; /* one clause, or NULL */
};

/* How a map's built-in rows (its default) mix with a file's own. */
enum tr_builtin {
	TR_BUILTIN_WHOLE, /* they stand only where the file does not give the map */
	TR_BUILTIN_EACH,  /* each stands unless the file has a row of its name */
};

struct tr_table;
struct tr_reference;

struct tr_schema_field {
	const char *key;
	enum tr_kind kind;
	enum tr_builtin builtin; /* MAP */
	bool required;
	bool optional;	/* OBJECT: where absent it stays zeroes instead of taking defaults; needs
			   `node` */
	bool star;	/* REFERENCE: "*" is permitted; MAP: as a name of a row */
	bool set;	/* LIST of scalars: order means nothing, the same twice is refused */
	uint8_t width;	/* bytes of the member, scalars */
	uint8_t scale;	/* DECIMAL: digits behind the point, 0..9 */
	uint8_t shapes; /* TREE: enum tr_shape */
	size_t offset;	/* of the member */
	size_t node;  /* offset of a `const struct tr_node *` that gets the value's node, NULL where
			 not given; 0: not wanted */
	uint64_t min; /* number in the member's units; rows; bytes of a text */
	uint64_t max;
	const char *initial; /* default in the file's notation: a bare word or number, or JSON for
				 lists and maps; NULL: none */
	const char *initial_note; /* the default in words, where it depends on other fields */
	const char *unit;
	const char *doc;
	const struct tr_word *words;
	const struct tr_table *table;
	const struct tr_reference *reference;
};

/* Fields of one struct. `scalar`: rows are not objects but the value of the only field. */
struct tr_table {
	const char *name; /* what one is called: "model" */
	const char *doc;  /* a sentence or more for the reference, or NULL */
	size_t size;
	const struct tr_schema_field *fields;
	size_t field_count; /* 1..64 */
	bool scalar;
};

/* A map at the root that others refer to by name. */
struct tr_reference {
	const struct tr_table *table;
	size_t offset; /* of the map's tr_rows in the root struct */
};

struct tr_schema {
	const char *name;  /* "policy" */
	const char *title; /* "Policy" */
	const char *doc;   /* Markdown that opens the reference; NULL: none */
	const struct tr_table *root;
};

#define TR_MEMBER_WIDTH(type, member) (uint8_t)sizeof(((type *)0)->member)

/* The documentation comes last, so that more members may be set behind it: "Doc.", .star = true. */
#define TR_TABLE(type, fields_, ...)                                                               \
	{                                                                                          \
		.size = sizeof(type), .fields = (fields_),                                         \
		.field_count = sizeof(fields_) / sizeof((fields_)[0]), .name = __VA_ARGS__         \
	}
#define TR_REFERENCE_TO(root, member, table_)                                                      \
	{                                                                                          \
		.table = &(table_), .offset = offsetof(root, member)                               \
	}

#define TR_INTEGER(type, member, key_, min_, max_, initial_, unit_, ...)                           \
	{                                                                                          \
		.key = (key_), .kind = TR_KIND_INTEGER, .offset = offsetof(type, member),          \
		.width = TR_MEMBER_WIDTH(type, member), .min = (min_), .max = (max_),              \
		.initial = (initial_), .unit = (unit_), .doc = __VA_ARGS__                         \
	}
/* min_ and max_ in the member's units: with scale 3, 2500 is 2.5. */
#define TR_DECIMAL(type, member, key_, scale_, min_, max_, initial_, unit_, ...)                   \
	{                                                                                          \
		.key = (key_), .kind = TR_KIND_DECIMAL, .offset = offsetof(type, member),          \
		.width = TR_MEMBER_WIDTH(type, member), .scale = (scale_), .min = (min_),          \
		.max = (max_), .initial = (initial_), .unit = (unit_), .doc = __VA_ARGS__          \
	}
/* Milliseconds in the file (decimals permitted), nanoseconds in the member; min_, max_ in ms. */
#define TR_DURATION_MS(type, member, key_, min_, max_, initial_, ...)                              \
	TR_DECIMAL(type, member, key_, 6, (min_)*UINT64_C(1000000), (max_)*UINT64_C(1000000),      \
		   initial_, "ms", __VA_ARGS__)
/* Seconds in the file, nanoseconds in the member; min_, max_ in s. */
#define TR_DURATION_S(type, member, key_, min_, max_, initial_, ...)                               \
	TR_DECIMAL(type, member, key_, 9, (min_)*UINT64_C(1000000000),                             \
		   (max_)*UINT64_C(1000000000), initial_, "s", __VA_ARGS__)
#define TR_BOOL(type, member, key_, initial_, ...)                                                 \
	{                                                                                          \
		.key = (key_), .kind = TR_KIND_BOOL, .offset = offsetof(type, member),             \
		.width = TR_MEMBER_WIDTH(type, member), .initial = (initial_), .doc = __VA_ARGS__  \
	}
#define TR_ENUM(type, member, key_, words_, initial_, ...)                                         \
	{                                                                                          \
		.key = (key_), .kind = TR_KIND_ENUM, .offset = offsetof(type, member),             \
		.width = TR_MEMBER_WIDTH(type, member), .words = (words_), .initial = (initial_),  \
		.doc = __VA_ARGS__                                                                 \
	}
/* initial_ is JSON: "[\"a\",\"b\"]". */
#define TR_FLAGS(type, member, key_, words_, initial_, ...)                                        \
	{                                                                                          \
		.key = (key_), .kind = TR_KIND_FLAGS, .offset = offsetof(type, member),            \
		.width = TR_MEMBER_WIDTH(type, member), .words = (words_), .initial = (initial_),  \
		.doc = __VA_ARGS__                                                                 \
	}
#define TR_NAME(type, member, key_, initial_, ...)                                                 \
	{                                                                                          \
		.key = (key_), .kind = TR_KIND_NAME, .offset = offsetof(type, member),             \
		.width = TR_MEMBER_WIDTH(type, member), .initial = (initial_), .doc = __VA_ARGS__  \
	}
/* min_ and max_ in bytes. */
#define TR_TEXT(type, member, key_, min_, max_, initial_, ...)                                     \
	{                                                                                          \
		.key = (key_), .kind = TR_KIND_TEXT, .offset = offsetof(type, member),             \
		.width = TR_MEMBER_WIDTH(type, member), .min = (min_), .max = (max_),              \
		.initial = (initial_), .doc = __VA_ARGS__                                          \
	}
#define TR_REFERENCE(type, member, key_, reference_, initial_, ...)                                \
	{                                                                                          \
		.key = (key_), .kind = TR_KIND_REFERENCE, .offset = offsetof(type, member),        \
		.width = TR_MEMBER_WIDTH(type, member), .reference = (reference_),                 \
		.initial = (initial_), .doc = __VA_ARGS__                                          \
	}
#define TR_OBJECT(type, member, key_, table_, ...)                                                 \
	{                                                                                          \
		.key = (key_), .kind = TR_KIND_OBJECT, .offset = offsetof(type, member),           \
		.table = (table_), .doc = __VA_ARGS__                                              \
	}
/* min_ and max_ in rows; with .initial = JSON for built-in rows, .star = true to permit "*". */
#define TR_MAP(type, member, key_, table_, min_, max_, ...)                                        \
	{                                                                                          \
		.key = (key_), .kind = TR_KIND_MAP, .offset = offsetof(type, member),              \
		.table = (table_), .min = (min_), .max = (max_), .doc = __VA_ARGS__                \
	}
#define TR_LIST(type, member, key_, table_, min_, max_, ...)                                       \
	{                                                                                          \
		.key = (key_), .kind = TR_KIND_LIST, .offset = offsetof(type, member),             \
		.table = (table_), .min = (min_), .max = (max_), .doc = __VA_ARGS__                \
	}
/* The document must live as long as the struct: the member points into it. */
#define TR_TREE(type, member, key_, shapes_, ...)                                                  \
	{                                                                                          \
		.key = (key_), .kind = TR_KIND_TREE, .offset = offsetof(type, member),             \
		.width = TR_MEMBER_WIDTH(type, member), .shapes = (shapes_), .doc = __VA_ARGS__    \
	}

/*
 * Read a document into *ret (a struct of the root table, cleared first). Rows and texts live in the
 * arena; nodes point into the document. Returns 0, or -1 and *ret_diagnostic; *ret is then not to
 * be used, the arena still to be released.
 */
int tr_schema_read(const struct tr_schema *schema, const struct tr_document *document,
		   struct tr_arena *arena, void *ret, struct tr_diagnostic *ret_diagnostic);

/* tr_diagnose() at a node (NULL: the whole document). Returns -1. */
int tr_schema_diagnose(struct tr_diagnostic *ret, const struct tr_document *document,
		       const struct tr_node *node, const char *key, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* How many keys of the document's root the schema knows; 0 if the root is no map. Tells what kind
 * of file it is. */
uint32_t tr_schema_match(const struct tr_schema *schema, const struct tr_document *document);

/* Whether a text is a name. */
bool tr_name_valid(const char *text, size_t length);

/*
 * The canonical form of what tr_schema_read() gave: JSON on one line, every default filled in, keys
 * and sets sorted; keys whose value is "none" are left out. NULL when memory is out; to be freed
 * with free(). *ret_nodes: values in it, as TR_DOCUMENT_NODES_MAX counts them.
 */
char *tr_schema_canonical(const struct tr_schema *schema, const void *root, size_t *ret_length,
			  size_t *ret_nodes);

/* The JSON Schema (draft 2020-12) and the Markdown reference; NULL when memory is out; to be freed
 * with free(). */
char *tr_schema_json(const struct tr_schema *schema);
char *tr_schema_reference(const struct tr_schema *schema);

#endif
