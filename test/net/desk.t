# The desk's listener (doc/desk-protocol.md), with the test in the worker's place: what is
# there and what is not, who may call, the session's cookie, calls and their answers, the
# WebSocket and what it is told, and what strangers may try.
# WEBCHATT_NET names the program (a build with sanitizers, say).
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Corridor;
use Digest::SHA qw(sha256);
use JSON::PP qw(decode_json encode_json);
use MIME::Base64 qw(encode_base64url);
use RawSocket;
use Socket qw(SOL_SOCKET SO_RCVBUF);
use Test::More;
use Time::HiRes qw(time);

my $HOST = 'desk.test:8481';
my $PROTOCOL = 'web-chatt2me.desk.v1';
my %TOKEN = map { $_ => encode_base64url(sha256("token-$_")) } qw(anna bert carl dora eve);
my $CHANNEL = '019a0000-0000-7000-8000-00000000000a';
my $VISITOR = '019a0000-0000-7000-8000-00000000000b';
my $SENTENCE = qr/\A[A-Z].*\w \w.*[.]\z/;

# --- the worker's part ----------------------------------------------------

# A desk that is on, and who its sessions are.  Questions of WebSockets are answered at once, unless {ask} says otherwise.
sub open_desk
{
	my (%settings) = @_;
	my $off = delete $settings{off};
	my $w = Corridor->open_door([], desk_listen => '127.0.0.1:0', %settings);
	($w->{desk_port}) = $w->{desk} =~ /:(\d+)\z/ or die("no desk: $w->{desk}; @{ $w->{logs} }");
	$w->{who} = { map { sha256($TOKEN{$_}) => $_ } keys %TOKEN };
	$w->{$_} = [] for qw(outcomes watched asked);
	$w->{on}{OUTCOME} = sub { push @{ $w->{outcomes} }, $_[0] };
	$w->{on}{DESK_WATCH} = sub { push @{ $w->{watched} }, $_[0]{watched} };
	$w->{on}{DESK_CALL} = sub {
		my ($call) = @_;
		return push @{ $w->{frames} }, ['DESK_CALL', $call] if $call->{function} ne 'socket';
		push @{ $w->{asked} }, $call;
		my $agent = $w->{who}{ $call->{session} };
		reply($w, $call, $agent ? 200 : 401, '{}', $agent) if !$w->{hold};
		return;
	};
	$w->tell('DESK_STATE', on => 1) if !$off;
	settle($w);
	return $w;
}

