# /v1/organization/webhook against a whole server: the worker answers, in its
# turns, what webchatt._rest() says (test/sql/webhooks.sql has that in detail).
use strict;
use warnings;
use utf8;

use LocalHub;
use Mojo::JSON qw(decode_json encode_json);
use Mojo::Server::Daemon;
use Mojo::UserAgent;
use Mojolicious;
use Test::More;
use Time::HiRes qw(time);

my $t = LocalHub->begin(conf => "webchatt.webhook_allowed_addresses = '127.0.0.1'");
my $ua = Mojo::UserAgent->new(max_redirects => 0, inactivity_timeout => 180);
my $hooks = '/v1/organization/webhook';
my $key = $t->sql(q{SELECT webchatt.create_api_key('organization')});

# The status, the decoded body, and the transaction.
sub ask
{
	my ($method, $below, $body, %args) = @_;
	my %headers = ('x-api-key' => $args{key} // $key, defined $body ? ('Content-Type' => 'application/json') : ());
	my $tx = $ua->start($ua->build_tx($method => $t->base_url . $hooks . $below => \%headers => ref $body ? encode_json($body) : $body // ''));
	return ($tx->res->code // 0, eval { decode_json($tx->res->body) } // $tx->res->body, $tx);
}

sub webhook { my (%more) = @_; return { label => 'Käse & Co.', endpoint => 'https://shop.example.com/events', eventType => 'Message', %more } }

Visitor::until(sub { (ask('GET', ''))[0] == 200 }, 10);
my ($code, $body, $tx) = ask('GET', '');
is($code, 200, 'the list');
is_deeply($body, { data => [], pagination => { offset => 0, limit => 20, total => 0, totalPages => 0 } }, 'is empty');

# --- make, look, change, delete ---------------------------------------------

($code, $body, $tx) = ask('POST', '', webhook(requiresSignature => Mojo::JSON->true, headers => [ { key => 'X-Key', value => 's3cret' } ]));
is($code, 201, 'made');
like($body->{signingSecret}, qr/^whsec_/, 'with its secret');
is($body->{label}, 'Käse & Co.', 'and its label');
unlike($tx->res->body, qr/s3cret/, 'without what its headers hold');
is($tx->res->headers->content_type, 'application/json', 'in JSON');
is($tx->res->headers->cache_control, 'no-store', 'not to be stored');
my $id = $body->{id};
is($t->sql("SELECT secret FROM webchatt.webhooks WHERE id = '$id'"), $body->{signingSecret}, 'which is the table\'s');
my $application = $body->{applicationId};
($code, $body) = ask('GET', "/$id");
is("$code $body->{id}", "200 $id", 'one of them');
ok(!exists $body->{signingSecret}, 'the secret is shown once');
($code, $body) = ask('PATCH', "/$id", { label => 'renamed', active => Mojo::JSON->false });
is("$code $body->{label} $body->{active}", '200 renamed 0', 'changed');
($code, $body) = ask('PATCH', "/$id", { requiresSignature => Mojo::JSON->false });
is($code, 200, 'signing is turned off');
($code, $body) = ask('PATCH', "/$id", { requiresSignature => Mojo::JSON->true });
my $secret = $body->{signingSecret};
like($secret, qr/^whsec_/, 'and on');
($code, $body) = ask('POST', "/$id/signature");
is($code, 200, 'redefined');
isnt($body->{signingSecret}, $secret, 'another secret');
($code, $body) = ask('GET', '?limit=1&offset=0');
is_deeply($body->{pagination}, { offset => 0, limit => 1, total => 1, totalPages => 1 }, 'listed');
is($body->{data}[0]{applicationId}, $application, 'the same application');
for my $case (
	[ 400, 'POST', '', webhook(endpoint => 'https://[::::]/') ], [ 400, 'POST', '', webhook(authenticationProtocol => 'JWT') ], [ 400, 'POST', '', '{"label":' ], [ 400, 'POST', '', '[]' ],
	[ 400, 'POST', '', '' ], [ 400, 'PATCH', "/$id", { eventType => 'MessageStatus' } ], [ 400, 'GET', '?limit=0' ], [ 404, 'GET', '/nonsense' ],
	[ 404, 'GET', '/00000000-0000-4000-8000-000000000000' ], [ 404, 'GET', "/$id/nonsense" ], [ 404, 'POST', "/$id/webhook-log/$id/retry" ], [ 405, 'PUT', "/$id", webhook() ],
	[ 401, 'GET', '', undef, key => 'wck_' . 'A' x 43 ], [ 400, 'POST', '', '{"label":"a\\u0000b"}' ], [ 400, 'GET', '?limit=%00' ], [ 404, 'GET', '/%00' ])
{
	my ($want, $method, $below, $with, %args) = @$case;
	($code, $body) = ask($method, $below, $with, %args);
	is($code, $want, "$want: $method $below " . (ref $with ? encode_json($with) : $with // ''));
	ok(ref $body && $body->{errorCode} && $body->{errorMessage} =~ /\A["A-Z].*[.]\z/, 'with a code and a sentence') or diag(ref $body ? encode_json($body) : $body);
}
is($t->sql('SELECT count(*) FROM webchatt.webhooks'), 1, 'nothing came of these');

# --- a webhook of the API is one that works -----------------------------------

# The endpoint lives in this process, and only while it is waited for.
sub served_until
{
	my ($condition, $timeout) = @_;
	return Visitor::until(sub {
			Mojo::IOLoop->timer(0.05 => sub { Mojo::IOLoop->stop });
			Mojo::IOLoop->start;
			return $condition->() }, $timeout);
}

my @posted;
my $port = WebchattTest::free_port();
my $app = Mojolicious->new(mode => 'production', secrets => ['test']);
$app->log->level('fatal');
$app->routes->post('/events' => sub {
	my ($c) = @_;
	my $token = $c->req->headers->header('X-Validation-Token');
	return $c->render(json => $token) if defined $token;
	push @posted, [ $c->req->headers->header('X-Key'), $c->req->headers->header('X-hub-Signature'), $c->req->body ];
	return $c->render(data => '');
});
my $endpoint = Mojo::Server::Daemon->new(app => $app, listen => ["http://127.0.0.1:$port"], silent => 1)->start;
($code, $body) = ask('POST', '', webhook(label => 'works', endpoint => "http://127.0.0.1:$port/events", requiresSignature => Mojo::JSON->true,
		headers => [ { key => 'X-Key', value => 's3cret' } ]));
is($code, 201, 'one to an endpoint that is there');
my ($works, $signs) = @$body{qw(id signingSecret)};
ok(served_until(sub { (ask('GET', "/$works"))[1]{isVerified} }, 20), 'is verified');
my $writer = $t->arrived;
$writer->say('to the endpoint');
ok(served_until(sub { @posted > 0 }, 20), 'and gets what a visitor writes');
is($posted[0][0], 's3cret', 'with its header');
my ($at) = $posted[0][1] =~ /t=(\d+)/;
is($posted[0][1], Webhook::signature($signs, $posted[0][2], $at), 'signed with its secret');
is(decode_json($posted[0][2])->{content}{text}, 'to the endpoint', 'as it was written');
ok(served_until(sub { (ask('GET', "/$works/webhook-log?status=Success"))[1]{pagination}{total} == 1 }, 20), 'which is in its log');
my ($first) = @{ (ask('GET', "/$works/webhook-log"))[1]{data} };
($code, $body) = ask('POST', "/$works/webhook-log/$first->{id}/retry");
ok(served_until(sub { @posted > 1 }, 20), 'a retry posts it again');
is($posted[1][2], $posted[0][2], 'the same');
ok(served_until(sub { (ask('GET', "/$works/webhook-log"))[1]{data}[0]{id} eq $body->{newLogId} }, 20), 'under the id that was announced');
($code) = ask('DELETE', "/$works");
is($code, 204, 'and it is deleted');
$writer->close;

# --- who mends an endpoint does not wait for the pause to be over ---------------

my %asked = (one => 0, other => 0);
my $mended;
$app->routes->post('/mended/:which' => sub {
	my ($c) = @_;
	$asked{ $c->param('which') }++;
	return $mended ? $c->render(json => $c->req->headers->header('X-Validation-Token')) : $c->render(data => '', status => 500);
});
my %made = map { $_ => $t->sql("SELECT id FROM webchatt.create_webhook('$_', 'http://127.0.0.1:$port/mended/$_', 'Message')") } sort keys %asked;
ok(served_until(sub { $asked{one} >= 2 && $asked{other} >= 2 }, 30), 'an endpoint that does not answer as it should is asked again, later and later');
for my $n (1 .. 5)
{
	my $was = $asked{one};
	$t->sql("SELECT webchatt.alter_webhook('$made{one}')");
	served_until(sub { $asked{one} > $was }, 60);
}
cmp_ok($asked{one}, '>', $asked{other} + 1, 'alter_webhook() with the id alone has it asked at once');
$mended = 1;
$t->sql("SELECT webchatt.alter_webhook('$made{one}')");
ok(served_until(sub { $t->sql("SELECT verified_at IS NOT NULL FROM webchatt.webhooks WHERE id = '$made{one}'") eq 't' }, 60), 'so that it is verified');
$t->sql("SELECT webchatt.delete_webhook('$_')") for values %made;

# --- endpoints that may not be called ----------------------------------------

for my $case ([ 'https://10.0.0.1:8443/x', '10.0.0.1:8443' ], [ 'http://127.0.0.2/', '127.0.0.2' ])
{
	my ($url, $host) = @$case;
	($code, $body) = ask('POST', '', webhook(label => 'inner', endpoint => $url));
	is($code, 201, "$url is a URL");
	my $inner = $body->{id};
	my $why = "$host is at an address that webhooks are not delivered to; webchatt.webhook_allowed_addresses can allow it";
	ok(served_until(sub { ((ask('GET', "/$inner"))[1]{lastError} // '') eq $why }, 20), 'but its maker is told that nothing goes there')
	  or diag((ask('GET', "/$inner"))[1]{lastError});
	like($t->sql("SELECT state || ': ' || last_error FROM webchatt.feeds WHERE label = 'inner'"),
		qr/^verifying: \Q$host\E: [0-9.]+ is an address that webhooks are not delivered to; /, 'and the operator, by address');
	($code) = ask('DELETE', "/$inner");
	is($code, 204, 'which can go again');
}

# --- logs and retries --------------------------------------------------------

my $log = sprintf('%012x', 1000 * time) =~ s/^(.{8})(.{4})/$1-$2-7000-8000-/r;	# attempts of today, by their ids
$t->sql("INSERT INTO webchatt.feed (event_type, channel_id, visitor, message_id) VALUES ('Message', '$t->{channel}', 'v', '$id');
	INSERT INTO webchatt.webhook_log (webhook_id, id, seq, delivery_id, event_type, message_id, attempt, endpoint, good, status_code, duration_us, sent_at)
	SELECT '$id', ('$log' || lpad(n::text, 12, '0'))::uuid, CASE n WHEN 1 THEN (SELECT max(seq) FROM webchatt.feed) ELSE 999999999 END,
		gen_random_uuid(), 'Message', '$id', n, 'https://x.example', n % 2 = 0, 200, 1000, now() FROM generate_series(1, 1000) n");
($code, $body) = ask('GET', "/$id/webhook-log?status=Failed&limit=50&offset=450");
is($code, 200, 'the log');
is_deeply($body->{pagination}, { offset => 450, limit => 50, total => 500, totalPages => 10 }, 'of those that failed');
is($body->{data}[-1]{attempt}, 1, 'the oldest at the end');
($code, $body) = ask('POST', "/$id/webhook-log/${log}000000000001/retry");
is("$code $body->{success}", '200 1', 'one is asked for again');
($code, $body) = ask('POST', "/$id/webhook-log/retry", { webhookLogIds => [ map { sprintf '%s%012d', $log, $_ } 1 .. 3 ] });
is(join(' ', map { $_->{success} } @{ $body->{results} }), '1 0 0', 'of many those whose event is kept');

# --- many at a time, and what is in the way ----------------------------------

# six keys may have 20 each, and all together 100
my @keys = ($key, map { $t->sql("SELECT webchatt.create_api_key('more $_')") } 1 .. 5);
for my $each (@keys) { ok(Visitor::until(sub { (ask('GET', '', undef, key => $each))[0] == 200 }, 60), 'a key is known') }
my @all = map { $ua->start_p($ua->build_tx(POST => $t->base_url . $hooks => { 'x-api-key' => $keys[$_ % 6] } => encode_json(webhook(label => "n $_")))) } 1 .. 120;
my %codes;
Mojo::Promise->all(@all)->then(sub { $codes{ $_->[0]->res->code // 0 }++ for @_ })->wait;
is_deeply(\%codes, { 201 => 99, 400 => 21 }, 'of 120 at once those are made that may be');
is($t->sql('SELECT count(*), count(DISTINCT label) FROM webchatt.webhooks'), '100|100', 'each once');

my $session = $t->session;
$session->query("BEGIN; SELECT 1 FROM webchatt.webhooks WHERE id = '$id' FOR UPDATE");
($code, $body) = ask('PATCH', "/$id", { label => 'held' });
is("$code $body->{errorCode}", '503 busy', 'a webhook that somebody holds: busy');
($code) = ask('GET', "/$id");
is($code, 200, 'which can be read');
my $v = $t->arrived;
$v->say('hello');
ok(Visitor::until(sub { $t->sql(q{SELECT count(*) FROM webchatt.messages WHERE direction = 'in'}) == 2 }, 10), 'and the visitors notice nothing');
$session->query('COMMIT');
($code, $body) = ask('PATCH', "/$id", { label => 'free' });
is("$code $body->{label}", '200 free', 'then it goes');

# What nobody foresaw.
$t->sql('REVOKE EXECUTE ON FUNCTION webchatt._rest_time(timestamptz) FROM webchatt_worker');
($code, $body) = ask('GET', "/$id");
is("$code $body->{errorCode}", '500 internal_error', 'a right that somebody took: 500');
unlike(encode_json($body), qr/permission/, 'which says nothing of the inside');
like($t->status('last_error'), qr/REST API.*permission/, 'but to the operator');
$t->sql('GRANT EXECUTE ON FUNCTION webchatt._rest_time(timestamptz) TO webchatt_worker');
($code) = ask('GET', "/$id");
is($code, 200, 'and goes on when it is mended');

($code, $body) = ask('DELETE', "/$id");
is("$code $body", '204 ', 'deleted');
($code) = ask('DELETE', "/$id");
is($code, 404, 'once');

# --- an answer that comes too late -------------------------------------------

# The new limit on a body's size shows that the other one has arrived as well.
$t->sql(q{ALTER SYSTEM SET webchatt.ack_timeout = '500ms'});
$t->sql(q{ALTER SYSTEM SET webchatt.max_body_size = '8kB'});
$t->node->reload;
WebchattTest::comes(sub { (ask('POST', '', { label => 'x' x 10_000 }))[0] == 413 });
my $victim = $t->sql(q{SELECT w.id FROM webchatt.webhooks w JOIN webchatt.api_keys k ON k.id = w.key_id WHERE k.label = 'organization' LIMIT 1});
my $worker = $t->signal('STOP', 'worker_pid');
($code, $body) = ask('DELETE', "/$victim");
is("$code $body->{errorCode}", '503 commit_timeout', 'the worker does not answer: 503');
like($body->{errorMessage}, qr/may do it all the same/, 'and what that means');
$t->sql('ALTER SYSTEM RESET webchatt.ack_timeout');
$t->node->reload;
kill 'CONT', $worker;
$t->wait_for("SELECT count(*) = 0 FROM webchatt.webhooks WHERE id = '$victim'", 'it is done all the same');
ok(WebchattTest::comes(sub { (ask('GET', ''))[0] == 200 }), 'and others are answered again');

done_testing();
