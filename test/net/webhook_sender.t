# What webchatt-net posts to the endpoints of our own webhooks, and what it asks
# hubs' REST APIs, with the test in the worker's place and at the other end.
# WEBCHATT_NET names the program (a build with sanitizers, say).
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use File::Copy qw(copy);
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";

use Corridor;
use Endpoint;
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();
use Proxy;
use Test::More;
use Time::HiRes qw(time);

my ($VERSION) = do { open(my $fh, '<', "$FindBin::Bin/../../webchatt.control") or die $!; join '', <$fh> } =~ /^default_version = '(.*)'/m;
my $EVENT = '{"eventType":"Message","messageId":"1","content":{"type":"text","text":"h' . "\xc3\xa9" . 'llo"}}';
my $SECRET = 'whsec_test_1';
my $DELIVERY = '0192f3c1-0000-7000-8000-00000000000a';
my $TOKEN = 'tok-"quoted"\\and/slashed';
my $json = JSON::PP->new->allow_nonref->ascii;
my $next_token = 1;
my %answered;    # token => what came for it
my $twice = 0;

# --- the worker's part ----------------------------------------------------

sub open_net
{
	my (%settings) = @_;
	my $w = Corridor->open_door([], webhook_allowed => '127.0.0.1', %settings);
	for my $type (qw(DELIVERED CALL_DONE))
	{
		$w->{on}{$type} = sub {
			my ($d) = @_;
			$twice++ if $answered{ $d->{token} };
			$answered{ $d->{token} } = $d;
		};
	}
	return $w;
}

my $e = Endpoint->new;
my $w = open_net();
my @ends = ($e);

sub put_webhook
{
	my ($n, $url, %o) = @_;
	return $w->tell('WEBHOOK_PUT', webhook => $n, endpoint => $url, secret => $o{secret},
		headers => ref $o{headers} ? $json->encode($o{headers}) : $o{headers});
}

sub drop_webhook { my ($n) = @_; return $w->tell('WEBHOOK_GONE', webhook => $n) }

