# PostgreSQL plans anew by itself when it learns, in the midst of a statement, that a table has other statistics: the plan is
# made as ours are all the same.  It learns so at the lock of another table, here of conversations.
use strict;
use warnings;

use Test::More;
use WebchattTest;

my $t = WebchattTest->attached;
my $scans = sub { return $t->sql("SELECT $_[0] FROM pg_stat_user_tables WHERE relid = 'webchatt.messages'::regclass") };
my $n = 0;
my $came = sub {
	$t->post(Webhook::message($WebchattTest::CHANNEL, 'p-' . ++$n, "v-$n", 'hello'));
	return $t->wait_for("SELECT count(*) FROM webchatt.conversations WHERE waiting_since IS NOT NULL AND visitor = 'v-$n'", "conversation $n waits", undef, 1);
};
$came->() for 1 .. 3;
my $holder = $t->session;
$holder->query('BEGIN; LOCK webchatt.conversations IN ACCESS EXCLUSIVE MODE');
$t->post(Webhook::message($WebchattTest::CHANNEL, 'p-' . ++$n, "v-$n", 'hello'));
$t->wait_for("SELECT count(*) > 0 FROM pg_locks WHERE relation = 'webchatt.conversations'::regclass AND NOT granted", 'a turn waits');
$holder->query('ANALYZE webchatt.messages; COMMIT');
$t->wait_for("SELECT count(*) FROM webchatt.conversations WHERE visitor = 'v-$n'", 'it has gone on', undef, 1);
# Three more, until their look-ups are counted; what was counted before is then there, too.
my $round = sub {
	my $before = $scans->('idx_scan');
	$came->() for 1 .. 3;
	return $t->wait_for("SELECT idx_scan >= $before + 3 FROM pg_stat_user_tables WHERE relid = 'webchatt.messages'::regclass", 'what came was looked up');
};
$round->();
my $whole = $scans->('seq_scan');
$round->();
is($scans->('seq_scan'), $whole, 'no statement reads all messages');

done_testing();
