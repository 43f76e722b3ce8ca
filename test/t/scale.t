# The recipes of doc/scale.md.  Three databases, each a hub with its visitors, behind one
# address that is routed by the widget's key, and an office that has the rows of all by links.
# Logical replication to a database for analyses: what people wrote and what became of it, also
# later, and no secret.  Sending through PgBouncer.
use strict;
use warnings;
use utf8;

use Cwd qw(abs_path);
use File::Basename;
use HTTP::Tiny;
use LocalHub;
use Proxy;
use Test::More;

my $t = LocalHub->begin(conf => "webchatt.trusted_proxies = '127.0.0.1'\nwal_level = logical\nmax_wal_senders = 4\nmax_worker_processes = 24");
my $node = $t->node;

# --- a publication ---------------------------------------------------------------

my $visitor = $t->arrived;
$visitor->acked($visitor->say('written before'));
$t->sql('CREATE DATABASE analyses');

# Who may: the owner of the tables, nobody else.
$t->sql('CREATE ROLE chief IN ROLE webchatt_admin; GRANT CREATE ON DATABASE ' . $t->{database} . ' TO chief');
my ($status, undef, $err) = $t->try_sql('SET ROLE chief; SELECT webchatt.create_publication()');
isnt($status, 0, 'an admin may not publish');
like($err, qr/only who owns webchatt\.\w+ can publish it\nHINT:.*who installed webchatt/, 'and is told who may');
$t->sql('ALTER TABLE webchatt.notes REPLICA IDENTITY NOTHING');
($status, undef, $err) = $t->try_sql('SELECT webchatt.create_publication()');
like($err, qr/webchatt\.notes has no replica identity\nHINT:.*REPLICA IDENTITY DEFAULT/, 'where the worker could change nothing any more, it is refused');
$t->sql('ALTER TABLE webchatt.notes REPLICA IDENTITY DEFAULT');
($status, undef, $err) = $t->try_sql('SELECT webchatt.create_publication(NULL)');
like($err, qr/needs a name/, 'it has a name');

# What is there of secrets: of a kind each.
my $key = $t->sql(q{SELECT webchatt.create_api_key('label')});
my $identity = $t->sql("SELECT webchatt.set_identity_secret('$t->{channel}')");
my $link = $t->sql("SELECT webchatt.conversation_link('$t->{channel}', '$visitor->{visitor}', '$LocalHub::ORIGIN/')");
my $hook = $t->sql(q{SELECT secret FROM webchatt.create_webhook('w', 'https://hooks.example.org/', 'Message', '[{"key": "X-Theirs", "value": "header-secret-1"}]')});
my @hashes = split /\n/, $t->sql(q{SELECT encode(token_hash, 'hex') FROM webchatt.visitor_tokens UNION ALL SELECT encode(key_hash, 'hex') FROM webchatt.api_keys
	UNION ALL SELECT encode(token_hash, 'hex') FROM webchatt.conversation_links});
cmp_ok(scalar @hashes, '>=', 3, 'tokens and keys are kept as hashes');

$t->sql('SELECT webchatt.create_publication()');
my $published = $t->sql(q{SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_publication_tables WHERE pubname = 'webchatt' AND schemaname = 'webchatt'});
is($published, 'channels closings conversations messages notes ratings statuses unread visitors', 'what is published');
is($t->sql(q{SELECT string_agg(attrelid::regclass || '.' || attname, ', ') FROM pg_attribute
	WHERE attrelid IN (SELECT prrelid FROM pg_publication_rel) AND attnum > 0 AND attname ~ '(hash|secret|token|api_key|password|credential)'}), '', 'no column of it is a secret\'s');
# A new table is to be in one of these: a copy without it is no copy, and a secret is nobody's.
my @left_out = qw(agent_sessions agents api_keys archive_tasks archives budget_levels canned_answers conversation_links early_statuses erasures feed feed_orders file_chunks file_uses files
	foreign_keys_due held hub_reconciliation hub_webhooks hubs identity_secrets joins links origins outbox outbox_0 outbox_1 outbox_2 overdue_candidates overdue_scan own_extras passkey_challenges
	passkeys redactions registrations rejects repairs restores retention_left retention_progress retentions search_languages search_parts search_progress search_state search_texts sessions
	sign_in_links unread_waits visitor_tokens webhook_log webhook_progress webhook_retries webhooks z_installations);
is($t->sql(q{SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'webchatt'::regnamespace AND relkind IN ('r', 'p')}),
	join(' ', sort @left_out, split / /, $published), 'all others are left out on purpose');
($status, undef, $err) = $t->try_sql('SELECT webchatt.create_publication()');
like($err, qr/publication "webchatt" already exists/, 'a second one needs another name');

