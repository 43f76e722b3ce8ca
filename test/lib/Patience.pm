# How long a test waits for what must come.  No test may fail because a machine is
# slow, so that is three minutes, whatever a caller says: a test that fails is rare, and one
# that succeeds does not wait for its end.  Only a while below 5 s is taken as it
# is said: it is for looking whether something comes that must not.
package Patience;

use strict;
use warnings;

our $SECONDS = $ENV{WEBCHATT_TEST_PATIENCE} // 180;

sub seconds
{
	my ($asked) = @_;

	return defined $asked && ($asked < 5 || $asked > $SECONDS) ? $asked : $SECONDS;
}

1;
