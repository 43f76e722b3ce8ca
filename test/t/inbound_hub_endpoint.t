# A hub's own endpoint, /webhooks/hubs/<name>: events for all its channels, signed
# with the hub's secrets, and statuses that do not say which channel they are of.
use strict;
use warnings;

use Test::More;
use WebchattTest;

my $t = WebchattTest->attached;
my $hub = $t->hub;
my $channel = $WebchattTest::CHANNEL;
my $second = '11111111-2222-4333-8444-555555555555';
my $theirs = '99999999-2222-4333-8444-555555555555';
my $url = $t->base_url . '/webhooks/hubs/chatt2me';
my $secret = 'whsec_of_the_hub';
my $nowhere = '00000000-0000-0000-0000-000000000000';

# What register_webhooks() would leave behind.
sub registered
{
	my ($name, @secrets) = @_;
	$t->sql("INSERT INTO webchatt.hub_webhooks (hub_id, event_type, secret, desired, endpoint, label, state)
		SELECT id, e, s, 'registered', '$url', 'test', 'verified' FROM webchatt.hubs,
			(VALUES ('Message', '$secrets[0]'), ('MessageStatus', '$secrets[1]')) v (e, s) WHERE name = '$name'");
	return;
}

sub post { my ($event, %args) = @_; return scalar $t->post($event, url => $url, secret => $secret, %args) }
sub status_of { my ($id) = @_; return $t->sql("SELECT status FROM webchatt.messages WHERE id = '$id'") }
sub history { my ($id) = @_; return $t->sql("SELECT string_agg(status, ' ' ORDER BY id) FROM webchatt.statuses WHERE message_id = '$id'") }
sub hub_id { my ($id) = @_; my ($e) = grep { $_->{message_id} } $hub->record(key => $id); return $e->{message_id} }
sub early { my ($id) = @_; return $t->sql("SELECT channel_id, hub_id IS NOT NULL FROM webchatt.early_statuses WHERE hub_message_id = '$id'") }

# Until a condition holds; the configuration travels.
sub comes_true { my ($condition) = @_; return WebchattTest::comes($condition) }

is(post(Webhook::message($channel, 'm-0', 'v', 'x')), 401, 'before it has a secret: 401');
registered('chatt2me', $secret, "${secret}_2");
$t->sql("SELECT webchatt.add_channel('$second')");
$t->sql("SELECT webchatt.connect_hub('other', 'http://127.0.0.1:9', 'other'); SELECT webchatt.add_channel('$theirs', hub => 'other')");
ok(comes_true(sub { post(Webhook::message($channel, 'm-1', 'v', 'one')) == 200 }), 'once it has one: 200');
ok(comes_true(sub { post(Webhook::message($second, 'm-2', 'v', 'two')) == 200 }), 'for each of the hub\'s channels');

is($t->sql("SELECT string_agg(channel_id || ' ' || hub_message_id || ' ' || (content ->> 'text'), ',' ORDER BY id) FROM webchatt.messages"),
	"$channel m-1 one,$second m-2 two", 'each is a row of its channel');
is(post(Webhook::message($channel, 'm-1', 'v', 'one')), 200, 'a repeat');
is(scalar $t->post(Webhook::message($channel, 'm-1', 'v', 'one')), 200, 'and one at the channel\'s own endpoint');
is($t->sql('SELECT count(*) FROM webchatt.messages'), 2, 'change nothing');
is(post(Webhook::message($channel, 'm-3', 'v', 'x'), secret => "${secret}_2"), 200, 'the other webhook\'s secret is as good');
for my $case (
	[ 404, 'another hub\'s channel', Webhook::message($theirs, 'm-4', 'v', 'x') ],
	[ 404, 'an unknown channel', Webhook::message('00000000-0000-4000-8000-000000000000', 'm-4', 'v', 'x') ],
	[ 404, 'another hub\'s status', Webhook::status('x', 'read', channelId => $theirs) ],
	[ 401, 'no signature', Webhook::message($channel, 'm-4', 'v', 'x'), header => undef ])
{
	my ($code, $what, $event, %args) = @$case;
	is(post($event, %args), $code, "$code: $what");
}
# By a secret that the hub may have made just now: it waits for webchatt.ack_timeout.
$t->sql(q{ALTER SYSTEM SET webchatt.ack_timeout = '1s'});
$t->sql(q{ALTER SYSTEM SET webchatt.max_body_size = '8kB'});
$t->node->reload;
# unsigned: before the limit is in force it is nobody's event, and no reject
ok(comes_true(sub { post('x' x 10_000, header => undef) == 413 }), 'another limit is in force');
is(post(Webhook::message($channel, 'm-4', 'v', 'x'), secret => $WebchattTest::SECRET), 401, '401: the channel\'s secret');
$t->sql("ALTER SYSTEM RESET $_") for 'webchatt.ack_timeout', 'webchatt.max_body_size';
$t->node->reload;
is($t->sql(q{SELECT count(*) FROM webchatt.messages WHERE hub_message_id = 'm-4'}), 0, 'none of these is a row');

# Statuses that name no channel belong to the message's.
my $id = $t->send_text('v', 'to the first');
my $id2 = $t->sql("SELECT webchatt.send_message('$second', 'v', text => 'to the second')");
$t->hub->set(channels => { $channel => 'web-chatt2me', $second => 'web-chatt2me' });
$t->until("SELECT status IN ('failed', 'sent') FROM webchatt.messages WHERE id = '$id2'");
$t->sql("SELECT webchatt.retry_message('$second', '$id2')");    # if it was sent before the hub knew the channel
$t->status_becomes($_, 'sent', 'is sent') for $id, $id2;
is(post(Webhook::status(hub_id($_), 'delivered')), 200, 'delivered, without a channel') for $id, $id2;
is(status_of($_), 'delivered', 'finds its message') for $id, $id2;
is(post(Webhook::status(hub_id($id), 'read', channelId => $channel)), 200, 'read, with its channel');
is(post(Webhook::status(hub_id($id), 'read')), 200, 'and again without');
is(history($id), 'sent delivered read', 'each is kept once');
is(post(Webhook::status(hub_id($id2), 'read', channelId => $channel)), 200, 'one that names the wrong channel of the same hub');
is(status_of($id2), 'delivered', 'does not reach the message');
is(early(hub_id($id2)), "$channel|f", 'and waits there');

# One that nobody knows waits under no channel, and finds its message later.
is(post(Webhook::status('hub-5', 'delivered', errorMessage => 'x', more => 1)), 200, 'of a message that nobody knows');
is(early('hub-5'), "$nowhere|t", 'waits under no channel');
is(post(Webhook::status('hub-5', 'delivered')), 200, 'its repeat');
is($t->sql(q{SELECT count(*) FROM webchatt.early_statuses WHERE hub_message_id = 'hub-5'}), 1, 'is kept once');

# Overtaking: the hub posts the statuses before it answers the send.
$hub->set(statuses => { url => $url, secret => $secret, names => [qw(sent delivered read)], early => 1 });
my @ids = map { $t->send_text("early-$_", 'x') } 1 .. 10;
push @ids, map { $t->sql("SELECT webchatt.send_message('$second', 'early-$_', text => 'x')") } 1 .. 5;
$t->status_becomes($_, 'read', 'statuses that overtook the answer are applied') for @ids;
is($t->sql("SELECT string_agg(DISTINCT status, ' ' ORDER BY status) FROM webchatt.statuses WHERE message_id = '$ids[-1]'"), 'delivered read sent', 'every one');
is($t->sql("SELECT count(*) FROM webchatt.early_statuses WHERE channel_id = '$nowhere'"), 1, 'none is left over');
is($t->sql("SELECT count(*) FROM webchatt.statuses WHERE channel_id = '$nowhere'"), 0, 'nor written under no channel');

# Of two hubs, each has its own.
$t->sql("INSERT INTO webchatt.early_statuses (channel_id, hub_message_id, status, means, at, hub_id)
	SELECT '$nowhere', 'stolen', 'read', 'read', now(), id FROM webchatt.hubs WHERE name = 'other'");
$hub->set(statuses => undef);
my $own = $t->send_text('v', 'mine');
$t->status_becomes($own, 'sent', 'a message is sent');
$t->sql("UPDATE webchatt.early_statuses SET hub_message_id = '" . hub_id($own) . "' WHERE hub_message_id = 'stolen'");
# the sweep looks every ten seconds; what is this hub's is found by it
$t->sql("INSERT INTO webchatt.early_statuses (channel_id, hub_message_id, status, means, at, hub_id)
	SELECT '$nowhere', '" . hub_id($own) . "', 'delivered', 'delivered', now(), id FROM webchatt.hubs WHERE name = 'chatt2me'");
$t->status_becomes($own, 'delivered', 'what nobody applied is swept up', 30);
is(status_of($own), 'delivered', 'another hub\'s word about it is not');
is(early(hub_id($own)), "$nowhere|t", 'and waits on');

# Under load, and with triggers that raise.
$hub->set(statuses => { url => $url, secret => $secret, names => [qw(sent delivered read)], early => 0 });
$t->sql("SELECT webchatt.send_message('$channel', 'race-' || i % 20, text => i::text) FROM generate_series(1, 300) i");
$t->wait_for(q{SELECT count(*) = 300 FROM webchatt.messages WHERE visitor LIKE 'race-%' AND status = 'read'}, '300 messages are read in the end', 60);
$hub->set(statuses => undef);
$t->sql(q{CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not that one'; END $$;
	CREATE TRIGGER no BEFORE INSERT ON webchatt.statuses FOR EACH ROW WHEN (new.status = 'failed') EXECUTE FUNCTION no();
	CREATE TRIGGER no BEFORE INSERT ON webchatt.messages FOR EACH ROW WHEN (new.content ->> 'text' = 'bad') EXECUTE FUNCTION no()});
is(post(Webhook::status(hub_id($own), 'failed')), 200, 'a status that a trigger refuses');
is(post(Webhook::message($second, 'm-9', 'v', 'bad')), 200, 'and a message');
is($t->sql(q{SELECT string_agg(channel_id || ' ' || event_type, ',' ORDER BY id) FROM webchatt.rejects}), "$channel MessageStatus,$second Message",
	'are rejects of the channels that they belong to');
$t->sql('DROP TRIGGER no ON webchatt.statuses; DROP TRIGGER no ON webchatt.messages');
$t->sql('SELECT webchatt.retry_reject(id) FROM webchatt.rejects');
is(history($own), 'sent delivered failed', 'and are brought back');

# A hub that is detached takes no more.
$t->sql("DELETE FROM webchatt.origins; DELETE FROM webchatt.channels WHERE id = '$theirs'; DELETE FROM webchatt.hubs WHERE name = 'other'");
$t->sql("UPDATE webchatt.hubs SET name = 'renamed' WHERE name = 'chatt2me'");
ok(comes_true(sub { post(Webhook::message($channel, 'm-10', 'v', 'x')) == 404 }), 'renamed: its old URL is unknown');
is(post(Webhook::message($channel, 'm-10', 'v', 'x'), url => $t->base_url . '/webhooks/hubs/renamed'), 200, 'and the new one is there');
is($t->sql(q{SELECT count(*) FROM webchatt.rejects}), 0, 'no reject is left');

done_testing();
