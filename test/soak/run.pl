# Hellos, messages, calls and webhooks for so many minutes, at a bounded rate; prints
# what both processes hold, and whether it stayed flat.  Arguments: minutes, rounds a
# minute.  See scripts/soak.
use strict;
use warnings;

my ($out, $err);

# PostgreSQL's test library turns both into a log file, when all of this is compiled.
BEGIN { open($out, '>&', \*STDOUT) && open($err, '>&', \*STDERR) or die $! }
use Soak;
use Time::HiRes qw(time);

select $out;
$| = 1;
$SIG{__DIE__} = sub { print $err @_ unless $^S };

my ($minutes, $rate) = @ARGV;
my $soak = Soak->new;
my $every = $minutes * 60 / 60;
my $began = time;
my $next = $began;
my $next_sample = $began;
my $bad = 0;

$every = 5 if $every < 5;
printf "%d rounds a minute for %g minutes, a sample every %g s\n", $rate, $minutes, $every;
printf "%8s %10s %18s %18s %14s %14s\n", 'minute', 'hellos', 'TopMemoryContext', 'all contexts', 'worker kB', 'webchatt-net kB';
while (time < $began + $minutes * 60)
{
	$soak->round;
	if (time >= $next_sample)
	{
		my $s = $soak->sample;
		printf "%8.1f %10d %18d %18d %14d %14d\n", (time - $began) / 60, $soak->{done}{hellos}, $s->{top}, $s->{contexts},
		  $s->{worker} / 1024, $s->{net} / 1024;
		$next_sample += $every;
	}
	$next += 60 / $rate;
	my $now = time;
	$next = $now if $next < $now;
	$soak->{endpoint}->until(sub { time >= $next }, $next - $now + 1);
}
print $soak->describe, "\n";
for my $field (@Soak::FIELDS)
{
	my $flat = $soak->is_flat($field);

	printf "%-28s rose by %d bytes after the warm-up, %d are tolerated: %s\n", $Soak::CALLED{$field}, $soak->rise($field),
	  $Soak::TOLERANCE{$field}, $flat ? 'flat' : 'NOT FLAT';
	$bad++ if !$flat;
}
$soak->end;
print $bad ? "failed\n" : "passed\n";
exit($bad ? 1 : 0);
