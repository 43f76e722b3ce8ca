/*
 * visitor_content.c
 */
#include "visitors/visitor_content.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "common/reply_rules.h"
#include "common/corridor.h"
#include "config/public_url.h"

/* A string member of 1 to max bytes that says something; NULL: it is not. */
static json_t *
member(const json_t *object, const char *name, size_t max)
{
	json_t *v = json_object_get(object, name);

	if (!json_is_string(v) || json_string_length(v) > max ||
		wc_text_is_blank(json_string_value(v), json_string_length(v)))
		return NULL;
	return v;
}

static json_t *
text_content(const json_t *content, const char **why)
{
	json_t *text = member(content, "text", SIZE_MAX);

	*why = "A text content must have a text that is not blank.";
	return text ? json_pack("{s:s, s:O}", "type", "text", "text", text) : NULL;
}

static json_t *
reply_content(const json_t *content, const char **why)
{
	const json_t *inner = json_object_get(content, "interactive");
	const char *kind = json_string_value(json_object_get(inner, "type"));
	const json_t *reply;
	json_t *id;
	json_t *title;
	json_t *description = NULL;
	bool list;

	*why = "An interactive content must be a button_reply or a list_reply.";
	if (kind == NULL || (strcmp(kind, "button_reply") != 0 && strcmp(kind, "list_reply") != 0))
		return NULL;
	list = kind[0] == 'l';
	reply = json_object_get(inner, kind);
	id = member(reply, "id", WC_MAX_REPLY_ID);
	title = member(reply, "title", WC_MAX_REPLY_TITLE);
	*why = "A reply must have an id and a title of 1 to 256 bytes each.";
	if (id == NULL || title == NULL)
		return NULL;
	if (list && json_object_get(reply, "description") != NULL)
	{
		*why = "A list_reply's description must be a string of 1 to 1024 bytes.";
		description = member(reply, "description", WC_MAX_REPLY_DESCRIPTION);
		if (description == NULL)
			return NULL;
	}
	return json_pack("{s:s, s:{s:s, s:{s:O, s:O, s:O*}}}", "type", "interactive", "interactive", "type", kind, kind,
					 "id", id, "title", title, "description", description);
}

/* Where files are in our URLs. */
#define FILES "/files/"

/* What can be said with a file: its URL is a member. */
static const struct
{
	const char *type;
	const char *url;
	bool named; /* it has a filename */
	bool captioned;
} with_files[] = {
	{"image", "imageUrl", false, true},
	{"video", "videoUrl", false, true},
	{"audio", "audioUrl", false, false},
	{"document", "documentUrl", true, true},
};

/* What may stand behind an id: a slash and a name as a URL has it. */
static bool
is_name_in_url(const char *s)
{
	if (*s == '\0')
		return true;
	if (*s++ != '/')
		return false;
	while (*s != '\0' && (text_is_of(s, 1, TEXT_BASE64URL) || *s == '.' || *s == '~' || *s == '%'))
		s++;
	return *s == '\0';
}

/*
 * The URL of a file here.  Of what was given the id counts, and the name behind it; what stands
 * before them is ours.  Whose file it is, the worker knows.  NULL: it is none.
 */
static json_t *
file_url(const json_t *given)
{
	const char *url = json_string_value(given);
	const char *at = url != NULL ? strstr(url, FILES) : NULL;
	const char *base = public_url_get();

	if (at == NULL || json_string_length(given) != strlen(url) || strlen(url) > VISITOR_MAX_URL || base[0] == '\0')
		return NULL;
	if (strncmp(url, base, strlen(base)) == 0 && strncmp(url + strlen(base), FILES, sizeof(FILES) - 1) == 0)
		at = url + strlen(base);
	at += sizeof(FILES) - 1;
	if (strnlen(at, WC_FILE_ID) < WC_FILE_ID || !text_is_of(at, WC_FILE_ID, TEXT_BASE64URL) ||
		!is_name_in_url(at + WC_FILE_ID))
		return NULL;
	return json_sprintf("%s" FILES "%s", base, at);
}

static json_t *
file_content(const json_t *content, int which, const char **why)
{
	json_t *url = file_url(json_object_get(content, with_files[which].url));
	json_t *name = with_files[which].named ? json_object_get(content, "filename") : NULL;
	json_t *text = with_files[which].captioned ? json_object_get(content, "text") : NULL;

	*why = "A file must be named by the URL that it was given when it was brought (doc/files.md).";
	if (url == NULL)
		return NULL;
	*why = "A file's text and filename must be strings, the filename of at most 255 bytes.";
	if ((name != NULL && (!json_is_string(name) || json_string_length(name) > WC_MAX_FILE_NAME)) ||
		(text != NULL && !json_is_string(text)))
	{
		json_decref(url);
		return NULL;
	}
	if (text != NULL && wc_text_is_blank(json_string_value(text), json_string_length(text)))
		text = NULL;
	return json_pack("{s:s, s:o, s:O*, s:O*}", "type", with_files[which].type, with_files[which].url, url, "filename",
					 name, "text", text);
}

static json_t *
content_of(const json_t *content, const char *type, const char **why)
{
	*why = "Visitors can send text, files, and the replies to buttons and lists.";
	if (strcmp(type, "text") == 0)
		return text_content(content, why);
	if (strcmp(type, "interactive") == 0)
		return reply_content(content, why);
	for (int i = 0; i < (int) (sizeof(with_files) / sizeof(with_files[0])); i++)
	{
		if (strcmp(type, with_files[i].type) == 0)
			return file_content(content, i, why);
	}
	return NULL;
}

char *
visitor_content(const json_t *content, const char **why)
{
	const char *type = json_string_value(json_object_get(content, "type"));
	json_t *anew = content_of(content, type != NULL ? type : "", why);
	char *text;

	if (anew == NULL)
		return NULL;
	text = json_dumps(anew, JSON_COMPACT | JSON_PRESERVE_ORDER);
	json_decref(anew);
	if (text == NULL)
		*why = "There was no memory for the content.";
	return text;
}
