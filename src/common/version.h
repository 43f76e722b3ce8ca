/*
 * version.h
 *	  webchatt's version, which webchatt.control says (default_version; a test compares them).
 */
#ifndef WC_VERSION_H
#define WC_VERSION_H

#define WC_VERSION "0.2"

/* What hubs and webhooks' endpoints read. */
#define WC_USER_AGENT "webchatt/" WC_VERSION

#endif /* WC_VERSION_H */
