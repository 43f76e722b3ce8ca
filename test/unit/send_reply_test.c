/*
 * send_reply_test.c
 *	  What a hub's answer to a send means, whatever bytes it is made of.
 */
#include <string.h>

#include "outbound/send_reply.h"
#include "tap.h"

#define BYTES(text) text, sizeof(text) - 1

static const struct
{
	const char *body;
	size_t len;
	uint32_t http_status;
	wc_outcome_result result;
	const char *hub_status;
	const char *id;
	const char *code;
} cases[] = {
	{BYTES("{\"messageId\":\"m\",\"status\":\"sent\"}"), 200, WC_OUT_ACCEPTED, "sent", "m", ""},
	/* no error, in every form */
	{BYTES("{\"messageId\":\"m\",\"status\":\"sent\",\"errorCode\":0}"), 200, WC_OUT_ACCEPTED, "sent", "m", ""},
	{BYTES("{\"messageId\":\"m\",\"status\":\"sent\",\"errorCode\":\"0\"}"), 200, WC_OUT_ACCEPTED, "sent", "m", ""},
	{BYTES("{\"messageId\":\"m\",\"status\":\"sent\",\"errorCode\":\"\"}"), 200, WC_OUT_ACCEPTED, "sent", "m", ""},
	{BYTES("{\"messageId\":\"m\",\"status\":\"sent\",\"errorCode\":null}"), 200, WC_OUT_ACCEPTED, "sent", "m", ""},
	{BYTES("{\"messageId\":null,\"status\":\"error\",\"errorCode\":0}"), 200, WC_OUT_REFUSED, "error", "", ""},
	{BYTES("{\"messageId\":\"m\",\"status\":\"sent\",\"errorCode\":130472}"), 200, WC_OUT_REFUSED, "sent", "m",
	 "130472"},
	{BYTES("{\"status\":\"error\",\"errorCode\":\"session_not_found\"}"), 200, WC_OUT_NO_SESSION, "error", "",
	 "session_not_found"},
	/* ids that are numbers */
	{BYTES("{\"messageId\":12345678901234567890,\"status\":\"sent\"}"), 200, WC_OUT_ACCEPTED, "sent",
	 "12345678901234567890", ""},
	{BYTES("{\"messageId\":1.5,\"status\":\"sent\"}"), 200, WC_OUT_ACCEPTED, "sent", "", ""},
	/* odd bytes in fields that nobody reads, and in those that we read */
	{BYTES("{\"messageId\":\"m\",\"status\":\"sent\",\"x\":\"\\ud83d\\u0000\",\"\\u0000\":1e400}"), 200,
	 WC_OUT_ACCEPTED, "sent", "m", ""},
	{BYTES("\xEF\xBB\xBF{\"messageId\":\"m\",\"status\":\"sent\",\"x\":123456789012345678901}"), 200, WC_OUT_ACCEPTED,
	 "sent", "m", ""},
	{BYTES("{\"messageId\":\"m\",\"status\":\"sent\",\"x\":\"caf\xE9\0\"}\0"), 201, WC_OUT_ACCEPTED, "sent", "m", ""},
	{BYTES("{\"messageId\":\"m\\ud83d\",\"status\":\"sent\\u0000\"}"), 200, WC_OUT_ACCEPTED, "sent\xEF\xBF\xBD",
	 "m\xEF\xBF\xBD", ""},
	{BYTES("{\"status\":\"error\",\"errorCode\":\"\\ud83d\"}"), 200, WC_OUT_REFUSED, "error", "", "\xEF\xBF\xBD"},
	/* a 2xx that cannot be read is taken */
	{BYTES("<html>thank you</html>"), 200, WC_OUT_ACCEPTED, "accepted", "", ""},
	{BYTES("{\"messageId\":"), 202, WC_OUT_ACCEPTED, "accepted", "", ""},
	{BYTES("[]"), 200, WC_OUT_ACCEPTED, "accepted", "", ""},
	{BYTES("{}"), 200, WC_OUT_ACCEPTED, "accepted", "", ""},
	{BYTES("\xFF\xFE{\0}\0"), 200, WC_OUT_ACCEPTED, "accepted", "", ""},
	{BYTES(""), 204, WC_OUT_ACCEPTED, "accepted", "", ""},
	/* others are not */
	{BYTES("<html>no</html>"), 400, WC_OUT_REFUSED, "", "", ""},
	{BYTES("{\"errorCode\":\"x\",\"errorMessage\":\"\\ud83d\"}"), 400, WC_OUT_REFUSED, "", "", "x"},
	{BYTES("{}"), 500, WC_OUT_RETRY, "", "", ""},
	{BYTES("{}"), 401, WC_OUT_UNAUTHORIZED, "", "", ""},
};

int
main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		send_reply r = {cases[i].http_status, cases[i].body, cases[i].len, false, 0, "hub"};
		static send_reply_verdict v;
		bool taken;

		send_reply_classify(&r, &v);
		if (!ok(v.outcome.result == cases[i].result && wc_str_equals(v.outcome.hub_status, cases[i].hub_status) &&
					wc_str_equals(v.outcome.hub_message_id, cases[i].id) &&
					wc_str_equals(v.outcome.error_code, cases[i].code),
				"%u %s", (unsigned) cases[i].http_status, cases[i].body))
			printf("#   got %d, status %.*s, id %.*s, code %.*s\n", v.outcome.result, (int) v.outcome.hub_status.len,
				   v.outcome.hub_status.p ? v.outcome.hub_status.p : "", (int) v.outcome.hub_message_id.len,
				   v.outcome.hub_message_id.p ? v.outcome.hub_message_id.p : "", (int) v.outcome.error_code.len,
				   v.outcome.error_code.p ? v.outcome.error_code.p : "");
		taken = strcmp(cases[i].hub_status, "accepted") == 0;
		if (v.outcome.result == WC_OUT_ACCEPTED)
			ok((v.outcome.error_message.len > 0) == taken, "with a text where it could not be read");
	}
	return tap_done();
}
