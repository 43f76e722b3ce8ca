/*
 * plain_errors.h
 *	  Errors in plain words.
 */
#ifndef WC_PLAIN_ERRORS_H
#define WC_PLAIN_ERRORS_H

extern void wc_install_error_hook(void);

#endif /* WC_PLAIN_ERRORS_H */
