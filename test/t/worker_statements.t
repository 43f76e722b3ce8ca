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
		$script .= $sql =~ /^TRUNCATE /m ? "BEGIN; $sql ROLLBACK;\n" : "PREPARE $name" . ($types && " ($types)") . " AS $sql\n";
		push @unused, $name if $backend !~ /\bWC_\U$name\E\b/;
		$n++;
	}
	$t->node->psql('postgres', $script, stderr => \$said);
	is($said, '', basename($file) . ' can be pasted');
}
cmp_ok($n, '>', 80, 'all statements were found');
is("@unused", '', 'each is used');

done_testing();
