# The rarer turns between two hubs: keys that end, rows that are deleted under a
# link, what SQL sessions do to messages at A, a hub that is stopped, an extension
# that is dropped, databases that are attached to each other.
use strict;
use warnings;

use Link;
use Test::More;
use Time::HiRes qw(time);
use TwoHubs;

my $pair = TwoHubs->begin;
my ($a, $b, $channel) = ($pair->a, $pair->b, $pair->{channel});
my $v = $pair->visitor;
my $n = 0;

sub link_of_b { my ($member) = @_; return $b->sql("SELECT hubs #>> '{a,link,$member}' FROM webchatt.status") }

# A word there and back.
sub goes
{
	my ($what, $timeout) = @_;
	my $word = 'word ' . ++$n;

	$v->say($word);
	return $pair->shows($v, "re: $word", $what, $timeout);
}

$pair->attach('link');
goes('by the link');

# --- what SQL sessions do at A ------------------------------------------------

# A message that a trigger of A's refused is told when it is taken back.
$a->sql(q{CREATE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not at A'; END $$;
	CREATE TRIGGER stumble AFTER INSERT ON webchatt.messages FOR EACH ROW WHEN (new.direction = 'in') EXECUTE FUNCTION stumble()});
$v->say('rejected at A');
$a->wait_for('SELECT count(*) = 1 FROM webchatt.rejects', 'a message that A rejects');
$a->sql('DROP TRIGGER stumble ON webchatt.messages');
goes('others go on');
is($b->sql(q{SELECT count(*) FROM webchatt.messages WHERE content ->> 'text' = 'rejected at A'}), 0, 'B does not hear of it');
$a->sql('BEGIN; SELECT webchatt.retry_reject(id) FROM webchatt.rejects; ROLLBACK');
goes('nor when its retry is rolled back');
is($b->sql(q{SELECT count(*) FROM webchatt.messages WHERE content ->> 'text' = 'rejected at A'}), 0, 'which tells nobody');
$a->sql('SELECT webchatt.retry_reject(id) FROM webchatt.rejects');
$b->wait_for(q{SELECT count(*) = 1 FROM webchatt.messages WHERE content ->> 'text' = 'rejected at A'}, 'until A takes it back');
$pair->shows($v, 're: rejected at A', 'and it is answered');

# A prepared transaction that cancels B's message at A.
$a->sql(q{UPDATE webchatt.hubs SET state = 'stopped' WHERE kind = 'local'});
my @ids = map { $b->sql("SELECT webchatt.send_message('$channel', '$v->{visitor}', text => 'to be cancelled $_')") } 1 .. 3;
$b->status_becomes($_, 'sent') for @ids;
my @at_a = map { $b->sql("SELECT hub_message_id FROM webchatt.statuses WHERE message_id = '$_' LIMIT 1") } @ids;
$a->sql("BEGIN; SELECT webchatt.cancel_message('$channel', '$at_a[0]'); PREPARE TRANSACTION 'taken back'");
$a->sql("BEGIN; SELECT webchatt.cancel_message('$channel', '$at_a[1]'); ROLLBACK");
$a->sql("SELECT webchatt.cancel_message('$channel', '$at_a[2]')");
$b->status_becomes($ids[2], 'failed', 'a message that is cancelled at A fails at B');
is($b->sql("SELECT string_agg(status::text, ' ' ORDER BY id) FROM webchatt.messages WHERE id IN ('$ids[0]', '$ids[1]')"), 'sent sent',
	'not one whose cancelling is prepared, or rolled back');
$a->sql(q{COMMIT PREPARED 'taken back'});
$b->status_becomes($ids[0], 'failed', 'COMMIT PREPARED tells it');
$a->signal('TERM', 'worker_pid');
$a->sql(q{UPDATE webchatt.hubs SET state = 'active' WHERE kind = 'local'});
$b->status_becomes($ids[1], 'delivered', 'the third one leaves in the end');
is($b->sql("SELECT count(*) FROM webchatt.statuses WHERE message_id = '$ids[0]' AND status = 'failed'"), 1, 'a worker that starts anew tells nothing twice');

# A status that a trigger of B's refuses is a reject there, and comes back.
$b->sql(q{CREATE FUNCTION picky() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no reading'; END $$;
	CREATE TRIGGER picky BEFORE INSERT ON webchatt.statuses FOR EACH ROW WHEN (new.status = 'read') EXECUTE FUNCTION picky()});
my $id = $b->sql("SELECT webchatt.send_message('$channel', '$v->{visitor}', text => 'read me')");
$b->status_becomes($id, 'delivered');
$v->confirm('read', grep { $v->{messages}{$_}{direction} eq 'out' } keys %{ $v->{messages} });
$b->wait_for(q{SELECT count(*) > 0 FROM webchatt.rejects WHERE event_type = 'MessageStatus'}, 'a status that B rejects');
goes('does not hold up others');
$b->sql('DROP TRIGGER picky ON webchatt.statuses');
$b->sql('SELECT webchatt.retry_reject(id) FROM webchatt.rejects ORDER BY id');
$b->status_becomes($id, 'read', 'and comes back');

