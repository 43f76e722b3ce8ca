# Statuses: applied when they overtake the send's answer, forward only, each
# kept once, whatever their order.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);
use WebchattTest;

my $t = WebchattTest->attached;
my $hub = $t->hub;
my $channel = $WebchattTest::CHANNEL;

sub hub_id { my ($id) = @_; my ($e) = grep { $_->{message_id} } $hub->record(key => $id); return $e->{message_id} }
sub post_status { my ($hub_id, $status, %more) = @_; return scalar $t->post(Webhook::status($hub_id, $status, %more)) }
sub status_of { my ($id) = @_; return $t->sql("SELECT status FROM webchatt.messages WHERE id = '$id'") }
sub history { my ($id) = @_; return $t->sql("SELECT string_agg(status, ' ' ORDER BY id) FROM webchatt.statuses WHERE message_id = '$id'") }
sub sent { my ($visitor) = @_; my $id = $t->send_text($visitor, 'x'); $t->status_becomes($id, 'sent', "sent to $visitor"); return ($id, hub_id($id)) }

# In order.
my ($id, $hub_id) = sent('in-order');
is(post_status($hub_id, $_), 200, "$_ is taken") for qw(delivered read);
is(status_of($id), 'read', 'the message is read');
is(history($id), 'sent delivered read', 'each status is a row');

# read before delivered.
($id, $hub_id) = sent('backwards');
is(post_status($hub_id, 'read', timestamp => 1700000042), 200, 'read comes first');
is(post_status($hub_id, 'delivered'), 200, 'delivered comes after it');
is(status_of($id), 'read', 'the message stays read');
is(history($id), 'sent read delivered', 'both are kept, as they came');
is($t->sql("SELECT extract(epoch FROM at)::bigint FROM webchatt.statuses WHERE message_id = '$id' AND status = 'read'"),
	1700000042, 'with the event\'s own time');

# Repeats.
is(post_status($hub_id, 'read'), 200, 'a repeat is acknowledged') for 1 .. 3;
is(history($id), 'sent read delivered', 'and changes nothing');

# Failures, and evidence of receipt that beats them.
($id, $hub_id) = sent('failing');
is(post_status($hub_id, 'failed', errorCode => '131047', errorMessage => 'Re-engagement message'), 200, 'failed is taken');
is($t->sql("SELECT status, error_code, error_message FROM webchatt.messages WHERE id = '$id'"), 'failed|131047|Re-engagement message', 'with the hub\'s words');
is(post_status($hub_id, 'sent'), 200, 'sent comes late');
is(status_of($id), 'failed', 'and changes nothing');
is(post_status($hub_id, 'delivered'), 200, 'delivered comes all the same');
is(status_of($id), 'delivered', 'evidence of receipt beats failed');

# A word that nobody knows is kept, and moves nothing.
($id, $hub_id) = sent('unknown-word');
is(post_status($hub_id, 'teleported', futureField => 1), 200, 'an unknown status is taken');
is(status_of($id), 'sent', 'the message does not move');
is(history($id), 'sent teleported', 'the status is kept');

# For a message that nobody knows: kept, answered 200.
is(post_status('nobody-knows', 'delivered'), 200, 'a status of an unknown message is taken');
is($t->sql(q{SELECT count(*) FROM webchatt.early_statuses WHERE hub_message_id = 'nobody-knows'}), 1, 'and kept');
is(post_status('nobody-knows', 'delivered'), 200, 'its repeat too');
is($t->sql(q{SELECT count(*) FROM webchatt.early_statuses WHERE hub_message_id = 'nobody-knows'}), 1, 'kept once');

# Overtaking: the hub posts all statuses before it answers the send.
$hub->set(statuses => { url => $t->webhook_url, secret => $WebchattTest::SECRET, names => [qw(sent delivered read)], early => 1 });
my @ids = map { $t->send_text("early-$_", 'x') } 1 .. 10;
$t->status_becomes($_, 'read', 'statuses that overtook the answer are applied') for @ids;
is($t->sql(q{SELECT count(*) FROM webchatt.early_statuses WHERE hub_message_id <> 'nobody-knows'}), 0, 'none is left over');
is($t->sql("SELECT string_agg(s, ' ' ORDER BY s) FROM (SELECT DISTINCT status AS s FROM webchatt.statuses WHERE message_id = '$ids[0]') x"),
	'delivered read sent', 'every one is in statuses');
is($t->sql('SELECT count(*) - count(DISTINCT (message_id, hub_message_id, status)) FROM webchatt.statuses'), 0, 'none is there twice');

# Under load, statuses racing with the answer.
$hub->set(statuses => { url => $t->webhook_url, secret => $WebchattTest::SECRET, names => [qw(sent delivered read)], early => 0 });
$t->sql("SELECT webchatt.send_message('$channel', 'race-' || i % 20, text => i::text) FROM generate_series(1, 400) i");
$t->wait_for(q{SELECT count(*) = 400 FROM webchatt.messages WHERE visitor LIKE 'race-%' AND status = 'read'}, '400 messages are read in the end', 60);
$t->account('in the end', messages => 400);

done_testing();
