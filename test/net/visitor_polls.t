# Visitors whose line takes no WebSocket: the same protocol over requests, with the test in the
# worker's place. What is lost comes again, what comes again counts once, nobody gets at another's
# session, and what is sent by strangers is bounded.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Corridor;
use Digest::SHA qw(sha256);
use JSON::PP qw(decode_json encode_json);
use RawSocket;
use Test::More;

my $CHANNEL = '11111111-2222-4333-8444-555555555555';
my $OTHER = '99999999-2222-4333-8444-555555555555';
my $KEY = 'pk_first-1';
my $OTHER_KEY = 'pk_other-1';
my $ORIGIN = $RawSocket::ORIGIN;
my %known;

sub open_hub
{
	my (%settings) = @_;
	my $w = Corridor->open_door([], %settings);
	$w->put_local($CHANNEL, $KEY, 'Shop', $ORIGIN, 'https://second.example');
	$w->put_local($OTHER, $OTHER_KEY, 'Other', $ORIGIN);
	$w->{left} = [];
	$w->{outcomes} = [];
	$w->{on}{ARRIVED} = sub {
		my ($a) = @_;
		return if $w->{no_welcome};
		my $visitor = $a->{has_token} ? $known{ $a->{token_hash} } : undef;
		return $w->welcome($a, 'KNOWN', $visitor) if $visitor;
		$known{ $a->{new_hash} } = $a->{new_visitor};
		$w->welcome($a, 'MADE') };
	$w->{on}{LEFT} = sub { push @{ $w->{left} }, $_[0]{session} };
	$w->{on}{OUTCOME} = sub { push @{ $w->{outcomes} }, $_[0] };
	$w->send_local(99, $CHANNEL, Corridor::uuid7(), Corridor::uuid7(), '{}');
	$w->until(5, sub { @{ $w->{outcomes} } });
	shift @{ $w->{outcomes} };
	my %stored;
	$w->{message_of} = sub { my ($e) = @_; return $stored{ $e->{message_id} } //= Corridor::uuid7() };
	return $w;
}

my $w = open_hub();

sub raw
{
	my ($head, $frames, %o) = @_;
	my $body = join("\n", (ref $head ? encode_json($head) : $head), map { ref $_ ? encode_json($_) : $_ } @{ $frames // [] });
	my $origin = exists $o{origin} ? $o{origin} : $ORIGIN;
	return join("\r\n", ($o{method} // 'POST') . ' /communication/web-chatt2me/poll?webChatId=' . ($o{key} // $KEY) . ' HTTP/1.1', 'Host: t',
		(defined $origin ? "Origin: $origin" : ()), 'Content-Type: text/plain;charset=UTF-8', 'Content-Length: ' . length $body, '', $body);
}

# What an answer says: its status and head, the first line, and the frames.
sub read_answer
{
	my ($r) = @_;
	return { %$r } if $r->{status} != 200;
	my ($first, @frames) = split /\n/, $r->{body};
	return { %$r, %{ decode_json($first) }, frames => [ map { decode_json($_) } @frames ] };
}

sub ask { my ($hub, @raw) = @_; return read_answer($hub->once(raw(@raw))) }

# Begin a request that is to wait; then its answer.
sub begin { my ($hub, @raw) = @_; my $s = $hub->dial; $hub->put($s, raw(@raw)); return $s }
sub ended { my ($hub, $s) = @_; return read_answer($hub->answer($s)) }

# A welcomed session: { session, ack, first, welcome }.
sub visit
{
	my ($hub, %hello) = @_;
	my $o = ask($hub, {}, [ { type => 'hello', %hello } ]);
	die "not opened: $o->{status} " . ($o->{body} // '') if !$o->{session};
	my $p = { session => $o->{session}, ack => 0, first => 2, hub => $hub };
	$p->{welcome} = next_frame($p, 'welcome');
	return $p;
}

# Poll until a frame of that type comes.
sub next_frame
{
	my ($p, $type) = @_;
	for (1 .. 4)
	{
		my $a = ask($p->{hub}, { session => $p->{session}, ack => $p->{ack}, wait => JSON::PP::true });
		$p->{ack} = $a->{first} + @{ $a->{frames} } - 1 if @{ $a->{frames} };
		my ($found) = grep { $_->{type} eq $type } @{ $a->{frames} };
		return $found if $found;
		return if $a->{close};
	}
	return;
}

sub up
{
	my ($p, @frames) = @_;
	my $a = ask($p->{hub}, { session => $p->{session}, ack => $p->{ack}, first => $p->{first} }, \@frames);
	$p->{first} = $a->{taken} + 1 if $a->{taken};
	return $a;
}

sub text { my ($id, $text) = @_; return { type => 'message', id => $id, content => { type => 'text', text => $text // 'hello' } } }

subtest 'a conversation' => sub {
	my $o = ask($w, {}, [ { type => 'hello', attributes => { plan => 'free' } } ]);
	is($o->{status}, 200, 'opened');
	like($o->{session}, qr/\A[A-Za-z0-9_-]{43}\z/, 'with an id of 256 bits');
	is($o->{taken}, 1, 'its hello was taken');
	like($o->{head}, qr/^Access-Control-Allow-Origin: \Q$ORIGIN\E\r?$/mi, 'its page may read it');
	like($o->{head}, qr/^Cache-Control: no-store\r?$/mi, 'and nobody keeps it');
	my $p = { session => $o->{session}, ack => 0, first => 2, hub => $w };
	my $welcome = next_frame($p, 'welcome');
	like($welcome->{token}, qr/^wct_/, 'welcome, with a token');
	is($welcome->{limits}{message}, 16384, 'and the limits');
	is(up($p, text('c-1'), { type => 'ping' })->{taken}, 3, 'a message and a ping are taken');
	ok($w->until(5, sub { 2 == @{ ask($w, { session => $p->{session}, ack => 1, wait => JSON::PP::true })->{frames} } }), 'both are answered');
	my $again = ask($w, { session => $p->{session}, ack => 1, wait => JSON::PP::true });
	is_deeply([ $again->{first}, map { $_->{type} } @{ $again->{frames} } ], [ 2, 'pong', 'ack' ], 'what was not confirmed comes again, in order');
	$again = ask($w, { session => $p->{session}, ack => 2, wait => JSON::PP::true });
	is_deeply([ $again->{first}, map { $_->{type} } @{ $again->{frames} } ], [ 3, 'ack' ], 'what was confirmed does not');
	$p->{ack} = 3;
	$w->{auto} = undef;
	is(up($p, text('c-2'))->{taken}, 4, 'the next one');
	my $e = $w->wait_event;
	is($e->{message_id}, "$welcome->{visitor}/c-2", 'is an event');
	is(ask($w, { session => $p->{session}, ack => 3, first => 4 }, [ text('c-2') ])->{taken}, 4, 'the same request again: its answer was lost');
	is(ask($w, { session => $p->{session}, ack => 3, first => 6 }, [ text('c-4') ])->{taken}, 4, 'a gap is not taken');
	ok(!$w->until(0.2, sub { @{ $w->{events} } }), 'and nothing is taken twice');
	$w->done($e);
	is(next_frame($p, 'ack')->{id}, 'c-2', 'acked');
	$w->{auto} = 0;
	my $waits = begin($w, { session => $p->{session}, ack => $p->{ack}, wait => JSON::PP::true });
	$w->until(0.2, sub { 0 });
	my $m = Corridor::uuid7();
	@{ $w->{outcomes} } = ();
	$w->send_local(7, $CHANNEL, $welcome->{visitor}, $m, '{"text":"an answer"}');
	my $a = ended($w, $waits);
	is($a->{frames}[0]{content}{text}, 'an answer', 'a request that waits is answered when there is something to say');
	$w->until(5, sub { @{ $w->{outcomes} } });
	is(shift(@{ $w->{outcomes} })->{hub_status}, 'sent', 'which is sent then');
	my $second = RawSocket->visit($w, $KEY, hello => { token => $welcome->{token} });
	is($second->{welcome}{visitor}, $welcome->{visitor}, 'the same visitor by a WebSocket beside it');
	$second->text('c-9', 'from the other tab');
	is($second->wait_for('ack')->{id}, 'c-9', 'writes');
	$p->{ack} = $a->{first} + @{ $a->{frames} } - 1;
	is(next_frame($p, 'message')->{content}{text}, 'from the other tab', 'and it is shown in both');
	my $old = begin($w, { session => $p->{session}, ack => $p->{ack}, wait => JSON::PP::true });
	$w->until(0.2, sub { 0 });
	my $new = begin($w, { session => $p->{session}, ack => $p->{ack}, wait => JSON::PP::true });
	is_deeply(ended($w, $old)->{frames}, [], 'one request waits: an older one is answered with nothing');
	$w->typing($CHANNEL, $welcome->{visitor});
	is(ended($w, $new)->{frames}[0]{type}, 'typing', 'the newest with what comes');
	my $gone = begin($w, { session => $p->{session}, ack => $p->{ack} + 1, wait => JSON::PP::true });
	$w->until(0.2, sub { 0 });
	close $gone;
	$w->typing($CHANNEL, $welcome->{visitor});
	is(next_frame($p, 'typing')->{type}, 'typing', 'what goes to a connection that has gone comes again');
	@{ $w->{left} } = ();
	is(ask($w, { session => $p->{session}, close => JSON::PP::true })->{status}, 200, 'the client goes');
	ok($w->until(5, sub { @{ $w->{left} } }), 'and the worker hears of it');
};

subtest 'who may' => sub {
	my $p = visit($w);
	my $o = ask($w, {}, [ { type => 'hello' } ], origin => 'https://evil.example');
	is($o->{status}, 403, 'a page that is not listed: 403');
	unlike($o->{head}, qr/Access-Control/i, 'and may not read it');
	is(ask($w, {}, [ { type => 'hello' } ], origin => undef)->{status}, 403, 'no origin: 403');
	is(ask($w, {}, [ { type => 'hello' } ], key => 'pk_unknown')->{close}{code}, 4001, 'an unknown key: 4001');
	is(ask($w, {}, [], method => 'GET')->{status}, 405, 'GET: 405');
	my $wait = { session => $p->{session}, ack => 0, wait => JSON::PP::true };
	for my $case (['another page of the channel', $wait, [], origin => 'https://second.example'], ['another channel', $wait, [], key => $OTHER_KEY],
		['a session that nobody has', { session => 'x' x 43 }], ['its last character changed', { session => substr($p->{session}, 0, 42) . ($p->{session} =~ /A$/ ? 'B' : 'A') }, []])
	{
		my ($name, @raw) = @$case;
		my $a = ask($w, @raw);
		is($a->{close}{code}, 1006, "$name: as if it were not there");
		is_deeply($a->{frames}, [], 'and nothing is said');
	}
	ok(next_frame({ %$p, ack => 0 }, 'welcome'), 'it is still there for whose it is');
};

subtest 'what ends it' => sub {
	my $p = visit($w);
	my $s = begin($w, { session => $p->{session}, ack => $p->{ack}, wait => JSON::PP::true });
	$w->until(0.2, sub { 0 });
	$w->tell('VISITOR_END', channel => $CHANNEL, visitor => $p->{welcome}{visitor}, token_hash => sha256($p->{welcome}{token}));
	is(ended($w, $s)->{close}{code}, 4011, 'its token is deleted: 4011 to the request that waits');
	is(ask($w, { session => $p->{session}, wait => JSON::PP::true })->{close}{code}, 4011, 'and again, should that have been lost');
	is(up($p, text('x'))->{taken}, 1, 'nothing is taken any more');
	for my $case (['no hello first', 1008, { type => 'ping' }], ['no JSON first', 1008, 'x'])
	{
		my $o = ask($w, {}, [ $case->[2] ]);
		is($o->{close}{code}, $case->[1], "$case->[0]: $case->[1]");
	}
	$p = visit($w);
	up($p, 'no JSON', text('long', 'x' x 20000), text('behind'));
	my @said;
	ok($w->until(20, sub { @said = @{ ask($w, { session => $p->{session}, ack => $p->{ack}, wait => JSON::PP::true })->{frames} }; @said == 3 }), 'three frames are answered');
	is_deeply([ map { $_->{code} // $_->{id} } @said ], [ 'bad_message', 'too_large', 'behind' ], 'one that is refused blocks none behind it');
	my $h = open_hub(ping_interval_ms => 300);
	$p = visit($h);
	ok($h->until(20, sub { @{ $h->{left} } }), 'who asks no more for long is gone');
	is(ask($h, { session => $p->{session} })->{close}{code}, 1006, 'and comes back as a new session');
	$p = visit($h);
	$s = begin($h, { session => $p->{session}, ack => $p->{ack}, wait => JSON::PP::true });
	@{ $h->{left} } = ();
	$h->until(1.5, sub { 0 });
	is(scalar @{ $h->{left} }, 0, 'who waits is not');
	$h->tell('CLOSE');
	is(ended($h, $s)->{close}{code}, 1001, 'when the hub stops it says so');
	ok($h->until(10, sub { $h->{gone} }), 'and ends');
};

subtest 'limits and hostile requests' => sub {
	my $h = open_hub(max_visitors_per_address => 3, max_visitors => 5);
	my @p = map { visit($h) } 1 .. 3;
	is(ask($h, {}, [ { type => 'hello' } ])->{status}, 429, 'as many of an address as there may be WebSockets');
	ok(!eval { RawSocket->dial($h, $KEY) }, 'and together with these');
	ask($h, { session => $p[0]{session}, close => JSON::PP::true });
	my $slow = $p[1];
	$h->configure(visitor_buffer => 4096);
	$h->send_local($_, $CHANNEL, $slow->{welcome}{visitor}, Corridor::uuid7(), '{"text":"' . 'x' x 1500 . '"}') for 1 .. 5;
	ok($h->until(5, sub { @{ $h->{left} } >= 2 }), 'who fetches nothing is closed');
	is(ask($h, { session => $slow->{session}, ack => $slow->{ack}, wait => JSON::PP::true })->{close}{code}, 4009, 'with 4009');
	for my $body ('', 'x', '[]', '{"session":1}', '{"session":"short"}', '{"ack":-1}', '{"ack":1e400}', '{"first":"1"}', '{"wait":1}', '{"a":"' . 'x' x 600 . '"}', '{"ack":1,"ack":2}', '[' x 400, "\0" x 40)
	{
		my $r = ask($w, $body);
		is($r->{status}, 400, 'no poll: ' . substr($body, 0, 30)) or diag explain $r;
	}
	my $p = visit($w);
	for my $head ('{"session":"' . $p->{session} . '","ack":9007199254740992}', '{"session":"' . $p->{session} . '","first":0}', '{"session":"' . $p->{session} . '","first":9007199254740992}')
	{
		my $a = ask($w, $head, [ text('never') ]);
		is($a->{taken}, 1, "numbers beyond what there is: $head");
	}
	my $a = ask($w, { session => $p->{session} }, [ ("\n") x 1000 ]);
	is($a->{taken}, 1, 'empty lines are nothing');
	srand(20261129);
	for (1 .. 200)
	{
		my $body = raw({ session => $p->{session}, first => int rand 5 }, [ text('h') ]);
		substr($body, length($body) - 1 - int(rand 60), 1) = chr int rand 256 for 1 .. 3;
		my $r = $w->once($body);
		die "no answer: $body" if !$r->{status};
	}
	pass('200 requests of which some bytes are wrong are answered');
	my $f = visit($w);
	my $closed;
	for (1 .. 400) { my $r = ask($w, { session => $f->{session}, wait => JSON::PP::true, ack => 0 }); $closed = $r->{close} and last }
	is($closed->{code}, 4029, 'who asks without end is closed');
	ok(visit($w), 'and others come in');
};

my $metrics = $w->once("GET /metrics HTTP/1.1\r\nHost: t\r\n\r\n")->{body};
like($metrics, qr/^webchatt_visitor_polls_total [1-9]/m, 'the metrics count them');
$w->close_door;
done_testing;
