# The REST API at home, as doc/hub-contract.md, section 2 has it: for an application that does
# not speak SQL, and for another database whose connector takes this hub for
# the remote one.
use strict;
use warnings;
use utf8;

use Digest::SHA qw(sha256_hex);
use LocalHub;
use Mojo::JSON qw(decode_json encode_json);
use Mojo::UserAgent;
use Test::More;

my $shop_port = WebchattTest::free_port();
my $t = LocalHub->begin(databases => 'postgres, shop');
my $channel = $t->{channel};
my $ua = Mojo::UserAgent->new(max_redirects => 0, inactivity_timeout => 180);
my $path = '/v1/communication/web-chatt2me/message';
my $v = $t->arrived;
my $key;

# POST; the status and the decoded body.  Arguments: key (undef: none), headers,
# path, raw (a body as it is).
sub post
{
	my ($body, %args) = @_;
	my %headers = ('Content-Type' => 'application/json', %{ $args{headers} // {} });

	$headers{'x-api-key'} = exists $args{key} ? $args{key} : $key;
	delete $headers{'x-api-key'} unless defined $headers{'x-api-key'};
	my $tx = $ua->post($t->base_url . ($args{path} // $path) => \%headers => $args{raw} // encode_json($body));
	return ($tx->res->code // 0, eval { decode_json($tx->res->body) } // $tx->res->body);
}

sub message { my ($to, $text, %more) = @_; return { from => $channel, to => ref $to ? $to->{visitor} : $to, content => { text => $text }, %more } }
sub rows { return $t->sql(q{SELECT count(*) FROM webchatt.messages WHERE direction = 'out'}) }

# --- keys ------------------------------------------------------------------

$key = $t->sql(q{SELECT webchatt.create_api_key('shop floor')});
like($key, qr/^wck_[A-Za-z0-9_-]{43}\z/, 'a key');
my $table = $t->sql('SELECT k::text FROM webchatt.api_keys k');
unlike($table, qr/\Q$key\E/, 'the table does not hold it');
is($t->sql(q{SELECT encode(key_hash, 'hex') FROM webchatt.api_keys}), sha256_hex($key), 'but its hash');
my ($code, $body);
Visitor::until(sub { ($code, $body) = post(message($v, 'first')); return $code != 401 }, 10);
is($code, 200, 'is taken');
is($body->{status}, 'sent', 'a message to an open session is sent');
my $id = $body->{messageId};
like($id, qr/^[0-9a-f-]{36}\z/, 'with an id');
my $came = $v->got(sub { $_->{type} eq 'message' && $_->{id} eq $id });
is_deeply($came && $came->{content}, { text => 'first' }, 'and comes to the visitor under it');
$t->status_becomes($id, 'delivered', 'its row becomes delivered');
is($t->row($id, "coalesce(author, 'none') || ' ' || final"), 'none true', 'of nobody, the answer');
(undef, $body) = post(message($v, 'a person reads this too', author => 'order bot', final => \0, priority => 'bulk'));
is($t->row($body->{messageId}, "author || ' ' || final"), 'order bot false', 'it can be an application\'s, and not the answer');
is($t->sql("SELECT string_agg(h.kind || ' ' || o.op::text, ', ') FROM webchatt.outbox o JOIN webchatt.hubs h ON h.id = -o.hub_id WHERE o.message_id = '$body->{messageId}'"),
	'local n', 'and bulk');

for my $bad (undef, '', 'x', 'wck_' . 'A' x 43, "${key}x", substr($key, 0, 46), uc $key, ' ' x 10)
{
	($code, $body) = post(message($v, 'x'), key => $bad);
	is($code, 401, '401: key ' . ($bad // 'none'));
	ok(ref $body && $body->{errorCode} && $body->{errorMessage}, 'with a code and words') or diag($body);
}
my $second = $t->sql(q{SELECT webchatt.create_api_key('second')});
my $revoked = $t->sql(q{BEGIN; SELECT webchatt.revoke_api_key('shop floor'); ROLLBACK});
Visitor::until(sub { (post(message($v, 'second key'), key => $second))[0] == 200 }, 10);
is((post(message($v, 'still'), key => $key))[0], 200, 'a revocation that was rolled back is none');
is($t->sql(q{SELECT webchatt.revoke_api_key('second')}), 't', 'a key is revoked');
ok(Visitor::until(sub { (post(message($v, 'late'), key => $second))[0] == 401 }, 10), 'and refused');
is((post(message($v, 'other'), key => $key))[0], 200, 'the other stays good');

# --- nobody there ----------------------------------------------------------

my $away = $t->arrived;
$away->close;
$t->wait_for("SELECT count(*) = 0 FROM webchatt.presence WHERE visitor = '$away->{visitor}'", 'a visitor who leaves');
my $before = rows();
($code, $body) = post(message($away, 'are you there?'));
is($code, 200, 'a message to nobody is answered 200');
is_deeply([ @$body{qw(messageId status errorCode)} ], [ undef, 'error', 'session_not_found' ], 'session_not_found');
ok($body->{errorMessage}, 'in words, too');
($code, $body) = post(message('5511993986082', 'x'));
is("$code $body->{status} $body->{errorCode}", '200 error session_not_found', 'a recipient who is no visitor: the same');
is(rows(), $before, 'nothing is stored');
($code, $body) = post(message($away, 'for later', hold => Mojo::JSON->true));
is("$code $body->{status}", '200 enqueued', 'with hold it is enqueued');
$t->status_becomes($body->{messageId}, 'held', 'and held');
$away->arrive;
ok(Visitor::until(sub { $away->{messages}{ $body->{messageId} } }), 'until the visitor comes');
is(($away->texts('out'))[-1], 'for later', 'who reads it');
($code, $body) = post(message('00000000-0000-7000-8000-000000000000', 'x', hold => Mojo::JSON->true));
is($body->{status} // '', 'error', 'hold for a visitor who never was is an error');
($code, $body) = post(message($v, 'hold, but there', hold => Mojo::JSON->true));
is("$code $body->{status}", '200 sent', 'with hold to an open session: sent');

# --- once ------------------------------------------------------------------

my %once = ('Idempotency-Key' => 'order-17');
$before = rows();
my @ids;
for (1 .. 3)
{
	($code, $body) = post(message($v, 'your order has left'), headers => \%once);
	is("$code $body->{status}", '200 sent', 'the same Idempotency-Key');
	push @ids, $body->{messageId};
}
is("$ids[1] $ids[2]", "$ids[0] $ids[0]", 'is the same message');
my @all = map { $ua->post_p($t->base_url . $path => { 'x-api-key' => $key, 'Idempotency-Key' => 'at once' } => encode_json(message($v, 'at once'))) } 1 .. 10;
my %at_once;
Mojo::Promise->all(@all)->then(sub { $at_once{ ($_->[0]->res->json // {})->{messageId} // $_->[0]->res->code }++ for @_ })->wait;
is(scalar keys %at_once, 1, 'also when ten come at once') or diag(join ' ', keys %at_once);
is(rows(), $before + 2, 'one row each');
($code, $body) = post(message($away, 'your order has left'), headers => \%once);
isnt($body->{messageId}, $ids[0], 'of another visitor it is another');
$v->close;
$t->wait_for("SELECT count(*) = 0 FROM webchatt.presence WHERE visitor = '$v->{visitor}'", 'the visitor leaves');
($code, $body) = post(message($v, 'your order has left'), headers => \%once);
is("$code $body->{messageId}", "200 $ids[0]", 'the key is still known when the visitor has left');
($code, $body) = post(message($v, 'new'), headers => { 'Idempotency-Key' => 'order-18' });
is($body->{errorCode}, 'session_not_found', 'a new key is session_not_found');
($code, $body) = post(message($v, 'never mind', hold => Mojo::JSON->true), headers => { 'Idempotency-Key' => 'order-19' });
$t->sql("SELECT webchatt.cancel_message('$channel', '$body->{messageId}')");
for my $hold (Mojo::JSON->true, Mojo::JSON->false)
{
	($code, $body) = post(message($v, 'never mind', hold => $hold), headers => { 'Idempotency-Key' => 'order-19' });
	is("$code $body->{status} " . ($body->{errorCode} // ''), '200 error cancelled', 'the key of a message that was cancelled since: its sender hears so');
}
$v->arrive;
($code, $body) = post(message($v, 'new'), headers => { 'Idempotency-Key' => 'order-18' });
is($body->{status}, 'sent', 'and is sent under the same key later');
is($t->sql("SELECT webchatt.send_message('$channel', '$v->{visitor}', text => 'sql', dedupe_key => 'order-17') <> '$ids[0]'"), 't',
	'a dedupe_key of SQL is another thing');
is((post(message($v, 'x'), headers => { 'Idempotency-Key' => $_ }))[0], 400, '400: Idempotency-Key of ' . length($_) . ' characters') for 'x' x 300;

# --- what is refused -------------------------------------------------------

$before = rows();
my ($remote) = '6cbd6789-1d2b-47e0-9391-5eb91d2839ea';
$t->sql("SELECT webchatt.connect_hub('key', 'http://127.0.0.1:9', 'far'); SELECT webchatt.add_channel('$remote', hub => 'far')");
for my $case (
	[ 400, 'no JSON', 'no JSON' ], [ 400, 'nothing', '' ], [ 400, 'an array', '[]' ], [ 400, 'bad UTF-8', "{\"from\":\"\xff\"}" ],
	[ 400, 'deep', '{"x":' . '[' x 500 . ']' x 500 . '}' ],
	[ 400, 'no from', encode_json({ to => $v->{visitor}, content => { text => 'x' } }) ],
	[ 400, 'the public key as from', encode_json({ %{ message($v, 'x') }, from => $t->{key} }) ],
	[ 400, 'a number as from', encode_json({ %{ message($v, 'x') }, from => 7 }) ],
	[ 400, 'no to', encode_json({ from => $channel, content => { text => 'x' } }) ],
	[ 400, 'an empty to', encode_json(message('', 'x')) ],
	[ 400, 'no content', encode_json({ from => $channel, to => $v->{visitor} }) ],
	[ 400, 'a string as content', encode_json({ %{ message($v, 'x') }, content => 'x' }) ],
	[ 400, 'an empty content', encode_json({ %{ message($v, 'x') }, content => {} }) ],
	[ 400, 'a template', encode_json({ %{ message($v, 'x') }, content => { type => 'template', template => {} } }) ],
	[ 400, 'an odd hold', encode_json(message($v, 'x', hold => 'yes')) ],
	[ 404, 'an unknown channel', encode_json({ %{ message($v, 'x') }, from => '00000000-0000-4000-8000-000000000000' }) ],
	[ 404, 'a remote hub\'s channel', encode_json({ %{ message($v, 'x') }, from => $remote }) ],
	[ 413, 'a body over the limit', encode_json(message($v, 'x' x 300_000)) ])
{
	my ($want, $what, $raw) = @$case;
	($code, $body) = post(undef, raw => $raw);
	is($code, $want, "$want: $what");
	ok(ref $body && $body->{errorCode} && $body->{errorMessage} =~ /^[ -~]{20,400}\z/, "$want: $what: with a code and words") or diag(encode_json($body));
}
($code, $body) = post({ %{ message($v, 'x') }, content => { type => 'template', template => {} } });
like($body->{errorMessage}, qr/template/, 'in the database\'s own words, where it says no');
for my $other ('/v1/communication/whatsapp/message', '/v1/communication/web-chatt2me', '/v1', '/v2/communication/web-chatt2me/message')
{
	is((post(message($v, 'x'), path => $other))[0], 404, "404: $other");
}
is($ua->get($t->base_url . $path => { 'x-api-key' => $key })->res->code, 405, '405: GET');
is(rows(), $before, 'none of these is a row');

# --- as it is, and many ----------------------------------------------------

my $odd = '{"text":"\\u00e9 \\ud83d\\ude00 \\"quoted\\" ' . "\x{4e2d}" . '","extra":{"n":12345678901234567890.12,"deep":[1,{"a":null}]}}';
($code, $body) = post(undef, raw => Mojo::Util::encode('UTF-8', qq({ "to" : "$v->{visitor}" , "content" : $odd , "from" : "$channel", "unknown": [1] })));
is("$code $body->{status}", '200 sent', 'a content with more than we know');
is($t->sql("SELECT content = \$j\$" . Mojo::Util::encode('UTF-8', $odd) . "\$j\$::jsonb FROM webchatt.messages WHERE id = '$body->{messageId}'"), 't', 'is stored as it was');
my $good = 0;
$good++ for grep { ((post(message($v, "line $_")))[1] // {})->{status} eq 'sent' } 1 .. 200;
is($good, 200, '200 on one connection');
ok(Visitor::until(sub { 200 == grep { /^line/ } $v->texts('out') }), 'come');
my @lines = map { $_->{content}{text} // '' } $v->of_type('message');
is_deeply([ grep { /^line/ } @lines ], [ map { "line $_" } 1 .. 200 ], 'in order');

# --- another database's connector ------------------------------------------

my $theirs = $t->sql(q{SELECT webchatt.create_api_key('the shop database')});
$t->sql('CREATE DATABASE shop');
$t->listens_at('shop', "127.0.0.1:$shop_port");
$t->sql('CREATE EXTENSION webchatt', 'shop');
$t->sql("SELECT webchatt.connect_hub('$theirs', '" . $t->base_url . "'); SELECT webchatt.add_channel('$channel', display_name => 'Shop')", 'shop');
my $far = bless { %$t, database => 'shop', sessions => [] }, ref $t;
$far->wait_for(qq{SELECT listening = '127.0.0.1:$shop_port' FROM webchatt.status}, 'a second database attaches to this hub');
$id = $far->sql("SELECT webchatt.send_message('$channel', '$v->{visitor}', text => 'from the other database')");
$far->status_becomes($id, 'sent', 'its send_message() is sent');
ok(Visitor::until(sub { grep { $_ eq 'from the other database' } $v->texts('out') }), 'to the visitor\'s screen');
is($t->sql(q{SELECT count(*) FROM webchatt.messages WHERE content ->> 'text' = 'from the other database'}), 1, 'one row here');
is($t->sql(qq{SELECT id FROM webchatt.messages WHERE content ->> 'text' = 'from the other database'}),
	$far->sql("SELECT hub_message_id FROM webchatt.statuses WHERE message_id = '$id' AND status = 'sent'"), 'whose id is the hub\'s there');
$far->sql("SELECT webchatt.send_message('$channel', '$v->{visitor}', text => 'far ' || i) FROM generate_series(1, 100) i");
$far->drained('a hundred leave');
ok(Visitor::until(sub { 100 == grep { /^far/ } $v->texts('out') }), 'and come');
is_deeply([ grep { /^far/ } map { $_->{content}{text} // '' } $v->of_type('message') ], [ map { "far $_" } 1 .. 100 ], 'in order, each once');
$away->close;
$t->wait_for("SELECT count(*) = 0 FROM webchatt.presence WHERE visitor = '$away->{visitor}'", 'a visitor who is away');
$id = $far->sql("SELECT webchatt.send_message('$channel', '$away->{visitor}', text => 'held over there')");
$far->status_becomes($id, 'held', 'is session_not_found for it: held over there');
is($t->sql(q{SELECT count(*) FROM webchatt.messages WHERE content ->> 'text' = 'held over there'}), 0, 'and not stored here');
$t->sql(q{SELECT webchatt.revoke_api_key('the shop database')});
Visitor::until(sub { (post(message($v, 'x'), key => $theirs))[0] == 401 }, 10);
$id = $far->sql("SELECT webchatt.send_message('$channel', '$v->{visitor}', text => 'without a key')");
$far->wait_for(q{SELECT hubs -> 'chatt2me' ->> 'state' = 'stopped' FROM webchatt.status}, 'its key revoked, it stops');
$theirs = $t->sql(q{SELECT webchatt.create_api_key('the shop database, again')});
Visitor::until(sub { (post(undef, raw => 'x', key => $theirs))[0] == 400 }, 10);
$far->sql("SELECT webchatt.connect_hub('$theirs', '" . $t->base_url . "')");
$far->status_becomes($id, 'sent', 'and goes on with another');

# --- in the end ------------------------------------------------------------

$away->arrive;
$t->settled('all settles', [ $v, $away ]);
$t->account('in the end', [ $v, $away ], acked => 0);
$_->end for $v, $away;

done_testing();