# Ask for a delivery; its token.
sub deliver
{
	my ($n, %o) = @_;
	my $token = $next_token++;
	$w->tell('DELIVER', token => $token, webhook => $n, delivery => $DELIVERY, attempt => $o{attempt} // 1,
		verify => $o{verify} ? 1 : 0, body => $o{body} // $EVENT);
	return $token;
}

sub call
{
	my ($hub, $method, $path, $body) = @_;
	my $token = $next_token++;
	$w->tell('CALL', token => $token, hub => $hub, method => $method, path => $path, body => $body);
	return $token;
}

sub until_true { my ($condition, $seconds) = @_; return Endpoint::work_until($w, \@ends, $seconds // 8, $condition) }

# What came for a token.
sub outcome
{
	my ($token, $seconds) = @_;
	until_true(sub { $answered{$token} }, $seconds);
	return delete $answered{$token} // { http_status => -1, good => -1, error => 'nothing came', answer => '', body => '' };
}

sub url { my ($path) = @_; return "http://127.0.0.1:$e->{port}$path" }

# One delivery to a path: its outcome.
sub attempt
{
	my ($path, %o) = @_;
	put_webhook(1, url($path), %o);
	return outcome(deliver(1, %o));
}

sub last_request { return $e->{requests}[-1] // { headers => {}, body => '' } }

sub bad { my ($d, $status, $error, $name) = @_;
	is("$d->{good} $d->{http_status}", "0 $status", $name);
	like($d->{error}, $error, "$name: the error");
	return }

# --- the request ----------------------------------------------------------

sub test_request
{
	$e->on('/good', Endpoint::reply(200, '{"ok":true}'));
	my $d = attempt('/good?a=b&c=d', secret => $SECRET, attempt => 3);
	my $r = last_request();
	is("$d->{good} $d->{http_status} $d->{retry_after_ms}", '1 200 0', 'a delivery');
	is($d->{answer}, '{"ok":true}', 'its answer');
	is($d->{error}, '', 'no error');
	cmp_ok($d->{duration_us}, '>', 0, 'its duration');
	is($r->{method}, 'POST', 'the method');
	is($r->{target}, '/good?a=b&c=d', 'the path and its query');
	is($r->{body}, $EVENT, 'the body, byte by byte');
	is(Endpoint::header($r, 'Host'), "127.0.0.1:$e->{port}", 'Host');
	is(Endpoint::header($r, 'Content-Type'), 'application/json', 'Content-Type');
	is(Endpoint::header($r, 'Content-Length'), length $EVENT, 'Content-Length');
	is(Endpoint::header($r, 'User-Agent'), "webchatt/$VERSION", 'User-Agent');
	is(Endpoint::header($r, 'X-Hub-Delivery'), $DELIVERY, 'X-Hub-Delivery');
	is(Endpoint::header($r, 'X-Hub-Attempt'), '3', 'X-Hub-Attempt');
	is(Endpoint::header($r, 'Expect') . Endpoint::header($r, 'X-Validation-Token'), '', 'nothing else');
	my ($t, $hex) = Endpoint::header($r, 'X-hub-Signature') =~ /\At=([0-9]+),v1=([0-9a-f]{64})\z/;
	ok(defined $t && abs($t - time) < 3600, 'the time of the signature');
	is($hex, hmac_sha256_hex("$t.$EVENT", $SECRET), 'the signature');

	attempt('/good');
	is(Endpoint::header(last_request(), 'X-hub-Signature'), '', 'without a secret there is no signature');
	my $large = '{"a":"' . 'x' x 3_000_000 . '"}';
	is(attempt('/good', body => $large)->{good}, 1, 'a large body');
	ok(last_request()->{body} eq $large, 'comes whole');
	my $before = $e->{accepted};
	is(scalar(grep { attempt('/good')->{good} == 1 } 1 .. 50), 50, 'fifty one after the other');
	is($e->{accepted}, $before, 'on one connection');
	$e->hang_up;
	is(attempt('/good')->{good}, 1, 'one on a connection that was closed meanwhile');
	return;
}

sub test_headers
{
	my @headers = map { { key => $_->[0], value => $_->[1] } } (
		['Authorization', 'Bearer abc'], ['X-Team', ' blue '], ['X-Empty', ''], ['X-Blank', '  '],
		['Host', 'evil.example'], ['content-length', '1'], ['Transfer-Encoding', 'chunked'], ['Connection', 'close'],
		['X-hub-Signature', 't=1,v1=00'], ['X-HUB-DELIVERY', 'mine'], ['x-hub-attempt', '99'],
		['X-Validation-Token', 'mine'], ['Content-Type', 'text/plain'], ['Expect', '100-continue'],
		['Upgrade', 'h2c'], ['Proxy-Authorization', 'Basic x'], ['TE', 'trailers']);
	is(attempt('/good', secret => $SECRET, headers => \@headers)->{good}, 1, 'a delivery with headers of its maker');
	my $r = last_request();
	is(Endpoint::header($r, 'Authorization'), 'Bearer abc', 'one of them');
	is(Endpoint::header($r, 'X-Team'), 'blue', 'another');
	is(scalar @{ $r->{headers}{'x-empty'} // [] }, 1, 'an empty one is sent');
	is(scalar @{ $r->{headers}{'x-blank'} // [] }, 1, 'a blank one too');
	my %ours = (Host => "127.0.0.1:$e->{port}", 'Content-Length' => length $EVENT, 'Transfer-Encoding' => '',
		Connection => '', 'X-Hub-Delivery' => $DELIVERY, 'X-Hub-Attempt' => 1, 'X-Validation-Token' => '',
		'Content-Type' => 'application/json', Expect => '', Upgrade => '', 'Proxy-Authorization' => '', TE => '');
	is(Endpoint::header($r, $_), $ours{$_}, "$_ is not overridden") for sort keys %ours;
	like(Endpoint::header($r, 'X-hub-Signature'), qr/\At=\d{10},v1=[0-9a-f]{64}\z/, 'X-hub-Signature is not overridden');

	my $n = @{ $e->{requests} };
	my %broken = (
		'a line break in a value' => [{ key => 'X-A', value => "a\r\nX-Evil: 1" }],
		'a line break in a name' => [{ key => "X-A\r\nX-Evil", value => '1' }],
		'a colon in a name' => [{ key => 'X-A:', value => '1' }],
		'a blank in a name' => [{ key => 'X A', value => '1' }],
		'no name' => [{ key => '', value => '1' }],
		'NUL in a name' => [{ key => "X\0A", value => '1' }],
		'NUL in a value' => [{ key => 'X-A', value => "a\0b" }],
		'a value that is not ASCII' => [{ key => 'X-A', value => "\x{e9}" }],
		'a value of 5,000 bytes' => [{ key => 'X-A', value => 'a' x 5000 }],
		'a value that is no string' => [{ key => 'X-A', value => 1 }],
		'no value' => [{ key => 'X-A' }],
		'an element that is no object' => ['X-A: 1'],
		'21 of them' => [map { { key => "X-$_", value => 'a' } } 1 .. 21],
		'an object' => { 'X-A' => 1 },
		'what is no JSON' => '[{"key"',
	);
	bad(attempt('/good', headers => $broken{$_}), 0, qr/headers/, "headers with $_") for sort keys %broken;
	is(scalar @{ $e->{requests} }, $n, 'none of them was sent');
	is(attempt('/good', headers => [map { { key => "X-$_", value => 'a' } } 1 .. 20])->{good}, 1, '20 are allowed');
	return;
}

# --- the answer -----------------------------------------------------------

sub test_answers
{
	for my $status (201, 202, 204, 400, 401, 404, 410, 500, 502)
	{
		$e->on("/$status", $status == 204 ? "HTTP/1.1 204 No\r\n\r\n" : Endpoint::reply($status, "said $status"));
		my $d = attempt("/$status");
		bad($d, $status, qr/\A127\.0\.0\.1:\d+ answered HTTP $status, not 200\z/, "HTTP $status");
		is($d->{answer}, $status == 204 ? '' : "said $status", "HTTP $status: its answer");
	}
	for ([503, '7', 7000], [429, '20', 20000], [503, '999999', 3600000], [503, '', 0], [500, '7', 0])
	{
		my ($status, $after, $ms) = @$_;
		$e->on('/pause', Endpoint::reply($status, '', 'Retry-After' => $after));
		is(attempt('/pause')->{retry_after_ms}, $ms, "HTTP $status with Retry-After '$after'");
	}
	my $n = @{ $e->{requests} };
	$e->on('/away', Endpoint::reply(302, '', Location => url('/good')));
	bad(attempt('/away'), 302, qr/redirected/, 'a redirect');
	$e->on('/away', Endpoint::reply(307, '', Location => url('/good')));
	bad(attempt('/away'), 307, qr/redirected/, 'another');
	is(scalar @{ $e->{requests} }, $n + 2, 'is not followed');

	my $wrong = "\xEF\xBF\xBD";
	my %cut = (
		'1,024 bytes' => ['a' x 1024, 'a' x 1024],
		'a long answer' => ['a' x 60_000, 'a' x 1024],
		'a character across the limit' => ['a' x 1023 . "\xc3\xa9" . 'z' x 9, 'a' x 1023],
		'a character of four bytes across it' => ['a' x 1021 . "\xf0\x9f\x98\x80" . 'z', 'a' x 1021],
		'a character before the limit' => ['a' x 1022 . "\xc3\xa9" . 'z' x 9, 'a' x 1022 . "\xc3\xa9"],
		'bytes that are no UTF-8' => ["a\xffb\xc3", "a${wrong}b$wrong"],
		'NUL' => ["a\0b", "a${wrong}b"],
		'an empty answer' => ['', ''],
	);
	for (sort keys %cut)
	{
		$e->on('/cut', Endpoint::reply(200, $cut{$_}[0], 'Content-Type' => 'text/plain'));
		my $d = attempt('/cut');
		is($d->{good}, 1, $_);
		ok($d->{answer} eq $cut{$_}[1], "$_: what is kept of it");
	}
	my $half = "HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" . 'a' x 8191 . "\xc3";
	$e->on('/cut', [$half . "\xa9" . 'z' x 807, undef]);
	is(attempt('/cut')->{answer}, 'a' x 1024, 'an answer longer than what is looked at');
	$e->on('/huge', ["HTTP/1.1 200 OK\r\n\r\n" . 'a' x 2_000_000, 'close']);
	is(attempt('/huge')->{good}, 1, 'a 200 with an answer that is too long to wait for');
	$e->on('/huge', ["HTTP/1.1 404 No\r\n\r\n" . 'a' x 2_000_000, 'close']);
	bad(attempt('/huge'), 404, qr/HTTP 404/, 'a 404 with one');
	return;
}

sub test_no_answer
{
	$e->on('/silent', sub { return });
	$w->configure(webhook_timeout_ms => 1000);
	my $d = attempt('/silent');
	bad($d, 0, qr/\A127\.0\.0\.1:\d+: .*timed out/i, 'an endpoint that does not answer');
	cmp_ok($d->{duration_us}, '>=', 900_000, 'its duration');
	my %said = (
		'a reset' => ['', 'reset'], 'an end without an answer' => ['', 'close'],
		'another protocol' => ["220 mail.example ESMTP\r\n", 'close'],
		'half a body' => ["HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", 'close'],
		'a body that stops' => ["HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", 'hold'],
		'a bad chunk' => ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", 'close'],
		'a huge head' => ["HTTP/1.1 200 OK\r\n" . "X-Padding: 0123456789\r\n" x 4000, 'hold'],
	);
	for (sort keys %said)
	{
		$e->on('/said', $said{$_});
		$d = attempt('/said', secret => $SECRET);
		is($d->{good}, 0, "$_ is no delivery");
		like($d->{error}, qr/127\.0\.0\.1:\d+/, "$_: the error names the endpoint");
		unlike($d->{error}, qr/\Q$SECRET/, "$_: and no secret");
	}
	$w->configure(webhook_timeout_ms => 180000);
	my $closed = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'tcp');    # bound, never listens
	put_webhook(1, 'http://127.0.0.1:' . $closed->sockport . '/');
	bad(outcome(deliver(1)), 0, qr/127\.0\.0\.1:\d+: .*connect/i, 'nobody listens there');
	put_webhook(1, 'https://webhook.invalid/');
	bad(outcome(deliver(1), 20), 0, qr/webhook\.invalid: .*resolv/i, 'a name that does not exist');
	put_webhook(1, "https://127.0.0.1:$e->{port}/good");
	$w->configure(webhook_timeout_ms => 1000);
	bad(outcome(deliver(1)), 0, qr/127\.0\.0\.1:\d+: /, 'TLS with one that has none');
	$w->configure(webhook_timeout_ms => 180000);
	my %no_url = ('ftp://127.0.0.1/' => qr/https/, 'file:///etc/passwd' => qr/endpoint/, 'gopher://127.0.0.1:1/' => qr/https/,
		'http://me:you@127.0.0.1/' => qr/user name/, 'example' => qr/URL/, '' => qr/URL/, "http://127.0.0.1/\r\nX: 1" => qr/endpoint/);
	for (sort keys %no_url)
	{
		put_webhook(1, $_);
		bad(outcome(deliver(1)), 0, $no_url{$_}, 'the endpoint ' . s/\s/?/gr);
	}
	bad(outcome(deliver(77)), 0, qr/not known/, 'a webhook that is not known');
	return;
}

# --- verification ---------------------------------------------------------

sub test_verification
{
	my $good = $json->encode($TOKEN);
	$e->on('/verify', sub { return Endpoint::reply(200, $json->encode(Endpoint::header($_[0], 'X-Validation-Token'))) });
	my $d = attempt('/verify', verify => 1, body => $TOKEN, secret => $SECRET);
	my $r = last_request();
	is("$d->{good} $d->{http_status} $d->{error}", '1 200 ', 'a verification');
	is($d->{answer}, $good, 'its answer');
	is(Endpoint::header($r, 'X-Validation-Token'), $TOKEN, 'its token');
	is($r->{body}, '{}', 'its body');
	my ($t, $hex) = Endpoint::header($r, 'X-hub-Signature') =~ /\At=([0-9]+),v1=([0-9a-f]{64})\z/;
	is($hex // '', hmac_sha256_hex(($t // '') . '.{}', $SECRET), 'its signature');

	my $escaped = '"' . join('', map { sprintf '\\u%04x', ord } split //, $TOKEN) . '"';
	my %good = (
		'a charset' => Endpoint::reply(200, $good, 'Content-Type' => 'Application/JSON; charset=utf-8'),
		'every character escaped' => Endpoint::reply(200, $escaped),
		'blanks around' => Endpoint::reply(200, " $good\r\n"),
	);
	for (sort keys %good)
	{
		$e->on('/verify', $good{$_});
		is(attempt('/verify', verify => 1, body => $TOKEN)->{good}, 1, "a verification with $_");
	}
	my %bad = (
		'text/plain' => Endpoint::reply(200, $good, 'Content-Type' => 'text/plain'),
		'application/jsonx' => Endpoint::reply(200, $good, 'Content-Type' => 'application/jsonx'),
		'no Content-Type' => Endpoint::reply(200, $good, 'Content-Type' => ''),
		'another token' => Endpoint::reply(200, '"another"'),
		'the token without quotes' => Endpoint::reply(200, $TOKEN),
		'an object' => Endpoint::reply(200, "{\"token\":$good}"),
		'an array' => Endpoint::reply(200, "[$good]"),
		'a number' => Endpoint::reply(200, '1'),
		'nothing' => Endpoint::reply(200, ''),
		'something behind it' => Endpoint::reply(200, "$good x"),
		'NUL in it' => Endpoint::reply(200, substr($good, 0, -1) . '\\u0000"'),
		'a part of it' => Endpoint::reply(200, $json->encode(substr $TOKEN, 1)),
		'many blanks' => Endpoint::reply(200, $good . ' ' x 20_000),
		'201' => Endpoint::reply(201, $good),
		'404' => Endpoint::reply(404, $good),
		'a redirect' => Endpoint::reply(302, $good, Location => url('/good')),
	);
	for (sort keys %bad)
	{
		$e->on('/verify', $bad{$_});
		my ($status) = $bad{$_} =~ /\AHTTP\/1.1 (\d+)/;
		bad(attempt('/verify', verify => 1, body => $TOKEN), $status, qr/127\.0\.0\.1/, "a verification answered with $_");
	}
	$e->on('/verify', Endpoint::reply(200, $good, 'Content-Type' => "text/\xff\x01plain"));
	like(attempt('/verify', verify => 1, body => $TOKEN)->{error}, qr/text\/\xEF\xBF\xBD plain/, 'its Content-Type in the error is clean');
	$w->configure(webhook_timeout_ms => 500);
	bad(attempt('/silent', verify => 1, body => $TOKEN), 0, qr/timed out/i, 'a verification that is not answered');
	$w->configure(webhook_timeout_ms => 180000);
	my $n = @{ $e->{requests} };
	bad(attempt('/verify', verify => 1, body => $_), 0, qr/token/, 'a token that cannot be a header')
	  for '', "a\r\nX-Evil: 1", 'a b', "\xc3\xa9", 'a' x 1025;
	is(scalar @{ $e->{requests} }, $n, 'is not sent');
	return;
}

# --- where it may not go --------------------------------------------------

sub test_addresses
{
	my $refused = qr/: [0-9a-f.:]+ is an address that webhooks are not delivered to; webchatt\.webhook_allowed_addresses can allow it\z/;
	$w->configure(webhook_allowed => '');
	$e->hang_up;
	my ($p, $accepted) = ($e->{port}, $e->{accepted});
	my @v4 = ('127.0.0.1', 'localhost', 'LOCALHOST', '2130706433', '0x7f000001', '017700000001', '0177.0.0.1', '127.1',
		'0', '0.0.0.0', '127.0.0.2', 'localhost.', '127%2e0.0.1', "\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1", '10.0.0.1', '172.16.0.1',
		'192.168.1.1', '100.100.100.200', '169.254.169.254', '168.63.129.16', '198.18.0.1', '192.0.2.1', '224.0.0.1',
		'255.255.255.255');
	my @v6 = ('[::1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[0:0:0:0:0:ffff:a9fe:a9fe]', '[::127.0.0.1]',
		'[64:ff9b::7f00:1]', '[2002:7f00:1::1]', '[fe80::1]', '[fe80::1%25lo]', '[fc00::1]', '[fd00:ec2::254]', '[fec0::1]',
		'[ff02::1]', '[2001:db8::1]');
	for my $host (@v4, @v6)
	{
		for my $scheme ('http', 'https')
		{
			put_webhook(1, "$scheme://$host:$p/good");
			my $d = outcome(deliver(1), 20);
			# what libcurl does not take for a host at all is as good
			bad($d, 0, $host =~ /[^\x21-\x7e]|%2e|%25lo|\.\z/ ? qr/./ : $refused, "$scheme://$host");
		}
	}
	for ('93.184.216.34', '[2606:4700::1111]', '[::ffff:8.8.8.8]')
	{
		put_webhook(1, "http://$_:$p/good");
		bad(outcome(deliver(1)), 0, qr/by https:\/\/ only; webchatt\.webhook_allowed_addresses/, "http:// to $_");
	}
	$e->pump;
	is($e->{accepted}, $accepted, 'no connection was made');
	return;
}

sub test_allowed
{
	my $n = @{ $e->{requests} };
	put_webhook(1, url('/good'));
	for my $allowed ('127.0.0.1', '127.0.0.0/8', '10.0.0.0/8, 127.0.0.1/32', '::ffff:127.0.0.1', '::/0', '0.0.0.0/0')
	{
		$w->configure(webhook_allowed => $allowed);
		is(outcome(deliver(1))->{good}, 1, "allowed by $allowed");
		my $accepted = $e->{accepted};
		is(outcome(deliver(1))->{good}, 1, 'again');
		is($e->{accepted}, $accepted, 'on the same connection');
		my $connections = keys %{ $e->{connections} };
		$w->configure(webhook_allowed => $allowed, max_deliveries => 15);
		is(outcome(deliver(1))->{good}, 1, 'after another setting was changed');
		is($e->{accepted}, $accepted, 'on the same connection');
		$w->configure(webhook_allowed => $_) for '127.0.0.2, 10.0.0.0/8';
		bad(outcome(deliver(1)), 0, qr/is an address/, 'not any more');
		until_true(sub { !keys %{ $e->{connections} } });
		is($e->{accepted} . ' ' . keys %{ $e->{connections} }, "$accepted 0", 'and the kept connection is closed');
	}
	is(scalar @{ $e->{requests} }, $n + 18, 'as many requests as were allowed');
	$w->configure(webhook_allowed => '127.0.0.1, nonsense');
	ok(until_true(sub { grep { /"nonsense" in webchatt\.webhook_allowed_addresses/ } @{ $w->{logs} } }), 'what cannot be read is told');
	put_webhook(1, "http://localhost:$e->{port}/good");
	is(outcome(deliver(1))->{good}, 1, 'a name of which one address is allowed');

	# What is under way when the setting changes ends as it would have.
	put_webhook(1, url('/silent'));
	my $token = deliver(1);
	until_true(sub { last_request()->{path} eq '/silent' });
	$w->configure(webhook_allowed => '');
	my $second = deliver(1);
	bad(outcome($second), 0, qr/is an address/, 'one that begins after the change');
	$e->release(last_request(), Endpoint::reply(200, 'late'));
	is(outcome($token)->{answer}, 'late', 'one that was under way');
	# PostgreSQL's own port, whatever is allowed.
	$w->configure(webhook_allowed => '0.0.0.0/0, ::/0', server_port => $e->{port});
	$e->hang_up;
	my $before = $e->{accepted};
	for my $host ('127.0.0.1', '127.0.0.2', '2130706433', '[::1]', '[::ffff:127.0.0.1]', 'localhost')
	{
		put_webhook(1, "http://$host:$e->{port}/good");
		bad(outcome(deliver(1), 20), 0, qr/own port/, "the server's own port at $host");
	}
	$e->pump;
	is($e->{accepted}, $before, 'no connection was made');
	$w->configure(webhook_allowed => '127.0.0.1', server_port => 0);
	put_webhook(1, url('/good'));
	is(outcome(deliver(1))->{good}, 1, 'another port is called as before');
	$w->configure(webhook_allowed => '127.0.0.1', max_deliveries => 16);
	return;
}

# A name that has moved is followed also when there is always something under way.
sub test_lifetime
{
	put_webhook(1, url('/good'));
	$w->configure(connection_lifetime_ms => 3600_000);
	my $accepted = $e->{accepted};
	outcome(deliver(1)) for 1 .. 20;
	cmp_ok($e->{accepted}, '<=', $accepted + 1, 'a connection is used again');
	put_webhook(2, url('/silent'));
	my $open = deliver(2);
	until_true(sub { last_request()->{path} eq '/silent' });
	my $held = last_request();
	$accepted = $e->{accepted};
	$w->configure(connection_lifetime_ms => 1);
	until_true(sub { outcome(deliver(1)); $e->{accepted} >= $accepted + 5 });
	cmp_ok($e->{accepted}, '>=', $accepted + 5, 'for as long as connection_lifetime says, while another request is never done');
	$e->release($held, Endpoint::reply(200, 'late'));
	is(outcome($open)->{answer}, 'late', 'which ends as it would have');
	drop_webhook(2);
	$w->configure(connection_lifetime_ms => 120_000);
	return;
}

# --- many at a time -------------------------------------------------------

sub test_changes
{
	put_webhook(1, url('/silent'), secret => 'old', headers => [{ key => 'X-Old', value => '1' }]);
	my $n = @{ $e->{requests} };
	my $token = deliver(1);
	until_true(sub { @{ $e->{requests} } > $n });
	my $held = last_request();
	put_webhook(1, url('/good'), secret => 'new', headers => [{ key => 'X-New', value => '1' }]);
	is(outcome(deliver(1))->{good}, 1, 'a changed webhook: what begins after it');
	my $r = last_request();
	my ($t, $hex) = Endpoint::header($r, 'X-hub-Signature') =~ /\At=([0-9]+),v1=([0-9a-f]{64})\z/;
	is($hex, hmac_sha256_hex("$t.$EVENT", 'new'), 'has the new secret');
	is("$r->{path} " . Endpoint::header($r, 'X-New') . Endpoint::header($r, 'X-Old'), '/good 1', 'the new endpoint and headers');
	$e->release($held, Endpoint::reply(200, 'old'));
	is(outcome($token)->{answer}, 'old', 'what was under way ends at the old');

	$w->configure(webhook_timeout_ms => 1000);
	put_webhook(1, url('/silent'));
	my @tokens = map { deliver(1) } 1 .. 30;
	until_true(sub { last_request()->{path} eq '/silent' });
	drop_webhook(1);
	until_true(sub { !grep { !$answered{$_} } @tokens });
	my @d = map { outcome($_) } @tokens;
	is(scalar(grep { $_->{error} =~ /removed before/ } @d) + scalar(grep { $_->{error} =~ /timed out/ } @d), 30,
		'a webhook that goes: what waited fails at once, what was under way ends');
	bad(outcome(deliver(1)), 0, qr/not known/, 'what comes for it later');
	return;
}

sub held { my ($path) = @_; return scalar grep { $_->{held} } values %{ $e->{connections} } }

sub test_window
{
	$w->configure(max_deliveries => 6, webhook_timeout_ms => 180000);
	$e->hang_up;
	$e->on('/one', Endpoint::reply(200, ''));
	put_webhook(1, url('/one'));
	is(outcome(deliver(1))->{good}, 1, 'an endpoint that answers') for 1 .. 6;
	my $most = 0;
	my @waiting;
	$e->on('/one', sub { push @waiting, $_[0]; return });
	my @tokens = map { deliver(1) } 1 .. 60;
	until_true(sub { @waiting >= 6 });
	while (grep { !$answered{$_} } @tokens)
	{
		$most = held() if held() > $most;
		my @now = splice @waiting;
		$e->release($_, Endpoint::reply(200, '')) for @now;
		until_true(sub { @waiting || !grep { !$answered{$_} } @tokens }) or last;
	}
	is($most, 6, 'never more under way than max_deliveries, and no fewer');
	is(scalar(grep { outcome($_)->{good} == 1 } @tokens), 60, 'all arrive');
	return;
}

# A dead endpoint, and a fast one that shares the slots with it.
sub test_dead_beside_fast
{
	$w->configure(max_deliveries => 8, webhook_timeout_ms => 180000);
	put_webhook(1, url('/dead'));
	put_webhook(2, url('/good'));
	my $under_way = 0;
	$e->on('/dead', sub { $under_way++; return });
	my @dead = map { deliver(1) } 1 .. 40;
	until_true(sub { $under_way > 0 });
	my @fast = map { deliver(2) } 1 .. 400;
	until_true(sub { !grep { !$answered{$_} } @fast });
	is(scalar(grep { $answered{$_} } @dead), 0, 'the fast one does not wait for the dead one');
	is(scalar(grep { outcome($_)->{good} == 1 } @fast), 400, 'all arrive');
	cmp_ok($under_way, '<=', 4, 'the dead one had few requests at a time');
	$w->configure(webhook_timeout_ms => 3000);
	until_true(sub { $e->hang_up; scalar(grep { $answered{$_} } @dead) > 4 });
	until_true(sub { held() > 0 });
	is(held(), 1, 'and has one at a time once it has failed');
	$e->on('/dead', Endpoint::reply(200, ''));
	until_true(sub { !grep { !$answered{$_} } @dead });
	is(scalar(grep { !$answered{$_}{good} && $answered{$_}{error} !~ /127\.0\.0\.1/ } @dead), 0, 'when it comes back, the rest arrives');
	cmp_ok(scalar(grep { $answered{$_}{good} == 1 } @dead), '>=', 30, 'most of them');
	delete @answered{@dead};
	drop_webhook($_) for 1, 2;
	$w->configure(max_deliveries => 16, webhook_timeout_ms => 180000);
	return;
}

# --- calls ----------------------------------------------------------------

sub test_calls
{
	my $key = 'key-4711';
	$w->put_hub(1, 'shop', url('/base/'), $key);
	$e->on('/base/v1/organization/webhook', sub { return Endpoint::reply(200, "{\"did\":\"$_[0]{method}\"}") });
	for (['GET', ''], ['POST', '{"a":1}'], ['PATCH', '{"b":2}'], ['DELETE', ''], ['POST', ''], ['DELETE', '{}'], ['GET', ''])
	{
		my ($method, $body) = @$_;
		my $d = outcome(call(1, $method, '/v1/organization/webhook?offset=0&limit=20', $body));
		my $r = last_request();
		my $name = "$method with" . ($body eq '' ? 'out a body' : " $body");
		is("$d->{http_status} $d->{body} $d->{error}", "200 {\"did\":\"$method\"} ", $name);
		is("$r->{method} $r->{target} $r->{body}", "$method /base/v1/organization/webhook?offset=0&limit=20 $body", "$name: the request");
		is(Endpoint::header($r, 'x-api-key') . ' ' . Endpoint::header($r, 'Accept') . ' ' . Endpoint::header($r, 'User-Agent'),
			"$key application/json webchatt/$VERSION", "$name: its headers");
		is(Endpoint::header($r, 'Content-Type'), $body eq '' ? '' : 'application/json', "$name: Content-Type");
		is(Endpoint::header($r, 'Content-Length'), $method eq 'POST' || length $body ? length $body : '', "$name: Content-Length");
	}
	for my $status (201, 204, 400, 401, 404, 409, 500, 302)
	{
		$e->on('/base/v1/x', $status == 204 ? "HTTP/1.1 204 No\r\n\r\n" : Endpoint::reply($status, '{"errorMessage":"because"}'));
		my $d = outcome(call(1, 'GET', '/v1/x'));
		is("$d->{http_status} $d->{body} $d->{error}", "$status " . ($status == 204 ? '' : '{"errorMessage":"because"}') . ' ', "a call answered $status");
	}
	$e->on('/base/v1/x', Endpoint::reply(429, '', 'Retry-After' => 9));
	is(outcome(call(1, 'GET', '/v1/x'))->{retry_after_ms}, 9000, 'Retry-After');
	my $large = '"' . 'x' x (1024 * 1024 - 2) . '"';
	$e->on('/base/v1/x', Endpoint::reply(200, $large));
	ok(outcome(call(1, 'GET', '/v1/x'))->{body} eq $large, 'an answer of 1 MiB');
	for ([ 'what is not UTF-8', "\"\xff\"", "\"\xef\xbf\xbd\"" ], [ 'a NUL', "\"a\0\"", "\"a\xef\xbf\xbd\"" ])
	{
		$e->on('/base/v1/x', Endpoint::reply(200, $_->[1]));
		my $d = outcome(call(1, 'GET', '/v1/x'));
		is("$d->{http_status} $d->{body}", "200 $_->[2]", "a call answered with $_->[0]: mended");
	}
	my %no_answer = (
		'one byte more' => [Endpoint::reply(200, "$large "), qr/HTTP 200 with a body of more than 1048576 bytes/],
		'half a body' => [["HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", 'close'], qr/127\.0\.0\.1/],
		'nothing' => [['', 'close'], qr/127\.0\.0\.1/],
		'silence' => [sub { return }, qr/timed out/i],
	);
	for (sort keys %no_answer)
	{
		$w->configure(send_timeout_ms => $_ eq 'silence' ? 600 : 180000);
		$e->on('/base/v1/x', $no_answer{$_}[0]);
		my $d = outcome(call(1, 'GET', '/v1/x'));
		is("$d->{http_status} $d->{body}", '0 ', "a call answered with $_");
		like($d->{error}, $no_answer{$_}[1], "$_: the error");
		unlike($d->{error}, qr/$key/, "$_: without the key");
	}
	$w->configure(send_timeout_ms => 180000);
	my $n = @{ $e->{requests} };
	my %refused = (
		'an unknown hub' => [77, 'GET', '/v1/x', qr/not known/], 'another method' => [1, 'PUT', '/v1/x', qr/method/],
		'no path' => [1, 'GET', '', qr/path/], 'another path' => [1, 'GET', '/v2/x', qr/path/],
		'a line break' => [1, 'GET', "/v1/x HTTP/1.1\r\nX: ", qr/path/], 'a fragment' => [1, 'GET', '/v1/x#y', qr/path/],
		'another host' => [1, 'GET', '@evil.example/v1/', qr/path/], 'a long path' => [1, 'GET', '/v1/' . 'x' x 9000, qr/too long/],
	);
	like(outcome(call(@{ $refused{$_} }[0 .. 2]))->{error}, $refused{$_}[3], "a call with $_") for sort keys %refused;
	is(scalar @{ $e->{requests} }, $n, 'is not made');
	$w->put_hub(2, 'other', 'http://127.0.0.1:1', "a\r\nb");
	like(outcome(call(2, 'GET', '/v1/x'))->{error}, qr/API key/, 'a hub with a key that is none');
	$w->put_hub(2, 'other', 'ftp://127.0.0.1', $key);
	like(outcome(call(2, 'GET', '/v1/x'))->{error}, qr/api_url/, 'a hub with a URL that is none');
	my $closed = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'tcp');
	$w->put_hub(2, 'other', 'http://127.0.0.1:' . $closed->sockport, $key);
	like(outcome(call(2, 'GET', '/v1/x'))->{error}, qr/connect/i, 'a hub that is not there');
	return;
}

sub test_many_calls
{
	my @waiting;
	$e->on('*', sub { push @waiting, $_[0]; return });
	$w->put_hub($_, "hub$_", url("/hub$_"), 'key') for 1 .. 6;
	my @tokens = map { call($_ % 6 + 1, 'GET', '/v1/many') } 1 .. 60;
	until_true(sub { @waiting >= 8 });
	my ($all, $one) = (0, 0);
	while (grep { !$answered{$_} } @tokens)
	{
		my %of;
		$of{ $_->{path} }++ for @waiting;
		for (values %of) { $one = $_ if $_ > $one }
		$all = @waiting if @waiting > $all;
		$e->release((shift @waiting), Endpoint::reply(200, '{}'));
		until_true(sub { @waiting >= 8 || !grep { !$answered{$_} } @tokens }, 0.2);
	}
	is("$all $one", '8 2', 'at most 8 calls at a time, 2 of a hub');
	is(scalar(grep { outcome($_)->{http_status} == 200 } @tokens), 60, 'all are answered');

	@tokens = map { call(1, 'GET', '/v1/many') } 1 .. 1010;
	until_true(sub { $answered{ $tokens[-1] } && @waiting >= 2 });
	my @refused = grep { $answered{$_} } @tokens;
	# two may have begun before the last came
	cmp_ok(abs(scalar(@refused) - 9), '<=', 1, 'at most 1,000 calls wait');
	like($answered{ $refused[0] }{error}, qr/too many calls/, 'what is beyond them is told so');
	$w->tell('HUB_GONE', hub => 1);
	until_true(sub { scalar(grep { !$answered{$_} } @tokens) <= 2 });
	like($answered{ $tokens[500] }{error}, qr/hub was removed/, 'a hub that goes: what waits for it fails');
	$e->release($_, Endpoint::reply(200, '"end"')) for splice @waiting;
	is(scalar(grep { outcome($_)->{http_status} == 200 } @tokens), 2, 'what was under way ends');
	delete $e->{rules}{'*'};
	return;
}

# --- TLS, and the end -----------------------------------------------------

sub test_tls
{
	my $dir = tempdir(CLEANUP => 1);
	my $proxy;
	Proxy::certificates($dir);
	for (1 .. 5)
	{
		my $port = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)->sockport;
		$proxy = eval { Proxy::nginx_before_hub($dir, $e->{port}, $port) } and last;
	}
	ok($proxy, 'an endpoint with TLS and HTTP/2') or return;
	chmod 0755, $dir;
	put_webhook(1, $proxy->url . '/good');
	bad(outcome(deliver(1)), 0, qr/localhost:\d+: .*certificate.*webchatt\.ca_file/i, 'a certificate that nobody vouches for');
	$w = open_net(ca_file => "$dir/ca.pem", max_deliveries => 16);
	put_webhook(1, $proxy->url . '/good', secret => $SECRET, headers => [{ key => 'X-Team', value => 'blue' }]);
	my @tokens = map { deliver(1, attempt => $_) } 1 .. 100;
	is(scalar(grep { outcome($_)->{good} == 1 } @tokens), 100, 'a hundred by TLS');
	my $r = last_request();
	is(Endpoint::header($r, 'X-Forwarded-Protocol'), 'HTTP/2.0', 'and HTTP/2');
	is("$r->{body} " . Endpoint::header($r, 'X-Team') . ' ' . Endpoint::header($r, 'X-Hub-Delivery'), "$EVENT blue $DELIVERY", 'a request');
	my ($t, $hex) = Endpoint::header($r, 'X-hub-Signature') =~ /\At=([0-9]+),v1=([0-9a-f]{64})\z/;
	is($hex, hmac_sha256_hex("$t.$EVENT", $SECRET), 'its signature');
	my %seen = map { Endpoint::header($_, 'X-Hub-Attempt') => 1 } grep { $_->{headers}{'x-forwarded-protocol'} } @{ $e->{requests} };
	is(scalar keys %seen, 100, 'each with its own headers');
	$e->on('/verify', sub { return Endpoint::reply(200, $json->encode(Endpoint::header($_[0], 'X-Validation-Token'))) });
	put_webhook(1, $proxy->url . '/verify');
	is(outcome(deliver(1, verify => 1, body => 'abc'))->{good}, 1, 'a verification by HTTP/2');

	# The authorities are read anew with every connection: what is written into the file is seen, what takes its name
	# is for the worker to compare, and no reason to lose the old ones.
	put_webhook(1, $proxy->url . '/good');
	$w->configure(connection_lifetime_ms => 1);
	mkdir "$dir/other";
	Proxy::certificates("$dir/other");
	copy("$dir/ca.pem", "$dir/kept.pem");
	copy("$dir/other/ca.pem", "$dir/ca.pem");
	bad(outcome(deliver(1)), 0, qr/certificate/, 'another authority written into ca_file: not trusted any more');
	copy("$dir/kept.pem", "$dir/ca.pem");
	is(outcome(deliver(1))->{good}, 1, 'the first one written into it: trusted again');
	rename "$dir/kept.pem", "$dir/ca.pem" or die;
	is(outcome(deliver(1))->{good}, 1, 'a file of the same content in its place: nothing happens');
	$w->configure(connection_lifetime_ms => 120_000);
	put_webhook(1, "https://runs-elsewhere.localhost:$proxy->{port}/good");
	is(outcome(deliver(1))->{good}, 0, 'a certificate for another name');
	$w->configure(webhook_allowed => '');
	put_webhook(1, $proxy->url . '/good');
	bad(outcome(deliver(1)), 0, qr/is an address/, 'with TLS too no address that is not allowed');
	$w->put_hub(1, 'tls', $proxy->url, 'key');
	$e->on('/v1/x', Endpoint::reply(200, '{}'));
	is(outcome(call(1, 'GET', '/v1/x'))->{http_status}, 200, 'a call by TLS, to an address that webhooks may not have');
	$proxy->stop;
	return;
}

sub test_close
{
	$w->configure(webhook_allowed => '127.0.0.1', webhook_timeout_ms => 600000, send_timeout_ms => 600000);
	$e->on('/silent', sub { return });
	$e->on('/v1/silent', sub { return });
	put_webhook(1, url('/silent'));
	$w->put_hub(1, 'hub', url(''), 'key');
	my $n = @{ $e->{requests} };
	my $delivery = deliver(1);
	my $call = call(1, 'GET', '/v1/silent');
	until_true(sub { @{ $e->{requests} } == $n + 2 });
	$w->tell('CLOSE');
	until_true(sub { 0 }, 0.3);
	$e->release($_, Endpoint::reply(200, '"late"')) for @{ $e->{requests} }[$n, $n + 1];
	is(outcome($delivery)->{answer}, '"late"', 'closing: a delivery that is under way is waited for');
	is(outcome($call)->{body}, '"late"', 'a call too');
	is($w->wait_exit(5), 0, 'then it ends');

	$w = open_net(webhook_timeout_ms => 600000, send_timeout_ms => 600000);
	put_webhook(1, url('/silent'));
	put_webhook(2, url('/good'));
	$w->put_hub(1, 'hub', url(''), 'key');
	$n = @{ $e->{requests} };
	deliver(1) for 1 .. 30;
	call(1, 'GET', '/v1/silent') for 1 .. 30;
	until_true(sub { @{ $e->{requests} } >= $n + 4 });
	is($w->close_door, 0, 'closing: what is not answered is given up');
	return;
}

test_request();
test_headers();
test_answers();
test_no_answer();
test_verification();
test_addresses();
test_allowed();
test_lifetime();
test_changes();
test_window();
test_dead_beside_fast();
test_calls();
test_many_calls();
is($twice, 0, 'nothing was answered twice');
is($w->close_door, 0, 'it ends well');
$w = open_net();
test_tls();
test_close();
done_testing();
