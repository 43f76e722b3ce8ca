# /v1/organization/webhook, with the test in the worker's place: what
# goes to the worker and how, what is refused before, and what becomes of its
# answer.  What the worker makes of it is tested in test/sql and test/t.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Corridor;
use JSON::PP ();
use RestApi;
use Test::More;
use Time::HiRes qw(time);

my $HOOKS = '/v1/organization/webhook';
my $ID = '6cbd6789-1d2b-47e0-9391-5eb91d2839ea';
my $n = 0;

# --- the worker's part ----------------------------------------------------


# The next API_CALL, undef when none comes in time.
sub api_call
{
	my ($w, $seconds) = @_;
	return $w->wait_frame('API_CALL', $seconds // 5);
}

sub api_answer
{
	my ($w, $call, $status, $body) = @_;
	return $w->tell('API_ANSWER', request => $call->{request}, http_status => $status, body => $body);
}

# --- the client's part ----------------------------------------------------

sub request
{
	my ($method, $target, $body, @headers) = @_;
	@headers = ("x-api-key: $KEY", @headers) unless grep { /^x-api-key/i } @headers;
	return join("\r\n", "$method $target HTTP/1.1", 'Host: t', grep({ length } @headers),
		defined $body ? ('Content-Type: application/json', 'Content-Length: ' . length $body) : (), '', $body // '');
}

my $w = Corridor->open_door([]);
put_key($w, 7, $KEY);

# An answer that webchatt-net gives without the worker.
sub expect { return refused($w, @_) }

# One request, the worker's answer to it, and what the client sees.
sub calls
{
	my ($raw, $status, $body) = @_;
	return round_trip($w, $raw, 'API_CALL', sub { api_answer($w, $_[0], $status, $body) });
}

# What the worker is asked, and that its answer comes back as it is.
sub passes
{
	my ($name, $raw, %want) = @_;
	my $body = '{"n":' . ++$n . '}';
	my ($call, $r) = calls($raw, 200, $body);
	is($r->{status}, 200, "$name: 200");
	is($r->{body}, $body, "$name: the worker's answer");
	is($call->{$_}, $want{$_}, "$name: $_") for sort keys %want;
	return;
}

# --------------------------------------------------------------------------

subtest 'paths' => sub {
	passes("GET $_", request('GET', $_), method => 'GET', path => $_, query => '', body => '', key => 7)
	  for $HOOKS, "$HOOKS/$ID", "$HOOKS/$ID/webhook-log", "$HOOKS/x/y/z", "$HOOKS//", "$HOOKS/%41";
	passes('a query', request('GET', "$HOOKS?offset=0&limit=20"), path => $HOOKS, query => 'offset=0&limit=20');
	passes('an empty query', request('GET', "$HOOKS?"), path => $HOOKS, query => '');
	passes('two question marks', request('GET', "$HOOKS?a=b?c"), path => $HOOKS, query => 'a=b?c');
	passes('the absolute form', request('GET', "http://hub.example$HOOKS/$ID?x=1"), path => "$HOOKS/$ID", query => 'x=1');
	for my $path ("$HOOKS/", '/v1/organization', '/v1/organization/', '/v1/organization/webhooks', '/v1/organization/webhook-log',
		'/v1/organization/webhoo', '/v1/organization/member', '/v2/organization/webhook', '/v1/organization/Webhook')
	{
		expect("$_ $path", 404, request($_, $path, $_ eq 'POST' ? '{}' : undef), 'not_found') for qw(GET POST);
	}
};

subtest 'methods' => sub {
	for my $method (qw(GET DELETE))
	{
		passes($method, request($method, "$HOOKS/$ID"), method => $method, body => '');
		passes("$method with a body", request($method, "$HOOKS/$ID", '{"a":1}'), method => $method, body => '');
		passes("$method with a body that is no JSON", request($method, "$HOOKS/$ID", 'junk'), method => $method, body => '');
	}
	for my $method (qw(POST PATCH))
	{
		passes($method, request($method, "$HOOKS/$ID", '{"a":1}'), method => $method, body => '{"a":1}');
		passes("$method with an empty body", request($method, "$HOOKS/$ID", ''), method => $method, body => '');
		passes("$method without a body", request($method, "$HOOKS/$ID"), method => $method, body => '');
	}
	for my $method (qw(PUT OPTIONS BREW get CONNECTED))
	{
		my $r = expect("$method", 405, request($method, $HOOKS), 'method_not_allowed');
		is(header($r, 'Allow'), 'GET, POST, PATCH, DELETE', "$method: Allow");
	}
	my $s = $w->dial;
	$w->put($s, request('HEAD', $HOOKS));
	ok($w->until(5, sub { sysread($s, my $b, 4096); ($b // '') =~ /\AHTTP\/1\.1 405.*\r\n\r\n\z/s }, $s), 'HEAD: 405 without a body');
	asked_nothing($w, 'HEAD');
};

subtest 'keys' => sub {
	for my $method (qw(GET POST PATCH DELETE))
	{
		my $body = $method =~ /^P/ ? '{}' : undef;
		expect("$method: no key", 401, request($method, $HOOKS, $body, 'x-api-key-not: x') =~ s/^x-api-key:.*?\r\n//mr, 'api_key_missing');
		expect("$method: malformed", 401, request($method, $HOOKS, $body, 'x-api-key: wck_x'), 'api_key_malformed');
		expect("$method: unknown", 401, request($method, $HOOKS, $body, "x-api-key: $KEY2"), 'api_key_unknown');
	}
	expect('before the body is looked at', 401, request('POST', $HOOKS, 'junk', "x-api-key: $KEY2"), 'api_key_unknown');
	expect('two keys', 400, request('GET', $HOOKS, undef, "x-api-key: $KEY", "X-API-KEY: $KEY"), 'bad_request');
	put_key($w, 4294967295, $KEY2);
	passes('another key', request('GET', $HOOKS, undef, "x-api-key: $KEY2"), key => 4294967295);
	passes('and the first', request('GET', $HOOKS), key => 7);
	$w->tell('KEY_GONE', id => 4294967295);
	$w->until(5, sub { my $s = $w->dial; $w->put($s, request('GET', $HOOKS, undef, "x-api-key: $KEY2"));
		my $call = api_call($w, 0.2); api_answer($w, $call, 200, '{}') if $call;
		my $r = $w->answer($s); return $r && $r->{status} == 401 });
	expect('revoked', 401, request('GET', $HOOKS, undef, "x-api-key: $KEY2"), 'api_key_unknown');
};

subtest 'bodies' => sub {
	passes('as it came', request('POST', $HOOKS, qq( {"a" : [1.10, 12345678901234567890123, "\\u00e9\xc3\xa9"]}\n)),
		body => qq( {"a" : [1.10, 12345678901234567890123, "\\u00e9\xc3\xa9"]}\n));
	passes('an array: the worker\'s affair', request('POST', $HOOKS, '[]'), body => '[]');
	passes('64 deep', request('POST', $HOOKS, '[' x 64 . ']' x 64), body => '[' x 64 . ']' x 64);
	my $body = '{"label":"' . 'x' x 3000 . '"}';
	my $chunked = request('PATCH', $HOOKS) =~ s/\r\n\r\n\z/\r\nTransfer-Encoding: chunked\r\n\r\n/r
	  . join('', map { sprintf("%x\r\n%s\r\n", length $_, $_) } $body =~ /.{1,500}/gs) . "0\r\n\r\n";
	passes('chunked', $chunked, method => 'PATCH', body => $body);
	my $bad = sub { my ($name, $body, $why) = @_;
		for my $method (qw(POST PATCH))
		{
			my $r = expect("$method $name", 400, request($method, $HOOKS, $body), 'invalid_payload');
			like($r->{body}, $why, "$method $name: says what");
			unlike($r->{body}, qr/s3cret/, "$method $name: does not quote it");
		}
		return; };
	$bad->('junk', 's3cret', qr/JSON/);
	$bad->('a string', '"s3cret"', qr/JSON/);
	$bad->('a blank', ' ', qr/JSON/);
	$bad->('half of it', '{"a":"s3cret', qr/byte/);
	$bad->('more behind it', '{"a":"s3cret"}x', qr/byte/);
	$bad->('two members of one name', '{"s3cret":1,"s3cret":2}', qr/two members/);
	$bad->('65 deep', '[' x 65 . ']' x 65, qr/nests deeper/);
	$bad->('60,000 deep', '[' x 60000, qr/nests deeper/);
	for my $method (qw(POST PATCH))
	{
		my $mended = sub { my ($name, $body, $kept) = @_; passes("$method $name is mended", request($method, $HOOKS, $body), body => $kept) };
		$mended->('bad UTF-8', qq({"a":"\xff"}), qq({"a":"\xef\xbf\xbd"}));
		$mended->('an escaped NUL', '{"a":"\u0000"}', '{"a":"\ufffd"}');
		$mended->('half a surrogate pair', '{"a":"\ud800"}', '{"a":"\ufffd"}');
	}
	expect('too large', 413, request('POST', $HOOKS, '{"a":"' . 'x' x 70000 . '"}'), 'body_too_large');
	expect('bytes in the path', 400, request('GET', "$HOOKS/caf\xc3\xa9"), 'invalid_payload');
	expect('bytes in the query', 400, request('GET', "$HOOKS?a=\xff"), 'invalid_payload');
};

subtest 'answers' => sub {
	for my $status (200, 201, 400, 404, 409, 500)
	{
		my ($call, $r) = calls(request('POST', $HOOKS, '{}'), $status, '{"signingSecret":"x"}');
		is($r->{status}, $status, "answered $status");
		is($r->{body}, '{"signingSecret":"x"}', "$status: its body");
		is(header($r, 'Content-Type'), 'application/json', "$status: JSON");
		is(header($r, 'Cache-Control'), 'no-store', "$status: not to be kept");
		is(header($r, 'X-Content-Type-Options'), 'nosniff', "$status: nor guessed at");
	}
	my ($call, $r) = calls(request('DELETE', "$HOOKS/$ID"), 204);
	is($r->{status}, 204, "answered 204");
	is(header($r, 'Content-Type'), undef, '204: no type');
	($call, $r) = calls(request('GET', $HOOKS), 503, '{}');
	is($r->{status}, 503, "answered 503");
	is(header($r, 'Retry-After'), 1, '503: Retry-After');
	is(JSON::PP::decode_json($r->{body})->{errorCode}, 'busy', '503: in the usual form');
	my $big = '{"a":"' . 'y' x 600000 . '"}';
	($call, $r) = calls(request('GET', $HOOKS), 200, $big);
	is($r->{body}, $big, 'a large answer is whole');

	my $s = $w->dial;
	for my $i (1 .. 3)
	{
		$w->put($s, request($i == 2 ? 'DELETE' : 'GET', "$HOOKS/$i"));
		my $c = api_call($w);
		is($c->{path}, "$HOOKS/$i", "kept alive: request $i");
		api_answer($w, $c, $i == 2 ? (204) : (200, "{\"i\":$i}"));
		is($w->answer($s)->{status}, $i == 2 ? 204 : 200, "kept alive: answer $i");
	}
};

subtest 'waiting' => sub {
	my @s = map { $w->dial } 1 .. 20;
	$w->put($s[$_], request('GET', "$HOOKS/$_")) for 0 .. 19;
	my @calls = map { api_call($w) } 0 .. 19;
	is(scalar(grep { defined } @calls), 20, 'many at a time');
	is(scalar(keys %{ { map { $_->{request} => 1 } @calls } }), 20, 'each with a number of its own');
	api_answer($w, $_, 200, "\"$_->{path}\"") for reverse @calls;
	is_deeply([map { $w->answer($s[$_])->{body} } 0 .. 19], [map { "\"$HOOKS/$_\"" } 0 .. 19], 'each gets its own answer');

	api_answer($w, { request => 12345 }, 200, '{}');
	$w->tell('API_DONE', request => $calls[0]{request});
	passes('answers that nobody waits for do no harm', request('GET', $HOOKS));

	# another kind of answer with its number changes nothing
	my $s = $w->dial;
	$w->put($s, request('GET', $HOOKS));
	my $call = api_call($w);
	$w->tell('EVENT_DONE', request => $call->{request});
	$w->tell('API_DONE', request => $call->{request});
	api_answer($w, $call, 200, '{"right":1}');
	is($w->answer($s)->{body}, '{"right":1}', 'only API_ANSWER answers');
	api_answer($w, $call, 200, '{"second":1}');

	$s = $w->dial;
	$w->put($s, request('GET', $HOOKS));
	$call = api_call($w);
	setsockopt($s, Socket::SOL_SOCKET, Socket::SO_LINGER, pack('ii', 1, 0));
	close $s;
	$w->until(0.1, sub { 0 });
	api_answer($w, $call, 200, '{}');
	passes('a client that left does no harm', request('GET', $HOOKS));

	my $v = Corridor->open_door([], max_waiting => 1);
	put_key($v, 7, $KEY);
	my $first = $v->dial;
	$v->put($first, request('POST', $HOOKS, '{}'));
	$call = api_call($v);
	my $r = $v->once(request('GET', $HOOKS));
	is($r->{status}, 503, 'beyond max_waiting: 503');
	is(JSON::PP::decode_json($r->{body})->{errorCode}, 'behind', 'behind');
	api_answer($v, $call, 200, '{}');
	$v->answer($first);
	$v->configure(ack_timeout_ms => 150);
	my $t = time;
	$v->put($first, request('POST', $HOOKS, '{}'));
	$call = api_call($v);
	$r = $v->answer($first);
	is($r->{status}, 503, 'no answer in time: 503');
	cmp_ok(time - $t, '>=', 0.1, 'after ack_timeout');
	my $json = JSON::PP::decode_json($r->{body});
	is($json->{errorCode}, 'commit_timeout', 'its code');
	like($json->{errorMessage}, qr/may do it all the same/, 'and what that means');
	$v->configure(ack_timeout_ms => 180000);
	api_answer($v, $call, 200, '{}');
	$first = $v->dial;
	$v->put($first, request('GET', $HOOKS));
	my $again = api_call($v);
	isnt($again->{request}, $call->{request}, 'the late answer\'s number is not used again');
	$v->tell('CLOSE');
	is($v->answer($first)->{status}, 503, 'CLOSE: what waits gets 503');
	is($v->wait_exit(5), 0, 'and it ends');

	$v = Corridor->start;
	$v->hello;
	$v->configure;
	put_key($v, 7, $KEY);
	is($v->close_door, 0, 'one that was never opened ends');
};

is($w->close_door, 0, 'it ends in order');
done_testing;
