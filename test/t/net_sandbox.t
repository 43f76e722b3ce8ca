# webchatt-net, the half that strangers talk to, cannot open what it has no
# business with: least of all the data directory, or the server's own socket.
use strict;
use warnings;

use IO::Socket::INET;
use IO::Socket::UNIX;
use PostgreSQL::Test::Utils;
use Test::More;
use WebchattTest;

# what the postmaster was started with is no business of strangers' parser
$ENV{PGPASSWORD} = 'webchatt-test-password';
my $t = WebchattTest->attached;
my $pid = $t->status('net_pid');
my %proc = slurp_file("/proc/$pid/status") =~ /^(\w+):\s*(.*)$/mg;

is($proc{NoNewPrivs}, 1, 'no_new_privs is on');
SKIP:
{
	if ($t->status('confined') ne 't')
	{
		like(slurp_file($t->node->logfile), qr/this kernel (has no Landlock|cannot filter)/, 'where the kernel has not all of it, the log says so');
		skip 'this kernel has no Landlock, or no seccomp', 10;
	}
	ok(1, 'status says that it is confined');
	is($proc{Seccomp}, 2, 'its system calls are filtered');
	my @threads = map { slurp_file("$_/status") =~ /^Seccomp:\s*(\d)/m } glob "/proc/$pid/task/*";
	is(scalar(grep { $_ != 2 } @threads), 0, 'in every thread');

	# Its own probe: the program confines itself as it does in service, then
	# tries everything and says what happened.
	chomp(my $libdir = `pg_config --pkglibdir`);
	my $file = $t->node->data_dir . '/PG_VERSION';
	my $socket = $t->node->host . '/.s.PGSQL.' . $t->node->port;
	my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5);
	ok(IO::Socket::UNIX->new(Peer => $socket), "$socket is there, and takes whoever dials");
	my ($out, $err) = run_command([ "$libdir/webchatt-net", '--probe', $file, $socket, $server->sockport ]);
	my %said = map { /^(\w+): (.*?)(?: \(.*\))?$/ ? ($2 => $1) : () } split /\n/, $out;
	is($said{"reading $file"}, 'refused', 'it cannot open a file of the data directory');
	like(slurp_file($file), qr/^\d+/, 'which its user could, unconfined');
	unlike($out, qr/^(ALLOWED|BROKEN)/m, 'nothing that is forbidden is possible, and what it needs works') or diag($out);
	my @tried = (
		"connecting to PostgreSQL's socket", 'the same from one end of a pair', 'connecting to an abstract socket',
		'execve', 'execveat', 'fork', 'ptrace of its parent', 'process_vm_readv of its parent', 'kill of its parent with SIGHUP',
		'kill of everybody with 0', 'pidfd_open of its parent', 'unshare of the user namespace', 'setns', 'mount', 'io_uring_setup',
		'bpf', 'keyctl', 'perf_event_open', 'userfaultfd', 'kexec_load', 'init_module', 'socket(AF_UNIX, SOCK_DGRAM)',
		'socket(AF_PACKET)', 'socket(AF_NETLINK) for routes', 'a raw socket', 'bind', 'listen', 'making a file in /tmp',
		'the same from a thread');
	is(join(', ', grep { ($said{$_} // '') ne 'refused' } @tried), '', 'each of them was tried, and refused');
	is(join(', ', grep { ($said{$_} // '') ne 'works' } 'looking a name up', 'connecting by TCP', 'accepting a connection', 'starting a thread'),
		'', 'and each of these works');
	SKIP:
	{
		skip 'the Landlock of this kernel knows no ports', 1 if $out !~ /its ports: yes/;
		is($said{"connecting to the server's port by TCP"}, 'refused', "the server's port is kept out, whoever would let it in there");
	}
	($out, $err) = run_command([ "$libdir/webchatt-net", '--probe', '/etc/ssl/certs/ca-certificates.crt' ]);
	like($out, qr/^ALLOWED: reading .*ca-certificates/m, 'certificates it can read');
}

# What it has inherited: the corridor, standard streams, and nothing of PostgreSQL's.
my @links = map { readlink $_ } glob "/proc/$pid/fd/*";
my $data = $t->node->data_dir;
is(scalar(grep { defined && (m{^\Q$data\E/}) } @links), 0, 'no descriptor of the data directory is open in it') or diag("@links");
my ($log) = map { (stat $_)[1] } $t->node->logfile;
is(scalar(grep { ((stat $_)[1] // 0) == $log } glob "/proc/$pid/fd/*"), 0, 'nor the server\'s log, which it could fill or cut off');
my $maps = slurp_file("/proc/$pid/maps");
unlike($maps, qr{/dev/shm/PostgreSQL|/dev/zero|SYSV}, 'no shared memory of PostgreSQL is mapped in it');
unlike(slurp_file("/proc/$pid/cmdline"), qr/$WebchattTest::KEY|$WebchattTest::SECRET/, 'no secret is on its command line');
is(slurp_file("/proc/$pid/environ"), '', 'nothing at all is in its environment');

unlike(slurp_file($t->node->logfile), qr/$WebchattTest::KEY|$WebchattTest::SECRET/, 'nor in the server\'s log');

# Nothing else runs under it, and it listens where it was told to and nowhere else.
is(`ps --no-headers --ppid $pid | wc -l` + 0, 0, 'it has no children');

done_testing();
