# How long a test waits for what must come.  No test may fail because a machine is
# slow, so that is three minutes, whatever a caller says, and more where more processes want
# to run than there are processors: a test that fails is rare, and one
# that succeeds does not wait for its end.  Only a while below 5 s is taken as it
# is said: it is for looking whether something comes that must not.
package Patience;

use strict;
use warnings;

use Time::HiRes qw(sleep time);

our $SECONDS = $ENV{WEBCHATT_TEST_PATIENCE} // 180;

# Nor do Mojolicious' clients and servers give up before, here and in what a test starts.
$ENV{"MOJO_${_}_TIMEOUT"} //= $SECONDS for qw(CONNECT INACTIVITY);

my ($processors, $looked_at, $slowness) = (0, 0, 1);

# How many times longer everything takes: the processes that want to run, for each two that a processor might well have.
sub slowness
{
	return $slowness if time < $looked_at + 1;
	$looked_at = time;
	if (!$processors && open my $cpu, '<', '/proc/cpuinfo')
	{
		$processors = grep { /^processor\s*:/ } <$cpu>;
	}
	if (open my $load, '<', '/proc/loadavg')
	{
		my ($running) = split ' ', <$load>;

		$slowness = $running / (2 * ($processors || 1));
		$slowness = 1 if $slowness < 1;
	}
	return $slowness;
}

sub is_short { my ($asked) = @_; return defined $asked && $asked < 5 }

# Where the machine is not busy.
sub at_least { my ($asked) = @_; return is_short($asked) || defined $asked && $asked > $SECONDS ? $asked : $SECONDS }

sub seconds { my ($asked) = @_; return at_least($asked) * (is_short($asked) ? 1 : slowness()) }

# Wait until the condition holds: what it gave; nothing when the time is up.  In between
# that is done, or slept a while.
sub until
{
	my ($condition, $timeout, $between) = @_;
	my $short = is_short($timeout);
	my $left = at_least($timeout);
	my $last = time;

	while (1)
	{
		my $result = $condition->();
		return $result if $result;
		return if $left < 0;
		$left -= (time - $last) / ($short ? 1 : slowness());
		$last = time;
		$between ? $between->() : sleep 0.05;
	}
}

1;
