# What the local hub serves beside webhooks and WebSockets: the REST API at home
# (doc/hub-contract.md, section 2), and the widget's script; with the test in the
# worker's place.  WEBCHATT_NET names the program (a build with sanitizers, say);
# WEBCHATT_REST_SEED repeats a random run.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Corridor;
use Digest::SHA qw(sha256);
use IO::Uncompress::Gunzip qw(gunzip);
use JSON::PP ();
use RestApi;
use Test::More;
use Time::HiRes qw(time);

my $PATH = '/v1/communication/web-chatt2me/message';
my $LOCAL = '6cbd6789-1d2b-47e0-9391-5eb91d2839ea';
my $REMOTE = '11111111-2222-4333-8444-555555555555';
my $UNKNOWN = '00000000-0000-4000-8000-000000000000';
my $VISITOR = '01900000-0000-7000-8000-0000000000aa';
my $OTHER = '01900000-0000-7000-8000-0000000000bb';
my $MESSAGE = '01900000-0000-7000-8000-0000000000cc';
my $PUBLIC_KEY = 'wpk_abcDEF-123_xyz';
my $ORIGIN = 'https://shop.example.com';
my $NAME = q({{script}} <b>"Ana's" & Caf) . "\xc3\xa9";
my $TEXT = '{"text":"hello"}';

# --- the worker's part ----------------------------------------------------

