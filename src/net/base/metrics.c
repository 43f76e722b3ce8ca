/*
 * metrics.c
 */
#include "base/metrics.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

metrics metrics_now;

static int statm = -1; /* /proc/self/statm */

static const struct
{
	uint64_t us;
	const char *label;
} buckets[METRICS_BUCKETS] = {
	{250, "0.00025"}, {500, "0.0005"},	{1000, "0.001"},	  {2500, "0.0025"}, {5000, "0.005"},
	{10000, "0.01"},  {25000, "0.025"}, {50000, "0.05"},	  {100000, "0.1"},	{500000, "0.5"},
	{1000000, "1"},	  {5000000, "5"},	{UINT64_MAX, "+Inf"},
};

static const char *const results[METRICS_RESULTS] = {"stored", "repeat", "rejected", "busy",
													 "gone",   "budget", "no_file"};

static const char *const outcomes[METRICS_OUTCOMES] = {"accepted",	  "no_session", "refused",	   "retry",
													   "unreachable", "paused",		"unauthorized"};

static const char *const api_results[METRICS_API_RESULTS] = {"queued",	   "repeat",  "no_session", "no_visitor",
															 "no_channel", "invalid", "busy",		"ended"};

/* Of what the worker tells. */
static const struct
{
	const char *kind;
	const char *name;
	const char *help;
} facts[WC_FACTS] = {
#define FACT(NAME, kind, metric, help) {kind, metric, help},
#include "common/facts.def"
};

/* The last one stands for codes that only clients choose. */
static const struct
{
	uint16_t code;
	const char *label;
} closes[METRICS_CLOSES] = {
	{1000, "1000"}, {1001, "1001"}, {1002, "1002"}, {1003, "1003"}, {1005, "1005"}, {1006, "1006"}, {1007, "1007"},
	{1008, "1008"}, {1009, "1009"}, {1011, "1011"}, {1013, "1013"}, {4001, "4001"}, {4003, "4003"}, {4008, "4008"},
	{4009, "4009"}, {4011, "4011"}, {4012, "4012"}, {4029, "4029"}, {0, "other"},
};

void
metrics_closed(uint16_t code)
{
	int i = 0;

	while (i < METRICS_CLOSES - 1 && closes[i].code != code)
		i++;
	metrics_now.closes[i]++;
}

void
metrics_done(uint8_t result, uint64_t us)
{
	int i = 0;

	if (result < METRICS_RESULTS)
		metrics_now.events[result]++;
	metrics_now.commit_us += us;
	while (us > buckets[i].us)
		i++;
	metrics_now.commit_buckets[i]++;
}

void
metrics_answered(uint64_t counts[METRICS_ANSWERS], uint32_t http_status)
{
	if (http_status == 0)
		counts[METRICS_ANSWERS - 1]++;
	else if (http_status < 300)
		counts[0]++;
	else
		counts[http_status < 500 ? http_status / 100 - 2 : 3]++;
}

static uint64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t) t.tv_sec * 1000 + (uint64_t) t.tv_nsec / 1000000;
}

void
metrics_budgets(const wc_budgets *budgets)
{
	metrics_now.budgets = *budgets;
	metrics_now.budgets_ms = now_ms();
}

void
metrics_facts(const wc_facts *facts)
{
	metrics_now.facts = *facts;
	metrics_now.facts_ms = now_ms();
}

void
metrics_open_memory(void)
{
	statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
}

static metrics_queue *
queue_of(uint32_t hub)
{
	int i;

	for (i = 0; i < METRICS_HUBS; i++)
	{
		if (metrics_now.queues[i].hub == hub)
			return &metrics_now.queues[i];
	}
	return NULL;
}

void
metrics_hub_depth(const wc_hub_depth *depth)
{
	metrics_queue *queue = queue_of(depth->hub);

	if (queue == NULL)
		queue = queue_of(0);
	if (queue == NULL)
		return;
	queue->hub = depth->hub;
	snprintf(queue->name, sizeof(queue->name), "%.*s", (int) depth->name.len, depth->name.p);
	queue->queued = depth->queued;
	queue->oldest_ms = depth->oldest_ms;
	queue->at_ms = now_ms();
}

void
metrics_hub_gone(uint32_t hub)
{
	metrics_queue *queue = queue_of(hub);

	if (queue != NULL)
		memset(queue, 0, sizeof(*queue));
}

/* The refusals of 503, or all others. */
static uint64_t
sum(bool turned_away)
{
	uint64_t n = 0;
	int i;

	for (i = REFUSE_NOTHING + 1; i < REFUSE_COUNT; i++)
	{
		if ((errors_get((refusal) i)->status == 503) == turned_away)
			n += metrics_now.refused[i];
	}
	return n;
}

uint64_t
metrics_refused(void)
{
	return sum(false) + metrics_now.malformed;
}

