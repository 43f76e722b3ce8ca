# From 0.1 to today's version, with visitors and a hub at the door all the while: 0.1 as it was,
# its library too; then its files are replaced as a package does it.
use strict;
use warnings;

use IO::Socket::INET;
use LocalHub;
use OtherVersion;
use PostgreSQL::Test::Utils;
use Test::More;
use TwoHubs;
use WebchattTest;

if ((qx(pg_config --version) =~ /(\d+)/)[0] > 18)
{
	pass('0.1 is for PostgreSQL 14 to 18');
	done_testing();
	exit;
}
my $pg = OtherVersion->new;
my $now = $pg->today;
$pg->build('0.1');
$pg->install('0.1');

# --- 0.1, at work -------------------------------------------------------------

my $other_port = WebchattTest::free_port();
my $t = LocalHub->begin(install_path => $pg->install_path, databases => 'postgres, other', conf => join "\n",
	"webchatt.public_url = 'https://chat.example.com'", "webchatt.webhook_allowed_addresses = '127.0.0.1'");
my $node = $t->node;

sub version { my ($database) = @_; return $t->sql(q{SELECT extversion FROM pg_extension WHERE extname = 'webchatt'}, $database) }
sub in_other { local $t->{database} = 'other'; return $t->wait_for(@_) }
sub log_has { my ($what) = @_; my @found = slurp_file($node->logfile) =~ /$what/g; return scalar @found }

# What a command says, with the SQLSTATE; commands of psql are lines of their own.
sub said
{
	my ($sql, $database) = @_;
	my ($status, $out, $err) = $t->try_sql("\\set VERBOSITY verbose\n$sql", $database);
	return "$out$err";
}

is(version(), '0.1', 'the first version');
$t->sql('CREATE DATABASE other');
$t->listens_at('other', "127.0.0.1:$other_port");
$t->sql('CREATE EXTENSION webchatt', 'other');
$t->answering;
$t->{hub} = Hub->new(dir => $node->basedir . '/hub', keys => [$WebchattTest::KEY], channels => { $WebchattTest::CHANNEL => 'web-chatt2me' });
$t->attach($t->hub->url);
Visitor::until(sub { scalar $t->post(Webhook::message($WebchattTest::CHANNEL, 'm-first', 'h-1', 'hello')) == 200 }, 30);
my $sent = $t->send_text('h-1', 'sent before');
$t->status_becomes($sent, 'sent', 'a message is sent before');
$t->hub->rules({ do => 503, retry_after => 600 });
my @queued = map { $t->send_text('h-1', "waits $_") } 1 .. 3;
$t->wait_for(q{SELECT hubs -> 'chatt2me' ->> 'state' = 'paused' FROM webchatt.status}, 'the hub is away: messages wait');
my $away = $t->arrived;
$away->end;
$t->wait_for("SELECT count(*) = 0 FROM webchatt.presence WHERE visitor = '$away->{visitor}'", 'a visitor is away');
my $held = $t->reply($away->{visitor}, 'for later');
$t->wait_for("SELECT status = 'held' FROM webchatt.messages WHERE id = '$held'", 'a message is held');

# Of everything something.
my $url = $t->sql("SELECT webchatt.add_file('$t->{channel}', 'a.png', '\\x89504e470d0a1a0a' || repeat('x', 20000)::bytea)");
$t->sql(qq{SELECT webchatt.create_api_key('billing'), webchatt.create_agent('ana', 'Ana', 'admin');
	SELECT webchatt.send_message('$t->{channel}', '$away->{visitor}', content => jsonb_build_object('type', 'image', 'imageUrl', '$url'));
	SELECT webchatt._begin_file('$t->{channel}', 'b.png', 100000, 'billing');
	SELECT webchatt.add_note('$t->{channel}', '$away->{visitor}', 'a note', author => 'ana'), webchatt.set_canned_answer('hello', 'Hello {name}');
	SELECT webchatt.create_webhook('billing''s', 'http://127.0.0.1:1/events', 'MessageStatus');
	INSERT INTO webchatt.ratings (channel_id, visitor, closed_upto, value) VALUES ('$t->{channel}', '$away->{visitor}', gen_random_uuid(), 4);
	INSERT INTO webchatt.links (key_id, acknowledged) SELECT id, 0 FROM webchatt.api_keys});

