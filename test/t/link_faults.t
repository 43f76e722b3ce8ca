# The link between two hubs under faults: what A has promised to tell, B has once
# and in order, whoever is killed, stopped, cut off or away.  And A's end of it
# beside subscribers that are not ours, and misbehave.
use strict;
use warnings;

use Link;
use Test::More;
use Time::HiRes qw(time);
use TwoHubs;

# (a visitor answers pings only while this waits for something)
my $pair = TwoHubs->begin(relays => 1, a => "webchatt.hello_timeout = '10s'");
my ($a, $b, $channel) = ($pair->a, $pair->b, $pair->{channel});

# --- strangers and other subscribers -------------------------------------------

my $strangers_key = $a->sql(q{SELECT webchatt.create_api_key('somebody else')});
my $others_key = $a->sql(q{SELECT webchatt.create_api_key('yet another')});
my $v = $a->arrived;

sub link_to_a { my (%args) = @_; return Link->new(port => $a->{port}, api_key => $strangers_key, %args) }

# Dial until the key is known, and be welcomed.
sub linked
{
	my (%args) = @_;
	my $link;

	Visitor::until(sub { $link = link_to_a(%args); return $link->let_in }) or die('no link: ' . $link->describe);
	return $link;
}

for my $case ([ 401, 'no key', headers => { 'x-api-key' => undef } ], [ 401, 'a malformed key', api_key => 'x' ],
	[ 401, 'an unknown key', api_key => 'wck_' . 'A' x 43 ], [ 400, 'no sub-protocol', protocol => undef ],
	[ 400, 'a visitor\'s sub-protocol', protocol => 'web-chatt2me.v1' ], [ 400, 'an unknown version', headers => { 'Sec-WebSocket-Version' => 8 } ])
{
	my ($code, $what, %args) = @$case;
	my $link = link_to_a(%args)->connect;
	my $answer = $link->answered(5) // 0;
	ok($answer == $code || $code == 400 && $answer =~ /^4(?:00|26)\z/, "$code: $what") or diag($link->describe);
	$link->end;
}

# Long enough for a subscriber that has much to read on a busy machine.
$a->sql(q{ALTER SYSTEM SET webchatt.heartbeat = '5s'});
$a->node->reload;
my $link;
ok(Visitor::until(sub { $link->end if $link; $link = linked(); return $link->{welcome}{heartbeat} == 5 }), 'a new subscriber is told the heartbeat');
is($link->{welcome}{lost}, 0, 'and has lost nothing');
$v->say('first');
my $first = $link->heard('first');
is_deeply({ %$first, messageId => undef, timestamp => undef, seq => undef },
	{ eventType => 'Message', channelId => $channel, messageId => undef, from => $v->{visitor}, timestamp => undef, channel => 'web-chatt2me',
		content => { type => 'text', text => 'first' }, seq => undef }, 'an event has what a webhook would bring');
like($first->{timestamp}, qr/^[0-9]{10}\z/, 'its time in whole seconds');
is($first->{messageId}, $a->sql(q{SELECT id FROM webchatt.messages WHERE content ->> 'text' = 'first'}), 'the message\'s id');
ok(Visitor::until(sub { $a->sql("SELECT acknowledged = $first->{seq} FROM webchatt.links l JOIN webchatt.api_keys k ON k.id = l.key_id WHERE k.label = 'somebody else'") eq 't' }),
	'what is acknowledged is written down');
$link->cut(reset => 1);
$v->say('while away');
$v->acked($v->say('still away'));
$link->connect;
ok($link->heard('still away'), 'a cut subscriber gets what it missed');
is_deeply([ map { $_->{content}{text} } $link->events_of('Message') ], [ 'first', 'while away', 'still away' ], 'in order, once');

# What is not acknowledged comes again, cut after cut, in its old place.
$link->{ack} = 0;
$link->cut;
$link->connect;
$link->welcomed;
$v->say("again $_") for 1 .. 5;
ok($link->heard('again 5'), 'five events without an ack');
for my $times (1 .. 3)
{
	$link->cut(reset => $times % 2);
	my $repeats = $link->{repeats};
	$link->connect;
	ok(Visitor::until(sub { $link->{repeats} >= $repeats + 5 }), 'come again');
}
is(scalar $link->events_of('Message'), 8, 'as the same events');
my @seqs = map { $_->{seq} } $link->events_of('Message');
$link->acknowledge($seqs[5]);
ok(Visitor::until(sub { $a->sql(q{SELECT max(acknowledged) FROM webchatt.links}) == $seqs[5] }), 'an ack of some of them');
$link->cut;
my $repeats = $link->{repeats};
$link->connect;
ok(Visitor::until(sub { $link->{repeats} == $repeats + 2 }), 'the others come again');
Visitor::pump_for(0.3);
is($link->{repeats}, $repeats + 2, 'and no more than those');
$link->acknowledge($link->{highest});
is_deeply($link->{violations}, [], 'all frames were to the letter');

