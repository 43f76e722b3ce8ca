# The HTTP server of webchatt-net, with the test in the worker's place: what is
# taken, what is refused and how, every limit and deadline, hostile input, and
# the end in each of its ways.  WEBCHATT_NET names the program (a build with
# sanitizers, say); WEBCHATT_DOOR_SEED repeats a hostile run.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Corridor;
use File::Temp qw(tempdir);
use Hostile;
use JSON::PP qw(decode_json);
use IO::Socket::UNIX;
use Test::More;
use Time::HiRes qw(time sleep);

my $CHANNEL = '6cbd6789-1d2b-47e0-9391-5eb91d2839ea';
my $OPEN_CHANNEL = '11111111-2222-4333-8444-555555555555';
my $BARE_CHANNEL = '99999999-2222-4333-8444-555555555555';
my $NO_CHANNEL = Corridor::uuid_text("\0" x 16);
my $UNKNOWN = '00000000-0000-4000-8000-000000000000';
my $SECRET = 'whsec_test_1';
my $OLD_SECRET = 'whsec_test_0';
my @CHANNELS = (
	[$CHANNEL, 0, $SECRET, [$OLD_SECRET, 0], ['expired', 1000]],
	[$OPEN_CHANNEL, 1], [$BARE_CHANNEL, 0]);

my $n = 0;

