# Files that messages name stay, whatever happens while the message is written; those of others make
# room.  What strangers may bring in all is bounded, and who brings a file goes on with it.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use LocalHub;
use Test::More;
use Uploads;

my $desk = '127.0.0.1:' . WebchattTest::free_port();
my $t = LocalHub->begin(conf => join "\n", "webchatt.desk_listen = '$desk'", 'webchatt.file_quota = 4MB', 'webchatt.max_file_size = 1MB', 'webchatt.file_sweep_after = 1min', 'webchatt.address_files_per_hour = 10000000kB');
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

sub restart_worker
{
	my $pid = $t->sql(q{SELECT worker_pid FROM webchatt.status});
	$t->sql("SELECT pg_terminate_backend($pid)");
	$t->wait_for("SELECT worker_pid <> $pid AND listening IS NOT NULL FROM webchatt.status", 'another worker is there');
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

my $before = $files->bring('before.txt', 'b' x 100);
ok($v->acked($v->say(picture($before))), 'a message names a file');

# --- many ways to go on ---------------------------------------------------------

my $big = "\x89PNG\r\n\x1a\n" . join q{}, map { pack q{N}, $_ * 2654435761 & 0xffffffff } 1 .. 149_998;
my (undef, $shared) = $files->begin({ name => 'shared.bin', size => length $big });
my @answers;
for my $at (0, 262144, 524288)
{
	my @promises = map { $files->promise_piece($shared->{id}, $at, substr($big, $at, 262144)) } 1 .. 3;
	push @answers, map { $_->() } @promises;
}
is("@answers", '204 204 204 204 204 204 200 200 200', 'three clients at the same upload: each piece is taken once, and answered to all');
is($t->sql("SELECT count(*) || ' ' || sum(length(data)) FROM webchatt.file_chunks WHERE file_id = '$shared->{id}'"), '3 600000', 'and there once');
ok($t->sql("SELECT encode(webchatt.file_bytes('$shared->{id}'), 'hex')") eq unpack('H*', $big), 'byte for byte');
my (undef, $cut) = $files->begin({ name => 'cut.bin', size => length $big });
is(($files->piece($cut->{id}, 0, substr($big, 0, 262144)))[0], 204, 'an upload is begun');
restart_worker();
my ($offset, $size) = $files->until_there(sub { return $files->look($cut->{id}) });
is("$offset $size", '262144 600000', 'and is there when the worker was started anew');
is(($files->rest($cut->{id}, $offset, $big))[0], 200, 'it goes on');
ok($t->sql("SELECT encode(sha256, 'hex') FROM webchatt.files WHERE id = '$cut->{id}'") eq sha256_hex($big), 'and is whole');
is(($files->begin({ name => 'none.txt', size => 0 }))[0], 400, 'nothing is no file');
my (undef, $one) = $files->begin({ name => 'one.txt', size => 2 });
is(($files->piece($one->{id}, 0, 'x'))[0], 409, 'a byte less than was said is none yet');
is(($files->piece($one->{id}, 0, 'xxx'))[0], 409, 'a byte more is too much');
is(($files->piece($one->{id}, 0, 'xx'))[0], 200, 'as many is all of it');

# --- at the desk's address -------------------------------------------------------

my @desk = (base => "http://$desk", as => undef, headers => { Origin => undef });
$t->sql(q{SELECT webchatt.create_agent('ana', 'Ana')});
my ($status, undef, $headers, $bytes) = $files->until_there(sub { my @r = $files->asks('GET', "/desk/files/$shared->{id}/shared.bin", @desk); return $r[0] == 200 ? @r : () });
is("$status " . $headers->header('Content-Type') . ' ' . $headers->header('Content-Security-Policy'), "200 image/png default-src 'none'; sandbox", 'GET /desk/files');
ok($bytes eq $big, 'has the bytes');
($status, undef, $headers) = $files->asks('HEAD', "/desk/files/$shared->{id}", @desk, headers => { Origin => undef, Range => 'bytes=0-9' });
is("$status " . $headers->header('Content-Length'), '200 600000', 'HEAD, too, which knows no ranges');
is(($files->asks('GET', "/desk/files/$shared->{id}", @desk, headers => { Origin => undef, Range => 'bytes=-1' }))[3], substr($big, -1), 'a range');
is(($files->asks('GET', '/desk/files/' . 'A' x 43, @desk))[0], 404, 'what is not there: 404');
is(($files->asks($_, "/desk/files/$shared->{id}", @desk, body => 'x'))[0], 405, "$_: 405") for qw(POST PATCH DELETE);

# --- all that there may be ---------------------------------------------------------

my $api = $t->sql(q{SELECT webchatt.create_api_key('shop')});
my $another = $t->sql(q{SELECT webchatt.create_api_key('Shop')});
sub by_key { return (as => undef, headers => { Origin => undef, Authorization => "Bearer $_[0]" }) }
my (undef, $invoice) = $files->until_there(sub { my @r = $files->begin({ name => 'invoice.txt', size => 100 }, by_key($api)); return $r[0] == 201 ? @r : () });
$t->sql(qq{UPDATE webchatt.api_keys SET label = CASE label WHEN 'shop' THEN 'was' ELSE 'shop' END});
is(($files->rest($invoice->{id}, 0, 'i' x 100, by_key($another)))[0], 404, 'another key of the same label does not go on');
is(($files->rest($invoice->{id}, 0, 'i' x 100, by_key($api)))[0], 200, 'the one that began does, whatever it is called');
my @full;
for (1 .. 20)
{
	my ($code, $made) = $files->begin({ name => 'full.bin', size => 1_000_000 });
	last if $code != 201;
	push @full, $made->{id};
}
cmp_ok(scalar @full, '>', 1, 'the database has so much');
is(join(' ', map { join ' ', $_->[0], $_->[1]{errorCode} } [ $files->begin({ name => 'a', size => 1_000_000 }) ], [ $files->begin({ name => 'a', size => 1_000_000 }, by_key($api)) ]),
	'507 files_full 507 files_full', 'and no more of visitors and API keys');
like($t->sql("SELECT webchatt.add_file('$t->{channel}', 'a.txt', 'x')"), qr/files/, 'SQL and agents may still');
is($files->drop($full[0]), 204, 'one is cancelled');
is(($files->begin({ name => 'a', size => 1_000_000 }, by_key($api)))[0], 201, 'which makes room for another');

# --- kill -9, and the sweep ------------------------------------------------------

my $nobodys = $files->bring('nobodys.txt', 'n' x 100);
sweeps(sub { $t->node->stop('immediate'); $t->node->start; $t->wait_ready });
is(uses($before), 1, 'after a crash, too');
is(is_there($nobodys), 'f', 'what none names is swept');
my ($again) = $files->until_there(sub { my ($code) = $files->begin({ name => 'a', size => 1_000_000 }); return $code == 201 ? ($code) : () });
is($again, 201, 'and made room');
is(join('', map { is_there($_) } $before, $own, @many), 't' x 22, 'what one names is not');
is(is_there($raised), 't', 'nor what one names that was refused');
is($t->sql('SELECT webchatt.retry_reject(id) FROM webchatt.rejects'), 'stored', 'which comes back');
is(uses($raised), 1, 'and names the file');

# --- what is set up, and names a file -------------------------------------------

my ($answer, $portrait, $logo, $none) = map { ($t->sql("SELECT webchatt.add_file('$t->{channel}', '$_.png', '$_')") =~ m{/files/([\w-]{43})})[0] } qw(answer portrait logo none);
$t->sql("SELECT webchatt.set_canned_answer('prices', content => jsonb_build_object('imageUrl', 'https://chat.example.com/files/$answer/answer.png')),
	webchatt.create_agent('portrayed', 'Portrayed', avatar_url => 'https://chat.example.com/files/$portrait'),
	webchatt.configure_widget('$t->{channel}', '{\"logo\": \"https://chat.example.com/files/$logo/logo.png\"}')");
sub bytes_of { return join '', map { is_there({ id => $_ }) } @_ }
$t->sql("DELETE FROM webchatt.messages WHERE id = '$sent'");
sweeps(\&restart_worker);
is(join('', map { is_there($_) } @many), 'f' x 20, 'files go after the message');
is(is_there($raised), 't', 'the other stays');
is(bytes_of($answer, $portrait, $logo, $none), 'tttf', 'what a canned answer, an agent\'s picture or a widget names stays');
$t->sql("SELECT webchatt.delete_canned_answer('prices'); UPDATE webchatt.agents SET avatar_url = NULL; SELECT webchatt.configure_widget('$t->{channel}', '{\"logo\": null}')");
sweeps(\&restart_worker);
is(bytes_of($answer, $portrait, $logo), 'fff', 'until it does so no more');

done_testing();