# What an application and its operator made of it.
$t->sql(q{CREATE ROLE shop; CREATE ROLE boss SUPERUSER LOGIN;
	GRANT USAGE ON SCHEMA webchatt TO shop;
	GRANT SELECT ON webchatt.visitors, webchatt.statuses, webchatt.feeds TO shop;
	GRANT UPDATE (attributes) ON webchatt.visitors TO shop;
	GRANT EXECUTE ON FUNCTION webchatt.create_api_key(text, uuid[], text[]) TO shop;
	REVOKE SELECT ON webchatt.ratings FROM webchatt_agent;
	CREATE TABLE seen (id uuid);
	CREATE FUNCTION see(m webchatt.messages) RETURNS void LANGUAGE sql AS 'INSERT INTO public.seen VALUES (m.id)';
	SELECT webchatt.on_message('see(webchatt.messages)', direction => 'in');
	CREATE INDEX by_day ON webchatt.messages (created_at);
	CREATE POLICY mine ON webchatt.messages TO webchatt_agent USING (true);
	ALTER TABLE webchatt.visitors SET (autovacuum_vacuum_scale_factor = 0.01);
	CREATE VIEW people AS SELECT * FROM webchatt.visitors;
	CREATE VIEW called AS SELECT * FROM webchatt.handlers});

my $dir = $node->basedir;
my @tables = qw(hubs channels origins hub_webhooks api_keys agents visitors visitor_tokens files file_chunks file_uses notes canned_answers ratings messages statuses
	held webhooks links registrations);

sub counts { my ($database) = @_; return { map { $_ => $t->sql("SELECT count(*) FROM webchatt.$_", $database) } @tables } }

$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/0.1.dump", $node->connstr('postgres') ], 'a dump of it');
my $dumped = counts();
$t->sql('CREATE DATABASE loaded');
$node->command_ok([ 'pg_restore', '-d', $node->connstr('loaded'), "$dir/0.1.dump" ], 'which is loaded into another database');
$t->sql('SELECT webchatt.finish_restore()', 'loaded');
is_deeply(counts('loaded'), $dumped, 'with all rows');

my @clients = map { $t->arrived(log => 0, again => sub { 0.02 + rand 0.1 }) } 1 .. 5;
my %identity = map { $_->{number} => $_->{visitor} } @clients;
my (%posted, %answers);

sub acked { my $n = 0; $n += keys %{ $_->{acked} } for @clients; return $n }
sub load_until { my ($condition, $patience) = @_; return $t->load_until(\@clients, $condition, $patience, posted => \%posted, answers => \%answers, timeout => 3) }

sub more { my ($n, $what) = @_; my %had = map { $_->{number} => scalar keys %{ $_->{acked} } } @clients;
	return ok(load_until(sub { !grep { keys %{ $_->{acked} } < $had{ $_->{number} } + $n } @clients }, 120), $what) || diag(map { $_->describe . "\n" } @clients) }

more(5, 'visitors write and the hub posts');

# --- the files are new, the server is not -------------------------------------

$pg->install('today');
like(said('ALTER EXTENSION webchatt UPDATE'), qr/ERROR: +55000: the library of this server is webchatt 0\.1, which is older than $now.*HINT: .*restart the server/s,
	'SQL before the restart is refused, and is told why');
$t->sql('CREATE DATABASE early');
like(said('CREATE EXTENSION webchatt', 'early'), qr/ERROR: +55000: the library of this server is of another version, and the script to install is that of webchatt $now.*HINT: .*restart the server/s,
	'and so is a new installation');
is(version(), '0.1', 'nothing was done');
more(3, 'and everything goes on as before');

# --- the library is new, the SQL is not ---------------------------------------