sub put_local
{
	my ($w, $id, $name, $key) = @_;
	return $w->put_local($id, $key // $PUBLIC_KEY, $name, $ORIGIN);
}

sub drop_key { my ($w, $id) = @_; $w->tell('KEY_GONE', id => $id); return }

sub api_done
{
	my ($w, $send, $result, $text, $message) = @_;
	return $w->tell('API_DONE', request => $send->{request}, result => $result, message => $message // $MESSAGE, text => $text);
}

# The next API_SEND, undef when none comes in time.
sub api_send
{
	my ($w, $seconds) = @_;
	return $w->wait_frame('API_SEND', $seconds // 5);
}

# --- the client's part ----------------------------------------------------

sub body
{
	my (%with) = @_;
	my %m = (from => qq("$LOCAL"), to => qq("$VISITOR"), content => $TEXT, %with);
	return '{' . join(',', map { qq("$_":$m{$_}) } grep { defined $m{$_} } sort keys %m) . '}';
}

sub post
{
	my ($body, @headers) = @_;
	@headers = ("x-api-key: $KEY", @headers) unless grep { /^x-api-key/i } @headers;
	return join("\r\n", "POST $PATH HTTP/1.1", 'Host: t', 'Content-Type: application/json', grep({ length } @headers),
		'Content-Length: ' . length $body, '', $body);
}

sub get { my ($path, @headers) = @_; return join("\r\n", "GET $path HTTP/1.1", 'Host: t.example:8080', @headers, '', '') }

my $w = Corridor->open_door([[$REMOTE, 1]]);
put_local($w, $LOCAL, $NAME);
put_key($w, 7, $KEY);

# An answer that webchatt-net gives without the worker.
# Some begin with the name of a member.
$RestApi::SENTENCE = qr/\w \w/;
sub expect { return refused($w, @_) }

# One request, the worker's part in it, and the answer.
sub sends
{
	my ($raw, @done) = @_;
	return round_trip($w, $raw, 'API_SEND', sub { api_done($w, $_[0], @done) });
}

# --- the REST API ---------------------------------------------------------

subtest 'paths and methods' => sub {
	for my $path ('/v1', '/v1/', '/v1/communication/whatsapp/message', '/v1/communication/web-chatt2me/messages',
		'/v1/communication/web-chatt2me/message/', '/v1/organization', '/v1/organization/', '/v1/organization/webhooks',
		'/v1/organization/application', '/V1/organization/webhook', '/v1//organization/webhook')
	{
		expect("POST $path", 404, post(body()) =~ s/\Q$PATH/$path/r, 'not_found');
		expect("GET $path", 404, get($path), 'not_found');
	}
	for my $method (qw(GET PUT DELETE PATCH OPTIONS))
	{
		my $r = expect("$method on the message's path", 405, post(body()) =~ s/^POST/$method/r, 'method_not_allowed');
		is(header($r, 'Allow'), 'POST', "$method: Allow");
	}
	my ($send, $r) = sends(post(body(hold => 'true')) =~ s/\Q$PATH/$PATH?x=1/r, 'QUEUED');
	is($r->{status}, 200, 'a query is not looked at');
};

subtest 'keys' => sub {
	expect('no key', 401, post(body(), 'x-api-key-not: x') =~ s/^x-api-key:.*?\r\n//mr, 'api_key_missing');
	for my $bad ('', 'x', $KEY . 'x', substr($KEY, 0, -1), 'wcx' . substr($KEY, 3), substr($KEY, 0, -1) . '=', "Bearer $KEY", "wck_\xff" . 'a' x 42)
	{
		expect("malformed: $bad", 401, post(body(), "x-api-key: $bad"), 'api_key_malformed');
	}
	expect('two keys', 400, post(body(), "x-api-key: $KEY", "X-API-KEY: $KEY"), 'bad_request');
	put_key($w, 9, $KEY2, 6);
	expect('a key that is not for sending', 403, post(body(), "x-api-key: $KEY2"), 'api_key_scope');
	put_key($w, 9, $KEY2, 1, pack('H32', '6cbd678900004000800000000000ffff'));
	expect('a channel that the key is not for', 404, post(body(), "x-api-key: $KEY2"), 'unknown_channel');
	expect('that one, of which there is none', 404, post(body(from => '"6cbd6789-0000-4000-8000-00000000ffff"'), "x-api-key: $KEY2"), 'unknown_channel');
	$w->tell('KEY_GONE', id => 9);
	expect('an unknown key', 401, post(body(), "x-api-key: $KEY2"), 'api_key_unknown');
	expect('the other case', 401, post(body(), 'x-api-key: wck_' . (substr($KEY, 4) =~ tr/a-zA-Z/A-Za-z/r)), 'api_key_unknown');
	put_key($w, 8, $KEY2);
	my ($send, $r) = sends(post(body(hold => 'true'), "x-api-key: $KEY2"), 'QUEUED');
	is($r->{status}, 200, 'once it is put');
	drop_key($w, 8);
	$w->until(5, sub { $w->once(post(body(), "x-api-key: $KEY2"))->{status} == 401 });
	expect('once it is gone', 401, post(body(), "x-api-key: $KEY2"), 'api_key_unknown');
	drop_key($w, 8);
	put_key($w, 7, $KEY2);
	$w->until(5, sub { $w->once(post(body(), "x-api-key: $KEY"))->{status} == 401 });
	expect('replaced under its id', 401, post(body()), 'api_key_unknown');
	put_key($w, 100 + $_, "other $_") for 1 .. 300;
	put_key($w, 7, $KEY);
	drop_key($w, 100 + $_) for 1 .. 299;
	$w->until(5, sub { $w->once(post(body(hold => 'maybe')))->{status} == 400 });
	($send, $r) = sends(post(body(hold => 'true')), 'QUEUED');
	is($r->{status}, 200, 'among many that come and go');
	expect('the key is asked for before the body is looked at', 401, post('junk', "x-api-key: $KEY2"), 'api_key_unknown');
};

subtest 'held for later' => sub {
	my ($send, $r) = sends(post(body(hold => 'true', content => qq( { "text" : "a  \\" b" ,\t"n": [ 1 , 2 ] } ))), 'QUEUED');
	is($r->{status}, 200, 'hold: 200');
	is($r->{body}, qq({"messageId":"$MESSAGE","status":"enqueued"}), 'hold: enqueued');
	like(header($r, 'Content-Type'), qr{^application/json}, 'hold: JSON');
	is($send->{channel}, $LOCAL, 'API_SEND: channel');
	is($send->{visitor}, $VISITOR, 'API_SEND: visitor');
	is($send->{only_known}, 0, 'API_SEND: to be stored');
	is($send->{dedupe_key}, '', 'API_SEND: no dedupe key');
	is($send->{content}, '{"text":"a  \" b","n":[1,2]}', 'API_SEND: content, compact');
	is_deeply([ @$send{qw(interim bulk author)} ], [ 0, 0, '' ], 'API_SEND: final, live, of nobody');
	($send) = sends(post(body(hold => 'true', author => '"order \u00e9 bot"', final => 'false', priority => '"bulk"')), 'QUEUED');
	is_deeply([ @$send{qw(interim bulk author)} ], [ 1, 1, "order \xc3\xa9 bot" ], 'who answers, that it is not final, that it can wait');
	($send) = sends(post(body(hold => 'true', author => 'null', final => 'true', priority => '"live"')), 'QUEUED');
	is_deeply([ @$send{qw(interim bulk author)} ], [ 0, 0, '' ], 'the same as left out');

	($send, $r) = sends(post(body(hold => 'true', from => uc qq("$LOCAL"), to => uc qq("$VISITOR"))), 'QUEUED');
	is_deeply([$send->{channel}, $send->{visitor}], [$LOCAL, $VISITOR], 'ids in upper case');
	($send, $r) = sends(post(body(hold => 'true'), 'Idempotency-Key: k1'), 'REPEAT');
	is($send->{dedupe_key}, 'api:k1', 'the Idempotency-Key becomes the dedupe key');
	is($r->{body}, qq({"messageId":"$MESSAGE","status":"enqueued"}), 'the repeat of what is held');

	my @cases = (
		['NO_VISITOR', '', 200, 'visitor_not_found'], ['NO_CHANNEL', '', 404, 'unknown_channel'],
		['INVALID', 'The content has no text.', 400, 'invalid_payload'], ['INVALID', '', 400, 'invalid_payload'],
		['INVALID', "\xc3\xa9" x 400, 400, 'invalid_payload'], ['BUSY', '', 503, 'busy'],
		['NOT_KNOWN', '', 200, 'session_not_found']);
	for my $case (@cases)
	{
		my ($result, $text, $status, $code) = @$case;
		($send, $r) = sends(post(body(hold => 'true')), $result, $text);
		is($r->{status}, $status, "$result: $status");
		my $json = JSON::PP::decode_json($r->{body});
		is($json->{errorCode}, $code, "$result: $code");
		like($json->{errorMessage}, qr/\w \w|\x{e9}{9}/, "$result: a sentence");
		is($json->{errorMessage}, $text, "$result: the worker's sentence") if length $text && length $text < 250;
		ok(exists $json->{messageId} && !defined $json->{messageId} && $json->{status} eq 'error', "$result: as the hub says it")
		  if $status == 200;
		is(header($r, 'Retry-After'), $status == 503 ? 1 : undef, "$result: Retry-After");
	}
};

subtest 'nobody there' => sub {
	my $error = sub {
		my ($name, $r, $code) = @_;
		is($r->{status}, 200, "$name: 200") or diag $r->{body};
		my $json = JSON::PP::decode_json($r->{body});
		is_deeply([sort keys %$json], [qw(errorCode errorMessage messageId status)], "$name: the hub's fields");
		is_deeply([@$json{qw(messageId status errorCode)}], [undef, 'error', $code], "$name: $code");
		asked_nothing($w, $name);
	};
	$error->('no session', $w->once(post(body())), 'session_not_found');
	$error->('hold is false', $w->once(post(body(hold => 'false'))), 'session_not_found');
	$error->('hold is null', $w->once(post(body(hold => 'null'))), 'session_not_found');
	$error->('not a UUID', $w->once(post(body(to => '"5511993986082"'))), 'session_not_found');
	$error->('not a UUID, with a key', $w->once(post(body(to => '"x"'), 'Idempotency-Key: k')), 'session_not_found');
	$error->('not a UUID, held', $w->once(post(body(to => '"x"', hold => 'true'))), 'visitor_not_found');

	my ($send, $r) = sends(post(body(), 'Idempotency-Key: a "key" of ours!'), 'NOT_KNOWN');
	is($send->{only_known}, 1, 'with an Idempotency-Key: the worker only looks');
	is($send->{dedupe_key}, 'api:a "key" of ours!', 'for that key');
	is(JSON::PP::decode_json($r->{body})->{errorCode}, 'session_not_found', 'not known: session_not_found');
	($send, $r) = sends(post(body(), 'Idempotency-Key: k'), 'REPEAT');
	is($r->{body}, qq({"messageId":"$MESSAGE","status":"sent"}), 'known: sent, with the first one\'s id');
	($send, $r) = sends(post(body(), 'Idempotency-Key: k'), 'ENDED', 'cancelled');
	my $json = JSON::PP::decode_json($r->{body});
	is_deeply([@$json{qw(messageId status errorCode)}], [undef, 'error', 'cancelled'], 'known, but it ended: its error code');
	like($json->{errorMessage}, qr/new key/, 'and what to do');
};

subtest 'Idempotency-Key' => sub {
	expect('empty', 400, post(body(hold => 'true'), 'Idempotency-Key: '), 'invalid_payload');
	expect('201 characters', 400, post(body(hold => 'true'), 'Idempotency-Key: ' . 'k' x 201), 'invalid_payload');
	expect('not ASCII', 400, post(body(hold => 'true'), "Idempotency-Key: \xc3\xa9"), 'invalid_payload');
	expect('two', 400, post(body(hold => 'true'), 'Idempotency-Key: a', 'Idempotency-Key: a'), 'bad_request');
	my ($send, $r) = sends(post(body(hold => 'true'), 'Idempotency-Key: ' . '~' x 200), 'QUEUED');
	is($send->{dedupe_key}, 'api:' . '~' x 200, '200 characters');
};

subtest 'what is no message' => sub {
	my $bad = sub { my ($name, $body, $why) = @_;
		my $r = expect($name, 400, post($body), 'invalid_payload');
		like($r->{body}, $why, "$name: says what") if $why;
		return; };
	$bad->('nothing', '', qr/JSON/);
	$bad->('an array', '[]', qr/object/);
	$bad->('a string', '"x"', qr/JSON|object/);
	$bad->('half of it', substr(body(), 0, -1), qr/byte/);
	$bad->('more behind it', body() . 'x', qr/byte/);
	$bad->('two members of one name', body(content => '{"text":"a","text":"b"}'), qr/two members/);
	$bad->('two contents', substr(body(), 0, -1) . ',"\u0063ontent":{}}', qr/two members/);
	$bad->('nested 65 deep', body(content => '{"a":' . '[' x 63 . ']' x 63 . '}'), qr/nests deeper/);
	$bad->('nested far deeper', body(content => '{"a":' . '[' x 30000), qr/nests deeper/);
	$bad->('no from', body(from => undef), qr/from/);
	$bad->('from is the public key', body(from => qq("$PUBLIC_KEY")), qr/from.*public key/);
	$bad->('from is null', body(from => 'null'), qr/from/);
	$bad->('no to', body(to => undef), qr/\\"to/);
	$bad->('to is empty', body(to => '""'), qr/\\"to/);
	$bad->('to is 256 bytes', body(to => '"' . 'x' x 256 . '"'), qr/\\"to/);
	$bad->('no content', body(content => undef), qr/content/);
	$bad->('content is a string', body(content => '"x"'), qr/content/);
	$bad->('content is an array', body(content => '[]'), qr/content/);
	$bad->('content is null', body(content => 'null'), qr/content/);
	$bad->('hold is a string', body(hold => '"true"'), qr/hold/);
	$bad->('hold is a number', body(hold => '1'), qr/hold/);
	$bad->("author is $_", body(hold => 'true', author => $_), qr/author.*255 bytes/) for '""', '7', '"' . 'a' x 256 . '"';
	$bad->('final is a string', body(hold => 'true', final => '"false"'), qr/final/);
	$bad->("priority is $_", body(hold => 'true', priority => $_), qr/live.*or.*bulk/) for '"LIVE"', '1', '""';
	expect('too large', 413, post(body(content => '{"text":"' . 'x' x 70000 . '"}')), 'body_too_large');
	expect('another channel', 404, post(body(from => qq("$UNKNOWN"), hold => 'true')), 'unknown_channel');
	expect('a channel of a remote hub', 404, post(body(from => qq("$REMOTE"), hold => 'true')), 'unknown_channel');
};

subtest 'a message is taken back' => sub {
	my $delete = sub { my ($path, @more) = @_; return join("\r\n", "DELETE $path HTTP/1.1", 'Host: t', @more, '', '') };
	my $path = "/v1/communication/web-chatt2me/message/$LOCAL/$MESSAGE";
	my $with = sub {
		my ($path, @done) = @_;
		return round_trip($w, $delete->($path, "x-api-key: $KEY"), 'API_RETRACT', sub { api_done($w, $_[0], @done) }); };
	my ($asked, $r) = $with->($path, 'QUEUED');
	is($asked->{channel}, $LOCAL, 'API_RETRACT: channel');
	is($asked->{message}, $MESSAGE, 'API_RETRACT: message');
	is($r->{status}, 200, 'taken back');
	is_deeply(JSON::PP::decode_json($r->{body}), { messageId => $MESSAGE, status => 'retracted' }, 'and said so');
	for my $case (['NOT_KNOWN', 404, 'message_not_found'], ['INVALID', 400, 'invalid_payload'], ['BUSY', 503, 'busy'], ['NO_CHANNEL', 404, 'unknown_channel'])
	{
		($asked, $r) = $with->($path, $case->[0]);
		is($r->{status}, $case->[1], "API_DONE $case->[0]: $case->[1]");
		is(JSON::PP::decode_json($r->{body})->{errorCode}, $case->[2], 'its code');
	}
	expect('without a key', 401, $delete->($path), 'api_key_missing');
	expect('by another method', 405, $delete->($path, "x-api-key: $KEY") =~ s/DELETE/GET/r, 'method_not_allowed');
	expect('of an unknown channel', 404, $delete->($path =~ s/\Q$LOCAL\E/00000000-0000-4000-8000-000000000000/r, "x-api-key: $KEY"), 'unknown_channel');
	expect("what is no id: $_", 404, $delete->($_, "x-api-key: $KEY"), 'not_found')
	  for "/v1/communication/web-chatt2me/message/$LOCAL", "/v1/communication/web-chatt2me/message/$LOCAL/x", "$path/", "${path}0";
};

subtest 'odd bytes are mended, not refused' => sub {
	my $taken = sub {
		my ($name, $body, $content) = @_;
		my ($send, $r) = sends(post($body), 'QUEUED');
		is($r->{status}, 200, "$name: 200") or diag $r->{body};
		is($send->{content}, $content, "$name: what is kept");
		return $send; };
	my $odd = sub { my ($name, $content, $kept) = @_; return $taken->($name, body(hold => 'true', content => $content), $kept); };
	$taken->('a BOM', "\xef\xbb\xbf" . body(hold => 'true', content => '{"text":"a"}'), '{"text":"a"}');
	$odd->('bad UTF-8', qq({"text":"\xff"}), qq({"text":"\xef\xbf\xbd"}));
	$odd->('an overlong form', qq({"text":"\xc0\x80"}), qq({"text":"\xef\xbf\xbd\xef\xbf\xbd"}));
	$odd->('half a surrogate pair', '{"text":"\\ud800"}', '{"text":"\\ufffd"}');
	$odd->('a NUL byte', qq({"text":"a\0b"}), qq({"text":"a\xef\xbf\xbdb"}));
	$odd->('an escaped NUL', '{"text":"a\\u0000b"}', '{"text":"a\\ufffdb"}');
	$odd->('a NUL in a name', '{"a\\u0000b":1}', '{"a\\ufffdb":1}');
	$odd->('a number without an end', '{"a":1e99999}', '{"a":"1e99999"}');
	my $r = $w->once(post(body(hold => 'true', to => '5511993986082', content => '{"text":"a"}')));
	is(JSON::PP::decode_json($r->{body})->{errorCode}, 'visitor_not_found', 'to is a number: the visitor of that name');
};

subtest 'the content arrives as it was written' => sub {
	my $check = sub {
		my ($name, $body, $content) = @_;
		my ($send, $r) = sends(post($body), 'QUEUED');
		is($send->{content}, $content, $name) or diag $body;
		return; };
	$check->('nested 64 deep', body(hold => 'true', content => '{"a":' . '[' x 62 . ']' x 62 . '}'), '{"a":' . '[' x 62 . ']' x 62 . '}');
	my $numbers = '{"n":[12345678901234567890123,1.10,-0,1e5,0.1]}';
	$check->('numbers', body(hold => 'true', content => $numbers), $numbers);
	$check->('an escaped name, and others around it',
		qq({"x":{"content":{"no":1}},"from":"$LOCAL", "\\u0063ontent" : {"yes" : "\\u00e9 , } \\\\" } ,"y":["content"],"to":"$VISITOR","hold":true}),
		'{"yes":"\u00e9 , } \\\\"}');
	$check->('empty', body(hold => 'true', content => ' { } '), '{}');

	my $seed = $ENV{WEBCHATT_REST_SEED} // 20261123;
	note "seed $seed";
	srand($seed);
	my $json = JSON::PP->new->utf8->canonical->allow_nonref;
	my @texts = ('', 'content', '"', '\\', '\\"', '}', '{', ']', ',', ':', "a\nb", "\x{e9}\x{1f600}", ' x ', '\\\\"');
	my $value;
	$value = sub {
		my $depth = shift;
		my $kind = int rand($depth > 4 ? 3 : 5);
		return $texts[rand @texts] if $kind == 0;
		return int rand 1000 if $kind == 1;
		return (undef, JSON::PP::true, JSON::PP::false)[rand 3] if $kind == 2;
		return [map { $value->($depth + 1) } 1 .. rand 4] if $kind == 3;
		return { map { $texts[rand @texts] . $_ => $value->($depth + 1) } 1 .. rand 4 };
	};
	# White space wherever it may stand, without touching a string.
	my $spread = sub { my $text = shift;
		$text =~ s/("(?:[^"\\]|\\.)*")|([\[\]{},:])/defined $1 ? $1 : $2 . (' ', "\t", "\r\n", '')[rand 4]/ge;
		return $text; };
	my $s = $w->dial;
	my $wrong = 0;
	for (1 .. 300)
	{
		my $content = $json->encode({ map { $texts[rand @texts] . $_ => $value->(0) } 1 .. rand 5 });
		my @members = (qq("from":"$LOCAL"), qq("to":"$VISITOR"), '"hold":true', qq("content":$content),
			map { qq("more$_":) . $json->encode($value->(0)) } 1 .. rand 4);
		@members = map { splice @members, int rand @members, 1 } 1 .. @members;
		$w->put($s, post($spread->('{' . join(',', @members) . '}')));
		my $send = api_send($w) or last;
		if ($send->{content} ne $content && !$wrong++) { diag "$content became $send->{content}" }
		api_done($w, $send, 'QUEUED');
		my $r = $w->answer($s);
		$wrong++ if $r->{status} != 200;
	}
	is($wrong, 0, '300 random bodies');
};

subtest 'connections' => sub {
	my $s = $w->dial;
	for my $i (1 .. 2)
	{
		$w->put($s, post(body(hold => 'true')));
		api_done($w, api_send($w), 'QUEUED', '', sprintf('01900000-0000-7000-8000-%012d', $i));
		is(JSON::PP::decode_json($w->answer($s)->{body})->{messageId}, sprintf('01900000-0000-7000-8000-%012d', $i), "kept alive: request $i");
	}
	$w->put($s, post(body()));
	is($w->answer($s)->{status}, 200, 'kept alive: an answer without the worker');
	$w->put($s, post('junk'));
	is($w->answer($s)->{status}, 400, 'kept alive: a refusal');
	$w->put($s, post(body(), "x-api-key: $KEY2"));
	is($w->answer($s)->{status}, 401, 'kept alive: one by the head');
	my $raw = post(body(hold => 'true'));
	$w->put($s, substr($raw, 0, -20));
	$w->until(0.05, sub { 0 });
	$w->put($s, substr($raw, -20));
	api_done($w, api_send($w), 'QUEUED');
	is($w->answer($s)->{status}, 200, 'kept alive: a body in two pieces');
	$w->put($s, post(body(hold => 'true')) . post(body(hold => 'true')));
	for my $i (1 .. 2)
	{
		api_done($w, api_send($w), 'QUEUED');
		is($w->answer($s)->{status}, 200, "pipelined: request $i");
	}

	my @s = map { $w->dial } 1 .. 3;
	$w->put($_, post(body(hold => 'true'))) for @s;
	my @sends = map { api_send($w) } @s;
	for my $i (2, 0, 1) { api_done($w, $sends[$i], 'QUEUED', '', sprintf('01900000-0000-7000-8000-%012d', $i)) }
	my %ids = map { JSON::PP::decode_json($w->answer($_)->{body})->{messageId} => 1 } @s;
	is(scalar keys %ids, 3, 'answers in another order reach who asked');

	$w->put($s[0], post(body(hold => 'true')));
	my $send = api_send($w);
	close shift @s;
	api_done($w, $send, 'QUEUED');
	$w->put($s[0], post(body(hold => 'true')));
	my $next = api_send($w);
	api_done($w, $send, 'BUSY');
	$w->tell('EVENT_DONE', request => $next->{request});
	api_done($w, $next, 'QUEUED');
	is($w->answer($s[0])->{body}, qq({"messageId":"$MESSAGE","status":"enqueued"}),
		'a client that left while waiting, a late word and a wrong one disturb nobody');
};

subtest 'a worker that is slow or full' => sub {
	my $v = Corridor->open_door([], max_waiting => 1);
	put_local($v, $LOCAL, 'Shop');
	put_key($v, 1, $KEY);
	my ($s, $t) = ($v->dial, $v->dial);
	$v->put($s, post(body(hold => 'true')));
	my $send = api_send($v);
	$v->put($t, post(body(hold => 'true')));
	my $r = $v->answer($t);
	is($r->{status}, 503, 'more than max_waiting: 503');
	is(header($r, 'Retry-After'), 1, 'with Retry-After');
	is(JSON::PP::decode_json($r->{body})->{errorCode}, 'behind', 'its code');
	api_done($v, $send, 'QUEUED');
	$v->answer($s);
	$v->configure(ack_timeout_ms => 700);
	my $began = time;
	$v->put($s, post(body(hold => 'true')));
	$send = api_send($v);
	$r = $v->answer($s);
	is($r->{status}, 503, 'a silent worker: 503');
	cmp_ok(time - $began, '>=', 0.69, 'after ack_timeout');
	is(header($r, 'Retry-After'), 1, 'with Retry-After');
	my $json = JSON::PP::decode_json($r->{body});
	is($json->{errorCode}, 'commit_timeout', 'its code');
	like($json->{errorMessage}, qr/Idempotency-Key/, 'and how not to send it twice');
	$v->configure(ack_timeout_ms => 180000);
	$v->put($s, post(body(hold => 'true'), 'Idempotency-Key: k'));
	my $again = api_send($v);
	api_done($v, $send, 'QUEUED', '', $UNKNOWN);
	api_done($v, $again, 'REPEAT');
	is(JSON::PP::decode_json($v->answer($s)->{body})->{messageId}, $MESSAGE, 'the late word is not taken for the next one\'s');

	$v->put($s, post(body(hold => 'true')));
	api_send($v);
	$v->tell('CLOSE');
	$r = $v->answer($s);
	is($r->{status}, 503, 'closing while one waits: 503');
	like($r->{body}, qr/"closing".*Idempotency-Key/, 'it may have been stored');
	is($v->wait_exit, 0, 'and it ends');
};

subtest 'an open session' => sub {
	my $s = $w->dial;
	my $frame = sub {
		my $text = shift;
		return pack('CC', 0x81, 0x80 | length $text) . "\0\0\0\0" . $text;
	};
	$w->put($s, join("\r\n", "GET /communication/web-chatt2me/ws?webChatId=$PUBLIC_KEY HTTP/1.1", 'Host: t', "Origin: $ORIGIN",
		'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
		'Sec-WebSocket-Protocol: web-chatt2me.v1', '', ''));
	my $in = '';
	ok($w->until(5, sub { sysread($s, $in, 4096, length $in); $in =~ /\r\n\r\n/ }, $s), 'a visitor connects') or return;
	like($in, qr/^HTTP\/1\.1 101 /, 'and is let in') or return;
	$w->put($s, $frame->('{"type":"hello"}'));
	$w->welcome($w->wait_frame('ARRIVED'), 'KNOWN', $VISITOR, 0, '[]');
	ok($w->until(5, sub { sysread($s, $in, 4096, length $in); $in =~ /"welcome"/ }, $s), 'and is welcomed');

	my ($send, $r) = sends(post(body()), 'QUEUED');
	is($r->{body}, qq({"messageId":"$MESSAGE","status":"sent"}), 'sent, without hold');
	is($send->{only_known}, 0, 'it is to be stored');
	($send, $r) = sends(post(body(hold => 'true')), 'QUEUED');
	is($r->{body}, qq({"messageId":"$MESSAGE","status":"sent"}), 'sent, with hold');
	($send, $r) = sends(post(body(), 'Idempotency-Key: k2'), 'REPEAT');
	is($r->{body}, qq({"messageId":"$MESSAGE","status":"sent"}), 'sent, a repeat');
	is_deeply([@$send{qw(only_known dedupe_key)}], [0, 'api:k2'], 'with the key');
	is(JSON::PP::decode_json($w->once(post(body(to => qq("$OTHER"))))->{body})->{errorCode}, 'session_not_found', 'another visitor is not there');

	close $s;
	ok($w->wait_frame('LEFT'), 'the visitor leaves');
	is(JSON::PP::decode_json($w->once(post(body()))->{body})->{errorCode}, 'session_not_found', 'and is not there any more');
};

subtest 'metrics' => sub {
	my $text = $w->once(get('/metrics'))->{body};
	my %n = $text =~ /^webchatt_api_sends_total\{result="(\w+)"\} (\d+)$/mg;
	is_deeply([sort keys %n], [sort qw(queued repeat no_session no_visitor no_channel invalid busy ended)], 'sends by result');
	cmp_ok($n{queued}, '>=', 300, 'those queued');
	is($n{$_}, { no_visitor => 1, no_channel => 1, invalid => 3, busy => 1 }->{$_}, "those of $_") for qw(no_visitor no_channel invalid busy);
	cmp_ok($n{no_session}, '>=', 6, 'those to nobody');
	like($text, qr/^webchatt_http_refused_total\{status="401",reason="api_key_unknown"\} [1-9]/m, 'refusals');
};

# --- files ----------------------------------------------------------------

# The head of an answer that has no body.
sub head_only
{
	my $raw = shift;
	my $s = $w->dial;
	my $in = '';
	$w->put($s, $raw);
	$w->until(5, sub { sysread($s, $in, 65536, length $in); $in =~ /\r\n\r\n/ }, $s);
	$w->put($s, get('/healthz'));
	$w->until(5, sub { sysread($s, $in, 65536, length $in); $in =~ /"ok"/ }, $s);
	my ($head, $rest) = split /\r\n\r\n/, $in, 2;
	my ($status) = $head =~ /^HTTP\/1\.1 (\d+)/;
	return { status => $status, head => $head, rest => $rest };
}

my ($hash) = $w->once(get('/chat-widget.umd.js'))->{body} =~ /"?panel"?:"(\w{8})"/ or fail 'the base knows its panel';
my $panel = "panel-$hash.js";
for ([ '/chat-widget.umd.js', qr/^public, max-age=3600\b/ ], [ "/chat-widget/$panel", qr/^public, max-age=31536000, immutable$/ ])
{
	my ($path, $caching) = @$_;
	subtest $path => sub {
		my $plain = $w->once(get($path));
		is($plain->{status}, 200, 'GET');
		is(header($plain, 'Content-Type'), 'text/javascript; charset=utf-8', 'its type');
		is(header($plain, 'Content-Encoding'), undef, 'as it is');
		my $etag = header($plain, 'ETag');
		is($etag, '"' . substr(unpack('H*', sha256($plain->{body})), 0, 32) . '"', 'a strong ETag of its bytes');
		my $zipped = $w->once(get($path, 'Accept-Encoding: gzip, deflate, br'));
		is(header($zipped, 'Content-Encoding'), 'gzip', 'gzip where it is accepted');
		gunzip(\$zipped->{body} => \my $back) or fail 'gunzip';
		is($back, $plain->{body}, 'the same when unpacked');
		cmp_ok(length $zipped->{body}, '<', length $plain->{body}, 'and smaller');
		my $zip_tag = header($zipped, 'ETag');
		isnt($zip_tag, $etag, 'with an ETag of its own');

		my $same = head_only(get($path, "If-None-Match: $etag"));
		is($same->{status}, 304, 'If-None-Match: 304');
		is(header($same, 'ETag'), $etag, 'with the ETag');
		like($same->{rest}, qr/\AHTTP\/1\.1 200/, 'without a body');
		is(header($same, 'Content-Length') // length $plain->{body}, length $plain->{body}, 'and no other length than a 200 has');
		my $head = head_only(get($path) =~ s/^GET/HEAD/r);
		is($head->{status}, 200, 'HEAD');
		is(header($head, 'Content-Length'), length $plain->{body}, 'with the length');
		like($head->{rest}, qr/\AHTTP\/1\.1 200/, 'without a body');
		for my $r ($plain, $zipped, $same, $head)
		{
			is(header($r, 'Vary'), 'Accept-Encoding', 'Vary');
			like(header($r, 'Cache-Control'), $caching, 'Cache-Control');
			is(header($r, 'Access-Control-Allow-Origin'), '*', 'any origin may read it');
			is(header($r, 'Cross-Origin-Resource-Policy'), 'cross-origin', 'and load it');
			is(header($r, 'X-Content-Type-Options'), 'nosniff', 'nosniff');
		}
		for my $case ([200, "\"x\""], [304, "W/$etag"], [304, "\"x\", $etag"], [304, "\"x\" ,W/$etag , \"y\""], [304, '*'],
			[200, substr($etag, 1, -1)], [200, $zip_tag], [200, ''], [304, $zip_tag, 'Accept-Encoding: gzip'],
			[200, $etag, 'Accept-Encoding: gzip'], [200, "$etag\r\nIf-None-Match: $etag"])
		{
			my ($status, $value, @more) = @$case;
			my $r = head_only(get($path, "If-None-Match: $value", @more) =~ s/^GET/HEAD/r);
			is($r->{status}, $status, "If-None-Match: $value @more");
		}
		my $r = $w->once(get($path) =~ s/^GET/POST/r =~ s/\r\n\r\n/\r\nContent-Length: 0\r\n\r\n/r);
		is($r->{status}, 405, 'POST: 405');
		is(header($r, 'Allow'), 'GET, HEAD', 'Allow');
		is($w->once(get("$path?v=1"))->{status}, 200, 'with a query');
		is($w->once(get("$path/"))->{status}, 404, 'with a slash behind');
	};
}

is($w->once(get('/chat-widget/' . $panel =~ s/-\w{8}\./-AAAAAAAA./r))->{status}, 404, 'a module of another build is not there');

subtest 'Accept-Encoding' => sub {
	my %cases = (
		'gzip' => 1, 'GZIP' => 1, 'x-gzip' => 1, 'deflate, gzip;q=0.5' => 1, '*' => 1, 'br;q=1.0, *;q=0.1' => 1, 'gzip;q=1.000' => 1,
		'gzip ; q=0.001' => 1, 'identity;q=0, gzip;q=0.1' => 1, 'identity;q=0.5, gzip;q=0.5' => 1, ',,gzip,' => 1, 'gzip;Q=1' => 1,
		'' => 0, 'br' => 0, 'identity' => 0, 'gzip;q=0' => 0, 'gzip;q=0.000' => 0, '*;q=0' => 0, '*, gzip;q=0' => 0, 'gzip;q=0, *' => 0,
		'gzip;q=0.2, identity;q=0.8' => 0, 'gzip;q=2' => 0, 'gzip;q=-1' => 0, 'gzip;q=1.0000' => 0, 'gzip;q=x' => 0, 'gzip;q=' => 0,
		'gzip;' => 0, 'gzip;q=1.1' => 0, 'notgzip' => 0, 'gzipx' => 0, 'gzi' => 0, "gzip\r\nAccept-Encoding: gzip" => 0);
	for my $value (sort keys %cases)
	{
		my $r = head_only(get('/chat-widget.umd.js', "Accept-Encoding: $value") =~ s/^GET/HEAD/r);
		is(header($r, 'Content-Encoding') // 'none', $cases{$value} ? 'gzip' : 'none', "\"$value\"");
	}
};

is($w->close_door, 0, 'it ends in order');
done_testing;
