# Two databases by the scripts of doc/connect, each behind a proxy with TLS as
# doc/nginx.conf and doc/Caddyfile have it: webhooks through Caddy, the link and
# the REST API through nginx.
use strict;
use warnings;

use Proxy;
use Test::More;
use TwoHubs;

my $dir = PostgreSQL::Test::Utils::tempdir();
Proxy::certificates($dir);
my $conf = "webchatt.ca_file = '$dir/ca.pem'\nwebchatt.trusted_proxies = '127.0.0.1, ::1'\nwebchatt.max_connections_per_address = 50";
my $pair = TwoHubs->begin(a => $conf, b => $conf);
my ($a, $b) = ($pair->a, $pair->b);
for my $kind (qw(nginx caddy))
{
	mkdir "$dir/$kind";
	link "$dir/$_", "$dir/$kind/$_" for qw(cert.pem key.pem);
}
my $nginx = Proxy::nginx_of_doc("$dir/nginx", $a->{port});
my $caddy = Proxy::caddy_of_doc("$dir/caddy", $b->{port});
my %urls = (api_url => $nginx->url, public_url => $caddy->url);
$pair->visitor for 1 .. 5;
my $v = $pair->{visitors}[0];

sub conversation
{
	my ($what) = @_;

	$v->say("by $what");
	$pair->shows($v, "re: by $what", "$what: there and back");
	$pair->load_for(2);
	$pair->settled($what);
	$pair->account($what);
	return;
}

my ($status, $out, $err) = $pair->script('webhooks', %urls);
is($status, 0, 'webhooks through the proxies') or diag($out, $err);
is(() = $out =~ m{verified\|\Q$urls{public_url}\E/webhooks/hubs/a}g, 2, 'are verified under the proxy\'s URL') or diag($out);
conversation('webhooks with TLS');
cmp_ok($a->sql(q{SELECT count(*) FROM webchatt.webhook_log WHERE good}), '>', 0, 'A delivered them');

($status, $out, $err) = $pair->script('link', %urls);
is($status, 0, 'the link through the proxy') or diag($out, $err);
is($a->sql(q{SELECT client FROM webchatt.links WHERE connected_since IS NOT NULL}), '127.0.0.1', 'A knows the client\'s address');
conversation('link with TLS');
$nginx->stop;
$b->wait_for(q{SELECT hubs #>> '{a,link,phase}' <> 'open' FROM webchatt.status}, 'a proxy that is stopped');
$v->say('while the proxy is away');
$b->sql("SELECT webchatt.send_message('$pair->{channel}', '$v->{visitor}', text => 'and back')");
$nginx = Proxy::start($nginx->{port}, "$dir/nginx", 'nginx', '-e', "$dir/nginx/error.log", '-p', "$dir/nginx", '-c', "$dir/nginx/nginx.conf");
$pair->shows($v, 're: while the proxy is away', 'nothing is lost when it comes back', 60);
conversation('after the proxy was away');

# The hub's certificate is checked.
$b->sql(q{ALTER SYSTEM SET webchatt.ca_file = ''});
$b->node->reload;
$b->wait_for(q{SELECT hubs #>> '{a,link,phase}' <> 'open' FROM webchatt.status}, 'without its authority the hub is not believed');
$b->wait_for(q{SELECT hubs #>> '{a,link,error}' ~* 'certificate|ssl|tls' FROM webchatt.status}, 'and the reason is told')
  or diag($b->sql('SELECT hubs FROM webchatt.status'));
$b->sql('ALTER SYSTEM RESET webchatt.ca_file');
$b->node->reload;
is($b->sql(q{SELECT webchatt.wait_for_link('a')}), 't', 'with it, it is again');
$_->stop for $nginx, $caddy;

done_testing();
