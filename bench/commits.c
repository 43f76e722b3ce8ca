/*
 * commits.c
 *	  Sends messages through SQL at a fixed rate, and notes when each COMMIT
 *	  was asked for, so that it can be held against the hub's log.
 *
 *	  commits CONNINFO CHANNEL COUNT RATE > FILE
 *
 * Prints a line for each: message id, time before COMMIT and time after it
 * (CLOCK_REALTIME, ns).
 */
#include <libpq-fe.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "measure.h"

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
send_one(PGconn *conn, const char *channel, long n)
{
	char visitor[32];
	const char *values[] = {channel, visitor};
	PGresult *sent;
	int64_t before;
	int64_t after;

	(void) snprintf(visitor, sizeof(visitor), "commit-%ld", n);
	PQclear(expect(conn, PQexec(conn, "BEGIN"), PGRES_COMMAND_OK));
	sent = expect(conn, PQexecPrepared(conn, "send", 2, values, NULL, NULL, 0), PGRES_TUPLES_OK);
	before = measure_wall();
	PQclear(expect(conn, PQexec(conn, "COMMIT"), PGRES_COMMAND_OK));
	after = measure_wall();
	printf("%s %lld %lld\n", PQgetvalue(sent, 0, 0), (long long) before, (long long) after);
	PQclear(sent);
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
		fputs("usage: commits CONNINFO CHANNEL COUNT RATE\n", stderr);
		return 1;
	}
	conn = PQconnectdb(argv[1]);
	if (PQstatus(conn) != CONNECTION_OK)
	{
		fprintf(stderr, "commits: %s", PQerrorMessage(conn));
		return 1;
	}
	PQclear(
		expect(conn,
			   PQprepare(conn, "send",
						 "SELECT webchatt.send_message($1::uuid, $2::text, text => 'how long does it take?')", 2, NULL),
			   PGRES_COMMAND_OK));
	due = measure_now();
	for (long n = 0; n < count; n++)
	{
		struct timespec ts = {.tv_sec = due / 1000000000, .tv_nsec = due % 1000000000};

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
		send_one(conn, argv[2], n);
		due += (int64_t) (1e9 / rate);
	}
	PQfinish(conn);
	return 0;
}