sub reply
{
	my ($w, $call, $status, $body, $agent) = @_;
	return $w->tell('DESK_ANSWER', request => $call->{request}, http_status => $status, agent => $agent // '', body => $body // '{}');
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

# --- the client's part ----------------------------------------------------

# A head and a body; headers as in a hash, undef takes one out.
sub request
{
	my ($line, $body, %headers) = @_;
	my %all = (Host => $HOST, (defined $body ? ('Content-Length' => length $body) : ()), %headers);
	return join("\r\n", "$line HTTP/1.1", (map { "$_: $all{$_}" } grep { defined $all{$_} } sort keys %all), '', $body // '');
}

# A call of a function as the page makes it; cookie: of whom.
sub call
{
	my ($function, $args, %headers) = @_;
	my $who = delete $headers{who};
	return request("POST /desk/api/$function", ref $args ? encode_json($args) : $args, 'X-Webchatt-Desk' => 1, Origin => "http://$HOST",
		($who ? (Cookie => 'webchatt_desk=' . ($TOKEN{$who} // $who)) : ()), %headers);
}

sub at_desk { my ($w, @once) = @_; local $w->{port} = $w->{desk_port}; return $w->once(@once) }
sub dial { my ($w, @local) = @_; local $w->{port} = $w->{desk_port}; return $w->dial(@local) }

sub header
{
	my ($r, $name) = @_;
	my @values = $r->{head} =~ /^\Q$name\E: ([^\r\n]*)/gmi;
	return @values ? join('|', @values) : undef;
}

# One call, the worker's answer to it, and what the page hears.
sub round_trip
{
	my ($w, $raw, $status, $body, %o) = @_;
	my $s = dial($w, $o{local} // ());
	$w->put($s, $raw);
	my $r;
	$w->until(5, sub { ($r = $w->answer($s, 0)) || grep { $_->[0] eq 'DESK_CALL' } @{ $w->{frames} } }, $s);
	return ({}, $r) if $r;
	my $call = $w->wait_frame('DESK_CALL') or return ({}, { status => 0, head => '', body => '' });
	reply($w, $call, $status, $body, $o{agent});
	return ($call, $w->answer($s) // { status => 0, head => '', body => 'no answer' });
}

# An answer that webchatt-net gives without the worker.
sub refused
{
	my ($w, $name, $status, $raw, $code) = @_;
	my $r = at_desk($w, $raw);
	is($r->{status}, $status, $name) or diag("$r->{head}\n$r->{body}");
	my $json = eval { decode_json($r->{body}) } // {};
	is($json->{errorCode}, $code, "$name: its code");
	like($json->{errorMessage} // '', $SENTENCE, "$name: a sentence for a person");
	guarded($r, $name);
	is(header($r, 'Cache-Control'), 'no-store', "$name: not stored");
	is(scalar(grep { $_->[0] eq 'DESK_CALL' } @{ $w->{frames} }), 0, "$name: the worker is not asked");
	return $r;
}

# What every answer of the desk says.
sub guarded
{
	my ($r, $name) = @_;
	is(header($r, 'X-Content-Type-Options'), 'nosniff', "$name: nosniff");
	is(header($r, 'X-Frame-Options'), 'DENY', "$name: no frames");
	is(header($r, 'Cross-Origin-Resource-Policy'), 'same-origin', "$name: no other site's");
	is(header($r, 'Access-Control-Allow-Origin'), undef, "$name: no CORS");
	return;
}

# --- sockets ---

sub socket_head
{
	my ($who, %headers) = @_;
	return RawSocket::head('', line => 'GET /desk/socket HTTP/1.1', Host => $HOST, Origin => "http://$HOST",
		'Sec-WebSocket-Protocol' => $PROTOCOL, ($who ? (Cookie => 'webchatt_desk=' . ($TOKEN{$who} // $who)) : ()), %headers);
}

# Open a desk's WebSocket; ready: 0: do not wait for that.
sub desk
{
	my ($w, $who, %o) = @_;
	my $k = RawSocket->new($w, $o{socket} // dial($w));
	$w->put($k->{s}, socket_head($who, %{ $o{head} // {} }));
	$k->upgraded or die 'no upgrade: ' . ($k->{in} =~ /(.*)/ ? $1 : 'silence');
	return $k if exists $o{ready} && !$o{ready};
	my $ready = $k->wait_for('ready') // die 'not ready: ' . ($k->{code} // 'silence');
	is($ready->{agent}, $who, "$who is ready");
	return $k;
}

# Somebody reads a conversation by a call, so that it may be opened.
sub reads
{
	my ($w, $who, $visitor, $status) = @_;
	round_trip($w, call('conversation', { channel => $CHANNEL, visitor => $visitor }, who => $who), $status // 200, '{}', agent => $who);
	return;
}

sub opens
{
	my ($k, $visitor) = @_;
	$k->say({ type => 'open', channel => $CHANNEL, visitor => $visitor });
	return $k->wait_for('colleagues');
}

sub changed
{
	my ($w, $visitor, $channel) = @_;
	return $w->tell('DESK_CHANGED', channel => $channel // $CHANNEL, visitor => $visitor);
}

# Frames that have come, but for pings: those before an answer to a question of ours.
sub heard
{
	my ($k) = @_;
	settle($k->{w});
	$k->put(WebSocket::frame(9, 'x'));
	$k->wait_opcode(10) or die 'no pong';
	return [map { $_->{type} } splice @{ $k->{frames} }];
}

my $w = open_desk();
ok($w->{port} && $w->{desk_port} && $w->{port} != $w->{desk_port}, 'the desk has an address of its own');

subtest 'the page' => sub {
	my $r = at_desk($w, request('GET /desk/'));
	is($r->{status}, 200, '/desk/: 200');
	guarded($r, '/desk/');
	is(header($r, 'Content-Type'), 'text/html; charset=utf-8', 'HTML');
	is(header($r, 'Cache-Control'), 'no-cache', 'asked for anew each time');
	is(header($r, 'Referrer-Policy'), 'no-referrer', 'no referrer');
	is(header($r, 'Cross-Origin-Opener-Policy'), 'same-origin', 'no opener');
	my %csp = map { /^\s*(\S+)\s*(.*?)\s*$/ } split /;/, header($r, 'Content-Security-Policy');
	is($csp{'default-src'}, "'none'", 'nothing but');
	is($csp{$_}, "'self'", "$_ from here") for qw(script-src style-src connect-src frame-src);
	is($csp{$_}, "'none'", "$_ none") for qw(frame-ancestors base-uri form-action);
	unlike(header($r, 'Content-Security-Policy'), qr/unsafe|\*/, 'nothing inline, nothing from everywhere');
	my $s = dial($w);
	$w->put($s, request('GET /desk/', undef, 'If-None-Match' => header($r, 'ETag')));
	my $in = '';
	ok($w->until(5, sub { sysread($s, $in, 4096, length $in); $in =~ /\AHTTP\/1\.1 304.*\r\n\r\n\z/s }, $s), 'its ETag: 304 without a body');
	my $script = at_desk($w, request('GET /desk/app.js'));
	my ($module) = $script->{body} =~ m{"\./(words_pt-[A-Z2-7]{8}\.js|chunk-[A-Z2-7]{8}\.js)"};
	is(header($script, 'Cache-Control'), 'no-cache', 'its script, too');
	$r = at_desk($w, request("GET /desk/$module"));
	guarded($r, "/desk/$module");
	is(header($r, 'Cache-Control'), 'public, max-age=31536000, immutable', 'a module has a hash in its name, so it is not');
	is(at_desk($w, request('GET /desk/chunk-AAAAAAAA.js'))->{status}, 404, 'and one of another version is not there');
	my $preview = at_desk($w, request('GET /desk/preview'));
	my $policy = header($preview, 'Content-Security-Policy');
	is($preview->{status}, 200, 'the preview of the widget: 200');
	like($policy, qr/(?:^|; )sandbox allow-scripts(?:;|$)/, 'it has no origin, nor may it do anything but run');
	like($policy, qr/(?:^|; )frame-ancestors 'self'(?:;|$)/, 'only the desk may frame it');
	like($policy, qr/(?:^|; )default-src 'none'; script-src 'self'(?:;|$)/, 'and it may load its script, and ask nobody');
	is(header($preview, 'X-Frame-Options'), 'SAMEORIGIN', 'for older browsers, too');
	is(header(at_desk($w, request('GET /desk/preview.js')), 'Cross-Origin-Resource-Policy'), 'cross-origin', 'its script is to a page without an origin another one');
	for my $path ('/', '/desk')
	{
		$r = at_desk($w, request("GET $path"));
		is($r->{status}, 302, "$path: leads on");
		is(header($r, 'Location'), '/desk/', "$path: to the page");
	}
	refused($w, "POST $_", 405, request("POST $_", ''), 'method_not_allowed') for '/', '/desk', '/desk/';
	refused($w, "GET of a function", 405, request('GET /desk/api/inbox'), 'method_not_allowed');
};

subtest 'each listener has its own' => sub {
	refused($w, "$_ at the desk", 404, request("GET $_"), 'not_found')
	  for '/healthz', '/metrics', '/chat-widget.umd.js', '/v1', '/webhooks/' . Corridor::uuid7(), '/communication/web-chatt2me/ws?webChatId=x',
	  '/communication/web-chatt2me/events', '/desk/nothing', '/desk/api/', '/desk/..', '/desk/%73ocket', '/DESK/';
	refused($w, "POST $_ at the desk", 404, request("POST $_", '{}'), 'not_found') for '/v1/communication/web-chatt2me/message', '/v1/organization/webhook';
	for my $line ('GET /desk', 'GET /desk/', 'GET /desk/app.js', 'GET /desk/socket', 'POST /desk/api/sign_in', 'POST /desk/api/me')
	{
		my $r = $w->once(request($line, $line =~ /POST/ ? '{}' : undef, 'X-Webchatt-Desk' => 1, Origin => "http://$HOST", Cookie => "webchatt_desk=$TOKEN{anna}"));
		is($r->{status}, 404, "$line is nothing where visitors come");
	}
	my $s = $w->dial;
	$w->put($s, socket_head('anna'));
	is($w->answer($s)->{status}, 404, 'nor is the WebSocket');
	is(scalar(grep { $_->[0] eq 'DESK_CALL' } @{ $w->{frames} }), 0, 'the worker hears of none');
};

subtest 'off until there is an agent' => sub {
	my $off = open_desk(off => 1);
	my @all = (map({ request("GET $_") } qw(/ /desk /desk/ /desk/app.js /desk/socket /desk/api/me /x)), call('sign_in', {}), call('me', {}, who => 'anna'), socket_head('anna'));
	my @bodies = map { refused($off, 'off: ' . (/(.*?) HTTP/)[0], 404, $_, 'not_found')->{body} } @all;
	is(scalar(keys %{ { map { $_ => 1 } @bodies } }), 1, 'and nothing tells one from another');
	$off->tell('DESK_STATE', on => 1);
	settle($off);
	is(at_desk($off, request('GET /desk/'))->{status}, 200, 'on');
	my $k = desk($off, 'anna');
	$off->tell('DESK_STATE', on => 0);
	ok($k->wait_for('signed_out'), 'off again: whoever is there hears it');
	is($k->closed, 4401, 'and goes');
	is(at_desk($off, request('GET /desk/'))->{status}, 404, 'and there is nothing');
};

subtest 'calls' => sub {
	my ($call, $r) = round_trip($w, call('inbox', '{"filter":"open","n":1e2,"t":"\u00e9"}', who => 'anna', 'User-Agent' => "Moz\xc3\xa9illa \xff/" . 'x' x 300), 200, '{"a":1}');
	is($r->{status}, 200, 'answered 200');
	is($r->{body}, '{"a":1}', 'the answer as it is');
	guarded($r, 'an answer');
	is(header($r, 'Content-Type'), 'application/json', 'JSON');
	is(header($r, 'Cache-Control'), 'no-store', 'not stored');
	is(header($r, 'Set-Cookie'), undef, 'no cookie');
	is($call->{function}, 'inbox', 'the function');
	is($call->{args}, '{"filter":"open","n":1e2,"t":"\u00e9"}', 'the arguments to the letter');
	is($call->{session}, sha256($TOKEN{anna}), "the hash of the session's token");
	is("$call->{has_session} $call->{unattended}", '1 0', 'it has one, and somebody is there');
	is($call->{new_session}, "\0" x 32, 'and makes none');
	is($call->{client}, '127.0.0.1', 'the client');
	is($call->{user_agent}, substr("Moz\xc3\xa9illa \xef\xbf\xbd/" . 'x' x 300, 0, 200), 'its name for itself, cut and mended');
	is((round_trip($w, call('me', '', who => 'anna'), 200, '{}'))[0]{args}, '{}', 'no body is no arguments');
	is((round_trip($w, call('inbox', {}, who => 'anna', 'X-Webchatt-Desk' => 2), 200))[0]{unattended}, 1, 'a page that nobody touches says so');
	for my $status (400, 403, 404, 409, 500, 503)
	{
		$r = (round_trip($w, call('send', {}, who => 'anna'), $status, qq({"errorCode":"x$status"})))[1];
		is("$r->{status} $r->{body}", qq($status {"errorCode":"x$status"}), "$status is handed through");
	}
	refused($w, "the function $_", 404, call($_, {}, who => 'anna'), 'not_found')
	  for 'socket', 'Me', '_x', 'x' x 41, 'a/b', 'a-b', 'a1', 'me/', 'me%20', 'pg_sleep;';
	refused($w, "the body $_", 400, call('me', $_, who => 'anna'), 'invalid_arguments')
	  for '[]', '1', '"x"', 'null', '{', '{}x', '{"a":1,"a":2}', '[' x 2000;
	is((round_trip($w, call('me', "{\"a\":\"\xff\\ud800\\u0000\"}", who => 'anna'), 200))[0]{args}, "{\"a\":\"\xef\xbf\xbd\\ufffd\\ufffd\"}", 'what no text can hold is mended');
	like(refused($w, 'a body over 64 kB', 413, call('me', '{"a":"' . 'x' x 65536 . '"}', who => 'anna'), 'body_too_large')->{body}, qr/64 kB/, 'which says how large it may be');
	like(refused($w, 'one that says so before', 413, request('POST /desk/api/me', undef, 'X-Webchatt-Desk' => 1, Origin => "http://$HOST", Cookie => "webchatt_desk=$TOKEN{anna}", 'Content-Length' => 70000, Expect => '100-continue'), 'body_too_large')->{body}, qr/64 kB/, 'as well');
	refused($w, 'one that is over 64 kB when it is mended', 413, call('me', '{"a":"' . "\xff" x 30000 . '"}', who => 'anna'), 'body_too_large');
	is((round_trip($w, call('me', '{"a":"' . 'x' x 65000 . '"}', who => 'anna'), 200))[1]{status}, 200, 'one below');
};

subtest 'CSRF: only the page itself may call' => sub {
	for my $function (qw(me sign_in sign_out))
	{
		my %all = ('no mark' => ['X-Webchatt-Desk' => undef], 'another mark' => ['X-Webchatt-Desk' => 'yes'], 'a third' => ['X-Webchatt-Desk' => 3], 'two' => ['X-Webchatt-Desk' => '1, 1'], 'no Origin' => [Origin => undef],
			'another site' => [Origin => 'http://evil.example'], 'https' => [Origin => "https://$HOST"], 'no port' => [Origin => 'http://desk.test'],
			'an opaque origin' => [Origin => 'null'], 'a longer one' => [Origin => "http://$HOST.evil.example"], 'a shorter one' => [Origin => 'http://desk'],
			'two origins' => ["Origin: http://$HOST\r\nOrigin" => "http://$HOST"], 'an empty one' => [Origin => '']);
		refused($w, "$function: $_", 403, call($function, {}, who => 'anna', @{ $all{$_} }), 'cross_site') for sort keys %all;
		refused($w, "$function as a form would", 403, request("POST /desk/api/$function", 'a=b', Origin => 'http://evil.example',
			'Content-Type' => 'application/x-www-form-urlencoded', Cookie => "webchatt_desk=$TOKEN{anna}"), 'cross_site');
		refused($w, "$function: $_", 405, request("$_ /desk/api/$function", $_ =~ /P/ ? '{}' : undef, 'X-Webchatt-Desk' => 1, Origin => "http://$HOST", Cookie => "webchatt_desk=$TOKEN{anna}"), 'method_not_allowed')
		  for qw(GET PUT DELETE PATCH OPTIONS);
	}
	my $https = open_desk(desk_url => 'https://Desk.Example.com:443/');
	my ($call) = round_trip($https, call('me', {}, Origin => 'https://desk.example.com', Cookie => "__Host-webchatt_desk=$TOKEN{anna}"), 200);
	is($call->{session}, sha256($TOKEN{anna}), "desk_url's origin, in the form of browsers");
	refused($https, "where desk_url is set, not $_", 403, call('me', {}, Origin => $_, Cookie => "__Host-webchatt_desk=$TOKEN{anna}"), 'cross_site')
	  for "http://$HOST", 'http://desk.example.com', 'https://desk.example.com:444', 'https://www.desk.example.com';
	$https->configure(desk_url => 'http://desk.test:1/x');
	settle($https);
	is((round_trip($https, call('me', {}, who => 'anna', Origin => 'http://desk.test:1'), 200))[0]{has_session}, 1, 'a reload counts at once');
};

subtest 'sessions' => sub {
	refused($w, $_->[0], 401, call('me', {}, Cookie => $_->[1]), 'not_signed_in') for
	  ['no cookie', undef], ['an empty one', ''], ['another', 'session=1'], ['one without a value', 'webchatt_desk='], ['one that is too short', 'webchatt_desk=' . substr($TOKEN{anna}, 1)],
	  ['one that is too long', "webchatt_desk=$TOKEN{anna}A"], ['one with a strange character', 'webchatt_desk=' . substr($TOKEN{anna}, 1) . '+'],
	  ['two: nobody can say which is ours', "webchatt_desk=$TOKEN{anna}; webchatt_desk=$TOKEN{bert}"], ['the name of https', "__Host-webchatt_desk=$TOKEN{anna}"],
	  ['a name that ends alike', "xwebchatt_desk=$TOKEN{anna}"], ['a name that begins alike', "webchatt_desk2=$TOKEN{anna}"];
	for ("a=b; webchatt_desk=$TOKEN{anna}; c=d", "webchatt_desk=$TOKEN{anna}", " ;; = ;x;webchatt_desk = $TOKEN{anna} ;")
	{
		is((round_trip($w, call('me', {}, Cookie => $_), 200))[0]{session}, sha256($TOKEN{anna}), "found in \"" . s/\Q$TOKEN{anna}\E/.../r . '"');
	}
};

subtest 'signing in' => sub {
	my ($call, $r) = round_trip($w, call('sign_in', { token => 'secret' }, who => 'bert'), 200, '{"agent":"anna"}', agent => 'anna');
	is($call->{function}, 'sign_in', 'handed on');
	is($call->{has_session}, 0, "fixation: the browser's cookie does not count");
	is($call->{session}, sha256($TOKEN{bert}), 'but for what it is to end: the session that this one replaces');
	my ($token) = (header($r, 'Set-Cookie') // '') =~ /\Awebchatt_desk=([A-Za-z0-9_-]{43}); Path=\/; Max-Age=2592000; HttpOnly; SameSite=Strict\z/;
	ok($token, 'a cookie with all that it should say') or diag(header($r, 'Set-Cookie'));
	isnt($token, $TOKEN{bert}, 'a new one');
	is($call->{new_session}, sha256($token // ''), 'the worker has its hash only');
	unlike($r->{body}, qr/$token/, 'the page cannot read it');
	is((round_trip($w, call('me', {}, who => $token), 200))[0]{session}, sha256($token), 'which is a session');
	my $of_bert = desk($w, 'bert');
	round_trip($w, call('sign_in', {}, who => 'bert'), 401);
	is_deeply(heard($of_bert), [], 'a link that fails ends nothing');
	round_trip($w, call('sign_in', {}, who => 'bert'), 200);
	is($of_bert->closed, 4401, 'one that works signs whoever was signed in out, in each of their tabs');
	$of_bert->ends;
	$w->{asked} = [];
	my ($call2, $r2) = round_trip($w, call('sign_in', {}), 200);
	isnt($call2->{new_session}, $call->{new_session}, 'each time another');
	for my $status (400, 401, 403, 500, 503)
	{
		is(header((round_trip($w, call('sign_in', {}), $status))[1], 'Set-Cookie'), undef, "$status: no cookie");
	}
	($call, $r) = round_trip($w, call('passkey_challenge', {}, who => 'bert'), 200);
	is("$call->{has_session} $call->{new_session}", '0 ' . "\0" x 32, 'a challenge for a passkey needs no session, and makes none');
	is(header($r, 'Set-Cookie'), undef, 'nor a cookie');
	($call, $r) = round_trip($w, call('passkey_sign_in', {}, who => 'bert'), 200, '{"agent":"anna"}', agent => 'anna');
	($token) = (header($r, 'Set-Cookie') // '') =~ /\Awebchatt_desk=([A-Za-z0-9_-]{43}); Path=\/; Max-Age=2592000; HttpOnly; SameSite=Strict\z/;
	is("$call->{has_session} $call->{new_session}", '0 ' . sha256($token // ''), 'a passkey gets one as a link does');
	is(header((round_trip($w, call('passkey_sign_in', {}), 401))[1], 'Set-Cookie'), undef, 'or none');
	my $https = open_desk(desk_url => 'https://desk.example.com', desk_session_max_s => 77);
	$r = (round_trip($https, call('sign_in', {}, Origin => 'https://desk.example.com'), 200))[1];
	like(header($r, 'Set-Cookie'), qr/\A__Host-webchatt_desk=[\w-]{43}; Path=\/; Max-Age=77; HttpOnly; SameSite=Strict; Secure\z/, 'by https: __Host- and Secure');
	($call, $r) = round_trip($w, call('sign_out', {}, who => 'carl'), 200);
	is(header($r, 'Set-Cookie'), 'webchatt_desk=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict', 'signing out ends the cookie');
	is(header((round_trip($w, call('sign_out', {}, who => 'carl'), 401))[1], 'Set-Cookie'), undef, 'if it has worked');
};

# Try until it is refused: so many are let in, and those that a minute's number has come to since then, which is not none on a
# slow machine (nor is any refused there, where they come that fast).  The last answer.
sub runs_out
{
	my ($what, $burst, $a_minute, $try, $began) = @_;
	my ($tries, $most, $r) = (0);
	$began //= time;

	while (($r = $try->())->{status} == 401)
	{
		$most = $burst + $a_minute / 60 * (time - $began) + 1;
		last if ++$tries > $most || $tries == $burst + 100;
	}
	ok($tries >= $burst && (!$tries || $tries <= $most), "$what, not without end") or diag("$tries let in, the last: $r->{status}");
	return $r;
}

subtest 'brute force' => sub {
	my $b = open_desk(trusted_proxies => '127.0.0.9');
	my $try = sub { my ($local, @headers) = @_; return (round_trip($b, call('sign_in', { token => 'guess' }, @headers), 401, '{}', local => $local))[1] };
	my $began = time;
	my $r = runs_out('ten attempts', 10, 10, sub { $try->('127.0.0.1') });
	is($r->{status}, 429, 'not an eleventh');
	is(decode_json($r->{body})->{errorCode}, 'too_many_sign_ins', 'which says why');
	ok(header($r, 'Retry-After'), 'and that it may come later');
	is((round_trip($b, call('me', {}, who => 'anna'), 200, '{}', local => '127.0.0.1'))[1]{status}, 200, 'whoever is signed in there is not disturbed');
	is($try->('127.0.0.2')->{status}, 401, 'nor is another address');
	is(runs_out('who says that it is another', 0, 10, sub { $try->('127.0.0.1', 'X-Forwarded-For' => '10.0.0.1') }, $began)->{status}, 429, 'is not believed');
	is(runs_out('ten by a trusted proxy', 10, 10, sub { $try->('127.0.0.9', 'X-Forwarded-For' => '10.0.0.1') })->{status}, 429, 'who is');
	is($try->('127.0.0.9', 'X-Forwarded-For' => '10.0.0.2')->{status}, 401, 'for each of its clients');
	is(join(' ', map { (round_trip($b, call('sign_in', {}), 200, '{}', local => '127.0.0.3'))[1]{status} } 1 .. 15), join(' ', (200) x 15), 'those who get in do not count');

	# a sign-in by a passkey is two calls, and costs both when it comes to nothing
	is(join(' ', map { (round_trip($b, call('passkey_challenge', {}), 200, '{}', local => '127.0.0.5'))[1]{status}, (round_trip($b, call('passkey_sign_in', {}), 200, '{}', local => '127.0.0.5'))[1]{status} } 1 .. 11),
		join(' ', (200) x 22), 'those who get in by a passkey do not, nor do their challenges');
	$began = time;
	is(join(' ', map { (round_trip($b, call('passkey_challenge', {}), 200, '{}', local => '127.0.0.6'))[1]{status}, (round_trip($b, call('passkey_sign_in', {}), 401, '{}', local => '127.0.0.6'))[1]{status} } 1 .. 5),
		join(' ', (200, 401) x 5), 'others do');
	is(runs_out('after five of them', 0, 10, sub { $try->('127.0.0.6') }, $began)->{status}, 429, 'both');
	my $guess = 0;
	runs_out('sessions that nobody knows', 300, 300, sub { (round_trip($b, call('me', {}, who => encode_base64url(sha256('guess ' . $guess++))), 401, '{}', local => '127.0.0.4'))[1] });
	is((round_trip($b, call('me', {}, who => 'anna'), 200, '{}', local => '127.0.0.4'))[1]{status}, 200, 'one that is known is not kept out by it');
};

subtest 'a proxy that signs people in' => sub {
	my $p = open_desk(desk_user_header => 'X-Forwarded-User', trusted_proxies => '127.0.0.9');
	my $from = sub { my ($local, $function, $status, @headers) = @_; return round_trip($p, call($function, {}, @headers), $status, '{}', local => $local) };
	my ($call, $r) = $from->('127.0.0.9', 'enter', 200, 'X-Forwarded-User' => 'ana@example.com');
	is("$call->{function} $call->{user} $call->{has_session}", 'enter ana@example.com 0', 'the worker hears whom it says');
	my ($token) = header($r, 'Set-Cookie') =~ /\Awebchatt_desk=([\w-]{43}); Path=\/; Max-Age=2592000; HttpOnly; SameSite=Strict\z/;
	is($call->{new_session}, sha256($token // ''), 'and makes a session as a link does');
	($call) = $from->('127.0.0.9', 'me', 200, 'x-forwarded-USER' => 'ana@example.com', who => 'anna');
	is("$call->{user} $call->{has_session}", 'ana@example.com 1', 'each call says so');
	($call) = $from->('127.0.0.9', 'me', 200, 'Remote-User' => 'ana', who => 'anna');
	is($call->{user}, '', 'not by another header');
	($call) = $from->('127.0.0.1', 'me', 200, 'X-Forwarded-User' => 'root', who => 'anna');
	is($call->{user}, '', 'who is no trusted proxy is not believed, and is no error');
	($call) = $from->('127.0.0.1', 'sign_in', 200, 'X-Forwarded-User' => 'root');
	is($call->{user}, '', 'signing in neither');
	($call) = $from->('127.0.0.1', 'me', 200, 'X-Forwarded-User' => 'a, b', 'X-Forwarded-For' => '127.0.0.9', who => 'anna');
	is($call->{user}, '', 'also not by saying that it comes from one');
	for (['127.0.0.1', 'X-Forwarded-User' => 'root'], ['127.0.0.1'], ['127.0.0.9'], ['127.0.0.9', 'X-Forwarded-User' => ''])
	{
		my ($local, @headers) = @$_;
		my ($asked, $answer) = $from->($local, 'enter', 200, @headers);
		is("$answer->{status} " . (header($answer, 'Set-Cookie') // 'no cookie') . ($asked->{function} // ''), '401 no cookie', "enter without its word: 401 (@$_)");
	}
	for my $function (qw(enter me sign_in))
	{
		my %odd = (twice => ["X-Forwarded-User: ana\r\nX-Forwarded-User" => 'ana'], 'another behind it' => ["X-Forwarded-User: ana\r\nx-forwarded-user" => ''], 'a list' => ['X-Forwarded-User' => 'ana, rui'], 'blanks' => ['X-Forwarded-User' => 'ana sousa'],
			'no ASCII' => ['X-Forwarded-User' => "an\xc3\xa1"], 'too long' => ['X-Forwarded-User' => 'x' x 256]);
		for (sort keys %odd)
		{
			my ($asked, $answer) = $from->('127.0.0.9', $function, 200, @{ $odd{$_} }, who => 'anna');
			is("$answer->{status} " . (decode_json($answer->{body})->{errorCode} // ''), '400 bad_user_header', "$function: $_");
			like(decode_json($answer->{body})->{errorMessage}, $SENTENCE, 'in words');
			is_deeply($asked, {}, 'the worker is not asked');
		}
	}
	is(join(' ', map { ($from->('127.0.0.9', 'enter', 401, 'X-Forwarded-User' => 'nobody', 'X-Forwarded-For' => '10.0.0.7'))[1]{status} } 1 .. 11), join(' ', (401) x 10, 429), 'whom nobody knows is counted as who tries links');
	is((round_trip($p, call('enter', {}, 'X-Forwarded-User' => 'ana', Origin => 'http://evil.example'), 200, '{}', local => '127.0.0.9'))[1]{status}, 403, 'another site cannot have anybody enter');

	$p->{asked} = [];
	my $k = desk($p, 'anna', socket => dial($p, '127.0.0.9'), head => { 'X-Forwarded-User' => 'ana' });
	is($p->{asked}[-1]{user}, 'ana', 'so does the question whose WebSocket it is');
	$k->ends;
	$k = desk($p, 'anna', head => { 'X-Forwarded-User' => 'ana' });
	is($p->{asked}[-1]{user}, '', 'not from elsewhere');
	$k->ends;
	my $s = dial($p, '127.0.0.9');
	$p->put($s, socket_head('anna', 'X-Forwarded-User' => 'a,b'));
	is($p->answer($s)->{status}, 400, 'nor a WebSocket with a list');
	$p->configure(desk_user_header => '');
	settle($p);
	($call) = $from->('127.0.0.9', 'me', 200, 'X-Forwarded-User' => 'root', who => 'anna');
	is($call->{user}, '', 'where it is turned off, nobody is believed');
};

subtest 'too many calls' => sub {
	my @s = map { dial($w) } 1 .. 33;
	round_trip($w, call('me', {}, who => 'dora'), 200);
	$w->put($_, call('inbox', {}, who => 'dora')) for @s;
	my @calls = map { $w->wait_frame('DESK_CALL') } 1 .. 32;
	is(scalar(grep { $_ } @calls), 32, '32 of a session wait');
	my ($r) = grep { $_ && $_->{status} } map { $w->answer($_, 0.01) } @s;
	is($r->{status}, 429, 'the next is told to come later');
	reply($w, $_, 200) for @calls;
	settle($w);
	is((round_trip($w, call('me', {}, who => 'dora'), 200))[1]{status}, 200, 'which it may, when they are done');

	my @more;
	my $waiting = 0;
	my $busy;
	for my $n (1 .. 260)
	{
		push @more, my $s = dial($w);
		$w->put($s, call('me', {}, Cookie => 'webchatt_desk=' . encode_base64url(sha256("many $n"))));
		last if !$w->until(5, sub { $w->take; scalar(grep { $_->[0] eq 'DESK_CALL' } @{ $w->{frames} }) > $waiting || ($busy = $w->answer($s, 0)) }, $s);
		last if $busy;
		$waiting++;
	}
	is($waiting, 256, '256 in all');
	is($busy->{status}, 503, 'and the next is told so');
	reply($w, $w->wait_frame('DESK_CALL'), 401) for 1 .. $waiting;
	settle($w);
	is((round_trip($w, call('me', {}, who => 'dora'), 200))[1]{status}, 200, 'then it goes on');
};

subtest 'answers that nobody reads' => sub {
	my $slow = open_desk(request_timeout_ms => 120_000);
	my $large = '{"x":"' . 'x' x 7_000_000 . '"}';
	my @kept;
	round_trip($slow, call('me', {}, who => $_), 200) for qw(anna bert carl dora);
	# Five calls each, before any is answered; nobody reads.  What the page hears of the last of them, which does read.
	my $calls_of = sub {
		my ($who) = @_;
		my @s = map { dial($slow) } 1 .. 5;
		setsockopt($_, SOL_SOCKET, SO_RCVBUF, 4096) for @s; # the kernel reads no megabytes for us either
		my @calls = map { $slow->put($_, call('inbox', {}, who => $who)); $slow->wait_frame('DESK_CALL') } @s;
		reply($slow, $_, 200, $large, $who) for @calls;
		settle($slow);
		push @kept, @s[0 .. 2];
		return map { my $r = $slow->answer($_, 60); "$r->{status} " . decode_json($r->{body})->{errorCode} } @s[3, 4];
	};
	is_deeply([$calls_of->('anna')], [('503 answers_not_read') x 2], '24 MB of one session');
	my ($call, $r) = round_trip($slow, call('me', {}, who => 'anna'), 200);
	is($r->{status}, 429, 'which can call again when they are read');
	ok(header($r, 'Retry-After'), 'a little later');
	is((round_trip($slow, call('me', {}, who => 'bert'), 200))[1]{status}, 200, 'another is not disturbed');
	$calls_of->($_) for qw(bert carl);
	($call, $r) = round_trip($slow, call('me', {}, who => 'dora'), 200);
	is("$r->{status} " . decode_json($r->{body})->{errorCode}, '503 answers_not_read', '64 MB in all');
	is((round_trip($slow, call('sign_in', {}), 200))[1]{status}, 200, 'who comes gets in all the same');
	$slow->configure(request_timeout_ms => 200);
	ok($slow->until(30, sub { (round_trip($slow, call('me', {}, who => 'dora'), 200))[1]{status} == 200 }), 'who does not read is cut off in time');
	is((round_trip($slow, call('me', {}, who => 'anna'), 200))[1]{status}, 200, 'and may call again');
	$slow->configure(request_timeout_ms => 120_000);
	my $s = dial($slow);
	$slow->put($s, call('inbox', {}, who => 'anna'));
	reply($slow, $slow->wait_frame('DESK_CALL'), 200, $large, 'anna');
	is(length($slow->answer($s, 60)->{body}), length $large, 'who reads has it');
	close $_ for @kept;
};

subtest 'an office behind one address' => sub {
	my $office = open_desk(max_connections_per_address => 2);
	my @s = map { dial($office) } 1 .. 20;
	$office->put($_, request('GET /desk/')) for @s;
	is(join(' ', map { ($office->answer($_) // { status => 0 })->{status} } @s), join(' ', (200) x 20), 'is not shut out');
	my @visitors = map { $office->dial } 1 .. 3;
	$office->put($_, request('GET /healthz')) for @visitors;
	is((grep { ($office->answer($_) // { status => 0 })->{status} == 200 } @visitors), 2, 'visitors have their limit');
};

subtest 'plain HTTP from elsewhere' => sub {
	my $warns = sub { my ($d) = @_; return scalar grep { /the desk is reached by plain HTTP.*webchatt\.desk_url/ } @{ $d->{logs} } };
	for (['0.0.0.0:0', '', 1], ['127.0.0.1:0, 0.0.0.0:0', 'http://desk.example.com', 1], ['0.0.0.0:0', 'https://desk.example.com', 0], ['127.0.0.1:0', '', 0], ['[::1]:0,127.0.0.2:0', '', 0])
	{
		my ($listen, $url, $warned) = @$_;
		my $d = Corridor->open_door([], desk_listen => $listen, desk_url => $url);
		settle_log($d);
		is($warns->($d), $warned, "$listen, $url: " . ($warned ? 'it is said' : 'nothing is said'));
		$d->configure(desk_session_max_s => 60);
		settle_log($d);
		is($warns->($d), $warned, 'once');
	}
};

# All that was said so far has been done, and what it logged is there.
sub settle_log { my ($d) = @_; $d->{outcomes} = []; $d->{on}{OUTCOME} = sub { push @{ $d->{outcomes} }, $_[0] }; return settle($d) }

subtest 'the worker does not answer' => sub {
	my $late = open_desk(ack_timeout_ms => 100, desk_statement_timeout_ms => 100);
	my $s = dial($late);
	$late->put($s, call('send', {}, who => 'anna'));
	my $call = $late->wait_frame('DESK_CALL');
	my $r = $late->answer($s, 10);
	is($r->{status}, 503, 'answered 503');
	like($r->{body}, qr/may do it all the same/, 'which says that it may be done');
	reply($late, $call, 200);
	is((round_trip($late, call('me', {}, who => 'anna'), 200))[1]{status}, 200, 'an answer that is late harms nobody');
	reply($late, { request => $_ }, 200) for 0, 1, 2**62, 2**63, 2**63 + 12345, 2**64 - 1;
	settle($late);
	pass('nor does one that nobody waits for');
};

subtest 'the WebSocket: who gets in' => sub {
	my %wrong = ('no Origin' => [403, Origin => undef], 'another Origin' => [403, Origin => 'http://evil.example'], 'https' => [403, Origin => "https://$HOST"],
		'no cookie' => [401, Cookie => undef], 'a cookie that is none' => [401, Cookie => 'webchatt_desk=x'], 'no sub-protocol' => [400, 'Sec-WebSocket-Protocol' => undef],
		"visitors' sub-protocol" => [400, 'Sec-WebSocket-Protocol' => 'web-chatt2me.v1'], 'another version' => [426, 'Sec-WebSocket-Version' => 8],
		'no upgrade' => [426, Upgrade => undef], 'a bad key' => [400, 'Sec-WebSocket-Key' => 'x']);
	for my $name (sort keys %wrong)
	{
		my ($status, %headers) = @{ $wrong{$name} };
		my $s = dial($w);
		$w->put($s, socket_head('anna', %headers));
		is($w->answer($s)->{status}, $status, $name);
	}
	is(scalar @{ $w->{asked} }, 0, 'the worker is asked about none of them');
	my $k = desk($w, encode_base64url(sha256('nobody')), ready => 0);
	ok($k->wait_for('signed_out'), 'a session that there is not: it hears so');
	is($k->closed, 4401, 'and is closed');
	my $s = dial($w);
	$w->put($s, request('GET /desk/'));
	is($w->answer($s)->{status}, 200, 'on a connection that was used');
	desk($w, 'anna', socket => $s)->ends;

	$w->{hold} = 1;
	my $held = desk($w, 'anna', ready => 0);
	$w->until(5, sub { grep { $_->{session} eq sha256($TOKEN{anna}) } @{ $w->{asked} } });
	my $asked = $w->{asked}[-1];
	is("$asked->{function} $asked->{args} $asked->{has_session}", 'socket {} 1', 'the worker is asked whose session it is');
	$held->say({ type => 'open', channel => $CHANNEL, visitor => $VISITOR });
	changed($w, $VISITOR);
	is_deeply(heard_nothing($held), [], 'nothing is said or read before it answers');
	reply($w, $asked, 503);
	is($held->closed, 1013, 'when it cannot say: later');
	$w->{hold} = 0;
};

# Frames that have come, of one that is not read yet.
sub heard_nothing { my ($k) = @_; settle($k->{w}); $k->fill; return $k->{frames} }

subtest 'somebody looks' => sub {
	settle($w);
	$w->{watched} = [];
	my @desks = map { desk($w, $_) } qw(anna bert);
	is_deeply($w->{watched}, [1], 'the worker hears of the first desk');
	$_->ends for @desks;
	$w->until(5, sub { @{ $w->{watched} } > 1 });
	is_deeply($w->{watched}, [1, 0], 'and when nobody looks any more');
};

subtest 'changes' => sub {
	my ($anna, $bert) = map { desk($w, $_) } qw(anna bert);
	changed($w, $VISITOR);
	ok($_->wait_for('changed'), 'everybody hears that something did') for $anna, $bert;
	changed($w, "visitor $_") for 1 .. 200;
	ok($anna->wait_for('changed'), '200 more: again, when it is time');
	cmp_ok(scalar @{ heard($anna) }, '<', 20, 'not for each of them');
	changed($w, '', "\0" x 16);
	ok($_->wait_for('changed'), 'anything may have changed') for $anna, $bert;
	is_deeply([grep { $_->{type} ne 'changed' } @{ $bert->{frames} }], [], 'of no conversation, as none is open');
	$_->ends for $anna, $bert;
};

subtest 'a conversation that is open' => sub {
	my ($anna, $bert) = map { desk($w, $_) } qw(anna bert);
	$anna->say({ type => 'open', channel => $CHANNEL, visitor => $VISITOR });
	is_deeply($anna->wait_for('unread'), { type => 'unread', channel => $CHANNEL, visitor => $VISITOR }, 'not before it was read by a call');
	reads($w, 'anna', $VISITOR, 403);
	$anna->say({ type => 'open', channel => $CHANNEL, visitor => $VISITOR });
	ok($anna->wait_for('unread'), 'nor when the call was refused');
	reads($w, 'bert', $VISITOR);
	$anna->say({ type => 'open', channel => $CHANNEL, visitor => $VISITOR });
	ok($anna->wait_for('unread'), 'nor by another session');
	changed($w, $VISITOR);
	$anna->wait_for('changed');
	is_deeply([grep { $_ eq 'conversation' } @{ heard($anna) }], [], 'and nothing is told of it');
	reads($w, 'anna', $VISITOR);
	is_deeply(opens($anna, $VISITOR), { type => 'colleagues', agents => [], typing => [] }, 'then it is: nobody else is there');
	changed($w, $VISITOR);
	is_deeply($anna->wait_for('conversation'), { type => 'conversation', channel => $CHANNEL, visitor => $VISITOR }, 'what changes in it is told');
	changed($w, $VISITOR) for 1 .. 3;
	ok($anna->wait_for('conversation'), 'at once, each time') for 1 .. 3;
	changed($w, $_->[0], $_->[1]) for ['another'], [$VISITOR, Corridor::uuid7()];
	is_deeply([grep { $_ eq 'conversation' } @{ heard($anna) }, @{ heard($bert) }], [], 'not what changes in another, nor to others');
	changed($w, '', "\0" x 16);
	is(($anna->wait_for('conversation') // {})->{visitor}, $VISITOR, 'anything: that one too');
	my $odd = "o\"d\\d \x{1f600}\x{e9}" . 'x' x 200;
	reads($w, 'anna', $odd);
	$anna->say({ type => 'open', channel => uc $CHANNEL, visitor => $odd });
	ok($anna->wait_for('colleagues'), 'another, with a strange id');
	{ my $bytes = $odd; utf8::encode($bytes); changed($w, $bytes) }
	is(($anna->wait_for('conversation') // {})->{visitor}, $odd, 'comes back to the letter');
	changed($w, $VISITOR);
	is_deeply([grep { $_ eq 'conversation' } @{ heard($anna) }], [], 'the one before is not open any more');
	$anna->wait_for('changed');
	changed($w, '', "\0" x 16) for 1 .. 300;
	ok($anna->wait_for('conversation'), 'of 300 things that may have been anything it hears');
	cmp_ok(scalar(grep { $_ eq 'conversation' } @{ heard($anna) }), '<', 20, 'a few times');
	$anna->say({ type => 'close' });
	{ my $bytes = $odd; utf8::encode($bytes); changed($w, $bytes) }
	is_deeply([grep { $_ eq 'conversation' } @{ heard($anna) }], [], 'closed: nothing');
	reads($w, 'anna', "read $_") for 1 .. 16;
	$anna->say({ type => 'open', channel => $CHANNEL, visitor => $VISITOR });
	ok($anna->wait_for('unread'), 'what was read long ago is to be read again');
	$anna->say({ type => 'open', channel => $CHANNEL, visitor => 'read 1' });
	ok($anna->wait_for('colleagues'), 'what was read lately is not');
	$_->ends for $anna, $bert;
};

subtest 'colleagues' => sub {
	my ($anna, $anna2, $bert, $carl) = map { desk($w, $_) } qw(anna anna bert carl);
	reads($w, $_, $VISITOR) for qw(anna bert carl);
	opens($anna, $VISITOR);
	is_deeply(opens($bert, $VISITOR), { type => 'colleagues', agents => ['anna'], typing => [] }, 'bert sees anna');
	is_deeply($anna->wait_for('colleagues')->{agents}, ['bert'], 'anna sees bert');
	is_deeply(opens($anna2, $VISITOR)->{agents}, ['bert'], 'and so she does in another window, without herself');
	$_->wait_for('colleagues') for $anna, $bert;
	$bert->say({ type => 'typing' });
	is_deeply($_->wait_for('colleagues')->{typing}, ['bert'], 'bert writes') for $anna, $anna2;
	is_deeply($bert->wait_for('colleagues')->{typing}, [], 'bert is not told of himself');
	$bert->say({ type => 'typing' }) for 1 .. 3;
	cmp_ok(scalar @{ heard($anna) }, '<', 3, 'as long as he writes on, it is not said again each time');
	is_deeply($anna->wait_for('colleagues', 20)->{typing}, [], 'until he stops');
	$carl->say({ type => 'typing' });
	is_deeply(heard($carl), [], 'who shows nothing, writes nowhere');
	$bert->ends;
	is_deeply($anna->wait_where(sub { ($_[0]{type} // '') eq 'colleagues' && !@{ $_[0]{agents} } }) && 1, 1, 'bert has gone');
	$anna->say({ type => 'close' });
	$_->ends for $anna, $anna2, $carl;
};

subtest 'a visitor writes' => sub {
	my $key = 'A' x 32;
	$w->put_local($CHANNEL, $key, 'Shop', $RawSocket::ORIGIN);
	settle($w);
	my $visitor = RawSocket->dial($w, $key);
	$visitor->say({ type => 'hello' });
	$w->welcome($w->wait_frame('ARRIVED'), 1, $VISITOR);
	$visitor->wait_for('welcome') or die;
	my ($anna, $bert) = map { desk($w, $_) } qw(anna bert);
	reads($w, 'anna', $VISITOR);
	opens($anna, $VISITOR);
	$visitor->say({ type => 'typing' });
	ok($w->wait_frame('TYPED'), 'the worker hears it');
	is_deeply($anna->wait_for('typing'), { type => 'typing', channel => $CHANNEL, visitor => $VISITOR }, 'and who has it open');
	is_deeply(heard($bert), [], 'and nobody else');
	$_->ends for $visitor, $anna, $bert;
};

subtest 'signing out' => sub {
	my ($anna, $anna2, $bert) = map { desk($w, $_) } qw(anna anna bert);
	round_trip($w, call('sign_out', {}, who => 'anna'), 200);
	for ($anna, $anna2)
	{
		ok($_->wait_for('signed_out'), 'all windows of the session hear it');
		is($_->closed, 4401, 'and are closed');
	}
	is_deeply(heard($bert), [], "not another's");
	round_trip($w, call('me', {}, who => 'bert'), 401);
	is($bert->closed, 4401, 'so is one whose session has ended, as soon as a call says so');
	my ($carl, $dora) = map { desk($w, $_) } qw(carl dora);
	$w->{asked} = [];
	delete $w->{who}{ sha256($TOKEN{dora}) };
	round_trip($w, call('end_session', { id => 5 }, who => 'carl'), 200);
	is($dora->closed, 4401, "another session is ended: the database is asked about everybody's");
	is_deeply(heard($carl), [], 'who is not meant stays');
	$carl->ends;
	$w->{who}{ sha256($TOKEN{dora}) } = 'dora';
};

subtest 'sessions that were ended elsewhere' => sub {
	my $e = open_desk();
	my ($anna, $bert, $carl) = map { desk($e, $_) } qw(anna bert carl);
	delete $e->{who}{ sha256($TOKEN{bert}) };
	$e->tell('DESK_SESSIONS');
	is($bert->closed, 4401, 'the worker says that some have ended: whose it was is signed out');
	is_deeply([map { @{ heard($_) } } $anna, $carl], [], 'and nobody else');

	# Asked before it ended, answered behind it: that answer does not count.
	$e->{hold} = 1;
	$e->{asked} = [];
	$e->tell('DESK_SESSIONS');
	ok($e->until(5, sub { $e->take; @{ $e->{asked} } == 2 }), 'everybody is asked about');
	my @old = @{ $e->{asked} };
	$e->tell('DESK_SESSIONS');
	settle($e);
	is(scalar @{ $e->{asked} }, 2, 'not again, while the answers are on their way');
	delete $e->{who}{ sha256($TOKEN{carl}) };
	$e->{hold} = 0;
	reply($e, $_, 200, '{}', $_->{session} eq sha256($TOKEN{carl}) ? 'carl' : 'anna') for @old;
	is($carl->closed, 4401, 'but then');
	is_deeply(heard($anna), [], 'who goes on is not disturbed');

	my @many = map { desk($e, 'anna') } 1 .. 31;
	push @many, map { desk($e, 'dora') } 1 .. 32;
	push @many, map { desk($e, 'eve') } 1 .. 32;
	delete $e->{who}{ sha256($TOKEN{eve}) };
	$e->tell('DESK_SESSIONS');
	is(scalar(grep { $_->closed == 4401 } @many[63 .. 94]), 32, 'more than are asked about at a time');
	$_->ends for $anna, @many;
};

subtest 'hostile frames' => sub {
	my %frames = ('no JSON' => 'x', 'an array' => '[]', 'no type' => '{}', 'a type that is none' => '{"type":1}', 'open without a channel' => '{"type":"open","visitor":"x"}',
		'a channel that is none' => '{"type":"open","channel":"x","visitor":"x"}', 'an empty visitor' => qq({"type":"open","channel":"$CHANNEL","visitor":""}),
		'a long visitor' => qq({"type":"open","channel":"$CHANNEL","visitor":") . 'x' x 256 . '"}', 'a deep one' => '[' x 1000, 'twice' => '{"type":"close","type":"close"}');
	for my $name (sort keys %frames)
	{
		my $k = desk($w, 'eve');
		$k->say($frames{$name});
		is($k->closed, 1008, $name);
		$k->ends;
	}
	my %raw = ('a binary one' => [1003, WebSocket::frame(2, 'x')], 'one without a mask' => [1002, WebSocket::frame(1, '{}', mask => 0)],
		'a large one' => [1009, WebSocket::frame(1, 'x' x 5000)], 'no UTF-8' => [1007, WebSocket::frame(1, "\xff")]);
	for my $name (sort keys %raw)
	{
		my $k = desk($w, 'eve');
		$k->put($raw{$name}[1]);
		is($k->closed, $raw{$name}[0], $name);
		$k->ends;
	}
	my $k = desk($w, 'eve');
	$k->say({ type => 'whatever', x => [1] });
	is_deeply(heard($k), [], 'a type that is not known is left out');
	$k->put(join '', map { WebSocket::frame(1, '{"type":"close"}') } 1 .. 300);
	is($k->closed, 4029, 'too many');
	$k->ends;
	my @many;
	push @many, desk($w, 'eve') for 1 .. 32;
	my $s = dial($w);
	$w->put($s, socket_head('eve'));
	is($w->answer($s)->{status}, 503, 'no more than 32 windows of one session');
	close $_->{s} for @many;
};

subtest 'as many desks as there may be' => sub {
	my $full = open_desk();
	my @tokens = map { encode_base64url(sha256("many of $_")) } 1 .. 32;
	$full->{who}{ sha256($tokens[$_]) } = "agent$_" for 0 .. 31;
	my @desks = map { desk($full, $tokens[$_ % 32], ready => 0) } 0 .. 999;
	is(scalar(grep { $_->wait_for('ready') } @desks), 1000, 'a thousand');
	my $s = dial($full);
	$full->put($s, socket_head('anna'));
	my $r = $full->answer($s);
	is("$r->{status} " . decode_json($r->{body})->{errorCode}, '503 too_many_desks', 'and no more');
	is((round_trip($full, call('me', {}, who => 'anna'), 200))[1]{status}, 200, 'whoever has none can call all the same');
	changed($full, $VISITOR);
	is(scalar(grep { $_->wait_for('changed') } @desks), 1000, 'a change is told to each');
	changed($full, "visitor $_") for 1 .. 2000;
	settle($full);
	cmp_ok(scalar(grep { $_->{type} eq 'changed' } map { $_->fill; @{ $_->{frames} } } @desks[0 .. 9]), '<', 200, 'not for each of two thousand');
	close $_->{s} for @desks;
	ok($full->until(20, sub { $full->once(request('GET /metrics'))->{body} =~ /^webchatt_desks 0$/m }), 'all go');
	desk($full, 'anna')->ends;
};

subtest 'a page that does not read' => sub {
	my $slow = desk($w, 'anna');
	my $bert = desk($w, 'bert');
	my $visitor = 'v' x 255;
	reads($w, $_, $visitor) for qw(anna bert);
	opens($_, $visitor) for $slow, $bert;
	my $told = 0;
	my $gone = $w->until(60, sub {
		changed($w, $visitor) for 1 .. 200;
		settle($w);
		$bert->fill;
		$told += grep { ($_->{type} // '') eq 'conversation' } splice @{ $bert->{frames} };
		my ($r) = map { $_->{body} =~ /^webchatt_desks (\d+)$/m } $w->once(request('GET /metrics'));
		return $r == 1; });
	ok($gone, 'it is let go');
	ok($told > 200, 'who reads is not disturbed');
	is($slow->closed(20), 4009, 'it can read why');
	$_->ends for $slow, $bert;
};

subtest 'metrics' => sub {
	my $k = desk($w, 'anna');
	my $r = $w->once(request('GET /metrics'));
	like($r->{body}, qr/^webchatt_desks 1$/m, 'desks that are open');
	like($r->{body}, qr/^webchatt_desk_calls_total\{answer="2xx"\} [1-9]/m, 'calls');
	like($r->{body}, qr/^webchatt_desk_sign_ins_total\{result="good"\} [1-9]/m, 'who got in');
	like($r->{body}, qr/^webchatt_desk_sign_ins_total\{result="refused"\} [1-9]/m, 'who did not');
	like($r->{body}, qr/^webchatt_http_refused_total\{status="403",reason="cross_site"\} [1-9]/m, 'requests of other sites');
	$k->ends;
};

subtest 'the end' => sub {
	my $k = desk($w, 'anna');
	my $s = dial($w);
	$w->put($s, call('me', {}, who => 'anna'));
	ok($w->wait_frame('DESK_CALL'), 'a call waits');
	$w->tell('CLOSE');
	is($k->closed, 1001, 'the server ends: desks hear it');
	$k->ends;
	is($w->answer($s)->{status}, 503, 'and who waits');
	is($w->wait_exit(10), 0, 'it ends well');

	my $busy = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1);
	my $other = Corridor->open_door([], desk_listen => '127.0.0.1:' . $busy->sockport);
	is($other->{desk}, '', 'where the desk cannot listen, there is none');
	ok($other->until(5, sub { grep { /there is no desk: could not listen on .*change webchatt\.desk_listen/ } @{ $other->{logs} } }), 'which is said');
	is($other->once(request('GET /healthz'))->{status}, 200, 'and visitors are served');
	is(Corridor->open_door([])->{desk}, '', 'nor where nobody wants one');
};

done_testing();