uint64_t
metrics_turned_away(void)
{
	return sum(true);
}

static void
one(FILE *f, const char *name, const char *type, const char *help, uint64_t v)
{
	fprintf(f, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name, (unsigned long long) v);
}

/* Of a refusal; those of a wrong method, of which each path has its own, are one. */
static uint64_t
refused(refusal why)
{
	uint64_t n = 0;
	int i;

	for (i = REFUSE_NOTHING + 1; i < REFUSE_COUNT; i++)
	{
		if (i == (int) why || (why == REFUSE_METHOD_POST && errors_get((refusal) i)->status == 405))
			n += metrics_now.refused[i];
	}
	return n;
}

static void
refusals_text(FILE *f)
{
	int i;

	fputs("# HELP webchatt_http_refused_total Requests refused, by status and reason.\n"
		  "# TYPE webchatt_http_refused_total counter\n",
		  f);
	for (i = REFUSE_NOTHING + 1; i < REFUSE_COUNT; i++)
	{
		const errors_row *row = errors_get((refusal) i);

		if (row->status == 405 && i != REFUSE_METHOD_POST)
			continue;
		fprintf(f, "webchatt_http_refused_total{status=\"%u\",reason=\"%s\"} %llu\n", row->status, row->code,
				(unsigned long long) refused((refusal) i));
	}
}

static void
events_text(FILE *f)
{
	uint64_t total = 0;
	int i;

	fputs("# HELP webchatt_events_total Events handed to the database, by what became of them.\n"
		  "# TYPE webchatt_events_total counter\n",
		  f);
	for (i = 0; i < METRICS_RESULTS; i++)
		fprintf(f, "webchatt_events_total{result=\"%s\"} %llu\n", results[i],
				(unsigned long long) metrics_now.events[i]);
	fputs("# HELP webchatt_commit_seconds From handing an event over to hearing of its commit.\n"
		  "# TYPE webchatt_commit_seconds histogram\n",
		  f);
	for (i = 0; i < METRICS_BUCKETS; i++)
	{
		total += metrics_now.commit_buckets[i];
		fprintf(f, "webchatt_commit_seconds_bucket{le=\"%s\"} %llu\n", buckets[i].label, (unsigned long long) total);
	}
	fprintf(f, "webchatt_commit_seconds_sum %.6f\nwebchatt_commit_seconds_count %llu\n",
			(double) metrics_now.commit_us / 1e6, (unsigned long long) total);
	fputs("# HELP webchatt_sends_total Requests to hubs, by what came of them.\n"
		  "# TYPE webchatt_sends_total counter\n",
		  f);
	for (i = 0; i < METRICS_OUTCOMES; i++)
		fprintf(f, "webchatt_sends_total{outcome=\"%s\"} %llu\n", outcomes[i],
				(unsigned long long) metrics_now.outcomes[i]);
}

static void
api_text(FILE *f)
{
	int i;

	fputs("# HELP webchatt_api_sends_total Messages that came by the REST API, by what became of them.\n"
		  "# TYPE webchatt_api_sends_total counter\n",
		  f);
	for (i = 0; i < METRICS_API_RESULTS; i++)
		fprintf(
			f, "webchatt_api_sends_total{result=\"%s\"} %llu\n", api_results[i],
			(unsigned long long) (metrics_now.api_sends[i] + (i == WC_API_NOT_KNOWN ? metrics_now.api_no_session : 0)));
}

/* What is used runs out evenly, also while the worker has nothing to say. */
static void
budgets_text(FILE *f)
{
	static const char *const budget_names[WC_BUDGETS] = {"newcomers", "messages", "bytes"};
	static const char *const reasons[METRICS_NEWCOMER_REASONS] = {"address", "budget", "paused"};
	const metrics *m = &metrics_now;
	double hours = m->budgets_ms ? (double) (now_ms() - m->budgets_ms) / 3600000 : 0;
	int i;

	fputs("# HELP webchatt_budget_used What visitors brought to the database, less what has run out.\n"
		  "# TYPE webchatt_budget_used gauge\n",
		  f);
	for (i = 0; i < WC_BUDGETS; i++)
	{
		double used = (double) m->budgets.used[i] - (double) m->budgets.an_hour[i] * hours;

		fprintf(f, "webchatt_budget_used{budget=\"%s\"} %.0f\n", budget_names[i], used > 0 ? used : 0);
	}
	fputs("# HELP webchatt_budget_an_hour So much may come, and runs out in an hour; 0: no limit.\n"
		  "# TYPE webchatt_budget_an_hour gauge\n",
		  f);
	for (i = 0; i < WC_BUDGETS; i++)
		fprintf(f, "webchatt_budget_an_hour{budget=\"%s\"} %llu\n", budget_names[i],
				(unsigned long long) m->budgets.an_hour[i]);
	fputs("# HELP webchatt_newcomers_refused_total New visitors who were told to come later, by reason.\n"
		  "# TYPE webchatt_newcomers_refused_total counter\n",
		  f);
	for (i = 0; i < METRICS_NEWCOMER_REASONS; i++)
		fprintf(f, "webchatt_newcomers_refused_total{reason=\"%s\"} %llu\n", reasons[i],
				(unsigned long long) m->newcomers_refused[i]);
}