# --- rows that go under a link --------------------------------------------------

my $key_id = $a->sql(q{SELECT id FROM webchatt.api_keys WHERE label = 'database B'});
$a->sql('DELETE FROM webchatt.links');
Visitor::pump_for(0.5);
goes('a link whose row is deleted begins anew');
$a->wait_for('SELECT count(*) = 1 FROM webchatt.links WHERE connected_since IS NOT NULL', 'with another row', 40);
$a->sql('TRUNCATE webchatt.feed');
goes('events that somebody truncates');
$b->sql("DELETE FROM webchatt.channels WHERE id = '$channel'");
$v->acked($v->say('.nobody has this channel'));
ok(Visitor::until(sub { $a->sql('SELECT max(e.seq) <= max(l.acknowledged) FROM webchatt.feed e, webchatt.links l') eq 't' }), 'an event of a channel that B has taken off is acknowledged');
is($b->sql('SELECT count(*) FROM webchatt.messages WHERE content ->> $$text$$ = $$.nobody has this channel$$'), 0, 'and not taken');
$b->sql("SELECT webchatt.add_channel('$channel', 'a')");
goes('and added again');

# --- keys ------------------------------------------------------------------------

$a->sql(q{SELECT webchatt.revoke_api_key('database B')});
$b->wait_for(q{SELECT hubs #>> '{a,link,phase}' = 'refused' FROM webchatt.status}, 'a key that is revoked ends the link');
like(link_of_b('error'), qr/key|4001|401/, 'with the reason') or diag($b->sql('SELECT hubs FROM webchatt.status'));
my ($status, $out, $err) = $b->try_sql(q{SELECT webchatt.wait_for_link('a', '1 s')});
like($err, qr/not open.*key|401|4001/s, 'which wait_for_link() tells');
$v->say('while there is no key');
$pair->{api_key} = $a->sql(q{SELECT webchatt.create_api_key('database B, again')});
$pair->attach('link');
goes('another key opens it again');
is($a->sql(q{SELECT count(*) FROM webchatt.links}), 2, 'as another subscriber');
$a->sql("DELETE FROM webchatt.api_keys WHERE id = $key_id");
is($a->sql(q{SELECT count(*) FROM webchatt.links}), 1, 'the old one goes with its key');

# A new key takes the place of the old one, as doc/operating.md has it: nothing is
# missed.
$v->say('.under the old key');
my $newest = $a->sql(q{SELECT webchatt.create_api_key('database B, at last')});
$b->sql(q{UPDATE webchatt.hubs SET inbound = 'webhook' WHERE name = 'a'});
$a->wait_for('SELECT count(*) = 0 FROM webchatt.links WHERE connected_since IS NOT NULL', 'a hub whose events are to come by webhooks has no link');
$v->say('.between the keys');
$a->sql(q{INSERT INTO webchatt.links (key_id, acknowledged)
	SELECT n.id, l.acknowledged FROM webchatt.links l JOIN webchatt.api_keys o ON o.id = l.key_id, webchatt.api_keys n
	WHERE o.label = 'database B, again' AND n.label = 'database B, at last'});
$pair->{api_key} = $newest;
$pair->attach('link');
$a->sql(q{DELETE FROM webchatt.api_keys WHERE label = 'database B, again'});
goes('a new key in the place of the old one');
is($b->sql(q{SELECT string_agg(content ->> 'text', ' ' ORDER BY id) FROM webchatt.messages WHERE content ->> 'text' IN ('.under the old key', '.between the keys')}),
	'.under the old key .between the keys', 'misses nothing');

# Two with one key push each other out, again and again; B says so and comes back.
my $intruder = Link->new(port => $a->{port}, api_key => $pair->{api_key}, again => 0.05)->connect;
ok($intruder->welcomed, 'somebody else with B\'s key');
$b->wait_for(q{SELECT hubs #>> '{a,link,error}' ~ 'same key|4010|two databases' FROM webchatt.status}, 'B says that two use one key')
  or diag($b->sql('SELECT hubs FROM webchatt.status'));
$intruder->end;

# A hub that is stopped is sent nothing, but still heard, as with webhooks.
$b->wait_for(q{SELECT hubs #>> '{a,link,phase}' = 'open' FROM webchatt.status}, 'B is back', 20);
$b->sql(q{UPDATE webchatt.hubs SET state = 'stopped', state_reason = 'maintenance' WHERE name = 'a'});
$v->say('while it is stopped');
$b->wait_for(q{SELECT count(*) = 1 FROM webchatt.messages WHERE content ->> 'text' = 'while it is stopped'}, 'from a hub that is stopped at B events come');
is($b->sql(q{SELECT status FROM webchatt.messages WHERE content ->> 'text' = 're: while it is stopped'}), 'queued', 'but nothing is sent to it');
$b->sql(q{UPDATE webchatt.hubs SET state = 'active', state_reason = NULL WHERE name = 'a'});
$pair->shows($v, 're: while it is stopped', 'until it is started');
goes('as before');

# An event that is larger than what B takes holds up the link until B takes it.
$b->sql(q{ALTER SYSTEM SET webchatt.max_body_size = '4kB'});
$b->node->reload;
Visitor::until(sub { $v->say('.' . 'x' x 8000); Visitor::pump_for(0.3); $b->sql(q{SELECT hubs #>> '{a,link,error}' ~ 'max_body_size' FROM webchatt.status}) eq 't' }, 30);
$b->wait_for(q{SELECT hubs #>> '{a,link,error}' ~ 'max_body_size' FROM webchatt.status}, 'an event over webchatt.max_body_size: the link says so')
  or diag($b->sql('SELECT hubs FROM webchatt.status'));
$v->say('behind it');
$b->sql('ALTER SYSTEM RESET webchatt.max_body_size');
$b->node->reload;
$pair->shows($v, 're: behind it', 'and goes on when it is raised', 60);
my $large = q{SELECT count(*) FROM webchatt.messages WHERE length(content ->> 'text') = 8001};
is($b->sql($large), $a->sql($large), 'with that event');

# --- attached to each other --------------------------------------------------------

my ($far) = $b->make_channel('At B', $LocalHub::ORIGIN);
my $key = $b->sql(q{SELECT webchatt.create_api_key('database A')});
my $w = Visitor->new(port => $b->{port}, key => $b->sql("SELECT public_key FROM webchatt.channels WHERE id = '$far'"), again => 0.2);
ok(Visitor::until(sub { $w->let_in }), 'a visitor at B');
$b->sql('DROP TRIGGER answer ON webchatt.messages');
$b->sql(qq{CREATE TRIGGER answer AFTER INSERT ON webchatt.messages
	FOR EACH ROW WHEN (new.direction = 'in' AND new.content ->> 'text' NOT LIKE '.%' AND new.channel_id = '$channel') EXECUTE FUNCTION answer()});
$a->sql(qq{CREATE FUNCTION answer() RETURNS trigger LANGUAGE plpgsql AS \$\$
	BEGIN PERFORM webchatt.send_message(new.channel_id, new.visitor, text => 'A says: ' || (new.content ->> 'text')); RETURN NULL; END \$\$;
	CREATE TRIGGER answer AFTER INSERT ON webchatt.messages FOR EACH ROW WHEN (new.direction = 'in' AND new.channel_id = '$far') EXECUTE FUNCTION answer()});
$a->sql("SELECT webchatt.connect_hub('$key', '" . $b->base_url . "', 'b', inbound => 'link'); SELECT webchatt.add_channel('$far', 'b')");
is($a->sql(q{SELECT webchatt.wait_for_link('b')}), 't', 'A is attached to B as well');
$w->say("both ways $_") for 1 .. 8;	# no more than webchatt.visitor_burst: what is sent again has no order
goes('from A to B and back') for 1 .. 5;
ok(Visitor::until(sub { 8 == grep { /^A says/ } $w->texts('out') }), 'and from B to A and back');
is_deeply([ grep { /^A says/ } $w->texts('out') ], [ map { "A says: both ways $_" } 1 .. 8 ], 'in order, each once');
is($b->sql("SELECT count(*) FROM webchatt.messages WHERE channel_id = '$far' AND direction = 'in'"), 8, 'nothing goes round in circles');
is($a->sql("SELECT count(*) FROM webchatt.messages WHERE channel_id = '$far' AND direction = 'in'"), 8, 'at either');
$w->end;
$a->sql(q{UPDATE webchatt.hubs SET inbound = 'webhook' WHERE name = 'b'});
$a->sql('DROP TRIGGER answer ON webchatt.messages');

# --- extensions that are dropped -----------------------------------------------------

$b->ends('DROP EXTENSION webchatt CASCADE', 'DROP EXTENSION at B, with links both ways, does not hang');
$a->wait_for('SELECT count(*) = 0 FROM webchatt.links WHERE connected_since IS NOT NULL', 'A sees its link end');
ok($v->acked($v->say('B is gone')), 'visitors can write');
$b->sql('DROP FUNCTION answer()');
$b->sql('CREATE EXTENSION webchatt');
$b->wait_ready;
$pair->answering;
$pair->attach('link');
goes('with the same key it goes on where the key was', 30);
is($b->sql(q{SELECT count(*) FROM webchatt.messages WHERE content ->> 'text' = 'B is gone'}), 1, 'so that nothing is missing');

$a->ends('DROP EXTENSION webchatt CASCADE', 'DROP EXTENSION at A, with a link, does not hang');
$b->wait_for(q{SELECT hubs #>> '{a,link,phase}' <> 'open' FROM webchatt.status}, 'B sees the link end');
$v->end;
unlike(PostgreSQL::Test::Utils::slurp_file($_->node->logfile), qr/PANIC|terminated by signal/, 'nothing crashed') for $a, $b;

done_testing();