my %line = map { $_->{number} => $_->{socket} } @clients;
$node->stop('fast');
ok(Visitor::until(sub { !grep { $line{ $_->{number} } && $_->{socket} && $_->{socket} == $line{ $_->{number} } } @clients }, 60), 'the visitors are cut');
my $acked = acked();
my $posted = keys %posted;
$node->start;
$t->hub->rules();
my $differ = "library $now, SQL 0.1";
$t->wait_for("SELECT state = '$differ' FROM webchatt.status", 'the new library does nothing over the old SQL, and status says so');
in_other("SELECT state = '$differ' FROM webchatt.status", 'in the other database, too');
my $alive = $t->status('alive_at');
$t->wait_for("SELECT alive_at > '$alive'::timestamptz + interval '2 s' FROM webchatt.status", 'for as long as it takes');
is(log_has(qr/webchatt is idle in database "postgres": \Q$differ\E\n.*HINT: +Run ALTER EXTENSION webchatt UPDATE in this database\./), 1, 'the log says it once, and what to do');
is(log_has(qr/webchatt is idle in database "other": \Q$differ\E/), 1, 'and for the other database');
my $wrong = qr/ERROR: +55000: webchatt's library is version $now, its SQL in this database is version 0\.1\nHINT: +Run ALTER EXTENSION webchatt UPDATE/;
like(said("SELECT webchatt.send_message('$t->{channel}', '$away->{visitor}', text => 'no')"), $wrong, 'a function says so');
like(said(q{SELECT webchatt.create_channel('New', '{https://www.example.com}')}), $wrong, 'and what writes configuration');
like(said(q{SELECT count(*) > 0 FROM webchatt.inbox}), qr/^t$/m, 'what reads goes on');
load_until(sub { !grep { !$_->{unacked} || !%{ $_->{unacked} } } @clients }, 60);
ok(!IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->{port}, Timeout => 1), 'nobody listens');
is(acked(), $acked, 'nothing is acknowledged to visitors');
is(scalar keys %posted, $posted, 'nor to the hub');

like(said(qq{BEGIN; ALTER EXTENSION webchatt UPDATE;
	SELECT webchatt.send_message('$t->{channel}', '$away->{visitor}', text => 'undone'); ROLLBACK;
	SELECT webchatt.send_message('$t->{channel}', '$away->{visitor}', text => 'no')}), qr/^[0-9a-f-]{36}.*$wrong/s,
	'an upgrade that is rolled back: what is new works within it, and no longer behind it');
is(version(), '0.1', 'and nothing is done');
is($t->status('state'), $differ, 'the worker waits on');

# --- both are new -------------------------------------------------------------

is($node->psql('postgres', 'ALTER EXTENSION webchatt UPDATE', extra_params => [ '-U', 'boss' ], on_error_die => 1), 0, 'another superuser upgrades it');
is(version(), $now, 'it is today\'s version');
$t->wait_for(q{SELECT state = 'running' FROM webchatt.status}, 'the worker begins by itself');
more(5, 'every visitor is served again by itself');
ok(load_until(sub { keys %posted > $posted + 5 }, 60), 'the hub posts again');
is_deeply({ map { $_->{number} => $_->{visitor} } @clients }, \%identity, 'everybody is who they were, by their token');
LocalHub::none([ map { my $c = $_; map { "$c->{number}: $_" } grep { $_ == 4001 || $_ == 4003 } keys %{ $c->{closes} } } @clients ], 'nobody was told never to dial again');
LocalHub::none([ grep { $_ != 0 && $_ != 200 && $_ != 503 } keys %answers ], 'no event was refused');
is($t->sql(q{SELECT state FROM webchatt.status}, 'other'), $differ, 'the database beside it waits for its own');
like(said('SELECT webchatt.connect_hub(\'k\')', 'other'), $wrong, 'and says so in its sessions');
$t->sql('ALTER EXTENSION webchatt UPDATE', 'other');
in_other(q{SELECT state = 'running' FROM webchatt.status}, 'until it is upgraded');