# What an ack may not say, and what is no ack.
my $frame = sub { Visitor::frame($_[0], @_[ 1 .. $#_ ]) };
my @hostile = (
	[ 1008, 'an ack ahead of what was sent', sub { $_[0]->acknowledge($_[0]{highest} + 1) } ],
	[ 1008, 'an ack of a huge number', sub { $_[0]->send('{"type":"ack","seq":9223372036854775807}') } ],
	[ 1008, 'an ack beyond 64 bits', sub { $_[0]->send('{"type":"ack","seq":18446744073709551616}') } ],
	[ 1008, 'a negative ack', sub { $_[0]->send('{"type":"ack","seq":-1}') } ],
	[ 1008, 'a fractional ack', sub { $_[0]->send('{"type":"ack","seq":1.5}') } ],
	[ 1008, 'an ack in a string', sub { $_[0]->send('{"type":"ack","seq":"1"}') } ],
	[ 1008, 'an ack of nothing', sub { $_[0]->send('{"type":"ack"}') } ],
	[ 1008, 'no type', sub { $_[0]->send('{"seq":1}') } ],
	[ 1008, 'a visitor\'s hello', sub { $_[0]->send('{"type":"hello"}') } ],
	[ 1008, 'an event', sub { $_[0]->send('{"type":"event","seq":1,"event":{}}') } ],
	[ 1008, 'no JSON', sub { $_[0]->send('ack') } ],
	[ 1008, 'an array', sub { $_[0]->send('[]') } ],
	[ 1008, 'nothing', sub { $_[0]->send('') } ],
	[ 1008, 'deep JSON', sub { $_[0]->send('[' x 400 . ']' x 400) } ],
	[ '1008|1009', 'more than 1 kB', sub { $_[0]->send('{"type":"ack","seq":1,"x":"' . 'x' x 2000 . '"}') } ],
	[ '1008|1009|1002', 'a frame that says it is huge', sub { $_[0]->raw($frame->('x', length => 2**40)) } ],
	[ '1008|1003|1002', 'a binary frame', sub { $_[0]->raw($frame->('{"type":"ack","seq":0}', opcode => 2)) } ],
	[ '1002|1008', 'an unmasked frame', sub { $_[0]->raw($frame->('{"type":"ack","seq":0}', mask => 0)) } ],
	[ '1002|1008', 'reserved bits', sub { $_[0]->raw($frame->('{"type":"ack","seq":0}', rsv => 4)) } ],
	[ '1002|1008', 'an unknown opcode', sub { $_[0]->raw($frame->('x', opcode => 11)) } ],
	[ '1007|1008', 'bad UTF-8', sub { $_[0]->raw($frame->("{\"type\":\"ack\",\"seq\":1,\"x\":\"\xff\xfe\"}")) } ],
	[ '1002|1008', 'a ping in pieces', sub { $_[0]->raw($frame->('x', opcode => 9, fin => 0)) } ]);
for my $case (@hostile)
{
	my ($codes, $what, $do) = @$case;
	my $bad = linked(api_key => $others_key, ack => 0);
	my $mark = $bad->{welcome}{acknowledged};
	$bad->{highest} = $mark if $bad->{highest} < $mark;
	$do->($bad);
	my $code = $bad->closed(10) // 'none';
	like($code, qr/^(?:$codes)\z/, "$what: closed with $codes") or diag($bad->describe);
	$bad->end;
}
my $bad = linked(api_key => $others_key, ack => 0);
$v->say($_) for 'one', 'two';
ok($bad->heard('two'), 'two events');
my ($one, $two) = map { $_->{seq} } $bad->events_of('Message');
$bad->acknowledge($two);
$bad->acknowledge($two);
Visitor::pump_for(0.3);
is($bad->{state}, 'welcomed', 'the same ack twice is no harm') or diag($bad->describe);
$bad->acknowledge($one);
is($bad->closed(10), 1008, 'an ack behind an earlier one: 1008') or diag($bad->describe);
$bad->{ack} = 1;
$bad = linked(api_key => $others_key);
is($bad->{welcome}{acknowledged}, $two, 'and it does not take anything back');

# Half a frame, half a head, and silence.
my @slow = map { link_to_a(api_key => $others_key)->connect(head => substr $_, 0, 60) } ("GET $Link::PATH HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nX: y\r\n") x 3;
$bad->{pong} = 0;
ok(Visitor::until(sub { $bad->{state} eq 'closed' }), 'a subscriber that falls silent is cut');
$bad = linked(api_key => $others_key);
$bad->raw(substr $frame->('{"type":"ack","seq":1}'), 0, 5);
ok(Visitor::until(sub { $bad->{state} eq 'closed' }, 15), 'so is one that does not end what it began to say');
ok(Visitor::until(sub { !grep { $_->{state} ne 'closed' } @slow }, 20), 'and who does not end the head') or diag(map { $_->describe } @slow);
$_->end for @slow;

# Two subscribers with two keys have each everything, at their own pace.
my $other = linked(api_key => $others_key);
$link->{ack} = 1;
$link->cut;
$link->connect;
$link->welcomed;
$v->say("both $_") for 1 .. 20;
ok($_->heard('both 20'), 'two subscribers hear all') for $link, $other;
is_deeply([ grep { /^both/ } map { $_->{content}{text} } $_->events_of('Message') ], [ map { "both $_" } 1 .. 20 ], 'in order, once') for $link, $other;

# One key, one link.
my $newer = linked();
is($link->closed(10), 4010, 'a second link with the same key closes the first with 4010') or diag($link->describe);
$v->say('to the newer');
ok($newer->heard('to the newer'), 'the newer one goes on');
ok($other->heard('to the newer'), 'others are not touched');
is($a->sql(q{SELECT count(*) FROM webchatt.links WHERE connected_since IS NOT NULL}), 2, 'two links are connected');

# From here on subscribers are silent for as long as many texts take on a slow machine.
$a->sql(q{ALTER SYSTEM SET webchatt.heartbeat = '10min'});
$a->node->reload;

# Who reads slowly gets no more than the window, and costs no memory.
$other->{deaf} = 1;
my $net = $a->status('net_pid');
my $before_memory = TwoHubs::memory($net) + TwoHubs::memory($a->status('worker_pid'));
$v->say('x' x 8000) for 1 .. 800;
ok(Visitor::until(sub { !%{ $v->{unacked} } }, 60), '6 MB of messages that one subscriber does not read') or diag($v->describe);
ok(Visitor::until(sub { ($newer->events_of('Message'))[-1]{messageId} eq (sort values %{ $v->{acked} })[-1] }, 60), 'the other one has them all');
my $after_memory = TwoHubs::memory($net) + TwoHubs::memory($a->status('worker_pid'));
cmp_ok($after_memory - $before_memory, '<', 16_000, "A's memory is bounded ($before_memory, then $after_memory kB)");
$other->{deaf} = 0;
$other->{again} = 0.2;
ok(Visitor::until(sub { ($other->events_of('Message'))[-1]{messageId} eq (sort values %{ $v->{acked} })[-1] }, 60), 'when it reads again it gets the rest');
is(scalar(grep { length $_->{content}{text} == 8000 } $other->events_of('Message')), 800, 'all, once');
is_deeply($_->{violations}, [], 'to the letter') for $link, $newer, $other;

# An ack that is slower than the window: no more than 1024 events under way.
$newer->{ack} = 0;
$other->end;
$a->sql(q{SELECT webchatt.revoke_api_key('yet another')});
ok(Visitor::until(sub { my $probe = link_to_a(api_key => $others_key)->connect; my $code = $probe->answered; $probe->end; $code == 401 }), 'a revoked key is refused');
my $mark = $newer->{highest};
$v->say("window $_") for 1 .. 1500;
ok(Visitor::until(sub { !%{ $v->{unacked} } }, 60), '1500 messages that nobody acknowledges') or diag($v->describe);
ok(Visitor::until(sub { 500 <= grep { $_->{seq} > $mark } @{ $newer->{events} } }), 'a window came');
Visitor::pump_for(1);
cmp_ok(scalar(grep { $_->{seq} > $mark } @{ $newer->{events} }), '<=', 1024, 'and no more than that');
$newer->{ack} = 1;
$newer->acknowledge($newer->{highest});
ok($newer->heard('window 1500', 30), 'the ack brings the rest');
$a->sql(q{SELECT webchatt.revoke_api_key('somebody else')});
is($newer->closed(10), 4001, 'a key that is revoked: 4001') or diag($newer->describe);
is(link_to_a()->connect->answered(5), 401, 'and it is refused from then on');
is_deeply($newer->{violations}, [], 'to the letter');
ok(Visitor::until(sub { $a->sql('SELECT count(*) FROM webchatt.links WHERE connected_since IS NOT NULL') == 0 }, 10), 'no link is connected');
$a->sql('DELETE FROM webchatt.links');
$v->end;

# --- B by its link, under load ---------------------------------------------------

$a->sql('ALTER SYSTEM RESET webchatt.heartbeat');
$a->node->reload;
$pair->{from} = $a->sql(q{SELECT max(id::text) FROM webchatt.messages});
$pair->attach('link');
$pair->visitor(log => 0) for 1 .. ($ENV{WEBCHATT_TEST_LONG} ? 24 : 16);
$pair->visitor(log => 0, token => $pair->{visitors}[0]{token});
$pair->faults;

# --- a conversation that is locked for longer than the window is wide ------------

my $holder = $b->session;
my ($locked, $free) = @{ $pair->{visitors} }[ 6, 7 ];
$holder->query("BEGIN; SELECT FROM webchatt.visitors WHERE id = '$locked->{visitor}' FOR UPDATE; SELECT FROM webchatt.messages WHERE visitor = '$locked->{visitor}' ORDER BY id DESC LIMIT 50 FOR UPDATE");
$b->sql("UPDATE webchatt.visitors SET last_seen = now() - interval '1 hour' WHERE id <> '$locked->{visitor}'");
$locked->say(". locked $_") for 1 .. 20;
$free->say(". free $_") for 1 .. 3000;
ok(Visitor::until(sub { !%{ $locked->{unacked} } && !%{ $free->{unacked} } }, 60), 'a conversation that is locked at B, and three windows of others');
Visitor::pump_for(3);
$holder->query('ROLLBACK');
$holder->close;
$pair->settled('when the lock is gone', 60);
$pair->account('when the lock is gone');

# --- B is away for long ----------------------------------------------------------

$pair->age_events;
ok(Visitor::until(sub { my (undef, $left) = $a->try_sql('SELECT count(*) < 200 FROM webchatt.feed'); $left eq 't' }, 30), 'A keeps no events that are acknowledged, but for a minute')
  or diag($a->sql('SELECT count(*), min(seq), max(seq) FROM webchatt.feed'), ' ', $a->sql('SELECT * FROM webchatt.links'));
$b->node->stop;
my $memory = TwoHubs::memory($a->status('net_pid')) + TwoHubs::memory($a->status('worker_pid'));
my $speaker = $pair->{visitors}[5];
my $many = $ENV{WEBCHATT_TEST_LONG} ? 20_000 : 3_000;
$speaker->say(". away $_") for 1 .. $many;
ok(Visitor::until(sub { !%{ $speaker->{unacked} } }, 900), "$many messages while B is away");
cmp_ok($a->sql('SELECT count(*) FROM webchatt.feed'), '>=', $many, 'wait at A, as events');
my $now = TwoHubs::memory($a->status('net_pid')) + TwoHubs::memory($a->status('worker_pid'));
cmp_ok($now - $memory, '<', 32_000, "A's memory is bounded ($memory, then $now kB)");
my $began = time;
$b->node->start;
$pair->settled('B is back', 900);
diag(sprintf "caught up with $many after %.1f s", time - $began);
$pair->account('B is back');
$now = TwoHubs::memory($a->status('net_pid')) + TwoHubs::memory($a->status('worker_pid'));
cmp_ok($now - $memory, '<', 32_000, "and still is when they have left ($now kB)");

# Away for longer than A keeps events: both say so.
$b->node->stop;
$a->sql(q{ALTER SYSTEM SET webchatt.feed_retention = 60});
$a->node->reload;
$speaker->say(". lost $_") for 1 .. 50;
ok(Visitor::until(sub { !%{ $speaker->{unacked} } }, 30), 'fifty messages');
$pair->age_events;
ok(Visitor::until(sub { ($a->try_sql('SELECT count(*) FROM webchatt.feed'))[1] eq '0' }, 30), 'are dropped when they are older than webchatt.feed_retention');
is($a->sql('SELECT lost FROM webchatt.links'), 50, 'A counts what the link lost');
my @lost = map { $_->{id} } grep { ($_->{content}{text} // '') =~ /^\. lost/ } values %{ $speaker->{messages} };
$b->node->start;
$b->wait_ready;
$speaker->say('after the loss');
$pair->shows($speaker, 're: after the loss', 'it goes on with what comes then', 30);
($began) = $b->sql(q{SELECT hubs -> 'a' FROM webchatt.status});
like($began, qr/50/, 'and B says what is lost') or diag($began);
is($b->sql(q{SELECT count(*) FROM webchatt.messages WHERE content ->> 'text' LIKE '. lost%'}), 0, 'which it has not');

done_testing();
