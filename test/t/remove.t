# doc/remove.md, from its first command to its last, on a server with conversations, what an application
# hangs on them, settings in all places, and a visitor who is there: nothing is left but what was to be kept.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename;
use LocalHub;
use Test::More;

my $top = abs_path(dirname(__FILE__) . '/../..');
sub text_of { my ($file) = @_; open(my $fh, '<:encoding(UTF-8)', $file) or die "$file: $!"; local $/; return scalar <$fh> }

# --- a server that has had webchatt for a while -----------------------------------

my $t = LocalHub->new(databases => 'shop', conf => $LocalHub::WIDE . "\nwal_level = logical");
my $node = $t->node;
$t->sql('CREATE DATABASE shop');
$t->{database} = 'shop';
$t->sql('CREATE EXTENSION webchatt');
($t->{channel}, $t->{key}) = $t->make_channel('Shop', $LocalHub::ORIGIN);
$t->wait_ready;
$t->sql(q{CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders VALUES (7); GRANT SELECT ON orders TO webchatt_worker, webchatt_agent;
	CREATE ROLE ana IN ROLE webchatt_agent; ALTER ROLE ana SET webchatt.agent = 'ana'; ALTER ROLE ana IN DATABASE shop SET webchatt.agent = 'ana';
	CREATE FUNCTION on_chat(message webchatt.messages) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
		PERFORM webchatt.send_message(message.channel_id, message.visitor, text => 're: ' || (message.content ->> 'text')); END $$;
	SELECT webchatt.on_message('on_chat(webchatt.messages)');
	CREATE VIEW chat_view AS SELECT id, content FROM webchatt.messages;
	CREATE FUNCTION stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
	CREATE TRIGGER stays AFTER INSERT ON webchatt.messages FOR EACH ROW EXECUTE FUNCTION stays();
	SELECT webchatt.create_publication();
	SELECT webchatt.create_api_key('key');
	ALTER DATABASE shop SET webchatt.ping_interval = 60000; ALTER SYSTEM SET webchatt.hello_rate = 1000000;});
