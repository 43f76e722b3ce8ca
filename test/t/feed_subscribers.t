# What the local hub tells others: webhooks and links get what visitors write,
# and what becomes of messages that came by the REST API; in order within each
# conversation, through faults, and nothing of it twice without saying so.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use Endpoint;
use Link;
use LocalHub;
use Mojo::JSON qw(decode_json encode_json);
use Mojo::UserAgent;
use Test::More;
use Time::HiRes qw(time);

my $t = LocalHub->begin(conf => join "\n", "webchatt.webhook_allowed_addresses = '127.0.0.0/8'");
my $endpoint = Endpoint->new;
my $ua = Mojo::UserAgent->new(inactivity_timeout => 180);
my $key = $t->sql(q{SELECT webchatt.create_api_key('tests')});
my $next_look = 0;
my %answer;    # by path: how deliveries are answered; default 200

# Visitors and the endpoint live until the condition holds.
sub turn_until { return $endpoint->until(@_) }

# Deliveries since webchatt-net was started, by their answers.
sub answered
{
	return { $ua->get($t->base_url . '/metrics')->res->body =~ /^webchatt_webhook_deliveries_total\{answer="(\w+)"\} (\d+)$/mg };
}

sub wait_sql
{
	my ($query, $what, $timeout) = @_;
	my $next = 0;

	ok(turn_until(sub { return if time < $next; $next = time + 0.1; my ($status, $out) = $t->try_sql($query); return $status == 0 && $out eq 't' }, $timeout), $what) or do {
		$t->diagnose($query);
		$t->diagnose($_) for 'SELECT w.label, w.active, w.verified_at, p.* FROM webchatt.webhooks w JOIN webchatt.webhook_progress p ON p.webhook_id = w.id',
			'SELECT * FROM webchatt.webhook_log ORDER BY sent_at DESC LIMIT 5';
	};
	return;
}

# The endpoint: verifications are answered as they should be.
$endpoint->on('*', sub {
	my ($r) = @_;
	my $token = Endpoint::header($r, 'X-Validation-Token');

	return Endpoint::reply(200, encode_json($token)) if $token ne '';
	my $how = $answer{ $r->{path} };
	return Endpoint::reply(200, '{}') if !defined $how;
	return ref $how ? $how->($r) : Endpoint::reply($how, '{}');
});

# Deliveries to a path: [event, request], in the order in which they came.
sub deliveries
{
	my ($path) = @_;
	return map { [ decode_json($_->{body}), $_ ] } grep { $_->{path} eq $path && Endpoint::header($_, 'X-Validation-Token') eq '' } @{ $endpoint->{requests} };
}
sub texts { my ($path, $visitor) = @_; return map { $_->[0]{content}{text} } grep { !$visitor || $_->[0]{from} eq $visitor->{visitor} } deliveries($path) }
sub delivery_id { return Endpoint::header($_[0][1], 'X-Hub-Delivery') }
sub attempt { return Endpoint::header($_[0][1], 'X-Hub-Attempt') }

