# Our links to hubs (doc/link.md, the subscriber's end), with the test in the
# places of the worker and of the hub.  WEBCHATT_NET names the program (a build
# with sanitizers, say); WEBCHATT_LINK_SEED repeats a random run.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";

use Corridor;
use Digest::SHA qw(sha256);
use LinkHub;
use MIME::Base64 qw(decode_base64);
use Test::More;
use Time::HiRes qw(time);

my $CHANNEL = '6cbd6789-1d2b-47e0-9391-5eb91d2839ea';
my $KEY = 'wck_key';
my $seed = $ENV{WEBCHATT_LINK_SEED} // int rand 2**31;
srand $seed;
diag "WEBCHATT_LINK_SEED=$seed";

# --- the worker's part ----------------------------------------------------

# A program with its door open.
sub start
{
	my (%settings) = @_;
	my $w = Corridor->open_door([], connect_timeout_ms => 60000, %settings);
	LinkHub::watch($w);
	return $w;
}

# One with a link that is welcomed: the corridor, the hub, the connection.
sub linked
{
	my (%settings) = @_;
	my @welcome = @{ delete $settings{welcome} // [] };
	my $w = start(%settings);
	my $hub = LinkHub->new($w);
	$w->put_hub(7, 'shop', $hub->url, $KEY, 1);
	my $c = $hub->linked(@welcome);
	LinkHub::state($w, 'open') // die 'the link is not open';
	return ($w, $hub, $c);
}

# It ends well, and sanitizers have nothing to say.
sub ends_well
{
	my ($w, $name) = @_;
	is($w->close_door, 0, "$name: it ends well");
	return;
}

sub message
{
	my ($id, %with) = @_;
	my %m = (eventType => '"Message"', channelId => qq("$CHANNEL"), messageId => qq("$id"), from => '"ann"',
		timestamp => '1700000000', channel => '"web-chatt2me"', content => '{"type":"text","text":"hello"}', %with);
	return '{' . join(', ', map { qq("$_": $m{$_}) } grep { defined $m{$_} } sort keys %m) . '}';
}

# Wait until so many events have come in all.
sub events
{
	my ($w, $count, $seconds) = @_;
	return $w->until($seconds // 5, sub { @{ $w->{events} } >= $count }) ? scalar @{ $w->{events} } : scalar @{ $w->{events} };
}

sub ids { my ($w) = @_; return join ' ', map { $_->{message_id} } @{ $w->{events} } }

# --- opening ----------------------------------------------------------------

subtest 'opening' => sub {
	my $w = Corridor->start;
	LinkHub::watch($w);
	my $hub = LinkHub->new($w);
	$w->hello;
	$w->configure;
	$w->put_hub(7, 'shop', $hub->url('/a/b/'), $KEY, 1);
	$w->put_hub(8, 'mall', $hub->url('/mall'), $KEY, 0);
	ok(!$hub->dialled(0.2), 'nothing is dialled before OPEN');
	$w->tell('OPEN');
	my $c = $hub->dialled;
	is(LinkHub::state($w, 'connecting')->{hub}, 7, 'the worker hears that it is dialled');
	my ($line) = $c->request =~ /\A([^\r\n]*)/;
	is($line, 'GET /a/b/communication/web-chatt2me/events HTTP/1.1', 'the path is behind that of api_url');
	is($c->header('Host'), "127.0.0.1:$hub->{port}", 'Host');
	is($c->header('Upgrade'), 'websocket', 'Upgrade');
	is($c->header('Connection'), 'Upgrade', 'Connection');
	is($c->header('Sec-WebSocket-Version'), 13, 'the version');
	is($c->header('Sec-WebSocket-Protocol'), 'web-chatt2me.events.v1', 'the sub-protocol');
	is($c->header('x-api-key'), $KEY, 'the key');
	is($c->header('Origin'), undef, 'no Origin');
	my $nonce = $c->header('Sec-WebSocket-Key');
	is(length decode_base64($nonce), 16, 'a nonce of 16 bytes');
	$c->put($c->upgrade(Connection => 'keep-alive, upgrade', Upgrade => 'WebSocket', Server => 'x'));
	$c->welcome(1201, 3, 20);
	my $open = LinkHub::state($w, 'open');
	is_deeply([@$open{qw(hub lost retry_ms error)}], [7, 3, 0, ''], 'the worker hears that it is open');
	ok(!$hub->dialled(0.2), 'a hub without link is not dialled');

	$c->drop;
	my $waiting = LinkHub::state($w, 'waiting');
	ok($waiting->{retry_ms} >= 100 && $waiting->{retry_ms} <= 200, 'after a cut it waits, not long');
	like($waiting->{error}, qr/^127\.0\.0\.1:\d+ ended the connection/, 'and the worker hears why');
	my $again = $hub->dialled;
	$again->request;
	isnt($again->header('Sec-WebSocket-Key'), $nonce, 'the next has another nonce');

	# the answer in pieces, and frames in the same segment
	my $all = $again->upgrade . LinkHub::Connection::text(LinkHub::Connection::welcome_text(1, 0, 20))
	  . LinkHub::Connection::text(LinkHub::Connection::event_text(2, message('m2')));
	for my $piece ($all =~ /(.{1,23})/gs)
	{
		$again->put($piece);
		$w->until(0.002, sub { 0 });
	}
	ok($again->wait_ack(2), 'an answer in pieces, and frames right behind it');
	ends_well($w, 'opening');
	is($again->closed, 1001, 'the hub is told');
};

subtest 'answers that open nothing' => sub {
	my $w = start();
	my @cases = (
		[{ 'Sec-WebSocket-Accept' => 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' }, qr/wrong Sec-WebSocket-Accept/],
		[{ 'Sec-WebSocket-Accept' => undef }, qr/wrong Sec-WebSocket-Accept/],
		[{ 'Sec-WebSocket-Protocol' => undef }, qr/sub-protocol/],
		[{ 'Sec-WebSocket-Protocol' => 'web-chatt2me.v1' }, qr/sub-protocol/],
		[{ 'Sec-WebSocket-Protocol' => ['web-chatt2me.events.v1', 'x'] }, qr/sub-protocol/],
		[{ Upgrade => undef }, qr/without Upgrade/],
		[{ Upgrade => 'h2c' }, qr/without Upgrade/],
		[{ Connection => 'close' }, qr/without Connection/],
		[{ 'Sec-WebSocket-Extensions' => 'permessage-deflate' }, qr/extension/],
		[{ line => 'HTTP/1.0 101 Switching Protocols' }, qr/not HTTP/],
		[{ line => 'HTTP/1.1 1x1 Switching Protocols' }, qr/not HTTP/],
		[{ line => 'HTTP/1.1 200 OK' }, qr/did not open a link \(200\)/],
		[{ line => 'HTTP/1.1 301 Moved' }, qr/elsewhere \(301\)/],
		[{ line => 'HTTP/1.1 400 Bad Request' }, qr/did not open a link \(400\)/],
		[{ line => 'HTTP/1.1 404 Not Found' }, qr/this hub has no link.*use inbound => 'webhook'/],
		[{ line => 'HTTP/1.1 500 No' }, qr/did not open a link \(500\)/, 200],
		[{ line => 'HTTP/1.1 503 No', 'Retry-After' => 7 }, qr/takes no link now \(503\)/, 7000, 7000],
		[{ line => 'HTTP/1.1 503 No', 'Retry-After' => 'Tue, 01 Jan 2030 00:00:00 GMT' }, qr/takes no link now/, 200],
		[{ line => 'HTTP/1.1 503 No', 'Retry-After' => 99999999999 }, qr/takes no link now/, 3600000, 3600000],
		["SSH-2.0-OpenSSH_9.2\r\n", qr/not HTTP/],
		["HTTP/1.1 101 Switching Protocols\r\nUpgrade : websocket\r\n\r\n", qr/breaks the rules of HTTP/],
		["HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\n\n", qr/breaks the rules of HTTP/],
		["HTTP/1.1 101 Switching Protocols\r\nX: a\0b\r\n\r\n", qr/breaks the rules of HTTP/],
		["HTTP/1.1 101 Switching Protocols\r\nno colon\r\n\r\n", qr/breaks the rules of HTTP/],
		["HTTP/1.1 101 Switching Protocols\r\n" . "X: y\r\n" x 2000, qr/more than 8192 bytes/],
		["HTTP/1.1 101 Switching Protocols\r\nX: " . 'y' x 20000, qr/more than 8192 bytes/],
		['', qr/ended the connection before it answered/, 200],
		["HTTP/1.1 101 Swit", qr/ended the connection before it answered/, 200],
	);
	for my $case (@cases)
	{
		my ($answer, $error, $most, $least) = @$case;
		my $hub = LinkHub->new($w);    # each has its own: the one before may have been dialled once more
		my $name = ref $answer ? join(', ', map { "$_: " . ($answer->{$_} // 'none') } sort keys %$answer)
		  : substr($answer, 0, 60) =~ s/[^ -~]/?/gr;
		$w->put_hub(7, 'shop', $hub->url, $KEY, 1);
		my $c = $hub->dialled // die("not dialled: $name");
		$c->request;
		$c->put(ref $answer ? $c->upgrade(%$answer) : $answer);
		$c->drop if defined $most && !ref $answer;
		my $s = LinkHub::state($w, 'waiting');
		like($s->{error}, $error, "$name: why");
		cmp_ok($s->{retry_ms}, '<=', $most // 30000, "$name: it waits so long at most");
		cmp_ok($s->{retry_ms}, '>=', $least // (defined $most ? 100 : 30000), "$name: and at least so long");
		ok($c->{ended} || $c->ends, "$name: the connection is closed");
		$w->tell('HUB_GONE', hub => 7);
	}
	ends_well($w, 'answers');
};

subtest 'refused' => sub {
	my $w = start();
	my $hub = LinkHub->new($w);
	$w->put_hub(7, 'shop', $hub->url, $KEY, 1);
	my $c = $hub->dialled;
	$c->request;
	$c->put($c->upgrade(line => 'HTTP/1.1 401 Unauthorized'));
	like(LinkHub::state($w, 'refused')->{error}, qr/refuses the API key \(401\)/, 'an answer of 401');
	ok(!$hub->dialled(0.7), 'it is not dialled again');
	$w->put_hub(7, 'other name', $hub->url, $KEY, 1);
	ok(!$hub->dialled(0.3), 'nor when the hub comes again with the same key');
	$w->put_hub(7, 'shop', $hub->url, 'wck_other', 1);
	$c = $hub->upgraded;
	is($c->header('x-api-key'), 'wck_other', 'but with another key');
	$c->welcome(1, 0, 20);
	ok(LinkHub::state($w, 'open'), 'and then it opens');
	$c->say_close(4001, 'the key is revoked');
	like(LinkHub::state($w, 'refused')->{error}, qr/revoked/, 'a key that is revoked later');
	ok(!$hub->dialled(0.5), 'it is not dialled again');
	$w->put_hub(7, 'shop', $hub->url('/new'), 'wck_other', 1);
	$c = $hub->linked(1);
	like($c->{request}, qr{^GET /new/communication}, 'but at another URL');
	ok(LinkHub::state($w, 'open'), 'open');

	for my $bad (['ftp://127.0.0.1', $KEY, qr/neither https/], ['http://user@127.0.0.1', $KEY, qr/not a URL/],
		['http://127.0.0.1/?a', $KEY, qr/query/], ['http://127.0.0.1', '', qr/no API key/],
		['http://127.0.0.1', "a\r\nb", qr/API key/])
	{
		$w->put_hub(9, 'bad', $bad->[0], $bad->[1], 1);
		like(LinkHub::state($w, 'refused', 9)->{error}, $bad->[2], "$bad->[0]: cannot be dialled");
	}
	ends_well($w, 'refused');
};

subtest 'hubs that take their time' => sub {
	my $w = start(connect_timeout_ms => 500);
	my $hub = LinkHub->new($w);
	$w->put_hub(7, 'shop', $hub->url, $KEY, 1);
	my $c = $hub->dialled;
	$c->request;
	like(LinkHub::state($w, 'waiting')->{error}, qr/did not answer the opening request in time/, 'silence');
	$c = $hub->dialled;
	$c->request;
	my $answer = $c->upgrade('X' => 'y' x 2000);
	my $s;
	for my $i (0 .. length($answer) - 1)
	{
		last if !$c->put(substr($answer, $i, 1)) || ($s = LinkHub::state($w, 'waiting', 7, 0.01));
	}
	like($s->{error}, qr/in time/, 'a head that drips');
	# when we are too slow with our 101 it is something else that is missing
	ok($w->until(60, sub { $c = $hub->upgraded; LinkHub::state($w, 'waiting')->{error} =~ /no welcome/ }), 'no welcome');
	ok($c->ends, 'the connection is closed');

	# one that stops in the middle of its head
	$w->configure(connect_timeout_ms => 3000);
	$c = $hub->dialled;
	$c->request;
	$c->put('HTTP/1.1 101 Swi');
	$w->until(0.2, sub { 0 });
	my $cpu = $w->cpu_seconds;
	$w->until(0.5, sub { 0 });
	cmp_ok($w->cpu_seconds - $cpu, '<', 0.2, 'it sleeps while half a head is there');
	$w->configure(connect_timeout_ms => 500);
	$c->drop;
	LinkHub::state($w, 'waiting');
	$w->tell('HUB_GONE', hub => 7);

	# nobody listens there any more
	my $gone = LinkHub->new($w);
	my $url = $gone->url;
	close $gone->{listen};
	$w->put_hub(8, 'gone', $url, $KEY, 1);
	my @pauses = map { LinkHub::state($w, 'waiting', 8)->{retry_ms} } 1 .. 4;
	my $base = 200;
	for my $pause (@pauses)
	{
		ok($pause >= $base / 2 && $pause <= $base, "a pause of $pause ms, at most $base");
		$base *= 2;
	}
	ends_well($w, 'time');
};

# --- events -------------------------------------------------------------------

subtest 'odd bytes in an event' => sub {
	my ($w, $hub, $c) = linked(auto => undef);
	my $n = 0;
	for my $case ([ 'a\ud83db', 'a\ufffdb' ], [ 'a\u0000b', 'a\ufffdb' ], [ "a\0b", "a\xef\xbf\xbdb" ], [ "a\nb", 'a\u000ab' ])
	{
		my ($in, $out) = @$case;
		my $odd = '"y\ud83d":1e400,"z":123456789012345678901234567890';
		my $event = message("m" . ++$n, content => qq({"text":"$in",$odd}));
		$c->put(LinkHub::Connection::text(qq({$odd,"type":"event","x":"\\udead","seq":$n,"event":$event})));
		is(events($w, 1), 1, 'it comes') or last;
		my $e = shift @{ $w->{events} };
		is("$e->{kind} $e->{message_id}", "1 m$n", 'as an event');
		is($e->{body}, $event =~ s/\Q$in\E/$out/r =~ s/\\ud83d":1e400/\\ufffd":"1e400"/r, 'mended where it could not be stored');
		$w->done($e);
		ok($c->wait_ack($n), 'and is acknowledged');
	}
	ends_well($w, 'odd');
};

subtest 'an event as a webhook would bring it' => sub {
	my ($w, $hub, $c) = linked(auto => undef);
	my @bodies = (
		message('m1', timestamp => '1.7e9', content => '{ "n" : [1.10, 12345678901234567890123, -0.0, "\u00e9}]{[\"\\\\"] }'),
		'{"eventType":"MessageStatus","messageId":"h1","status":"read"}',
		qq({"eventType":"MessageStatus","channelId":"$CHANNEL","messageId":"h2","status":"failed","errorCode":131047,"errorMessage":"late"}),
		message('m4', content => "{\n\t\"text\": \"\xc3\xa9\xf0\x9f\x98\x80\" }"));
	$c->put(LinkHub::Connection::text(qq( { "seq" : 10 ,\n"more":[{"event":1}], "event":\t$bodies[0]\r\n, "type":"event"} )));
	$c->event(10 + $_, $bodies[$_]) for 1 .. 3;
	is(events($w, 4), 4, 'they come');
	my @e = @{ $w->{events} };
	is($e[$_]{body}, $bodies[$_], 'byte for byte') for 0 .. 3;
	is_deeply([map { $_->{hub} } @e], [7, 7, 7, 7], 'with the hub');
	is_deeply([map { $_->{kind} } @e], [1, 2, 2, 1], 'their kind');
	is_deeply([map { $_->{channel} } @e], [$CHANNEL, Corridor::uuid_text("\0" x 16), $CHANNEL, $CHANNEL], 'and the channel that they name');
	is($e[0]{at_us}, 1700000000000000, 'the time');
	is($e[2]{error_code}, '131047', 'an error code');
	is(scalar(grep { $_->{request} & (1 << 62) } @e), 4, 'numbers of links');
	is($c->acked, 0, 'nothing is acknowledged');

	# out of order, and each kind of word that lets it go on
	$w->done($e[2], $Corridor::DONE{REJECTED});
	$w->done($e[1], $Corridor::DONE{REPEAT});
	$w->until(0.2, sub { 0 });
	is($c->acked, 0, 'not before the first is done');
	$w->done($e[0], $Corridor::DONE{STORED});
	ok($c->wait_ack(12), 'then all of them are');
	is_deeply($c->{acks}, [12], 'at once');
	$w->done($e[3], $Corridor::DONE{GONE});
	ok($c->wait_ack(13), 'the last');
	$w->done($e[3], $Corridor::DONE{STORED});
	$w->done({ request => (1 << 62) | 99 }, $Corridor::DONE{BUSY});
	$w->until(0.1, sub { 0 });
	ok(!$c->{ended}, 'a word that belongs to nothing moves nothing');
	ends_well($w, 'event');
};

subtest 'ten thousand' => sub {
	my ($w, $hub, $c) = linked(auto => undef, max_waiting => 100000);
	my $most = 0;
	my (@got, %body);
	my ($seq, $sent, $acked) = (0, 0, 0);
	my @seqs = map { $seq += 1 + int rand 3 } 1 .. 10000;
	my $bytes = join '', map { LinkHub::Connection::text(LinkHub::Connection::event_text($seqs[$_], message("m$_"))) } 0 .. $#seqs;
	my $ok = $w->until(60, sub {
		my $n = length $bytes ? syswrite($c->{s}, $bytes, 65536) : 0;
		substr($bytes, 0, $n, '') if $n;
		my $waiting = @{ $w->{events} };
		$most = $waiting if $waiting > $most;
		# at first none, then words on some of them each turn
		my $now = $most < 2048 ? 0 : rand() < 0.3 ? $waiting : int rand $waiting + 1;
		for my $e (splice @{ $w->{events} }, 0, $now)
		{
			push @got, $e->{message_id};
			$w->done($e);
		}
		$c->fill;
		die "acked $c->{acks}[-1]" if @{ $c->{acks} } && $c->{acks}[-1] > $seqs[$#got];
		return $c->acked == $seqs[-1]; }, $c->{s});
	ok($ok, 'all are acknowledged');
	is(scalar @got, 10000, 'each came once');
	is(join(' ', @got), join(' ', map { "m$_" } 0 .. 9999), 'in order');
	is($most, 2048, 'as many as 2,048 without a word on them, and no more');
	cmp_ok(scalar @{ $c->{acks} }, '<', 5000, 'one acknowledgement for many (' . @{ $c->{acks} } . ')');
	ends_well($w, 'ten thousand');
};

subtest 'bounds' => sub {
	my ($w, $hub, $c) = linked(auto => undef, max_waiting => 5);
	$c->put(join '', map { LinkHub::Connection::text(LinkHub::Connection::event_text($_,
		qq({"eventType":"MessageStatus","messageId":"m$_","status":"a"}))) } 1 .. 300);
	is(events($w, 5), 5, 'as many as may wait');
	$w->until(0.2, sub { 0 });
	is(scalar @{ $w->{events} }, 5, 'no more');
	my $cpu = $w->cpu_seconds;
	$w->until(0.5, sub { 0 });
	cmp_ok($w->cpu_seconds - $cpu, '<', 0.2, 'it sleeps meanwhile');
	$w->done($w->{events}[$_]) for 1, 2;
	is(events($w, 7), 7, 'two are done: two come');
	$w->until(0.1, sub { 0 });
	is(scalar @{ $w->{events} }, 7, 'no more');
	is($c->acked, 0, 'the first is not done');

	# a hub that keeps to the rules is always read
	my ($v, $mall, $d) = linked(auto => undef, max_waiting => 100000);
	$d->event($_, message("m$_")) for 1 .. 1024;
	is(events($v, 1024), 1024, 'as many as a hub may have under way');
	$v->done($v->{events}[$_]) for 1 .. 1023;
	$d->put(LinkHub::Connection::frame(9, 'there?'));
	ok($v->until(5, sub { $d->fill; @{ $d->{pongs} } }, $d->{s}), 'its ping is answered while the first is not done');
	is($d->acked, 0, 'though nothing is acknowledged');
	ends_well($v, 'full');

	# they count though the link is another one
	$w->put_hub(7, 'shop', $hub->url, 'wck_other', 1);
	$c->drop;
	$c = $hub->linked(0);
	ok(LinkHub::state($w, 'open'), 'a new link is welcomed though as many wait as may');
	$c->event($_, message("n$_")) for 1 .. 10;
	$w->until(0.2, sub { 0 });
	is(scalar @{ $w->{events} }, 7, 'but nothing comes before there is a word on the earlier ones');
	$w->done($w->{events}[$_]) for 0, 3;
	is(events($w, 9), 9, 'then it does');
	is(join(' ', map { $_->{message_id} } @{ $w->{events} }[7, 8]), 'n1 n2', 'from the first on');
	is($c->acked, 0, 'words on what came by the earlier link acknowledge nothing');
	$w->{auto} = 0;
	$w->done($_) for @{ $w->{events} }[4 .. 8];
	ok($c->wait_ack(10), 'all are done');
	ends_well($w, 'bounds');

	# large ones wait in the worker's memory
	($w, $hub, $c) = linked(auto => undef, max_waiting => 100000, max_body_size => 1 << 20);
	my $million = message('million', content => '{"text":"' . 'x' x 1000000 . '"}');
	my $put = 0;
	$put++ while $put < 30 && $c->put(LinkHub::Connection::text(LinkHub::Connection::event_text($put + 1, $million)), 1);
	is(scalar @{ $w->{events} }, 9, 'no more come when 8 MiB wait');
	cmp_ok($put, '<', 30, 'the hub is not read then');
	$w->done(shift @{ $w->{events} });
	is(events($w, 9), 9, 'one is done, one comes');
	$w->put_hub(7, 'shop', $hub->url, 'wck_other', 1);
	$c->drop;
	$c = $hub->linked(1);
	ok(LinkHub::state($w, 'open'), 'another link');
	$c->event(2, message('small'));
	$w->until(0.2, sub { 0 });
	is(scalar @{ $w->{events} }, 9, 'they count though the link is another one');
	$w->done($_) for splice @{ $w->{events} };
	is(events($w, 1), 1, 'until they are done');
	ends_well($w, 'large events');

	# the worker reads nothing
	($w, $hub, $c) = linked(max_waiting => 100000, max_body_size => 1 << 20);
	$w->{silent} = 1;
	my $big = message('big', content => '{"text":"' . 'x' x 500000 . '"}');
	my $taken = 0;
	$taken++ while $taken < 40 && $c->put(LinkHub::Connection::text(LinkHub::Connection::event_text($taken + 1, $big)), 1);
	cmp_ok($taken, '<', 40, 'a hub that sends much is not read while the worker does not read');
	$w->{silent} = 0;
	ok($w->until(10, sub { ($w->{nevents} // 0) >= $taken }), 'it goes on when the worker does');
	ends_well($w, 'a silent worker');
};

subtest 'busy' => sub {
	my ($w, $hub, $c) = linked(auto => undef);
	$c->event($_, message("m$_")) for 1 .. 6;
	is(events($w, 6), 6, 'six come');
	my @e = splice @{ $w->{events} };
	$w->done($_) for @e[0, 1];
	ok($c->wait_ack(2), 'two are done');
	$w->done($e[2], $Corridor::DONE{BUSY});
	is($c->closed, 1013, 'busy closes the link');
	$w->done($_) for @e[3 .. 5];
	like(LinkHub::state($w, 'waiting')->{error}, qr/too busy/, 'the worker hears so');
	$c->put(LinkHub::Connection::close_frame(1013));
	$c->ends;
	is($c->acked, 2, 'nothing behind it is acknowledged');
	$c = $hub->linked(2);
	$c->event($_, message("m$_")) for 3 .. 6;
	is(events($w, 4), 4, 'they come again');
	is(ids($w), 'm3 m4 m5 m6', 'in order');
	$w->done($_) for @{ $w->{events} };
	ok($c->wait_ack(6), 'and are done');
	ends_well($w, 'busy');
};

subtest 'events that are none' => sub {
	my ($w, $hub, $c) = linked(auto => undef);
	my @bad = (
		['{"eventType":"Other"}', qr/eventType/],
		[message('x', channelId => undef), qr/channelId is missing/],
		[message('x', from => undef), qr/from is missing/],
		['[]', qr/JSON object/],
		['{"a":}', qr/not valid JSON/],
		['"text"', qr/JSON/],
		['null', qr/JSON/],
		['{"a":' . '[' x 100 . ']' x 100 . '}', qr/nests deeper/]);
	my $seq = 0;
	for my $bad (@bad)
	{
		# each by a link of its own hub: a flood of them is one line
		my ($body, $why) = @$bad;
		$w->{logs} = [];
		$w->put_hub(100 + $seq, 'x', $hub->url("/$seq"), $KEY, 1);
		my $one = $hub->linked(0);
		$one->event(1, message('before'));
		$one->event(2, $body);
		$one->event(3, message('after'));
		is(events($w, 3), 3, 'what is none comes too, to be kept');
		my ($none) = $w->{events}[1];
		is("$none->{kind} $none->{body}", "3 $body", 'as it is');
		like($none->{error_message}, $why, 'with the reason');
		$w->until(60, sub { @{ $w->{logs} } });
		like($w->{logs}[0] // '', $why, 'which is in the log');
		like($w->{logs}[0] // '', qr/sent as event 2 /, 'with its number');
		$w->done($_) for splice @{ $w->{events} };
		ok($one->wait_ack(3), 'and the link goes on');
		$w->tell('HUB_GONE', hub => 100 + $seq++);
		$one->closed;
		$one->drop;
	}
	$w->{logs} = [];
	$c->put(LinkHub::Connection::text('{"type":"event","seq":1}'));
	$c->put(LinkHub::Connection::text(qq({"type":"event","seq":$_}))) for 2 .. 500;
	ok($c->wait_ack(500), 'a flood of them is acknowledged');
	$w->until(60, sub { @{ $w->{logs} } });
	is(scalar @{ $w->{logs} }, 1, 'and is one line');
	$c->event(501, message('undone'));
	is(events($w, 1), 1, 'one that is good');
	$c->put(join '', map { LinkHub::Connection::text(qq({"type":"event","seq":$_})) } 502 .. 4000);
	$w->until(0.2, sub { 0 });
	is($c->acked, 500, 'and a flood behind it, of which nothing is acknowledged');
	$w->done(shift @{ $w->{events} });
	ok($c->wait_ack(4000), 'before that is done');
	$c->put(LinkHub::Connection::text('{"type":"news","seq":1,"type2":{}}'));
	$c->event(4001, message('last'));
	is(events($w, 1), 1, 'a frame of another type is passed over');
	ends_well($w, 'none');
};

subtest 'cuts at random places' => sub {
	my ($w, $hub, $c) = linked(max_waiting => 50);
	my $descriptors = $w->descriptors;
	my @stored;
	my %seen;
	$w->{message_of} = sub {
		my ($e) = @_;
		push @stored, $e->{message_id} if !$seen{ $e->{message_id} }++;
		return "\0" x 16; };
	my @text = map { LinkHub::Connection::text(LinkHub::Connection::event_text($_, message("m$_", content => '{"text":"' . 'x' x (rand() < 0.1 ? int rand 30000 : int rand 200) . '"}'))) } 1 .. 600;
	my ($acked, $cuts) = (0, 0);
	while ($acked < 600)
	{
		my $bytes = join '', @text[$acked .. ($acked + 149 > 599 ? 599 : $acked + 149)];
		my $cut = $cuts < 40 ? int rand 1 + length $bytes : length $bytes;
		$c->put(substr($bytes, 0, $cut));
		if ($cuts++ < 40)
		{
			$w->until(rand 0.02, sub { 0 });
			$acked = $c->acked;
			rand() < 0.5 ? $c->drop : $c->reset;
		}
		else
		{
			my $to = $acked + 150 > 600 ? 600 : $acked + 150;
			ok($c->wait_ack($to), "acknowledged to $to");
			$acked = $to;
			next;
		}
		$c = $hub->linked($acked) // die('not dialled after a cut');
	}
	is(join(' ', @stored), join(' ', map { "m$_" } 1 .. 600), 'nothing is left out, and the order holds');
	is($c->{acks}[-1], 600, 'all are acknowledged');
	ok($w->until(5, sub { $w->descriptors <= $descriptors }), 'no descriptor is left behind');
	ends_well($w, 'cuts');
};

# --- frames -------------------------------------------------------------------

subtest 'frames' => sub {
	my ($w, $hub, $c) = linked(auto => undef);
	my $text = LinkHub::Connection::event_text(1, message('m1', content => '{"text":"' . "\xc3\xa9" x 300 . '"}'));
	my @pieces = $text =~ /(.{1,37})/gs;
	for my $i (0 .. $#pieces)
	{
		$c->put(LinkHub::Connection::frame($i == 0 ? 1 : 0, $pieces[$i], fin => $i == $#pieces ? 1 : 0));
		$c->put(LinkHub::Connection::frame(9, "ping $i")) if $i % 3 == 0;
		$c->put(LinkHub::Connection::frame(10, 'a pong that nobody asked for')) if $i % 5 == 0;
	}
	is(events($w, 1), 1, 'a message in pieces, with pings between them');
	ok($w->until(5, sub { $c->fill; @{ $c->{pongs} } && $c->{pongs}[-1] eq 'ping ' . int($#pieces / 3) * 3 }, $c->{s}), 'pings are answered');
	is($c->{pongs}[0], 'ping 0', 'each with what it held');
	cmp_ok(scalar keys %{ $c->{masks} }, '>', 1, 'with a mask of its own');
	my $large = message('m2', content => '{"text":"' . 'x' x 65000 . '"}');
	$c->event(2, $large);
	is(events($w, 2), 2, 'an event as large as they may be');
	is($w->{events}[1]{body}, $large, 'byte for byte');
	ends_well($w, 'frames');
};

subtest 'frames against the rules' => sub {
	my $w = start(auto => undef);
	my $hub = LinkHub->new($w);
	my $event = LinkHub::Connection::event_text(5, message('m5'));
	my $f = \&LinkHub::Connection::frame;
	my @cases = (
		['a masked frame', $f->(1, $event, mask => 1), 1002, qr/RFC 6455/],
		['reserved bits', $f->(1, $event, rsv => 4), 1002, qr/RFC 6455/],
		['an unknown opcode', $f->(3, 'x'), 1002, qr/RFC 6455/],
		['a piece of nothing', $f->(0, 'x'), 1002, qr/RFC 6455/],
		['a ping in pieces', $f->(9, 'x', fin => 0), 1005, qr/RFC 6455/],
		['a large ping', $f->(9, 'x' x 126), 1005, qr/RFC 6455/],
		['a binary frame', $f->(2, 'x'), 1003, qr/binary/],
		['bad UTF-8', $f->(1, "{\"a\":\"\xff\"}"), 1007, qr/UTF-8/],
		['a code that may not be sent', $f->(8, pack('n', 1005)), 1002, qr/RFC 6455/],
		['a message too large', $f->(1, '{', length => 65536 + 4097), 1009, qr/larger than webchatt.max_body_size/],
		['too large by its pieces', $f->(1, 'x' x 40000, fin => 0) . $f->(0, 'x' x 40000), 1009, qr/larger than/],
		['too many pieces', $f->(1, '', fin => 0) . $f->(0, '', fin => 0) x 2000, 1002, qr/RFC 6455/],
		['a second welcome', $f->(1, LinkHub::Connection::welcome_text()), 1008, qr/second welcome/],
		['a number that comes again', $f->(1, $event) x 2, 1008, qr/does not follow/],
		['a number before the welcome\'s', $f->(1, LinkHub::Connection::event_text(2, message('m'))), 1008, qr/does not follow/],
		(map { ["a number like $_", $f->(1, LinkHub::Connection::event_text($_, message('m'))), 1008, qr/good number/] }
			  qw(0 -1 1.5 1e3 05 "5" null 9223372036854775808 18446744073709551617 99999999999999999999)),
		(map { ["text like $_", $f->(1, $_), 1008, qr/no JSON object with a type/] }
			  '', '{', '{}', '[]', 'null', '{"type":1}', '{"type":"event"} x', '{"type":"event","type":"event"}',
			  '{"type":"event","seq":5,"event":{},"event":{}}', '{"type":"event" "seq":5}', '{"type":"event","seq":5,}',
			  '{"type":"event","seq":5,"event":{"a":"}', '{"type":"event","seq":5,"event":{"a":[1}}'),
	);
	for my $case (@cases)
	{
		my ($name, $bytes, $code, $why) = @$case;
		$w->put_hub(7, 'shop', $hub->url, $KEY, 1);
		my $c = $hub->linked(3);
		LinkHub::state($w, 'open');
		$c->put($bytes);
		is($c->closed, $code, "$name: the code");
		my $s = LinkHub::state($w, 'waiting');
		like($s->{error}, $why, "$name: why");
		is($s->{retry_ms}, 30000, "$name: it is not dialled again soon");
		$w->tell('HUB_GONE', hub => 7);
		$c->drop;
	}
	for my $first ($event, LinkHub::Connection::welcome_text(-1), LinkHub::Connection::welcome_text('"1"'),
		'{"type":"welcome","acknowledged":1,"lost":0}', LinkHub::Connection::welcome_text(1, 1.5), '{"type":"news"}')
	{
		$w->put_hub(7, 'shop', $hub->url, $KEY, 1);
		my $c = $hub->upgraded;
		$c->put($f->(1, $first));
		is($c->closed, 1008, "$first: no way to begin");
		like(LinkHub::state($w, 'waiting')->{error}, qr/welcome/, 'why');
		$w->tell('HUB_GONE', hub => 7);
		$c->drop;
	}
	is(scalar(grep { $_->{message_id} ne 'm5' } @{ $w->{events} }), 0, 'nothing of that came');

	# what was too large fits later
	$w->put_hub(7, 'shop', $hub->url, $KEY, 1);
	my $large = LinkHub::Connection::event_text(4, message('large', content => '{"text":"' . 'x' x 100000 . '"}'));
	my $c = $hub->linked(3);
	$c->put($f->(1, $large));
	like(LinkHub::state($w, 'waiting')->{error}, qr/larger than/, 'too large');
	$w->configure(max_body_size => 200000);
	$c = $hub->linked(3) // die('not dialled when the limit was raised');
	$w->{auto} = 0;
	$c->put($f->(1, $large));
	ok($c->wait_ack(4), 'it comes when the limit is raised');
	ends_well($w, 'rules');
};

subtest 'heartbeat' => sub {
	my $began = time;
	my ($w, $hub, $c) = linked(heartbeat_ms => 1500);
	ok($w->until(5, sub { $c->fill; @{ $c->{pings} } }, $c->{s}), 'silence: a ping');
	cmp_ok($c->{pings}[0][0] - $began, '>', 0.2, 'after a while');
	$c->put(LinkHub::Connection::frame(10, $c->{pings}[0][1]));
	ok($w->until(5, sub { $c->fill; @{ $c->{pings} } >= 2 }, $c->{s}), 'answered: the next ping');
	$c->put(LinkHub::Connection::frame(9, 'x'));
	ok($w->until(5, sub { $c->fill; @{ $c->{pings} } >= 3 }, $c->{s}), 'any sign of life will do');
	is(scalar @{ $w->{states} }, 0, 'the link is open');
	ok($c->ends, 'silence: it is cut');
	like(LinkHub::state($w, 'waiting')->{error}, qr/no sign of life/, 'and the worker hears why');

	# the hub's is smaller
	$w->configure(heartbeat_ms => 20000);
	$began = time;
	$c = $hub->linked(0, 0, 0.4);
	ok($w->until(5, sub { $c->fill; @{ $c->{pings} } }, $c->{s}), 'the smaller of the two counts');
	cmp_ok($c->{pings}[0][0] - $began, '>', 0.8, 'and is a second at least');
	$c->drop;

	# while it is not read, its silence says nothing
	$w->configure(heartbeat_ms => 1000, max_waiting => 1);
	$w->{auto} = undef;
	$c = $hub->linked(0);
	LinkHub::state($w, 'open');
	$c->event($_, message("m$_")) for 1, 2;
	events($w, 1);
	$w->until(2.5, sub { 0 });
	$c->fill;
	ok(!$c->{ended}, 'it is not cut while we do not listen');
	ends_well($w, 'heartbeat');
};

subtest 'what the hub says at the end' => sub {
	my $w = start();
	my $hub = LinkHub->new($w);
	for my $case ([1000, 200, qr/closed the link \(1000\)/], [1001, 200, qr/\(1001\): going/, 'going'],
		[1001, 200, qr/it stops/], [1008, 30000, qr/\(1008\): bad/, 'bad'], [1011, 200, qr/1011/],
		[1013, 200, qr/1013/], [4010, 1000, qr/another database uses the same API key/, 'another link'],
		[4999, 200, qr/\(4999\): two  lines/, "two\r\nlines"], [1009, 30000, qr/1009/])
	{
		my ($code, $most, $why, $reason) = @$case;
		my $hub = LinkHub->new($w);    # each has its own: the one before may have been dialled once more
		$w->put_hub(7, 'shop', $hub->url, $KEY, 1);
		my $c = $hub->linked(0);
		LinkHub::state($w, 'open');
		$c->put(LinkHub::Connection::close_frame($code, $reason));
		is($c->closed, $code == 1013 ? 1002 : $code, "$code: it is answered");	# libwslay does not know 1013
		my $s = LinkHub::state($w, 'waiting');
		like($s->{error}, $why, "$code: why");
		cmp_ok($s->{retry_ms}, '<=', $most, "$code: it waits so long at most");
		cmp_ok($s->{retry_ms}, '>=', $most == 200 ? 100 : $most, "$code: and at least so long");
		$w->tell('HUB_GONE', hub => 7);
		$c->drop;
	}

	# another link with the same key: it may have been ours, but not again and again
	$w->put_hub(7, 'shop', $hub->url, $KEY, 1);
	for my $pause (1000, 60000)
	{
		my $c = $hub->linked(0);
		LinkHub::state($w, 'open');
		$c->put(LinkHub::Connection::close_frame(4010, 'another link'));
		is($c->closed, 4010, 'the close is answered');
		is(LinkHub::state($w, 'waiting')->{retry_ms}, $pause, "4010: a pause of $pause ms");
		$c->drop;
	}
	$w->tell('HUB_GONE', hub => 7);

	# a link that acknowledged something begins with the shortest pause again
	$w->put_hub(7, 'shop', $hub->url, $KEY, 1);
	for my $round (1 .. 4)
	{
		my $c = $hub->linked(0);
		LinkHub::state($w, 'open');
		if ($round == 4)
		{
			$c->event(1, message('m'));
			$c->wait_ack(1);
		}
		$c->drop;
		my $pause = LinkHub::state($w, 'waiting')->{retry_ms};
		my $base = $round == 4 ? 200 : 100 * 2**$round;
		ok($pause >= $base / 2 && $pause <= $base, "round $round: a pause of $pause ms");
	}
	my $c = $hub->linked(0);
	LinkHub::state($w, 'open');
	$c->put(LinkHub::Connection::frame(8, ''));
	is($c->closed, 1005, 'a close frame without a code');
	like(LinkHub::state($w, 'waiting')->{error}, qr/1005/, 'is as good');
	ends_well($w, 'the end');
};

# --- what the worker says --------------------------------------------------------

subtest 'hubs come, change and go' => sub {
	my ($w, $hub, $c) = linked();
	my $other = LinkHub->new($w);
	$w->put_hub(8, 'mall', $other->url, 'wck_mall', 1);
	my $d = $other->linked(100);
	is(LinkHub::state($w, 'open', 8)->{hub}, 8, 'a second hub');
	$c->event(1, message('a'));
	$d->event(101, message('b'));
	ok($c->wait_ack(1) && $d->wait_ack(101), 'each has its own numbers');

	$w->put_hub(7, 'renamed', $hub->url, $KEY, 1);
	ok(!$hub->dialled(0.2) && !$c->{ended}, 'another name changes nothing');
	$w->put_hub(7, 'renamed', $hub->url, 'wck_new', 1);
	is($c->closed, 1001, 'another key closes the link');
	$c = $hub->linked(1);
	is($c->header('x-api-key'), 'wck_new', 'and a new one has it');
	LinkHub::state($w, 'open', 7);
	$w->put_hub(7, 'renamed', $hub->url, 'wck_new', 0);
	is($c->closed, 1001, 'no link any more');
	ok(!$hub->dialled(0.5), 'it is not dialled');
	$w->put_hub(7, 'renamed', $hub->url, 'wck_new', 1);
	$c = $hub->linked(1);
	ok(LinkHub::state($w, 'open', 7), 'a link again');
	$w->{auto} = undef;
	$c->event(2, message('c'));
	events($w, 1);
	$w->tell('HUB_GONE', hub => 7);
	is($c->closed, 1001, 'the hub is gone');
	$w->done($w->{events}[0]);
	ok(!$hub->dialled(0.5), 'it is not dialled');
	$d->event(102, message('d'));
	is(events($w, 2), 2, 'the other goes on');

	# gone in each state: waiting, dialling, opening
	$w->put_hub(7, 'x', 'http://127.0.0.1:1', $KEY, 1);
	LinkHub::state($w, 'waiting', 7);
	$w->tell('HUB_GONE', hub => 7);
	$w->put_hub(7, 'x', 'http://192.0.2.1', $KEY, 1);
	LinkHub::state($w, 'connecting', 7);
	$w->tell('HUB_GONE', hub => 7);
	$w->put_hub(7, 'x', $hub->url, $KEY, 1);
	my $e = $hub->dialled;
	$e->request;
	$w->tell('HUB_GONE', hub => 7);
	ok($e->ends, 'gone while it is opened');
	ends_well($w, 'hubs');
	is($d->closed, 1001, 'at the end the hub is told');
};

subtest 'the end' => sub {
	my $w = start(auto => undef);
	my @hubs = map { LinkHub->new($w) } 1 .. 6;
	$w->put_hub($_, "h$_", $hubs[$_ - 1]->url, $KEY, 1) for 1 .. 6;
	my @c = map { $_->dialled } @hubs;
	$_->request for @c[1 .. 5];
	for my $i (2 .. 5)
	{
		$c[$i]->put($c[$i]->upgrade);
		$c[$i]->welcome(0) if $i > 2;
	}
	my %open;
	ok($w->until(60, sub { $_->{phase} eq 'open' and $open{ $_->{hub} } = 1 for splice @{ $w->{states} }; keys %open == 3 }), 'three are open');
	$c[4]->event($_, message("m$_")) for 1 .. 100;
	is(events($w, 100), 100, 'events are under way');
	$w->done($_) for @{ $w->{events} }[0 .. 49];
	ends_well($w, 'the end');
	is($c[$_]->closed, 1001, "the hub of link $_ is told") for 3 .. 5;
	is($c[4]->acked, 50, 'with the last acknowledgement');
	ok($c[0]->ends && $c[1]->ends, 'what was not open is dropped');
};

# --- both ends -------------------------------------------------------------------

subtest 'with the hub\'s end that is ours' => sub {
	my $hub = Corridor->open_door([]);
	my $key = 'wck_' . 'k' x 43;
	my ($link, $acked, $sent, $links) = (0, 0, 0, 0);
	$hub->tell('KEY_PUT', id => 1, hash => sha256($key), scopes => 7);
	$hub->{on}{LINK_CAME} = sub {
		$link = $_[0]{link};
		$links++;
		$sent = $acked;
		$hub->tell('LINK_WELCOME', link => $link, acknowledged => $acked); };
	$hub->{on}{LINK_ACK} = sub {
		my ($of, $seq) = @{ $_[0] }{qw(link seq)};
		$acked = $seq if $of == $link && $seq > $acked; };
	$hub->{on}{LINK_LEFT} = sub { $link = 0 if $_[0]{link} == $link };

	my $w = start();
	my (@got, %seen);
	$w->{message_of} = sub { push @got, $_[0]{message_id} if !$seen{ $_[0]{message_id} }++; return "\0" x 16 };
	$w->put_hub(7, 'shop', "http://127.0.0.1:$hub->{port}", $key, 1);
	my $cut = 1000;
	my $ok = $w->until(60, sub {
		$hub->take;
		while ($link && $sent < 5000 && $sent - $acked < 1000)
		{
			$sent++;
			$hub->tell('LINK_EVENT', link => $link, seq => $sent, body => message("m$sent"));
		}
		if ($link && $acked > $cut)
		{
			$hub->tell('LINK_CLOSE', link => $link, code => $cut == 2000 ? 1001 : 1013, reason => 'cut');
			$cut += 1000;
		}
		$hub->flush;
		return $acked == 5000; }, $hub->{fh});
	ok($ok, 'five thousand events are acknowledged');
	is(join(' ', @got), join(' ', map { "m$_" } 1 .. 5000), 'nothing is left out, and the order holds');
	cmp_ok($links, '>=', 3, "over $links links");
	$hub->tell('KEY_GONE', id => 1);
	$w->{states} = [];
	like(LinkHub::state($w, 'refused')->{error}, qr/revoked/, 'a revoked key');
	$w->put_hub(7, 'shop', "http://127.0.0.1:$hub->{port}", 'wck_' . 'x' x 43, 1);
	like(LinkHub::state($w, 'refused')->{error}, qr/\(401\)/, 'an unknown key');
	ends_well($w, 'the subscriber');
	ends_well($hub, 'the hub');
};

# --- TLS ------------------------------------------------------------------------

subtest 'TLS' => sub {
	plan skip_all => 'IO::Socket::SSL is not installed' if !eval { require IO::Socket::SSL; 1 };
	my $dir = tempdir(CLEANUP => 1);
	for my $name (qw(localhost elsewhere))
	{
		system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=$name -addext subjectAltName=DNS:$name "
			  . "-keyout $dir/$name.key -out $dir/$name.pem 2>$dir/openssl.out") == 0 or die 'openssl failed';
	}
	my %tls = map { $_ => { key => "$dir/$_.key", cert => "$dir/$_.pem" } } qw(localhost elsewhere);

	my $w = start(ca_file => "$dir/localhost.pem", max_waiting => 200);
	my $hub = LinkHub->new($w, tls => $tls{localhost});
	$w->put_hub(7, 'shop', $hub->url, $KEY, 1);
	my $c = $hub->upgraded // die('no TLS');
	is($c->{s}->alpn_selected, 'http/1.1', 'HTTP/1.1 by ALPN');
	is($c->header('Host'), "localhost:$hub->{port}", 'Host');
	$c->welcome(0);
	ok(LinkHub::state($w, 'open'), 'open');
	my @got;
	$w->{message_of} = sub { push @got, $_[0]{message_id}; return "\0" x 16 };
	my $bytes = join '', map { LinkHub::Connection::text(LinkHub::Connection::event_text($_, message("m$_", content => '{"text":"' . 'x' x int(rand 1000) . '"}'))) } 1 .. 3000;
	ok($c->put($bytes, 30), 'three thousand events');
	ok($c->wait_ack(3000, 20), 'are acknowledged');
	is(join(' ', @got), join(' ', map { "m$_" } 1 .. 3000), 'in order');
	$c->{s}->close(SSL_no_shutdown => 0);
	like(LinkHub::state($w, 'waiting')->{error}, qr/ended the connection/, 'a cut');
	$c = $hub->linked(3000);
	ok(LinkHub::state($w, 'open'), 'open again');
	$c->event(3001, message('last'));
	ok($c->wait_ack(3001), 'and it goes on');

	my $false = LinkHub->new($w, tls => $tls{elsewhere});
	$w->put_hub(8, 'false', $false->url, $KEY, 1);
	$false->dialled;
	like(LinkHub::state($w, 'waiting', 8)->{error}, qr/certificate.*webchatt\.ca_file/i, 'a certificate that is not trusted');
	$w->tell('HUB_GONE', hub => 8);
	my $named = LinkHub->new($w, tls => $tls{localhost});
	$w->put_hub(8, 'named', "https://127.0.0.1:$named->{port}", $KEY, 1);
	$named->dialled;
	ok(LinkHub::state($w, 'waiting', 8)->{error}, 'one of another name');
	$w->tell('HUB_GONE', hub => 8);
	my $plain = LinkHub->new($w);
	$w->configure(connect_timeout_ms => 1000);
	$w->put_hub(8, 'plain', "https://localhost:$plain->{port}", $KEY, 1);
	my $p = $plain->dialled;
	$p->put("HTTP/1.1 400 Bad Request\r\n\r\n");
	ok(LinkHub::state($w, 'waiting', 8)->{error}, 'a hub that speaks no TLS');
	$p = $plain->dialled;
	ok(LinkHub::state($w, 'waiting', 8)->{error}, 'one that says nothing');
	ends_well($w, 'TLS');
	is($c->closed, 1001, 'the hub is told');
};

done_testing;