static void
visitors_text(FILE *f)
{
	const metrics *m = &metrics_now;
	int i;

	one(f, "webchatt_visitors", "gauge", "Visitors' sessions that are open.", m->visitors);
	one(f, "webchatt_visitor_connections", "gauge",
		"Visitors' WebSockets and sessions by polling, also before hello and while closing.", m->visitor_connections);
	one(f, "webchatt_visitor_connections_total", "counter", "Visitors' WebSockets and sessions by polling opened.",
		m->visitors_entered);
	one(f, "webchatt_visitor_polls_total", "counter", "Of these those by polling: their line takes no WebSocket.",
		m->polls_entered);
	one(f, "webchatt_visitor_messages_total", "counter", "Visitors' messages handed to the database.",
		m->visitor_messages);
	one(f, "webchatt_visitor_rate_errors_total", "counter", "Visitors' frames refused for coming too fast.",
		m->visitor_rate_errors);
	one(f, "webchatt_pushes_total", "counter", "Messages that an open session of their visitor took.", m->pushes);
	fputs("# HELP webchatt_visitor_closes_total Visitors' WebSockets that ended, by close code.\n"
		  "# TYPE webchatt_visitor_closes_total counter\n",
		  f);
	for (i = 0; i < METRICS_CLOSES; i++)
		fprintf(f, "webchatt_visitor_closes_total{code=\"%s\"} %llu\n", closes[i].label,
				(unsigned long long) m->closes[i]);
}

static void
answers_text(FILE *f, const char *name, const char *help, const uint64_t counts[METRICS_ANSWERS])
{
	static const char *const answers[METRICS_ANSWERS] = {"2xx", "3xx", "4xx", "5xx", "none"};
	int i;

	fprintf(f, "# HELP %s %s\n# TYPE %s counter\n", name, help, name);
	for (i = 0; i < METRICS_ANSWERS; i++)
		fprintf(f, "%s{answer=\"%s\"} %llu\n", name, answers[i], (unsigned long long) counts[i]);
}

/* A hub's name needs no escapes: letters, digits, - and _. */
static void
queues_text(FILE *f)
{
	const metrics_queue *queues = metrics_now.queues;
	int i;

	fputs("# HELP webchatt_queued Messages that are queued, by hub.\n# TYPE webchatt_queued gauge\n", f);
	for (i = 0; i < METRICS_HUBS; i++)
	{
		if (queues[i].hub != 0)
			fprintf(f, "webchatt_queued{hub=\"%s\"} %llu\n", queues[i].name, (unsigned long long) queues[i].queued);
	}
	fputs("# HELP webchatt_oldest_queued_seconds How long the oldest of them has been waiting; 0: there is none.\n"
		  "# TYPE webchatt_oldest_queued_seconds gauge\n",
		  f);
	for (i = 0; i < METRICS_HUBS; i++)
	{
		uint64_t ms = queues[i].queued > 0 ? queues[i].oldest_ms + now_ms() - queues[i].at_ms : 0;

		if (queues[i].hub != 0)
			fprintf(f, "webchatt_oldest_queued_seconds{hub=\"%s\"} %.3f\n", queues[i].name, (double) ms / 1000);
	}
}

static void
hubs_text(FILE *f)
{
	queues_text(f);
	answers_text(f, "webchatt_webhook_deliveries_total",
				 "Requests to our own webhooks' endpoints, by how they were answered.", metrics_now.webhook_deliveries);
	answers_text(f, "webchatt_hub_calls_total",
				 "Calls of hubs about webhooks and their logs, by how they were answered.", metrics_now.hub_calls);
	one(f, "webchatt_links", "gauge", "Links of other databases that are open.", metrics_now.links);
	one(f, "webchatt_links_total", "counter", "Links opened by other databases.", metrics_now.links_entered);
	one(f, "webchatt_link_events_total", "counter", "Events sent by links, repeats too.", metrics_now.link_events);
}

static void
desk_text(FILE *f)
{
	static const char *const results[2] = {"good", "refused"};
	int i;

	one(f, "webchatt_desks", "gauge", "Desks that are open.", metrics_now.desks);
	answers_text(f, "webchatt_desk_calls_total", "Calls of the desk's functions, by how the database answered.",
				 metrics_now.desk_calls);
	fputs("# HELP webchatt_desk_sign_ins_total Attempts to sign in to the desk that the database judged.\n"
		  "# TYPE webchatt_desk_sign_ins_total counter\n",
		  f);
	for (i = 0; i < 2; i++)
		fprintf(f, "webchatt_desk_sign_ins_total{result=\"%s\"} %llu\n", results[i],
				(unsigned long long) metrics_now.desk_sign_ins[i]);
}

