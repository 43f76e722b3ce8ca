# How long a test waits for what must come.  No test may fail because a machine is
# slow, so that is three minutes, whatever a caller says: a test that fails is rare, and one
# that succeeds does not wait for its end.  Only a while below 5 s is taken as it
# is said: it is for looking whether something comes that must not.
package Patience;

use strict;
use warnings;

use Time::HiRes qw(sleep time);

our $SECONDS = $ENV{WEBCHATT_TEST_PATIENCE} // 180;

# Nor do Mojolicious' clients and servers give up before, here and in what a test starts.
$ENV{"MOJO_${_}_TIMEOUT"} //= $SECONDS for qw(CONNECT INACTIVITY);

sub seconds
{
	my ($asked) = @_;

	return defined $asked && ($asked < 5 || $asked > $SECONDS) ? $asked : $SECONDS;
}

# Wait until the condition holds: what it gave; nothing when the time is up.  In between
# that is done, or slept a while.
sub until
{
	my ($condition, $timeout, $between) = @_;
	my $end = time + seconds($timeout);

	while (1)
	{
		my $result = $condition->();
		return $result if $result;
		return if time > $end;
		$between ? $between->() : sleep 0.05;
	}
}

1;
