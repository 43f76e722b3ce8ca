/*
 * visitor_output.h
 *	  Frames from the hub to visitors' clients, as doc/protocol.md has them.
 */
#ifndef NET_VISITOR_OUTPUT_H
#define NET_VISITOR_OUTPUT_H

#include "visitors/visitor_session.h"

/* To one session. */
extern void visitor_output_welcome(session *s, const wc_welcome *welcome, const channel *ch, const char *token);
extern void visitor_output_limits(session *s);
extern void visitor_output_history(session *s, const wc_history *history);
extern void visitor_output_ack(session *s, const char *id, const uint8_t message[16], int64_t at_ms);
extern void visitor_output_error(session *s, const char *code, const char *id, uint32_t retry_after_ms,
								 const char *text);
extern void visitor_output_pong(session *s);
extern void visitor_output_settings(session *s);
extern void visitor_output_conversation(visitors *v, const wc_conversation *m);
extern void visitor_output_rated(visitors *v, const wc_rated *m);

/* These to all sessions of a visitor, but one; how many took it. */
extern int visitor_output_message_out(visitors *v, const wc_send *send, const uint8_t visitor[16]);
extern int visitor_output_message_in(visitors *v, const uint8_t channel[16], const uint8_t visitor[16], uint64_t but,
									 const uint8_t message[16], const char *client, wc_str content);
extern int visitor_output_status_ids(visitors *v, const uint8_t channel[16], const uint8_t visitor[16],
									 const char *status, const uint8_t (*ids)[16], int n);
extern int visitor_output_status_upto(visitors *v, const wc_status *status);
extern int visitor_output_retracted(visitors *v, const wc_retracted *message);
extern int visitor_output_typing(visitors *v, const wc_typing *typing);

#endif /* NET_VISITOR_OUTPUT_H */
