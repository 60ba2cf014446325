/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One poll over the pipes of all children. A child has ended when its pipe has: it holds the only
 * other end, and a process that dies in whatever way closes it. What it had written by then is read
 * before, so nothing is lost, and nobody waits for a child that waits for a full pipe.
 */
#include "cli/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/base.h"

#define TICK_MS	   100
#define BLOCK	   65536
#define ANSWER_MAX ((size_t)256 << 20)

struct child {
	pid_t pid;
	int pipe;
	uint32_t index;
	char *text;
	size_t length;
	size_t capacity;
	uint64_t began_ns;
};

struct pool {
	const struct tr_pool_work *work;
	struct child *children;
	struct pollfd *polled;
	uint32_t running;
	uint32_t next;
	uint32_t last; /* of interest */
};

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * TR_SECOND + (uint64_t)now.tv_nsec;
}

/* ---------------------------------------------------------------------------------------- child */

static _Noreturn void be_child(const struct pool *pool, uint32_t index, int pipe, pid_t parent)
{
	FILE *answer = fdopen(pipe, "w");
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);

	/* Standard input is nobody's: many would read it at once. */
	if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0)
		_exit(1);
	/* A parent that is gone before this has nobody to be told. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent || !answer)
		_exit(1);
	(void)signal(SIGPIPE, SIG_DFL);
	for (uint32_t i = 0; i < pool->running; i++)
		(void)close(pool->children[i].pipe);
	pool->work->play(pool->work->self, index, answer);
	/* What the parent has buffered is its own to write. */
	_exit(fclose(answer) == 0 ? 0 : 1);
}

static int begin(struct pool *pool)
{
	struct child *child = &pool->children[pool->running];
	pid_t pid, parent = getpid();
	int ends[2], error;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return errno;
	pid = fork();
	if (pid == 0)
		be_child(pool, pool->next, ends[1], parent);
	error = errno;
	(void)close(ends[1]);
	if (pid < 0) {
		(void)close(ends[0]);
		return error;
	}
	*child = (struct child){
		.pid = pid, .pipe = ends[0], .index = pool->next, .began_ns = now_ns()};
	pool->running++;
	pool->next++;
	return 0;
}

/* --------------------------------------------------------------------------------------- parent */

/* Take what is in the pipe. Returns whether there may be more. */
static bool read_some(struct child *child)
{
	ssize_t got;

	if (child->capacity - child->length < BLOCK) {
		size_t capacity = child->capacity ? child->capacity * 2 : (size_t)2 * BLOCK;
		char *larger = capacity <= ANSWER_MAX ? realloc(child->text, capacity) : NULL;

		if (!larger) {
			(void)kill(child->pid, SIGKILL);
			return false;
		}
		child->text = larger;
		child->capacity = capacity;
	}
	got = read(child->pipe, child->text + child->length, BLOCK);
	if (got > 0)
		child->length += (size_t)got;
	return got > 0 || (got < 0 && errno == EINTR);
}

static int wait_for(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return status;
}

static void kill_behind(const struct pool *pool)
{
	for (uint32_t i = 0; i < pool->running; i++)
		if (pool->children[i].index > pool->last)
			(void)kill(pool->children[i].pid, SIGKILL);
}

static void end(struct pool *pool, uint32_t at)
{
	struct child child = pool->children[at];
	struct tr_pool_answer answer = {
		.index = child.index,
		.text = child.text,
		.length = child.length,
		.status = wait_for(child.pid),
		.wall_ns = now_ns() - child.began_ns,
	};
	uint32_t last = pool->last;

	(void)close(child.pipe);
	pool->children[at] = pool->children[--pool->running];
	if (child.index <= pool->last)
		last = pool->work->take(pool->work->self, &answer);
	free(child.text);
	if (last < pool->last) {
		pool->last = last;
		kill_behind(pool);
	}
}

static void poll_children(struct pool *pool)
{
	uint32_t count = pool->running;

	for (uint32_t i = 0; i < count; i++)
		pool->polled[i] = (struct pollfd){.fd = pool->children[i].pipe, .events = POLLIN};
	if (poll(pool->polled, count, TICK_MS) <= 0)
		return;
	/* Backwards, for the last child takes the place of one that has ended. */
	for (uint32_t i = count; i-- > 0;)
		if (pool->polled[i].revents && !read_some(&pool->children[i]))
			end(pool, i);
}

static bool has_more(const struct pool *pool)
{
	return pool->next < pool->work->count && pool->next <= pool->last;
}

/* A process that cannot be made now can be made when another has ended. */
static int fill(struct pool *pool)
{
	while (has_more(pool) && pool->running < pool->work->jobs) {
		int error = begin(pool);

		if (error)
			return pool->running > 0 ? 0 : error;
	}
	return 0;
}

int tr_pool_run(const struct tr_pool_work *work)
{
	struct pool pool = {.work = work, .last = UINT32_MAX};
	int error = 0;

	TR_ASSERT(work->jobs >= 1 && work->jobs <= TR_POOL_JOBS_MAX);
	pool.children = calloc(work->jobs, sizeof(*pool.children));
	pool.polled = calloc(work->jobs, sizeof(*pool.polled));
	if (!pool.children || !pool.polled)
		error = ENOMEM;
	while (!error && (pool.running > 0 || has_more(&pool))) {
		error = fill(&pool);
		poll_children(&pool);
		work->tick(work->self, pool.running);
	}
	free(pool.children);
	free(pool.polled);
	return error;
}

unsigned tr_pool_cpus(void)
{
	cpu_set_t set;
	int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;

	return count < 1 ? 1 : (unsigned)tr_min((uint64_t)count, TR_POOL_JOBS_MAX);
}