# The subscriber, in this cluster: so the slot is made beforehand.
my $slot = 'analyses';
$t->sql("SELECT pg_create_logical_replication_slot('$slot', 'pgoutput')");
$t->sql($t->sql('SELECT webchatt.subscriber_tables()'), 'analyses');
my $from = "host=" . $node->host . " port=" . $node->port . " dbname=$t->{database}";
$t->sql("CREATE SUBSCRIPTION webchatt CONNECTION '$from' PUBLICATION webchatt WITH (create_slot = false, slot_name = $slot)", 'analyses');

# All rows of all published tables, by the subscriber's columns.
my %rows = map { split /\|/ } split /\n/, $t->sql(q{SELECT relname || '|' || format('SELECT string_agg(to_jsonb(r)::text, E''\n'' ORDER BY to_jsonb(r)::text) FROM (SELECT %s FROM webchatt.%I) r',
	(SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped), relname)
	FROM pg_class c WHERE relnamespace = 'webchatt'::regnamespace AND relkind = 'r'}, 'analyses');
is(join(' ', sort keys %rows), $published, 'the subscriber has these tables');

sub same
{
	my ($what) = @_;
	my @differ;

	ok(Visitor::until(sub { @differ = grep { $t->sql($rows{$_}) ne $t->sql($rows{$_}, 'analyses') } sort keys %rows; return !@differ }), "$what: both have the same rows")
	  or diag(map { "$_:\n" . $t->sql($rows{$_}) . "\n---\n" . $t->sql($rows{$_}, 'analyses') . "\n" } @differ);
	return;
}
same('what was there');
is($t->sql(q{SELECT content ->> 'text' || ' ' || direction FROM webchatt.messages}, 'analyses'), 'written before in', 'as it was written');

