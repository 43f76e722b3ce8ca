# The statements of sql/worker: each can be pasted into psql as it stands, with the types that
# its name line gives, and none is there for nothing.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename;
use Test::More;
use WebchattTest;

my $top = abs_path(dirname(__FILE__) . '/../..');

sub text_of { my ($file) = @_; open(my $fh, '<', $file) or die "$file: $!"; local $/; return scalar <$fh> }

my $t = WebchattTest->new(databases => '');
$t->sql('CREATE EXTENSION webchatt');
my $backend = join '', map { text_of($_) } glob "$top/src/backend/*/*.c";
my $n = 0;
my @unused;
my %prepared;

for my $file (sort glob "$top/sql/worker/*.sql")
{
	my ($head, @statements) = split /^-- name: /m, text_of($file);
	my $script = '';
	my $said = '';

	for (@statements)
	{
		my ($name, $parameters, $sql) = /\A(\w+)\(([^)]*)\)\n(.*)\z/s or die "$file: $_";
		my $types = join ', ', map { (split)[-1] } split /,/, $parameters =~ s/\n--//gr;
		# TRUNCATE cannot be prepared
		$prepared{$name} = "PREPARE $name" . ($types && " ($types)") . " AS $sql\n";
		$script .= $sql =~ /^TRUNCATE /m ? "BEGIN; $sql ROLLBACK;\n" : $prepared{$name};
		push @unused, $name if $backend !~ /\bWC_\U$name\E\b/;
		$n++;
	}
	$t->node->psql('postgres', $script, stderr => \$said);
	is($said, '', basename($file) . ' can be pasted');
}
cmp_ok($n, '>', 80, 'all statements were found');
is("@unused", '', 'each is used');

# A page of the outbox costs a page, also near the end of a large transaction.
$t->sql("INSERT INTO webchatt.outbox_0 (xid, hub_id, seq, op) SELECT pg_current_xact_id(), 5, n, 's' FROM generate_series(1, 50000) AS n");
my $xid = $t->sql('SELECT DISTINCT xid FROM webchatt.outbox_0 WHERE hub_id = 5');
my $how = 'SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_bitmapscan = off;';
for my $page (["read_late", "read_late(5, ARRAY['$xid']::xid8[], '$xid', 49000, 100)"],
	["read_next", "read_next(5, '$xid', 49000, '9223372036854775807', '1:9223372036854775807:', 100)"])
{
	my ($name, $call) = @$page;
	my $plan = $t->sql("$how $prepared{$name}; EXPLAIN (ANALYZE, BUFFERS, TIMING off, COSTS off) EXECUTE $call");
	like($plan, qr/rows=100(?:\.00)? /, "$name found its rows");
	my ($hit, $read) = $plan =~ /Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?/;
	cmp_ok(($hit // 0) + ($read // 0), '<', 50, "$name reads no more than a page of them") or diag($plan);
}

done_testing();
