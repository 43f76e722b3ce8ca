/*
 * process_settings.h
 *	  The settings of our processes that have a database.
 */
#ifndef WC_PROCESS_SETTINGS_H
#define WC_PROCESS_SETTINGS_H

extern void process_settings_apply(const char *name);

#endif /* WC_PROCESS_SETTINGS_H */
