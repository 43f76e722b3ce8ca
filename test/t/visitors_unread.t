# Who was written to while away and does not come back: noted once, with a function that is called for it.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use Endpoint;
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

done_testing();
