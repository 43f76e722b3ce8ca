/*
 * http_request.h
 *	  One request from its first line to its answer: what libmicrohttpd calls.
 */
#ifndef NET_HTTP_REQUEST_H
#define NET_HTTP_REQUEST_H

#include "http/http_conn.h"

/* MHD_OPTION_URI_LOG_CALLBACK, MHD_AccessHandlerCallback, MHD_OPTION_NOTIFY_COMPLETED */
extern void *http_request_target(void *cls, const char *target, struct MHD_Connection *mhd);
extern enum MHD_Result http_request_handle(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
										   const char *version, const char *upload, size_t *upload_size,
										   void **context);
extern void http_request_completed(void *cls, struct MHD_Connection *mhd, void **context,
								   enum MHD_RequestTerminationCode code);

#endif /* NET_HTTP_REQUEST_H */
