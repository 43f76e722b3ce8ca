# Webhooks between two hubs under faults: A retries by itself, and B asks A to
# send again what it missed; what A has promised to tell, B has once and in order.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);
use TwoHubs;

my $pair = TwoHubs->begin(relays => 1);
my ($a, $b, $channel) = ($pair->a, $pair->b, $pair->{channel});

sub of_a { my ($column) = @_; return $a->sql("SELECT $column FROM webchatt.webhooks w JOIN webchatt.webhook_progress p ON p.webhook_id = w.id WHERE event_type = 'Message'") }
sub memory_of_a { return TwoHubs::memory($a->status('net_pid')) + TwoHubs::memory($a->status('worker_pid')) }

$pair->attach('webhooks');
$pair->visitor(log => 0) for 1 .. ($ENV{WEBCHATT_TEST_LONG} ? 24 : 16);
$pair->visitor(log => 0, token => $pair->{visitors}[0]{token});
$pair->faults;

# Every attempt is in the log, and each event was delivered.
is($a->sql(q{SELECT count(*) FROM (SELECT webhook_id, seq FROM webchatt.webhook_log GROUP BY 1, 2 HAVING NOT bool_or(good)) e}), 0, 'no event of the log is without a success');
is($a->sql(q{SELECT count(*) FROM (SELECT delivery_id FROM webchatt.webhook_log GROUP BY 1 HAVING count(DISTINCT seq) > 1 OR count(DISTINCT attempt) < count(*)) e}), 0,
	'attempts of one delivery are numbered, under one id');
is($a->sql(q{SELECT count(*) FROM webchatt.webhook_log l JOIN webchatt.webhook_log r USING (webhook_id, seq) WHERE r.delivery_id <> l.delivery_id}), 0, 'an event has one delivery id for each webhook');
ok(Visitor::until(sub { of_a('failures') == 0 }, 20), 'nothing is failing in the end');
is(of_a('lost'), 0, 'nothing is lost');

# --- B is away for long ----------------------------------------------------------

my $speaker = $pair->{visitors}[5];
my $memory = memory_of_a();
$b->node->stop;
my $many = $ENV{WEBCHATT_TEST_LONG} ? 3_000 : 1_500;
$speaker->say(". away $_") for 1 .. $many;
$_->say('. also away') for @{ $pair->{visitors} };
ok(Visitor::until(sub { !grep { %{ $_->{unacked} } } @{ $pair->{visitors} } }, 900), 'thousands of messages while B is away');
my $now = memory_of_a();
cmp_ok($now - $memory, '<', 32_000, "A's memory is bounded ($memory, then $now kB)");
cmp_ok(of_a('failures'), '>', 0, 'A says that deliveries fail');
ok(of_a('failing_since IS NOT NULL AND last_error IS NOT NULL') eq 't', 'since when, and why');
my $began = time;
$b->node->start;
$pair->settled('B is back', 900);
diag(sprintf 'caught up with %d after %.1f s', $many, time - $began);
$pair->account('B is back');

# Away for longer than A is patient: A pauses the webhooks, B starts them again.
$a->sql(q{ALTER SYSTEM SET webchatt.webhook_patience = 3});
$a->node->reload;
$b->node->stop;
$speaker->say(". impatient $_") for 1 .. 100;
ok(Visitor::until(sub { of_a('NOT active AND paused_reason IS NOT NULL') eq 't' }, 60), 'an endpoint that is dead for longer than webchatt.webhook_patience is paused') or $pair->diagnose;
$speaker->say(". paused $_") for 1 .. 100;
ok(Visitor::until(sub { !%{ $speaker->{unacked} } }, 30), 'visitors go on writing');
$a->sql(q{ALTER SYSTEM RESET webchatt.webhook_patience});
$a->node->reload;
$b->node->start;
$b->wait_ready;
ok(Visitor::until(sub { of_a('active') eq 't' }, 60), 'B has it started again') or $pair->diagnose;
$pair->settled('after the pause', 60);
$pair->account('after the pause');

# Neither A's retries nor what B asks A to send again brought anything twice.
cmp_ok($b->sql('SELECT sum(found) FROM webchatt.repair'), '>', 0, 'B found failed deliveries in the log of A');
is($b->sql('SELECT sum(given_up) FROM webchatt.repair'), 0, 'and gave up none');

# Away for longer than events are kept: A says what was lost.
$a->sql(q{ALTER SYSTEM SET webchatt.feed_retention = 60});
$a->node->reload;
$b->node->stop;
$speaker->say(". lost $_") for 1 .. 50;
ok(Visitor::until(sub { !%{ $speaker->{unacked} } }, 30), 'fifty messages');
$pair->age_events;
ok(Visitor::until(sub { ($a->try_sql('SELECT count(*) FROM webchatt.feed'))[1] eq '0' }, 30), 'are dropped when they are older than webchatt.feed_retention');
is(of_a('lost'), 50, 'A counts what the webhook lost');
$b->node->start;
$b->wait_ready;
$speaker->say('after the loss');
$pair->shows($speaker, 're: after the loss', 'it goes on with what comes then', 60);

done_testing();
