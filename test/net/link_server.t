# The hub's end of links (doc/link.md), with the test in the worker's place: the
# opening request, welcome, events and acknowledgements in bulk, each violation,
# subscribers that are slow or silent, revoked keys, and the end.
# WEBCHATT_NET names the program (a build with sanitizers, say);
# WEBCHATT_DOOR_SEED repeats a hostile run.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Corridor;
use Digest::SHA qw(sha256);
use File::Temp qw(tempdir);
use Hostile;
use IO::Socket::UNIX;
use JSON::PP qw(decode_json encode_json);
use RawSocket;
use Socket;
use Test::More;
use Time::HiRes qw(time);

my $PATH = '/communication/web-chatt2me/events';
my $PROTOCOL = 'web-chatt2me.events.v1';
my %KEY = map { $_ => 'wck_' . substr("key-$_-" . 'k' x 43, 0, 43) } 1 .. 40;
my $SANITIZED = ($ENV{WEBCHATT_NET} // '') =~ /asan/;

sub put_key { my ($w, $id) = @_; $w->tell('KEY_PUT', id => $id, hash => sha256($KEY{$id}), scopes => 7); return }
sub key_gone { my ($w, $id) = @_; $w->tell('KEY_GONE', id => $id); return }

# A door with the test's worker behind it, who welcomes every link at once.
sub open_hub
{
	my (%settings) = @_;
	my $w = Corridor->open_door([], %settings);
	$w->{$_} = [] for qw(came acks left outcomes);
	$w->{acknowledged} = {};
	$w->{on}{LINK_CAME} = sub {
		my ($c) = @_;
		push @{ $w->{came} }, $c;
		welcome($w, $c->{link}, $w->{acknowledged}{ $c->{key} } // 0) if !$w->{no_welcome} };
	$w->{on}{LINK_ACK} = sub { push @{ $w->{acks} }, [@{ $_[0] }{qw(link seq)}] };
	$w->{on}{LINK_LEFT} = sub { push @{ $w->{left} }, $_[0]{link} };
	$w->{on}{OUTCOME} = sub { push @{ $w->{outcomes} }, $_[0] };
	put_key($w, $_) for 1, 2, 3;
	settle($w);
	return $w;
}

sub welcome
{
	my ($w, $link, $acknowledged, $lost) = @_;
	return $w->tell('LINK_WELCOME', link => $link, acknowledged => $acknowledged, lost => $lost);
}

sub event
{
	my ($w, $link, $seq, $body) = @_;
	return $w->tell('LINK_EVENT', link => $link, seq => $seq, body => $body);
}

sub end_link
{
	my ($w, $link, $code, $reason) = @_;
	return $w->tell('LINK_CLOSE', link => $link, code => $code, reason => $reason);
}

# All that was said to the program so far counts: it has answered a send to nobody.
sub settle
{
	my ($w) = @_;
	$w->send_local(99, Corridor::uuid7(), Corridor::uuid7(), Corridor::uuid7(), '{}');
	$w->until(5, sub { @{ $w->{outcomes} } }) or die 'no outcome';
	shift @{ $w->{outcomes} };
	return;
}

sub head
{
	my ($key, %headers) = @_;
	return RawSocket::head('', line => "GET $PATH HTTP/1.1", Origin => undef, 'Sec-WebSocket-Protocol' => $PROTOCOL,
		($key ? ('x-api-key' => $KEY{$key}) : ()), %headers);
}

# Open a link; the client's end of it, with the number that the worker has.
sub dial
{
	my ($w, $key, %o) = @_;
	my $before = @{ $w->{came} };
	my $link = RawSocket->new($w, $o{socket} // $w->dial);
	$w->put($link->{s}, head($key, %{ $o{head} // {} }));
	$link->upgraded or die 'no upgrade: ' . ($link->{in} =~ /(.*)/ ? $1 : 'silence');
	$w->until(5, sub { @{ $w->{came} } > $before }) or die 'no LINK_CAME';
	$link->{number} = $w->{came}[$before]{link};
	return $link;
}

# The same, welcomed.
sub subscribe
{
	my ($w, $key, %o) = @_;
	my $link = dial($w, $key, %o);
	$link->{welcome} = $link->wait_for('welcome') // die 'not welcomed: ' . ($link->{code} // 'silence');
	return $link;
}

sub ack { my ($link, $seq) = @_; $link->say(qq({"type":"ack","seq":$seq})); return }

# How often the worker heard that a link has left; waits for the first time.
sub left
{
	my ($w, $link) = @_;
	my $count = sub { return scalar grep { $_ == $link->{number} } @{ $w->{left} } };
	$w->until(5, $count);
	settle($w);
	return $count->();
}

sub last_ack
{
	my ($w, $link) = @_;
	my ($last) = map { $_->[1] } grep { $_->[0] == $link->{number} } reverse @{ $w->{acks} };
	return $last // 0;
}

sub body
{
	my ($n, $size) = @_;
	return qq({"eventType":"Message","channelId":"6cbd6789-0000-4000-8000-000000000000","messageId":"m$n","from":"v","timestamp":1700000000,)
	  . qq("channel":"web-chatt2me","content":{"type":"text","text":") . 'x' x ($size // 20) . '"}}';
}

# Nobody welcomes this one: looked at again at the end.
my $patient = open_hub();
$patient->{no_welcome} = 1;
my $unwelcome_since = time;
my $unwelcome = dial($patient, 1);

my $w = open_hub();
ok($w->{port}, 'the door is open') or die('webchatt-net does not start');

# The answer to an opening request that is refused.
sub refused
{
	my ($name, $status, $code, $raw, $hub) = @_;
	$hub //= $w;
	my $came = @{ $hub->{came} };
	my $s = $hub->dial;
	$hub->put($s, $raw);
	my $r = $hub->answer($s);
	is($r->{status}, $status, $name) or diag($r->{head} . ($r->{body} // ''));
	is(eval { decode_json($r->{body})->{errorCode} } // '', $code, "$name: its code");
	like(eval { decode_json($r->{body})->{errorMessage} } // '', qr/\w \w/, "$name: a sentence for a person");
	ok($hub->closes($s), "$name: closed");
	is(scalar @{ $hub->{came} }, $came, "$name: the worker does not hear of it");
	return $r;
}

subtest 'the opening request' => sub {
	my $link = RawSocket->new($w, $w->dial);
	$w->put($link->{s}, head(2));
	my $answer = $link->upgraded;
	like($answer, qr/^HTTP\/1\.1 101 Switching Protocols\r\n/, 'upgraded');
	like($answer, qr{^Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r?$}m, 'Sec-WebSocket-Accept of RFC 6455');
	like($answer, qr{^Sec-WebSocket-Protocol: web-chatt2me\.events\.v1\r?$}m, 'the sub-protocol');
	$w->until(5, sub { @{ $w->{came} } });
	is($w->{came}[0]{key}, 2, 'LINK_CAME: the key\'s id');
	is($w->{came}[0]{client}, '127.0.0.1', 'LINK_CAME: the address');
	my %numbers = map { $_->{link} => 1 } @{ $w->{came} };
	for my $case (
		['names and values in any case', UPGRADE => 'WebSocket', Upgrade => undef, Connection => 'keep-alive, UPGRADE', 'x-api-key' => undef, 'X-API-Key' => $KEY{1}],
		['several sub-protocols', 'Sec-WebSocket-Protocol' => "chat, $PROTOCOL , x"],
		['an origin, which does not matter', Origin => 'https://elsewhere.example'],
		['a query', line => "GET $PATH?x=1 HTTP/1.1"],
		['a head of 7 kB', map { ("X-Fill-$_" => 'x' x 200) } 1 .. 30])
	{
		my ($name, %h) = @$case;
		my $l = eval { subscribe($w, 1, head => \%h) };
		ok($l, $name) or next;
		ok(!$numbers{ $l->{number} }++, 'with a number of its own');
		close $l->{s};
		is(left($w, $l), 1, 'and LINK_LEFT once');
	}
	my $slow = RawSocket->new($w, $w->dial);
	for my $byte (split //, head(1)) { $slow->put($byte); $w->take }
	ok($slow->upgraded, 'byte for byte');
	ok($slow->wait_for('welcome'), 'and welcomed');
	my $pieces = RawSocket->new($w, $w->dial);
	for my $piece (head(1) =~ /.{1,25}/gs) { $pieces->put($piece); $w->until(0.03, sub { 0 }) }
	ok($pieces->upgraded, 'in pieces');
	my $hasty = RawSocket->new($w, $w->dial);
	$w->put($hasty->{s}, head(1) . RawSocket::frame(9, 'with it'));
	ok($hasty->upgraded, 'with a frame behind it');
	is(($hasty->wait_opcode(10) // {})->{payload}, 'with it', 'which counts');

	$w->tell('KEY_PUT', id => 99, hash => sha256('wck_' . 'L' x 43), scopes => 3);
	refused('a key that is not for links', 403, 'api_key_scope', head(1, 'x-api-key' => 'wck_' . 'L' x 43));
	refused('GET without Upgrade', 426, 'upgrade_required', head(1, Upgrade => undef));
	refused('without Connection', 426, 'upgrade_required', head(1, Connection => 'keep-alive'));
	my $r = refused('an old version', 426, 'websocket_version', head(1, 'Sec-WebSocket-Version' => 8));
	like($r->{head}, qr/^Sec-WebSocket-Version: 13\r?$/m, 'which names the right one');
	$r = refused('no sub-protocol', 400, 'unknown_protocol', head(1, 'Sec-WebSocket-Protocol' => undef));
	like($r->{body}, qr/\Q$PROTOCOL\E/, 'which names the right one');
	refused('the visitors\' sub-protocol', 400, 'unknown_protocol', head(1, 'Sec-WebSocket-Protocol' => 'web-chatt2me.v1'));
	refused('this sub-protocol for visitors', 400, 'unknown_protocol', head(1, line => 'GET /communication/web-chatt2me/ws?webChatId=x HTTP/1.1'));
	refused('no key', 401, 'api_key_missing', head(0));
	refused('an empty key', 401, 'api_key_malformed', head(0, 'x-api-key' => ''));
	refused('a malformed key', 401, 'api_key_malformed', head(0, 'x-api-key' => 'wck_short'));
	refused('a key of another form', 401, 'api_key_malformed', head(0, 'x-api-key' => substr($KEY{1}, 0, 46) . '!'));
	refused('an unknown key', 401, 'api_key_unknown', head(4));
	refused('two keys', 400, 'bad_request', head(0, 'x-api-key' => [$KEY{1}, $KEY{1}]));
	for my $case (
		['no nonce', 'Sec-WebSocket-Key' => undef], ['a short nonce', 'Sec-WebSocket-Key' => 'abc='],
		['no Host', Host => undef], ['a body', 'Content-Length' => 5], ['a chunked body', 'Transfer-Encoding' => 'chunked'],
		['a control character', 'X-A' => "a\x01b"], ['a NUL', 'X-A' => "a\0b"], ['a bare LF', 'X-A' => "a\nX-B: c"],
		['a folded line', 'X-A' => "a\r\n b"], ['a blank before a colon', 'X-A ' => 'b'],
		['HTTP/1.0', line => "GET $PATH HTTP/1.0"], ['two blanks', line => "GET $PATH  HTTP/1.1"])
	{
		my ($name, %h) = @$case;
		refused($name, 400, 'bad_request', head(1, %h));
	}
	refused('a head of 40 kB', 431, 'head_too_large', head(1, map { ("X-Fill-$_" => 'x' x 200) } 1 .. 190));
	is($w->once("POST $PATH HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n")->{status}, 405, 'POST: 405');
	my $bare = $w->dial;
	$w->put($bare, "HEAD $PATH HTTP/1.1\r\nHost: t\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
	my $answered = '';
	ok($w->until(5, sub { sysread($bare, $answered, 4096, length $answered); $answered =~ /\AHTTP\/1\.1 426 .*\r\n\r\n\z/s }, $bare), 'HEAD: 426') or diag $answered;
	is($w->once("GET ${PATH}x HTTP/1.1\r\nHost: t\r\n\r\n")->{status}, 404, 'another path: 404');
	is($w->once("GET $PATH/x HTTP/1.1\r\nHost: t\r\n\r\n")->{status}, 404, 'a path below it: 404');
	my $half = $w->dial;
	$w->put($half, 'GET /communication/web-chatt2me/ev');
	shutdown($half, 1);
	ok($w->closes($half), 'half a beginning is closed');
};

subtest 'welcome and LEFT' => sub {
	my $h = open_hub(heartbeat_ms => 12500);
	$h->{no_welcome} = 1;
	my $link = dial($h, 1);
	ok(!$link->wait_where(sub { 1 }, 0.1), 'nothing before LINK_WELCOME');
	welcome($h, $link->{number}, 1201, 17);
	is_deeply($link->wait_for('welcome'), { type => 'welcome', acknowledged => 1201, lost => 17, heartbeat => 12.5 }, 'welcome');
	welcome($h, $link->{number}, 1201, 17);
	settle($h);
	ok(!$link->wait_where(sub { 1 }, 0.1), 'once');
	$link->put(RawSocket::frame(8, pack('n', 1000) . 'bye'));
	is($link->closed, 1000, 'a subscriber that says goodbye hears it');
	ok($link->ends, 'and the end');
	is(left($h, $link), 1, 'LINK_LEFT once');

	my $gone = dial($h, 1);
	close $gone->{s};
	is(left($h, $gone), 1, 'one that has gone before LINK_WELCOME: LINK_LEFT once');
	welcome($h, $gone->{number}, 0);
	event($h, $gone->{number}, 1, '{}');
	end_link($h, $gone->{number}, 4010, 'late');
	settle($h);
	is(left($h, $gone), 1, 'and what comes late for it does nothing');

	my $reset = dial($h, 1);
	welcome($h, $reset->{number}, 0);
	settle($h);
	setsockopt($reset->{s}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0));
	close $reset->{s};
	is(left($h, $reset), 1, 'one that is reset: LINK_LEFT once');

	my $refused = dial($h, 1);
	end_link($h, $refused->{number}, 1013, 'not now');
	is($refused->closed, 1013, 'LINK_CLOSE instead of LINK_WELCOME: its code');
	is($refused->{reason}, 'not now', 'and its reason');
	$refused->ends;
	is(left($h, $refused), 1, 'LINK_LEFT once');
	my $early = dial($h, 1);
	ack($early, 0);
	is($early->closed, 1008, 'an acknowledgement before welcome: 1008');
	my $defect = dial($h, 1);
	event($h, $defect->{number}, 1, '{}');
	is($defect->closed, 1011, 'an event before welcome is never sent');
	is($h->close_door, 0, 'and it ends') or diag explain $h->{logs};
};

subtest 'events and acknowledgements' => sub {
	$w->{acknowledged}{1} = 4;
	my $link = subscribe($w, 1);
	my $n = $link->{number};
	is($link->{welcome}{acknowledged}, 4, 'from the fifth on');
	event($w, $n, 7, my $body = body(7));
	is_deeply($link->wait_for('event'), { type => 'event', seq => 7, event => decode_json($body) }, 'event');
	ack($link, 7);
	ok($w->until(5, sub { last_ack($w, $link) == 7 }), 'ack becomes LINK_ACK');
	my $acks = @{ $w->{acks} };
	ack($link, 7);
	$link->say({ type => 'ack', seq => 7, unknown => [1] });
	settle($w);
	is(scalar @{ $w->{acks} }, $acks, 'the same again changes nothing');
	event($w, $n, 9007199254740993, '{"a":"' . "\x{c3}\x{bc}\\u0001" . '"}');
	my $e = $link->wait_for('event');
	is("$e->{seq}", '9007199254740993', 'a large number');
	is($e->{event}{a}, "\x{fc}\x01", 'and any JSON');
	ack($link, 9007199254740992);
	ok($w->until(5, sub { last_ack($w, $link) == 9007199254740992 }), 'a number in a gap below what was sent');
	close $link->{s};

	# As the worker does it: at most 1,024 without acknowledgement.
	$w->{acknowledged}{1} = 100;
	$link = subscribe($w, 1);
	$n = $link->{number};
	my $total = 10000;
	my ($sent, $got, $seq, $order, $next_ack) = (0, 0, 100, 0, 0);
	my @seqs;
	my $t = time;
	my $done = $w->until(60, sub {
		while ($sent < $total && (!$sent || $seqs[$sent - 1] - last_ack($w, $link) < 1024 * 2))
		{
			$seq += 1 + $sent % 2;
			push @seqs, $seq;
			event($w, $n, $seq, body($sent, $sent % 300));
			$sent++;
		}
		$link->fill;
		while (my $f = shift @{ $link->{frames} })
		{
			$order++ if $f->{seq} != $seqs[$got] || $f->{event}{messageId} ne "m$got" || length $f->{event}{content}{text} != $got % 300;
			$got++;
			if ($got % 37 == 0 || $got == $total) { ack($link, $f->{seq}) }
		}
		return $got == $total && last_ack($w, $link) == $seqs[-1]; }, $link->{s});
	ok($done, "$total events came and were acknowledged") or diag "sent $sent, got $got, acknowledged " . last_ack($w, $link);
	note sprintf '%.1f s', time - $t;
	is($order, 0, 'each whole and in its place');
	my @mine = map { $_->[1] } grep { $_->[0] == $n } @{ $w->{acks} };
	is(scalar(grep { $mine[$_] <= $mine[ $_ - 1 ] } 1 .. $#mine), 0, 'LINK_ACKs only grow');

	# Acknowledged, and gone at once: the worker hears both, in this order.
	event($w, $n, ++$seq, '{}');
	$link->wait_for('event');
	ack($link, $seq);
	close $link->{s};
	is(left($w, $link), 1, 'gone: LINK_LEFT');
	is(last_ack($w, $link), $seq, 'behind its last LINK_ACK');
};

subtest 'violations' => sub {
	my $h = open_hub();
	for my $case (
		['not JSON', 1008, RawSocket::frame(1, 'hello')],
		['an array', 1008, RawSocket::frame(1, '[]')],
		['an object without type', 1008, RawSocket::frame(1, '{"seq":5}')],
		['another type', 1008, RawSocket::frame(1, '{"type":"event","seq":5}')],
		['a visitor\'s frame', 1008, RawSocket::frame(1, '{"type":"hello"}')],
		['an empty frame', 1008, RawSocket::frame(1, '')],
		['no seq', 1008, RawSocket::frame(1, '{"type":"ack"}')],
		['seq is a string', 1008, RawSocket::frame(1, '{"type":"ack","seq":"5"}')],
		['seq is a fraction', 1008, RawSocket::frame(1, '{"type":"ack","seq":5.5}')],
		['seq below zero', 1008, RawSocket::frame(1, '{"type":"ack","seq":-1}')],
		['seq beyond all numbers', 1008, RawSocket::frame(1, '{"type":"ack","seq":18446744073709551621}')],
		['seq twice', 1008, RawSocket::frame(1, '{"type":"ack","seq":5,"seq":5}')],
		['one not sent', 1008, RawSocket::frame(1, '{"type":"ack","seq":11}')],
		['one behind an earlier one', 1008, RawSocket::frame(1, '{"type":"ack","seq":7}') . RawSocket::frame(1, '{"type":"ack","seq":6}')],
		['one behind the welcome\'s', 1008, RawSocket::frame(1, '{"type":"ack","seq":4}')],
		['JSON in JSON in JSON ...', 1008, RawSocket::frame(1, '[' x 500)],
		['a binary frame', 1003, RawSocket::frame(2, '{"type":"ack","seq":5}')],
		['more than 1 kB', 1009, RawSocket::frame(1, '{"type":"ack","seq":5,"x":"' . 'x' x 1000 . '"}')],
		['more than 1 kB in pieces', 1009, RawSocket::frame(1, '{"type":"ack",', fin => 0) . RawSocket::frame(0, ' ' x 600, fin => 0) . RawSocket::frame(0, ' ' x 600)],
		['a frame that says it has 1 GB', 1009, RawSocket::frame(1, 'x', length => 2**30)],
		['bad UTF-8', 1007, RawSocket::frame(1, "\xff")],
		['no mask', 1002, RawSocket::frame(1, '{"type":"ack","seq":5}', mask => 0)],
		['a reserved bit', 1002, RawSocket::frame(1, '{"type":"ack","seq":5}', rsv => 4)],
		['pings without end', 1008, RawSocket::frame(9, '') x 300],
		['the same acknowledgement without end', 1008, RawSocket::frame(1, '{"type":"ack","seq":5}') x 300])
	{
		my ($name, $code, $bytes) = @$case;
		$h->{acknowledged}{1} = 5;
		my $link = subscribe($h, 1);
		event($h, $link->{number}, $_, '{}') for 6 .. 10;
		$link->wait_where(sub { ($_[0]{seq} // 0) == 10 });
		$link->put($bytes);
		is($link->closed, $code, "$name: $code");
		$link->ends;
		is(left($h, $link), 1, "$name: LINK_LEFT once");
		cmp_ok(last_ack($h, $link), '<=', 7, "$name: and not acknowledged");
	}
	my $link = subscribe($h, 1);
	event($h, $link->{number}, 6, '{}');
	$link->wait_for('event');
	$link->put(RawSocket::frame(1, '{"type":', fin => 0) . RawSocket::frame(9, 'in between') . RawSocket::frame(0, '"ack","seq":6}'));
	ok($h->until(5, sub { last_ack($h, $link) == 6 }), 'in pieces, with a ping in between: good');
	is(($link->wait_opcode(10) // {})->{payload}, 'in between', 'pong');
	event($h, $link->{number}, 6, '{}');
	is($link->closed, 1011, 'an event that does not grow is never sent');
	is($h->close_door, 0, 'and it ends') or diag explain $h->{logs};
};

subtest 'slow subscribers' => sub {
	my $h = open_hub(heartbeat_ms => 180000);
	my $slow = subscribe($h, 1);
	my $good = subscribe($h, 2);
	# What may be under way, and the largest event that the corridor takes.
	event($h, $slow->{number}, $_, body($_, 1000)) for 1 .. 1023;
	event($h, $slow->{number}, 1024, body(1024, 8 * 1024 * 1024));
	my ($to, $from) = map { sprintf ':%04X', $_ } $slow->{s}->sockport, $slow->{s}->peerport;
	my $kept = 0;
	$h->until(20, sub {
		open my $tcp, '<', '/proc/net/tcp' or return 1;
		/$from \S+$to \S+ ([0-9A-F]+):/ and $kept = hex $1 while <$tcp>;
		return $kept > 512 * 1024; });
	cmp_ok($kept, '>', 512 * 1024, 'who has a key has the kernel\'s buffers whole, not those of a stranger');
	event($h, $good->{number}, 5000, body(5000));
	ok($good->wait_for('event'), 'others are served at once');
	$h->until(0.5, sub { 0 });
	my $cpu = $h->cpu_seconds;
	$h->until(0.5, sub { 0 });
	cmp_ok($h->cpu_seconds - $cpu, '<', 0.1, 'what waits costs no time');
	ok(!@{ $h->{left} }, 'nobody is cut off');
	my $got = 0;
	my $wrong = 0;
	$h->until(30, sub {
		$slow->fill;
		while (my $f = shift @{ $slow->{frames} })
		{
			$got++;
			$wrong++ if $f->{seq} != $got || length $f->{event}{content}{text} != ($got == 1024 ? 8 * 1024 * 1024 : 1000);
		}
		return $got == 1024 || $slow->{ended}; }, $slow->{s});
	is($got, 1024, 'all of it comes when it reads');
	is($wrong, 0, 'whole and in order');
	ack($slow, 1024);
	ok($h->until(5, sub { last_ack($h, $slow) == 1024 }), 'and is acknowledged');

	# One that trickles its acknowledgements, byte by byte.
	event($h, $good->{number}, 5001, '{}');
	$good->wait_where(sub { ($_[0]{seq} // 0) == 5001 });
	for my $byte (split //, RawSocket::frame(1, '{"type":"ack","seq":5001}')) { $good->put($byte); $h->until(0.01, sub { 0 }) }
	ok($h->until(5, sub { last_ack($h, $good) == 5001 }), 'an acknowledgement byte by byte');
	is($h->close_door, 0, 'and it ends') or diag explain $h->{logs};
};

# The corridor is full of webhooks that the worker does not read.
subtest 'a worker that is slow' => sub {
	my $h = open_hub(max_body_size => 131072, auto => undef);
	my $channel = '11111111-2222-4333-8444-555555555555';
	$h->put_channel($channel, 1);
	my $link = subscribe($h, 1);
	event($h, $link->{number}, $_, '{}') for 1 .. 1000;
	$link->wait_where(sub { ($_[0]{seq} // 0) == 1000 });
	my @knocking = map { my $s = $h->dial; $h->put($s, substr(head($_), 0, 100)); [$s, $_] } (2) x 8, (3) x 8;
	settle($h);
	$h->{silent} = 1;
	my @posts;
	for my $n (1 .. 120)
	{
		my $s = $h->dial;
		my $event = qq({"eventType":"Message","channelId":"$channel","messageId":"m$n","from":"v","timestamp":1700000000,"channel":"whatsapp",)
		  . '"content":{"type":"text","text":"' . 'x' x 100000 . '"}}';
		$h->put($s, Corridor::webhook($channel, $event));
		push @posts, $s;
	}
	my $r = '';
	$h->until(10, sub {
		my ($s, $key) = @{ shift @knocking // return 1 };
		$h->put($s, substr(head($key), 100));
		my $link = RawSocket->new($h, $s);
		return if $link->upgraded;
		$r = $link->{in};
		return 1; });
	like($r, qr/\AHTTP\/1\.1 503 .*"behind"/s, 'a link whose head is whole only then: 503');
	ack($link, $_) for 1 .. 999;
	$link->put(RawSocket::frame(9, 'alive'));
	ok($link->wait_opcode(10), 'who is there is heard all the same');
	my $cpu = $h->cpu_seconds;
	$h->until(0.5, sub { 0 });
	cmp_ok($h->cpu_seconds - $cpu, '<', 0.2, 'no spinning');
	$h->{silent} = 0;
	ok($h->until(10, sub { last_ack($h, $link) == 999 }), 'what was acknowledged meanwhile comes when it goes on');
	my @mine = map { $_->[1] } grep { $_->[0] == $link->{number} } @{ $h->{acks} };
	cmp_ok(scalar @mine, '<', 999, 'in fewer frames: ' . scalar @mine);
	ack($link, 1000);
	ok($h->until(5, sub { last_ack($h, $link) == 1000 }), 'and so on');
	$h->done($_) for splice @{ $h->{events} };
	$h->{auto} = 0;
	close $_ for @posts;
	is($h->close_door, 0, 'and it ends') or diag explain $h->{logs};
};

subtest 'silence' => sub {
	my $h = open_hub(heartbeat_ms => 400);
	my $link = subscribe($h, 1);
	is($link->{welcome}{heartbeat}, 0.4, 'welcome says how long');
	ok($link->wait_opcode(9), 'a silent subscriber is pinged');
	$link->put(RawSocket::frame(10, ''));
	ok($link->wait_opcode(9), 'and again, when it answers');
	event($h, $link->{number}, 1, '{}');
	$link->wait_for('event');
	ack($link, 1);
	# unless this machine is so slow that there were gaps between the pings: then once more
	my $gap;
	for (1 .. 50)
	{
		my $last = time;
		$gap = 0;
		$h->until(1.2, sub {
			$link->put(RawSocket::frame(9, ''));
			$h->until(0.06, sub { 0 });
			$link->fill;
			$gap = time - $last if time - $last > $gap;
			$last = time;
			0 });
		last if $gap < 0.4;
		$link = subscribe($h, 1);
	}
	ok($gap < 0.4 && !$link->{ended} && !defined $link->{code}, 'its own pings count');
	is($link->closed, 1006, 'one that does not answer is cut');
	is(left($h, $link), 1, 'LINK_LEFT once');
	is($h->close_door, 0, 'and it ends');
};

subtest 'keys, and several links' => sub {
	my $h = open_hub();
	my $one = subscribe($h, 1);
	my $two = subscribe($h, 2);
	event($h, $one->{number}, 1, '{"to":"one"}');
	event($h, $two->{number}, 1, '{"to":"two"}');
	is($one->wait_for('event')->{event}{to}, 'one', 'to each its own');
	is($two->wait_for('event')->{event}{to}, 'two', 'events');
	ack($two, 1);
	ok($h->until(5, sub { last_ack($h, $two) == 1 }), 'and acknowledgements');
	is(last_ack($h, $one), 0, 'of nobody else');
	my $newer = subscribe($h, 1);
	end_link($h, $one->{number}, 4010, 'another link came with the same key');
	is($one->closed, 4010, 'LINK_CLOSE: its code');
	is($one->{reason}, 'another link came with the same key', 'its reason');
	$one->ends;
	is(left($h, $one), 1, 'LINK_LEFT once');
	end_link($h, $one->{number}, 4010, 'again');
	key_gone($h, 1);
	is($newer->closed, 4001, 'a key that goes: 4001');
	like($newer->{reason}, qr/key/, 'and why');
	$newer->ends;
	is(left($h, $newer), 1, 'LINK_LEFT once');
	refused('and it opens no link', 401, 'api_key_unknown', head(1), $h);
	event($h, $two->{number}, 2, '{}');
	ok($two->wait_for('event'), 'others go on');
	$h->{no_welcome} = 1;
	my $waits = dial($h, 3);
	key_gone($h, 3);
	is($waits->closed, 4001, 'also before welcome');
	is(left($h, $waits), 1, 'LINK_LEFT once');
	my $long = dial($h, 2);
	end_link($h, $long->{number}, 70000, "\x{c3}\x{bc}" x 100);
	is($long->closed, 1011, 'a code that is none');
	is($long->{reason}, "\x{c3}\x{bc}" x 61, 'and a reason that is too long');
	is($h->close_door, 0, 'and it ends');
};

subtest 'too many links' => sub {
	my $h = open_hub();
	put_key($h, $_) for 4 .. 36;
	settle($h);
	my @links = map { subscribe($h, 1) } 1 .. 8;
	my $r = refused('a ninth with one key', 503, 'too_many_links', head(1), $h);
	like($r->{head}, qr/^Retry-After: \d+\r?$/m, 'Retry-After');
	push @links, map { my $key = $_; map { subscribe($h, $key) } 1 .. 8 } 2 .. 32;
	is(scalar @links, 256, '256 links');
	refused('one more', 503, 'too_many_links', head(33), $h);
	is($h->once("GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n")->{status}, 200, 'HTTP is served all the same');
	$r = $h->once("GET /metrics HTTP/1.1\r\nHost: t\r\n\r\n");
	like($r->{body}, qr/^webchatt_links 256$/m, 'metrics: links');
	like($r->{body}, qr/^webchatt_links_total 256$/m, 'metrics: since the start');
	like($r->{body}, qr/^webchatt_http_refused_total\{status="503",reason="too_many_links"\} 2$/m, 'metrics: refusals');
	event($h, $_->{number}, 1, '{"n":' . $_->{number} . '}') for @links;
	is(scalar(grep { (($_->wait_for('event') // {})->{event}{n} // 0) == $_->{number} } @links), 256, 'each gets its own');
	like($h->once("GET /metrics HTTP/1.1\r\nHost: t\r\n\r\n")->{body}, qr/^webchatt_link_events_total 256$/m, 'metrics: events');
	close $links[0]{s};
	left($h, $links[0]);
	ok($h->until(60, sub { eval { $links[0] = subscribe($h, 33) } }), 'one less: there is room again');
	my %seen;
	$seen{ $_->{link} }++ for @{ $h->{came} };
	is(scalar(grep { $_ > 1 } values %seen), 0, 'no number comes twice');
	is($h->close_door, 0, 'and it ends, though they do not answer');
	is(scalar(grep { $_->closed == 1001 } @links), 256, 'they were told 1001');
	is(scalar @{ $h->{left} }, scalar @{ $h->{came} }, 'LINK_LEFT for each');
};

subtest 'addresses, and the log' => sub {
	my $dir = tempdir(CLEANUP => 1);
	my $h = open_hub(listen => "127.0.0.1:0,unix:$dir/s");
	my $unix = sub { my $s = IO::Socket::UNIX->new(Peer => "$dir/s") or die "unix: $!"; $s->blocking(0); return $s };
	my $link = subscribe($h, 1, socket => $unix->());
	is($h->{came}[-1]{client}, 'a unix socket', 'over a unix socket');
	subscribe($h, 1, socket => $unix->(), head => { 'X-Forwarded-For' => '1.2.3.4, 203.0.113.9' });
	is($h->{came}[-1]{client}, '203.0.113.9', 'behind a proxy: whom it names');
	subscribe($h, 1, head => { 'X-Forwarded-For' => '203.0.113.9' });
	is($h->{came}[-1]{client}, '127.0.0.1', 'a stranger names nobody');
	$h->configure(trusted_proxies => '127.0.0.1');
	settle($h);
	subscribe($h, 1, head => { 'X-Forwarded-For' => '2001:db8::7' });
	is($h->{came}[-1]{client}, '2001:db8::7', 'nor, when it is trusted, itself');
	ok($h->until(5, sub { grep { /opened a link from 2001:db8::7 with key 1$/ } @{ $h->{logs} } }), 'the log says who comes');
	$link->put(RawSocket::frame(8, pack('n', 1000)));
	ok($h->until(5, sub { grep { /link from a unix socket with key 1 has ended with 1000 after \d+ s and 0 events/ } @{ $h->{logs} } }), 'and who leaves, and how')
	  or diag explain $h->{logs};
	refused('an unknown key', 401, 'api_key_unknown', head(4), $h);
	ok($h->until(5, sub { grep { /refused with 401/ } @{ $h->{logs} } }), 'and who is refused');
	for my $round (1 .. 150)
	{
		my $l = subscribe($h, 1);
		setsockopt($l->{s}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0));
		close $l->{s};
		left($h, $l);
	}
	my $lines = grep { /link/ } @{ $h->{logs} };
	cmp_ok($lines, '<', 150, "150 that come and go are not 300 lines: $lines");
	ok(!(grep { /wck_/ } @{ $h->{logs} }), 'no key is in the log');
	is($h->close_door, 0, 'and it ends');
};

# Proxies use their connections again: the upgrade is a later request.
subtest 'a link on a kept-alive connection' => sub {
	my $before = $w->descriptors;
	for my $round (1 .. 20)
	{
		my $s = $w->dial;
		$w->put($s, "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n");
		is($w->answer($s)->{status}, 200, 'a request');
		my $link = eval { subscribe($w, 2, socket => $s) };
		ok($link, "then a link: round $round") or last;
		event($w, $link->{number}, 1, '{}');
		ok($link->wait_for('event'), 'which works');
		if ($round % 2) { $link->put(RawSocket::frame(8, pack('n', 1000))); is($link->closed, 1000, 'to its end'); $link->ends }
		else { close $s }
		is(left($w, $link), 1, 'LINK_LEFT');
	}
	ok($w->until(5, sub { $w->descriptors <= $before }), 'no descriptor is left') or diag $w->descriptors . " of $before";
	my $keep = sub {
		my ($raw) = @_;
		my $s = $w->dial;
		$w->put($s, "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n");
		$w->answer($s);
		$w->put($s, $raw);
		return ($w->answer($s), $s);
	};
	my ($r, $s) = $keep->(head(1, Upgrade => undef));
	is($r->{status}, 426, 'a plain GET there: 426');
	$w->put($s, "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n");
	is($w->answer($s)->{status}, 200, 'and the connection goes on');
	($r, $s) = $keep->(head(4));
	is($r->{status}, 401, 'the same rules hold: key');
	ok($w->closes($s), 'and closed');
	($r) = $keep->(head(1, 'Sec-WebSocket-Protocol' => 'web-chatt2me.v1'));
	is($r->{status}, 400, 'sub-protocol');
	like($r->{body}, qr/\Q$PROTOCOL\E/, 'which names the right one');
	($r) = $keep->(head(1, 'Sec-WebSocket-Version' => 7));
	is($r->{status}, 426, 'version');
	($r) = $keep->(head(1, 'X-A' => "a\nX-B: c"));
	is($r->{status}, 400, 'a bare LF');
	($r) = $keep->(head(0, 'x-api-key' => [$KEY{1}, $KEY{1}]));
	is($r->{status}, 400, 'two keys');
	my $absolute = $w->dial;
	$w->put($absolute, head(1, line => "GET http://hub.example.com$PATH HTTP/1.1"));
	ok(RawSocket->new($w, $absolute)->upgraded, 'the absolute form, too');
};

subtest 'the end' => sub {
	my $h = open_hub();
	my $link = subscribe($h, 1);
	$h->{no_welcome} = 1;
	my $waits = dial($h, 2);
	my $half = $h->dial;
	$h->put($half, substr(head(1), 0, 100));
	event($h, $link->{number}, 1, body(1));
	$h->tell('CLOSE');
	is($link->wait_for('event')->{seq}, 1, 'CLOSE: what was handed over goes out');
	is($link->closed, 1001, 'then 1001');
	is($waits->closed, 1001, 'also before welcome');
	is($h->answer($half)->{status}, 503, 'half a head: 503');
	$link->ends;
	$waits->ends;
	is($h->wait_exit, 0, 'exit 0');
	is(scalar @{ $h->{left} }, 2, 'LINK_LEFT for both');
};

subtest 'what links cost' => sub {
	plan skip_all => 'not measured under sanitizers' if $SANITIZED;
	my $h = open_hub();
	my $before = $h->descriptors;
	my @links = map { my $key = $_; map { subscribe($h, $key) } 1 .. 8 } 1 .. 3;
	my $cpu = $h->cpu_seconds;
	$h->until(1, sub { 0 });
	cmp_ok($h->cpu_seconds - $cpu, '<', 0.05, 'idle ones next to no CPU');
	close $_->{s} for @links;
	ok($h->until(10, sub { @{ $h->{left} } == 24 }), 'all have left');
	ok($h->until(10, sub { $h->descriptors <= $before }), 'and nothing is left of them') or diag $h->descriptors;
	is($h->close_door, 0, 'and it ends');
};

subtest 'hostile input' => sub {
	my $h = open_hub();
	my $hostile = Hostile->new($h, 12, "\r\n", "\n", "\r", "\0", ':', ' ', ',', "\xff", 'Upgrade: websocket', "x-api-key: x\r\n", 'x' x 3000,
		"\x81\x80", "\x81\xfe\xff\xff", "\x89\x80", "\x88\x82", "\x01\x80", '{"type":"ack"', '[[[[', '\u0000');
	my @frames = ('{"type":"ack","seq":0}', '{"type":"ack","seq":1}', '{"type":"ack","seq":99}', '{"type":"ack"}', '{}', '', 'x' x 2000);
	my $good = subscribe($h, 1);
	my ($served, $worst, $seq) = (0, 0, 0);
	for my $round (1 .. 1000)
	{
		$hostile->send(head(2 + $round % 2) . Hostile::frames(int rand 6, @frames), length head(2));
		my @others = grep { $_->{link} != $good->{number} } @{ $h->{came} };
		event($h, $others[rand @others]{link}, $seq + 1, body($seq)) if rand() < 0.3 && @others;
		next if $round % 20;
		my $t = time;
		event($h, $good->{number}, $seq += 10, body($seq));
		if ($good->wait_where(sub { ($_[0]{seq} // 0) == $seq }))
		{
			ack($good, $seq);
			$served++ if $h->until(5, sub { last_ack($h, $good) == $seq });
		}
		$worst = time - $t if time - $t > $worst;
	}
	is($served, 50, "the good subscriber was served in all 50 rounds between $hostile->{sent} hostile connections");
	note sprintf 'worst answer %.0f ms, %d of them became links', $worst * 1000, scalar @{ $h->{came} };
	cmp_ok(scalar @{ $h->{came} }, '>', 100, 'of which some became links');
	$hostile->end;
	ok($h->until(5, sub { @{ $h->{left} } == @{ $h->{came} } - 1 }), 'of which none is left');
	my %left;
	$left{$_}++ for @{ $h->{left} };
	is(scalar(grep { $_ > 1 } values %left), 0, 'none has left twice');
	is($h->close_door, 0, 'and it ends') or diag explain $h->{logs};
};

subtest 'nobody says welcome' => sub {
	my $code = $unwelcome->closed(35);
	is($code, 1013, 'a link that is not welcomed: 1013');
	cmp_ok(time - $unwelcome_since, '>', 29, 'after 30 s') if $code == 1013;
	$unwelcome->ends;
	is(left($patient, $unwelcome), 1, 'LINK_LEFT once');
	is($patient->close_door, 0, 'and it ends');
};

is($w->close_door, 0, 'the end') or diag explain $w->{logs};
done_testing();
