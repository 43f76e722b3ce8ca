# Files that messages name stay, whatever happens while the message is written; those of others make
# room.  What strangers may bring in all is bounded, and who brings a file goes on with it.
use strict;
use warnings;

use LocalHub;
use Test::More;
use Uploads;

my $t = LocalHub->begin(conf => join "\n", 'webchatt.max_file_size = 1MB', 'webchatt.file_sweep_after = 1min', 'webchatt.address_files_per_hour = 10000000kB');
my $v = $t->arrived;
my $files = Uploads->new(hub => $t, visitor => $v);

sub picture { return { type => 'document', documentUrl => $_[0]{url}, filename => 'a.txt' } }

sub uses { return $t->sql("SELECT count(*) FROM webchatt.file_uses u JOIN webchatt.messages m ON m.channel_id = u.message_channel_id AND m.id = u.message_id WHERE u.file_id = '$_[0]{id}'") }

# Files are old, and the worker begins to sweep: until the last one is gone, which nothing names.
sub sweeps
{
	my ($begin) = @_;
	$t->sql("INSERT INTO webchatt.files (channel_id, id, name, size) SELECT max(id::text)::uuid, repeat('z', 43), 'last', 1 FROM webchatt.channels;
		UPDATE webchatt.files SET created_at = created_at - interval '2 days'");
	$begin->();
	$t->wait_for("SELECT NOT EXISTS (SELECT FROM webchatt.files WHERE name = 'last')", 'the sweep has come by');
	return;
}

sub is_there { return $t->sql("SELECT webchatt.file_bytes('$_[0]{id}') IS NOT NULL") }

# --- a use that cannot be written -------------------------------------------

$t->sql(q{
	CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$;
	CREATE TRIGGER refuse BEFORE INSERT ON webchatt.file_uses FOR EACH ROW EXECUTE FUNCTION refuse()});
my $raised = $files->bring('raised.txt', 'r' x 100);
my $said = $v->say(picture($raised));
my $beside = $v->say('beside');
ok(defined $v->acked($_), 'a message is answered whose use of a file is refused, and the next one') for $said, $beside;
is($t->sql(q{SELECT string_agg(content->>'text', ' ') FROM webchatt.messages}), 'beside', 'it is not written without it');
is($t->sql(q{SELECT reason FROM webchatt.rejects}), 'not now', 'but kept');
$t->sql('DROP TRIGGER refuse ON webchatt.file_uses');

# --- a lock that is held longer than anybody waits ---------------------------

my $other = $t->arrived;
for ([ 'the table', 'LOCK TABLE webchatt.file_uses IN ACCESS EXCLUSIVE MODE' ], [ 'the file', q{SELECT FROM webchatt.files WHERE id = '%s' FOR UPDATE} ])
{
	my ($what, $lock) = @$_;
	my $held = $files->bring('held.txt', 'h' x 100);
	my $holder = $t->session;
	$holder->query('BEGIN; ' . ($lock =~ s/%s/$held->{id}/r));
	$said = $v->say(picture($held));
	$t->wait_for('SELECT events_waiting > 0 FROM webchatt.status', "$what is locked: a message waits");
	ok($other->acked($other->say("beside $what")), 'others do not');
	is($t->sql("SELECT count(*) FROM webchatt.messages WHERE content->>'documentUrl' = '$held->{url}'"), 0, 'it is not written without its file');
	$holder->query('ROLLBACK');
	ok($v->acked($said), 'then it is');
	is(uses($held), 1, 'and names the file');
}

# --- sent to visitors ----------------------------------------------------------

my ($second) = $t->make_channel('Second', $LocalHub::ORIGIN);
my @many = map { { id => $t->sql("SELECT webchatt._file_id(webchatt.add_file('$second', '$_.txt', 'x'))") } } 1 .. 20;
my $list = join ' ', map { $t->base_url . "/files/$_->{id}" } @many;
my $sent = $t->sql("SELECT webchatt.send_message('$t->{channel}', '$v->{visitor}', text => '$list')");
is($t->sql("SELECT count(*) FROM webchatt.file_uses WHERE message_id = '$sent'"), 20, 'a message names as many files as it likes, of other channels, too');
my $own = $files->bring('own.txt', 'o' x 100);
ok($v->acked($v->say("mine: $own->{url}, not mine: " . $t->base_url . "/files/$many[0]{id}")), 'a visitor writes URLs into a text');
is(uses($own) . uses($many[0]), '11', 'which keeps their own files only');

# --- kill -9, and the sweep ------------------------------------------------------

my $before = $files->bring('before.txt', 'b' x 100);
ok($v->acked($v->say(picture($before))), 'a message names a file');
my $nobodys = $files->bring('nobodys.txt', 'n' x 100);
sweeps(sub { $t->node->stop('immediate'); $t->node->start; $t->wait_ready });
is(uses($before), 1, 'after a crash, too');
is(is_there($nobodys), 'f', 'what none names is swept');
is(join('', map { is_there($_) } $before, $own, @many), 't' x 22, 'what one names is not');
is(is_there($raised), 't', 'nor what one names that was refused');
is($t->sql('SELECT webchatt.retry_reject(id) FROM webchatt.rejects'), 'stored', 'which comes back');
is(uses($raised), 1, 'and names the file');
$t->sql("DELETE FROM webchatt.messages WHERE id = '$sent'");
sweeps(sub { $t->sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'webchatt worker'}) });
is(join('', map { is_there($_) } @many), 'f' x 20, 'files go after the message');
is(is_there($raised), 't', 'the other stays');

done_testing();
