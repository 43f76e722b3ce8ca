/*
 * visitor_profile.c
 *	  As of a page (visitor_page.c): what is not as it may be is left out, and harms
 *	  neither its frame nor its session.
 */
#include "visitors/visitor_profile.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "visitors/visitor_page.h"

_Static_assert(VISITOR_NAME * 4 <= WC_MAX_NAME, "a name of any characters has room");

/* One line, without blanks around it, its end cut off where it is too long. */
void
visitor_profile_take_name(const json_t *object, const char *member, char name[WC_MAX_NAME + 1])
{
	const char *text = json_string_value(json_object_get(object, member));
	char line[WC_MAX_NAME];
	size_t len = 0;
	int characters = 0;
	wc_str trimmed;

	while (text != NULL && isspace((unsigned char) *text))
		text++;
	while (text != NULL && text[len] != '\0' && ((text[len] & 0xc0) == 0x80 || characters++ < VISITOR_NAME))
		len++;
	if (len == 0)
		return;
	trimmed = text_trim(line, text_line(line, sizeof(line), text, len));
	memcpy(name, trimmed.p, trimmed.len);
	name[trimmed.len] = '\0';
}

/* Something, an @, and something, without blanks and what could be markup. */
void
visitor_profile_take_email(const json_t *object, const char *member, char email[WC_MAX_EMAIL + 1])
{
	const char *text = json_string_value(json_object_get(object, member));
	size_t len = text ? strlen(text) : 0;
	const char *at = text ? strchr(text, '@') : NULL;
	size_t i;

	if (len < 3 || len > WC_MAX_EMAIL || at == NULL || at == text || at[1] == '\0' || strchr(at + 1, '@') != NULL)
		return;
	for (i = 0; i < len; i++)
	{
		if ((unsigned char) text[i] <= ' ' || text[i] == 0x7f || strchr("\"<>\\(),:;[]`", text[i]) != NULL)
			return;
	}
	memcpy(email, text, len + 1);
}

void
visitor_profile_take_avatar(const json_t *object, const char *member, char avatar[WC_MAX_AVATAR + 1])
{
	const char *text = json_string_value(json_object_get(object, member));
	size_t len = text ? strlen(text) : 0;

	if (len > strlen("https://") && len <= WC_MAX_AVATAR && strncmp(text, "https://", 8) == 0 &&
		visitor_page_is_written_so(text, len))
		memcpy(avatar, text, len + 1);
}

void
visitor_profile_take(const json_t *object, visitor_profile *profile)
{
	visitor_profile_take_name(object, "name", profile->name);
	visitor_profile_take_email(object, "email", profile->email);
	visitor_profile_take_avatar(object, "avatar", profile->avatar);
	(void) visitor_page_take_url(json_string_value(json_object_get(object, "referrer")), profile->referrer);
}
