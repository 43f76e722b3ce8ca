# Strangers who send webchatt-net anything, from a seed: requests with their bytes changed, in two
# pieces, on connections that end early, or in a reset, or stay.
package Hostile;

use strict;
use warnings;

use Socket qw(SOL_SOCKET SO_LINGER);
use Test::More;
use WebSocket;

# Arguments: the corridor of the webchatt-net that they go to, how many connections stay at a time, and the
# bits that they like to put in.  The seed is of the environment, or always the same.
sub new
{
	my ($class, $w, $most, @bits) = @_;
	my $seed = $ENV{WEBCHATT_DOOR_SEED} // 20240601;

	note "seed $seed";
	srand($seed);
	return bless { w => $w, most => $most, bits => \@bits, open => [], sent => 0 }, $class;
}

# Send bytes, up to three places of them changed: half of these about where the head ends, if one is given.
sub send
{
	my ($self, $raw, $head) = @_;
	my @bits = @{ $self->{bits} };

	for (1 .. int rand 4)
	{
		my $at = !defined $head || rand() < 0.5 ? int rand(1 + length $raw) : $head + int rand 40;
		next if $at > length $raw;
		my $what = int rand 3;
		if ($what == 0) { substr($raw, $at, 0, $bits[rand @bits]) }
		elsif ($what == 1) { substr($raw, $at, int rand 15, '') }
		elsif ($at < length $raw) { substr($raw, $at, 1, chr int rand 256) }
	}
	my $s = $self->{w}->dial;
	my $cut = int rand(1 + length $raw);
	syswrite($s, substr($raw, 0, $cut));
	$self->{w}->take if rand() < 0.5;
	syswrite($s, substr($raw, $cut));
	$self->{sent}++;
	my $how = int rand 5;
	if ($how == 0) { shutdown($s, 1) }
	elsif ($how == 1) { setsockopt($s, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)); close $s; return }
	push @{ $self->{open} }, $s;
	$self->_close(int rand @{ $self->{open} }) if @{ $self->{open} } > $self->{most};
	return;
}

# Where what has come was read, closing it is no reset.
sub _close
{
	my ($self, $i) = @_;
	my $s = splice(@{ $self->{open} }, $i, 1);

	sysread($s, my $drop, 65536) if rand() < 0.5;
	close $s;
	return;
}

# Close what is still open.
sub end { my ($self) = @_; $self->_close(0) while @{ $self->{open} }; return }

# Up to so many frames of a WebSocket, one in ten of them in pieces, some with what no client may say.
sub frames
{
	my ($many, @payloads) = @_;

	return join '', map {
		WebSocket::frame([1, 1, 1, 1, 1, 2, 8, 9, 10, 0, 5]->[rand 11], $payloads[rand @payloads], fin => rand() < 0.9, mask => rand() < 0.97, rsv => rand() < 0.02) } 1 .. $many;
}

1;
