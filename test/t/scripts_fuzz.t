# What runs the fuzz targets: the minutes are divided, what one finds is kept and
# told, and ends in a status that is not 0.  The targets are stand-ins.
use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use Test::More;

my $here = abs_path(dirname($0) . '/../fuzz');
my $build = tempdir(CLEANUP => 1);

sub target
{
	my ($name, $body) = @_;
	open my $file, '>', "$build/fuzz_$name" or die $!;
	print $file "#!/bin/sh\n$body\n";
	close $file;
	chmod 0755, "$build/fuzz_$name";
}

# Say what libFuzzer would, and how one was called.
my $notes = "$build/notes";
my $tell = "echo \"\$0 \$*\" >>$notes; echo '#99 DONE cov: 5 ft: 321 corp: 3/9b'; echo 'stat::number_of_executed_units: 99'";
target(good => $tell);
target(other => $tell);
target(third => $tell);
target(silent => 'exit 0');
target(bad => "for a; do case \$a in -artifact_prefix=*) echo bad >\${a#*=}crash-1 ;; esac; done\n"
	. "echo 'fuzz_bad.c:3: must hold: x'; exit 77");

sub run
{
	my ($minutes, @targets) = @_;
	my $out = `'$here/run' '$build' '$here' 1 '$minutes' 1 '-seed=1' @targets 2>&1`;
	return ($? >> 8, $out);
}

my ($status, $out) = run('', 'good', 'other');
is($status, 0, 'nothing was found: status 0') or diag($out);
like($out, qr/^ok 1 - fuzz_good: 99 inputs in 1 s, 321 features/m, 'inputs and features are told');
like($out, qr/^1\.\.2$/m, 'and how many targets there were');
ok(!-e "$build/corpus", 'without minutes no corpus is kept');

unlink $notes;
($status, $out) = run(3, 'good', 'other', 'third');
is($status, 0, 'with minutes as well') or diag($out);
open my $file, '<', $notes or die $!;
is_deeply([map { /-max_total_time=(\d+)/ } <$file>], [60, 60, 60], 'which are divided over the targets');
close $file;
ok(-d "$build/corpus/good", 'and the corpora are kept');

($status, $out) = run('', 'good', 'bad', 'other');
is($status, 1, 'something was found: status 1');
like($out, qr/^not ok 2 - fuzz_bad ended with status 77/m, 'the target is named');
like($out, qr/^#.*must hold: x/m, 'and what it said');
like($out, qr/^ok 3 - fuzz_other/m, 'the others go on');
ok(-s "$build/crashers/bad-crash-1" && -s "$build/crashers/bad.log", 'its input and its log are kept');
($status, $out) = run('', 'silent');
is($status, 1, 'a target that tried nothing is a failure');

done_testing();
