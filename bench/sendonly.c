/*
 * sendonly.c
 *	  webchatt-net's sender alone, without corridor and database, on the
 *	  requests of barecurl: what our own code around libcurl costs.
 *
 *	  sendonly API_URL REQUESTS IN_FLIGHT [CA_FILE]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"
#include "outbound/hub_sender.h"

static long left;
static long done;
static long total;
static long failed;
static hub_sender *out;

static void
give(void)
{
	char to[32];
	char content[64];
	wc_send m = {0};

	left--;
	(void) snprintf(to, sizeof(to), "visitor-%ld", left % 1000);
	(void) snprintf(content, sizeof(content), "{\"text\": \"message number %ld\"}", left);
	m.token = (uint64_t) left;
	m.hub = 1;
	memcpy(m.message, &left, sizeof(left));
	m.kind = wc_str_from("web-chatt2me");
	m.to = wc_str_from(to);
	m.content = wc_str_from(content);
	hub_sender_send(out, &m);
}

static void
on_outcome(void *arg, const wc_outcome *outcome)
{
	(void) arg;
	if (outcome->result != WC_OUT_ACCEPTED && failed++ == 0)
		fprintf(stderr, "the first failure: result %u: %.*s\n", outcome->result, (int) outcome->error_message.len,
				outcome->error_message.p);
	done++;
	if (left > 0)
		give();
	else if (done == total)
		hub_sender_free(out);
}

int
main(int argc, char **argv)
{
	uv_loop_t loop;
	wc_config config = {0};
	wc_hub_put hub = {0};
	uint64_t began;
	double took;

	if (argc < 4 || argc > 5 || (total = strtol(argv[2], NULL, 10)) <= 0 ||
		(config.max_in_flight = (uint32_t) strtoul(argv[3], NULL, 10)) == 0)
	{
		fputs("usage: sendonly API_URL REQUESTS IN_FLIGHT [CA_FILE]\n", stderr);
		return 1;
	}
	uv_loop_init(&loop);
	out = hub_sender_new(&loop, on_outcome, NULL);
	if (argc == 5)
		config.ca_file = wc_str_from(argv[4]);
	config.send_timeout_ms = 30000;
	config.connect_timeout_ms = 10000;
	hub_sender_configure(out, &config);
	hub.hub = 1;
	hub.api_url = wc_str_from(argv[1]);
	hub.api_key = wc_str_from("bench");
	hub_sender_hub_put(out, &hub);
	left = total;
	began = uv_hrtime();
	for (uint32_t i = 0; i < 2 * config.max_in_flight && left > 0; i++)
		give();
	uv_run(&loop, UV_RUN_DEFAULT);
	took = (double) (uv_hrtime() - began) / 1e9;
	printf("rate=%.0f cpu_us=%.1f failed=%ld\n", (double) total / took, measure_cpu_us() / (double) total, failed);
	return failed > 0;
}
