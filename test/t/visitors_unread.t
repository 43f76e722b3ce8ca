# Who was written to while away and does not come back: noted once, with a function that is called for it.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use Endpoint;
use File::Basename;
use LocalHub;
use Mojo::JSON qw(decode_json);
use Test::More;

my $t = LocalHub->begin(limits => $LocalHub::WIDE, conf => "webchatt.webhook_allowed_addresses = '127.0.0.0/8'");
my $endpoint = Endpoint->new;
my $channel = $t->{channel};

# As if it had been held so long; the worker's clock is the server's.
sub ages {
	my ($v) = @_;
	$t->sql("UPDATE webchatt.held SET held_at = held_at - interval '1 hour' WHERE visitor = '$v->{visitor}'");
	return $t->sql("UPDATE webchatt.unread_waits SET due = due - interval '1 hour' WHERE visitor = '$v->{visitor}'");
}
sub notes { my ($v) = @_; return $t->sql("SELECT count(*) FROM public.mail WHERE visitor = '$v->{visitor}'") }
sub noted { my ($v, $n, $what) = @_; return $t->wait_for("SELECT count(*) = $n FROM public.mail WHERE visitor = '$v->{visitor}'", $what) }
sub away { my ($v) = @_; $v->end; return $t->wait_for("SELECT NOT EXISTS (SELECT FROM webchatt.sessions WHERE visitor = '$v->{visitor}')", 'they go') }
sub held { my ($v, $n, $what) = @_; return $t->wait_for("SELECT count(*) = $n FROM webchatt.held WHERE visitor = '$v->{visitor}'", $what) }
sub writes { my ($v) = @_; return $t->sql("SELECT webchatt.send_message('$channel', '$v->{visitor}', 'Here it is')") }

$t->sql(q{CREATE TABLE public.mail (visitor text, messages int, email text, n int GENERATED ALWAYS AS IDENTITY);
	CREATE FUNCTION public.mail(unread webchatt.unread) RETURNS void LANGUAGE sql
	AS 'INSERT INTO public.mail (visitor, messages, email) VALUES (unread.visitor, unread.messages, unread.email)'});
my $id = $t->sql(q{SELECT webchatt.on_unread('public.mail(webchatt.unread)')});
is($t->sql('SELECT event, function, problem IS NULL FROM webchatt.handlers'), 'unread|public.mail(webchatt.unread)|t', 'a function is registered');

my ($v, $w, $there) = ($t->arrived(attributes => { email => 'v@example.com' }), $t->arrived, $t->arrived);
away($_) for $v, $w;
writes($v) for 1, 2;
writes($w);
held($v, 2, 'two messages wait');
ages($v);
$t->sql("SELECT webchatt.notify_unread('$channel', '30 minutes')");
noted($v, 1, 'where a channel wants it, it is noted');
is($t->sql("SELECT count(*) FROM webchatt.feed WHERE event_type = 'Unread'"), 0, 'and published to nobody, where nobody wants it');
is($t->sql("SELECT messages, email FROM public.mail WHERE visitor = '$v->{visitor}'"), '2|v@example.com', 'how many, and to whom one might write');
is($t->sql("SELECT count(*) FROM webchatt.unread u JOIN webchatt.messages m ON m.id = u.message_id AND m.channel_id = u.channel_id WHERE u.messages = 2"), 1, 'from which message on');
is(notes($_), 0, 'not of one who was written to a moment ago, nor of one who is there') for $w, $there;

# Once, whatever comes on top, and whoever starts anew.
writes($v);
held($v, 3, 'another one');
$t->node->restart;
$t->wait_ready;
$t->reachable;
ages($w);
noted($w, 1, 'another visitor, after a restart');
is(notes($v), 1, 'once');

