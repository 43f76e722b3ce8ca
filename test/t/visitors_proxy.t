# Visitors through nginx and through Caddy, by the configurations in doc/, with
# TLS; over IPv6 and a unix socket; limits that go by the real address, and not
# by one that a client claims.
use strict;
use warnings;

use LocalHub;
use Mojo::UserAgent;
use Proxy;
use Test::More;
use Time::HiRes qw(time);

my $t = LocalHub->begin(conf => "webchatt.trusted_proxies = '127.0.0.1, ::1'\nwebchatt.ping_interval = '2s'");
my $dir = PostgreSQL::Test::Utils::tempdir();
Proxy::certificates($dir);
my $uuid = qr/^[0-9a-f-]{36}\z/;
$t->answering;
$t->reachable;

# A widget's file as it came, not decompressed: the response.
sub fetch
{
	my ($ua, $url, %headers) = @_;
	my $tx = $ua->build_tx(GET => $url => \%headers);

	$tx->res->content->auto_decompress(0);
	return $ua->start($tx)->res;
}

sub conversation
{
	my ($what, %how) = @_;
	my $v = $t->arrived(%how);
	my $second = $t->arrived(%how, token => $v->{token});

	like($v->acked($v->say('hello')) // '', $uuid, "$what: a message is acked");
	ok(Visitor::until(sub { grep { $_ eq 're: hello' } $_->texts('out') }), "$what: the answer comes") for $v, $second;
	my $id = $t->sql("SELECT webchatt.send_message('$t->{channel}', '$v->{visitor}', text => repeat('x', 60000))");
	ok($v->got(sub { $_->{type} eq 'message' && $_->{id} eq $id }), "$what: 60 kB come");
	$v->send('{"type":"ping","x":"' . 'x' x 10_000 . '"}');
	ok(Visitor::until(sub { $v->{pongs} }), "$what: 10 kB go");
	$v->say("number $_") for 1 .. 50;
	$second->cut(reset => 1);
	$second->arrive;
	$t->settled("$what: all settles", [ $v, $second ]);
	$t->account($what, [ $v, $second ], acked => 51);
	$second->close;
	is($second->{close_code}, 1000, "$what: a clean close");
	return $v;
}

for my $kind (qw(nginx caddy))
{
	mkdir "$dir/$kind";
	link "$dir/$_", "$dir/$kind/$_" for qw(cert.pem key.pem);
	my $proxy = $kind eq 'nginx' ? Proxy::nginx_of_doc("$dir/$kind", $t->{port}) : Proxy::caddy_of_doc("$dir/$kind", $t->{port});
	my %through = (port => $proxy->{port}, tls => { ca => "$dir/ca.pem", name => 'localhost' }, headers => { Host => "localhost:$proxy->{port}" });
	my $ua = Mojo::UserAgent->new(ca => "$dir/ca.pem", inactivity_timeout => 180);
	my $script = $proxy->url . '/chat-widget.umd.js';

	# The widget's file, before the sockets: it leaves upstream connections open.
	my $plain = fetch($ua, $script, 'Accept-Encoding' => 'identity');
	is($plain->code, 200, "$kind: the widget's script");
	like($plain->headers->content_type // '', qr{javascript}, "$kind: with its type");
	like($plain->headers->cache_control // '', qr/max-age/, "$kind: cached");
	my $gzipped = fetch($ua, $script, 'Accept-Encoding' => 'gzip, br');
	is($gzipped->headers->content_encoding, 'gzip', "$kind: compressed for who can read that");
	cmp_ok(length $gzipped->body, '<', length $plain->body, "$kind: and shorter");
	for my $form ([ $plain, 'identity' ], [ $gzipped, 'gzip' ])
	{
		my ($res, $encoding) = @$form;
		ok($res->headers->etag, "$kind: an ETag, $encoding");
		is(fetch($ua, $script, 'Accept-Encoding' => $encoding, 'If-None-Match' => $res->headers->etag)->code, 304, "$kind: 304, $encoding");
	}
	is($ua->get($proxy->url . $_)->res->code, 404, "$kind: not shown to the world: $_") for '/metrics', '/healthz', '/';
	is($ua->post($proxy->url . '/v1/communication/web-chatt2me/message' => {} => '{}')->res->code, 401, "$kind: the API asks for a key");

	# Requests and upgrades share the upstream connections.
	my $v = conversation($kind, %through);
	for my $round (1 .. 5)
	{
		is(fetch($ua, $script, 'Accept-Encoding' => 'gzip')->code, 200, "$kind: a request, and an upgrade after it, round $round");
		my $one = $t->arrived(%through, token => $v->{token});
		is($one->{visitor}, $v->{visitor}, "$kind: the same visitor");
		$one->end;
	}

	# What is refused is refused through it, with the same code.
	for my $case ([ 403, origin => 'https://evil.example' ], [ 400, protocol => undef ])
	{
		my ($code, @args) = @$case;
		my $stranger = $t->visitor(%through, @args);
		$stranger->connect;
		is($stranger->answered, $code, "$kind: $code");
		$stranger->end;
	}
	my $stranger = $t->visitor(%through, key => 'unknown');
	$stranger->connect;
	is($stranger->closed, 4001, "$kind: 4001");

	# An idle line is kept up by pings.
	ok(Visitor::until(sub {
		# on a very slow machine its own answers may be late
		if ($v->{state} eq 'closed') { $v->arrive; $v->{pings} = 0 }
		return $v->{pings} >= 3 && $v->{state} eq 'welcomed' }), "$kind: an idle line is pinged");
	is($v->{state}, 'welcomed', "$kind: and lives");
	my $half = $t->arrived(%through, pong => 0, token => $v->{token});
	ok(Visitor::until(sub { $half->{state} eq 'closed' }, 30), "$kind: who does not answer pings is cut off");
	is($v->{state}, 'welcomed', "$kind: alone");

	# A proxy that goes takes the lines along; nothing is lost by that.
	$proxy->stop;
	ok(Visitor::until(sub { $v->{state} eq 'closed' }), "$kind: is stopped");
	my $id = $t->reply($v, 'while the proxy is away');
	$t->status_becomes($id, 'held');
	delete @$v{qw(tls)};
	$v->{port} = $t->{port};
	$v->arrive;
	ok(Visitor::until(sub { $v->{messages}{$id} }), "$kind: what came meanwhile is read without it");
	$v->end;
}

# --- an upgrade behind a request, on one connection ------------------------

for my $path ('/healthz', '/chat-widget.umd.js', '/nothing-here')
{
	my $v = $t->visitor;
	$v->connect(before => "GET $path HTTP/1.1\r\nHost: localhost\r\n\r\n");
	ok($v->welcomed, "an upgrade on a connection that had a request: $path") or diag($v->describe);
	ok($v->acked($v->say('hello')), 'which then works') if $v->{state} eq 'welcomed';
	$v->end;
}
my $posted = $t->visitor;
$posted->connect(before => "POST /webhooks/$t->{channel} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}");
ok($posted->welcomed, 'also when it was a POST') or diag($posted->describe);
$posted->end;
my $refused = $t->visitor(origin => 'https://evil.example');
$refused->connect(before => "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
is($refused->answered, 403, 'and refused as any other');
$refused->end;

# --- whose address counts --------------------------------------------------

sub let_in
{
	my ($n, %how) = @_;
	my @all = map { $t->visitor(%how, (ref $how{headers} eq 'CODE' ? (headers => $how{headers}->($_)) : ())) } 1 .. $n;

	for my $one (@all)
	{
		$one->connect;
		Visitor::until(sub { $one->{state} eq 'welcomed' || ($one->{http} // 101) != 101 || $one->{state} eq 'closed' });
	}
	my $in = grep { $_->{state} eq 'welcomed' } @all;
	my @codes = map { $_->{http} // '-' } grep { $_->{state} ne 'welcomed' } @all;
	$_->end for @all;
	return "$in in" . (@codes ? ", others @codes" : '');
}

$t->sql('ALTER SYSTEM SET webchatt.max_visitors_per_address = 3');
$t->node->reload;
ok(Visitor::until(sub { let_in(4, local => '127.0.0.20') eq '3 in, others 429' }), 'three connections an address');

# Places of those who left are free at once, or a moment later.
sub becomes { my ($want, $what, @how) = @_; my $got; Visitor::until(sub { ($got = let_in(@how)) eq $want }, 10); return is($got, $want, $what) }

for my $kind (qw(nginx caddy))
{
	mkdir "$dir/$kind-2";
	link "$dir/$_", "$dir/$kind-2/$_" for qw(cert.pem key.pem);
	my $proxy = $kind eq 'nginx' ? Proxy::nginx_of_doc("$dir/$kind-2", $t->{port}) : Proxy::caddy_of_doc("$dir/$kind-2", $t->{port});
	my %through = (port => $proxy->{port}, tls => { ca => "$dir/ca.pem", name => 'localhost' });
	my $claim = sub { return { Host => "localhost:$proxy->{port}", 'X-Forwarded-For' => "198.51.100.$_[0]" } };

	my @others = map { $t->visitor(%through, headers => { Host => "localhost:$proxy->{port}" }, local => '127.0.0.30') } 1 .. 3;
	$_->arrive for @others;
	becomes('3 in, others 429', "$kind: the limit goes by the client's address", 4, %through, local => '127.0.0.31', headers => { Host => "localhost:$proxy->{port}" });
	becomes('3 in, others 429', "$kind: not by what it claims", 4, %through, local => '127.0.0.32', headers => $claim);
	$_->end for @others;
	$proxy->stop;
}
my $claim = sub { return { 'X-Forwarded-For' => "198.51.100.$_[0]" } };
becomes('3 in, others 429', 'what is no trusted proxy may claim what it likes', 4, local => '127.0.0.40', headers => $claim);
becomes('6 in', 'what is one is believed', 6, headers => $claim);
becomes('3 in, others 429', 'from its end', 4, headers => sub { return { 'X-Forwarded-For' => "203.0.113.$_[0], 198.51.100.77" } });

# --- other listeners -------------------------------------------------------

my $port6 = WebchattTest::free_port();
my $path = $t->node->host . '/webchatt.sock';
$t->sql("ALTER SYSTEM SET webchatt.listen = '127.0.0.1:$t->{port}, [::1]:$port6, unix:$path'");
$t->sql('ALTER SYSTEM RESET webchatt.max_visitors_per_address');
$t->node->reload;
$t->wait_for(q{SELECT listening LIKE '%[::1]:%' AND listening LIKE '%unix:%' FROM webchatt.status}, 'three listeners');
my $six = conversation('IPv6', host => '::1', port => $port6);
my $local = conversation('a unix socket', unix => $path);
$_->end for $six, $local;

mkdir "$dir/nginx-unix";
link "$dir/$_", "$dir/nginx-unix/$_" for qw(cert.pem key.pem);
my $proxy = Proxy::nginx_of_doc("$dir/nginx-unix", "unix:$path");
my $v = conversation('nginx before a unix socket', port => $proxy->{port}, tls => { ca => "$dir/ca.pem", name => 'localhost' });
$v->end;
$t->sql('ALTER SYSTEM SET webchatt.max_visitors_per_address = 3');
$t->node->reload;
becomes('3 in, others 429', 'the limit goes by the real address there, too', 4, port => $proxy->{port}, local => '127.0.0.50',
	tls => { ca => "$dir/ca.pem", name => 'localhost' });
$proxy->stop;
unlike(PostgreSQL::Test::Utils::slurp_file($t->node->logfile), qr/PANIC|terminated by signal/, 'and nothing broke');

done_testing();
