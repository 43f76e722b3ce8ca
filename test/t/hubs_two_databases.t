# Two databases as their users would run them, by the scripts of doc/connect: a
# visitor writes at A, it is a row at B, B's trigger replies, the visitor sees it,
# and B sees what became of it.  First by webhooks, then by the link.
use strict;
use warnings;
use utf8;

use Mojo::JSON qw(decode_json encode_json);
use Mojo::UserAgent;
use Test::More;
use Time::HiRes qw(time);
use TwoHubs;

my $pair = TwoHubs->begin;
my ($a, $b, $channel) = ($pair->a, $pair->b, $pair->{channel});
my $ua = Mojo::UserAgent->new(max_redirects => 0, inactivity_timeout => 180);
my $v = $pair->visitor;
my $w = $pair->visitor;

sub at_b { my ($id, $columns) = @_; return $b->sql("SELECT $columns FROM webchatt.messages WHERE hub_message_id = '$id'") }
sub quoted { my ($text) = @_; return '$q$' . Mojo::Util::encode('UTF-8', $text) . '$q$' }

# The REST API of A, as B calls it.
sub rest
{
	my ($method, $path, $body) = @_;
	my $tx = $ua->build_tx($method => $a->base_url . $path => { 'x-api-key' => $pair->{api_key}, 'Content-Type' => 'application/json' }
		  => defined $body ? encode_json($body) : ());
	my $res = $ua->start($tx)->res;

	return ($res->code // 0, length $res->body ? decode_json($res->body) : undef);
}

# What is the same whichever way events come.
sub conversation
{
	my ($how) = @_;

	# There and back.
	my $id = $v->acked($v->say("hello by $how"));
	ok($id, "$how: a visitor writes");
	$b->wait_for("SELECT count(*) = 1 FROM webchatt.messages WHERE hub_message_id = '$id'", "$how: it is a row at B");
	is(at_b($id, q{channel_id, visitor, direction, status, content ->> 'text'}), "$channel|$v->{visitor}|in|received|hello by $how", "$how: as it was written");
	is(at_b($id, 'abs(extract(epoch FROM now() - hub_time)) < 60'), 't', "$how: with A's time");
	$pair->shows($v, "re: hello by $how", "$how: B's trigger answers, and the visitor reads it");
	my $reply = $b->sql(qq{SELECT id FROM webchatt.messages WHERE content ->> 'text' = 're: hello by $how'});
	$b->status_becomes($reply, 'delivered', "$how: B sees that it was delivered");
	my ($shown) = grep { ($_->{content}{text} // '') eq "re: hello by $how" } $v->transcript;
	$v->confirm('read', $shown->{id});
	$b->status_becomes($reply, 'read', "$how: and that it was read");
	is($b->sql("SELECT string_agg(status, ',' ORDER BY id) FROM webchatt.statuses WHERE message_id = '$reply' AND hub_message_id = '$shown->{id}'"),
		'sent,delivered,read', "$how: each once, under A's id");

	# What is not just text.
	for my $content (
		{ type => 'interactive', interactive => { type => 'button_reply', button_reply => { id => 'yes-1', title => "Oui, \x{e9}t\x{e9} \x{1F600}" } } },
		{ type => 'interactive', interactive => { type => 'list_reply', list_reply => { id => 'l', title => 'L', description => 'a "quoted" one \\ {}' } } },
		{ type => 'text', text => "line 1\nline 2\t\x{4e2d}\x{202e}<script>alert('x')</script>" })
	{
		my $kind = $content->{interactive} ? $content->{interactive}{type} : 'an odd text';
		my $id = $v->acked($v->say($content));
		$b->wait_for("SELECT count(*) = 1 FROM webchatt.messages WHERE hub_message_id = '$id'", "$how: $kind is a row at B");
		is($b->sql("SELECT content = " . quoted(Mojo::Util::decode('UTF-8', encode_json($content))) . "::jsonb FROM webchatt.messages WHERE hub_message_id = '$id'"), 't', "$how: as it was");
	}
	for my $content (
		'{"type": "interactive", "interactive": {"type": "button", "body": {"text": "Which?"}, "action": {"buttons": [{"type": "reply", "reply": {"id": "a", "title": "A"}}]}}}',
		'{"imageUrl": "https://example.org/a.png", "text": "a caption"}',
		'{"type": "location", "location": {"latitude": -33.8568, "longitude": 151.2153, "name": "Opera"}}',
		'{"text": "numbers", "extra": [12345678901234567890.12, 1e3, null, {"deep": [[]]}]}')
	{
		my $id = $b->sql("SELECT webchatt.send_message('$channel', '$v->{visitor}', content => '$content')");
		$b->status_becomes($id, 'delivered', "$how: B sends what is no text");
		my $there = $b->sql("SELECT hub_message_id FROM webchatt.statuses WHERE message_id = '$id' LIMIT 1");
		is($a->sql(qq{SELECT content = '$content'::jsonb FROM webchatt.messages WHERE id = '$there'}), 't', "$how: it is at A as it was");
		ok($v->{messages}{$there}, "$how: and at the visitor's");
	}

	# Somebody who is away: held at B until they write again.
	$w->close;
	$a->wait_for("SELECT count(*) = 0 FROM webchatt.presence WHERE visitor = '$w->{visitor}'", "$how: a visitor leaves");
	my @held = map { $b->sql("SELECT webchatt.send_message('$channel', '$w->{visitor}', text => '$how, are you there? $_')") } 1 .. 3;
	$b->status_becomes($_, 'held', "$how: what B sends them is held at B") for @held;
	is($a->sql(qq{SELECT count(*) FROM webchatt.messages WHERE content ->> 'text' LIKE '$how, are you there%'}), 0, "$how: and not stored at A");
	$w->{again} = 0.1;
	$w->arrive;
	my $here = $w->say("I am here, by $how");
	$b->status_becomes($_, 'delivered', "$how: until they write") for @held;
	is_deeply([ grep { /^$how, are/ } $w->texts('out') ], [ map { "$how, are you there? $_" } 1 .. 3 ], "$how: in order, each once");

	# Another channel of A's, which B has too; and one that it has not.
	my ($second, $second_key) = $a->make_channel("Second, $how", $LocalHub::ORIGIN);
	my ($third, $third_key) = $a->make_channel("Third, $how", $LocalHub::ORIGIN);
	$b->sql("SELECT webchatt.add_channel('$second', 'a')");
	my ($x, $y);
	ok(Visitor::until(sub {
		$x = $a->visitor(key => $second_key)->connect;
		$y = $a->visitor(key => $third_key)->connect;
		Visitor::until(sub { !grep { $_->{state} ne 'welcomed' && $_->{state} ne 'closed' } $x, $y });
		return $x->{state} eq 'welcomed' && $y->{state} eq 'welcomed';
	}), "$how: visitors of two more channels");
	$id = $x->acked($x->say("second channel, $how"));
	$b->wait_for("SELECT count(*) = 1 FROM webchatt.messages WHERE hub_message_id = '$id' AND channel_id = '$second'", "$how: another channel's message is its own at B");
	ok(Visitor::until(sub { grep { $_ eq "re: second channel, $how" } $x->texts('out') }), "$how: and answered on it");
	ok($y->acked($y->say("$_, $how")), "$how: a visitor writes on a channel that B did not add") for 1 .. 3;
	$v->say("meanwhile, $how");
	$pair->shows($v, "re: meanwhile, $how", "$how: nobody else waits for it");
	is($b->sql(qq{SELECT count(*) FROM webchatt.messages WHERE visitor = '$y->{visitor}'}), 0, "$how: it is no row at B");
	is($b->sql('SELECT count(*) FROM webchatt.rejects'), 0, "$how: nor a reject");
	$_->end for $x, $y;
	$a->sql("DELETE FROM webchatt.channels WHERE id = '$third'");

	# What A takes back, B hears of: the local hub is stopped, so that nothing leaves it.
	$a->sql(q{UPDATE webchatt.hubs SET state = 'stopped' WHERE kind = 'local'});
	my $taken = $b->sql("SELECT webchatt.send_message('$channel', '$v->{visitor}', text => 'taken back, $how')");
	$b->status_becomes($taken, 'sent', "$how: B sends what A does not pass on yet");
	my $there = $b->sql("SELECT hub_message_id FROM webchatt.statuses WHERE message_id = '$taken' AND status = 'sent'");
	is($a->sql("SELECT webchatt.cancel_message('$channel', '$there')"), 't', "$how: at A it is cancelled");
	$b->status_becomes($taken, 'failed', "$how: which fails it at B");
	is($b->sql("SELECT error_code FROM webchatt.messages WHERE id = '$taken'"), 'cancelled', "$how: with the reason");
	$a->sql(q{UPDATE webchatt.hubs SET state = 'active' WHERE kind = 'local'});

	# Many at a time, both ways.
	$b->sql("SELECT webchatt.send_message('$channel', visitor, text => '$how ' || i) FROM generate_series(1, 100) i, unnest(ARRAY['$v->{visitor}', '$w->{visitor}']) visitor");
	$v->say("many $_") for 1 .. 100;
	ok(Visitor::until(sub { !%{ $v->{unacked} } && 100 == grep { /^\Q$how\E \d+\z/ } $w->texts('out') }, 60), "$how: a hundred each way");
	$pair->settled($how);
	$pair->account($how, rejected => 0);
	return;
}

# --- webhooks ----------------------------------------------------------------

my $out = $pair->attach('webhooks');
is(() = $out =~ /verified/g, 2, 'two webhooks are registered and verified') or diag($out);
is($a->sql(q{SELECT string_agg(event_type, ',' ORDER BY event_type) FROM webchatt.webhooks WHERE active AND verified_at IS NOT NULL AND secret IS NOT NULL}),
	'Message,MessageStatus', 'A has them, signed');
my ($code, $list) = rest(GET => '/v1/organization/webhook');
is("$code $list->{pagination}{total}", '200 2', 'the REST API lists them');
for my $hook (@{ $list->{data} })
{
	like($hook->{endpoint}, qr{^\Q@{[ $b->base_url ]}\E/webhooks/hubs/a(?:\?|\z)}, "$hook->{eventType}: with B's URL");
	ok($hook->{active} && $hook->{isVerified}, "$hook->{eventType}: active and verified");
	ok(!(grep { defined $hook->{$_} } qw(secret signingSecret signatureSecret)), "$hook->{eventType}: without the secret");
	is($hook->{authenticationProtocol}, 'NoAuthentication', "$hook->{eventType}: without another authentication");
	is($b->sql("SELECT count(*) FROM webchatt.hub_webhooks WHERE hub_webhook_id = '$hook->{id}' AND event_type = '$hook->{eventType}' AND state = 'verified'"), 1,
		"$hook->{eventType}: B knows it by its id");
	is($b->sql("SELECT secret FROM webchatt.hub_webhooks WHERE hub_webhook_id = '$hook->{id}'"), $a->sql("SELECT secret FROM webchatt.webhooks WHERE id = '$hook->{id}'"),
		"$hook->{eventType}: and has the secret");
}
conversation('webhooks');

# The log at A, by REST and by SQL.
my ($message_hook) = grep { $_->{eventType} eq 'Message' } @{ $list->{data} };
($code, my $log) = rest(GET => "/v1/organization/webhook/$message_hook->{id}/webhook-log?limit=50&status=Success");
is($code, 200, 'the log of deliveries');
cmp_ok($log->{pagination}{total}, '>=', 100, 'has them all');
is($log->{data}[0]{statusCode}, 200, 'with what B answered');
is($a->sql("SELECT count(*) FILTER (WHERE good) FROM webchatt.webhook_log WHERE webhook_id = '$message_hook->{id}'"), $log->{pagination}{total}, 'as SQL has it');
($code, $log) = rest(GET => "/v1/organization/webhook/$message_hook->{id}/webhook-log?status=Failed");
cmp_ok($log->{pagination}{total}, '>', 0, 'the channel that B had not added left failures');
is($log->{data}[0]{statusCode}, 404, 'with 404');

# It can be run again, and changes nothing.
my $before = $a->sql('SELECT string_agg(id::text, $$,$$ ORDER BY id) FROM webchatt.webhooks');
is(($pair->script('webhooks'))[0], 0, 'the script can be run again');
is($a->sql('SELECT string_agg(id::text, $$,$$ ORDER BY id) FROM webchatt.webhooks'), $before, 'and leaves what is there');
my ($status, $shown, $err);
for ([ 'webhooks', 'public_url' ], [ 'webhooks', 'channel' ], [ 'link', 'api_url' ])
{
	my ($name, $lacks) = @$_;

	($status, $shown, $err) = $pair->script($name, $lacks => undef);
	isnt($status, 0, "doc/connect/$name.sql without $lacks ends");
	like($err, qr/something is missing\n.*-v $lacks=/, 'and says what to give');
	is(index($err, $pair->{api_key}), -1, 'without the key');
}
($status, $shown, $err) = $pair->script('check');
is($status, 0, 'doc/connect/check.sql') or diag($err);
like($shown, qr/verified/, 'says that all is well') or diag($shown);

# Another secret under traffic: nothing is refused.
my $secrets = sub { $b->sql('SELECT string_agg(secret, $$,$$ ORDER BY event_type) FROM webchatt.hub_webhooks') };
my $old = $secrets->();
my $failed = $a->sql(q{SELECT count(*) FROM webchatt.webhook_log WHERE status_code = 401});
$pair->load_until(sub { keys %{ $v->{acked} } > 20 }, 20);
($status, $shown, $err) = $pair->script('rotate');
is($status, 0, 'doc/connect/rotate.sql') or diag($err);
ok($pair->load_until(sub { my $new = $secrets->(); !grep { my $o = $_; grep { $_ eq $o } split /,/, $new } split /,/, $old }, 20), 'both secrets are new');
$pair->load_for(2);
$pair->settled('rotated');
$pair->account('rotated');
is($a->sql(q{SELECT count(*) FROM webchatt.webhook_log WHERE status_code = 401}), $failed, 'no delivery was refused meanwhile');

# Somebody meddles with the webhooks at A: B brings them back.
$a->sql(q{DELETE FROM webchatt.webhooks WHERE event_type = 'Message'; UPDATE webchatt.webhooks SET active = false});
ok(Visitor::until(sub { $a->sql(q{SELECT count(*) FROM webchatt.webhooks WHERE active AND verified_at IS NOT NULL}) == 2 }, 30),
	'a webhook that was deleted, and one that was switched off, are brought back') or $pair->diagnose;
$v->say('after meddling');
$pair->shows($v, 're: after meddling', 'and work', 30);
$a->sql(q{UPDATE webchatt.webhooks SET endpoint = endpoint || '/elsewhere', verified_at = NULL});
ok(Visitor::until(sub { $a->sql('SELECT count(*) FROM webchatt.webhooks WHERE active AND verified_at IS NOT NULL AND endpoint LIKE $$' . $b->base_url . '/webhooks/hubs/a%$$ AND endpoint NOT LIKE $$%elsewhere%$$') == 2 }, 30),
	'another URL is set right') or $pair->diagnose;
$a->sql(qq{SELECT webchatt.create_webhook('somebody else''s', 'https://example.org/elsewhere', 'Message')});

# --- from webhooks to the link, under traffic ----------------------------------

$pair->load_for(1);
$pair->attach('link');
is($a->sql('SELECT count(*) FROM webchatt.links WHERE connected_since IS NOT NULL'), 1, 'A has a link');
is($a->sql(q{SELECT k.label FROM webchatt.links l JOIN webchatt.api_keys k ON k.id = l.key_id}), 'database B', 'of the key that it was given');
is($a->sql(q{SELECT count(*) FROM webchatt.webhooks WHERE label NOT LIKE 'somebody%'}), 0, 'B\'s webhooks are gone at A');
is($a->sql('SELECT count(*) FROM webchatt.webhooks'), 1, 'and nobody else\'s');
is($b->sql('SELECT count(*) FROM webchatt.hub_webhooks'), 0, 'and at B');
$a->sql('DELETE FROM webchatt.webhooks');
$pair->load_for(1);
$pair->settled('from webhooks to the link');
$pair->account('from webhooks to the link');
($status, $shown, $err) = $pair->script('check');
is($status, 0, 'check.sql with a link') or diag($err);
like($shown, qr/open/, 'says that it is open') or diag($shown);
conversation('link');

# What is acknowledged is dropped at A, a minute later: this time it is at once.
$pair->age_events;
ok(Visitor::until(sub { ($a->try_sql('SELECT count(*) FROM webchatt.feed'))[1] < 50 }, 30), 'what is acknowledged is dropped at A')
  or diag($a->sql('SELECT count(*), min(seq), max(seq) FROM webchatt.feed'), ' ', $a->sql('SELECT * FROM webchatt.links'));

# --- and back, under traffic ----------------------------------------------------

$pair->load_for(1);
$pair->attach('webhooks');
ok(Visitor::until(sub { $a->sql('SELECT count(*) FROM webchatt.links WHERE connected_since IS NOT NULL') == 0 }, 10), 'back to webhooks: the link is closed');
$pair->load_for(1);
$pair->settled('from the link to webhooks');
$pair->account('from the link to webhooks');
is(($pair->script('unregister'))[0], 0, 'doc/connect/unregister.sql');
is($a->sql('SELECT count(*) FROM webchatt.webhooks'), 0, 'the webhooks are gone at A');
is($b->sql('SELECT count(*) FROM webchatt.hub_webhooks'), 0, 'and at B');
my $sent = $b->sql("SELECT webchatt.send_message('$channel', '$v->{visitor}', text => 'still sending')");
$b->status_becomes($sent, 'sent', 'B can still send');
$pair->shows($v, 'still sending', 'to the visitor');
like($pair->attach('link'), qr/\Aopen\|20/, 'and take a link again');

# --- nobody listens any more ---------------------------------------------------

is(($pair->script('leave'))[0], 0, 'doc/connect/leave.sql');
ok(Visitor::until(sub { $a->sql('SELECT count(*) FROM webchatt.links WHERE connected_since IS NOT NULL') == 0 }, 10), 'the link is closed');
my $rows = $b->sql('SELECT count(*) FROM webchatt.messages');
ok($v->acked($v->say('to nobody')), 'visitors can still write');
$a->sql(q{DELETE FROM webchatt.links});
ok(Visitor::until(sub {
	my $before = $a->sql('SELECT max(seq) FROM webchatt.feed');
	$v->acked($v->say('.'), 5);
	$a->sql('SELECT max(seq) FROM webchatt.feed') == $before;
}, 20), 'and nothing is published when nobody wants it');
is($b->sql('SELECT count(*) FROM webchatt.messages'), $rows, 'B keeps what it has');

done_testing();
