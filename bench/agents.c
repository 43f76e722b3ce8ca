/*
 * agents.c
 *	  See agents.h.
 */
#include "agents.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "measure.h"

static agents_setup setup;
static pthread_t *threads;
static atomic_int running;
static atomic_bool stopped;

static struct
{
	const char *conninfo;
	const char *sql;
	_Atomic int64_t *began;
	_Atomic int64_t *ended;
} single;

static void
execute(PGconn *conn, const char *sql)
{
	PGresult *result = PQexec(conn, sql);
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
	{
		fprintf(stderr, "visitor_load: %s", PQerrorMessage(conn));
		exit(1);
	}
	PQclear(result);
}

static void
send_one(PGconn *conn, uint32_t n, const char *visitor)
{
	char sql[160];
	reply_times *t = &setup.times[n];

	(void) snprintf(sql, sizeof(sql), "BEGIN; EXECUTE send('%s', '%u')", visitor, n);
	execute(conn, sql);
	t->before_commit = measure_now();
	execute(conn, "COMMIT");
	t->after_commit = measure_now();
}

static PGconn *
session(const char *conninfo)
{
	PGconn *conn = PQconnectdb(conninfo);

	if (PQstatus(conn) != CONNECTION_OK)
	{
		fprintf(stderr, "visitor_load: %s", PQerrorMessage(conn));
		exit(1);
	}
	return conn;
}

/* Session i sends the messages i, i + sessions, ..., each when it is due. */
static void *
agent(void *arg)
{
	uint64_t random = ((uint64_t) (uintptr_t) arg + 1) * UINT64_C(0x9E3779B97F4A7C15);
	char sql[256];
	PGconn *conn = session(setup.conninfo);

	(void) snprintf(sql, sizeof(sql),
					"PREPARE send(text, text) AS "
					"SELECT webchatt.send_message('%s'::uuid, $1, text => $2)",
					setup.channel);
	execute(conn, sql);
	for (uint32_t n = (uint32_t) (uintptr_t) arg; n < setup.total && !atomic_load(&stopped);
		 n += (uint32_t) setup.sessions)
	{
		int64_t due = setup.start + (int64_t) (n * 1e9 / setup.rate);
		struct timespec ts = {.tv_sec = due / 1000000000, .tv_nsec = due % 1000000000};

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		setup.times[n].due = due;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
		send_one(conn, n, setup.visitor(random));
	}
	PQfinish(conn);
	atomic_fetch_sub(&running, 1);
	return NULL;
}

static void *
run_single(void *arg)
{
	PGconn *conn = session(single.conninfo);

	(void) arg;
	atomic_store(single.began, measure_now());
	execute(conn, single.sql);
	atomic_store(single.ended, measure_now());
	PQfinish(conn);
	atomic_fetch_sub(&running, 1);
	return NULL;
}

static void
start_threads(int n, void *(*what)(void *) )
{
	threads = calloc((size_t) n, sizeof(*threads));
	if (threads == NULL)
		measure_fatal("calloc");
	atomic_store(&running, n);
	setup.sessions = n;
	for (int i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, what, (void *) (uintptr_t) i) != 0)
			measure_fatal("pthread_create");
}

void
agents_start(const agents_setup *s)
{
	setup = *s;
	start_threads(setup.sessions, agent);
}

void
agents_run(const char *conninfo, const char *sql, _Atomic int64_t *began, _Atomic int64_t *ended)
{
	single.conninfo = conninfo;
	single.sql = sql;
	single.began = began;
	single.ended = ended;
	start_threads(1, run_single);
}

void
agents_stop(void)
{
	atomic_store(&stopped, true);
}

bool
agents_are_done(void)
{
	return atomic_load(&running) == 0;
}

void
agents_join(void)
{
	for (int i = 0; i < setup.sessions; i++)
		pthread_join(threads[i], NULL);
	free(threads);
}
