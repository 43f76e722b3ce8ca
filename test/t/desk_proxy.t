# The desk behind nginx and behind Caddy, by the configurations in doc/, with TLS: its cookie is
# for https and its host only, and it is live.
use strict;
use warnings;

use LocalHub;
use Mojo::JSON qw(decode_json encode_json);
use Mojo::UserAgent;
use Proxy;
use Test::More;

my $desk = WebchattTest::free_port();
my $t = LocalHub->begin(conf => "webchatt.desk_listen = '127.0.0.1:$desk'\nwebchatt.trusted_proxies = '127.0.0.1'");
my $dir = PostgreSQL::Test::Utils::tempdir();
Proxy::certificates($dir);
$t->sql(q{SELECT webchatt.create_agent('ana', 'Ana')});
my $v = $t->arrived;
Mojo::IOLoop->recurring(0.02 => sub { });

for my $kind (qw(nginx caddy))
{
	mkdir "$dir/$kind";
	link "$dir/$_", "$dir/$kind/$_" for qw(cert.pem key.pem);
	my $proxy = $kind eq 'nginx' ? Proxy::nginx_of_doc("$dir/$kind", $desk, 'nginx-desk.conf') : Proxy::caddy_of_doc("$dir/$kind", $desk, 'Caddyfile-desk');
	my $url = $proxy->url;
	my $ua = Mojo::UserAgent->new(ca => "$dir/ca.pem", inactivity_timeout => 180);
	my $call = sub {
		my ($function, $args, %headers) = @_;
		my $res = $ua->post("$url/desk/api/$function" => { 'X-Webchatt-Desk' => 1, Origin => $url, %headers } => encode_json($args))->res;
		return ($res->code // 0, eval { decode_json($res->body) }, $res);
	};

	is(($call->('sign_in', { token => 'x' }))[0], 403, "$kind: before webchatt.desk_url says so, its page is none of ours");
	$t->sql("ALTER SYSTEM SET webchatt.desk_url = '$url'");
	$t->node->reload;
	$t->wait_for('SHOW webchatt.desk_url', "$kind: it does", undef, $url);
	my $page = Patience::until(sub { my $res = $ua->get("$url/desk/")->res; ($res->code // 0) == 200 && $res });
	like($page->headers->header('Content-Security-Policy'), qr/frame-ancestors 'none'/, "$kind: the page, guarded");
	ok($page->headers->header('Strict-Transport-Security'), "$kind: by https only");
	is($ua->get($url)->res->headers->location, '/desk/', "$kind: which its host leads to");
	my ($token) = $t->sql(q{SELECT webchatt.sign_in_link('ana')}) =~ m{\A\Q$url\E/desk/#sign-in=(.*)};
	my ($code, $answer, $res);
	Patience::until(sub { ($code, $answer, $res) = $call->('sign_in', { token => $token }); $code != 403 });
	is($code, 200, "$kind: a link of this address signs in");
	like($res->headers->set_cookie, qr/\A__Host-webchatt_desk=[\w-]{43}; Path=\/; .*HttpOnly; SameSite=Strict; Secure\z/, "$kind: the cookie");
	is(($call->('me', {}))[0], 200, "$kind: which is a session");
	is(($call->('me', {}, Origin => "http://127.0.0.1:$desk"))[0], 403, "$kind: for pages of this address");
	is(($call->('me', { x => 'x' x 70000 }))[0], 413, "$kind: too large is refused");

	my (@frames, $ended, $socket);
	$ua->websocket("$url/desk/socket" =~ s/^http/ws/r => { Origin => $url } => ['web-chatt2me.desk.v1'] => sub {
		my (undef, $tx) = @_;
		return $ended = $tx->res->code // 'no answer' unless $tx->is_websocket;
		$socket = $tx;
		$tx->on(json => sub { push @frames, $_[1]{type} });
		$tx->on(finish => sub { $ended = $_[1] }); });
	my $hears = sub { my ($type) = @_; return Visitor::until(sub { Mojo::IOLoop->one_tick; $ended || grep { $_ eq $type } @frames }) && !$ended };
	ok($hears->('ready'), "$kind: the WebSocket") or diag($ended);
	$v->say("by $kind");
	ok($hears->('changed'), "$kind: is live");
	$socket->finish if $socket;
	Mojo::IOLoop->one_tick for 1 .. 10;
	$proxy->stop;
}

done_testing();
