# webchatt-net, the half that strangers talk to, cannot open what it has no
# business with: least of all the data directory.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use WebchattTest;

my $t = WebchattTest->attached;
my $pid = $t->status('net_pid');
my %proc = slurp_file("/proc/$pid/status") =~ /^(\w+):\s*(.*)$/mg;

is($proc{NoNewPrivs}, 1, 'no_new_privs is on');
SKIP:
{
	my $lsm = -r '/sys/kernel/security/lsm' ? slurp_file('/sys/kernel/security/lsm') : '';
	if ($t->status('confined') ne 't')
	{
		like(slurp_file($t->node->logfile), qr/Landlock/, 'where the kernel has no Landlock, the log says so');
		skip 'this kernel has no Landlock', 4;
	}
	ok(1, 'status says that it is confined');

	# Its own probe: the program confines itself as it does in service, then
	# tries to open the file and says what happened.
	chomp(my $libdir = `pg_config --pkglibdir`);
	my $file = $t->node->data_dir . '/PG_VERSION';
	my ($out, $err) = run_command([ "$libdir/webchatt-net", '--probe', $file ]);
	like("$out$err", qr/denied/i, 'it cannot open a file of the data directory');
	like(slurp_file($file), qr/^\d+/, 'which its user could, unconfined');
	($out, $err) = run_command([ "$libdir/webchatt-net", '--probe', '/etc/ssl/certs/ca-certificates.crt' ]);
	unlike("$out$err", qr/denied/i, 'certificates it can read');
}

# What it has inherited: the corridor, standard streams, and nothing of PostgreSQL's.
my @links = map { readlink $_ } glob "/proc/$pid/fd/*";
my $data = $t->node->data_dir;
is(scalar(grep { defined && (m{^\Q$data\E/} && !m{/log/}) } @links), 0, 'no descriptor of the data directory is open in it') or diag("@links");
my $maps = slurp_file("/proc/$pid/maps");
unlike($maps, qr{/dev/shm/PostgreSQL|/dev/zero|SYSV}, 'no shared memory of PostgreSQL is mapped in it');
unlike(slurp_file("/proc/$pid/cmdline") . slurp_file("/proc/$pid/environ"), qr/$WebchattTest::KEY|$WebchattTest::SECRET/,
	'no secret is on its command line or in its environment');
unlike(slurp_file($t->node->logfile), qr/$WebchattTest::KEY|$WebchattTest::SECRET/, 'nor in the server\'s log');

# Nothing else runs under it, and it listens where it was told to and nowhere else.
is(`ps --no-headers --ppid $pid | wc -l` + 0, 0, 'it has no children');

done_testing();
