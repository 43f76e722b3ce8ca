# What a hub posts becomes rows: by the door and by webchatt.ingest(), by the
# same rules, exactly once.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename;
use Mojo::JSON qw(decode_json encode_json);
use Mojo::UserAgent;
use Mojo::Util;
use Digest::SHA;
use Test::More;
use WebchattTest;

my $t = WebchattTest->attached;
my $channel = $WebchattTest::CHANNEL;
my $secret = $WebchattTest::SECRET;
my $n = 0;

sub rows { my ($where) = @_; return $t->sql("SELECT count(*) FROM webchatt.messages WHERE $where") }
sub event { my ($visitor, $text, %more) = @_; return Webhook::message($channel, 'in-' . ++$n, $visitor, $text, %more) }

# The documentation's own example, byte for byte.
my $example = '{"eventType":"Message","channelId":"6cbd6789-1d2b-47e0-9391-5eb91d2839ea",'
  . '"messageId":"abc123de-f456-789a-bcde-f01234567890","from":"5511993986082","timestamp":1700000000,'
  . '"channel":"whatsapp","content":{"type":"text","text":"Hello, I\'d like to know more about your products"}}';
is_deeply([ ($t->post($example))[0] ], [200], 'the documentation\'s example event is answered 200');
is($t->sql(q{SELECT visitor, direction, status, content ->> 'text', extract(epoch FROM hub_time)::bigint
	FROM webchatt.messages WHERE hub_message_id = 'abc123de-f456-789a-bcde-f01234567890'}),
	q{5511993986082|in|received|Hello, I'd like to know more about your products|1700000000}, 'and is a row');
is($t->sql(q{SELECT last_seen IS NOT NULL FROM webchatt.visitors WHERE id = '5511993986082'}), 't', 'with its visitor');
is(scalar $t->post($example), 200, 'a repeat is answered 200');
is(rows(q{hub_message_id = 'abc123de-f456-789a-bcde-f01234567890'}), 1, 'and changes nothing');
$t->wait_for('SELECT repeats = 1 FROM webchatt.status', 'status counts it', 5);
is($t->sql('SELECT webchatt.ingest($e$' . $example . '$e$, $e$' . Webhook::signature($secret, $example) . '$e$)'),
	'repeat', 'ingest() sees the repeat too');

# What is not known is kept.
is(scalar $t->post(event('keeper', 'kept', futureField => { a => [ 1, 2 ] }, content => { type => 'hologram', hologram => { x => 1 } })),
	200, 'unknown fields and content types are taken');
is($t->sql(q{SELECT content, extra -> 'futureField' FROM webchatt.messages WHERE visitor = 'keeper'}),
	'{"type": "hologram", "hologram": {"x": 1}}|{"a": [1, 2]}', 'and kept');
my $text = "\x{1F600} \x{e9} \"quoted\" \\ \x{2028} end";
is(scalar $t->post(event('unicode', $text)), 200, 'any Unicode');
is($t->sql(q{SELECT content ->> 'text' = U&'\+01F600 \00e9 "quoted" \\\\ \2028 end' FROM webchatt.messages WHERE visitor = 'unicode'}),
	't', 'comes through as it was');

# Who is let in.
is(scalar $t->post(event('x', 'x'), secret => 'another'), 401, 'a wrong signature is refused');
is(scalar $t->post(event('x', 'x'), secret => undef), 401, 'so is none');
is(scalar $t->post(event('x', 'x'), t => time - 400), 401, 'one that is too old');
is(scalar $t->post(event('x', 'x'), t => time + 400), 401, 'and one from the future');
is(scalar $t->post(event('x', 'x'), header => 'nonsense'), 401, 'and nonsense');
is(scalar $t->post(event('x', 'x'), url => $t->webhook_url('00000000-0000-4000-8000-000000000000')), 404, 'an unknown channel is not found');
is(rows(q{visitor = 'x'}), 0, 'none of these is a row');
is($t->sql('SELECT count(*) FROM webchatt.rejects'), 0, 'nor a reject');

# Endpoint verification.
for my $token ('abc-123', 'with "quotes" and \\')
{
	my ($code, $body, $type) = Webhook::post($t->webhook_url, undef, '{}', headers => { 'X-Validation-Token' => $token });
	is($code, 200, 'endpoint verification is answered');
	is($body, encode_json($token), 'with the token as a JSON string');
	like($type // '', qr{^application/json}, 'as application/json');
}

# Rotation: two secrets at once, then one.
$t->sql("SELECT webchatt.set_webhook_secret('$channel', 'second-secret', keep_old => interval '1 hour')");
ok(WebchattTest::comes(sub { $t->post(event('r', 'new'), secret => 'second-secret') == 200 }), 'a new secret is taken');
is(scalar $t->post(event('r', 'old')), 200, 'the old one stays good');
$t->sql("SELECT webchatt.set_webhook_secret('$channel', 'third-secret', keep_old => interval '0')");
WebchattTest::comes(sub { $t->post(event('r', 'third'), secret => 'third-secret') == 200 });
is(scalar $t->post(event('r', 'x'), secret => 'second-secret'), 401, 'with keep_old 0 it is bad at once');
is(scalar $t->post(event('r', 'x')), 401, 'and the one before it');

# Unsigned only when it was said in so many words.
my (undef, undef, $warning) = $t->try_sql("SELECT webchatt.set_webhook_secret('$channel', NULL)");
like($warning, qr/unsigned/, 'accepting unsigned events is said aloud');
WebchattTest::comes(sub { $t->post(event('u', 'unsigned'), secret => undef) == 200 });
is(rows(q{visitor = 'u'}), 1, 'and then they are accepted');
is(scalar $t->post(event('u', 'bad'), secret => 'whatever'), 401, 'but never with a wrong signature');
$t->sql("SELECT webchatt.set_webhook_secret('$channel', '$secret', keep_old => interval '0')");
WebchattTest::comes(sub { $t->post(event('u', 'x'), secret => undef) == 401 });
is(scalar $t->post(event('u', 'x'), secret => undef), 401, 'with a secret again they are refused');

# Per event type: the hub has one webhook, and one secret, for each.
$t->sql("SELECT webchatt.set_webhook_secret('$channel', 'for-statuses', event_type => 'MessageStatus')");
WebchattTest::comes(sub { $t->post(Webhook::status('nobody-' . ++$n, 'sent'), secret => 'for-statuses') == 200 });
is(scalar $t->post(Webhook::status('nobody', 'sent'), secret => 'for-statuses'), 200, 'a status signed with its own webhook\'s secret');

# One connection, many requests, whole or in pieces.
my $ua = Mojo::UserAgent->new;
my $ok = 0;
$ok++ for grep { scalar $t->post(event('kept-alive', "number $_"), ua => $ua) == 200 } 1 .. 200;
is($ok, 200, '200 events on one connection');
is(rows(q{visitor = 'kept-alive'}), 200, 'are 200 rows');

# A load on many connections: nothing lost, nothing doubled.
my $load = Webhook::load(url => $t->webhook_url, secret => $secret, channel => $channel,
	out => $t->node->basedir . '/load', connections => 32, visitors => 50, count => 2000);
ok($load->wait_answered(2000, 60), 'a load of 2000 events is answered');
$load->end;
is(rows(q{visitor LIKE 'visitor-%'}), 2000, 'and is 2000 rows');
is_deeply($load->codes, { 200 => 2000 }, 'none was refused or lost');

# The table of cases (test/cases/README.md): the same verdict by both ways in.
my %by = (door => '11111111-1111-4111-8111-111111111111', ingest => '22222222-2222-4222-8222-222222222222');
for my $way (values %by)
{
	$t->sql("SELECT webchatt.add_channel('$way');
		INSERT INTO webchatt.hub_webhooks (channel_id, event_type, secret, old_secret, old_secret_until) VALUES
			('$way', 'any', '$secret', 'old-secret', now() + interval '1 hour'),
			('$way', 'MessageStatus', '$secret', 'expired-secret', now() - interval '1 minute')");
}
WebchattTest::comes(sub { $t->post('no event', url => $t->webhook_url($by{door})) == 200 });
my $limit = $t->sql(q{SELECT pg_size_bytes(current_setting('webchatt.max_body_size'))});
my %signer = (good => $secret, wrong => 'not-the-secret', stale => $secret, old_secret => 'old-secret', expired_secret => 'expired-secret');

# A case's body in bytes, and its signature's header (undef: none).
sub body_of
{
	my ($case, $way) = @_;
	my $body = defined $case->{body_base64} ? Mojo::Util::b64_decode($case->{body_base64}) : Mojo::Util::encode('UTF-8', $case->{body});

	$body =~ s/\@CHANNEL\@/$by{$way}/g;
	if (my $size = $case->{size})
	{
		my $fill = 'a' x ($limit + ($size eq 'over' ? 1 : 0) - length($body) + length('@FILL@'));
		$body =~ s/\@FILL\@/$fill/;
	}
	return $body;
}

sub header_of
{
	my ($case, $body) = @_;
	my $sign = $case->{sign};

	return undef if $sign eq 'none';
	return 'v1=' . 'z' x 64 if $sign eq 'malformed';
	return Webhook::signature($signer{$sign}, $body, $sign eq 'stale' ? time - 3600 : time);
}

# What the database holds of a case: "message", "status", or nothing.
sub stored_as
{
	my ($case, $way) = @_;
	my $id = Mojo::Util::encode('UTF-8', $case->{message_id} // '');

	if ($case->{stored} eq 'reject')
	{
		my $key = Digest::SHA::sha256_hex(body_of($case, $way));
		my $reason = $t->sql("SELECT reason FROM webchatt.rejects WHERE channel_id = '$by{$way}' AND event_type = 'unreadable' AND event_key = '$key'
			AND coalesce(raw, convert_to(body, 'UTF8')) = '\\x" . unpack('H*', body_of($case, $way)) . "'");
		return $reason =~ /$case->{reason}/ ? 'reject' : "reject: $reason";
	}
	return $t->sql("SELECT string_agg(what, ',') FROM (
		SELECT 'message' FROM webchatt.messages WHERE channel_id = '$by{$way}' AND hub_message_id = \$id\$$id\$id\$
		UNION ALL
		SELECT DISTINCT 'status' FROM webchatt.early_statuses WHERE channel_id = '$by{$way}' AND hub_message_id = \$id\$$id\$id\$) s (what)");
}

my $cases = abs_path(dirname(__FILE__) . '/../cases/events.jsonl');
my @only_door;   # their ids
open(my $fh, '<', $cases) or die "$cases: $!";
for my $case (map { decode_json($_) } <$fh>)
{
	my $rejected = ($case->{stored} // '') eq 'reject';
	my $reason = $rejected ? undef : $case->{reason};
	my $name = Mojo::Util::encode('UTF-8', $case->{name});

	# The door.
	my $body = body_of($case, 'door');
	my ($code, $answer) = Webhook::post($t->webhook_url($by{door}), undef, $body, header => header_of($case, $body));
	my $said = (eval { decode_json($answer) } // {})->{errorMessage} // $answer;
	my $good = $code == $case->{door} && (!defined $reason || $said =~ /$reason/)
	  && (!$case->{stored} || stored_as($case, 'door') eq $case->{stored});
	ok($good, "door: $name") or diag("answered $code, not $case->{door}: $answer");

	# ingest(), unless SQL's text cannot hold it.
	push @only_door, $case->{message_id} if defined $case->{body_base64} && $case->{message_id};
	next if defined $case->{body_base64};
	$body = body_of($case, 'ingest');
	my $header = header_of($case, $body);
	my ($status, $out, $err) = $t->try_sql("SELECT webchatt.ingest(\$body\$$body\$body\$, "
		. (defined $header ? "'$header'" : 'NULL') . ", '$by{ingest}')");
	my $want = $case->{door} != 200 ? '' : $rejected ? 'rejected' : $case->{repeat} ? 'repeat' : 'stored';
	$good = $out eq $want && ($status == 0) == ($case->{door} == 200) && (!defined $reason || $err =~ /$reason/)
	  && (!$case->{stored} || stored_as($case, 'ingest') eq $case->{stored});
	ok($good, "ingest: $name") or diag("gave '$out', not '$want': $err");
}
my $both = 'hub_message_id <> ALL (ARRAY[' . join(',', map { "'" . Mojo::Util::encode('UTF-8', $_) . "'" } @only_door) . '])';
cmp_ok(scalar @only_door, '>', 5, 'some only the door can be given');
is($t->sql("SELECT count(*) FROM webchatt.messages WHERE channel_id = '$by{door}' AND $both"),
	$t->sql("SELECT count(*) FROM webchatt.messages WHERE channel_id = '$by{ingest}'"), 'both ways stored as much');
is($t->sql("SELECT count(*) FROM (
	(SELECT hub_message_id, visitor, content, extra, hub_time FROM webchatt.messages WHERE channel_id = '$by{door}' AND $both)
	EXCEPT
	(SELECT hub_message_id, visitor, content, extra, hub_time FROM webchatt.messages WHERE channel_id = '$by{ingest}')) d
	WHERE hub_message_id <> 'case-body-of-the-largest-size'"), 0, 'and the same');
is($t->sql(q{SELECT count(*) FROM webchatt.rejects WHERE event_type <> 'unreadable'}), 0, 'no event became a reject');

done_testing();