$node->reload;
$t->wait_ready;
my $visitor = Patience::until(sub { my $v = $t->visitor; return $v->let_in && $v }) or die 'no visitor';
$visitor->acked($visitor->say("hello, \"there\"\n\\. and \\N"));
ok(Visitor::until(sub { grep { ($_ // '') =~ /^re: hello/ } $visitor->texts('out') }), 'a visitor is answered');
$t->sql("SELECT webchatt.add_note('$t->{channel}', '$visitor->{visitor}', 'a note', 'ana');
	SELECT webchatt.close_conversation('$t->{channel}', '$visitor->{visitor}');
	SELECT webchatt.add_file('$t->{channel}', 'a.txt', 'some bytes'::bytea)") if $t->sql(q{SELECT count(*) FROM pg_proc WHERE proname = 'add_file'});
my $digest = q{SELECT md5(string_agg(concat_ws('|', id, channel_id, visitor, direction, status, content, author), E'\n' ORDER BY id)) FROM webchatt.messages};
my $messages = $t->sql($digest);
my $closings = q{SELECT string_agg(concat_ws('|', channel_id, visitor, closed_upto, closed_at, closed_by), ',') FROM webchatt.closings};
my $closed = Patience::until(sub { $t->sql($closings) });
my $pids = $t->sql('SELECT worker_pid, net_pid FROM webchatt.status');

# --- the commands -------------------------------------------------------------------

my $dir = PostgreSQL::Test::Utils::tempdir();
my $dest = "$dir/installed";
local @ENV{qw(PGHOST PGPORT)} = ($node->host, $node->port);
my ($blocks, $section, $said) = (0, '', '');

sub walk
{
	my ($commands) = @_;
	open(my $fh, '>:encoding(UTF-8)', "$dir/commands") or die $!;
	print $fh $commands;
	close $fh;
	my $good = IPC::Run::run([ 'bash', '-eu', '-o', 'pipefail', "$dir/commands" ], '>&', \$said, init => sub { chdir $dir });
	$blocks++;
	ok($good, "$section: command $blocks") or diag("$commands\n$said");
	return;
}

# Only looked at: what another package would do, scripts/package does.
my %instead = (
	'systemctl restart postgresql' => sub { $node->restart; pass('the server is restarted') },
	"apt-get purge 'postgresql-*-webchatt'" => sub { pass('a package is removed by scripts/package') },
	'make uninstall' => sub {
		local %ENV = %ENV;
		delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS)};
		my $out = `cd $top && make -s install with_llvm=no DESTDIR=$dest 2>&1 && find $dest -type f | wc -l && make -s uninstall with_llvm=no DESTDIR=$dest 2>&1`;
		is($?, 0, 'make uninstall') or diag($out);
		cmp_ok(($out =~ /^(\d+)$/m)[0] // 0, '>', 4, 'of what make install had installed');
		is(`find $dest -type f`, '', 'leaves nothing');
	});
my %then = (
	'What goes with it' => sub {
		like($said, qr/on_chat.*chat_view|chat_view.*on_chat/s, 'what is ours is named');
		unlike($said, qr/stays/, 'what stays is not');
		is($t->sql($digest), $messages, 'nothing is changed');
		my ($status, undef, $err) = $t->try_sql('DROP EXTENSION webchatt');
		isnt($status, 0, 'without CASCADE it is refused');
		like($err, qr/chat_view depends on/, 'as it names what is ours');
		ok(Visitor::until(sub { ($t->try_sql("SELECT 1 FROM webchatt.status WHERE state = 'running' AND listening IS NOT NULL"))[1] eq '1' }), 'and all goes on');
	},
	'Take the data along' => sub {
		is($t->sql($digest, 'kept'), $messages, 'every message is kept, to the letter');
		is($t->sql('SELECT text FROM webchatt.notes', 'kept'), $t->sql('SELECT text FROM webchatt.notes'), 'the note, too');
		is($t->sql($closings, 'kept'), $closed, 'and when it was closed');
		is($t->sql('SELECT count(*) FROM pg_extension WHERE extname = $$webchatt$$', 'kept'), 0, 'in a database without the extension');
		is($t->sql(q{SELECT name || ' ' || convert_from(data, 'UTF8') FROM webchatt.files}, 'kept'), 'a.txt some bytes', 'and the file');
		like(text_of("$dir/messages.csv"), qr/\Acreated_at,channel,visitor,.*\n.*,Shop,\Q$visitor->{visitor}\E,in,.*"hello, ""there""/, 'and a table for a spreadsheet');
		ok(IPC::Run::run([ 'pg_dump', '-Fc', '-f', "$dir/shop.dump", 'shop' ]), 'and a dump');
	},
	'Stop it' => sub {
		ok(Visitor::until(sub { $visitor->{state} ne 'welcomed' }), 'who was there is cut');
		ok(WebchattTest::gone($_), 'no process is left') for split /\|/, $pids;
	},
	'Replication' => sub { is($t->sql('SELECT count(*) FROM pg_publication'), 0, 'no publication is left') },
	'Drop it' => sub {
		is($t->sql(q{SELECT count(*) FROM pg_extension WHERE extname = 'webchatt' UNION ALL SELECT count(*) FROM pg_namespace WHERE nspname = 'webchatt'
			UNION ALL SELECT count(*) FROM pg_roles WHERE rolname LIKE 'webchatt%'}), "0\n0\n0", 'no extension, no schema, no roles');
		is($t->sql('SELECT id FROM orders'), 7, 'what is ours is there');
		is($t->sql(q{SELECT count(*) FROM pg_proc WHERE proname = 'stays'}), 1, 'a trigger\'s function, too');
		is($t->sql(q{SELECT count(*) FROM pg_roles WHERE rolname = 'ana'}), 1, 'and a role of ours');
	},
	'The configuration' => sub {
		is($t->sql(q{SELECT count(*) FROM pg_db_role_setting, unnest(setconfig) c WHERE c LIKE 'webchatt.%'}), 0, 'nothing is set for databases and roles');
		is($t->sql(q{SELECT count(*) FROM pg_file_settings WHERE name LIKE 'webchatt.%' OR name = 'shared_preload_libraries' AND setting LIKE '%webchatt%'}), 0, 'nor in files');
		is($t->sql('SHOW shared_preload_libraries'), '', 'no library is loaded');
		like($said, qr/^0\nno process|^0\n\d+/m, 'no process of ours is there');
	},
	'The files' => sub { },
	'A dump of it, without the extension' => sub {
		is($t->sql('SELECT id FROM orders', 'elsewhere'), 7, 'what is ours comes out of a dump');
		is($t->sql(q{SELECT count(*) FROM pg_extension WHERE extname = 'webchatt'}, 'elsewhere'), 0, 'without the extension');
		is($t->sql(q{SELECT count(*) FROM pg_proc WHERE proname = 'stays'}, 'elsewhere'), 1, 'functions, too');
	});
for (split /^## /m, text_of("$top/doc/remove.md"))
{
	($section) = /\A(.*)\n/;
	$t->sql('CREATE DATABASE elsewhere', 'postgres') if $section =~ /^A dump/;
	my @commands = /^```sh\n(.*?)^```/msg or next;
	for my $commands (@commands)
	{
		my $other = $instead{ $commands =~ s/\n\z//r };
		if ($other) { $other->() } else { walk($commands) }
	}
	my $then = delete $then{$section} or fail("$section: nobody looks at what came of it") or next;
	$then->();
}
is_deeply([ keys %then ], [], 'all sections were there');
cmp_ok($blocks, '>=', 10, "$blocks commands");
# (a turn waits only so long for the locks of DROP EXTENSION, and is tried again)
is(join("\n", grep { /ERROR|PANIC/ } grep { !/cannot drop extension|depends? on|HINT|due to lock timeout/ } split /\n/, PostgreSQL::Test::Utils::slurp_file($node->logfile)), '', 'the server had no error');
$visitor->end;

done_testing();
