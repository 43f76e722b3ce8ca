# What scripts/bench is asked for is looked at before it builds anything.
use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use Test::More;

my $bench = abs_path(dirname($0) . '/../../scripts/bench');

sub run
{
	my (@args) = @_;
	my $out = `'$bench' @args 2>&1`;
	return ($? >> 8, $out);
}

for my $help (qw(--help -h))
{
	my ($status, $out) = run($help);
	is($status, 0, "$help: it is no error");
	like($out, qr/^scripts\/bench --rows .*visitors/m, 'and says what there is');
	unlike($out, qr/building/, 'and does nothing');
}
for my $wrong (['--helpp'], ['commit'], ['--rows'], ['--quick', '--reppeat', 3], ['--reppeat=3'])
{
	my ($status, $out) = run(@$wrong);
	is($status, 1, "@$wrong: it is refused");
	like($out, qr/^scripts\/bench: .*--rows needs a value|what is (?:--\w+|commit)\?/m, 'and it says why');
	unlike($out, qr/building/, 'and does nothing');
}

done_testing();
