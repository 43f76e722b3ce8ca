/*
 * settings.h
 *	  The webchatt.* settings: wc_<name> is an int in the setting's unit, or a
 *	  string that is never NULL once they are defined.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#define SETTING_INT(name, ...)	  extern int wc_##name;
#define SETTING_STRING(name, ...) extern char *wc_##name;
#include "common/settings.def"

extern void wc_define_settings(void);

#endif /* SETTINGS_H */
