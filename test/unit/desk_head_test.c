/*
 * desk_head_test.c
 *	  Which cookie is a session's, and which page is the desk's own.
 */
#include <string.h>

#include "desk/desk_head.h"
#include "tap.h"

#define TOKEN  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO-_"
#define TOKEN2 "bbcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO-_"

static const struct
{
	const char *cookie; /* the field's value, or two: the second behind a line end */
	bool good;
} cookies[] = {
	{"webchatt_desk=" TOKEN, true},
	{"a=b; webchatt_desk=" TOKEN "; c=d", true},
	{"a=b;webchatt_desk=" TOKEN ";c", true},
	{"; ;=; webchatt_desk = " TOKEN " ;", true},
	{"a=b\nwebchatt_desk=" TOKEN, true},
	{"", false},
	{"webchatt_desk", false},
	{"webchatt_desk=", false},
	{"webchatt_desk=" TOKEN "x", false},
	{"webchatt_desk=x", false},
	{"webchatt_desk=\"" TOKEN "\"", false},
	{"webchatt_desk=abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO+/", false},
	{"Webchatt_desk=" TOKEN, false},
	{"__Host-webchatt_desk=" TOKEN, false},
	{"xwebchatt_desk=" TOKEN, false},
	{"webchatt_desk=" TOKEN "; webchatt_desk=" TOKEN, false},
	{"webchatt_desk=" TOKEN2 "; webchatt_desk=" TOKEN, false},
	{"webchatt_desk=x; webchatt_desk=" TOKEN, false},
	{"webchatt_desk=" TOKEN "\nwebchatt_desk=" TOKEN, false},
};

static const struct
{
	const char *origin; /* the request's; NULL: it has none */
	const char *host;
	const char *ours;
	bool good;
} origins[] = {
	{"https://desk.example.com", "x", "https://desk.example.com", true},
	{"https://desk.example.com", "desk.example.com", "https://desk.example.com", true},
	{"http://127.0.0.1:8481", "127.0.0.1:8481", "", true},
	{"http://localhost", "LOCALHOST", "", true},
	{NULL, "x", "https://desk.example.com", false},
	{NULL, "x", "", false},
	{"null", "x", "", false},
	{"", "", "", false},
	{"http://", "", "", false},
	{"https://x", "x", "", false},
	{"http://x.y", "x", "", false},
	{"http://x", "x.y", "", false},
	{"http://desk.example.com", "desk.example.com", "https://desk.example.com", false},
	{"https://desk.example.com:444", "desk.example.com", "https://desk.example.com", false},
	{"https://desk.example.co", "desk.example.com", "https://desk.example.com", false},
	{"https://desk.example.com.evil.example", "desk.example.com", "https://desk.example.com", false},
};

static const struct
{
	const char *user; /* the field's value, or two: the second behind a line end */
	const char *is;	  /* NULL: nobody */
	bool odd;
} users[] = {
	{"ana", "ana", false},
	{" ana@example.com\t", "ana@example.com", false},
	{"EXAMPLE\\ana!#$~", "EXAMPLE\\ana!#$~", false},
	{"", NULL, false},
	{"ana\nana", NULL, true},
	{"ana\n", NULL, true},
	{"\nana", NULL, true},
	{"ana, rui", NULL, true},
	{"ana,", NULL, true},
	{"ana sousa", NULL, true},
	{"an\tna", NULL, true},
	{"an\xc3\xa1", NULL, true},
	{"ana\x7f", NULL, true},
};

static void
field(desk_head *head, const char *name, const char *value, size_t len)
{
	desk_head_field(head, name, strlen(name), value, len);
}

static void
check_cookie(const char *value, bool good)
{
	desk_head head = {.cookie = DESK_COOKIE};
	const char *end = strchr(value, '\n');

	field(&head, "cookie", value, end ? (size_t) (end - value) : strlen(value));
	if (end != NULL)
		field(&head, "Cookie", end + 1, strlen(end + 1));
	ok((head.token.p != NULL) == good && (!good || wc_str_equals(head.token, TOKEN)), "cookie: %.*s",
	   (int) strcspn(value, "\n"), value);
}

static void
check_user(const char *value, const char *is, bool odd)
{
	desk_head head = {.cookie = DESK_COOKIE, .user_header = "X-Forwarded-User"};
	const char *end = strchr(value, '\n');

	field(&head, "x-forwarded-user", value, end ? (size_t) (end - value) : strlen(value));
	if (end != NULL)
		field(&head, "X-Forwarded-User", end + 1, strlen(end + 1));
	ok(head.odd_user == odd && (is == NULL ? head.user.p == NULL : wc_str_equals(head.user, is)), "user: %.*s",
	   (int) strcspn(value, "\n"), value);
}

static void
check_users(void)
{
	desk_head head = {.cookie = DESK_COOKIE};
	char longest[DESK_USER_MAX + 2];

	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++)
		check_user(users[i].user, users[i].is, users[i].odd);
	memset(longest, 'x', sizeof(longest));
	longest[DESK_USER_MAX] = '\0';
	check_user(longest, longest, false);
	longest[DESK_USER_MAX] = 'x';
	longest[DESK_USER_MAX + 1] = '\0';
	check_user(longest, NULL, true);
	field(&head, "X-Forwarded-User", "ana", 3);
	field(&head, "X-Forwarded-User", "a,b", 3);
	ok(head.user.p == NULL && !head.odd_user && !head.users, "where nobody is believed, it is a field like others");
}

int
main(void)
{
	desk_head head = {.cookie = DESK_COOKIE_SECURE};

	for (size_t i = 0; i < sizeof(cookies) / sizeof(cookies[0]); i++)
		check_cookie(cookies[i].cookie, cookies[i].good);
	field(&head, "Cookie", "webchatt_desk=" TOKEN2 "; __Host-webchatt_desk=" TOKEN,
		  strlen("webchatt_desk=" TOKEN2 "; __Host-webchatt_desk=" TOKEN));
	ok(wc_str_equals(head.token, TOKEN), "by https only that of the host counts");
	for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++)
	{
		head = (desk_head){.cookie = DESK_COOKIE};
		if (origins[i].origin != NULL)
			field(&head, "Origin", origins[i].origin, strlen(origins[i].origin));
		field(&head, "Host", origins[i].host, strlen(origins[i].host));
		ok(desk_head_is_ours(&head, origins[i].ours) == origins[i].good, "origin %s of \"%s\" at %s",
		   origins[i].origin ? origins[i].origin : "none", origins[i].ours, origins[i].host);
	}
	field(&head, "origin", "http://x", 8);
	ok(head.origin.p == NULL && !desk_head_is_ours(&head, "http://x"), "two origins are none");
	field(&head, "x-webchatt-desk", " 1 ", 3);
	ok(head.marked && !head.unattended, "the mark");
	field(&head, "X-Webchatt-Desk", "2", 1);
	ok(head.marked && head.unattended, "that of a page that nobody touches");
	field(&head, "X-Webchatt-Desk", "11", 2);
	ok(!head.marked && !head.unattended, "another is none");
	check_users();
	return tap_done();
}
