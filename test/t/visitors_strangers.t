# What strangers try: other visitors' things, floods, lines left half open, keys
# and origins that are no good, and frames that no client of ours would send.
# Each ends as doc/protocol.md says, and nobody else notices.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use LocalHub;
use Mojo::JSON qw(encode_json);
use Test::More;
use Time::HiRes qw(time);

my $t = LocalHub->begin;
my $channel = $t->{channel};
my $net = $t->status('net_pid');

# Change settings, and wait until the condition shows that they hold.
sub set
{
	my ($settings, $shows, $what) = @_;

	for my $name (sort keys %$settings)
	{
		$t->sql(defined $settings->{$name} ? "ALTER SYSTEM SET webchatt.$name = '$settings->{$name}'" : "ALTER SYSTEM RESET webchatt.$name");
	}
	$t->node->reload;
	return ok(Visitor::until($shows, 20), $what);
}

# --- another visitor's things ----------------------------------------------

my $alice = $t->arrived(receipts => 'none');
my $bob = $t->arrived;
my $mallory = $t->arrived;
my $secret = $alice->acked($alice->say('my card is 4111'));
my @replies = map { $t->reply($alice, "between us $_") } 1 .. 3;
ok(Visitor::until(sub { 3 == $alice->texts('out') }), 'a conversation that is nobody else\'s business');
$t->status_becomes($_, 'sent') for @replies;
my $bobs = $bob->acked($bob->say('hello'));

sub bob_is_well
{
	my ($while) = @_;

	ok($bob->acked($bob->say('well?')), "another visitor is served: $while");
	return;
}

my $mark = $mallory->mark;
$mallory->confirm('delivered', @replies, $secret);
$mallory->confirm('read', @replies, $secret);
$mallory->ask_history($replies[2]);
my $history = $mallory->got(sub { $_->{type} eq 'history' }, 20, $mark);
is_deeply($history->{messages}, [], 'history before another visitor\'s message has nothing of it');
$mallory->acked($mallory->say('a while later'));
is($t->sql("SELECT string_agg(DISTINCT status::text, ',') FROM webchatt.messages WHERE id IN ("
	. join(',', map { "'$_'" } @replies) . ')'), 'sent', 'receipts for another visitor\'s messages have no effect');
is($t->sql("SELECT count(*) FROM webchatt.statuses WHERE status IN ('delivered', 'read')"), 0, 'nor leave a row');
ok(!(grep { $_->{type} eq 'status' } $mallory->of_type('status', $mark)), 'and are not confirmed');
is(scalar(grep { $_->{direction} eq 'out' && $_->{status} ne 'sent' } $alice->transcript), 0, 'the other visitor sees no change');
$mallory->{pending} = {};

my $nosy = $t->visitor(token => $mallory->{token});
$nosy->connect;
Visitor::until(sub { $nosy->{state} eq 'open' });
$nosy->hello(have => [ @replies, $secret ]);
$nosy->welcomed;
unlike(encode_json($nosy->{frames}), qr/between us|4111/, 'nothing leaks by have');
$nosy->end;

for my $id ("same-id", "9")
{
	$alice->say("alice's $id", $id);
	$mallory->say("mallory's $id", $id);
	my ($a, $m) = ($alice->acked($id), $mallory->acked($id));
	ok($a && $m && $a ne $m, 'one client id of two visitors is two messages');
}
is($t->sql("SELECT count(*) FROM webchatt.messages WHERE hub_message_id IN ('$alice->{visitor}/same-id', '$mallory->{visitor}/same-id')"),
	2, 'and two rows');
my $client = "$alice->{visitor}/same-id";
$mallory->send({ type => 'message', id => $client, content => { type => 'text', text => 'forged' } });
ok($mallory->got(sub { $_->{type} eq 'error' && $_->{code} eq 'bad_message' }), 'a client id that names another visitor is refused');

