# A hub moves to another server while visitors write and an office is attached by a link, as doc/scale.md says: by a standby
# that is promoted, then once more by a dump, and each time the proxy's line changes.  Nobody reaches a hub but by the proxy.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename;
use IPC::Run ();
use LocalHub;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Proxy;
use Test::More;

my $conf = "webchatt.trusted_proxies = '127.0.0.1'";
my $t = LocalHub->begin(streaming => 1, conf => "$conf\nmax_wal_senders = 5");
my $office = WebchattTest->new(name => 'office', databases => 'office, chat', conf => "$conf\n$LocalHub::WIDE");
my $doc = abs_path(dirname(__FILE__) . '/../../doc');
my $dir = PostgreSQL::Test::Utils::tempdir();
my $front = WebchattTest::free_port();
my %port = (standby => WebchattTest::free_port(), dump => WebchattTest::free_port());

# nginx by the document, before the server that is the hub's just now.
sub config
{
	my ($door) = @_;
	my $http = Proxy::slurp("$doc/nginx.conf");

	$http =~ s/^\s*(?:listen \[::\]|ssl_).*\n//mg;
	$http =~ s/listen 443 ssl http2/listen 127.0.0.1:$front/ or die;
	$http =~ s/server 127\.0\.0\.1:\d+;/server 127.0.0.1:$door;/ or die;
	$http =~ s/server_name \S+;/server_name localhost;/;
	return $http;
}
my $proxy = Proxy::nginx($dir, $front, config($t->{port}));
sub leads_to
{
	my ($door) = @_;
	my $file = Proxy::slurp("$dir/nginx.conf");

	$file =~ s/server 127\.0\.0\.1:\d+;/server 127.0.0.1:$door;/ or die;
	Proxy::spew("$dir/nginx.conf", $file);
	kill 'HUP', $proxy->{pid};
	return;
}

# The office.
$office->sql("CREATE DATABASE $_") for qw(office chat);
$office->{database} = 'office';
$office->listens_at('chat', "127.0.0.1:$port{dump}");
$office->sql('CREATE EXTENSION webchatt');
my $key = $t->sql(q{SELECT webchatt.create_api_key('office')});
$office->sql(qq{SELECT webchatt.connect_hub('$key', 'http://127.0.0.1:$front', 'hub', inbound => 'link'), webchatt.add_channel('$t->{channel}', 'hub');
	CREATE FUNCTION answer() RETURNS trigger LANGUAGE plpgsql AS \$\$
	BEGIN
		PERFORM webchatt.send_message(new.channel_id, new.visitor, text => 're: ' || (new.content ->> 'text'));
		RETURN NULL;
	END \$\$;
	CREATE TRIGGER answer AFTER INSERT ON webchatt.messages FOR EACH ROW WHEN (new.direction = 'in') EXECUTE FUNCTION answer()});
$office->wait_for(q{SELECT bool_and(h.value #>> '{link,phase}' = 'open') FROM webchatt.status, jsonb_each(hubs) h}, 'the office has its link, by the proxy');

$t->reachable;
my @visitors = map { $t->visitor(port => $front, again => 0.2, headers => { Host => "127.0.0.1:$front" }) } 1 .. 4;
$_->arrive for @visitors;
my @were = map { "$_->{visitor} $_->{token}" } @visitors;

sub acks { my $n = 0; $n += keys %{ $_->{acked} } for @visitors; return $n }

# They write until the condition holds, and until so much more is acknowledged; then the accounts.
sub writing
{
	my ($hub, $what, $condition) = @_;

	ok($hub->load_until(\@visitors, $condition), $what);
	my $from = acks();
	ok($hub->load_until(\@visitors, sub { acks() >= $from + 40 && !grep { $_->{state} ne 'welcomed' } @visitors }), "$what: and visitors write on") or diag(map { $_->describe . "\n" } @visitors);
	ok(Visitor::until(sub { !grep { %{ $_->{unacked} } } @visitors }), "$what: all that they wrote is acknowledged");
	my $n = $hub->sql(q{SELECT count(*) FROM webchatt.messages WHERE direction = 'in'});
	ok(Visitor::until(sub { Visitor::pump_for(0.2); $office->sql(q{SELECT count(*) FILTER (WHERE direction = 'in') || ' ' || count(*) FILTER (WHERE status IN ('sent', 'delivered', 'read') AND direction = 'out') FROM webchatt.messages}) eq "$n $n" }),
		"$what: the office has it, each once, and has answered each") or $office->diagnose(q{SELECT status, direction, count(*) FROM webchatt.messages GROUP BY 1, 2});
	$hub->settled("$what: the answers are there", \@visitors);
	$hub->account($what, \@visitors, acked => $from + 40);
	is($office->sql(q{SELECT count(DISTINCT hub_message_id) FROM webchatt.messages WHERE direction = 'in'}), $n, "$what: none twice");
	is_deeply([ map { "$_->{visitor} $_->{token}" } @visitors ], \@were, "$what: they are who they were, by the tokens that they had");
	return;
}
writing($t, 'at the first server', sub { 1 });

# --- a standby, promoted -------------------------------------------------------------

$t->node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($t->node, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "webchatt.listen = '127.0.0.1:$port{standby}'");
$standby->start;
$t->sql(q{ALTER SYSTEM SET synchronous_standby_names = '*'});
$t->node->reload;
my $second = bless { %$t, node => $standby, port => $port{standby}, sessions => [] }, ref $t;
my $step = 0;
writing($second, 'a standby is promoted', sub {
	if ($step == 0)
	{
		return 0 if $t->sql(q{SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'}) ne '1';
		$t->node->stop('fast');
		$standby->promote;
		$second->sql('ALTER SYSTEM RESET synchronous_standby_names');
		$standby->reload;
		$step = 1;
	}
	return 0 if $second->sql(q{SELECT coalesce(listening, '') FROM webchatt.status}) !~ /:/;
	leads_to($port{standby});
	return 1;
});

# --- a dump ----------------------------------------------------------------------------

$step = 0;
my $third = bless { %$t, node => $office->node, port => $port{dump}, database => 'chat', sessions => [] }, ref $t;
writing($third, 'a dump is loaded', sub {
	if ($step == 0)
	{
		# from here on nothing is acknowledged
		$second->sql(q{ALTER SYSTEM SET webchatt.databases = ''});
		$standby->reload;
		$step = 1;
	}
	if ($step == 1)
	{
		return 0 if $second->sql(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'webchatt worker'}) ne '0';
		IPC::Run::run([ 'pg_dump', '-Fc', '-f', "$dir/dump", '-d', $standby->connstr('postgres') ]) or die 'pg_dump';
		IPC::Run::run([ 'pg_restore', '-d', $office->node->connstr('chat'), "$dir/dump" ]) or die 'pg_restore';
		$step = 2;
	}
	return 0 if $third->sql(q{SELECT coalesce(listening, '') FROM webchatt.status}) !~ /:/;
	leads_to($port{dump});
	return 1;
});

$_->end for @visitors;
$proxy->stop;
done_testing();
