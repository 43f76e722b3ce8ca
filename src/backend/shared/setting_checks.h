/*
 * setting_checks.h
 *	  Check hooks of the settings: what each refuses, it says in detail and hint.
 */
#ifndef SETTING_CHECKS_H
#define SETTING_CHECKS_H

#include "postgres.h"

#include "utils/guc.h"

extern bool wc_check_databases(char **newval, void **extra, GucSource source);
extern bool wc_check_listen(char **newval, void **extra, GucSource source);
extern bool wc_check_desk_listen(char **newval, void **extra, GucSource source);
extern bool wc_check_public_url(char **newval, void **extra, GucSource source);
extern bool wc_check_networks(char **newval, void **extra, GucSource source);
extern bool wc_check_notify_channel(char **newval, void **extra, GucSource source);
extern bool wc_check_user_header(char **newval, void **extra, GucSource source);
extern bool wc_check_file_types(char **newval, void **extra, GucSource source);
extern bool wc_check_ca_file(char **newval, void **extra, GucSource source);

#endif /* SETTING_CHECKS_H */