# Tokens.
my $stored = $t->sql("SELECT encode(token_hash, 'hex') FROM webchatt.visitor_tokens WHERE visitor = '$alice->{visitor}'");
is($stored, sha256_hex($alice->{token}), 'the table holds a hash of the token');
for my $guess ('wct_' . 'A' x 43, $alice->{visitor},  "wct_$stored", $stored, '', substr($alice->{token}, 0, 46),
	"$alice->{token}x", uc $alice->{token}, 'x' x 300)
{
	my $stranger = $t->visitor(token => $guess);
	$stranger->connect;
	Visitor::until(sub { $stranger->{state} eq 'welcomed' || $stranger->{state} eq 'closed' || @{ $stranger->{errors} } });
	my $good = $stranger->{state} eq 'welcomed'
	  ? $stranger->{visitor} ne $alice->{visitor} && $stranger->{token} ne $guess && !@{ $stranger->{welcome}{messages} }
	  : ($stranger->{close_code} // 1008) == 1008;
	ok($good, 'a guessed token is nobody\'s: ' . substr $guess, 0, 20) or diag($stranger->describe);
	$stranger->end;
}
my ($second, $second_key) = $t->make_channel('Second', $LocalHub::ORIGIN);
my $elsewhere;
ok(Visitor::until(
		sub {
			$elsewhere = $t->visitor(key => $second_key, token => $alice->{token});
			$elsewhere->connect;
			Visitor::until(sub { $elsewhere->{state} eq 'welcomed' || $elsewhere->{state} eq 'closed' || ($elsewhere->{http} // 101) != 101 });
			return $elsewhere->{state} eq 'welcomed';
		}), 'a second channel');
isnt($elsewhere->{visitor}, $alice->{visitor}, 'where a token of the first is not known');
is_deeply($elsewhere->{welcome}{messages}, [], 'and opens nothing');
isnt(($t->try_sql("SELECT webchatt.send_message('$second', '$alice->{visitor}', text => 'x')"))[0], 0,
	'nor can a visitor of the first be written to there');

# A second hello changes nothing.
$mark = $mallory->mark;
$mallory->send({ type => 'hello', token => $bob->{token} });
$mallory->send({ type => 'ping' });
Visitor::until(sub { $mallory->of_type('pong', $mark) || $mallory->{state} ne 'welcomed' });
unlike(encode_json([ @{ $mallory->{frames} }[ $mark .. $#{ $mallory->{frames} } ] ]), qr/\Q$bob->{visitor}\E/, 'a second hello makes nobody else of a session');
$mallory->arrive if $mallory->{state} ne 'welcomed';

# --- the first frame -------------------------------------------------------

my ($began, @silent);
set({ hello_timeout => '2s' }, sub {
	# who dials before the setting is in force is waited for longer
	$_->end for @silent;
	$began = time;
	@silent = map { $t->visitor(hello => 0) } 1 .. 3;
	$_->connect for @silent;
	$silent[1]->raw(substr Visitor::frame('{"type":"hello"}'), 0, 9) if Visitor::until(sub { $silent[1]{state} eq 'open' });
	return Visitor::until(sub { !grep { $_->{state} ne 'closed' } @silent }, 4);
}, 'who says no hello is sent off');
is($_->{close_code}, 4008, 'with 4008') for @silent[ 0, 1 ];
cmp_ok(time - $began, '>', 1.5, 'not before webchatt.hello_timeout');
set({ hello_timeout => undef }, sub { 1 }, 'others may take longer');
for my $first ('{"type":"ping"}', '{"type":"message","id":"x","content":{"type":"text","text":"x"}}', 'no JSON', '[]', '"hello"', '{"type":7}', '{', '')
{
	my $stranger = $t->visitor(hello => 0);
	$stranger->connect;
	Visitor::until(sub { $stranger->{state} eq 'open' });
	$stranger->send($first);
	is($stranger->closed, 1008, "1008: first frame $first");
}
for my $attributes ({ map { ("k$_" => 'v') } 1 .. 17 }, { k => 'x' x 3000 }, { k => { deep => 1 } }, { k => 7 }, [1], 'text')
{
	my $stranger = $t->visitor(attributes => $attributes);
	$stranger->connect;
	Visitor::until(sub { $stranger->{state} eq 'welcomed' || $stranger->{state} eq 'closed' || @{ $stranger->{errors} } });
	my $kept = defined $stranger->{visitor} ? $t->sql("SELECT attributes::text FROM webchatt.visitors WHERE id = '$stranger->{visitor}'") : '{}';
	is($kept, '{}', 'attributes over the limits are not kept: ' . substr encode_json($attributes), 0, 30);
	$stranger->end;
}
is($alice->{state}, 'welcomed', 'all the while others stay connected');

# --- keys ------------------------------------------------------------------

sub dial_result
{
	my (%args) = @_;
	my $stranger = $t->visitor(hello => 0, %args);

	$stranger->connect;
	Visitor::until(sub { $stranger->{state} eq 'closed' || ($stranger->{http} // 101) != 101 }, 10);
	my $result = ($stranger->{http} // 0) == 101 ? $stranger->{close_code} : $stranger->{http};
	$stranger->end;
	return $result // 'nothing';
}

is(dial_result(key => 'unknown-key'), 4001, 'an unknown key is upgraded and closed with 4001');
is(dial_result(key => $channel), 4001, 'the channel\'s id is no key');
is(dial_result(key => uc $t->{key} eq $t->{key} ? lc $t->{key} : uc $t->{key}), 4001, 'nor is the key in other letters');
like(dial_result(key => $_), qr/^(?:4001|400|404)\z/, 'no key at all: ' . ($_ // 'none'))
  for undef, '', 'x' x 65, '%27%20OR%201', '..', "$t->{key}%00";

# In step with SQL: not before the commit, and at once after it.
my $session = $t->session;
$session->query("BEGIN; SELECT webchatt.regenerate_public_key('$second')");
$session->query('ROLLBACK');
my $tab = $t->visitor(key => $second_key, token => $elsewhere->{token});
$tab->arrive;
is($elsewhere->{state}, 'welcomed', 'a new key that was rolled back changes nothing');
$session->query('BEGIN');
my $new_key = $session->query("SELECT webchatt.regenerate_public_key('$second')");
like($new_key, qr/^[A-Za-z0-9_-]{16,64}\z/, 'regenerate_public_key() gives a new key');
isnt($new_key, $second_key, 'that is another');
Visitor::pump(0.05);
is($elsewhere->{state}, 'welcomed', 'before the commit the old one is good');
$session->query('COMMIT');
is($elsewhere->closed, 4001, 'at the commit its sessions are closed');
is($tab->closed, 4001, 'all of them');
is(dial_result(key => $second_key), 4001, 'and the old key is refused');
$elsewhere->{key} = $new_key;
my $was = $elsewhere->{visitor};
$elsewhere->arrive;
is($elsewhere->{visitor}, $was, 'with the new key and the old token it is the same visitor');
is($alice->{state}, 'welcomed', 'other channels\' visitors stay');

# --- origins ---------------------------------------------------------------

is(dial_result(origin => $_), 403, 'refused: origin ' . ($_ // 'none'))
  for undef, 'null', 'http://www.example.com', 'https://example.com', 'https://www.example.com:8443', 'https://www.example.com.evil.example',
  'https://evil.example', 'https://www.example.com/x', 'file://', '*', 'https://www.example.com https://www.example.com';
like(dial_result(headers => { origin => 'https://evil.example' }), qr/^40[03]\z/, 'refused: two origins');
$t->sql("SELECT webchatt.set_origins('$second', ARRAY['$LocalHub::ORIGIN', 'https://Shop.Example.ORG:443'])");
my $shop;
ok(Visitor::until(
		sub {
			$shop = $t->visitor(key => $new_key, origin => 'https://shop.example.org', token => $elsewhere->{token});
			return $shop->let_in;
		}), 'an origin that was added, normalised, is taken');
$t->sql("SELECT webchatt.set_origins('$second', ARRAY['https://shop.example.org'])");
is($elsewhere->closed, 4003, 'sessions of an origin that was taken off are closed');
is($shop->{state}, 'welcomed', 'those of the other stay');
is(dial_result(key => $new_key), 403, 'and the next dial is refused');

# --- a channel that goes ---------------------------------------------------

$t->sql("DELETE FROM webchatt.messages WHERE channel_id = '$second'; DELETE FROM webchatt.visitors WHERE channel_id = '$second';
	DELETE FROM webchatt.channels WHERE id = '$second'");
$shop->say('to nobody');
# its visitors were deleted with it, and which of the two a page hears first does not matter: a later dial says it
like($shop->closed, qr/^40[01]1\z/, 'a channel that is dropped takes its sessions along');
ok(Visitor::until(sub { dial_result(key => $new_key) == 4001 }), 'and is not known any more');
is($t->sql("SELECT count(*) FROM webchatt.messages WHERE channel_id = '$second'"), 0, 'nothing is written for it');

# --- frames ----------------------------------------------------------------

my $text = sub { my ($words) = @_; return encode_json({ type => 'message', id => 'frame-' . ++$client, content => { type => 'text', text => $words } }) };
$client = 0;
my $large = '{"type":"ping","more":"' . 'x' x 20_000 . '"}';
my @frames = (
	[ 'an unmasked frame', 1002, sub { Visitor::frame('{"type":"ping"}', mask => 0) } ],
	[ 'reserved bit 1 (compression that was not agreed on)', 1002, sub { Visitor::frame('{"type":"ping"}', rsv => 4) } ],
	[ 'reserved bit 3', 1002, sub { Visitor::frame('{"type":"ping"}', rsv => 1) } ],
	[ 'opcode 3', 1002, sub { Visitor::frame('{"type":"ping"}', opcode => 3) } ],
	[ 'opcode 11', 1002, sub { Visitor::frame('', opcode => 11) } ],
	[ 'a continuation of nothing', 1002, sub { Visitor::frame('{"type":"ping"}', opcode => 0) } ],
	[ 'a new message within another', 1002, sub { Visitor::frame('{"type":', fin => 0) . Visitor::frame('{"type":"ping"}') } ],
	[ 'a fragmented ping', 1002, sub { Visitor::frame('x', opcode => 9, fin => 0) } ],
	[ 'a ping of 126 bytes', 1002, sub { Visitor::frame('x' x 126, opcode => 9) } ],
	[ 'a close of one byte', 1002, sub { Visitor::frame('x', opcode => 8) } ],
	[ 'a close with code 1005', 1002, sub { Visitor::frame(pack('n', 1005), opcode => 8) } ],
	[ 'a close with code 999', 1002, sub { Visitor::frame(pack('n', 999), opcode => 8) } ],
	[ 'a length with its highest bit', qr/^(?:1002|1009)\z/, sub { pack('CCQ>N', 0x81, 0xff, 2**63, 0) . 'x' x 64 } ],
	[ 'a length not in its shortest form', 1002, sub { pack('CCnN', 0x81, 0xfe, 2, 0) . '{}' } ],
	[ 'binary', 1003, sub { Visitor::frame('{"type":"ping"}', opcode => 2) } ],
	[ 'bad UTF-8', 1007, sub { Visitor::frame("{\"type\":\"p\xc3\x28ng\"}") } ],
	[ 'a surrogate in UTF-8', 1007, sub { Visitor::frame("{\"type\":\"\xed\xa0\x80\"}") } ],
	[ 'UTF-8 that is cut off', 1007, sub { Visitor::frame("{\"type\":\"\xf0\x9f\x98") } ],
	[ 'bad UTF-8 in the second fragment', 1007, sub { Visitor::frame("{\"type\":\"\xc3", fin => 0) . Visitor::frame("\x28\"}", opcode => 0) } ],
	[ 'a frame over the limit', 1009, sub { Visitor::frame($large) }, 'error' ],
	[ 'a frame that says it is over the limit', 1009, sub { Visitor::frame('{"type":"ping"}', length => 2**40) } ],
	[ 'fragments over the limit', 1009, sub { join '', Visitor::frame(substr($large, 0, 4000), fin => 0),
		(map { Visitor::frame(substr($large, 4000 * $_, 4000), opcode => 0, fin => 0) } 1 .. 4), Visitor::frame(substr($large, 20_000), opcode => 0) }, 'error' ],
	[ 'no JSON', 1008, sub { Visitor::frame('no JSON') }, 'error' ],
	[ 'JSON that does not end', 1008, sub { Visitor::frame('{"type":"ping"') }, 'error' ],
	[ 'JSON 2,000 deep', qr/^(?:1008|error)\z/, sub { Visitor::frame('{"type":"ping","x":' . '[' x 2000 . ']' x 2000 . '}') } ],
	[ 'HTTP', 1002, sub { "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" } ],
	[ 'a close', 1000, sub { Visitor::frame(pack('n', 1000) . 'bye', opcode => 8) } ],
	[ 'a close without a code', qr/^(?:1000|1005)\z/, sub { Visitor::frame('', opcode => 8) } ]);
for my $case (@frames)
{
	my ($what, $closed, $bytes, $told) = @$case;

	for my $when ('after the welcome', 'before hello', 'behind the head')
	{
		# what is answered in a session that stands, and ends one that has not begun
		my $want = $when eq 'after the welcome' && $told || $closed;
		next if $when ne 'after the welcome' && $want =~ /error|1000/;
		my $stranger = $t->visitor(token => $mallory->{token}, hello => $when eq 'after the welcome', log => 0);
		if ($when eq 'behind the head') { $stranger->connect(behind => $bytes->()) }
		else
		{
			$stranger->connect;
			Visitor::until(sub { $stranger->{state} eq ($when eq 'before hello' ? 'open' : 'welcomed') });
			$stranger->raw($bytes->());
		}
		Visitor::until(sub { $stranger->{state} eq 'closed' || @{ $stranger->{errors} } });
		my $got = $stranger->{close_code} // (@{ $stranger->{errors} } ? 'error' : 'nothing');
		ref $want ? like($got, $want, "$what, $when") : is($got, $want, "$what, $when");
		$stranger->end;
	}
}
bob_is_well('while bad frames come');

# What looks odd and is good.
my $odd = $t->visitor(token => $mallory->{token}, hello => 0);
$odd->connect(behind => Visitor::frame(encode_json({ type => 'hello', token => $mallory->{token} })) . Visitor::frame('{"type":"ping"}'));
ok($odd->welcomed, 'hello right behind the head');
ok(Visitor::until(sub { $odd->{pongs} }), 'and what follows it');
my $words = $text->("\x{1F600} in pieces");
my @pieces = unpack '(a7)*', $words;
$odd->raw(join '', map { (Visitor::frame($pieces[$_], opcode => $_ ? 0 : 1, fin => $_ == $#pieces), Visitor::frame("p$_", opcode => 9)) } 0 .. $#pieces);
my ($id) = $words =~ /"id":"([^"]+)"/;
my $row = $odd->got(sub { $_->{type} eq 'ack' && $_->{id} eq $id });
is($row && $t->row($row->{message}, q{content ->> 'text'}), "\xf0\x9f\x98\x80 in pieces", 'fragments with pings between them, cut within a character');
is($odd->{pongs_ws}, scalar @pieces, 'each ping is answered');
my $bytes = Visitor::frame($text->('byte by byte'));
for my $byte (split //, $bytes) { $odd->raw($byte); Visitor::pump(0) }
ok($odd->got(sub { $_->{type} eq 'ack' && $_->{id} eq "frame-$client" }), 'a frame that comes byte by byte');
my @many = map { $text->("number $_") } 1 .. 50;
$odd->raw(join '', map { Visitor::frame($_) } @many);
ok(Visitor::until(sub { 52 == $odd->of_type('ack') }), 'fifty frames in one segment');
$odd->raw(Visitor::frame('', opcode => 10) . Visitor::frame('unasked', opcode => 10) . Visitor::frame('{"type":"ping","unknown":[1]}'));
ok(Visitor::until(sub { $odd->{pongs} == 2 }), 'pongs that nobody asked for, members that nobody knows');
my $limit = $odd->{welcome}{limits}{message};
my $whole = '{"type":"ping","x":"' . 'x' x ($limit - 22) . '"}';
$odd->send($whole);
ok(Visitor::until(sub { $odd->{pongs} == 3 || $odd->{state} ne 'welcomed' }) && $odd->{pongs} == 3, 'a frame of exactly the limit') or diag($odd->describe);
$whole = encode_json({ type => 'message', id => 'exact', content => { type => 'text', text => '' } });
$whole =~ s/""/'"' . 'x' x ($limit - length $whole) . '"'/e;
$odd->send($whole);
ok($odd->got(sub { $_->{type} eq 'ack' && $_->{id} eq 'exact' }), 'a message of exactly the limit');
$whole =~ s/exact/more-x/;
$odd->send($whole);
ok($odd->got(sub { $_->{type} eq 'error' && $_->{code} eq 'too_large' && $_->{id} eq 'more-x' }), 'and one of a byte more');

# --- the head --------------------------------------------------------------

for my $case (
	[ 400, 'no sub-protocol', protocol => undef ], [ 400, 'another sub-protocol', protocol => 'chat' ],
	[ 400, 'a later version of it', protocol => 'web-chatt2me.v2' ],
	[ qr/^4(?:00|26)\z/, 'version 8', headers => { 'Sec-WebSocket-Version' => 8 } ],
	[ 400, 'no key of the handshake', headers => { 'Sec-WebSocket-Key' => undef } ],
	[ 400, 'a short key of the handshake', headers => { 'Sec-WebSocket-Key' => 'c2hvcnQ=' } ],
	[ qr/^4(?:00|26)\z/, 'no Upgrade', headers => { Upgrade => undef } ],
	[ qr/^4(?:00|26)\z/, 'no Connection: Upgrade', headers => { Connection => 'keep-alive' } ],
	[ 400, 'a body', headers => { 'Content-Length' => 5 } ],
	[ 404, 'another path', path => '/communication/web-chatt2me/other' ])
{
	my ($want, $what, %args) = @$case;
	my $got = dial_result(%args);
	ref $want ? like($got, $want, "the head: $what") : is($got, $want, "the head: $what");
}
for my $protocols ('chat, web-chatt2me.v1', 'web-chatt2me.v1,chat')
{
	my $stranger = $t->visitor(token => $mallory->{token}, headers => { 'Sec-WebSocket-Protocol' => $protocols });
	$stranger->connect;
	ok($stranger->welcomed, "one of several sub-protocols is taken: $protocols");
	is_deeply($stranger->{violations}, [], 'ours');
	$stranger->end;
}
my $slow = $t->visitor(token => $mallory->{token});
my $head = $slow->head;
$slow->connect(head => substr $head, 0, 30);
Visitor::until(sub { $slow->{state} eq 'upgrading' && !length $slow->{out} });
$slow->raw($_) && Visitor::pump(0.001) for split /(?<=\n)/, substr $head, 30;
ok($slow->welcomed, 'a head in pieces');
$slow->end;

# --- places ----------------------------------------------------------------

my @crowd;

# So many visitors, one after the other: how many are let in, and what the last one is told.
sub crowd
{
	my ($number, $from) = @_;

	$_->end for @crowd;
	@crowd = map { $t->visitor(token => $mallory->{token}, local => $from->($_)) } 1 .. $number;
	$_->let_in for @crowd;
	return (scalar(grep { $_->{state} eq 'welcomed' } @crowd), $crowd[-1]{http} // 0);
}

# Who is let in before the limit is in force goes again.
set({ max_visitors_per_address => 8 }, sub {
	my ($in, $http) = crowd(9, sub { '127.0.0.77' });
	return $in == 8 && $http == 429;
}, 'eight from one address, no more and no less: 429') or diag(join "\n", map { $_->describe } @crowd);
my $neighbour = $t->visitor(local => '127.0.0.78');
$neighbour->connect;
ok($neighbour->welcomed, 'another address is let in');
(shift @crowd)->close;
ok(Visitor::until(
		sub {
			my $one = $t->visitor(token => $mallory->{token}, local => '127.0.0.77');
			push @crowd, $one;
			return $one->let_in;
		}), 'a place that is left is free');
$_->end for @crowd;
my $here = $t->status('visitors');
cmp_ok($here, '>=', 3, 'status counts visitors');
set({ max_visitors_per_address => 5000, max_visitors => 8 }, sub {
	my ($in, $http) = crowd(9, sub { '127.0.0.' . (100 + $_[0]) });
	return $in <= 8 && $http == 503;
}, 'no more than eight in all: 503') or diag(join "\n", map { $_->describe } @crowd);
$_->end for @crowd, $neighbour;
set({ max_visitors => undef }, sub { return dial_result(key => 'unknown-key') eq '4001' }, 'with room again, again');

# --- floods ----------------------------------------------------------------

set({ visitor_rate => 60, visitor_burst => 5 }, sub {
	my $probe = $t->visitor(token => $mallory->{token}, resend => 0);
	$probe->arrive;
	$probe->say("probe $_") for 1 .. 8;
	Visitor::until(sub { @{ $probe->{errors} } + keys %{ $probe->{acked} } >= 8 });
	my $limited = @{ $probe->{errors} };
	$probe->end;
	return $limited;
}, 'more messages a second than a visitor may send: rate errors');
my $patient = $t->arrived;
my @words = map { $patient->say("patient $_") } 1 .. 8;
ok(Visitor::until(sub { @{ $patient->{errors} } }), 'a burst is told');
my $error = $patient->{errors}[0];
is($error->{code}, 'rate', 'with its code');
like($error->{retry_after}, qr/^[0-9]+\z/, 'and when to come again');
cmp_ok($error->{retry_after}, '<', 60_000, 'in milliseconds');
ok($error->{text}, 'and words for a person');
ok($patient->acked($_, 30), 'who heeds it gets through') for @words;
$patient->end;

my $flood = $t->arrived(resend => 0);
my $sent = 0;
$began = time;
Visitor::until(
	sub {
		$flood->say('flood ' . ++$sent) for 1 .. 20;
		return $flood->{state} ne 'welcomed';
	}, 30);
is($flood->closed, 4029, "who goes on is sent off (after $sent messages)");
my $took = time - $began;
cmp_ok($t->sql("SELECT count(*) FROM webchatt.messages WHERE visitor = '$flood->{visitor}'"), '<=', 7 + $took * 1.5, 'and has no more rows than its limit');
$bob->{resend} = 1;
bob_is_well('while another floods');

set({ visitor_rate => 100000, visitor_burst => 1000, address_rate => 60, address_burst => 10 }, sub {
	my $probe = $t->visitor(local => '127.0.0.90', resend => 0);
	$probe->arrive;
	$probe->say("probe $_") for 1 .. 20;
	Visitor::until(sub { @{ $probe->{errors} } + keys %{ $probe->{acked} } >= 20 });
	my $limited = @{ $probe->{errors} };
	$probe->end;
	return $limited;
}, 'more than an address may send: rate errors');
my @gang = map { $t->visitor(local => '127.0.0.91', resend => 0) } 1 .. 10;
$_->arrive for @gang;
$began = time;
for my $one (@gang) { $one->say("gang $_") for 1 .. 3 }
Visitor::until(sub { 30 <= grep { $_->{type} =~ /^(?:ack|error)\z/ } map { @{ $_->{frames} } } @gang }, 20);
my $all = 0;
$all += keys %{ $_->{acked} } for @gang;
cmp_ok($all, '<=', 11 + (time - $began) * 1.5, "ten visitors of one address share its limit ($all of 30)");
cmp_ok($all, '>=', 10, 'and have that much');
my $apart = $t->visitor(local => '127.0.0.92');
$apart->arrive;
ok($apart->acked($apart->say('from elsewhere')), 'another address has its own');
$_->end for @gang, $apart;

# Ids are cheap: pings, receipts and questions without end are a flood too.
for my $frame ('{"type":"typing"}', '{"type":"history","before":"' . $replies[0] . '"}', '{"type":"read","ids":["' . $replies[0] . '"]}', '{"type":"dance"}')
{
	my $nuisance = $t->visitor(token => $mallory->{token}, log => 0, local => '127.0.0.93', resend => 0);
	$nuisance->arrive;
	my $n = 0;
	Visitor::until(
		sub {
			$nuisance->raw(join '', map { Visitor::frame($frame) } 1 .. 100) if length $nuisance->{out} < 100_000;
			return ($n += 100) >= 5000 || $nuisance->{state} ne 'welcomed';
		}, 20);
	bob_is_well("while another sends $n times " . substr $frame, 0, 18);
	$nuisance->end;
}

# --- new visitors ----------------------------------------------------------

my $before = $t->sql('SELECT count(*) FROM webchatt.visitors');
set({ address_rate => 1000000, address_burst => 100000, new_visitor_rate => 20 }, sub {
	my $one = $t->visitor(local => '127.0.0.95');
	$one->connect;
	Visitor::until(sub { $one->{state} eq 'welcomed' || $one->{state} eq 'closed' });
	my $code = $one->{close_code} // 0;
	$one->end;
	return $code == 1013;
}, 'too many new visitors from one address: 1013');
my $made = $t->sql('SELECT count(*) FROM webchatt.visitors');
my %codes;
for my $round (1 .. 5)
{
	my @horde = map { $t->visitor(local => '127.0.0.96', ($_ % 2 ? (token => 'wct_' . 'B' x 43) : ())) } 1 .. 20;
	$_->connect for @horde;
	Visitor::until(sub { !grep { $_->{state} ne 'welcomed' && $_->{state} ne 'closed' } @horde }, 20);
	$codes{ $_->{close_code} // $_->{state} }++ for @horde;
	$_->cut(reset => 1) for @horde;
}
is_deeply([ sort keys %codes ], [qw(1013 welcomed)], 'a hundred dials without a good token');
cmp_ok($t->sql('SELECT count(*) FROM webchatt.visitors') - $made, '<=', 22, 'make no more rows than webchatt.new_visitor_rate');
my $known = $t->visitor(token => $mallory->{token}, local => '127.0.0.96');
$known->arrive;
is($known->{visitor}, $mallory->{visitor}, 'who is known from that address is welcomed');
$known->end;
my $fresh = $t->visitor(local => '127.0.0.97');
ok($fresh->arrive, 'so is who is new, from another');
$fresh->end;

# --- who does not read -----------------------------------------------------

set({ new_visitor_rate => undef, visitor_buffer => '128kB' }, sub { 1 }, 'a small buffer');
my $deaf = $t->visitor(rcvbuf => 4096, local => '127.0.0.98');
$deaf->arrive;
$deaf->{deaf} = 1;
my $pushed = 0;
my $pushing;
ok(Visitor::until(
		sub {
			$pushing = time;
			$t->sql("SELECT webchatt.send_message('$channel', '$deaf->{visitor}', text => repeat('x', 60000) || i) FROM generate_series(1, 20) i");
			$pushed += 20;
			bob_is_well('while another does not read') if $pushed == 20;
			return $t->sql("SELECT count(*) = 0 FROM webchatt.presence WHERE visitor = '$deaf->{visitor}'") eq 't';
		}, 30), "who does not read is cut off (after $pushed messages of 60 kB)");
$deaf->{deaf} = 0;
my $end = $deaf->closed;
# the close frame waits for two seconds
is($end, $end == 1006 && time - $pushing > 2 ? 1006 : 4009, 'with 4009, if it hears in time');
# A window of 4 kB would take minutes where the machine is busy; and it may be cut once more: each time it has got further.
$deaf->{rcvbuf} = 0;
$deaf->{again} = 0.2;
$deaf->connect;
ok(Visitor::until(sub { $pushed == $deaf->transcript && $deaf->{state} eq 'welcomed' }, 120), 'and has all of it when it reads again');

# --- in the end ------------------------------------------------------------

is($t->status('net_pid'), $net, 'webchatt-net was never started anew');
$alice->{receipts} = 'delivered';
$alice->confirm('delivered', @replies);
$t->status_becomes($_, 'delivered', 'the rightful owner\'s receipt counts') for @replies;
$bob->{resend} = 1;
Visitor::until(sub { !%{ $bob->{unacked} } });
$t->account('those who behaved', [ $alice, $bob, $deaf ], acked => 10);
$_->end for $alice, $bob, $mallory, $deaf;
unlike(PostgreSQL::Test::Utils::slurp_file($t->node->logfile), qr/PANIC|terminated by signal|corridor/, 'and nothing broke');

done_testing();