/* What is refused is in webchatt_http_refused_total, as all is. */
static void
files_text(FILE *f)
{
	const metrics *m = &metrics_now;

	fprintf(f,
			"# HELP webchatt_files Files in the database, by state.\n# TYPE webchatt_files gauge\n"
			"webchatt_files{state=\"whole\"} %llu\nwebchatt_files{state=\"arriving\"} %llu\n",
			(unsigned long long) (m->files.files - m->files.arriving), (unsigned long long) m->files.arriving);
	one(f, "webchatt_files_bytes", "gauge", "Bytes that these files have, or will have.", m->files.bytes);
	one(f, "webchatt_files_begun_total", "counter", "Files begun over HTTP.", m->files_begun);
	one(f, "webchatt_files_stored_total", "counter", "Files brought over HTTP to their last byte.", m->files_stored);
	one(f, "webchatt_files_cancelled_total", "counter", "Files cancelled over HTTP.", m->files_dropped);
	fprintf(f,
			"# HELP webchatt_file_bytes_total Bytes of files over HTTP: written, and served.\n"
			"# TYPE webchatt_file_bytes_total counter\n"
			"webchatt_file_bytes_total{way=\"in\"} %llu\nwebchatt_file_bytes_total{way=\"out\"} %llu\n",
			(unsigned long long) m->file_bytes[0], (unsigned long long) m->file_bytes[1]);
	one(f, "webchatt_file_pieces", "gauge", "Pieces of files that arrive or wait to be written.", m->pieces);
	one(f, "webchatt_file_pieces_bytes", "gauge", "Memory that these have.", (uint64_t) m->piece_kb * 1024);
	one(f, "webchatt_file_fetches", "gauge", "Files that are being fetched.", m->fetches);
}

/* Nothing where the worker has said nothing yet: a gauge of 0 would be a wrong one. */
static void
facts_text(FILE *f)
{
	const metrics *m = &metrics_now;

	if (m->facts_ms == 0)
		return;
	for (int i = 0; i < WC_FACTS; i++)
		one(f, facts[i].name, facts[i].kind, facts[i].help, m->facts.facts[i]);
	fprintf(f,
			"# HELP webchatt_worker_silent_seconds Since when the worker has told nothing: it is in a transaction.\n"
			"# TYPE webchatt_worker_silent_seconds gauge\nwebchatt_worker_silent_seconds %.3f\n",
			(double) (now_ms() - m->facts_ms) / 1000);
}

static void
memory_text(FILE *f)
{
	char text[128];
	ssize_t n = statm < 0 ? -1 : pread(statm, text, sizeof(text) - 1, 0);
	char *resident;

	if (n <= 0)
		return;
	text[n] = '\0';
	resident = strchr(text, ' ');
	if (resident != NULL)
		one(f, "webchatt_net_memory_bytes", "gauge", "What webchatt-net has in memory.",
			strtoull(resident, NULL, 10) * (uint64_t) sysconf(_SC_PAGESIZE));
}

char *
metrics_text(size_t *len)
{
	const metrics *m = &metrics_now;
	char *text = NULL;
	FILE *f = open_memstream(&text, len);

	if (f == NULL)
		return NULL;
	one(f, "webchatt_net_restarts_total", "counter",
		"Times that webchatt-net ended by itself and was started again, since the worker started.", m->restarts);
	one(f, "webchatt_http_connections", "gauge", "Open HTTP connections.", m->connections);
	one(f, "webchatt_http_connections_total", "counter", "HTTP connections accepted.", m->accepted);
	one(f, "webchatt_http_requests_total", "counter", "HTTP requests whose head was read.", m->requests);
	one(f, "webchatt_http_malformed_total", "counter", "Heads that are not HTTP at all, or too long.", m->malformed);
	refusals_text(f);
	one(f, "webchatt_webhook_verifications_total", "counter", "Endpoint verifications answered.", m->verifications);
	one(f, "webchatt_events_waiting", "gauge", "Events waiting for their commit.", m->waiting);
	events_text(f);
	api_text(f);
	one(f, "webchatt_sends_pending", "gauge", "Requests to hubs queued or under way.", m->sending);
	one(f, "webchatt_channels", "gauge", "Channels whose webhooks are taken.", m->channels);
	visitors_text(f);
	budgets_text(f);
	hubs_text(f);
	desk_text(f);
	files_text(f);
	facts_text(f);
	memory_text(f);
	if (fclose(f) != 0)
	{
		free(text);
		return NULL;
	}
	return text;
}