$t->settled('all settles', \@clients);
$t->account('visitors', \@clients, acked => 65);
my %rows = map { split /\|/ } split /\n/, $t->sql(q{SELECT hub_message_id, count(*) FROM webchatt.messages WHERE hub_message_id LIKE 'm-%' GROUP BY 1});
LocalHub::none([ grep { ($rows{$_} // 0) != 1 } keys %posted ], 'every event that was answered 200 is there, once');
$t->status_becomes($_, 'sent', 'what waited is sent') for @queued;
is(scalar(my @once = $t->hub->record(key => $sent)), 1, 'what was sent before is not sent again');
my $back = $t->visitor(token => $away->{token})->arrive;
ok(Visitor::until(sub { $back->{messages}{$held} }, 60), 'what was held comes when its visitor does');
$t->wait_for("SELECT status IN ('delivered', 'read') FROM webchatt.messages WHERE id = '$held'", 'and its status goes on');
is($t->sql(q{SELECT count(*) FROM webchatt.messages m WHERE m.direction = 'in' AND m.channel_id IN (SELECT id FROM webchatt.channels WHERE kind = 'web-chatt2me')
	AND NOT EXISTS (SELECT FROM seen s WHERE s.id = m.id) AND m.created_at > (SELECT min(created_at) FROM webchatt.registrations)}), 0, 'the registered function was called for each message');

# --- what became of it --------------------------------------------------------

$t->sql('CREATE DATABASE fresh');
$t->sql('CREATE EXTENSION webchatt', 'fresh');
my $fresh = OtherVersion::catalog($t, 'fresh');
my $theirs = qr/\bby_day\b|\bmine\b|autovacuum_vacuum_scale_factor|^- relation \| visitors \||,shop,|messages\.answer\b|^- right \| table webchatt\.ratings \| \(postgres,webchatt_agent,SELECT/;
my @differences = @{ OtherVersion::differences($fresh, OtherVersion::catalog($t)) };
LocalHub::none([ grep { !/$theirs/ } @differences ], 'the schema is that of a new installation, and what the operator made of it');
for my $what (qw(by_day mine autovacuum_vacuum_scale_factor shop messages.answer webchatt.ratings))
{
	cmp_ok(scalar grep({ /\Q$what\E/ } @differences), '>', 0, "$what is as it was");
}
LocalHub::none([ grep { /^. (?:initial|extras) / } @differences ], 'what is the operator\'s is not taken for the extension\'s');
LocalHub::none(OtherVersion::differences($fresh, OtherVersion::catalog($t, 'other')), 'in the other database it is that of a new one');
my $bringer = $t->sql(q{SELECT bringer = 'key ' || (SELECT id FROM webchatt.api_keys WHERE label = 'billing') FROM webchatt.files WHERE state = 'arriving'});
is($bringer, 't', 'who was bringing a file goes on with it');

# A dump of today, and that of 0.1, in today's version; and what was loaded into 0.1.
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/now.dump", $node->connstr('postgres') ], 'a dump of it');
for ([ again => 'now' ], [ late => '0.1' ])
{
	my ($database, $dump) = @$_;
	my $rows = $dump eq 'now' ? counts() : $dumped;
	$t->sql("CREATE DATABASE $database");
	$node->command_ok([ 'pg_restore', '-d', $node->connstr($database), "$dir/$dump.dump" ], "the dump of $dump is loaded");
	$t->sql('SELECT webchatt.finish_restore()', $database);
	is_deeply(counts($database), $rows, 'with all rows');
}
$t->sql('ALTER EXTENSION webchatt UPDATE', 'loaded');
is_deeply(counts('loaded'), $dumped, 'what was loaded into 0.1 is upgraded with all rows');
for my $database (qw(again late loaded))
{
	is(version($database), $now, "$database: today's version");
	LocalHub::none([ grep { !/,shop,|webchatt\.ratings/ } @{ OtherVersion::differences($fresh, OtherVersion::catalog($t, $database)) } ], "$database: the schema is that of a new installation");
	is($t->sql(q{SELECT concat_ws(' ', has_table_privilege('shop', 'webchatt.visitors', 'SELECT'), has_column_privilege('shop', 'webchatt.visitors', 'attributes', 'UPDATE'),
		has_table_privilege('shop', 'webchatt.statuses', 'SELECT'), has_table_privilege('shop', 'webchatt.feeds', 'SELECT'), has_table_privilege('webchatt_agent', 'webchatt.ratings', 'SELECT'),
		(SELECT count(*) FROM webchatt.file_uses u WHERE u.message_channel_id = u.channel_id))}, $database), 't t t t f 1', "$database: so are rights, and files' messages");
}

# --- SQL that is newer than the library ---------------------------------------

chomp(my $extension = qx(@{[ $node->installed_command('pg_config') ]} --sharedir));
$extension .= '/extension';
for ([ $now, '99' ], [ '99', $now ])
{
	append_to_file("$extension/webchatt--$_->[0]--$_->[1].sql",
		"CREATE OR REPLACE FUNCTION webchatt._library_version() RETURNS text LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'webchatt_library_version';\n");
}
my $worker = $t->status('worker_pid');
my $psql = $node->installed_command('psql');
my $newer = qr/ERROR: +55000: webchatt's library is version $now, its SQL in this database is version 99\nHINT: +Restart the server/;
like(said("SELECT webchatt.send_message('$t->{channel}', '$away->{visitor}', text => 'before');
\\! $psql -X -c \"ALTER EXTENSION webchatt UPDATE TO '99'\" '@{[ $node->connstr('postgres') ]}'
SELECT webchatt.send_message('$t->{channel}', '$away->{visitor}', text => 'no');"), qr/^[0-9a-f-]{36}.*$newer/s, 'a session that was there before says that the SQL is newer');
$t->wait_for("SELECT state = 'library $now, SQL 99' FROM webchatt.status", 'the worker stops');
is(log_has(qr/webchatt is idle in database "postgres": library $now, SQL 99\n.*HINT: +Restart the server/), 1, 'and says once what to do');
$acked = acked();
$clients[0]->say('while it is newer');
Visitor::until(sub { $clients[0]{state} ne 'welcomed' }, 60);
is(acked(), $acked, 'nothing is acknowledged');
$t->sql("ALTER EXTENSION webchatt UPDATE TO '$now'");
more(1, 'they fit again: it goes on');
is($t->status('worker_pid'), $worker, 'without a restart');
$t->settled('all settles', \@clients);
$node->stop('fast');

# --- around it: make test-all -------------------------------------------------

if ($ENV{WEBCHATT_TEST_LONG})
{
	unlink glob("$extension/webchatt--*99*.sql");
	beside_another_hub();
	with_a_standby();
	by_pg_upgrade();
}

# A hub of 0.1 and a database of today's that hangs on it by a link; then it is today's, too.
sub beside_another_hub
{
	$pg->install('0.1');
	my $w = TwoHubs->begin(install_path => $pg->install_path);
	is($w->a->sql(q{SELECT extversion FROM pg_extension WHERE extname = 'webchatt'}), '0.1', 'a hub of 0.1');
	is($w->b->sql(q{SELECT extversion FROM pg_extension WHERE extname = 'webchatt'}), $now, 'and a database of today\'s version');
	$w->attach('link');
	my @v = map { $w->visitor(again => 0.1) } 1 .. 3;
	my $talk = sub {
		my ($what) = @_;
		my %had = map { $_->{number} => scalar keys %{ $_->{messages} } } @v;
		$_->say($what) for @v;
		ok(Visitor::until(sub { !grep { keys %{ $_->{messages} } < $had{ $_->{number} } + 2 } @v }, 120), "$what: visitors write and are answered") || diag(map { $_->describe . "\n" } @v);
	};
	$talk->('of two versions');
	$pg->install('today');
	$w->a->node->restart;
	$w->a->sql('ALTER EXTENSION webchatt UPDATE');
	$talk->('of one version');
	$w->account('two hubs');
	$_->node->stop('fast') for $w->a, $w->b;
	return;
}

# A standby that has the new files first, then the primary; and is promoted.
sub with_a_standby
{
	$pg->install('0.1');
	my $p = LocalHub->begin(name => 'primary', install_path => $pg->install_path, streaming => 1, conf => 'max_wal_senders = 5');
	$p->node->backup('base');
	my $standby = PostgreSQL::Test::Cluster->new('standby', install_path => $pg->install_path);
	$standby->init_from_backup($p->node, 'base', has_streaming => 1);
	my $port = WebchattTest::free_port();
	$standby->append_conf('postgresql.conf', "webchatt.listen = '127.0.0.1:$port'");
	$pg->install('today');
	$standby->start;
	my $s = bless { %$p, node => $standby, port => $port, reached => 0 }, 'LocalHub';
	my $v = $p->arrived;
	$v->say('to the old primary');
	ok(Visitor::until(sub { keys %{ $v->{acked} } == 1 }, 60), 'the primary goes on while the standby has the new files');
	$p->node->wait_for_catchup($standby);
	is($s->sql('SELECT count(*) FROM webchatt.inbox'), 1, 'where reading goes on, too');
	like($s->sql('SELECT state FROM webchatt.status'), qr/no launcher/, 'and status');
	$v->end;
	$p->node->stop('fast');
	$standby->promote;
	$s->wait_for("SELECT state = 'library $now, SQL 0.1' FROM webchatt.status", 'promoted, it waits for the SQL');
	$s->sql('ALTER EXTENSION webchatt UPDATE');
	$s->wait_ready;
	my $back = $s->arrived(token => $v->{token});
	is($back->{visitor}, $v->{visitor}, 'and goes on');
	$standby->stop('fast');
	return;
}

# From a server that has 0.1 to one that has today's version only.
sub by_pg_upgrade
{
	$pg->install('0.1');
	my $old = LocalHub->begin(name => 'from', install_path => $pg->install_path);
	my $v = $old->arrived;
	$v->say('before');
	ok(Visitor::until(sub { keys %{ $v->{acked} } == 1 }, 60), 'a visitor is served by 0.1');
	$v->end;
	$old->node->stop('fast');
	my $new = PostgreSQL::Test::Cluster->new('to');
	$new->init(extra => [ '--no-locale', '-E', 'UTF8', WebchattTest::major() >= 18 ? '--no-data-checksums' : () ]);
	$new->append_conf('postgresql.conf', $old->configuration('postgres', $LocalHub::WIDE));
	chomp(my $bin = qx(pg_config --bindir));
	chdir $new->basedir or die $!;
	ok(system("'$bin/pg_upgrade' -b '@{[ $pg->install_path ]}/bin' -B '$bin' -d '@{[ $old->node->data_dir ]}' -D '@{[ $new->data_dir ]}' -s '@{[ $new->host ]}' -p "
		. $old->node->port . ' -P ' . $new->port . ' >upgrade.out 2>&1') == 0, 'pg_upgrade to a server that has no 0.1') || diag(slurp_file('upgrade.out'));
	$new->start;
	$old->{node} = $new;
	$old->wait_for("SELECT state = 'library $now, SQL 0.1' FROM webchatt.status", 'which waits for the SQL');
	$old->sql('ALTER EXTENSION webchatt UPDATE');
	$old->wait_ready;
	$old->{reached} = {};
	my $back = $old->arrived(token => $v->{token});
	is($back->{visitor}, $v->{visitor}, 'and goes on');
	# checks and views are read anew from a dump, which puts parentheses otherwise
	my ($one, $other) = map { my $c = $_; +{ map { $_ => 1 } grep { !/^(?:constraint|view|rule) / } keys %$c } } $fresh, OtherVersion::catalog($old);
	LocalHub::none(OtherVersion::differences($one, $other), 'with the schema of a new installation');
	$new->stop('fast');
	return;
}

done_testing();
