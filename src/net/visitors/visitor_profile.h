/*
 * visitor_profile.h
 *	  What a frame says of who a visitor is: a name, an e-mail address, a picture,
 *	  and by which page they came.
 */
#ifndef NET_VISITOR_PROFILE_H
#define NET_VISITOR_PROFILE_H

#include <jansson.h>

#include "common/corridor.h"

/* Characters of a name, of which the rest is cut off. */
#define VISITOR_NAME 100

typedef struct visitor_profile
{
	char name[WC_MAX_NAME + 1]; /* each is empty where it is not said, or not as it may be */
	char email[WC_MAX_EMAIL + 1];
	char avatar[WC_MAX_AVATAR + 1];
	char referrer[WC_MAX_PAGE_URL + 1]; /* origin and path */
} visitor_profile;

/* Fills what the object has; the rest of a profile that is all zeros stays empty. */
extern void visitor_profile_take(const json_t *object, visitor_profile *profile);

/* The same of one member, by its name there. */
extern void visitor_profile_take_name(const json_t *object, const char *member, char name[WC_MAX_NAME + 1]);
extern void visitor_profile_take_email(const json_t *object, const char *member, char email[WC_MAX_EMAIL + 1]);
extern void visitor_profile_take_avatar(const json_t *object, const char *member, char avatar[WC_MAX_AVATAR + 1]);

#endif /* NET_VISITOR_PROFILE_H */