# They come, and go again.
my $back = $t->arrived(token => $v->{token});
held($v, 0, 'they are back');
away($back);
writes($v);
held($v, 1, 'away again, and written to');
$t->sql("UPDATE webchatt.unread SET noted_at = noted_at - interval '2 hours'");
ages($v);
noted($v, 2, 'noted again');
is($t->sql("SELECT count(*) FROM webchatt.unread WHERE visitor = '$v->{visitor}'"), 1, 'of each the newest is kept');

# A function that raises keeps nobody else from it, and is tried again.
$t->sql(q{ALTER TABLE public.mail ADD CONSTRAINT no CHECK (email IS NULL) NOT VALID});
my ($x, $y) = ($t->arrived(attributes => { email => 'x@example.com' }), $t->arrived);
away($_) for $x, $y;
writes($_) for $x, $y;
held($_, 1, 'written to') for $x, $y;
ages($_) for $x, $y;
noted($y, 1, 'one is noted');
is(notes($x), 0, 'the other one\'s function raises');
like($t->sql('SELECT last_error FROM webchatt.status'), qr/violates check constraint "no"/, 'which is said');
$t->sql(q{ALTER TABLE public.mail DROP CONSTRAINT no});
noted($x, 1, 'it is tried again');

# A webhook hears it, and hears nothing else.
$endpoint->on('*', sub {
	my $token = Endpoint::header($_[0], 'X-Validation-Token');
	return Endpoint::reply(200, $token ne '' ? qq("$token") : '{}');
});
my ($hook, $secret) = split /\|/, $t->sql("SELECT id, secret FROM webchatt.create_webhook('mailer', 'http://127.0.0.1:$endpoint->{port}/unread', 'Unread')");
ok($endpoint->until(sub { $t->sql("SELECT verified_at IS NOT NULL FROM webchatt.webhooks WHERE id = '$hook'") eq 't' }), 'a webhook for it');
my $z = $t->arrived(attributes => { email => 'z@example.com' });
away($z);
writes($z) for 1, 2;
held($z, 2, 'written to');
ages($z);
my @told;
ok($endpoint->until(sub {
	@told = grep { Endpoint::header($_, 'X-Validation-Token') eq '' } @{ $endpoint->{requests} };
	return @told > 0;
}), 'it is told');
my ($time, $mac) = Endpoint::header($told[0], 'X-hub-Signature') =~ /^t=(\d+),v1=([0-9a-f]{64})$/;
is($mac, hmac_sha256_hex("$time.$told[0]{body}", $secret), 'signed');
my $event = decode_json($told[0]{body});
my $said = $t->sql("SELECT concat_ws('|', 'Unread', channel_id, visitor, message_id, messages, email, floor(extract(epoch FROM since))) FROM webchatt.unread WHERE visitor = '$z->{visitor}'");
is(join('|', @{$event}{qw(eventType channelId visitor messageId messages email since)}), $said, 'who, since when, and what waits');
is(notes($z), 1, 'the function is called, too');
ok($endpoint->until(sub { $t->sql("SELECT behind = 0 FROM webchatt.feeds WHERE label = 'mailer'") eq 't' }), 'nothing is behind');

# A channel that has it otherwise: what is held by then counts from when it was held.
my $late = $t->arrived;
away($late);
writes($late);
held($late, 1, 'held');
$t->sql("UPDATE webchatt.held SET held_at = held_at - interval '5 minutes' WHERE visitor = '$late->{visitor}'");
$t->sql("SELECT webchatt.notify_unread('$channel', '2 minutes')");
noted($late, 1, 'earlier than before');

$t->sql("SELECT webchatt.notify_unread('$channel', NULL)");
is($t->sql('SELECT count(*) FROM webchatt.unread_waits'), 0, 'nobody is waited for');
is($t->sql('SELECT count(*) FROM webchatt.channels WHERE unread_after IS NOT NULL'), 0, 'and not any more');

# --- a link that opens the conversation on any device -----------------------

