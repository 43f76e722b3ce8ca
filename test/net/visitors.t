# The visitors' side of webchatt-net, with the test in the worker's place: the
# opening request, each frame of doc/protocol.md, each close code at the socket,
# every limit, changes of channels, hostile input, and what a session costs.
# WEBCHATT_NET names the program (a build with sanitizers, say);
# WEBCHATT_DOOR_SEED repeats a hostile run.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Corridor;
use Digest::SHA qw(sha256);
use Encode;
use File::Temp qw(tempdir);
use Hostile;
use IO::Socket::IP;
use IO::Socket::UNIX;
use JSON::PP qw(decode_json);
use RawSocket;
use Socket;
use Test::More;
binmode(Test::More->builder->$_, ":encoding(UTF-8)") for qw(output failure_output todo_output);
use Time::HiRes qw(time);

my $CHANNEL = '11111111-2222-4333-8444-555555555555';
my $OTHER = '99999999-2222-4333-8444-555555555555';
my $KEY = 'pk_first-1';
my $ORIGIN = $RawSocket::ORIGIN;
my $SANITIZED = ($ENV{WEBCHATT_NET} // '') =~ /asan/;
my %known;    # visitors by the hash of their token

# A door with the test's worker behind it, who welcomes everybody at once and
# stores every message.
sub open_hub
{
	my (%settings) = @_;
	my $w = Corridor->open_door([], %settings);
	$w->put_local($CHANNEL, $KEY, "B\x{c3}\x{bc}cher \"&\" Co", $ORIGIN, 'http://[::1]:8080');
	$w->{arrivals} = [];
	$w->{left} = [];
	$w->{typed} = 0;
	$w->{pages} = [];
	$w->{asked} = [];
	$w->{outcomes} = [];
	$w->{on}{ARRIVED} = sub {
		my ($a) = @_;
		push @{ $w->{arrivals} }, $a;
		return if $w->{no_welcome};
		my $visitor = $a->{has_token} ? $known{ $a->{token_hash} } : undef;
		if ($visitor) { $w->welcome($a, 'KNOWN', $visitor) }
		elsif ($a->{may_make})
		{
			$known{ $a->{new_hash} } = $a->{new_visitor};
			$w->welcome($a, 'MADE');
		}
		else { $w->welcome($a, 'NOT_MADE') } };
	$w->{on}{LEFT} = sub { push @{ $w->{left} }, $_[0]{session} };
	$w->{on}{TYPED} = sub { $w->{typed}++ };
	$w->{on}{PAGE} = sub { push @{ $w->{pages} }, $_[0] };
	$w->{on}{HISTORY_ASK} = sub { push @{ $w->{asked} }, $_[0] };
	$w->{on}{OUTCOME} = sub { push @{ $w->{outcomes} }, $_[0] };
	my %stored;
	settle($w);
	$w->{message_of} = sub { my $e = shift; return $stored{ $e->{message_id} } //= Corridor::uuid7() };
	return $w;
}

sub outcome
{
	my ($w) = @_;
	$w->until(5, sub { @{ $w->{outcomes} } });
	return shift @{ $w->{outcomes} };
}

# All that was said to the program so far counts: it has answered a send to nobody.
sub settle
{
	my ($h) = @_;
	$h->send_local(99, $CHANNEL, Corridor::uuid7(), Corridor::uuid7(), '{}');
	return outcome($h)->{token} == 99 || die 'an outcome is left over';
}

my $w = open_hub();
ok($w->{port}, 'the door is open') or die('webchatt-net does not start');

# The answer to an opening request that is refused.
sub refused
{
	my ($name, $status, $code, $raw, $hub) = @_;
	$hub //= $w;
	my $s = $hub->dial;
	$hub->put($s, $raw);
	my $r = $hub->answer($s);
	is($r->{status}, $status, $name) or diag($r->{head} . ($r->{body} // ''));
	is(eval { decode_json($r->{body})->{errorCode} } // '', $code, "$name: its code");
	like(eval { decode_json($r->{body})->{errorMessage} } // '', qr/\w \w/, "$name: a sentence for a person");
	ok($hub->closes($s), "$name: closed");
	return $r;
}

sub head { return RawSocket::head($KEY, @_) }

subtest 'the opening request' => sub {
	my $s = $w->dial;
	my $ws = RawSocket->new($w, $s);
	$w->put($s, head());
	my $answer = $ws->upgraded;
	like($answer, qr/^HTTP\/1\.1 101 Switching Protocols\r\n/, 'upgraded');
	like($answer, qr{^Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r?$}m, 'Sec-WebSocket-Accept of RFC 6455');
	like($answer, qr{^Sec-WebSocket-Protocol: web-chatt2me\.v1\r?$}m, 'our sub-protocol');
	for my $case (
		['header names and values in any case', 'UPGRADE' => 'WebSocket', Upgrade => undef, Connection => 'keep-alive, UPGRADE'],
		['several sub-protocols', 'Sec-WebSocket-Protocol' => 'chat, web-chatt2me.v1 , x'],
		['sub-protocols in two headers', 'Sec-WebSocket-Protocol' => ['chat', 'web-chatt2me.v1']],
		['another listed origin', Origin => 'http://[::1]:8080'],
		['more in the query', line => "GET /communication/web-chatt2me/ws?a=b&webChatId=$KEY&c HTTP/1.1"],
		['Content-Length: 0', 'Content-Length' => 0],
		['a head of 7 kB', map { ("X-Fill-$_" => 'x' x 200) } 1 .. 30],
		['cookies of 31 kB', Cookie => join('; ', map { "c$_=" . 'x' x 3900 } 1 .. 8)])
	{
		my ($name, %h) = @$case;
		ok(eval { RawSocket->dial($w, $KEY, head => \%h) }, $name);
	}
	my $slow = RawSocket->new($w, $w->dial);
	for my $byte (split //, head()) { $slow->put($byte); $w->take }
	ok($slow->upgraded, 'byte for byte');
	$slow = RawSocket->new($w, $w->dial);
	for my $piece (head() =~ /.{1,100}/gs) { $slow->put($piece); $w->until(0.03, sub { 0 }) }
	ok($slow->upgraded, 'in pieces');

	refused('GET without Upgrade', 426, 'upgrade_required', head(Upgrade => undef));
	refused('without Connection', 426, 'upgrade_required', head(Connection => 'keep-alive'));
	my $r = refused('an old version', 426, 'websocket_version', head('Sec-WebSocket-Version' => 8));
	like($r->{head}, qr/^Sec-WebSocket-Version: 13\r?$/m, 'which names the right one');
	refused('no version', 426, 'websocket_version', head('Sec-WebSocket-Version' => undef));
	refused('no sub-protocol', 400, 'unknown_protocol', head('Sec-WebSocket-Protocol' => undef));
	refused('an unknown sub-protocol', 400, 'unknown_protocol', head('Sec-WebSocket-Protocol' => 'web-chatt2me.v10'));
	for my $case (
		['no key', 'Sec-WebSocket-Key' => undef], ['a short key', 'Sec-WebSocket-Key' => 'abc='],
		['a key that is no base64', 'Sec-WebSocket-Key' => 'dGhlIHNhbXBsZSBub25!ZQ=='],
		['a key of 17 bytes', 'Sec-WebSocket-Key' => 'dGhlIHNhbXBsZSBub25jZQA='],
		['two keys', 'Sec-WebSocket-Key' => [$RawSocket::NONCE, $RawSocket::NONCE]],
		['two versions', 'Sec-WebSocket-Version' => [13, 13]],
		['two origins', Origin => [$ORIGIN, $ORIGIN]],
		['no Host', Host => undef], ['two Hosts', Host => ['a', 'b']],
		['a body', 'Content-Length' => 5], ['a chunked body', 'Transfer-Encoding' => 'chunked'],
		['a control character', 'X-A' => "a\x01b"], ['a NUL', 'X-A' => "a\0b"], ['a bare LF', 'X-A' => "a\nX-B: c"],
		['a bare CR', 'X-A' => "a\rb"], ['a folded line', 'X-A' => "a\r\n b"], ['a header without a colon', "X\r\nX-A" => 'b'],
		['a blank before a colon', 'X-A ' => 'b'], ['an empty name', '' => 'b'],
		['HTTP/1.0', line => "GET /communication/web-chatt2me/ws?webChatId=$KEY HTTP/1.0"],
		['HTTP/2.0', line => "GET /communication/web-chatt2me/ws?webChatId=$KEY HTTP/2.0"],
		['two blanks', line => "GET /communication/web-chatt2me/ws?webChatId=$KEY  HTTP/1.1"],
		['no version', line => "GET /communication/web-chatt2me/ws?webChatId=$KEY"])
	{
		my ($name, %h) = @$case;
		refused($name, 400, 'bad_request', head(%h));
	}
	for my $large (33000, 60000)
	{
		my $r = refused("a head of $large bytes", 431, 'head_too_large', head(Cookie => 'x' x $large));
		like($r->{body}, qr/32768 bytes.*cookies/, 'which says what is in it');
	}
	refused('LF LF', 400, 'bad_request', head() =~ s/\r\n/\n/gr);
	for my $case (['no Origin', Origin => undef], ['null', Origin => 'null'], ['another host', Origin => 'https://example.com'],
		['another scheme', Origin => 'http://www.example.com'], ['another port', Origin => 'https://www.example.com:8443'],
		['a path', Origin => "$ORIGIN/x"], ['a longer host', Origin => "$ORIGIN.evil.example"])
	{
		my ($name, %h) = @$case;
		refused("origin: $name", 403, 'origin_not_listed', head(%h));
	}
	for my $case (['https://shop.example.net', qr{403: an origin .* for channel \S+, its origin https://shop\.example\.net$}], [undef, qr/its origin \(none\)$/])
	{
		my ($origin, $said) = @$case;
		my $h = open_hub();
		is($h->once(head(Origin => $origin))->{status}, 403, 'refused');
		ok($h->until(5, sub { grep { $_ =~ $said } @{ $h->{logs} } }), 'the log names the origin that was refused') or diag(join "\n", @{ $h->{logs} });
		$h->close_door;
	}
	for my $key ('unknown', '', 'a' x 65, 'a%20b', "$KEY&webChatId=$KEY")
	{
		my $old = RawSocket->dial($w, $key, head => { Origin => undef });
		is($old->closed, 4001, "key \"$key\": upgraded and closed with 4001");
		like($old->{reason}, qr/webChatId/, 'and the reason');
		ok($old->ends, 'and the end');
	}
	is($w->once("POST /communication/web-chatt2me/ws HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n")->{status}, 405, 'POST: 405');
	my $bare = $w->dial;
	$w->put($bare, "HEAD /communication/web-chatt2me/ws HTTP/1.1\r\nHost: t\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
	my $answered = '';
	ok($w->until(5, sub { sysread($bare, $answered, 4096, length $answered); $answered =~ /\AHTTP\/1\.1 426 .*\r\n\r\n\z/s }, $bare), 'HEAD: 426') or diag $answered;
	is($w->once("GET /communication/web-chatt2me/wsx HTTP/1.1\r\nHost: t\r\n\r\n")->{status}, 404, 'another path: 404');
	is($w->once("GET /communication/ HTTP/1.1\r\nHost: t\r\n\r\n")->{status}, 404, 'a path that begins alike: 404');
	my $half = $w->dial;
	$w->put($half, 'GET /comm');
	shutdown($half, 1);
	ok($w->closes($half), 'half a beginning is closed');
};

subtest 'hello and welcome' => sub {
	my $v = RawSocket->dial($w, $KEY);
	@{ $w->{arrivals} } = ();
	$v->say({ type => 'hello', attributes => { language => 'pt', page => '/x' }, unknown => [1] });
	my $welcome = $v->wait_for('welcome');
	my $a = $w->{arrivals}[0];
	is($a->{channel}, $CHANNEL, 'ARRIVED: channel');
	is($a->{has_token}, 0, 'ARRIVED: no token');
	is($a->{may_make}, 1, 'ARRIVED: may be made');
	is_deeply(decode_json($a->{attributes}), { language => 'pt', page => '/x' }, 'ARRIVED: attributes');
	is($welcome->{visitor}, $a->{new_visitor}, 'welcome: the new visitor');
	like($welcome->{visitor}, qr/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, 'a UUID of version 7');
	like($welcome->{token}, qr/^wct_[A-Za-z0-9_-]{43}$/, 'welcome: a token');
	is(sha256($welcome->{token}), $a->{new_hash}, 'of which the worker has the hash');
	is($welcome->{name}, "B\x{fc}cher \"&\" Co", 'welcome: the display name');
	is_deeply($welcome->{messages}, [], 'welcome: messages');
	ok(!$welcome->{more}, 'welcome: more');
	is($welcome->{limits}{message}, 16384, 'welcome: limits');

	my @have = map { Corridor::uuid7() } 1 .. 100;
	my $again = RawSocket->dial($w, $KEY);
	$w->{no_welcome} = 1;
	@{ $w->{arrivals} } = ();
	$again->say({ type => 'hello', token => $welcome->{token}, have => \@have });
	$w->until(5, sub { @{ $w->{arrivals} } });
	$a = $w->{arrivals}[0];
	is($a->{has_token}, 1, 'with a token: it goes to the worker');
	is($a->{token_hash}, sha256($welcome->{token}), 'as its hash');
	is_deeply($a->{have}, \@have, 'have');
	$again->text('early');
	$again->say({ type => 'ping' });
	ok(!$again->wait_where(sub { 1 }, 0.2), 'nothing before WELCOME');
	my $m = Corridor::uuid7(1700000000123);
	$w->welcome($a, 'KNOWN', $welcome->{visitor}, 1, qq([{"id":"$m","direction":"out","at":1,"status":"sent","content":{"text":"x"}}]), $m, $m, [@have[3, 98]]);
	my $back = $again->wait_for('welcome');
	is($back->{visitor}, $welcome->{visitor}, 'the same visitor');
	ok(!exists $back->{token}, 'no token again');
	is($back->{messages}[0]{id}, $m, 'its messages');
	is($back->{from}, $m, 'and from which on');
	is($back->{read}, $m, 'and up to where the visitor was read');
	ok($back->{more}, 'and more');
	is_deeply($back->{gone}, [@have[3, 98]], 'and what of its own is not there any more');
	ok(!exists $welcome->{gone}, 'nothing of the kind is said where there is none');
	is($again->wait_for('ack')->{id}, 'early', 'what was sent meanwhile is taken then');
	ok($again->wait_for('pong'), 'in order');
	$w->{no_welcome} = 0;

	for my $case (['a token that is not known', { token => 'wct_' . 'x' x 43 }], ['a malformed token', { token => 'nonsense' }])
	{
		my $x = RawSocket->visit($w, $KEY, hello => $case->[1]);
		like($x->{welcome}{token}, qr/^wct_/, "$case->[0]: a new visitor");
	}
	for my $case (['a token of 200 bytes', { token => 'x' x 200 }], ['a token that is no string', { token => 1 }],
		['101 ids', { have => [@have, $m] }], ['an id that is none', { have => ['x'] }], ['have is no array', { have => 'x' }],
		['17 attributes', { attributes => { map { $_ => 'x' } 1 .. 17 } }], ['an attribute that is no string', { attributes => { a => 1 } }],
		['3 kB of attributes', { attributes => { a => 'x' x 3000 } }], ['attributes are no object', { attributes => [] }])
	{
		my $x = RawSocket->dial($w, $KEY);
		$x->say({ type => 'hello', %{ $case->[1] } });
		is(($x->wait_for('error') // {})->{code}, 'bad_message', "$case->[0]: bad_message");
		$x->say({ type => 'hello' });
		ok($x->wait_for('welcome'), "$case->[0]: and a good one counts");
	}
	for my $case ([BUSY => 1011], [GONE => 4001], [NOT_MADE => 1013], [BUDGET => 1013], [PAUSED => 1013])
	{
		$w->{no_welcome} = 1;
		@{ $w->{arrivals} } = @{ $w->{left} } = ();
		my $x = RawSocket->dial($w, $KEY);
		$x->say({ type => 'hello' });
		$w->until(5, sub { @{ $w->{arrivals} } });
		$w->welcome($w->{arrivals}[0], $case->[0]);
		is($x->closed, $case->[1], "WELCOME $case->[0]: $case->[1]");
		$x->ends;
		is(scalar(grep { $_ == $w->{arrivals}[0]{session} } @{ $w->{left} }), 0, 'and no LEFT: the worker does not know it');
		$w->{no_welcome} = 0;
	}
	$v->say({ type => 'hello' });
	is($v->wait_for('error')->{code}, 'bad_message', 'a second hello: bad_message');
	@{ $w->{left} } = ();
	close $v->{s};
	ok($w->until(5, sub { @{ $w->{left} } }), 'LEFT when it ends');
	$w->{no_welcome} = 1;
	@{ $w->{arrivals} } = @{ $w->{left} } = ();
	my $gone = RawSocket->dial($w, $KEY);
	$gone->say({ type => 'hello' });
	$w->until(5, sub { @{ $w->{arrivals} } });
	$a = $w->{arrivals}[0];
	close $gone->{s};
	$w->until(0.1, sub { 0 });
	$w->welcome($a, 'MADE');
	ok($w->until(5, sub { grep { $_ == $a->{session} } @{ $w->{left} } }), 'gone before WELCOME: LEFT');
	$w->{no_welcome} = 0;
	ok(RawSocket->visit($w, $KEY), 'and others come in');
};

subtest 'messages' => sub {
	my $v = RawSocket->visit($w, $KEY);
	my $id = $v->{welcome}{visitor};
	my $second = RawSocket->visit($w, $KEY, hello => { token => $v->{welcome}{token} });
	is($second->{welcome}{visitor}, $id, 'two sessions of one visitor');
	$w->{auto} = undef;
	$v->text('c-1', "Where is \x{e9} \"my\" order?\n");
	my $e = $w->wait_event;
	is($e->{kind}, 1, 'EVENT: a message');
	is($e->{visitor}, $id, 'EVENT: visitor');
	is($e->{message_id}, "$id/c-1", 'EVENT: message id');
	is($e->{channel}, $CHANNEL, 'EVENT: channel');
	is($e->{channel_type}, 'web-chatt2me', 'EVENT: channel type');
	cmp_ok(abs($e->{at_us} / 1e6 - time), '<', 3600, 'EVENT: time');
	my $content_of_it = decode_json($e->{body});
	is_deeply($content_of_it, { type => 'text', text => "Where is \x{e9} \"my\" order?\n" }, 'EVENT: body is the content');
	is_deeply([@$e{qw(content_at content_len extra)}], [0, length $e->{body}, 0], 'and says so');
	ok(!$v->wait_where(sub { 1 }, 0.15), 'no ack before EVENT_DONE');
	my $m = Corridor::uuid7(1790000000123);
	$w->done($e, $Corridor::DONE{STORED}, $m);
	is_deeply($v->wait_for('ack'), { type => 'ack', id => 'c-1', message => $m, at => 1790000000123 }, 'ack');
	is_deeply($second->wait_for('message'), { type => 'message', id => $m, direction => 'in', at => 1790000000123, status => 'received',
			client => 'c-1', content => $content_of_it }, 'and the other session has the message');
	for my $case ([REPEAT => 'ack', $m], [REJECTED => 'ack', undef], [BUSY => 'error'], [GONE => 'error'])
	{
		$v->text('c-2');
		$e = $w->wait_event;
		$w->done($e, $Corridor::DONE{ $case->[0] }, $case->[2] ? $m : undef);
		my $f = $v->wait_for($case->[1]);
		is($f->{id}, 'c-2', "EVENT_DONE $case->[0]: $case->[1]");
		is($f->{message}, $case->[2], 'its message') if $case->[1] eq 'ack';
		ok($f->{code} eq 'busy' && $f->{retry_after} > 0, 'busy, with retry_after') if $case->[1] eq 'error';
	}
	is($second->wait_for('message')->{id}, $m, 'a repeat goes to the other session again: it may have missed the first');
	ok(!$second->wait_where(sub { 1 }, 0.1), 'the others concern nobody else');

	my $content = sub { my ($c) = @_; $v->say({ type => 'message', id => 'c-3', content => $c }); return };
	for my $good (
		{ type => 'interactive', interactive => { type => 'button_reply', button_reply => { id => 'track', title => 'Track it' } } },
		{ type => 'interactive', interactive => { type => 'list_reply', list_reply => { id => 'a1', title => 'A-1', description => 'two days ago' } } },
		{ type => 'interactive', interactive => { type => 'list_reply', list_reply => { id => 'a1', title => 'A-1' } } })
	{
		$content->($good);
		$e = $w->wait_event;
		is_deeply(decode_json($e->{body}), $good, 'a content that visitors can send');
		$w->done($e);
		ok($v->wait_for('ack'), 'ack');
	}
	$content->({ type => 'text', text => 'x', html => '<b>', more => { a => 1 } });
	$e = $w->wait_event;
	is_deeply(decode_json($e->{body}), { type => 'text', text => 'x' }, 'nothing else goes with it');
	$w->done($e);
	$v->wait_for('ack');
	for my $bad ({}, { type => 'text' }, { type => 'text', text => '' }, { type => 'text', text => " \t\n\x{a0}\x{3000}" }, { type => 'text', text => 1 },
		{ type => 'image', imageUrl => 'https://x' }, { type => 'interactive' }, { type => 'interactive', interactive => {} },
		{ type => 'interactive', interactive => { type => 'button', button => {} } },
		{ type => 'interactive', interactive => { type => 'button_reply', button_reply => { id => 'x' } } },
		{ type => 'interactive', interactive => { type => 'button_reply', button_reply => { id => 'x' x 257, title => 'x' } } },
		{ type => 'interactive', interactive => { type => 'list_reply', list_reply => { id => 'x', title => 'x', description => [] } } })
	{
		$content->($bad);
		my $f = $v->wait_for('error');
		is($f->{code}, 'bad_content', 'bad_content: ' . JSON::PP->new->canonical->encode($bad)) or diag explain $f;
		is($f->{id}, 'c-3', 'and which');
	}
	for my $bad ({}, { id => 'x' }, { content => {} }, { id => '', content => {} }, { id => 'a b', content => {} }, { id => 'x' x 65, content => {} },
		{ id => 1, content => {} }, { id => 'x', content => [] })
	{
		$v->say({ type => 'message', %$bad });
		is($v->wait_for('error')->{code}, 'bad_message', 'bad_message: ' . JSON::PP->new->canonical->encode($bad));
	}
	$v->say({ type => 'nonsense' });
	is($v->wait_for('error')->{code}, 'unknown_type', 'unknown_type');
	$v->say({ type => 1 });
	is($v->wait_for('error')->{code}, 'bad_message', 'a type that is no string');
	$v->say({});
	is($v->wait_for('error')->{code}, 'bad_message', 'no type');
	ok(!@{ $w->{events} }, 'none of them is an event');
	$w->{auto} = 0;
	$v->text('c-4', 'x' x 16300);
	ok($v->wait_for('ack'), 'a frame just under the limit');
	$v->text('c-5', 'x' x 16400);
	my $f = $v->wait_for('error');
	is($f->{code}, 'too_large', 'just over it: too_large');
	is($f->{id}, 'c-5', 'and which');
	$v->text('c-6');
	ok($v->wait_for('ack'), 'the session goes on');
	$w->configure(max_message_size => 4096);
	is_deeply($v->wait_for('limits'), { type => 'limits', limits => { message => 4096 } }, 'another limit is told to who is there');
	$v->text('c-7', 'x' x 12000);
	is($v->wait_for('error')->{code}, 'too_large', 'what was just right is too large then');
	$v->text('c-8', 'x' x 4000);
	is($v->wait_for('ack')->{id}, 'c-8', 'and the next one goes');
	is(RawSocket->visit($w, $KEY)->{welcome}{limits}{message}, 4096, 'who comes is told so in the welcome');
	$w->configure(max_message_size => 16384);
	is($v->wait_for('limits')->{limits}{message}, 16384, 'and back');
	$w->configure;
	ok(!$v->wait_where(sub { $_[0]{type} eq 'limits' }, 0.1), 'nothing is said while it stays');
};

subtest 'receipts, typing, history, ping' => sub {
	my $v = RawSocket->visit($w, $KEY);
	my $second = RawSocket->visit($w, $KEY, hello => { token => $v->{welcome}{token} });
	my @ids = map { Corridor::uuid7() } 1 .. 3;
	$w->{auto} = undef;
	$v->say({ type => 'delivered', ids => \@ids });
	my @e = map { $w->wait_event } 1 .. 3;
	is_deeply([map { $_->{message_id} } @e], \@ids, 'delivered: one EVENT each');
	is_deeply([map { "$_->{kind} $_->{status} $_->{visitor}" } @e], [("2 delivered $v->{welcome}{visitor}") x 3], 'what it says');
	my $body = decode_json($e[0]{body});
	is_deeply({ %$body, timestamp => 0 }, { eventType => 'MessageStatus', messageId => $ids[0], status => 'delivered', timestamp => 0, channel => 'web-chatt2me' }, 'its body');
	$w->done($_) for @e[0, 1];
	ok(!$v->wait_where(sub { 1 }, 0.1), 'no status before all are done');
	$w->done($e[2], $Corridor::DONE{BUSY});
	is_deeply($v->wait_for('status'), { type => 'status', status => 'delivered', ids => [@ids[0, 1]] }, 'status of those that are stored');
	is_deeply($second->wait_for('status')->{ids}, [@ids[0, 1]], 'to the other session as well');
	$w->{auto} = 0;
	$v->say({ type => 'read', ids => [map { Corridor::uuid7() } 1 .. 100] });
	is(scalar @{ $_->wait_for('status')->{ids} }, 100, '100 at once') for $v, $second;
	for my $bad ({}, { ids => [] }, { ids => ['x'] }, { ids => [map { Corridor::uuid7() } 1 .. 101] }, { ids => $ids[0] })
	{
		$v->say({ type => 'read', %$bad });
		is($v->wait_for('error')->{code}, 'bad_message', 'bad_message');
	}

	$w->{typed} = 0;
	$v->say({ type => 'typing' }) for 1 .. 5;
	$v->say({ type => 'ping' });
	ok($v->wait_for('pong'), 'pong');
	ok($w->until(5, sub { $w->{typed} }), 'TYPED');
	is($w->{typed}, 1, 'once for five');
	$w->typing($CHANNEL, $v->{welcome}{visitor});
	ok($v->wait_for('typing') && $second->wait_for('typing'), 'TYPING reaches all sessions');
	my $upto = Corridor::uuid7();
	$w->status($CHANNEL, $v->{welcome}{visitor}, $upto, 'read');
	is_deeply($v->wait_for('status'), { type => 'status', status => 'read', upto => $upto }, 'STATUS');
	is($second->wait_for('status')->{upto}, $upto, 'reaches all sessions');
	$w->typing($OTHER, $v->{welcome}{visitor});
	ok(!$v->wait_where(sub { 1 }, 0.1), 'but not those of the same name elsewhere');
	$w->tell('RETRACTED', channel => $CHANNEL, visitor => $v->{welcome}{visitor}, message => $upto);
	is_deeply($_->wait_for('retracted'), { type => 'retracted', ids => [$upto] }, 'RETRACTED reaches all sessions') for $v, $second;
	$w->tell('RETRACTED', channel => $OTHER, visitor => $v->{welcome}{visitor}, message => $upto);
	ok(!$v->wait_where(sub { 1 }, 0.1), 'of that channel');

	@{ $w->{asked} } = ();
	$v->say({ type => 'history', before => $upto });
	$w->until(5, sub { @{ $w->{asked} } });
	my $session = $w->{asked}[0]{session};
	is_deeply($w->{asked}[0], { session => $session, channel => $CHANNEL, visitor => $v->{welcome}{visitor}, before => $upto }, 'HISTORY_ASK');
	$v->say({ type => 'history', before => $upto });
	is($v->wait_for('error')->{code}, 'rate', 'one page at a time');
	$w->history($session, $upto, 1, '[{"id":"x"}]');
	is_deeply($v->wait_for('history'), { type => 'history', before => $upto, messages => [{ id => 'x' }], more => JSON::PP::true }, 'history');
	$w->history($session, $upto, 0, '[]');
	$v->say({ type => 'history', before => $upto });
	$w->until(5, sub { @{ $w->{asked} } == 2 });
	$w->history($session, $upto, 0, '', 1);
	is($v->wait_for('error')->{code}, 'busy', 'one that could not be read now');
	$v->say({ type => 'history', before => 'x' });
	is($v->wait_for('error')->{code}, 'bad_message', 'bad_message');
	ok(!$v->wait_for('history', 0.05), 'what was not asked for is not told');
	$v->put(RawSocket::frame(9, 'are you there'));
	is($v->wait_opcode(10)->{payload}, 'are you there', 'a ping of RFC 6455');
	$v->put(RawSocket::frame(10, 'unasked'));
	$v->say({ type => 'ping' });
	ok($v->wait_for('pong'), 'an unasked pong does no harm');
};

subtest 'where a visitor is' => sub {
	my @said = qw(page_url page_title locale time_zone);
	my $of_hello = sub {
		my (%hello) = @_;
		@{ $w->{arrivals} } = ();
		my $v = RawSocket->visit($w, $KEY, hello => \%hello);
		return ($v, [map { Encode::decode('UTF-8', $_) } @{ $w->{arrivals}[0] }{@said}]) };
	my ($v, $said) = $of_hello->(url => "$ORIGIN/shoes/red", title => "Red \x{2603} shoes", locale => 'pt-BR', timeZone => 'America/Sao_Paulo');
	is_deeply($said, ["$ORIGIN/shoes/red", "Red \x{2603} shoes", 'pt-BR', 'America/Sao_Paulo'], 'ARRIVED has what hello said');
	is_deeply(($of_hello->())[1], [('') x 4], 'nothing where nothing was said');
	# what is not as it may be is left out, and the rest counts
	for my $case (
		['a query', "$ORIGIN/a?token=secret", "$ORIGIN/a"], ['a fragment', "$ORIGIN/a#secret", "$ORIGIN/a"],
		['a query without a path', "$ORIGIN?secret", $ORIGIN], ['a host in capitals', 'https://WWW.example.com:443/a', "$ORIGIN/a"],
		['a path of 999 bytes', "$ORIGIN/" . 'a' x (999 - length $ORIGIN), "$ORIGIN/" . 'a' x (999 - length $ORIGIN)],
		['a path that is too long', "$ORIGIN/" . 'a' x 1000, ''], ['one that is huge', "$ORIGIN/" . 'a' x 12000, ''],
		['a long query', "$ORIGIN/a?" . 'x' x 5000, "$ORIGIN/a"],
		['another origin', 'https://evil.example.net/a', ''], ['another port', "$ORIGIN:8443/a", ''], ['http for https', 'http://www.example.com/', ''],
		['an origin that only begins so', "$ORIGIN.evil.net/", ''], ['a user', 'https://ana:secret@www.example.com/', ''],
		['a user that looks like the host', 'https://www.example.com@evil.net/', ''], ['a backslash', 'https://www.example.com\\@evil.net/', ''],
		['javascript:', 'javascript:alert(1)//https://www.example.com/', ''], ['data:', 'data:text/html,x', ''], ['blob:', "blob:$ORIGIN/x", ''],
		['no address', 'x', ''], ['nothing', '', ''], ['blanks', " $ORIGIN/", ''], ['markup', "$ORIGIN/<b>", ''], ['quotes', "$ORIGIN/\"x", ''],
		['a line break', "$ORIGIN/\na", ''], ['what is not ASCII', "$ORIGIN/\x{e9}", ''], ['NUL', "$ORIGIN/\0", ''],
		['a number', 1, ''], ['an object', {}, ''], ['a list', ["$ORIGIN/"], ''], ['null', undef, ''])
	{
		my ($name, $url, $want) = @$case;
		my $got = ($of_hello->(url => $url, title => 'T', locale => 'pt'))[1];
		is_deeply($got, [$want, $want eq '' ? '' : 'T', 'pt', ''], "$name: " . ($want eq '' ? 'left out' : 'what is left of it'));
	}
	for my $case (['200 characters', "\x{2603}" x 200, "\x{2603}" x 200], ['more', "\x{1f600}" x 300, "\x{1f600}" x 200], ['lines', "a\nb\tc", 'a b c'],
		['markup', '<script>"\'&', '<script>"\'&'], ['a number', 1, ''], ['an object', {}, ''])
	{
		is(($of_hello->(url => "$ORIGIN/", title => $case->[1]))[1][1], $case->[2], "a title: $case->[0]");
	}
	$v = RawSocket->dial($w, $KEY);
	@{ $w->{arrivals} } = ();
	$v->say(qq({"type":"hello","url":"$ORIGIN/","title":"half \\ud83d, \\u0000","locale":"\\ud800","timeZone":1e400}));
	ok($v->wait_for('welcome'), 'half characters and NUL do no harm');
	is(Encode::decode('UTF-8', $w->{arrivals}[0]{page_title}), "half \x{fffd}, \x{fffd}", 'and are mended');
	for my $good ('pt', 'zh-Hant-TW', 'de-CH-1901', 'i-klingon') { is(($of_hello->(locale => $good))[1][2], $good, "a language: $good") }
	for my $bad ('', 'p t', 'pt_BR', '-pt', 'pt-', 'pt--BR', '1x', 'pt-' . 'x' x 9, 'a-' x 20 . 'a', "pt\n", "\x{e9}", '<b>', 1, [], undef)
	{
		is(($of_hello->(locale => $bad))[1][2], '', 'no language: ' . ($bad // 'null'));
	}
	for my $good ('UTC', 'Etc/GMT+5', 'America/Argentina/Buenos_Aires') { is(($of_hello->(timeZone => $good))[1][3], $good, "a time zone: $good") }
	for my $bad ('', '+01:00', '../x', 'A B', 'x' x 65, "UTC\0", '<b>', 1, {}, undef) { is(($of_hello->(timeZone => $bad))[1][3], '', 'no time zone: ' . ($bad // 'null')) }

	# another page
	$v = RawSocket->visit($w, $KEY);
	@{ $w->{pages} } = ();
	$v->say({ type => 'page', url => "$ORIGIN/b?secret#too", title => 'B' });
	$w->until(5, sub { @{ $w->{pages} } });
	is_deeply($w->{pages}[0], { channel => $CHANNEL, visitor => $v->{welcome}{visitor}, url => "$ORIGIN/b", title => 'B' }, 'PAGE');
	@{ $w->{pages} } = ();
	for my $bad ({}, { url => 1 }, { url => 'javascript:alert(1)' }, { url => 'https://evil.example.net/' }, { url => [], title => {} }, { title => 'T' })
	{
		$v->say({ type => 'page', %$bad });
	}
	$v->say({ type => 'ping' });
	ok($v->wait_for('pong'), 'what is no page of the site is passed over without a word');
	is(scalar @{ $w->{pages} }, 0, 'and without a PAGE');
	$v->say({ type => 'page', url => "$ORIGIN/$_" }) for 1 .. 20;
	$v->say({ type => 'ping' });
	ok($v->wait_for('pong'), 'twenty at once end no session');
	cmp_ok(scalar @{ $w->{pages} }, '<=', 3, 'but few of them are told');
	ok(!$v->wait_where(sub { 1 }, 0.1), 'nothing is acknowledged');
	my $x = RawSocket->dial($w, $KEY);
	$x->say({ type => 'page', url => "$ORIGIN/" });
	is($x->closed, 1008, 'not before hello');
};

subtest 'who answers' => sub {
	my $v = RawSocket->visit($w, $KEY);
	my $m = Corridor::uuid7(1790000000000);
	my $author = { name => 'Ana "the" Best', avatar => 'https://example.com/a.png' };
	$w->send_local(20, $CHANNEL, $v->{welcome}{visitor}, $m, '{"text":"Hi"}', JSON::PP::encode_json($author));
	is(outcome($w)->{result}, 0, 'a message with its author');
	is_deeply($v->wait_for('message'), { type => 'message', id => $m, direction => 'out', at => 1790000000000, status => 'sent', author => $author,
			content => { text => 'Hi' } }, 'says who wrote it');
};

subtest 'pushes' => sub {
	my $v = RawSocket->visit($w, $KEY);
	my $second = RawSocket->visit($w, $KEY, hello => { token => $v->{welcome}{token} });
	my $other = RawSocket->visit($w, $KEY);
	my $m = Corridor::uuid7(1790000000000);
	$w->send_local(7, $CHANNEL, $v->{welcome}{visitor}, $m, '{"text":"It is on its way."}');
	my $o = outcome($w);
	is($o->{token}, 7, 'OUTCOME: token');
	is($o->{result}, 0, 'OUTCOME: accepted');
	is($o->{hub_status}, 'sent', 'OUTCOME: sent');
	is($o->{hub_message_id}, $m, 'OUTCOME: the message is its own id');
	is_deeply($_->wait_for('message'), { type => 'message', id => $m, direction => 'out', at => 1790000000000, status => 'sent',
			content => { text => 'It is on its way.' } }, 'the message') for $v, $second;
	ok(!$other->wait_where(sub { 1 }, 0.1), 'nobody else has it');
	for my $case ([$CHANNEL, Corridor::uuid7()], [$OTHER, $v->{welcome}{visitor}], [$CHANNEL, 'nonsense'])
	{
		$w->send_local(8, @$case, $m, '{"text":"x"}');
		$o = outcome($w);
		is($o->{result}, 1, 'nobody there: NO_SESSION');
		is($o->{error_code}, 'session_not_found', 'session_not_found');
	}
	close $second->{s};
	$v->say({ type => 'ping' });
	$v->wait_for('pong');
	$w->send_local(9, $CHANNEL, $v->{welcome}{visitor}, $m, '{"text":"' . 'y' x 70000 . '"}');
	is(outcome($w)->{result}, 0, 'a message of 70 kB');
	is(length $v->wait_for('message')->{content}{text}, 70000, 'comes whole');
	$v->put(RawSocket::frame(8, pack('n', 1000) . 'bye'));
	is($v->closed, 1000, 'the client closes: its code comes back');
	ok($v->ends, 'and the end');
	$w->send_local(10, $CHANNEL, $v->{welcome}{visitor}, $m, '{"text":"x"}');
	is(outcome($w)->{result}, 1, 'then nobody is there');
};

subtest 'sessions that are ended' => sub {
	my $made = RawSocket->visit($w, $KEY);
	my $token = $made->{welcome}{token};
	my $id = $made->{welcome}{visitor};
	$known{ sha256('wct_second') } = $id;
	my $known = RawSocket->visit($w, $KEY, hello => { token => $token });
	my $second = RawSocket->visit($w, $KEY, hello => { token => 'wct_second' });
	$w->tell('VISITOR_END', channel => $CHANNEL, visitor => $id, token_hash => sha256('another'));
	$_->say({ type => 'ping' }) for $made, $known, $second;
	ok($_->wait_for('pong'), 'a token that nobody used ends nothing') for $made, $known, $second;
	$w->tell('VISITOR_END', channel => $CHANNEL, visitor => $id, token_hash => sha256($token));
	is($_->closed, 4011, 'those of a token: 4011') for $made, $known;
	$second->say({ type => 'ping' });
	ok($second->wait_for('pong'), 'and no others of that visitor');
	$w->tell('VISITOR_END', channel => $OTHER, visitor => $id);
	$second->say({ type => 'ping' });
	ok($second->wait_for('pong'), 'nor on another channel');
	$w->tell('VISITOR_END', channel => $CHANNEL, visitor => $id);
	is($second->closed, 4011, 'without a token all of them');
};

# What follows hello on a socket must end it with that code.
sub ends_with
{
	my ($name, $code, @frames) = @_;
	my $v = RawSocket->visit($w, $KEY);
	$v->put($_) for @frames;
	is($v->closed, $code, "$name: $code");
	ok($v->ends, "$name: and the end");
	return;
}

subtest 'close codes of RFC 6455' => sub {
	my $ping = '{"type":"ping"}';
	ends_with('unmasked', 1002, RawSocket::frame(1, $ping, mask => 0));
	ends_with('a reserved bit', 1002, RawSocket::frame(1, $ping, rsv => $_)) for 1, 2, 4;
	ends_with("opcode $_", 1002, RawSocket::frame($_, $ping)) for 3, 7, 11, 15;
	ends_with('a continuation of nothing', 1002, RawSocket::frame(0, $ping));
	ends_with('a new message inside of one', 1002, RawSocket::frame(1, '{"type":', fin => 0), RawSocket::frame(1, '"ping"}'));
	ends_with('a control frame of 126 bytes', 1002, RawSocket::frame(9, 'x' x 126));
	ends_with('a control frame in pieces', 1002, RawSocket::frame(9, 'x', fin => 0));
	ends_with('a length that is longer than needed', 1002, pack('CCnN', 0x81, 0x80 | 126, 5, 0) . 'hello');
	ends_with('a length with its highest bit', 1002, pack('CCQ>N', 0x81, 0x80 | 127, 1 << 63, 0));
	ends_with('a close code that is not allowed', 1002, RawSocket::frame(8, pack('n', $_))) for 999, 1005, 1006, 1015, 2999, 65535;
	ends_with('a close code of one byte', 1002, RawSocket::frame(8, 'x'));
	ends_with('a close frame without a code', 1005, RawSocket::frame(8, ''));
	ends_with('garbage', 1002, "\x00\x01\x02\x03" x 4);
	ends_with('binary', 1003, RawSocket::frame(2, $ping));
	ends_with('bad UTF-8', 1007, RawSocket::frame(1, qq({"type":"\xff"})));
	ends_with('half a character', 1007, RawSocket::frame(1, qq({"type":"\xc3")));
	ends_with('a surrogate', 1007, RawSocket::frame(1, qq({"type":"\xed\xa0\x80"})));
	ends_with('bad UTF-8 in a close frame', 1007, RawSocket::frame(8, pack('n', 1000) . "\xff"));
	ends_with('over 1 MB', 1009, RawSocket::frame(1, 'x' x 1_100_000));
	ends_with('too large, said in the head', 1009, pack('CCQ>N', 0x81, 0x80 | 127, 1 << 40, 0) . 'x');
	ends_with('over 1 MB in pieces', 1009, RawSocket::frame(1, 'x' x 600_000, fin => 0), RawSocket::frame(0, 'x' x 600_000));

	my $v = RawSocket->visit($w, $KEY);
	my $long = '{"type":"message","id":"long-1","content":{"type":"text","text":"' . 'x' x 100_000 . '"}}';
	for my $case (
		['a frame far over the limit', 'too_large', 'long-1', RawSocket::frame(1, $long)],
		['one that begins otherwise', 'too_large', 'long-2', RawSocket::frame(1, '{"content":{"id":"no"}, "id" : "long-2","text":"' . 'x' x 20000 . '"}')],
		['one whose id is too far back', 'too_large', undef, RawSocket::frame(1, '{"type":"message","x":"' . 'x' x 20000 . '","id":"long-3"}')],
		['one in pieces', 'too_large', 'long-1', RawSocket::frame(1, substr($long, 0, 9000), fin => 0), RawSocket::frame(10, ''), RawSocket::frame(0, substr($long, 9000))],
		['one of 1 MB', 'too_large', undef, RawSocket::frame(1, 'x' x (1024 * 1024))],
		['no JSON', 'bad_message', undef, RawSocket::frame(1, 'hello')],
		['JSON that breaks off', 'bad_message', 'c-9', RawSocket::frame(1, '{"type":"message","id":"c-9","content":{"type":"text","text":"x"}')],
		['an empty frame', 'bad_message', undef, RawSocket::frame(1, '')],
		['an array', 'bad_message', undef, RawSocket::frame(1, '[]')],
		['two objects', 'bad_message', undef, RawSocket::frame(1, '{}{}')],
		['a member twice', 'bad_message', 'c-8', RawSocket::frame(1, '{"type":"message","id":"c-8","type":"ping"}')],
		['nested 8,000 deep', 'bad_message', undef, RawSocket::frame(1, '{"type":' . '[' x 8000)])
	{
		my ($name, $code, $id, @pieces) = @$case;
		$v->put(join('', @pieces) . RawSocket::frame(1, '{"type":"message","id":"behind","content":{"type":"text","text":"x"}}'));
		my $f = $v->wait_for('error') // {};
		is($f->{code}, $code, "$name: $code");
		is($f->{id}, $id, 'and which it was');
		is(($v->wait_for('ack') // {})->{id}, 'behind', 'what comes behind it is taken');
	}
	my $hello = RawSocket->dial($w, $KEY);
	$hello->say({ type => 'hello', x => 'x' x 20000 });
	is($hello->closed, 1009, 'a hello of 20 kB: 1009');
	$v->put(RawSocket::frame(1, '{"type":"ping\u0000"}'));
	is(($v->wait_for('error') // {})->{code}, 'unknown_type', 'a NUL in a string is mended, and ends nothing');
	$v->put(RawSocket::frame(1, '{"ty', fin => 0) . RawSocket::frame(9, 'in between') . RawSocket::frame(0, 'pe":"pi', fin => 0)
		  . RawSocket::frame(0, '', fin => 0) . RawSocket::frame(0, 'ng"}'));
	is($v->wait_opcode(10)->{payload}, 'in between', 'a ping between fragments');
	ok($v->wait_for('pong'), 'a message in fragments is whole');
	my $raw = RawSocket::frame(1, '{"type":"message","id":"bb","content":{"type":"text","text":"' . "\xc3\xa9" x 200 . '"}}');
	for my $byte (split //, $raw) { $v->put($byte); $w->take }
	ok($v->wait_for('ack'), 'byte for byte');
	$v->put(join '', map { RawSocket::frame(1, $ping) } 1 .. 50);
	is(scalar(grep { $v->wait_for('pong') } 1 .. 50), 50, '50 frames in one segment');

	for my $case (['another frame before hello', '{"type":"ping"}'], ['not JSON before hello', 'x'], ['an unknown type before hello', '{"type":"x"}'],
		['a message before hello', '{"type":"message","id":"x","content":{"type":"text","text":"x"}}'])
	{
		my $x = RawSocket->dial($w, $KEY);
		$x->say($case->[1]);
		is($x->closed, 1008, "$case->[0]: 1008");
	}
	my $s = $w->dial;
	my $x = RawSocket->new($w, $s);
	$w->put($s, head() . RawSocket::frame(1, '{"type":"hello"}') . RawSocket::frame(1, $ping));
	$x->upgraded;
	ok($x->wait_for('welcome') && $x->wait_for('pong'), 'frames right behind the head are taken');
	$s = $w->dial;
	$x = RawSocket->new($w, $s);
	$w->put($s, head() . "garbage behind the head, not a frame");
	$x->upgraded;
	is($x->closed, 1002, 'garbage behind the head: 1002');
	$s = $w->dial;
	$x = RawSocket->new($w, $s);
	$w->put($s, head() . "GET /metrics HTTP/1.1\r\nHost: t\r\n\r\n");
	$x->upgraded;
	is($x->closed, 1002, 'a request behind the head: 1002');
};

subtest 'limits of rates' => sub {
	my $h = open_hub(visitor_rate => 60, visitor_burst => 5, address_rate => 6000, address_burst => 8, new_visitor_rate => 4);
	my $v = RawSocket->visit($h, $KEY);
	# in one piece: a second between the first and the last would let one more in
	my $burst = sub { my ($name, $n) = @_; return join '', map { RawSocket::frame(1, qq({"type":"message","id":"$name$_","content":{"type":"text","text":"x"}})) } 1 .. $n };
	$v->put($burst->('m', 7));
	my @f = map { $v->wait_where(sub { $_[0]{type} =~ /^(ack|error)$/ }) } 1 .. 7;
	is(scalar(grep { $_->{type} eq 'ack' } @f), 5, 'a burst of 5 is taken');
	my ($rate) = grep { $_->{type} eq 'error' } @f;
	is($rate->{code}, 'rate', 'then: rate');
	like($rate->{id}, qr/^m[67]$/, 'and which');
	cmp_ok($rate->{retry_after}, '>', 0, 'retry_after');
	cmp_ok($rate->{retry_after}, '<=', 1000, 'of a second at most');
	my $ack;
	$h->until(5, sub { $v->text('m6'); $ack = $v->wait_where(sub { $_[0]{type} =~ /^(ack|error)$/ }); $h->until(0.3, sub { 0 }); $ack->{type} eq 'ack' });
	is($ack->{id}, 'm6', 'which is taken later, though it was tried in between');
	my $twin = RawSocket->visit($h, $KEY, hello => { token => $v->{welcome}{token} });
	$twin->put($burst->('t', 5));
	@f = map { $twin->wait_where(sub { $_[0]{type} =~ /^(ack|error)$/ }) } 1 .. 5;
	ok((grep { ($_->{code} // '') eq 'rate' } @f), 'a second session has no tokens of its own');
	my $u = RawSocket->visit($h, $KEY);
	$h->configure(address_rate => 1, address_burst => 1);
	settle($h);
	$u->text("u$_") for 1 .. 4;
	@f = map { $u->wait_where(sub { $_[0]{type} =~ /^(ack|error)$/ }) } 1 .. 4;
	ok((grep { ($_->{code} // '') eq 'rate' } @f), 'an address has a rate, too');
	cmp_ok((map { $_->{retry_after} // () } @f)[-1] // 0, '>', 2000, 'which changes at run time');

	my $x = RawSocket->visit($h, $KEY) for 1 .. 2;
	$x = RawSocket->dial($h, $KEY);
	$x->say({ type => 'hello' });
	is($x->closed, 1013, 'too many new visitors from one address: 1013');
	$x = RawSocket->dial($h, $KEY);
	$x->say({ type => 'hello', token => 'wct_' . 'y' x 43 });
	is($x->closed, 1013, 'also with a token that is not known');
	is($h->{arrivals}[-1]{may_make}, 0, 'as the worker was told');
	ok(RawSocket->visit($h, $KEY, hello => { token => $v->{welcome}{token} }), 'a known visitor is welcome');

	$v = $u;
	for (1 .. 300) { $v->text('flood') }
	is($v->closed, 4029, 'who goes on in spite of it: 4029');
	$v = RawSocket->visit($h, $KEY, hello => { token => $v->{welcome}{token} });
	$v->put(RawSocket::frame(1, '{"type":"ping"}') x 150);
	ok($v->wait_where(sub { ($_[0]{code} // '') eq 'rate' }), 'frames that are no messages have a rate, too');
	$v->put(RawSocket::frame(9, '') x 300);
	is($v->closed, 4029, 'and pings');
	is($h->close_door, 0, 'and it ends');
};

subtest 'what is stored for an address' => sub {
	my $h = open_hub(address_kb_per_hour => 64);
	my $v = RawSocket->visit($h, $KEY);
	my $taken = 0;

	for my $n (1 .. 20)
	{
		$v->say({ type => 'message', id => "m$n", content => { type => 'text', text => 'x' x 10000 } });
		my $f = $v->wait_where(sub { $_[0]{type} =~ /^(ack|error)$/ });
		$taken++ if $f->{type} eq 'ack';
		last if $f->{type} eq 'error' && is($f->{code}, 'rate', 'it has a rate') && cmp_ok($f->{retry_after}, '>', 1000, 'and takes its time');
	}
	# the first newcomer costs one of the 64 kB, each message 11; the last may go over it
	is($taken, 6, 'as many as fit');
	my $x = RawSocket->dial($h, $KEY);
	$x->say({ type => 'hello' });
	is($x->closed, 1013, 'a newcomer is stored as well: 1013');
	ok(RawSocket->visit($h, $KEY, hello => { token => $v->{welcome}{token} }), 'a known visitor is welcome');
	is($h->close_door, 0, 'and it ends');

	# Receipts, also of messages that are none: each visitor's have a rate, but visitors are cheap.
	$h = open_hub(address_kb_per_hour => 64);
	$taken = 0;
	for my $v (map { RawSocket->visit($h, $KEY, local => '127.0.0.2') } 1 .. 4)
	{
		$v->say({ type => 'read', ids => [map { Corridor::uuid7() } 1 .. 100] });
		my $f = $v->wait_where(sub { $_[0]{type} =~ /^(status|error)$/ });
		$taken++ if $f->{type} eq 'status';
		last if $f->{type} eq 'error' && is($f->{code}, 'rate', 'receipts have it, too');
	}
	# a hundred cost 25 of the 64 kB
	is($taken, 3, 'as many as fit');
	is($h->{nevents}, 300, 'and the worker hears of no more');
	is($h->close_door, 0, 'and it ends');
};

subtest 'pages of history' => sub {
	my $h = open_hub(hello_rate => 20);
	my @v = map { RawSocket->visit($h, $KEY) } 1 .. 18;

	# two of the twenty are left, and one more comes every three seconds
	$_->say({ type => 'history', before => Corridor::uuid7() }) for @v;
	for my $v (@v)
	{
		$v->say({ type => 'ping' });
		$v->wait_for('pong') or die 'silence';
	}
	settle($h);
	cmp_ok(scalar @{ $h->{asked} }, '>=', 2, 'an address has as many of them as hellos');
	cmp_ok(scalar @{ $h->{asked} }, '<', 18, 'and no more: the worker looks up each');
	my ($late) = grep { $_->{type} eq "error" } map { @{ $_->{frames} } } @v;
	is($late->{code}, 'rate', 'who asks too early is told so');
	cmp_ok($late->{retry_after}, '>', 0, 'and when to ask again');
	is($h->close_door, 0, 'and it ends');
};

subtest 'hellos' => sub {
	my $h = open_hub(hello_rate => 5);
	my $v = RawSocket->visit($h, $KEY);
	my %known = (hello => { token => $v->{welcome}{token} });
	my $x;

	RawSocket->visit($h, $KEY, %known) for 1 .. 4;
	my $arrivals = @{ $h->{arrivals} };
	for (1 .. 20)
	{
		$x = RawSocket->dial($h, $KEY);
		$x->say({ type => 'hello', %{ $known{hello} } });
		is($x->closed, 1013, 'too many hellos from one address: 1013') if $_ % 10 == 0;
	}
	settle($h);
	is(scalar @{ $h->{arrivals} }, $arrivals, 'of which the worker hears nothing');
	$x = RawSocket->dial($h, $KEY, local => '127.0.0.2');
	$x->say({ type => 'hello' });
	ok($x->wait_for('welcome'), 'another address is not hindered');
	RawSocket->visit($h, $KEY, local => '127.0.0.3', %known);
	$x = RawSocket->dial($h, $KEY, local => '127.0.0.4');
	$x->say({ type => 'hello', %{ $known{hello} } });
	is($x->closed, 1013, 'but not with that token, which has come often enough');
	$v->say({ type => 'ping' });
	ok($v->wait_for('pong'), 'who is there stays there');
	$arrivals = @{ $h->{arrivals} };
	$v->put(RawSocket::frame(1, '{"type":"hello"}') x 130);
	is($v->closed, 4029, 'a session that says hello again and again: 4029');
	is(scalar @{ $h->{arrivals} }, $arrivals, 'of which the worker hears nothing either');
	is($h->close_door, 0, 'and it ends');
};

subtest 'connections' => sub {
	my $h = open_hub(max_visitors => 6, max_visitors_per_address => 3);
	my @v = map { RawSocket->visit($h, $KEY) } 1 .. 3;
	my $r = refused('a fourth from one address', 429, 'too_many_visitors_from_address', head(), $h);
	like($r->{head}, qr/^Retry-After: \d+\r?$/m, 'Retry-After');
	is($h->once("GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n")->{status}, 200, 'HTTP is served all the same');
	push @v, map { RawSocket->visit($h, $KEY, local => '127.0.0.2') } 1 .. 3;
	my $s = $h->dial('127.0.0.3');
	$h->put($s, head());
	$r = $h->answer($s);
	is($r->{status}, 503, 'a seventh in all');
	like($r->{body}, qr/"too_many_visitors"/, 'its code');
	like($r->{head}, qr/^Retry-After: \d+\r?$/m, 'Retry-After');
	close $v[0]{s};
	ok($h->until(60, sub { eval { $v[0] = RawSocket->visit($h, $KEY, hello => { token => $v[1]{welcome}{token} }) } }), 'one less: there is room again');
	ok($h->until(60, sub { $h->{stats} && $h->{stats}{visitors} == 6 }), 'STATS: 6 visitors');
	$r = $h->once("GET /metrics HTTP/1.1\r\nHost: t\r\n\r\n");
	like($r->{body}, qr/^webchatt_visitors 6$/m, 'metrics: visitors');
	like($r->{body}, qr/^webchatt_http_refused_total\{status="429",reason="too_many_visitors_from_address"\} [1-9]/m, 'metrics: refusals');
	$h->configure(max_visitors => 100, max_visitors_per_address => 100, hello_timeout_ms => 1200, head_timeout_ms => 1000);
	settle($h);
	my $slow = RawSocket->dial($h, $KEY);
	is($slow->closed, 4008, 'no hello in time: 4008');
	$slow = RawSocket->dial($h, $KEY);
	$h->until(60, sub { $slow->put(RawSocket::frame(9, '')); $slow->closed(0.03) });
	is($slow->{code}, 4008, 'also with pings in between');
	$slow = $h->dial;
	$h->put($slow, substr(head(), 0, 100));
	my $a;
	$h->until(5, sub { syswrite($slow, 'x'); $h->until(0.03, sub { 0 }); $a = $h->answer($slow, 0.001); $a });
	is($a->{status}, 408, 'a head that trickles: 408');
	$slow = $h->dial;
	$h->put($slow, 'GET /communication/');
	is(($h->answer($slow) // {})->{status}, 408, 'a beginning that goes no further: 408');
	$slow = $h->dial;
	ok($h->closes($slow), 'a silent connection is closed');
	$h->configure(hello_timeout_ms => 180000, head_timeout_ms => 180000);
	settle($h);

	my @s = map { RawSocket->visit($h, $KEY, hello => { token => $v[1]{welcome}{token} }) } 3 .. 16;
	my $alive = sub { my ($s) = @_; $s->say({ type => 'ping' }); return $s->wait_for('pong') };
	is(scalar(grep { $alive->($_) } @v[0, 1], @s), 16, 'a visitor has 16 sessions');
	$_->say({ type => 'typing' }) for $v[1], $s[0];
	$alive->($_) for $v[1], $s[0];
	my $last = RawSocket->visit($h, $KEY, hello => { token => $v[1]{welcome}{token} });
	is($v[0]->closed, 4012, 'one more takes the place of the one that has been idle longest: 4012');
	is(scalar(grep { $alive->($_) } $v[1], @s, $last), 16, 'and no other');
	is($h->close_door, 0, 'and it ends');
};

subtest 'silence' => sub {
	my $h = open_hub(ping_interval_ms => 400);
	my ($v, $gap, $pinged, $again);
	# unless this machine is so slow that there were gaps between our words: then once more
	for (1 .. 50)
	{
		$v = RawSocket->visit($h, $KEY);
		$pinged = $v->wait_opcode(9);
		$v->put(RawSocket::frame(10, ''));
		$again = $v->wait_opcode(9);
		my $last = time;
		$gap = 0;
		$h->until(1.2, sub {
			$v->say({ type => 'ping' });
			$h->until(0.05, sub { 0 });
			$v->fill;
			$gap = time - $last if time - $last > $gap;
			$last = time;
			0 });
		last if $gap < 0.4 && $again && !$v->{ended};
	}
	ok($pinged, 'a silent client is pinged');
	ok($again, 'and again, when it answers');
	ok($gap < 0.4 && !$v->{ended}, 'what it says counts as well');
	is($v->closed, 1006, 'one that does not answer is cut');
	$h->configure(ping_interval_ms => 180000, hello_timeout_ms => 1500);
	settle($h);
	$v = RawSocket->visit($h, $KEY);
	$v->put(substr(RawSocket::frame(1, '{"type":"ping"}'), 0, 8));
	is($v->closed, 1008, 'a frame that does not come to its end: 1008');
	# Whatever is read ends within a frame, and each comes to its end soon.
	my $frame = RawSocket::frame(1, '{"type":"ping"}');
	for (1 .. 50)
	{
		$v = RawSocket->visit($h, $KEY);
		$v->put(substr($frame, 0, 8));
		my $last = time;
		$gap = 0;
		$h->until(4, sub {
			$v->put(substr($frame, 8) . substr($frame, 0, 8));
			$h->until(0.05, sub { 0 });
			$v->fill;
			$gap = time - $last if time - $last > $gap;
			$last = time;
			return $v->{ended} });
		last if $gap < 1 && !$v->{ended};
	}
	ok($gap < 1 && !$v->{ended}, 'who always has begun another may go on') or diag('closed with ' . ($v->{code} // 'none') . ", $gap s");
	is($h->close_door, 0, 'and it ends');
};

subtest 'slow readers' => sub {
	my $h = open_hub(visitor_buffer => 65536);
	my $narrow = $h->dial;
	setsockopt($narrow, SOL_SOCKET, SO_RCVBUF, 65536);
	my $slow = RawSocket->visit($h, $KEY, socket => $narrow);
	my $good = RawSocket->visit($h, $KEY);
	my $m = Corridor::uuid7();
	my $text = '{"text":"' . 'z' x 30000 . '"}';
	my $n = 0;
	my $o;
	do { $h->send_local(1, $CHANNEL, $slow->{welcome}{visitor}, $m, $text); $o = outcome($h); $n++ } while ($o->{result} == 0 && $n < 2000);
	my $given_up = time;
	is($o->{result}, 1, "a client that does not read is given up after $n messages of 30 kB");
	# visitor_buffer, what the kernel keeps here (256 kB) and at the client, and the message that was too much
	cmp_ok($n * 30000, '<', 65536 + 262144 + 2 * 131072 + 30000, 'before the kernel keeps much for it') or diag("$n messages");
	$h->send_local(2, $CHANNEL, $good->{welcome}{visitor}, $m, $text);
	is(outcome($h)->{result}, 0, 'others are served');
	ok($good->wait_for('message'), 'at once');
	# for two seconds; on a busy machine TCP may take longer for what is before it
	my $code = $slow->closed(30);
	is($code, $code == 1006 && time - $given_up > 2 ? 1006 : 4009, 'when it reads again, it reads 4009');
	is(scalar(grep { ($_->{type} // '') eq 'message' } @{ $slow->{frames} }) <= $n, 1, 'behind whole frames');
	my $pings = RawSocket->visit($h, $KEY);
	is($h->close_door, 0, 'and it ends');
};

subtest 'a worker that is slow' => sub {
	my $h = open_hub(max_waiting => 20, ack_timeout_ms => 180000);
	$h->{auto} = undef;
	my $v = RawSocket->visit($h, $KEY);
	$v->text("m$_") for 1 .. 40;
	$h->until(60, sub { @{ $h->{events} } >= 16 });
	$h->until(0.3, sub { 0 });
	is(scalar @{ $h->{events} }, 16, 'no more than 16 messages of one session wait');
	my $u = RawSocket->visit($h, $KEY);
	$u->text("u$_") for 1 .. 40;
	$h->until(60, sub { @{ $h->{events} } >= 20 });
	$h->until(0.3, sub { 0 });
	is(scalar @{ $h->{events} }, 20, 'and no more than max_waiting of all');
	my $cpu = $h->cpu_seconds;
	$h->until(0.5, sub { 0 });
	cmp_ok($h->cpu_seconds - $cpu, '<', 0.2, 'no spinning');
	my $done = 0;
	$h->until(10, sub { while (my $e = shift @{ $h->{events} }) { $h->done($e); $done++ } $done == 80 });
	is($done, 80, 'all of them come when it goes on');
	is(scalar(grep { ($v->wait_for('ack') // {})->{id} eq "m$_" } 1 .. 40), 40, 'and all acks, in order');
	is(scalar(grep { ($u->wait_for('ack') // {})->{id} eq "u$_" } 1 .. 40), 40, 'of both');
	$v->say({ type => 'read', ids => [map { Corridor::uuid7() } 1 .. 100] }) for 1 .. 2;
	$h->until(60, sub { @{ $h->{events} } >= 20 });
	$h->until(0.3, sub { 0 });
	is(scalar @{ $h->{events} }, 20, 'receipts are bounded as well');
	$h->done($_) for splice @{ $h->{events} };
	is(scalar @{ $v->wait_for('status')->{ids} }, 20, 'those that were taken are confirmed');
	$h->until(0.3, sub { $h->done($_) for splice @{ $h->{events} }; 0 });
	$h->configure(ack_timeout_ms => 200);
	settle($h);
	$v->text('late');
	my $e = $h->wait_event;
	my $f = $v->wait_for('error');
	is($f->{code}, 'busy', 'a worker that does not answer: busy');
	is($f->{id}, 'late', 'and which');
	$h->done($e);
	$h->{no_welcome} = 1;
	my $x = RawSocket->dial($h, $KEY);
	$x->say({ type => 'hello' });
	is($x->closed, 1011, 'no WELCOME in time: 1011');
	ok($h->until(5, sub { @{ $h->{left} } }), 'and LEFT');
	$v->say({ type => 'ping' });
	ok($v->wait_for('pong'), 'a late EVENT_DONE does nothing');
	is($h->close_door, 0, 'and it ends');
};

subtest 'channels change' => sub {
	my $h = open_hub();
	$h->put_local($OTHER, 'pk_other', 'Other', $ORIGIN);
	settle($h);
	my $v = RawSocket->visit($h, $KEY);
	my $ipv6 = RawSocket->visit($h, $KEY, head => { Origin => 'http://[::1]:8080' });
	my $unsaid = RawSocket->dial($h, $KEY);
	my $other = RawSocket->visit($h, 'pk_other');
	$h->put_local($CHANNEL, $KEY, 'New name', 'http://[::1]:8080', $ORIGIN);
	settle($h);
	$v->say({ type => 'ping' });
	ok($v->wait_for('pong'), 'another name, and the list in another order: nothing happens');
	is(RawSocket->visit($h, $KEY)->{welcome}{name}, 'New name', 'but the name counts');
	$h->put_local($CHANNEL, $KEY, 'New name', 'http://[::1]:8080');
	settle($h);
	is($v->closed, 4003, 'an origin taken off the list: 4003');
	is($unsaid->closed, 4003, 'also before hello');
	$ipv6->say({ type => 'ping' });
	ok($ipv6->wait_for('pong'), 'the others stay');
	refused('and a new connection', 403, 'origin_not_listed', head(), $h);
	@{ $h->{left} } = ();
	$h->put_local($CHANNEL, 'pk_second', 'New name', 'http://[::1]:8080', $ORIGIN);
	settle($h);
	is($ipv6->closed, 4001, 'another public key: 4001');
	ok($h->until(5, sub { @{ $h->{left} } }), 'and LEFT');
	is(RawSocket->dial($h, $KEY)->closed, 4001, 'the old key: 4001');
	my $new = RawSocket->visit($h, 'pk_second');
	$h->drop_channel($CHANNEL);
	settle($h);
	is($new->closed, 4001, 'a channel that goes: 4001');
	is(RawSocket->dial($h, 'pk_second')->closed, 4001, 'and nobody comes in');
	$h->put_channel($OTHER, 0, 'secret');
	settle($h);
	is($other->closed, 4001, 'a channel that is not local any more: 4001');
	is(RawSocket->dial($h, 'pk_other')->closed, 4001, 'and nobody comes in');
	is($h->close_door, 0, 'and it ends');
};

subtest 'addresses and proxies' => sub {
	my $dir = tempdir(CLEANUP => 1);
	my $have_ipv6 = IO::Socket::IP->new(LocalHost => '::1', LocalPort => 0, Listen => 1);
	my $h = open_hub(listen => "127.0.0.1:0,unix:$dir/s" . ($have_ipv6 ? ',[::1]:0' : ''), max_visitors_per_address => 2);
	my $unix = sub { my $s = IO::Socket::UNIX->new(Peer => "$dir/s") or die "unix: $!"; $s->blocking(0); return $s };
	my @v = map { RawSocket->visit($h, $KEY, socket => $unix->()) } 1 .. 4;
	is(scalar @v, 4, 'over a unix socket, without a cap of its own');
	my $s = $unix->();
	my $x = RawSocket->new($h, $s);
	my $cpu = $h->cpu_seconds;
	$h->put($s, substr(head(), 0, 20));
	$h->until(0.3, sub { 0 });
	$h->put($s, substr(head(), 20, 40));
	$h->until(0.3, sub { 0 });
	cmp_ok($h->cpu_seconds - $cpu, '<', 0.2, 'a head in pieces does not make it spin');
	$h->put($s, substr(head(), 60));
	ok($x->upgraded, 'and comes to its end');
	for (1 .. 2)
	{
		push @v, RawSocket->visit($h, $KEY, socket => $unix->(), head => { 'X-Forwarded-For' => '203.0.113.9' });
	}
	$s = $unix->();
	$h->put($s, head('X-Forwarded-For' => '1.2.3.4, 203.0.113.9'));
	is($h->answer($s)->{status}, 429, 'the client that a proxy names has a cap');
	ok(RawSocket->visit($h, $KEY, head => { 'X-Forwarded-For' => '203.0.113.9' }), 'X-Forwarded-For from a stranger does not count');
	if ($have_ipv6)
	{
		my ($port) = $h->{addresses} =~ /\[::1\]:(\d+)/;
		my @six = map { my $c = IO::Socket::IP->new(PeerHost => '::1', PeerPort => $port) or die "::1: $!"; $c->blocking(0); $c } 1 .. 3;
		push @v, map { RawSocket->visit($h, $KEY, socket => $_) } @six[0, 1];
		$h->put($six[2], head());
		is($h->answer($six[2])->{status}, 429, 'IPv6, with its cap');
	}
	$h->configure(trusted_proxies => '127.0.0.0/8');
	settle($h);
	push @v, map { RawSocket->visit($h, $KEY, head => { 'X-Forwarded-For' => "2001:db8::$_" }) } 1 .. 2;
	refused('a /64 is one address', 429, 'too_many_visitors_from_address', head('X-Forwarded-For' => '2001:db8::3'), $h);
	ok(RawSocket->visit($h, $KEY, head => { 'X-Forwarded-For' => '2001:db8:1::3' }), 'another /64 is another');
	is($h->close_door, 0, 'and it ends');
	ok(!IO::Socket::UNIX->new(Peer => "$dir/s"), 'nobody answers at the socket any more');
};

# Proxies use their connections again: the upgrade is a later request.
subtest 'upgrade on a kept-alive connection' => sub {
	my $before = $w->descriptors;
	for my $round (1 .. 20)
	{
		my $s = $w->dial;
		$w->put($s, "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n");
		is($w->answer($s)->{status}, 200, 'a request');
		my $v = eval { RawSocket->visit($w, $KEY, socket => $s) };
		ok($v, "then an upgrade: round $round") or last;
		$v->text("r$round");
		ok($v->wait_for('ack'), 'which works');
		if ($round % 2) { $v->put(RawSocket::frame(8, pack('n', 1000))); is($v->closed, 1000, 'to its end'); $v->ends }
		else { close $s }
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
	my ($r, $s) = $keep->(head(Upgrade => undef));
	is($r->{status}, 426, 'a plain GET there: 426');
	$w->put($s, "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n");
	is($w->answer($s)->{status}, 200, 'and the connection goes on');
	($r, $s) = $keep->(head(Origin => 'https://evil.example'));
	is($r->{status}, 403, 'the same rules hold: origin');
	ok($w->closes($s), 'and closed');
	($r) = $keep->(head('Sec-WebSocket-Protocol' => 'x'));
	is($r->{status}, 400, 'sub-protocol');
	($r) = $keep->(head('Sec-WebSocket-Version' => 7));
	is($r->{status}, 426, 'version');
	($r) = $keep->(head('Sec-WebSocket-Key' => 'x'));
	is($r->{status}, 400, 'key');
	($r) = $keep->(head('X-A' => "a\nX-B: c"));
	is($r->{status}, 400, 'a bare LF');
	my $absolute = $w->dial;
	$w->put($absolute, head(line => "GET http://hub.example.com/communication/web-chatt2me/ws?webChatId=$KEY HTTP/1.1"));
	ok(RawSocket->new($w, $absolute)->upgraded, 'the absolute form, too');
};

subtest 'the end' => sub {
	my $h = open_hub(auto => undef);
	my $v = RawSocket->visit($h, $KEY);
	my $unsaid = RawSocket->dial($h, $KEY);
	my $knocking = $h->dial;
	my $half = $h->dial;
	$h->put($half, 'GET /communication/web-chatt2me/ws?web');
	$v->text('x');
	$h->wait_event;
	$h->tell('CLOSE');
	is($v->closed, 1001, 'CLOSE: sessions are told 1001');
	is($unsaid->closed, 1001, 'also before hello');
	is($h->answer($half)->{status}, 503, 'half a head: 503');
	$v->ends;
	$unsaid->ends;
	is($h->wait_exit, 0, 'exit 0');
	$h = open_hub();
	my @v = map { RawSocket->visit($h, $KEY) } 1 .. 50;
	is($h->close_door, 0, '50 clients that do not answer the close: exit 0');
	is($v[49]->closed, 1001, 'they were told');
};

subtest 'what an idle session costs' => sub {
	plan skip_all => 'not measured under sanitizers' if $SANITIZED;
	my $limit = POSIX::sysconf(POSIX::_SC_OPEN_MAX());
	my $n = $ENV{WEBCHATT_IDLE} // ($limit > 2600 ? 2000 : int($limit / 2) - 100);
	my $h = open_hub(max_visitors => 20000, max_visitors_per_address => 20000, new_visitor_rate => 1000000, hello_rate => 1000000, max_connections_per_address => 20000);
	my $dirty = sub {
		open(my $f, '<', "/proc/$h->{pid}/smaps_rollup") or die "smaps_rollup: $!";
		my $sum = 0;
		/^Private_Dirty:\s*(\d+)/ and $sum += $1 while <$f>;
		return $sum;
	};
	my @warm = map { RawSocket->visit($h, $KEY) } 1 .. 50;
	my $before = $dirty->();
	my $t = time;
	my @v = map { RawSocket->visit($h, $KEY) } 1 .. $n;
	note sprintf '%d sessions in %.1f s', $n, time - $t;
	$h->until(0.2, sub { 0 });
	my $each = ($dirty->() - $before) * 1024 / $n;
	note sprintf '%.0f bytes of private memory for each of %d idle sessions', $each, $n;
	cmp_ok($each, '<', 1536, 'an idle session costs less than 1.5 kB');
	my $cpu = $h->cpu_seconds;
	$h->until(2, sub { 0 });
	cmp_ok($h->cpu_seconds - $cpu, '<', 0.1, 'and next to no CPU');
	@v = @warm = ();
	ok($h->until(10, sub { $h->descriptors < 40 }), 'nothing is left when they go') or diag $h->descriptors;
	is($h->close_door, 0, 'and it ends');
};

subtest 'hostile input' => sub {
	my $hostile = Hostile->new($w, 60, "\r\n", "\n", "\r", "\0", ':', ' ', ',', "\xff", 'Upgrade: websocket', "Sec-WebSocket-Key: x\r\n", "Origin: null\r\n",
		'x' x 3000, "\x81\x80", "\x81\xfe\xff\xff", "\x89\x80", "\x88\x82", "\x01\x80", '{"type":"hello"}', '[[[[', '\u0000');
	my $hello = RawSocket::frame(1, '{"type":"hello"}');
	my @frames = ('{"type":"ping"}', '{"type":"message","id":"x","content":{"type":"text","text":"x"}}', '{"type":"read","ids":["' . Corridor::uuid7() . '"]}',
		'{"type":"history","before":"' . Corridor::uuid7() . '"}', '{"type":"typing"}', '{"type":"delivered","ids":[]}', '{"type":"hello","have":["x"]}', '{}', '');
	$w->configure(address_rate => 10000000, address_burst => 1000000);
	settle($w);
	my $good = RawSocket->visit($w, $KEY);
	my ($served, $worst) = (0, 0);
	for my $round (1 .. 2000)
	{
		my $raw = head() . $hello . Hostile::frames(1 + int rand 6, @frames);
		$hostile->send(rand() < 0.05 ? substr($raw, length head()) : $raw, length head());
		next if $round % 20;
		my $t = time;
		$good->text("g$round");
		my $ack = $good->wait_where(sub { ($_[0]{type} // '') =~ /^(ack|error)$/ });
		if ($ack && $ack->{type} eq 'ack' && $ack->{id} eq "g$round") { $served++ }
		else { diag("round $round: " . ($ack ? join ' ', %$ack : 'no answer')) }
		$worst = time - $t if time - $t > $worst;
	}
	is($served, 100, "the good client was served in all 100 rounds between $hostile->{sent} hostile connections");
	note sprintf 'worst answer %.0f ms', $worst * 1000;
	$hostile->end;
	$good->say({ type => 'ping' });
	ok($good->wait_for('pong'), 'and still is');
	is($w->until(5, sub { $w->{stats} && $w->{stats}{visitors} <= 1 }), 1, 'no session is left of the others') or diag explain $w->{stats};
	is($w->close_door, 0, 'and it ends') or diag explain $w->{logs};
};

done_testing();
