/*
 * running_settings.h
 *	  The settings that the worker works by, for webchatt.settings.
 */
#ifndef WC_RUNNING_SETTINGS_H
#define WC_RUNNING_SETTINGS_H

extern void running_settings_publish(void);

#endif /* WC_RUNNING_SETTINGS_H */
