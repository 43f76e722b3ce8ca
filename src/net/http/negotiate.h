/*
 * negotiate.h
 *	  What a request says about the form of the answer that it wants: whether
 *	  gzip will do, and whether it has the answer already (RFC 9110 §12.5.3, §13.1.2).
 */
#ifndef NET_NEGOTIATE_H
#define NET_NEGOTIATE_H

#include "http/http_head.h"

/* Accept-Encoding allows gzip, and likes it no less than none. */
extern bool static_files_wants_gzip(head_value accept_encoding);

/* If-None-Match names that ETag (quotes included), or any. */
extern bool static_files_client_has(head_value none_match, const char *etag);

#endif /* NET_NEGOTIATE_H */