my $page = "$LocalHub::ORIGIN/orders?x=1";
my ($other_channel, $other_key) = $t->make_channel('Other', $LocalHub::ORIGIN);
sub link_of { my ($v, $more) = @_; return $t->sql("SELECT webchatt.conversation_link('$channel', '$v->{visitor}', '$page'" . ($more // '') . ')') =~ s/.*#chatt2me=//r }
sub by { my ($token, %args) = @_; return $t->arrived(where => { link => $token }, %args) }
sub refused { my ($v) = @_; return Visitor::until(sub { grep { $_->{code} eq 'link' } @{ $v->{errors} } }) }
sub links { return $t->sql('SELECT count(*) FROM webchatt.conversation_links') }

like($t->sql("SELECT webchatt.conversation_link('$channel', '$z->{visitor}', '$page')"), qr/\A\Q$page\E#chatt2me=wcl_[A-Za-z0-9_-]{43}\z/, 'a link has 256 bits in its fragment');
like($t->sql("SELECT webchatt.conversation_link('$channel', '$z->{visitor}', '$page#/route')"), qr/\A\Q$page\E#\/route&chatt2me=wcl_[\w-]{43}\z/, 'behind what stands there');
like($t->sql("SELECT webchatt.conversation_link('$channel', '$z->{visitor}', '$page#')"), qr/\A\Q$page\E#chatt2me=wcl_[\w-]{43}\z/, 'or nothing');
for my $case ([ "'https://evil.example/'", 'another origin' ], [ "'https://www.example.com\@evil.example/'", 'a user\'s name' ], [ "'https://www.example.com\\\@evil.example/'", 'a backslash' ],
	[ "'javascript:alert(1)//https://www.example.com/'", 'a script' ], [ "'https://www.example.com.evil.example/'", 'a longer host' ], [ "'https://www.example.com:444/'", 'another port' ],
	[ "'https://www.example.com/ x'", 'a blank' ], [ "'https://www.example.com/' || repeat('x', 2048)", 'too long' ], [ "'//www.example.com/'", 'no scheme' ], [ 'NULL', 'none' ],
	[ "'$page#chatt2me=wcl_AAA'", 'the secret of another' ])
{
	my ($status, undef, $error) = $t->try_sql("SELECT webchatt.conversation_link('$channel', '$z->{visitor}', $case->[0])");
	like($error, qr/page_url|origin/, "no page of the channel's: $case->[1]");
}
like(($t->try_sql("SELECT webchatt.conversation_link('$channel', '$z->{visitor}', '$page', '91 days')"))[2], qr/valid_for is 91 days/, 'not for longer than 90 days');
like(($t->try_sql("SELECT webchatt.conversation_link('$channel', 'nobody', '$page')"))[2], qr/has no visitor nobody/, 'nor for nobody');
my $token = link_of($z);
is($t->sql("SELECT count(*) FROM webchatt.conversation_links l WHERE l::text LIKE '%$token%'"), 0, 'what is stored is no secret');
is($t->sql("SELECT count(*) FROM webchatt.conversation_links WHERE token_hash = sha256('$token') AND expires_at BETWEEN now() + interval '6 days' AND now() + interval '7 days'"), 1, 'for seven days');

my $before = $t->sql('SELECT count(*) FROM webchatt.visitors');
my $tablet = by($token);
is($tablet->{visitor}, $z->{visitor}, 'another device has the conversation');
isnt($tablet->{token} // $z->{token}, $z->{token}, 'with a token of its own');
ok(Visitor::until(sub { my @seen = $tablet->texts; return @seen == 2 }), 'and its messages');
my $stays = $t->arrived(token => $tablet->{token});
is($stays->{visitor}, $z->{visitor}, 'which is good without the link');
is(by($token)->{visitor}, $z->{visitor}, 'the link opens it on a third one');
my $same = by($token, token => $tablet->{token});
is_deeply([ @$same{qw(visitor token)} ], [ @$tablet{qw(visitor token)} ], 'and gives nothing to one that has it');
is($t->sql('SELECT count(*) FROM webchatt.visitors'), $before, 'nobody is made for it');

# A device with another conversation: that stays where it is.
my $someone = $t->arrived;
$someone->acked($someone->say('mine'));
my $own = $someone->{visitor};
my $tokens = $t->sql('SELECT count(*) FROM webchatt.visitor_tokens');
my $asked = $t->arrived(where => { link => $token, ask => \1 }, token => $someone->{token});
is($asked->{visitor}, $own, 'is asked first, where its client says so, and has its own');
ok(Visitor::until(sub { grep { $_->{code} eq 'link_other' } @{ $asked->{errors} } }), 'it is told that the link leads elsewhere');
is($t->sql('SELECT count(*) FROM webchatt.visitor_tokens'), $tokens, 'nothing is made for it');
my $unasked = $t->arrived(where => { link => $token, ask => \1 }, token => $tablet->{token});
is($unasked->{visitor} . @{ $unasked->{errors} // [] }, $z->{visitor} . '0', 'who has the conversation is asked nothing');
is($t->arrived(where => { link => $token, ask => \1 })->{visitor}, $z->{visitor}, 'nor who is nobody yet');
my $moved = by($token, token => $someone->{token});
is($moved->{visitor}, $z->{visitor}, 'the link\'s conversation wins');
is($t->sql("SELECT count(*) FROM webchatt.messages WHERE visitor = '$own'"), 1, 'the other one is not joined to it');
is($t->arrived(token => $someone->{token})->{visitor}, $own, 'and can be gone back to');

# The recipe, as it stands in the document: its e-mail's link opens the conversation.
my $recipe = do { local (@ARGV, $/) = (dirname(__FILE__) . '/../../doc/unread.md'); <> };
my @blocks = grep { /mail_jobs/ } $recipe =~ /^```sql\n(.*?)^```$/gms;
$t->sql($blocks[0]);
my $reader = $t->arrived(attributes => { email => 'reader@example.com' }, where => { url => "$LocalHub::ORIGIN/shoes?size=9#top", title => 'Shoes' });
my $rude = $t->arrived(attributes => { email => "x\@example.com\nBcc: all\@example.com" });
for my $v ($reader, $rude)
{
	away($v);
	writes($v);
	held($v, 1, 'away, and written to');
}
$t->sql("SELECT webchatt.notify_unread('$channel')");
ages($_) for $rude, $reader;
$t->wait_for("SELECT count(*) > 0 FROM mail_jobs WHERE address = 'reader\@example.com'", 'an e-mail is to be written');
$t->wait_for("SELECT count(*) = 1 FROM webchatt.unread WHERE visitor = '$rude->{visitor}'", 'another one is noted');
is($t->sql('SELECT count(*) FROM mail_jobs'), 1, 'but gets none: that is no address');
my ($link) = $t->sql('SELECT body FROM mail_jobs') =~ m{(https://\S+)};
like($link, qr{\A\Q$LocalHub::ORIGIN\E/shoes#chatt2me=wcl_}, 'with a link to the page where they were');
is(by($link =~ s/.*chatt2me=//r)->{visitor}, $reader->{visitor}, 'which opens their conversation');
$t->sql("$blocks[1]");
is($t->sql('SELECT count(*) FROM mail_jobs WHERE sent_at IS NOT NULL'), 1, 'it is sent');

# What opens nothing is said, and the session goes on.
my $none = by('wcl_' . 'A' x 43);
ok(refused($none), 'one that was made up is refused');
isnt($none->{visitor}, $z->{visitor}, 'who came by it is somebody new');
my $keeps = by('nonsense', token => $none->{token});
ok(refused($keeps), 'and one that is no token');
is($keeps->{visitor}, $none->{visitor}, 'who was somebody stays that');
ok(refused($t->visitor(key => $other_key, where => { link => $token })->arrive), 'on another channel it opens nothing');
$t->sql("UPDATE webchatt.conversation_links SET expires_at = now() - interval '1 second' WHERE token_hash = sha256('$token')");
ok(refused(by($token)), 'nor when it is over');
my $n = links();
link_of($someone);
is(links(), $n, 'which goes when another one is made');
link_of($someone) for 1 .. 25;
is($t->sql("SELECT count(*) FROM webchatt.conversation_links WHERE visitor = '$own'"), 20, 'of each visitor there are 20 at most');

# Ended with the sessions, and with the visitor.
my $ends = link_of($someone);
is(by($ends)->{visitor}, $own, 'one that is good');
$t->sql("SELECT webchatt.end_sessions('$channel', '$own')");
ok(refused(by($ends)), 'end_sessions() ends it');
# (a device that comes while that is not committed yet would have a token that outlives it)
$ends = link_of($someone);
my $ending = $t->session;
$ending->query("BEGIN; SELECT webchatt.end_sessions('$channel', '$own')");
ok(refused(by($ends)), 'also one that is being ended just now');
$ending->query('COMMIT');
is($t->sql("SELECT count(*) FROM webchatt.visitor_tokens WHERE visitor = '$own'"), 0, 'no device has a token for it then');
$ends = link_of($someone);
$t->sql("DELETE FROM webchatt.visitors WHERE id = '$own'");
ok(refused(by($ends)), 'and so does the end of the visitor');

# A user of the site signs in; a link makes nobody one, and nobody's conversation theirs.
$t->sql("SELECT webchatt.set_identity_secret('$channel')");
my $signed = sub { return $t->sql("SELECT webchatt.identity_token('$channel', '$_[0]')") };
my $ana;
ok(Visitor::until(sub { $ana = $t->arrived(where => { identity => $signed->('ana') }); return 1 if $ana->{welcome}{user}; $ana->end; return }), 'a user');
is($t->sql("SELECT webchatt.conversation_link('$channel', '$ana->{visitor}', '$page')"), $page, 'gets the page alone');
my $guest = $t->arrived;
$guest->acked($guest->say('as a guest'));
$token = link_of($guest);
my $both = by($token, token => $ana->{token});
ok(refused($both), 'a user\'s device does not follow a link');
is($both->{visitor}, $ana->{visitor}, 'and stays theirs');
ok(refused($both = $t->arrived(where => { link => $token, identity => $signed->('ana') })), 'nor does one that says who it is');
is($both->{visitor}, $ana->{visitor}, 'and is that');
my $lured = by($token);
is($lured->{visitor}, $guest->{visitor}, 'on a device without anybody it opens');
my $welcomes = $lured->{welcomes};
$lured->send({ type => 'identify', token => $signed->('ana') });
ok(Visitor::until(sub { $lured->{welcomes} > $welcomes }), 'where they log in then');
is($lured->{welcome}{visitor}, $ana->{visitor}, 'they have their own conversation');
is($t->sql("SELECT count(*) FROM webchatt.visitors WHERE joined_to IS NOT NULL"), 0, 'that of the link is not joined to it');
my $later = by($token);
my $hello = $t->arrived(token => $later->{token}, where => { identity => $signed->('ana') });
is($hello->{visitor}, $ana->{visitor}, 'nor by a hello with its token');
is($t->sql("SELECT count(*) FROM webchatt.visitors WHERE joined_to IS NOT NULL"), 0, 'nothing is joined');
$t->arrived(token => $guest->{token}, where => { identity => $signed->('bea') });
ok(refused(by($token)), 'when the guest turns out to be a user, the link is worth nothing');
my $shy = $t->arrived;
$token = link_of($shy);
$t->sql("SELECT webchatt.set_identity('$channel', 'required')");
ok(Visitor::until(sub { return ($t->visitor(where => { link => $token })->turned_away // 0) == 4013 }), 'where everybody has to be a user a link lets nobody in');

done_testing();
