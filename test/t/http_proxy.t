# Behind nginx and behind Caddy, by the configurations in doc/, with TLS; and out
# to a hub that has TLS and HTTP/2.
use strict;
use warnings;

use Mojo::UserAgent;
use Proxy;
use Test::More;
use WebchattTest;

my $t = WebchattTest->attached(conf => "webchatt.trusted_proxies = '127.0.0.1'");
my $channel = $WebchattTest::CHANNEL;
my $dir = PostgreSQL::Test::Utils::tempdir();
Proxy::certificates($dir);
my $n = 0;

for my $kind (qw(nginx caddy))
{
	mkdir "$dir/$kind";
	link "$dir/$_", "$dir/$kind/$_" for qw(cert.pem key.pem);
	my $proxy = $kind eq 'nginx' ? Proxy::nginx_of_doc("$dir/$kind", $t->{port}) : Proxy::caddy_of_doc("$dir/$kind", $t->{port});
	my $url = $proxy->url . "/webhooks/$channel";
	my $ua = Mojo::UserAgent->new(ca => "$dir/ca.pem");
	my $post = sub { my ($event, %args) = @_; return $t->post($event, url => $url, ua => $ua, %args) };
	my $message = sub { my ($visitor, $text) = @_; return Webhook::message($channel, "$kind-" . ++$n, $visitor, $text) };

	is(scalar $post->($message->($kind, 'hello')), 200, "$kind: an event through TLS");
	is(scalar(grep { $post->($message->($kind, "number $_")) == 200 } 1 .. 100), 100, "$kind: a hundred on a kept-alive connection");
	is($t->sql("SELECT count(*) FROM webchatt.messages WHERE visitor = '$kind'"), 101, "$kind: all are rows");
	is(scalar $post->($message->($kind, 'x'), secret => 'wrong'), 401, "$kind: a wrong signature is refused");
	is(scalar $post->($message->($kind, 'x' x 300_000)), 413, "$kind: too large is refused");
	is(scalar $post->($message->($kind, 'x' x 200_000)), 200, "$kind: large is not");
	my ($code, $body) = Webhook::post($url, undef, '', ua => $ua, headers => { 'X-Validation-Token' => 'token' });
	is("$code $body", '200 "token"', "$kind: endpoint verification");
	is($ua->get($proxy->url . '/healthz')->res->code, 404, "$kind: nothing else is shown to the world");
	my $load = Webhook::load(url => "http://127.0.0.1:$t->{port}/webhooks/$channel", secret => $WebchattTest::SECRET,
		channel => $channel, out => "$dir/load-$kind", prefix => $kind, connections => 8, count => 200);
	is(scalar(grep { $post->($message->("$kind-beside", "number $_")) == 200 } 1 .. 50), 50, "$kind: beside others");
	ok($load->wait_answered(200), "$kind: who are answered as well");
	$load->end;
	$proxy->stop;
	is(scalar $t->post($message->($kind, 'direct')), 200, "$kind: and without it the door still answers");
}

# Out: TLS, a certificate that is not trusted, then one that is; HTTP/2.
mkdir "$dir/hub";
link "$dir/$_", "$dir/hub/$_" for qw(cert.pem key.pem);
my $proxy = Proxy::nginx_before_hub("$dir/hub", $t->hub->{port});
$t->sql("SELECT webchatt.connect_hub('$WebchattTest::KEY', '" . $proxy->url . "')");
my $id = $t->send_text('tls', 'secret');
$t->wait_for(q{SELECT coalesce(hubs -> 'chatt2me' ->> 'reason', last_error) ~* 'certificate' FROM webchatt.status},
	'a certificate that nobody vouches for: said in status');
is(scalar(my @none = $t->hub->record(to => 'tls')), 0, 'and nothing was sent');
$t->sql("ALTER SYSTEM SET webchatt.ca_file = '$dir/ca.pem'");
$t->node->reload;
$t->status_becomes($id, 'sent', 'with webchatt.ca_file it is sent', 30);
my ($entry) = $t->hub->record(to => 'tls');
is($entry->{proto}, 'HTTP/2.0', 'over HTTP/2');
$t->sql("SELECT webchatt.send_message('$channel', 'h2-' || i % 50, text => i::text) FROM generate_series(1, 1000) i");
$t->drained('a thousand messages over HTTP/2');
$t->account('over HTTP/2', messages => 1001);
$proxy->stop;

done_testing();
