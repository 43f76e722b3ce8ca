/*
 * commits.c
 *	  Sends messages through SQL at a fixed rate, and notes when each COMMIT
 *	  was asked for, so that it can be held against the hub's log.
 *
 *	  commits CONNINFO STATEMENT COUNT RATE > FILE
 *
 * The statement takes the visitor as $1 and gives the message's id.  SIGTERM ends
 * it early.
 *
 * Prints a line for each: message id, time before COMMIT and time after it
 * (CLOCK_REALTIME, ns).
 */
#include <libpq-fe.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "measure.h"

static volatile sig_atomic_t stopped;

static PGresult *
expect(PGconn *conn, PGresult *result, ExecStatusType status)
{
	if (PQresultStatus(result) != status)
	{
		fprintf(stderr, "commits: %s", PQerrorMessage(conn));
		exit(1);
	}
	return result;
}

static void
send_one(PGconn *conn, long n)
{
	char visitor[32];
	const char *values[] = {visitor};
	PGresult *sent;
	int64_t before;
	int64_t after;

	(void) snprintf(visitor, sizeof(visitor), "commit-%ld", n);
	PQclear(expect(conn, PQexec(conn, "BEGIN"), PGRES_COMMAND_OK));
	sent = expect(conn, PQexecPrepared(conn, "send", 1, values, NULL, NULL, 0), PGRES_TUPLES_OK);
	before = measure_wall();
	PQclear(expect(conn, PQexec(conn, "COMMIT"), PGRES_COMMAND_OK));
	after = measure_wall();
	printf("%s %lld %lld\n", PQgetvalue(sent, 0, 0), (long long) before, (long long) after);
	PQclear(sent);
}

static void
on_stop(int signo)
{
	(void) signo;
	stopped = 1;
}

int
main(int argc, char **argv)
{
	PGconn *conn;
	long count;
	double rate;
	int64_t due;

	if (argc != 5 || (count = strtol(argv[3], NULL, 10)) <= 0 || (rate = strtod(argv[4], NULL)) <= 0)
	{
		fputs("usage: commits CONNINFO STATEMENT COUNT RATE\n", stderr);
		return 1;
	}
	conn = PQconnectdb(argv[1]);
	if (PQstatus(conn) != CONNECTION_OK)
	{
		fprintf(stderr, "commits: %s", PQerrorMessage(conn));
		return 1;
	}
	PQclear(expect(conn, PQprepare(conn, "send", argv[2], 1, NULL), PGRES_COMMAND_OK));
	(void) sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_stop}, NULL);
	due = measure_now();
	for (long n = 0; n < count && !stopped; n++)
	{
		struct timespec ts = {.tv_sec = due / 1000000000, .tv_nsec = due % 1000000000};

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
		send_one(conn, n);
		due += (int64_t) (1e9 / rate);
	}
	PQfinish(conn);
	return 0;
}
