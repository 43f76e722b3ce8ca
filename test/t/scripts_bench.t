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

{
	my ($status, $out) = run(qw(--only in --rows keep));
	is($status, 1, 'rows beside parts: it is refused');
	like($out, qr/\Ascripts\/bench: OLD and --rows are for the table, not for parts\n\z/, 'and it says why, and does nothing');
}

# It measures from beginning to end, with numbers that say nothing.
if ($ENV{WEBCHATT_TEST_LONG})
{
	for my $args ([qw(--quick --seconds 1 --messages 200 --backlog 200 --crowd 20 --only), 'in,commit,out,send,memory,visitors,reply,idle,fanout,link'], [qw(--quick --rows), 'visitors,reply,hub,commit,send,live,desk,files,memory,keep,archive,search,report'])
	{
		my ($status, $out) = run(@$args);
		is($status, 0, "@$args: it runs to its end") or diag($out);
		unlike($out, qr/failed|ERROR|could not be measured/, 'without a complaint') or diag($out);
	}
}

done_testing();