sub event
{
	my ($channel, $extra) = @_;
	$n++;
	return qq({"eventType":"Message","channelId":"$channel","messageId":"m-$n","from":"5511993986082",)
	  . qq("timestamp":1700000000,"channel":"web-chatt2me","content":{"type":"text","text":"hello )
	  . ($extra // '') . qq("}});
}

sub signed
{
	my ($body, @more) = @_;
	$body //= event($CHANNEL);
	return Corridor::webhook($CHANNEL, $body, 'X-hub-Signature: ' . Corridor::sign($SECRET, $body), @more);
}

sub code { my $r = shift; return eval { decode_json($r->{body})->{errorCode} } // '' }

my $w = Corridor->open_door(\@CHANNELS);

# Ends with the rest of the test blocks: each uses $w, or one of its own.
sub expect
{
	my ($name, $status, $raw, $code) = @_;
	my $r = $w->once($raw);
	is($r->{status}, $status, $name) or diag("$r->{head}\n$r->{body}");
	is(code($r), $code, "$name: its code") if defined $code;
	if ($status >= 400 && $code)
	{
		my $message = eval { decode_json($r->{body})->{errorMessage} };
		ok($message && $message =~ /\w \w/, "$name: a sentence for a person");
	}
	return $r;
}

subtest 'start' => sub {
	like($w->{addresses}, qr/^127\.0\.0\.1:\d+$/, 'OPENED names the real port');
	my $back = $w->wait_frame('HELLO_BACK');
	my ($version, $pid, $confined) = @$back{qw(version pid confined)};
	is($version, $Corridor::VERSION_OF_CORRIDOR, 'HELLO_BACK: version');
	is($pid, $w->{pid}, 'HELLO_BACK: pid');
	ok($confined == 0 || $confined == 1, 'HELLO_BACK: confined') or diag $confined;
	if ($confined)
	{
		open(my $status, '<', "/proc/$w->{pid}/status") or die;
		my ($nnp) = map { /^NoNewPrivs:\s*(\d)/ ? $1 : () } <$status>;
		is($nnp, 1, 'no_new_privs is on');
	}
};

subtest 'good events' => sub {
	my $r = expect('a signed event', 200, signed());
	is($r->{body}, '{"status":"ok"}', 'its answer');
	like($r->{head}, qr{Content-Type: application/json}i, 'its type');
	my $e = $w->{last};
	is($e->{channel}, $CHANNEL, 'EVENT: channel');
	is($e->{visitor}, '5511993986082', 'EVENT: visitor');
	is($e->{at_us}, 1700000000 * 1000000, 'EVENT: time');
	is($e->{kind}, 1, 'EVENT: kind');
	like($e->{body}, qr/^\{"eventType":"Message".*\}\}$/, 'EVENT: body as it came');
	my $body = event($CHANNEL);
	expect('the older secret', 200,
		Corridor::webhook($CHANNEL, $body, 'X-hub-Signature: ' . Corridor::sign($OLD_SECRET, $body)));
	expect('an unsigned event where that is allowed', 200,
		Corridor::webhook($OPEN_CHANNEL, event($OPEN_CHANNEL)));
	my $status = qq({"eventType":"MessageStatus","messageId":"x","status":"delivered","timestamp":1700000042,"channel":"whatsapp"});
	expect('a status', 200, signed($status));
	is($w->{last}{kind}, 2, 'EVENT: kind of a status');
	is($w->{last}{status}, 'delivered', 'EVENT: status');
	expect('an upper-case channel id', 200, signed() =~ s/6cbd/6CBD/r);
	expect('the absolute form, with a query', 200,
		signed() =~ s{POST /(\S+)}{POST http://t/$1?a=b%00}r);
	expect('HTTP/1.0 without Host', 200, signed() =~ s/HTTP\/1\.1\r\nHost: t/HTTP\/1.0/r);
	expect('header names in any case', 200, signed() =~ s/X-hub-Signature/x-HUB-signature/r =~ s/Content-Length/content-length/r);
	expect('blanks around values', 200, signed() =~ s/X-hub-Signature: (\S+)/X-hub-Signature: \t$1 \t/r);
	expect('a head of 6 kB', 200, signed(undef, map { "X-Fill-$_: " . 'x' x 200 } 1 .. 30));
};

subtest 'verification of the endpoint' => sub {
	my $post = sub { "POST /webhooks/$_[0] HTTP/1.1\r\nHost: t\r\nX-Validation-Token: $_[1]\r\nContent-Length: 2\r\n\r\n{}" };
	my $r = expect('a token', 200, $post->($CHANNEL, 'abc-123'));
	is($r->{body}, '"abc-123"', 'comes back as a JSON string');
	like($r->{head}, qr{Content-Type: application/json}i, 'with its type');
	$r = expect('a token to be escaped', 200, $post->($CHANNEL, 'a"b\\c</script>'));
	is(JSON::PP->new->allow_nonref->decode($r->{body}), 'a"b\\c</script>', 'is escaped');
	expect('a token of 1024 bytes', 200, $post->($CHANNEL, 'x' x 1024));
	expect('a token of 1025 bytes', 400, $post->($CHANNEL, 'x' x 1025), 'invalid_validation_token');
	expect('a token that is not UTF-8', 400, $post->($CHANNEL, "\xff\xfe"), 'invalid_validation_token');
	expect('an empty token', 400, $post->($CHANNEL, ''), 'invalid_validation_token');
	expect('a token for an unknown channel', 404, $post->($UNKNOWN, 'abc'), 'unknown_channel');
	expect('a token by GET', 405, $post->($CHANNEL, 'abc') =~ s/POST/GET/r, 'method_not_allowed');
};

subtest 'signatures' => sub {
	my $body = event($CHANNEL);
	my $with = sub { Corridor::webhook($CHANNEL, $body, "X-hub-Signature: $_[0]") };
	my $now = int(time);
	expect('none', 401, Corridor::webhook($CHANNEL, $body), 'signature_missing');
	expect('of another secret', 401, $with->(Corridor::sign('other', $body)), 'signature_wrong');
	expect('of an expired secret', 401, $with->(Corridor::sign('expired', $body)), 'signature_wrong');
	expect('of another body', 401, $with->(Corridor::sign($SECRET, "$body ")), 'signature_wrong');
	expect('400 s old', 401, $with->(Corridor::sign($SECRET, $body, $now - 400)), 'signature_stale');
	expect('400 s ahead', 401, $with->(Corridor::sign($SECRET, $body, $now + 400)), 'signature_stale');
	expect('200 s old', 200, $with->(Corridor::sign($SECRET, $body, $now - 200)));
	expect('garbage', 401, $with->('abc'), 'signature_malformed');
	expect('upper-case hex', 200, $with->(Corridor::sign($SECRET, $body) =~ s/v1=(.*)/'v1=' . uc $1/er));
	expect('wrong where none is needed', 401,
		Corridor::webhook($OPEN_CHANNEL, $body, 'X-hub-Signature: ' . Corridor::sign('x', $body)));
	expect('for a channel without a secret', 401, Corridor::webhook($BARE_CHANNEL, event($BARE_CHANNEL)), 'no_secret');
	expect('two of them', 400, Corridor::webhook($CHANNEL, $body, ('X-hub-Signature: ' . Corridor::sign($SECRET, $body)) x 2), 'bad_request');
	ok(!grep { /whsec|hello|v1=/ } @{ $w->{logs} }, 'no log line holds a secret, a body or a signature');
};

subtest 'a hub\'s own endpoint' => sub {
	my ($mine, $theirs, $local) = map { "22222222-2222-4333-8444-00000000000$_" } 1 .. 3;
	my $put = sub { my ($id, $hub, $local) = @_;
		return $w->tell('CHANNEL_PUT', id => $id, hub => $hub, secrets => ["channel's own"], $local ? (local => 1, public_key => 'wpk_0123456789abcdef') : ()) };
	my $post = sub { my ($name, $body, @headers) = @_;
		return Corridor::webhook("hubs/$name", $body, @headers) };
	my $by = sub { my ($name, $body, $secret) = @_;
		return $post->($name, $body, 'X-hub-Signature: ' . Corridor::sign($secret // 'hub one', $body)) };
	$put->($mine, 31);
	$put->($theirs, 32);
	$put->($local, 31, 1);
	$w->put_hub(31, 'first-hub_1', 'http://127.0.0.1:9', 'key', 0, 'hub one', ['hub old', 0], ['hub gone', 1000]);
	$w->put_hub(32, 'second', 'http://127.0.0.1:9', 'key', 0, 'hub two');
	$w->put_hub(33, 'bare', 'http://127.0.0.1:9', 'key', 1);

	expect('a message', 200, $by->('first-hub_1', event($mine)));
	is($w->{last}{hub}, 31, 'EVENT: hub');
	is($w->{last}{channel}, $mine, 'EVENT: channel');
	is($w->{last}{visitor}, '5511993986082', 'EVENT: visitor');
	expect('by the older secret', 200, $by->('first-hub_1', event($mine), 'hub old'));
	expect('of the other hub', 200, $by->('second', event($theirs), 'hub two'));
	is($w->{last}{hub}, 32, 'EVENT: the other hub');
	my $status = sub { my ($channel) = @_;
		return qq({"eventType":"MessageStatus",) . ($channel ? qq("channelId":"$channel",) : '') . qq("messageId":"x","status":"read","timestamp":1}) };
	expect('a status that names no channel', 200, $by->('first-hub_1', $status->()));
	is_deeply([@{ $w->{last} }{qw(kind hub channel message_id status)}], [2, 31, $NO_CHANNEL, 'x', 'read'], 'EVENT: as it is');
	expect('a status that names its channel', 200, $by->('first-hub_1', $status->($mine)));
	is($w->{last}{channel}, $mine, 'EVENT: that channel');
	my $own = event($mine);
	expect('a channel\'s own endpoint is there beside it', 200,
		Corridor::webhook($mine, $own, 'X-hub-Signature: ' . Corridor::sign("channel's own", $own)));
	is($w->{last}{hub}, 0, 'EVENT: no hub');
	expect('the absolute form, with a query', 200, $by->('first-hub_1', event($mine)) =~ s{POST /(\S+)}{POST http://t/$1?a=b}r);
	expect('a slash behind it', 200, $by->('first-hub_1/', event($mine)));
	is($w->{last}{kind}, 1, 'is the same endpoint');
	for my $case (['a message without a channel', event($mine) =~ s/"channelId":"[^"]*",//r], ['no event', '{}'])
	{
		my ($name, $body) = @$case;
		expect("$name is taken to be kept", 200, $by->('first-hub_1', $body));
		is("$w->{last}{kind} $w->{last}{hub} $w->{last}{channel} $w->{last}{body}", "3 31 $NO_CHANNEL $body", 'as what it is');
	}

	my $before = $w->{nevents};
	for my $id ($theirs, $local, $CHANNEL, $UNKNOWN, '00000000-0000-0000-0000-000000000000')
	{
		my $r = expect("a message of another channel: $id", 404, $by->('first-hub_1', event($id)), 'unknown_channel');
		like($r->{body}, qr/$id.*add_channel/, 'says which, and what to do');
		expect("a status of another channel: $id", 404, $by->('first-hub_1', $status->($id)), 'unknown_channel') unless $id =~ /^0+-0+-0/;
	}
	expect('unsigned', 401, $post->('first-hub_1', event($mine)), 'signature_missing');
	expect('by an expired secret', 401, $by->('first-hub_1', event($mine), 'hub gone'), 'signature_wrong');
	expect('by the other hub\'s secret', 401, $by->('first-hub_1', event($mine), 'hub two'), 'signature_wrong');
	expect('by the channel\'s secret', 401, $by->('first-hub_1', event($mine), "channel's own"), 'signature_wrong');
	expect('by the hub\'s secret to the channel\'s endpoint', 401,
		Corridor::webhook($mine, $own = event($mine), 'X-hub-Signature: ' . Corridor::sign('hub one', $own)), 'signature_wrong');
	for my $raw ($post->('bare', event($mine)), $by->('bare', event($mine)), $by->('bare', event($mine), ''))
	{
		like(expect('a hub without a secret', 401, $raw, 'no_secret')->{body}, qr/register_webhooks/, 'says what to do');
	}
	expect("an unknown hub: $_", 404, $by->($_, event($mine)), 'unknown_hub') for qw(third first first-hub_ first-hub_12 x), 'y' x 63;
	expect("no hub's name: $_", 404, $by->($_, event($mine)), 'not_found') for '', 'First', '-a', 'a/b', 'second//', '%73econd', 'y' x 64, 'a.b';
	expect('GET', 405, $by->('second', event($mine)) =~ s/POST/GET/r, 'method_not_allowed');
	is($w->{nevents}, $before, 'none of these is an event');

	my $verify = sub { "POST /webhooks/hubs/$_[0] HTTP/1.1\r\nHost: t\r\nX-Validation-Token: $_[1]\r\nContent-Length: 2\r\n\r\n{}" };
	for my $name ('second', 'bare')
	{
		my $r = expect("verification of $name", 200, $verify->($name, 'to"k'));
		is($r->{body}, '"to\"k"', 'the token comes back');
	}
	expect('verification of an unknown hub', 404, $verify->('third', 'x'), 'unknown_hub');

	$w->put_hub(33, 'bare', 'http://127.0.0.1:9', 'key', 0, 'now one');
	$w->put_hub(32, 'renamed', 'http://127.0.0.1:9', 'key', 0, 'hub three');
	expect('a secret that came', 404, $by->('bare', event($mine), 'now one'), 'unknown_channel');
	expect('a hub that was renamed', 200, $by->('renamed', event($theirs), 'hub three'));
	expect('its old name', 404, $by->('second', event($theirs), 'hub three'), 'unknown_hub');
	$put->($mine, 33);
	expect('a channel that was moved', 200, $by->('bare', event($mine), 'now one'));
	expect('and is the first hub\'s no more', 404, $by->('first-hub_1', event($mine)), 'unknown_channel');
	$w->put_hub($_, "many-$_", 'http://127.0.0.1:9', 'key', 0, "secret $_") for 100 .. 140;
	expect('one of many', 404, $by->('many-133', event($mine), 'secret 133'), 'unknown_channel');
	$w->tell('HUB_GONE', hub => $_) for 31 .. 33, 100 .. 140, 999;
	expect('a hub that has gone', 404, $by->('bare', event($mine), 'now one'), 'unknown_hub');
	$w->drop_channel($_) for $mine, $theirs, $local;
	ok(!grep { /hub one|now one|hello/ } @{ $w->{logs} }, 'no log line holds a secret or a body');

	# the worker's word
	my $v = Corridor->open_door([], auto => undef);
	$v->put_hub(31, 'h', 'http://127.0.0.1:9', 'key', 0, 'hub one');
	for my $case (['STORED', 200, ''], ['REPEAT', 200, ''], ['REJECTED', 200, ''], ['GONE', 404, 'unknown_channel'], ['BUSY', 503, 'busy'])
	{
		my $s = $v->dial;
		$v->put($s, $by->('h', $status->()));
		$v->done($v->wait_event, $Corridor::DONE{ $case->[0] });
		my $r = $v->answer($s);
		is("$r->{status} " . code($r), "$case->[1] $case->[2]", $case->[0]);
	}
	is($v->close_door, 0, 'it ends in order');
};

subtest 'what is not an event' => sub {
	my $is = sub {
		my ($name, $body) = @_;
		my $r = expect($name, 200, signed($body));
		my $e = $w->{last};
		ok($e->{kind} == 3 && $e->{channel} eq $CHANNEL && $e->{body} eq $body && length $e->{error_message},
			'is handed over byte for byte, with the reason') or diag(explain($e));
		return $e;
	};
	$is->('an empty body', '');
	$is->('not JSON', 'hello');
	$is->('an array', '[1]');
	$is->('cut short', substr(event($CHANNEL), 0, 60));
	$is->('something behind it', event($CHANNEL) . 'x');
	$is->('UTF-16', "\xff\xfe{\0}\0");
	$is->('an unknown event type', event($CHANNEL) =~ s/"Message"/"Nonsense"/r);
	$is->('no messageId', event($CHANNEL) =~ s/"messageId":"[^"]*",//r);
	my $e = $is->('nested 65 deep', '[' x 65 . ']' x 65);
	unlike($e->{error_message}, qr/\[\[/, 'the reason does not quote the body');
	$is->('nested 60,000 deep', '[' x 60000);
	my $before = $w->{nevents};
	expect('of another channel', 400, signed(event($OPEN_CHANNEL)), 'invalid_event');
	expect('unsigned', 400, Corridor::webhook($OPEN_CHANNEL, 'hello'), 'invalid_event');
	expect('wrongly signed', 401, Corridor::webhook($CHANNEL, 'hello', 'X-hub-Signature: ' . Corridor::sign('x', 'hello')), 'signature_wrong');
	is($w->{nevents}, $before, 'strangers and mistakes are refused');

	# what cannot be stored is mended
	my $mends = sub {
		my ($name, $in, $out) = @_;
		expect($name, 200, signed(event($CHANNEL, $in)));
		my ($is) = $w->{last}{body} =~ /"text":("(?:[^"\\]|\\.)*")/;
		ok($w->{last}{kind} == 1 && $is eq "\"hello $out\"", 'is mended') or diag(explain($w->{last}));
	};
	$mends->('a NUL in a string', 'a\u0000', 'a\ufffd');
	$mends->('a raw NUL', "a\0", "a\xef\xbf\xbd");
	$mends->('not UTF-8', "\xff", "\xef\xbf\xbd");
	$mends->('half an emoji', 'a\ud83d', 'a\ufffd');
	$mends->('a whole one', '\ud83d\ude00', '\ud83d\ude00');
	$mends->('a line feed', "a\nb", 'a\u000ab');
	expect('a huge number', 200, signed(event($CHANNEL) =~ s/1700000000/1700000000,"n":123456789012345678901234567890/r));
};

subtest 'routes and methods' => sub {
	my $get = sub { "$_[0] $_[1] HTTP/1.1\r\nHost: t\r\n\r\n" };
	my $r = expect('GET /healthz', 200, $get->('GET', '/healthz'));
	$r = expect('GET /metrics', 200, $get->('GET', '/metrics'));
	like($r->{head}, qr{Content-Type: text/plain}, 'of text');
	like($r->{body}, qr/^webchatt_events_total\{result="stored"\} [1-9]/m, 'with the events');
	like($r->{body}, qr/^webchatt_http_refused_total\{status="401",reason="signature_wrong"\} [1-9]/m, 'with the refusals');
	expect('an unknown path', 404, $get->('GET', '/'), 'not_found');
	expect('a path into the files', 404, $get->('GET', '/../../etc/passwd'), 'not_found');
	expect('no channel id', 404, $get->('POST', '/webhooks/'), 'not_found');
	expect('a bad channel id', 404, $get->('POST', "/webhooks/$CHANNEL/x"), 'not_found');
	expect('an escaped NUL behind the id', 404, signed() =~ s/ea HTTP/ea%00 HTTP/r, 'not_found');
	expect('an unknown channel', 404, signed() =~ s/$CHANNEL/$UNKNOWN/r, 'unknown_channel');
	$r = expect('GET of a webhook', 405, $get->('GET', "/webhooks/$CHANNEL"), 'method_not_allowed');
	like($r->{head}, qr/^Allow: POST\r?$/m, 'Allow');
	$r = expect('POST of healthz', 405, $get->('POST', '/healthz'), 'method_not_allowed');
	like($r->{head}, qr/^Allow: GET, HEAD\r?$/m, 'Allow');
	expect('an unknown method', 405, $get->('BREW', "/webhooks/$CHANNEL"), 'method_not_allowed');
	my $s = $w->dial;
	$w->put($s, $get->('HEAD', '/healthz'));
	ok($w->until(5, sub { sysread($s, my $b, 4096); ($b // '') =~ /\AHTTP\/1\.1 200.*\r\n\r\n\z/s }, $s), 'HEAD has no body');
	$w->drop_channel($OPEN_CHANNEL);
	expect('a channel that has gone', 404, Corridor::webhook($OPEN_CHANNEL, event($OPEN_CHANNEL)), 'unknown_channel');
	$w->put_channel($OPEN_CHANNEL, 1);
	expect('and is back', 200, Corridor::webhook($OPEN_CHANNEL, event($OPEN_CHANNEL)));
};

subtest 'framing' => sub {
	my $s = $w->dial;
	for my $i (1 .. 3)
	{
		$w->put($s, signed());
		is($w->answer($s)->{status}, 200, "kept alive: request $i");
	}
	$w->put($s, Corridor::webhook($CHANNEL, event($CHANNEL)));
	is($w->answer($s)->{status}, 401, 'kept alive: a refusal in between');
	$w->put($s, signed() =~ s/$CHANNEL/$UNKNOWN/r);
	is($w->answer($s)->{status}, 404, 'kept alive: another');
	$w->put($s, signed());
	is($w->answer($s)->{status}, 200, 'kept alive: and on');

	$w->put($s, join('', map { signed() } 1 .. 20));
	is(scalar(grep { $w->answer($s)->{status} == 200 } 1 .. 20), 20, '20 pipelined requests');

	my $body = event($CHANNEL);
	my $head = "POST /webhooks/$CHANNEL HTTP/1.1\r\nHost: t\r\nX-hub-Signature: " . Corridor::sign($SECRET, $body) . "\r\n";
	my $chunked = "${head}Transfer-Encoding: chunked\r\n\r\n"
	  . join('', map { sprintf("%x\r\n%s\r\n", length $_, $_) } $body =~ /.{1,37}/gs) . "0\r\n\r\n";
	$w->put($s, $chunked);
	is($w->answer($s)->{status}, 200, 'a chunked body');
	is($w->{last}{body}, $body, 'is whole');
	for my $byte (split //, $chunked) { $w->put($s, $byte); $w->take }
	is($w->answer($s)->{status}, 200, 'a chunked body, byte for byte');
	is($w->{last}{body}, $body, 'is whole');
	$w->put($s, $chunked =~ s/0\r\n\r\n\z/0\r\nTrailer: x\r\n\r\n/r);
	is($w->answer($s)->{status}, 200, 'a trailer');

	$w->put($s, "${head}Content-Length: " . length($body) . "\r\nExpect: 100-continue\r\n\r\n");
	is($w->answer($s)->{status}, 100, '100-continue');
	$w->put($s, $body);
	is($w->answer($s)->{status}, 200, 'and then the answer');
	$w->put($s, substr(signed($body), 0, -10));
	$w->until(0.02, sub { 0 });
	$w->put($s, substr($body, -10));
	is($w->answer($s)->{status}, 200, 'a body in two pieces');

	is($w->once(Corridor::webhook($CHANNEL, $body, 'Expect: 100-continue'))->{status}, 401, 'a refusal instead of 100');
	expect('another expectation', 417, signed(undef, 'Expect: tea'), 'unknown_expectation');

	my $half = $w->dial;
	$w->put($half, signed());
	shutdown($half, 1);
	is($w->answer($half)->{status}, 200, 'a half-closed POST is answered');
	ok($w->closes($half), 'and closed');
	$half = $w->dial;
	$w->put($half, substr(signed(), 0, -5));
	shutdown($half, 1);
	ok($w->closes($half), 'half a POST is closed');
	my $close = $w->dial;
	$w->put($close, signed(undef, 'Connection: close'));
	is($w->answer($close)->{status}, 200, 'Connection: close');
	ok($w->closes($close), 'is heeded');
};

subtest 'sizes' => sub {
	my $big = event($CHANNEL, 'x' x 65000);
	expect('a body under the limit', 200, signed($big));
	$big = event($CHANNEL, 'x' x 66000);
	expect('a body over the limit', 413, signed($big), 'body_too_large');
	my $s = $w->dial;
	$w->put($s, "POST /webhooks/$CHANNEL HTTP/1.1\r\nHost: t\r\nContent-Length: 100000000\r\n\r\n");
	is($w->answer($s)->{status}, 413, 'said before the body comes');
	ok($w->closes($s), 'and closed');
	$s = $w->dial;
	$w->put($s, "POST /webhooks/$CHANNEL HTTP/1.1\r\nHost: t\r\nX-hub-Signature: t=1,v1=" . '0' x 64 . "\r\nTransfer-Encoding: chunked\r\n\r\n");
	$w->put($s, sprintf("%x\r\n%s\r\n", 30000, 'y' x 30000)) for 1 .. 3;
	is($w->answer($s)->{status}, 413, 'a chunked body over the limit');
	ok($w->closes($s), 'and closed');
	$s = $w->dial;
	$w->put($s, "POST /nowhere HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
	$w->put($s, sprintf("%x\r\n%s\r\n", 30000, 'y' x 30000)) for 1 .. 3;
	is($w->answer($s)->{status}, 413, 'also where nobody wants it');
	my $r = $w->once("GET /healthz HTTP/1.1\r\nHost: t\r\n" . join('', map { "X-$_: " . 'z' x 500 . "\r\n" } 1 .. 60) . "\r\n");
	is($r->{status}, 200, 'a head of 30 kB');
	$r = $w->once("GET /healthz HTTP/1.1\r\nHost: t\r\nCookie: " . 'c' x 31000 . "\r\n\r\n");
	is($r->{status}, 200, 'a cookie of 31 kB');
	expect("a head of $_ bytes", 431, "GET /healthz HTTP/1.1\r\nHost: t\r\nCookie: " . 'c' x $_ . "\r\n\r\n", 'head_too_large') for 33000, 34000;
	for my $bytes (60_000, 100_000, 300_000)
	{
		$r = $w->once("GET /healthz HTTP/1.1\r\nHost: t\r\nCookie: " . 'c' x $bytes . "\r\n\r\n");
		is($r->{status}, 431, "and one of $bytes");
	}
	$r = $w->once('GET /' . 'a' x 40000 . " HTTP/1.1\r\nHost: t\r\n\r\n");
	like($r->{status}, qr/^(414|431|400)$/, 'a target of 40 kB');
	$w->configure(max_body_size => 100);
	expect('the limit changes at once', 413, signed(), 'body_too_large');
	$w->configure(max_body_size => 65536);
	expect('and back', 200, signed());
};

subtest 'heads that break the rules' => sub {
	my $body = event($CHANNEL);
	my $len = length $body;
	my $head = sub {
		return "POST /webhooks/$CHANNEL HTTP/1.1\r\n" . join('', map { "$_\r\n" } @_)
		  . 'X-hub-Signature: ' . Corridor::sign($SECRET, $body) . "\r\n\r\n$body" };
	my $bad = sub {
		my ($name, $raw) = @_;
		my $s = $w->dial;
		my $before = $w->{nevents};
		$w->put($s, $raw);
		my $r = $w->answer($s);
		like($r->{status}, qr/^(400|413|501)$/, $name) or diag("$r->{head}\n$r->{body}");
		ok($w->closes($s), "$name: closed") if $r->{status};
		is($w->{nevents}, $before, "$name: no event");
		close $s;
		return;
	};
	expect('(one that does not)', 200, $head->('Host: t', "Content-Length: $len"));
	$bad->('two Content-Lengths', $head->('Host: t', "Content-Length: $len", 'Content-Length: 5'));
	$bad->('two equal Content-Lengths', $head->('Host: t', ("Content-Length: $len") x 2));
	$bad->('a list of lengths', $head->('Host: t', "Content-Length: $len, $len"));
	$bad->('a length with a sign', $head->('Host: t', "Content-Length: +$len"));
	$bad->('a negative length', $head->('Host: t', 'Content-Length: -1'));
	$bad->('a hexadecimal length', $head->('Host: t', 'Content-Length: 0x10'));
	$bad->('an empty length', $head->('Host: t', 'Content-Length:'));
	$bad->('a length of 30 digits', $head->('Host: t', 'Content-Length: ' . '9' x 30));
	$bad->('CL and TE', $head->('Host: t', "Content-Length: $len", 'Transfer-Encoding: chunked'));
	$bad->('TE and CL', $head->('Host: t', 'Transfer-Encoding: chunked', "Content-Length: $len"));
	$bad->('an unknown encoding', $head->('Host: t', 'Transfer-Encoding: gzip'));
	$bad->('identity', $head->('Host: t', 'Transfer-Encoding: identity'));
	$bad->('gzip, chunked', $head->('Host: t', 'Transfer-Encoding: gzip, chunked'));
	$bad->('xchunked', $head->('Host: t', 'Transfer-Encoding: xchunked'));
	$bad->('an empty encoding', $head->('Host: t', 'Transfer-Encoding:'));
	$bad->('two encodings', $head->('Host: t', ('Transfer-Encoding: chunked') x 2));
	$bad->('a blank before the colon of CL', $head->('Host: t', "Content-Length : $len"));
	$bad->('a blank before the colon of TE', $head->('Host: t', 'Transfer-Encoding : chunked', "Content-Length: $len"));
	$bad->('a tab before a colon', $head->('Host: t', "X\t: y", "Content-Length: $len"));
	$bad->('a vertical tab in TE', $head->('Host: t', "Transfer-Encoding: \x0bchunked"));
	$bad->('no Host', $head->("Content-Length: $len"));
	$bad->('two Hosts', $head->('Host: t', 'Host: u', "Content-Length: $len"));
	$bad->('a Host that is a list', $head->('Host: t, u', "Content-Length: $len"));
	$bad->('a NUL in a value', $head->('Host: t', "X-A: a\0b", "Content-Length: $len"));
	$bad->('a NUL behind a length', $head->('Host: t', "Content-Length: $len\0" . '0'));
	$bad->('a NUL in a name', $head->('Host: t', "X\0A: b", "Content-Length: $len"));
	$bad->('a bare LF', $head->('Host: t', "X-A: b\nX-B: c", "Content-Length: $len"));
	$bad->('a bare LF that hides TE', $head->('Host: t', "X-A: b\nTransfer-Encoding: chunked", "Content-Length: $len"));
	$bad->('LF LF at the end', $head->('Host: t', "Content-Length: $len") =~ s/\r\n\r\n/\n\n/r);
	$bad->('a bare LF behind the request line', $head->('Host: t', "Content-Length: $len") =~ s/HTTP\/1\.1\r\n/HTTP\/1.1\n/r);
	$bad->('a bare CR', $head->('Host: t', "X-A: b\rc", "Content-Length: $len"));
	$bad->('a folded line', $head->('Host: t', "X-A: b\r\n folded", "Content-Length: $len"));
	$bad->('a name that is no token', $head->('Host: t', 'X(A): b', "Content-Length: $len"));
	$bad->('an empty name', $head->('Host: t', ': b', "Content-Length: $len"));
	$bad->('chunked by HTTP/1.0', $head->('Transfer-Encoding: chunked') =~ s/HTTP\/1\.1/HTTP\/1.0/r);
	for my $line ("GET  /healthz HTTP/1.1", "GET /heal thz HTTP/1.1", "GET /healthz\0 HTTP/1.1",
		"GET /healthz", "/healthz HTTP/1.1", "GET /healthz HTTP/2.0", "GET /healthz HTTP/1.12", "\x16\x03\x01\x02\x00\x01")
	{
		my $r = $w->once("$line\r\nHost: t\r\n\r\n");
		like($r->{status}, qr/^(0|400|404|405|505)$/, 'first line ' . $line =~ s/[^ -~]/./gr) or diag $r->{head};
	}
	my $s = $w->dial;
	$w->put($s, "POST /webhooks/$CHANNEL HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
	is($w->answer($s)->{status}, 400, 'a chunk size that is no number');
	$s = $w->dial;
	$w->put($s, "POST /webhooks/$CHANNEL HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" . 'f' x 17 . "\r\n");
	like($w->answer($s)->{status}, qr/^(400|413)$/, 'a chunk size over 64 bits');
	expect('all is well after that', 200, signed());
};

subtest 'the worker\'s answers' => sub {
	for my $case ([REPEAT => 200], [REJECTED => 200], [BUSY => 503, 'busy'], [GONE => 404, 'unknown_channel'])
	{
		$w->{auto} = $Corridor::DONE{ $case->[0] };
		my $r = expect("DONE_$case->[0]", $case->[1], signed(), $case->[2]);
		like($r->{head}, qr/^Retry-After: 1\r?$/m, 'Retry-After') if $case->[1] == 503;
	}
	$w->{auto} = undef;
	my $s = $w->dial;
	$w->put($s, signed());
	my $e = $w->wait_event;
	ok(!$w->answer($s, 0.2), 'no answer before EVENT_DONE');
	$w->done({ request => $e->{request} + 1 });
	$w->done({ request => $e->{request} + (1 << 32) });
	ok(!$w->answer($s, 0.2), 'nor for another number');
	$w->done($e);
	is($w->answer($s)->{status}, 200, 'the answer after it');
	$w->done($e);
	$w->put($s, signed());
	my $e2 = $w->wait_event;
	isnt($e2->{request}, $e->{request}, 'numbers are not used twice');
	close $s;
	$w->done($e2);
	$w->configure(max_waiting => 3);
	my @s = map { my $c = $w->dial; $w->put($c, signed()); $c } 1 .. 3;
	my @e = map { $w->wait_event } @s;
	my $r = expect('max_waiting', 503, signed(), 'behind');
	like($r->{head}, qr/^Retry-After: 1\r?$/m, 'Retry-After');
	is($w->once("GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n")->{status}, 200, 'others are served meanwhile');
	$w->done($_) for @e;
	is(scalar(grep { $w->answer($_)->{status} == 200 } @s), 3, 'those that waited get their answer');
	$w->configure(max_waiting => 1000, ack_timeout_ms => 150);
	my $c = $w->dial;
	$w->put($c, signed());
	$e = $w->wait_event;
	$r = $w->answer($c);
	is($r->{status}, 503, 'a silent worker');
	is(code($r), 'commit_timeout', 'its code');
	$w->configure(ack_timeout_ms => 180000);
	is($w->once("GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n")->{status}, 200, 'and is known to');
	$w->done($e);
	$w->{auto} = $Corridor::DONE{STORED};
	$w->put($c, signed());
	is($w->answer($c)->{status}, 200, 'the connection goes on, a late EVENT_DONE does nothing');
};

subtest 'a worker that does not read' => sub {
	# Bodies of the largest size, until the corridor's bound is reached.
	my $v = Corridor->open_door(\@CHANNELS, max_body_size => 1000000, ack_timeout_ms => 180000,
		max_waiting => 10000);
	$v->{silent} = 1;
	my @s = map { my $s = $v->dial; $v->put($s, signed(event($CHANNEL, 'x' x 900000))); $s } 1 .. 12;
	my $r = $v->answer($s[-1], 2);
	$v->until(0.3, sub { 0 });
	my @codes = map { my $a = $v->answer($_, 0.05); $a ? $a->{status} : 0 } @s;
	is(scalar(grep { $_ == 200 } @codes, $r ? $r->{status} : ()), 0, 'nothing is acknowledged');
	open(my $f, '<', "/proc/$v->{pid}/status") or die;
	my ($rss) = map { /^VmRSS:\s*(\d+)/ ? $1 : () } <$f>;
	ok($rss < ($ENV{WEBCHATT_NET} // '') =~ /asan/ ? 1000000 : 65536, "memory stays bounded ($rss kB)");
	$v->{silent} = 0;
	$v->{auto} = 0;
	my $s = $v->dial;
	ok($v->until(10, sub { my $a = $v->once(signed()); $a->{status} == 200 }), 'all is well when it reads again');
	close $s;
	is($v->close_door, 0, 'and it ends');
};

subtest 'many large bodies' => sub {
	my $v = Corridor->open_door(\@CHANNELS, max_body_size => 1000000);
	my @s = map {
		my $s = $v->dial;
		$v->put($s, "POST /webhooks/$CHANNEL HTTP/1.1\r\nHost: t\r\nX-hub-Signature: t=1,v1=" . '0' x 64
			  . "\r\nContent-Length: 1000000\r\n\r\n" . 'x' x 950000);
		$s } 1 .. 20;
	my @codes = ('') x @s;
	my $look = sub { $codes[$_] eq '' and $codes[$_] = code($v->answer($s[$_], 0.02) // { body => '' }) for 0 .. $#s; return (grep { $_ eq 'too_many_bodies' } @codes) >= 3 };
	ok($v->until(60, $look), 'some are turned away');
	$v->until(0.5, sub { 0 });
	$look->();
	ok((grep { $_ eq '' } @codes) >= 10, 'others may go on');
	is($v->once(signed())->{status}, 200, 'a small one is taken all the same');
	@s = ();
	is($v->close_door, 0, 'and it ends');
};

subtest 'descriptors run out' => sub {
	my $v = Corridor->open_door(\@CHANNELS, descriptors => 48);
	my $good = $v->dial;
	$v->put($good, signed());
	is($v->answer($good)->{status}, 200, 'a connection from before');
	my @s = map { $v->dial } 1 .. 80;
	$v->until(0.5, sub { 0 });
	my $cpu = $v->cpu_seconds;
	$v->until(1, sub { 0 });
	cmp_ok($v->cpu_seconds - $cpu, '<', 0.3, 'no spinning');
	$v->put($good, signed());
	is($v->answer($good)->{status}, 200, 'which still works');
	ok($v->until(60, sub { grep { /cannot accept connections/ } @{ $v->{logs} } }), 'the log says so');
	@s = ();
	ok($v->until(5, sub { my $r = eval { $v->once(signed(), 1) }; $r && $r->{status} == 200 }), 'when others go, new ones come in');
	is($v->close_door, 0, 'and it ends');
};

subtest 'ca_file is replaced' => sub {
	my $dir = tempdir(CLEANUP => 1);
	for my $name ('ca', 'new') { open(my $f, '>', "$dir/$name") or die; print $f "x\n"; close $f }
	my $v = Corridor->open_door(\@CHANNELS, ca_file => "$dir/ca");
	my $s = $v->dial;
	$v->put($s, signed());
	is($v->answer($s)->{status}, 200, 'a connection');
	rename "$dir/new", "$dir/ca" or die;
	$v->until(4, sub { $v->{gone} });		# its looks at such files are two seconds apart
	ok(!$v->{gone}, 'it goes on');
	$v->put($s, signed());
	is($v->answer($s)->{status}, 200, 'and nobody was cut');
	is($v->close_door, 0, 'and it ends');
	$v = Corridor->open_door(\@CHANNELS, ca_file => "$dir/none");
	ok($v->until(5, sub { grep { /ca_file "\Q$dir\E\/none" cannot be read: No such file/ } @{ $v->{logs} } }), 'one that is not there is told');
	is($v->close_door, 0, 'and it ends');
};

subtest 'deadlines' => sub {
	my $v = Corridor->open_door(\@CHANNELS, head_timeout_ms => 300, request_timeout_ms => 600, idle_timeout_ms => 400);
	my $s = $v->dial;
	my $r;
	$v->put($s, "POST /webhooks/$CHANNEL HTTP/1.1\r\nHost:");
	$v->until(5, sub { syswrite($s, ' '); $v->until(0.04, sub { 0 }); $r = $v->answer($s, 0.001); $r });
	is($r->{status}, 408, 'a head that trickles: 408');
	is(code($r), 'head_timeout', 'its code');
	ok($v->closes($s), 'and closed');
	$s = $v->dial;
	$v->put($s, "POST /webhooks/$CHANNEL HTTP/1.1\r\nHost: t\r\nX-hub-Signature: t=1,v1=" . '0' x 64 . "\r\nContent-Length: 5000\r\n\r\n");
	undef $r;
	$v->until(5, sub { syswrite($s, 'x'); $v->until(0.04, sub { 0 }); $r = $v->answer($s, 0.001); $r });
	is($r->{status}, 408, 'a body that trickles: 408');
	is(code($r), 'request_timeout', 'its code');
	$s = $v->dial;
	ok($v->closes($s), 'a silent connection is closed');
	# on a slow machine a request itself may be too late
	my $t;
	ok($v->until(60, sub { $t = time; $s = $v->dial; $v->put($s, signed()); ($v->answer($s) // {})->{status} == 200 }), 'a kept-alive connection');
	ok($v->closes($s), 'is closed when idle');
	cmp_ok(time - $t, '>', 0.3, 'not too early');
	ok($v->until(60, sub { $v->once(signed())->{status} == 200 }), 'all is well after that');
	is($v->close_door, 0, 'and it ends');
};

subtest 'caps' => sub {
	my $v = Corridor->open_door(\@CHANNELS, max_connections => 8, max_connections_per_address => 3);
	my @s = map { my $s = $v->dial; $v->put($s, signed()); is($v->answer($s)->{status}, 200, 'within the cap'); $s } 1 .. 3;
	my $r = $v->once(signed());
	is($r->{status}, 503, 'a fourth connection from one address');
	is(code($r), 'too_many_from_address', 'its code');
	my @t = map { my $s = $v->dial('127.0.0.2'); $v->put($s, signed()); is($v->answer($s)->{status}, 200, 'another address'); $s } 1 .. 2;
	pop @s;
	ok($v->until(60, sub { $v->once(signed())->{status} == 200 }), 'one less: there is room again');
	$v->configure(trusted_proxies => '10.0.0.0/8, 127.0.0.0/24');
	my @p = map { my $s = $v->dial; $v->put($s, signed()); is($v->answer($s)->{status}, 200, 'a trusted proxy has no cap of its own'); $s } 1 .. 4;
	$v->{auto} = undef;
	$v->put($_, signed()) for @s, @t, @p;
	my @waiting = map { $v->wait_event } @s, @t, @p;
	$r = $v->once(signed());
	is($r->{status}, 503, 'all connections taken, and a request under way on each');
	is(code($r), 'too_many_connections', 'its code');
	$v->done($_) for @waiting;
	is(scalar(grep { $v->answer($_)->{status} == 200 } @s, @t, @p), 8, 'none of them was cut for it');
	@t = ();
	my @xff = @p[0 .. 2];
	$v->put($_, signed(undef, 'X-Forwarded-For: 1.1.1.1, 203.0.113.9, 10.1.1.1')) for @xff;
	my @e = map { $v->wait_event } @xff;
	my $s = $p[3];
	$v->put($s, signed(undef, 'X-Forwarded-For: 203.0.113.9'));
	$r = $v->answer($s);
	is(code($r), 'too_many_from_address', 'the client behind the proxy is capped');
	$v->done($_) for @e;
	is(scalar(grep { $v->answer($_)->{status} == 200 } @xff), 3, 'its others are answered');
	$v->{auto} = 0;
	$v->put($s, Corridor::webhook($CHANNEL, '{}', 'X-Forwarded-For: 203.0.113.77'));
	$v->answer($s);
	ok($v->until(60, sub { grep { /203\.0\.113\.\d+/ } @{ $v->{logs} } }), 'the log names the client');
	is($v->close_door, 0, 'and it ends');
};

# Who sends nothing whole makes room for who does.
subtest 'half heads' => sub {
	my $v = Corridor->open_door(\@CHANNELS, max_connections => 20, max_connections_per_address => 10, head_timeout_ms => 600000,
		request_timeout_ms => 600000, idle_timeout_ms => 600000);
	my $half = "POST /webhooks/$CHANNEL HTTP/1.1\r\nHost: example.com\r\nX-One: ";
	my @half = map { my $from = $_; map { my $s = $v->dial($from); $v->put($s, $half); $s } 1 .. 10 } '127.0.0.2', '127.0.0.3';
	ok($v->until(10, sub { ($v->{stats}{connections} // 0) == 20 }), 'two addresses hold all connections there are, with half heads');
	my @whole;
	for my $n (1 .. 5)
	{
		my $s = $v->dial('127.0.0.4');
		push @whole, $s;
		$v->put($s, signed());
		is($v->answer($s)->{status}, 200, "a whole request finds room ($n)");
		is(($v->answer($half[ $n - 1 ]) // {})->{status}, 503, 'which the oldest half head made');
		ok($v->closes($half[ $n - 1 ], 5), 'and is closed');
	}
	my $s = $v->dial('127.0.0.4');
	$v->put($s, signed());
	is($v->answer($s)->{status}, 200, 'a sixth, from an address with idle connections');
	# the rest become idle connections: those make room too, when there is no half head
	$v->put($_, "1\r\nContent-Length: 2\r\n\r\n{}") for @half[ 6 .. 19 ];
	is(scalar(grep { $v->answer($_)->{status} == 401 } @half[ 6 .. 19 ]), 14, 'the others go on where they were');
	$s = $v->dial('127.0.0.5');
	$v->put($s, signed());
	is($v->answer($s)->{status}, 200, 'an idle connection makes room as well');
	is($v->close_door, 0, 'and it ends');
};

# The same before it is known whether they are visitors.
subtest 'half a first line' => sub {
	my $v = Corridor->open_door(\@CHANNELS, max_connections => 10, max_visitors => 10, max_connections_per_address => 10,
		max_visitors_per_address => 10, head_timeout_ms => 600000, hello_timeout_ms => 600000);
	my @half = map { my $s = $v->dial('127.0.0.2'); $v->put($s, "GET /communication/web-chatt2me/ws?webChatId=x HTTP/1.1\r\nHost: "); $s } 1 .. 20;
	my $s = $v->dial('127.0.0.3');
	$v->put($s, "GET /communication/web-chatt2me/ws?webChatId=x HTTP/1.1\r\nHost: ");
	is(($v->answer($half[0]) // {})->{status}, 503, 'the oldest half head of a WebSocket makes room for the next');
	is($v->once(signed())->{status}, 200, 'and HTTP is not in their way');
	is($v->close_door, 0, 'and it ends');
};

subtest 'addresses' => sub {
	my $dir = tempdir(CLEANUP => 1);
	my $v = Corridor->open_door(\@CHANNELS, listen => "127.0.0.1:0, unix:$dir/s");
	like($v->{addresses}, qr{^127\.0\.0\.1:\d+,unix:\Q$dir\E/s$}, 'several addresses');
	my $u = IO::Socket::UNIX->new(Peer => "$dir/s") or die "unix: $!";
	$u->blocking(0);
	$v->put($u, signed());
	is($v->answer($u)->{status}, 200, 'over the unix socket');
	my $port = $v->{port};
	my $again = Corridor->start(listen => "127.0.0.1:$port");
	$again->hello;
	$again->configure;
	$again->tell('OPEN');
	my $failed = $again->wait_frame('FAILED');
	like(($failed // {})->{why}, qr/127\.0\.0\.1:$port.*in use.*webchatt\.listen/, 'FAILED says which, why, and what to do');
	is(($again->wait_exit // -1) >> 8, 1, 'and exits with 1');
	my $taken = Corridor->start(listen => "unix:$dir/s");
	$taken->hello;
	$taken->configure;
	$taken->tell('OPEN');
	like(($taken->wait_frame('FAILED') // {})->{why}, qr/in use/, 'a unix socket in use is not taken away');
	$taken->wait_exit;
	kill 'KILL', $v->{pid};
	$v->wait_exit;
	ok(-S "$dir/s", 'kill -9 leaves the socket\'s file');
	$v = Corridor->open_door(\@CHANNELS, listen => "unix:$dir/s");
	like($v->{addresses}, qr/unix/, 'which the next start replaces');
	is($v->close_door, 0, 'and it ends');
	ok(-S "$dir/s" && !IO::Socket::UNIX->new(Peer => "$dir/s"), 'its file stays, and nobody answers there');
	is((stat "$dir/s")[2] & 07777, 0660, 'it was for its user and group');
	# What another program may have left is not ours to remove.
	my $postgres = IO::Socket::UNIX->new(Local => "$dir/.s.PGSQL.5432", Listen => 1);
	close $postgres;
	my $file = "$dir/file";
	open(my $out, '>', $file) or die;
	close $out;
	for my $path ("$dir/.s.PGSQL.5432", $file)
	{
		my $not_ours = Corridor->start(listen => "unix:$path");
		$not_ours->hello;
		$not_ours->configure;
		$not_ours->tell('OPEN');
		like(($not_ours->wait_frame('FAILED') // {})->{why}, qr/in use/, "$path is not taken");
		$not_ours->wait_exit;
		ok(-e $path, 'and is still there');
	}
	for my $address ('127.0.0.1', 'nonsense', '127.0.0.1:99999', 'unix:relative', '::1:80', '203.0.113.1:0', "unix:$dir/no/s")
	{
		my $bad = Corridor->start(listen => $address);
		$bad->hello;
		$bad->configure;
		$bad->tell('OPEN');
		like(($bad->wait_frame('FAILED') // {})->{why}, qr/webchatt\.listen|absolute path/, "\"$address\" is refused with a hint");
		$bad->wait_exit;
	}
	$v = Corridor->open_door(\@CHANNELS, listen => 'localhost:0');
	like($v->{addresses}, qr/:\d+/, 'a name');
	$v->close_door;
	$v = Corridor->open_door(\@CHANNELS, listen => '');
	is($v->{addresses}, '', 'no address at all');
	is($v->close_door, 0, 'and it ends');
};

subtest 'the end' => sub {
	my $v = Corridor->open_door(\@CHANNELS, auto => undef);
	my $idle = $v->dial;
	my $s = $v->dial;
	$v->put($s, signed());
	$v->wait_event;
	my $half = $v->dial;
	$v->put($half, "POST /webhooks/$CHANNEL HTTP/1.1\r\n");
	$v->until(0.05, sub { 0 });
	$v->tell('CLOSE');
	my $r = $v->answer($s);
	is($r->{status}, 503, 'CLOSE: what waits gets 503');
	is(code($r), 'closing', 'its code');
	like($r->{head}, qr/^Connection: close\r?$/mi, 'and is closed');
	is($v->wait_exit(5), 0, 'exit 0');

	$v = Corridor->open_door(\@CHANNELS);
	kill 'TERM', $v->{pid};
	is($v->wait_exit(5), 0, 'SIGTERM: exit 0');
	$v = Corridor->open_door(\@CHANNELS, auto => undef);
	$s = $v->dial;
	$v->put($s, signed());
	$v->wait_event;
	close $v->{fh};
	$v->{gone} = 1;
	ok(defined $v->wait_exit, 'the corridor ends: so does the program');

	# kill -9 of the peer: a process in between holds the corridor's other end.
	pipe(my $r1, my $w1) or die;
	my $peer = fork() // die;
	if ($peer == 0)
	{
		my $inner = Corridor->open_door(\@CHANNELS);
		syswrite($w1, "$inner->{pid}\n");
		sleep 600;
		POSIX::_exit(0);
	}
	my $pid = <$r1>;
	chomp $pid;
	kill 'KILL', $peer;
	waitpid($peer, 0);
	my $end = time + $Patience::SECONDS;
	sleep 0.01 while kill(0, $pid) && zombie($pid) eq 'alive' && time < $end;
	is(zombie($pid), 'gone', 'kill -9 of the peer: so does the program');

	for my $case (['a broken frame', "\0\0\0\0\0"], ['an unknown frame', pack('VC', 1, 200)],
		['a frame that is too long', pack('VC', 3, 4) . 'xx'])
	{
		$v = Corridor->open_door(\@CHANNELS);
		$v->{out} .= $case->[1];
		$v->flush;
		ok(defined $v->wait_exit(2), "$case->[0]: exits");
	}
	$v = Corridor->start;
	$v->hello(99);
	like(($v->wait_frame('FAILED') // {})->{why}, qr/version/, 'another version: FAILED says so');
	is(($v->wait_exit // -1) >> 8, 1, 'and exits with 1');
};

# gone: not there, or dead and waiting for whoever adopted it.
sub zombie
{
	my $pid = shift;
	open(my $f, '<', "/proc/$pid/stat") or return 'gone';
	return (<$f> // '') =~ /^\d+ \(.*\) Z/ ? 'gone' : 'alive';
}

subtest 'confinement' => sub {
	my $dir = tempdir(CLEANUP => 1);
	open(my $f, '>', "$dir/secret") or die;
	close $f;
	my $out = `'@{[ Corridor::program() ]}' --probe '$dir/secret'`;
	plan skip_all => 'this kernel has no Landlock' if $out =~ /not confined/;
	is($? >> 8, 0, 'a file elsewhere cannot be opened') or diag $out;
	`'@{[ Corridor::program() ]}' --probe /etc/hosts`;
	is($? >> 8, 1, 'one that name resolution needs can');
};

subtest 'hostile input' => sub {
	my $hostile = Hostile->new($w, 60, "\r\n", "\n", "\r", "\0", ':', ' ', "\t", ';', '0', '-1', "\xff", 'chunked', "Transfer-Encoding: chunked\r\n",
		"Content-Length: 3\r\n", "Content-Length: 99999999999999999999\r\n", "Host: a\r\n", "Expect: 100-continue\r\n",
		'HTTP/1.1', 'HTTP/9.9', 'GET /healthz HTTP/1.1', 'X' x 5000, "0\r\n\r\n", "5\r\nhello\r\n", 'fffffffffffffffff', '%00', '/../', '?');
	my $base = sub {
		my $pick = int rand 6;
		return signed() if $pick == 0;
		return Corridor::webhook($OPEN_CHANNEL, event($OPEN_CHANNEL)) if $pick == 1;
		return "GET /metrics HTTP/1.1\r\nHost: t\r\n\r\n" if $pick == 2;
		return "POST /webhooks/$CHANNEL HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" if $pick == 3;
		return signed() . signed() if $pick == 4;
		return join '', map { chr int rand 256 } 1 .. 1 + int rand 300;
	};
	my $good = $w->dial;
	my @times;
	my $rounds = 3000;
	for my $i (1 .. $rounds)
	{
		$hostile->send($base->());
		next if $i % 10;
		my $t = time;
		$w->put($good, signed());
		my $r = $w->answer($good);
		push @times, time - $t;
		next if $r && $r->{status} == 200;
		fail("a good request got " . ($r ? "$r->{status} $r->{body}" : 'no answer') . " in round $i");
		last;
	}
	$hostile->end;
	@times = sort { $a <=> $b } @times;
	is(scalar @times, $rounds / 10, "$hostile->{sent} hostile requests, every good one between them was answered");
	my ($median, $p99) = @times[@times / 2, @times * 0.99];
	note sprintf 'good requests: median %.2f ms, p99 %.2f ms, worst %.2f ms', 1e3 * $median, 1e3 * $p99, 1e3 * $times[-1];
	ok(kill(0, $w->{pid}), 'the program lives');
};

subtest 'a hub that cannot be reached leaves no trace' => sub {
	my $v = Corridor->open_door(\@CHANNELS, connect_timeout_ms => 200, send_timeout_ms => 300);
	# nobody accepts, and the queue is full: connecting takes for ever
	my $full = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1) or die "listen: $!";
	my @fill = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $full->sockport, Blocking => 0) } 1 .. 5;
	$v->put_hub(9, 'full', 'http://127.0.0.1:' . $full->sockport, 'key');
	my $answered = 0;
	for my $token (1 .. 4)
	{
		my $id = sprintf '0190a000-0000-7000-8000-%012d', $token;
		$v->tell('SEND', token => $token, hub => 9, message => $id, channel => $CHANNELS[0][0], kind => 'web-chatt2me', to => 'v', content => '{"text":"x"}');
		ok($v->wait_frame('OUTCOME', 10), 'its outcome');
		my $before = $v->descriptors;
		my @s = map { $v->dial } 1 .. 3;
		$v->until(5, sub { $v->descriptors >= $before + @s });    # accepted before they say anything
		$v->put($_, signed()) for @s;
		$answered += grep { my $r = $v->answer($_); $r && $r->{status} == 200 } @s;
	}
	is($answered, 12, 'whoever connects afterwards is answered');
	is($v->close_door, 0, 'and it ends');
};

subtest 'nothing leaks' => sub {
	my $v = Corridor->open_door(\@CHANNELS);
	$v->once(signed());
	my $idle = sub { $v->until(1.3, sub { 0 }); return $v->descriptors };
	my $before = $idle->();
	my @s;
	for (1 .. 200)
	{
		my $s = $v->dial;
		$v->put($s, rand() < 0.5 ? signed() : "junk\r\n\r\n");
		push @s, $s;
	}
	$v->until(0.2, sub { 0 });
	@s = ();
	$v->once("POST /x HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999\r\n\r\n") for 1 .. 50;
	ok($v->until(5, sub { $v->descriptors <= $before }), "descriptors are back to $before") or diag $v->descriptors;
	ok($v->until(60, sub { $v->{stats} && $v->{stats}{connections} == 0 && $v->{stats}{requests} >= 50 && $v->{stats}{refused} >= 50 }), 'STATS: no connection is left');
	cmp_ok($v->{stats}{requests}, '>=', 50, 'STATS: requests');
	cmp_ok($v->{stats}{refused}, '>=', 50, 'STATS: refused');
	is($v->close_door, 0, 'and it ends');

	ok($w->until(5, sub { $w->descriptors <= $before }), 'none left after the hostile run either') or diag $w->descriptors;
	cmp_ok(scalar @{ $w->{logs} }, '<', 500, 'the log stayed short: ' . scalar @{ $w->{logs} } . ' lines');
	note $_ for @{ $w->{logs} }[0 .. 5];
	is($w->close_door, 0, 'the first one ends orderly');
};

done_testing;
