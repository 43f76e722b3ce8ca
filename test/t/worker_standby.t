# Nothing runs on a standby until it is promoted; then it goes on where the
# primary was.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use Test::More;
use Time::HiRes qw(sleep);
use WebchattTest;

my $t = WebchattTest->attached(streaming => 1, conf => "max_wal_senders = 5\nmax_connections = 40");
my $hub = $t->hub;
my $channel = $WebchattTest::CHANNEL;

$t->node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($t->node, 'base', has_streaming => 1);
my $port = WebchattTest::free_port();
$standby->append_conf('postgresql.conf', "webchatt.listen = '127.0.0.1:$port'");
$standby->start;

my $s = bless { node => $standby, port => $port, database => 'postgres', sessions => [] }, 'WebchattTest';

# Both ways on the primary.
is(scalar $t->post(Webhook::message($channel, "m-$_", "v$_", 'hello')), 200, 'an event at the primary') for 1 .. 3;
$t->status_becomes($t->send_text('v1', 'before'), 'sent', 'a message from the primary');
$t->node->wait_for_catchup($standby);

sleep 2.5;    # long enough for a launcher that would start one
is($s->sql(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'webchatt worker'}), 0, 'no worker on the standby');
is($s->sql('SELECT count(*) FROM webchatt.messages'), 4, 'which has the rows');
is($s->sql('SELECT count(*) FROM webchatt.status'), 1, 'and its status view can be read');

# A replica for reading: doc/scale.md.
$t->sql(q{CREATE TABLE public.mine AS SELECT id AS visitor FROM webchatt.visitors WHERE id = 'v1'});
$t->wait_for(q{SELECT count(*) = 3 FROM webchatt.conversations}, 'the primary knows how the conversations stand');
$t->node->wait_for_catchup($standby);
is($s->sql(q{SELECT string_agg(visitor || ' ' || direction, ', ' ORDER BY visitor, id) FROM webchatt.messages}), 'v1 in, v1 out, v2 in, v3 in', 'the standby has who wrote what');
is($s->sql(q{SELECT string_agg(visitor, ' ' ORDER BY visitor) FROM webchatt.inbox WHERE unanswered}), 'v2 v3', 'the inbox with who waits');
is($s->sql(q{SELECT string_agg(visitor, ' ' ORDER BY visitor) FROM webchatt.search('hello')}), 'v1 v2 v3', 'and finds words');
is($s->sql(q{SELECT string_agg(direction::text, ' ') FROM public.mine JOIN webchatt.search('before') USING (visitor)}), 'out', 'beside tables of ones own');
my @unread;
for my $table (split /\n/, $s->sql(q{SELECT relname FROM pg_class WHERE relnamespace = 'webchatt'::regnamespace AND relkind IN ('r', 'p', 'v') ORDER BY 1}))
{
	my ($status, undef, $error) = $s->try_sql("SELECT * FROM webchatt.$table");
	next if $status == 0;
	push @unread, $table;
	like($error, qr/cannot access temporary or unlogged relations during recovery/, "$table is the primary's own");
}
is_deeply(\@unread, [qw(passkey_challenges presence sessions unread_waits)], 'all other tables and views are there, and who is connected is not');
my $before = $t->sql('SELECT max(id::text) FROM webchatt.messages');
for my $writes ("SELECT webchatt.send_message('$channel', 'v1', text => 'from the standby')", "SELECT webchatt.close_conversation('$channel', 'v1')", 'DELETE FROM webchatt.messages')
{
	my ($status, undef, $error) = $s->try_sql("\\set VERBOSITY verbose\n$writes");
	ok($status != 0 && $error =~ /ERROR:  25006: cannot execute [A-Z ]+ in a read-only transaction/, "what writes is refused: $writes") || diag($error);
}
is($s->sql('SELECT max(id::text) FROM webchatt.messages'), $before, 'and is not there');

# Messages that the primary queued and never sent.
$hub->rules({ do => 503, retry_after => 60 });
my @waiting = map { $t->send_text('v2', "waiting $_") } 1 .. 3;
$t->wait_for(q{SELECT hubs -> 'chatt2me' ->> 'state' = 'paused' FROM webchatt.status}, 'the hub is away for the primary');
my $lsn = $t->sql('SELECT pg_current_wal_lsn()');
$t->node->wait_for_catchup($standby);
$t->node->stop('immediate');
$hub->rules();

$standby->promote;
$s->wait_for(q{SELECT state = 'running' AND listening LIKE '%:%' FROM webchatt.status}, 'promotion starts the worker', 30);
is(scalar $s->post(Webhook::message($channel, 'm-1', 'v1', 'hello')), 200, 'a repeat at the new primary');
is(scalar $s->post(Webhook::message($channel, 'm-9', 'v9', 'hello')), 200, 'and a new event');
is($s->sql(q{SELECT count(*) FROM webchatt.messages WHERE direction = 'in'}), 4, 'are one row more');
$s->status_becomes($_, 'sent', 'a message that was queued at the old primary is sent') for @waiting;
$s->{hub} = $hub;
$s->account('after promotion', messages => 4);

# The whole once more under load, the standby being synchronous: what was
# answered 200, and what was committed, is at the standby.
my $third = PostgreSQL::Test::Cluster->new('third');
$standby->backup('again');
$third->init_from_backup($standby, 'again', has_streaming => 1);
my $third_port = WebchattTest::free_port();
$third->append_conf('postgresql.conf', "webchatt.listen = '127.0.0.1:$third_port'");
$third->start;
$s->sql(q{ALTER SYSTEM SET synchronous_standby_names = '*'});
$standby->reload;
$s->wait_for(q{SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'}, 'a synchronous standby');

my $load = Webhook::load(url => $s->webhook_url, secret => $WebchattTest::SECRET, channel => $channel,
	out => $standby->basedir . '/load', connections => 16, visitors => 20, rate => 300, patience => 1);
my $sends = $s->sends_begin(clients => 4, seconds => 30, rate => 150);
ok($load->wait_answered(300, 30), 'a load');
$standby->stop('immediate');
$third->promote;
$s->sends_end($sends);
$load->end;

my $u = bless { node => $third, port => $third_port, database => 'postgres', sessions => [], hub => $hub }, 'WebchattTest';
$u->sql('ALTER SYSTEM RESET synchronous_standby_names');
$third->reload;
$u->wait_ready;
$u->drained('after promotion under load: what was queued leaves');
$u->account('after promotion under load', inbound => $load, at_least => 300, others => "hub_message_id LIKE 'm-%'");

done_testing();
