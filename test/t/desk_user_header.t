# A proxy that signs people in, in front of the desk: here nginx with passwords of its own, by the lines that doc/desk.md has.
# Whoever is somebody there is that agent at the desk; whoever comes past it is nobody.
use strict;
use warnings;

use LocalHub;
use MIME::Base64 qw(encode_base64);
use Mojo::JSON qw(decode_json encode_json);
use Mojo::UserAgent;
use Proxy;
use Test::More;

my $desk = WebchattTest::free_port();
my $port = WebchattTest::free_port();
my $url = "http://127.0.0.1:$port";
my $t = LocalHub->begin(conf => "webchatt.desk_listen = '127.0.0.1:$desk, 127.0.0.2:$desk'\nwebchatt.desk_url = '$url'\n"
	. "webchatt.trusted_proxies = '127.0.0.2'\nwebchatt.desk_user_header = 'X-Forwarded-User'");
my $dir = PostgreSQL::Test::Utils::tempdir();
$t->sql(q{SELECT webchatt.create_agent('ana', 'Ana', 'admin'), webchatt.create_agent('rui', 'Rui', login => 'rui@example.com')});
Proxy::spew("$dir/people", join '', map { "$_:{PLAIN}secret\n" } 'ana', 'rui@example.com', 'eve');
my $proxy = Proxy::nginx($dir, $port, <<"CONF");
server {
	listen 127.0.0.1:$port;
	auth_basic desk;
	auth_basic_user_file $dir/people;
	proxy_http_version 1.1;
	proxy_bind 127.0.0.2;
	proxy_set_header Host \$http_host;
	proxy_set_header X-Forwarded-For \$remote_addr;
	proxy_set_header X-Forwarded-User \$remote_user;
	proxy_set_header Authorization "";
	proxy_set_header Upgrade \$http_upgrade;
	proxy_set_header Connection "upgrade";
	location / { proxy_pass http://127.0.0.2:$desk; }
}
CONF
Mojo::IOLoop->recurring(0.02 => sub { });

# A call in somebody's browser, as whom nginx knows by that name: the status, the answer.
sub call
{
	my ($ua, $who, $function, $at, %headers) = @_;
	my $res = $ua->post(($at // $url) . "/desk/api/$function" => { 'X-Webchatt-Desk' => 1, Origin => $url, ($who ? (Authorization => 'Basic ' . encode_base64("$who:secret", '')) : ()), %headers } => '{}')->res;
	return ($res->code // 0, eval { decode_json($res->body) } // {});
}
sub status_of { return (call(@_))[0] }
sub browser { return Mojo::UserAgent->new(inactivity_timeout => 180) }

ok(Patience::until(sub { status_of(browser(), 'ana', 'me') == 401 }), 'before somebody enters, nobody is signed in');
my ($ana, $rui) = (browser(), browser());
is(status_of($ana, undef, 'enter'), 401, 'whom the proxy does not know, does not come in');
is((call($ana, 'ana', 'enter'))[1]{agent}{name}, 'ana', 'ana is, by her name');
is((call($ana, 'ana', 'me'))[1]{agent}{role}, 'admin', 'with what she may');
is((call($rui, 'rui@example.com', 'enter'))[1]{agent}{name}, 'rui', 'rui is, by his address');
is(status_of($rui, 'rui@example.com', 'channels'), 403, 'with what he may');
my ($status, $answer) = call(browser(), 'eve', 'enter');
is("$status $answer->{errorCode}", '401 unknown_user', 'who is no agent is nobody');
like($answer->{errorMessage}, qr/"eve"/, 'and hears as whom');

# What a client sends itself does not count.
is((call(browser(), 'rui@example.com', 'enter', undef, 'X-Forwarded-User' => 'ana'))[1]{agent}{name}, 'rui', 'the proxy overwrites what its client says');
is(status_of(browser(), undef, 'enter', "http://127.0.0.1:$desk", 'X-Forwarded-User' => 'ana'), 401, 'past the proxy nobody is believed');
my ($cookie) = map { $_->value } grep { $_->name eq 'webchatt_desk' } @{ $ana->cookie_jar->all };
is(status_of(browser(), undef, 'me', "http://127.0.0.1:$desk", Cookie => "webchatt_desk=$cookie", 'X-Forwarded-User' => 'ana'), 401, 'nor is the cookie of such a session worth anything there');

# The page, live; and somebody else in that browser.
my ($ended, @frames);
$ana->websocket("ws://127.0.0.1:$port/desk/socket" => { Origin => $url, Authorization => 'Basic ' . encode_base64('ana:secret', '') } => ['web-chatt2me.desk.v1'] => sub {
	my (undef, $tx) = @_;
	return $ended = $tx->res->code // 'no answer' unless $tx->is_websocket;
	$tx->on(json => sub { push @frames, $_[1]{type} });
	$tx->on(finish => sub { $ended = $_[1] });
	push @frames, $tx; });
ok(Visitor::until(sub { Mojo::IOLoop->one_tick; $ended || grep { $_ eq 'ready' } @frames }), 'her page is live') or diag($ended);
is($ended, undef, 'and stays so');
is(status_of($ana, 'rui@example.com', 'me'), 401, 'rui signs in at the proxy, in the browser of ana');
ok(Visitor::until(sub { Mojo::IOLoop->one_tick; $ended }), 'her page ends');
is($ended, 4401, 'signed out');
is(status_of($ana, 'ana', 'me'), 401, 'for good');
is((call($ana, 'rui@example.com', 'enter'))[1]{agent}{name}, 'rui', 'and he enters');
is($t->sql(q{SELECT string_agg(agent || ' ' || login, ', ' ORDER BY agent) FROM webchatt.agent_sessions WHERE agent = 'ana'}), '', 'nothing of hers is left');

# Turned off, nobody is believed any more.
$t->sql(q{ALTER SYSTEM SET webchatt.desk_user_header = ''});
$t->node->reload;
ok(Patience::until(sub { status_of($rui, 'rui@example.com', 'me') == 401 }), 'turned off: those sessions are nobody\'s');
is(status_of($rui, 'rui@example.com', 'enter'), 401, 'and nobody enters');
$proxy->stop;

done_testing();