# A webhook to a path: its id and secret.
sub webhook
{
	my ($path, $type, $more) = @_;
	my ($id, $secret) = split /\|/, $t->sql("SELECT id, secret FROM webchatt.create_webhook('$path', 'http://127.0.0.1:$endpoint->{port}$path', '$type'" . ($more // '') . ')');

	wait_sql("SELECT verified_at IS NOT NULL FROM webchatt.webhooks WHERE id = '$id'", "the webhook to $path is verified");
	return ($id, $secret);
}

sub progress { my ($id, $column) = @_; return $t->sql("SELECT $column FROM webchatt.webhook_progress WHERE webhook_id = '$id'") }

# A message by the REST API: its id.
sub by_api
{
	my ($visitor, $text, %more) = @_;
	my $answer;

	$ua->post_p($t->base_url . '/v1/communication/web-chatt2me/message' => { 'x-api-key' => $key } =>
		  json => { from => $t->{channel}, to => $visitor->{visitor}, content => { text => $text }, %more })->then(sub { $answer = $_[0]->res->json // { code => $_[0]->res->code } }, sub { $answer = { error => "@_" } });
	turn_until(sub { Mojo::IOLoop->one_tick if !$answer; $answer });
	return $answer->{messageId} // diag(encode_json($answer));
}

# --- nobody wants to know ----------------------------------------------------

my $v = $t->arrived(again => 0.2);
$v->say('to nobody');
turn_until(sub { !%{ $v->{unacked} } });
is($t->sql('SELECT count(*) FROM webchatt.feed'), 0, 'nothing is published while nobody wants it');

# --- a webhook -----------------------------------------------------------------

my ($messages, $secret) = webhook('/messages', 'Message');
is(scalar deliveries('/messages'), 0, 'it gets nothing of what was before');
$v->say("message $_") for 1 .. 5;
ok(turn_until(sub { texts('/messages') == 5 }), 'a webhook gets what a visitor writes') or $t->diagnose('SELECT * FROM webchatt.webhook_progress');
is(join(', ', texts('/messages')), join(', ', map { "message $_" } 1 .. 5), 'in order');
my @came = deliveries('/messages');
my ($event, $request) = @{ $came[0] };
my $row = $t->sql("SELECT id FROM webchatt.messages WHERE content ->> 'text' = 'message 1'");
cmp_ok(abs($event->{timestamp} - time), '<', 3600, 'with the time');
is_deeply($event, { eventType => 'Message', channelId => $t->{channel}, messageId => $row, from => $v->{visitor}, timestamp => $event->{timestamp},
		channel => 'web-chatt2me', content => { type => 'text', text => 'message 1' } }, 'as doc/hub-contract.md, section 3 has it');
my ($signed_at, $hex) = Endpoint::header($request, 'X-hub-Signature') =~ /^t=(\d+),v1=([0-9a-f]{64})$/;
is($hex, hmac_sha256_hex("$signed_at.$request->{body}", $secret), 'signed');
my %ids = map { delivery_id($_) => 1 } @came;
is(scalar keys %ids, 5, 'each with a delivery id of its own');
like(delivery_id($came[0]), qr/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, 'a UUID');
is(join(' ', map { attempt($_) } @came), '1 1 1 1 1', 'at the first attempt');
wait_sql("SELECT count(*) = 5 AND bool_and(good AND status_code = 200 AND answer = '{}' AND error IS NULL AND duration_us > 0 AND attempt = 1
	AND event_type = 'Message' AND endpoint LIKE 'http://127.0.0.1:%/messages' AND sent_at <= now()) FROM webchatt.webhook_log WHERE webhook_id = '$messages'", 'all are in the log');
is($t->sql("SELECT string_agg(delivery_id::text, ' ' ORDER BY seq) FROM webchatt.webhook_log WHERE webhook_id = '$messages'"),
	join(' ', map { delivery_id($_) } @came), 'under the same ids');
wait_sql("SELECT done_upto = (SELECT max(seq) FROM webchatt.feed) AND failures = 0 AND last_success_at IS NOT NULL AND failing_since IS NULL
	FROM webchatt.webhook_progress WHERE webhook_id = '$messages'", 'and its progress is written down');
my $repeat = $v->say('once');
turn_until(sub { texts('/messages') == 6 });
$v->send({ type => 'message', id => $repeat, content => { type => 'text', text => 'once' } });
turn_until(sub { 0 }, 0.5);
is(scalar texts('/messages'), 6, 'a message that is sent again is told once');

# --- statuses ------------------------------------------------------------------

my ($statuses) = webhook('/statuses', 'MessageStatus', q{, signed => false});
sub statuses_of { my ($id) = @_; return grep { $_->{messageId} eq $id } map { $_->[0] } deliveries('/statuses') }

my $api = by_api($v, 'by the API');
ok(turn_until(sub { statuses_of($api) == 2 }), 'what becomes of a message that came by the API');
is(join(' ', map { $_->{status} } statuses_of($api)), 'sent delivered', 'sent, then delivered');
my ($sent) = statuses_of($api);
is($t->sql(q{SELECT string_agg(concat_ws(' ', label, event_type, state), ', ' ORDER BY label) FROM webchatt.feeds}), '/messages Message delivering, /statuses MessageStatus delivering', 'both are in the view');
is_deeply($sent, { eventType => 'MessageStatus', channelId => $t->{channel}, messageId => $api, status => 'sent', timestamp => $sent->{timestamp},
		channel => 'web-chatt2me' }, 'as doc/hub-contract.md, section 3 has it');
$v->send({ type => 'read', ids => [$api] });
ok(turn_until(sub { (map { $_->{status} } statuses_of($api))[2] // '' eq 'read' }), 'then read');
$v->send({ type => 'read', ids => [$api] }) for 1 .. 3;
my $by_sql = $t->reply($v, 'by SQL');
turn_until(sub { $v->{messages}{$by_sql} });
$v->send({ type => 'read', ids => [$by_sql] });
wait_sql("SELECT status = 'read' FROM webchatt.messages WHERE id = '$by_sql'", 'a message from SQL is read');
turn_until(sub { 0 }, 0.3);
is(scalar statuses_of($by_sql), 0, 'which is nobody else\'s affair');
is(join(' ', map { $_->{status} } statuses_of($api)), 'sent delivered read', 'a status that is repeated is told once');
is(scalar(map { Endpoint::header($_->[1], 'X-hub-Signature') || () } deliveries('/statuses')), 0, 'unsigned, where that is wanted');

# A session cancels; an application's clock runs out.  Orders are read anew after a start.
my $away = $t->arrived;
$away->close;
$t->wait_for("SELECT count(*) = 0 FROM webchatt.presence WHERE visitor = '$away->{visitor}'", 'a visitor leaves');
my ($cancelled, $expired) = map { by_api($away, $_, hold => Mojo::JSON->true) } qw(cancelled expired);
wait_sql("SELECT count(*) = 2 FROM webchatt.held", 'two messages are held');
is(scalar statuses_of($cancelled), 0, 'held is no status that is told');
is($t->sql("SELECT webchatt.cancel_message('$t->{channel}', '$cancelled')"), 't', 'one is cancelled');
$t->sql("UPDATE webchatt.held SET expires_at = now() - interval '1 s' WHERE message_id = '$expired'");
ok(turn_until(sub { statuses_of($cancelled) && statuses_of($expired) }), 'both are told');
is(join(' ', map { "$_->{status}/$_->{errorCode}" } statuses_of($cancelled), statuses_of($expired)), 'failed/cancelled failed/expired', 'as failed, and why');
my $worker = $t->status('worker_pid');
$t->sql("SELECT pg_terminate_backend($worker)");
wait_sql("SELECT worker_pid <> $worker AND listening LIKE '%:%' FROM webchatt.status", 'the worker is started anew');
turn_until(sub { 0 }, 0.5);
is(scalar statuses_of($cancelled), 1, 'what a session did is told once, though it is read again');
turn_until(sub { $v->{state} eq 'welcomed' });

# What cannot be told now, somebody having locked the table, is told later; also when the worker ends meanwhile.
my $holder = $t->session;
for my $how ('lives', 'ends')
{
	my $held = by_api($away, "cancelled under a lock, the worker $how", hold => Mojo::JSON->true);
	wait_sql("SELECT count(*) = 1 FROM webchatt.held", 'a message is held');
	$holder->safe('BEGIN; LOCK webchatt.feed_orders IN EXCLUSIVE MODE');
	$t->sql(qq{DO \$\$ BEGIN
		PERFORM webchatt.cancel_message('$t->{channel}', '$held'); COMMIT;
		FOR i IN 1 .. 90000 LOOP
			IF EXISTS (SELECT FROM pg_locks WHERE relation = 'webchatt.feed_orders'::regclass AND NOT granted) THEN RETURN; END IF;
			PERFORM pg_sleep(0.002); COMMIT;
		END LOOP;
		RAISE 'the worker has not tried';
		END \$\$});
	if ($how eq 'ends')
	{
		$worker = $t->status('worker_pid');
		$t->sql("SELECT pg_terminate_backend($worker)");
		wait_sql("SELECT worker_pid <> $worker FROM webchatt.status", 'the worker is started anew');
	}
	is($t->sql("SELECT count(*) FROM webchatt.feed WHERE message_id = '$held'"), 0, 'while somebody has locked the table it is not told');
	$holder->safe('ROLLBACK');
	ok(turn_until(sub { statuses_of($held) == 1 }), "then it is, where the worker $how");
}
$holder->close;

# A reject that somebody brings back.
$t->sql(q{CREATE FUNCTION grump() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF new.content ->> 'text' = 'grump' THEN RAISE 'no'; END IF; RETURN new; END $$;
	CREATE TRIGGER grump BEFORE INSERT ON webchatt.messages FOR EACH ROW EXECUTE FUNCTION grump()});
$v->say('grump');
wait_sql('SELECT count(*) = 1 FROM webchatt.rejects', 'a message is rejected');
is(scalar(grep { $_ eq 'grump' } texts('/messages')), 0, 'and not told');
$t->sql('DROP TRIGGER grump ON webchatt.messages; SELECT webchatt.retry_reject(id) FROM webchatt.rejects');
ok(turn_until(sub { grep { $_ eq 'grump' } texts('/messages') }), 'until it is brought back');

# A time that no clock has, by an application's trigger, stops nobody.
$t->sql(q{CREATE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.at := 'infinity'; RETURN new; END $$;
	CREATE TRIGGER never BEFORE INSERT ON webchatt.statuses FOR EACH ROW EXECUTE FUNCTION never()});
my $never = by_api($v, 'at no time');
ok(turn_until(sub { statuses_of($never) == 2 }), 'statuses of an infinite time are told');
cmp_ok(abs($_->{timestamp} - time), '<', 3600, 'with one that is a number') for statuses_of($never);
$t->sql('DROP FUNCTION never CASCADE');

# --- failures --------------------------------------------------------------------

my @many = map { $t->arrived(log => 0) } 1 .. 8;
my $bad = $many[3];
my $sick = 1;
$answer{'/messages'} = sub { my ($r) = @_; return Endpoint::reply($sick && decode_json($r->{body})->{from} eq $bad->{visitor} ? 500 : 200, '{}') };
for my $round (1 .. 6) { $_->say("round $round") for @many }
ok(turn_until(sub { !grep { texts('/messages', $_) < 6 } grep { $_ != $bad } @many }), 'one conversation fails: the others go on');
ok(turn_until(sub { (grep { $_ eq 'round 1' } texts('/messages', $bad)) >= 2 }), 'its first event is tried again');
is(scalar(grep { $_ ne 'round 1' } texts('/messages', $bad)), 0, 'before what comes behind it');
my @tries = grep { $_->[0]{from} eq $bad->{visitor} } deliveries('/messages');
is(scalar(keys %{ { map { delivery_id($_) => 1 } @tries } }), 1, 'under the same delivery id');
is(join(' ', map { attempt($_) } @tries[0, 1]), '1 2', 'and counted');
cmp_ok($tries[1][1]{at} - $tries[0][1]{at}, '>', 0.7, 'after a pause');
cmp_ok(progress($messages, 'done_upto'), '<', $t->sql(q{SELECT max(seq) FROM webchatt.feed}), 'not all is done');
$sick = 0;
ok(turn_until(sub { texts('/messages', $bad) >= 6 + @tries - 1 && (texts('/messages', $bad))[-1] eq 'round 6' }, 30), 'all come in the end');
is(join(' ', grep { !/round 1/ } texts('/messages', $bad)), join(' ', map { "round $_" } 2 .. 6), 'in order');
wait_sql("SELECT done_upto = (SELECT max(seq) FROM webchatt.feed) FROM webchatt.webhook_progress WHERE webhook_id = '$messages'", 'and all is done');
is($t->sql("SELECT bool_and(n = 1) FROM (SELECT count(*) FILTER (WHERE good) AS n FROM webchatt.webhook_log WHERE webhook_id = '$messages' GROUP BY seq) s"), 't', 'each once');

# The whole endpoint fails: it is tried with one at a time, and says when to come again.
my $before = @{ $endpoint->{requests} };
$answer{'/messages'} = sub { return Endpoint::reply(503, 'busy', 'Retry-After' => 2) };
for my $round (7 .. 12) { $_->say("round $round") for @many }
wait_sql("SELECT failures >= 5 AND failing_since IS NOT NULL AND last_error LIKE '%503%' FROM webchatt.webhook_progress WHERE webhook_id = '$messages'", 'an endpoint that is away');
my $n = @{ $endpoint->{requests} };
turn_until(sub { 0 }, 1.5);
cmp_ok(@{ $endpoint->{requests} } - $n, '<=', 3, 'is left alone for as long as it says');
$answer{'/messages'} = undef;
my @healthy = @many;
ok(turn_until(sub { !grep { !grep { $_ eq 'round 12' } texts('/messages', $_) } @healthy }, 30), 'and gets everything when it is back') or diag(progress($messages, 'p') );
wait_sql("SELECT done_upto = (SELECT max(seq) FROM webchatt.feed) AND failing_since IS NULL FROM webchatt.webhook_progress p WHERE webhook_id = '$messages'", 'all is done');

# In every conversation the first deliveries that succeeded are in order.
sub in_order
{
	my ($what, $path) = @_;
	my (%last, %seen, @wrong, %id);

	for my $d (grep { ($_->[1]{good} // 1) } deliveries($path))
	{
		my $e = $d->[0];
		push @wrong, "$e->{messageId} under another id" if ($id{ $e->{messageId} } //= delivery_id($d)) ne delivery_id($d);
		next if $seen{ $e->{messageId} }++;
		push @wrong, "$e->{from}: $e->{messageId} after $last{ $e->{from} }" if ($last{ $e->{from} } // '') gt $e->{messageId};
		$last{ $e->{from} } = $e->{messageId};
	}
	LocalHub::none(\@wrong, "$what: in order, and each under one delivery id");
	my %missing = map { $_ => 1 } split /\n/, $t->sql("SELECT message_id FROM webchatt.feed WHERE event_type = 'Message'");
	delete $missing{$_} for keys %seen;
	LocalHub::none([ keys %missing ], "$what: nothing is missing (" . keys(%seen) . ' events)');
	return;
}
in_order('after failures', '/messages');

# A conversation that fails and has a lot to say does not fill the memory that is meant for all.
$sick = 1;
$answer{'/messages'} = sub { my ($r) = @_; return Endpoint::reply($sick && decode_json($r->{body})->{from} eq $bad->{visitor} ? 500 : 200, '{}') };
$n = texts('/messages', $bad);
$bad->say('sick');
turn_until(sub { texts('/messages', $bad) > $n });
$bad->say("lot $_") for 1 .. 300;
$_->say('beside it') for @many;
ok(turn_until(sub { !grep { !grep { $_ eq 'beside it' } texts('/messages', $_) } grep { $_ != $bad } @many }), 'others have theirs beside 300 of one that fails');
$sick = 0;
ok(turn_until(sub { ((texts('/messages', $bad))[-1] // '') eq 'beside it' }, 60), 'which come when it is well');
is(join(' ', grep { /^lot/ } texts('/messages', $bad)), join(' ', map { "lot $_" } 1 .. 300), 'all, once, in order');
wait_sql("SELECT done_upto = (SELECT max(seq) FROM webchatt.feed) FROM webchatt.webhook_progress WHERE webhook_id = '$messages'", 'and are done');
$answer{'/messages'} = undef;

# Somebody is about to delete a webhook, and thinks it over.
my $session = $t->session;
$session->query("BEGIN; DELETE FROM webchatt.webhooks WHERE id = '$statuses'");
$v->say('while it is locked');
ok(turn_until(sub { ((texts('/messages', $v))[-1] // '') eq 'while it is locked' }), 'an open transaction that deletes one webhook does not stop another');
wait_sql("SELECT done_upto = (SELECT max(seq) FROM webchatt.feed) FROM webchatt.webhook_progress WHERE webhook_id = '$messages'", 'whose progress is written down');
my $locked = by_api($v, 'while it is locked');
ok(turn_until(sub { statuses_of($locked) == 2 }), 'nor that one, as long as it is there');
$session->query('ROLLBACK');
$session->close;

# --- kill -9 -----------------------------------------------------------------------

sub everything_came { my ($text) = @_; return !grep { !grep { $_ eq $text } texts('/messages', $_) } @many }

for my $victim (qw(net_pid worker_pid))
{
	my $pid = $t->status($victim);
	my $deliveries = deliveries('/messages');
	my $slow = 0;
	$_->{again} = 0.2 for @many;
	$answer{'/messages'} = sub { return ++$slow % 3 ? Endpoint::reply(200, '{}') : undef };    # every third hangs
	for my $round (1 .. 8) { $_->say("$victim $round") for @many }
	turn_until(sub { deliveries('/messages') > $deliveries + 10 });
	kill 'KILL', $pid;
	$answer{'/messages'} = undef;
	wait_sql("SELECT $victim <> $pid AND listening LIKE '%:%' FROM webchatt.status", "kill -9 ($victim): another comes", 60);
	ok(turn_until(sub { !grep { $_->{state} ne 'welcomed' || %{ $_->{unacked} } } @many }, 60), "visitors are back after kill -9 ($victim)");
	ok(turn_until(sub { everything_came("$victim 8") }, 60), 'everything is delivered') or $t->diagnose('SELECT * FROM webchatt.webhook_progress');
	in_order("kill -9 ($victim)", '/messages');
	wait_sql("SELECT done_upto = (SELECT max(seq) FROM webchatt.feed) FROM webchatt.webhook_progress WHERE webhook_id = '$messages'", 'and done');
}

# --- asked for again ---------------------------------------------------------------

my ($log, $old_id) = split /\|/, $t->sql("SELECT id, delivery_id FROM webchatt.webhook_log WHERE webhook_id = '$messages' AND good ORDER BY id LIMIT 1");
my $new = $t->sql("SELECT new_log_id FROM webchatt.retry_webhook_log('$messages', ARRAY['$log']::uuid[])");
ok(turn_until(sub { 2 <= grep { delivery_id($_) eq $old_id } deliveries('/messages') }), 'a delivery is made again when somebody asks');
wait_sql("SELECT count(*) = 1 FROM webchatt.webhook_log WHERE webhook_id = '$messages' AND id = '$new' AND good AND attempt = 2 AND delivery_id = '$old_id'", 'and is in the log under the id that was promised');
wait_sql('SELECT count(*) = 0 FROM webchatt.webhook_retries', 'nothing is left to retry');

# --- paused, and on ----------------------------------------------------------------

$t->sql('ALTER SYSTEM SET webchatt.webhook_patience = 2');
$t->{node}->reload;
$sick = 1;
$answer{'/messages'} = sub { my ($r) = @_; return Endpoint::reply($sick && decode_json($r->{body})->{from} eq $bad->{visitor} ? 500 : 200, '{}') };
$bad->say("hopeless $_") for 1 .. 3;
turn_until(sub { grep { $_ eq 'hopeless 1' } texts('/messages', $bad) });
my $given_up = 0;
ok(turn_until(sub {
	return 1 if $given_up >= 3;
	return if time < $next_look;
	$next_look = time + 0.3;
	$many[0]->say('hopeful');
	$given_up = $t->sql("SELECT count(*) FROM webchatt.webhook_log WHERE webhook_id = '$messages' AND error LIKE '%given up%'");
	return }), 'events that fail for too long are given up, where others get through') or $t->diagnose('SELECT * FROM webchatt.webhook_progress');
$sick = 0;
$bad->say('hope');
ok(turn_until(sub { (texts('/messages', $bad))[-1] eq 'hope' }), 'and their conversation goes on');
wait_sql("SELECT done_upto = (SELECT max(seq) FROM webchatt.feed) AND failures = 0 FROM webchatt.webhook_progress WHERE webhook_id = '$messages'", 'all is done');
is($t->sql("SELECT active FROM webchatt.webhooks WHERE id = '$messages'"), 't', 'the webhook is not paused');

$answer{'/messages'} = 410;
$v->say("patience $_") for 1 .. 3;
wait_sql("SELECT NOT active AND paused_reason LIKE 'nothing could be delivered since %410%' FROM webchatt.webhooks WHERE id = '$messages'", 'a webhook that is dead for too long is paused', 30);
like($t->sql(q{SELECT state FROM webchatt.feeds WHERE label = '/messages'}), qr/^paused: nothing could be delivered since .*410/, 'as the view says');
cmp_ok($t->sql(q{SELECT behind FROM webchatt.feeds WHERE label = '/messages'}), '>=', 3, 'and what waits');
$t->sql('ALTER SYSTEM RESET webchatt.webhook_patience');
$t->{node}->reload;
$answer{'/messages'} = undef;
$n = texts('/messages');
$v->say('while paused');
turn_until(sub { 0 }, 0.5);
is(scalar texts('/messages'), $n, 'nothing is delivered');
$t->sql("SELECT webchatt.alter_webhook('$messages', active => true)");
ok(turn_until(sub { (texts('/messages'))[-1] eq 'while paused' }), 'when it is active again it goes on');
in_order('after the pause', '/messages');

# Another endpoint is asked first.
$t->sql("SELECT webchatt.alter_webhook('$messages', endpoint => 'http://127.0.0.1:$endpoint->{port}/elsewhere')");
$v->say('elsewhere');
ok(turn_until(sub { (texts('/elsewhere'))[0] // '' eq 'elsewhere' }), 'another endpoint');
is(scalar(grep { $_ eq 'elsewhere' } texts('/messages')), 0, 'and not to the old one');
ok((grep { $_->{path} eq '/elsewhere' && Endpoint::header($_, 'X-Validation-Token') } @{ $endpoint->{requests} }), 'after it was verified');

# --- links ---------------------------------------------------------------------------

my $link = Link->new(port => $t->{port}, api_key => $key, host => '127.0.0.1');
$link->connect;
ok(turn_until(sub { $link->{state} eq 'welcomed' }), 'a link');
wait_sql(q{SELECT connected_since IS NOT NULL AND client LIKE '127.0.0.1%' FROM webchatt.links}, 'is in the table');
is($t->sql(q{SELECT label || ' ' || state || ' ' || behind FROM webchatt.feeds WHERE kind = 'link'}), 'tests connected from 127.0.0.1 0', 'and in the view');
is(scalar @{ $link->{events} }, 0, 'what was before is not for it');
$_->say('to the link') for @many;
my $status_id = by_api($v, 'by the API, to the link');
ok(turn_until(sub { $link->events_of('Message') == @many && $link->events_of('MessageStatus') >= 2 }), 'it gets events of both types') or diag(explain($link->{events}));
is(join(' ', map { $_->{status} } $link->events_of('MessageStatus', messageId => $status_id)), 'sent delivered', 'in order');
wait_sql("SELECT acknowledged = $link->{highest} FROM webchatt.links", 'its acknowledgement is written down');

# Cut before it has acknowledged.
$link->{ack} = 0;
$_->say('cut') for @many;
turn_until(sub { $link->events_of('Message') == 2 * @many });
my $acknowledged = $t->sql('SELECT acknowledged FROM webchatt.links');
$link->cut;
wait_sql('SELECT connected_since IS NULL AND left_at IS NOT NULL FROM webchatt.links', 'it is cut');
$_->say('while it is away') for @many;
turn_until(sub { !grep { %{ $_->{unacked} } } @many });
$link->{ack} = 1;
$link->connect;
ok(turn_until(sub { $link->events_of('Message') == 3 * @many }), 'it gets what it lacks');
is($link->{welcome}{acknowledged}, $acknowledged, 'from the last acknowledged one on');
cmp_ok($link->{repeats}, '>=', scalar @many, 'what it had not acknowledged once more');

# What is large goes as the window allows.
my $large = 'x' x 15_000;
$many[0]->say("$_ $large") for 1 .. 150;
ok(turn_until(sub { grep { $_->{content}{text} =~ /^150 x/ } $link->events_of('Message') }, 30), 'more than a window of large events');
is(scalar(grep { $_->{content}{text} =~ / x{15000}$/ } $link->events_of('Message')), 150, 'all of them');

# Somebody holds its row.
$session = $t->session;
$session->query('BEGIN; SELECT FROM webchatt.links FOR UPDATE');
$_->say('held up') for @many;
ok(turn_until(sub { (grep { $_->{content}{text} eq 'held up' } $link->events_of('Message')) == @many }), 'a session that holds its row holds up nothing');
$link->cut;
$link->connect;
ok(turn_until(sub { ($link->{close_code} // 0) == 1013 }), 'but who comes then is asked to come again');
$session->query('ROLLBACK');
$session->close;
$link->connect;
ok(turn_until(sub { $link->{state} eq 'welcomed' }), 'and may');

# kill -9 of both halves, while it is there.
for my $victim (qw(net_pid worker_pid))
{
	my $pid = $t->status($victim);
	my $had = $link->events_of('Message');
	my $want = $had + 5 * @many;
	$link->{again} = 0.2;
	for my $round (1 .. 5) { $_->say("link, $victim $round") for @many }
	turn_until(sub { $link->events_of('Message') > $had + 3 });
	kill 'KILL', $pid;
	wait_sql("SELECT $victim <> $pid AND listening LIKE '%:%' FROM webchatt.status", "kill -9 ($victim): another comes", 60);
	ok(turn_until(sub { $link->events_of('Message') == $want }, 60), "a link through kill -9 ($victim)") or diag(scalar($link->events_of('Message')), " of $want");
}
LocalHub::none($link->{violations}, 'all frames were to the letter of the protocol');
wait_sql("SELECT acknowledged >= $link->{highest} FROM webchatt.links", 'all is acknowledged');

# One key, one link; a row that is deleted begins anew; a key that is revoked is none.
ok(turn_until(sub { $link->{state} eq 'welcomed' }), 'the link has come back');
$link->{again} = undef;
my $second = Link->new(port => $t->{port}, api_key => $key);
$second->connect;
ok(turn_until(sub { ($link->{close_code} // 0) == 4010 }), 'a second link with the same key closes the first');
ok(turn_until(sub { $second->{state} eq 'welcomed' }), 'and is there');
$t->sql('DELETE FROM webchatt.links');
ok(turn_until(sub { ($second->{close_code} // 0) == 1001 }), 'a link whose row is deleted is closed');
$second->connect;
ok(turn_until(sub { $second->{state} eq 'welcomed' }), 'and begins anew');
$t->sql(q{SELECT webchatt.revoke_api_key('tests')});
ok(turn_until(sub { ($second->{close_code} // 0) == 4001 }), 'a key that is revoked has no link');
wait_sql('SELECT connected_since IS NULL FROM webchatt.links', 'nor is it in the table');

# --- upkeep ---------------------------------------------------------------------------

$answer{'/elsewhere'} = 500;
$v->say('too old');
wait_sql("SELECT failures > 0 FROM webchatt.webhook_progress WHERE webhook_id = '$messages'", 'an event that is not delivered');
cmp_ok(answered()->{'5xx'}, '>', 0, 'which the metrics count');
$t->sql("SELECT webchatt.alter_webhook('$statuses', active => false);
	UPDATE webchatt.feed SET created_at = created_at - interval '8 days';
	UPDATE webchatt.webhook_log SET id = ('00000001' || substr(id::text, 9))::uuid");
$worker = $t->status('worker_pid');
$t->sql("SELECT pg_terminate_backend($worker)");    # so that it need not be waited for
wait_sql('SELECT count(*) = 0 FROM webchatt.feed', 'events are kept for webchatt.feed_retention');
wait_sql("SELECT lost > 0 FROM webchatt.webhook_progress WHERE webhook_id = '$messages'", 'and who had not got them is told so');
wait_sql('SELECT count(*) = 0 FROM webchatt.webhook_log', 'so is the log');
$answer{'/elsewhere'} = undef;
turn_until(sub { $v->{state} eq 'welcomed' });
$v->say('a new one');
ok(turn_until(sub { (texts('/elsewhere'))[-1] eq 'a new one' }), 'and it goes on');
is_deeply([ @{ answered() }{qw(3xx 4xx 5xx)} ], [ 0, 0, 0 ], 'with good answers');
cmp_ok(answered()->{'2xx'}, '>', 0, 'which are counted, too');

# A database that went back in time gives numbers again, but not the ids of deliveries.
wait_sql("SELECT done_upto = (SELECT max(seq) FROM webchatt.feed) FROM webchatt.webhook_progress WHERE webhook_id = '$messages'", 'all is delivered');
my ($number, $delivery) = split /\|/, $t->sql("SELECT seq, delivery_id FROM webchatt.webhook_log WHERE webhook_id = '$messages' ORDER BY id DESC LIMIT 1");
is(delivery_id((deliveries('/elsewhere'))[-1]), $delivery, 'the log has the delivery id');
$worker = $t->status('worker_pid');
$t->sql("DELETE FROM webchatt.feed WHERE seq >= $number; DELETE FROM webchatt.webhook_log WHERE seq >= $number;
	UPDATE webchatt.webhook_progress SET done_upto = $number - 1; SELECT setval('webchatt.feed_seq_seq', $number, false); SELECT pg_terminate_backend($worker)");
wait_sql("SELECT worker_pid <> $worker AND listening LIKE '%:%' FROM webchatt.status", 'the worker is started anew');
turn_until(sub { $v->{state} eq 'welcomed' });
$v->say('after going back');
ok(turn_until(sub { (texts('/elsewhere'))[-1] eq 'after going back' }), 'what comes now is delivered');
is($t->sql('SELECT max(seq) FROM webchatt.feed'), $number, 'under the same number');
isnt(delivery_id((deliveries('/elsewhere'))[-1]), $delivery, 'and another delivery id');

$t->sql(qq{SELECT webchatt.delete_webhook(id) FROM webchatt.webhooks});
$v->say('to nobody');
turn_until(sub { !%{ $v->{unacked} } });
is($t->sql(q{SELECT count(*) FROM webchatt.messages m JOIN webchatt.feed e ON e.message_id = m.id WHERE m.content ->> 'text' = 'to nobody'}), 0,
	'when nobody is left nothing is published');
is($t->status('last_error'), '', 'and all the time nothing went wrong');
done_testing();