# Later on: inserts, updates, deletes.
$visitor->acked($visitor->say('written later'));
my $id = $t->sql("SELECT webchatt.send_message('$t->{channel}', '$visitor->{visitor}', text => 'an answer', author => 'ana')");
ok(Visitor::until(sub { grep { ($_ // '') eq 'an answer' } $visitor->texts('out') }), 'the visitor is answered');
$visitor->confirm('read', (grep { ($_->{content}{text} // '') eq 'an answer' } $visitor->transcript)[0]{id});
$t->status_becomes($id, 'read', 'who reads it');
$t->sql("SELECT webchatt.add_note('$t->{channel}', '$visitor->{visitor}', 'a note', 'ana');
	SELECT webchatt.close_conversation('$t->{channel}', '$visitor->{visitor}')");
$t->wait_for(q{SELECT state = 'closed' FROM webchatt.conversations}, 'the conversation is closed');
same('changed rows');
is($t->sql("SELECT status FROM webchatt.messages WHERE id = '$id'", 'analyses'), 'read', 'the status is there');
is($t->sql('SELECT string_agg(status, $$ $$ ORDER BY id) FROM webchatt.statuses', 'analyses'), 'sent delivered read', 'and how it came to it');
is($t->sql('SELECT state FROM webchatt.conversations', 'analyses'), 'closed', 'and how the conversation stands');
is($t->sql('SELECT count(*) FROM webchatt.closings', 'analyses'), 1, 'and when it was closed');

# Nothing of a secret has gone over.
my $dump = '';
IPC::Run::run([ 'pg_dump', '-h', $node->host, '-p', $node->port, '-n', 'webchatt', 'analyses' ], '>', \$dump) or die 'pg_dump';
like($dump, qr/an answer/, 'the subscriber\'s database as text');
is(scalar(grep { index($dump, $_) >= 0 } $key, $identity, $hook, 'header-secret-1', ($link =~ /#(.+)/ ? $1 : $link), @hashes), 0, 'has none of the secrets');

# A person who is erased is so there, too.
$visitor->end;
$t->sql("SELECT webchatt.erase_visitor('$t->{channel}', '$visitor->{visitor}')");
$t->wait_for('SELECT count(*) = 0 FROM webchatt.messages', 'somebody is erased');
same('an erased person');
is($t->sql('SELECT count(*) FROM webchatt.messages', 'analyses'), 0, 'nothing is left of them');
is($t->status('last_error IS NULL'), 't', 'the worker has nothing to complain of');

# The end of it.
$t->sql('DROP SUBSCRIPTION webchatt', 'analyses');
$t->sql('DROP PUBLICATION webchatt');
is($t->sql('SELECT count(*) FROM pg_replication_slots'), 0, 'no slot is left that would keep WAL');

# --- three hubs and an office ---------------------------------------------------

my @hubs = ({ name => 'postgres', channel => $t->{channel}, key => $t->{key}, port => $t->{port} }, { name => 'two' }, { name => 'three' });
$t->reachable;
for my $database (qw(two three office))
{
	my ($hub) = grep { $_->{name} eq $database } @hubs;
	my $port = WebchattTest::free_port();

	$t->sql("CREATE DATABASE $database");
	$t->listens_at($database, "127.0.0.1:$port");
	$t->sql('CREATE EXTENSION webchatt', $database);
	next if !$hub;
	$hub->{port} = $port;
	$hub->{channel} = $t->sql("SELECT webchatt.create_channel('Shop $database', ARRAY['$LocalHub::ORIGIN'])", $database);
	$hub->{key} = $t->sql('SELECT public_key FROM webchatt.channels', $database);
}
# A worker keeps the address that its database had when it came.
$t->sql("ALTER SYSTEM SET webchatt.databases = 'postgres, two, three, office'");
$t->node->reload;
$t->sql(q{CREATE FUNCTION answer() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM webchatt.send_message(new.channel_id, new.visitor, text => 'office: ' || (new.content ->> 'text'));
		RETURN NULL;
	END $$;
	CREATE TRIGGER answer AFTER INSERT ON webchatt.messages FOR EACH ROW WHEN (new.direction = 'in') EXECUTE FUNCTION answer()}, 'office');
for my $hub (@hubs)
{
	my $name = $hub->{name};
	my $key = $t->sql(q{SELECT webchatt.create_api_key('office')}, $name);

	ok(WebchattTest::comes(sub { $t->sql('SELECT listening IS NOT NULL FROM webchatt.status', $name) eq 't' }), "$name listens");
	$t->sql("SELECT webchatt.connect_hub('$key', 'http://127.0.0.1:$hub->{port}', '$name', inbound => 'link');
		SELECT webchatt.add_channel('$hub->{channel}', '$name')", 'office');
}
ok(WebchattTest::comes(sub { $t->sql(q{SELECT count(*) FROM webchatt.status, jsonb_each(hubs) h WHERE h.value #>> '{link,phase}' = 'open'}, 'office') == 3 }),
	'the office has a link to each') or diag($t->sql('SELECT hubs, last_error FROM webchatt.status', 'office'));

# The document's own snippets, with these addresses and keys in them.
my $doc = abs_path(dirname(__FILE__) . '/../../doc');
my $text = Proxy::slurp("$doc/scale.md");
my $dir = PostgreSQL::Test::Utils::tempdir();
my ($nginx_map) = $text =~ /^```nginx\n(.*?)^```/ms or die 'doc/scale.md has no nginx';
my ($caddy) = $text =~ /^```caddy\n(.*?)^```/ms or die 'doc/scale.md has no Caddyfile';
my ($haproxy) = $text =~ /^```haproxy\n(.*?)^```/ms or die 'doc/scale.md has no HAProxy';
my ($haproxy_line) = $text =~ /hubs\.map` of lines .*?`(<public key of[^`]+)`/ or die 'doc/scale.md has no line of a map';

sub filled
{
	my ($snippet) = @_;

	$snippet =~ s/<public key of a channel at hub (two|three)>/(grep { $_->{name} eq $1 } @hubs)[0]{key}/ge;
	$snippet =~ s/10\.0\.0\.1:8480/127.0.0.1:$hubs[0]{port}/g;
	$snippet =~ s/10\.0\.0\.2:8480/127.0.0.1:$hubs[1]{port}/g;
	$snippet =~ s/10\.0\.0\.3:8480/127.0.0.1:$hubs[2]{port}/g;
	unlike($snippet, qr/[<>]|10\.0/, 'nothing of it is left open');
	return $snippet;
}

sub by_nginx
{
	my $port = WebchattTest::free_port();
	my $http = Proxy::slurp("$doc/nginx.conf");

	$http =~ s/^upstream webchatt \{.*?^\}\n/filled($nginx_map)/mse or die;
	$http =~ s{http://webchatt;}{http://\$hub;}g;
	$http =~ s/^\s*(?:listen \[::\]|ssl_).*\n//mg;
	$http =~ s/listen 443 ssl http2/listen 127.0.0.1:$port/ or die;
	$http =~ s/server_name \S+;/server_name localhost;/;
	mkdir "$dir/nginx";
	return Proxy::nginx("$dir/nginx", $port, $http);
}

sub by_caddy
{
	my $port = WebchattTest::free_port();
	my $file = filled($caddy);

	$file =~ s{^chat\.example\.org \{}{http://127.0.0.1:$port \{}m or die;
	mkdir "$dir/caddy";
	Proxy::spew("$dir/caddy/Caddyfile", "{\n\tadmin off\n}\n$file");
	local @ENV{qw(HOME XDG_DATA_HOME XDG_CONFIG_HOME)} = ("$dir/caddy") x 3;
	return Proxy::start($port, "$dir/caddy", 'caddy', 'run', '--config', "$dir/caddy/Caddyfile", '--adapter', 'caddyfile');
}

sub by_haproxy
{
	my $port = WebchattTest::free_port();
	my $file = filled($haproxy);

	$file =~ s{bind :443 ssl crt \S+}{bind 127.0.0.1:$port} or die;
	$file =~ s{/etc/haproxy/}{$dir/haproxy/}g;
	mkdir "$dir/haproxy";
	Proxy::spew("$dir/haproxy/haproxy.cfg", $file);
	Proxy::spew("$dir/haproxy/hubs.map", filled(join '', map { "$_\n" } $haproxy_line, $haproxy_line =~ s/two/three/gr));
	return Proxy::start($port, "$dir/haproxy", 'haproxy', '-db', '-f', "$dir/haproxy/haproxy.cfg");
}

my %by = (nginx => \&by_nginx, caddy => \&by_caddy, haproxy => \&by_haproxy);
for my $kind (sort keys %by)
{
	my $proxy = $by{$kind}->();

	is((HTTP::Tiny->new->get("http://127.0.0.1:$proxy->{port}/chat-widget.umd.js"))->{status}, 200, "$kind: what names no channel comes from the first");
	for my $hub (@hubs)
	{
		my $v = $t->visitor(key => $hub->{key}, port => $proxy->{port}, headers => { Host => "127.0.0.1:$proxy->{port}" })->arrive;
		my $id = $v->acked($v->say("$kind to $hub->{name}"));

		is($t->sql("SELECT content ->> 'text' FROM webchatt.messages WHERE id = '$id'", $hub->{name}), "$kind to $hub->{name}", "$kind: a visitor of $hub->{name} comes to its database");
		ok(Visitor::until(sub { grep { ($_ // '') eq "office: $kind to $hub->{name}" } $v->texts('out') }), "$kind: and the office answers");
		$v->end;
	}
	$proxy->stop;
}
is($t->sql(q{SELECT count(*), count(DISTINCT channel_id), count(DISTINCT visitor) FROM webchatt.messages WHERE direction = 'in'}, 'office'), '9|3|9', 'the office has the rows of all, each once');
is($t->sql(q{SELECT string_agg(content ->> 'text', ', ' ORDER BY content ->> 'text') FROM webchatt.messages WHERE direction = 'in'}, 'two'), 'caddy to two, haproxy to two, nginx to two', 'and a hub its own');

# --- a pooler -------------------------------------------------------------------

my $pool = WebchattTest::free_port();
my $user = $ENV{PGUSER} // getpwuid $<;
# Statements with a name go through from 1.21 on.
my ($version) = `pgbouncer --version` =~ /PgBouncer (\d+\.\d+)/i or die 'which PgBouncer is that?';
my @prepared = (split /\./, $version)[1] >= 21 ? 'prepared' : ();
diag("PgBouncer $version" . (@prepared ? '' : ': statements with a name are not tried, which needs 1.21'));
my @protocols = ('simple', 'extended', @prepared);
mkdir "$dir/pgbouncer";
Proxy::spew("$dir/pgbouncer/ini", join "\n", '[databases]', "pooled = host=@{[ $node->host ]} port=@{[ $node->port ]} dbname=postgres user=$user", '[pgbouncer]',
	'listen_addr = 127.0.0.1', "listen_port = $pool", 'unix_socket_dir =', 'auth_type = any', 'pool_mode = transaction', 'default_pool_size = 2', @prepared ? 'max_prepared_statements = 100' : (), '');
my $bouncer = Proxy::start($pool, "$dir/pgbouncer", 'pgbouncer', "$dir/pgbouncer/ini");
my $who = $t->arrived;
my @through = ('-h', '127.0.0.1', '-p', $pool, '-U', $user);
for my $protocol (@protocols)
{
	Proxy::spew("$dir/$protocol.sql", "SELECT webchatt.send_message('$hubs[0]{channel}', '$who->{visitor}', text => '$protocol');\n");
	my $out = '';
	ok(IPC::Run::run([ 'pgbench', @through, '-n', '-M', $protocol, '-c', 8, '-t', 25, '-f', "$dir/$protocol.sql", 'pooled' ], '>&', \$out), "eight sessions send by two connections, $protocol") or diag($out);
	ok(Visitor::until(sub { 200 == grep { ($_ // '') eq $protocol } $who->texts('out') }), "$protocol: all come");
}
IPC::Run::run([ 'psql', @through, '-X', '-q', '-d', 'pooled', '-c', "BEGIN; SELECT webchatt.send_message('$hubs[0]{channel}', '$who->{visitor}', text => 'taken back'); ROLLBACK" ], '>', \my $none);
is($t->sql(q{SELECT count(*) FILTER (WHERE content ->> 'text' = 'taken back') || ' ' || count(*) FROM webchatt.messages WHERE direction = 'out' AND visitor = '} . $who->{visitor} . q{'}), '0 ' . 200 * @protocols, 'what is rolled back is not sent');
$who->end;
$bouncer->stop;

done_testing();
