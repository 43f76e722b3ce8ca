# LinkHub.pm
#	  The hub's end of links (doc/link.md), byte for byte as a test wants it: a
#	  listening socket that webchatt-net dials, whose worker the test plays
#	  (Corridor.pm).
package LinkHub;

use strict;
use warnings;

use IO::Socket::INET;
use JSON::PP;
use Patience;
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use WebSocket;

our $PROTOCOL = 'web-chatt2me.events.v1';
our @PHASE = qw(connecting open waiting refused);
$SIG{PIPE} = 'IGNORE';

my $json = JSON::PP->new->utf8->canonical;

# Options: tls ({key, cert} of files).
sub new
{
	my ($class, $w, %o) = @_;
	my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 64, Proto => 'tcp')
	  or die "listen: $!";
	$listen->blocking(0);
	return bless { w => $w, listen => $listen, port => $listen->sockport, dials => 0, %o }, $class;
}

sub url
{
	my ($self, $path) = @_;
	return ($self->{tls} ? "https://localhost:$self->{port}" : "http://127.0.0.1:$self->{port}") . ($path // '');
}

# --- what the worker is told ----------------------------------------------

# Keep the LINK_STATE frames of a corridor in $w->{states}.
sub watch
{
	my ($w) = @_;
	$w->{states} = [];
	$w->{on}{LINK_STATE} = sub {
		my ($s) = @_;
		$s->{phase} = $PHASE[$s->{phase}];
		push @{ $w->{states} }, $s; };
	return;
}

# The next state of that phase (and hub), those before it being forgotten.
sub state
{
	my ($w, $phase, $hub, $seconds) = @_;
	my $found;
	$w->until($seconds // 5, sub {
		while (my $s = shift @{ $w->{states} })
		{
			next if $s->{phase} ne $phase || (defined $hub && $s->{hub} != $hub);
			$found = $s;
			return 1;
		}
		return 0; });
	return $found;
}

# --- connections ------------------------------------------------------------

# The next connection, undef when none comes in time.
sub dialled
{
	my ($self, $seconds) = @_;
	my $s;
	$self->{w}->until($seconds // 5, sub { $s = $self->{listen}->accept }, $self->{listen}) or return;
	$self->{dials}++;
	setsockopt($s, IPPROTO_TCP, TCP_NODELAY, 1);
	if ($self->{tls})
	{
		$s->blocking(1);
		IO::Socket::SSL->start_SSL($s, SSL_server => 1, SSL_key_file => $self->{tls}{key},
			SSL_cert_file => $self->{tls}{cert}, SSL_alpn_protocols => ['h2', 'http/1.1'], Timeout => $Patience::SECONDS) or return;
	}
	$s->blocking(0);
	return bless { hub => $self, w => $self->{w}, s => $s, in => '', acks => [], frames => [], pings => [], pongs => [] },
	  'LinkHub::Connection';
}

# The next connection with its request read and answered by 101; options as 101's.
sub upgraded
{
	my ($self, %headers) = @_;
	my $c = $self->dialled // return;
	$c->request // return;
	$c->put($c->upgrade(%headers));
	return $c;
}

# And welcomed.
sub linked
{
	my ($self, $acknowledged, $lost, $heartbeat) = @_;
	my $c = $self->upgraded // return;
	$c->welcome($acknowledged, $lost, $heartbeat);
	return $c;
}

package LinkHub::Connection;

use Errno qw(EAGAIN EINTR);
use Time::HiRes qw(time);

# Bytes as they are; false when the client takes no more.
sub put
{
	my ($c, $bytes, $seconds) = @_;
	my $end = time + Patience::seconds($seconds);
	while (length $bytes)
	{
		my $n = syswrite($c->{s}, $bytes);
		if (defined $n) { substr($bytes, 0, $n, ''); next }
		return 0 if ($! != EAGAIN && $! != EINTR) || time > $end;
		$c->{w}->take;
		$c->fill;
		IO::Select->new($c->{s})->can_write(0.02);
	}
	return 1;
}

# The request's head.
sub request
{
	my ($c, $seconds) = @_;
	$c->{w}->until($seconds // 5, sub { $c->fill; $c->{in} =~ /\r\n\r\n/ || $c->{ended} }, $c->{s});
	return if $c->{in} !~ s/\A(.*?)\r\n\r\n//s;
	$c->{request} = $1;
	$c->{upgraded} = 1;
	return $c->{request};
}

sub header
{
	my ($c, $name) = @_;
	my @values = $c->{request} =~ /^\Q$name\E: ([^\r\n]*)/gmi;
	return @values ? join('|', @values) : undef;
}

# The 101; headers replace ours, undef takes one out.
sub upgrade
{
	my ($c, %headers) = @_;
	my $line = delete $headers{line} // 'HTTP/1.1 101 Switching Protocols';
	return WebSocket::head($line, Upgrade => 'websocket', Connection => 'Upgrade',
		'Sec-WebSocket-Accept' => WebSocket::accept_of($c->header('Sec-WebSocket-Key')), 'Sec-WebSocket-Protocol' => $PROTOCOL, %headers);
}

# One frame of a server: not masked, unless mask says so.
sub frame { my ($opcode, $payload, %o) = @_; return WebSocket::frame($opcode, $payload, mask => 0, %o) }

sub text { return frame(1, $_[0]) }

sub welcome_text
{
	my ($acknowledged, $lost, $heartbeat) = @_;
	return sprintf '{"type": "welcome", "acknowledged": %s, "lost": %s, "heartbeat": %s}',
	  $acknowledged // 0, $lost // 0, $heartbeat // 20;
}

sub welcome { my $c = shift; return $c->put(text(welcome_text(@_))) }

sub event_text { my ($seq, $event) = @_; return qq({"type": "event", "seq": $seq, "event": $event}) }
sub event { my ($c, $seq, $event) = @_; return $c->put(text(event_text($seq, $event))) }

sub close_frame { my ($code, $reason) = @_; return frame(8, pack('na*', $code, $reason // '')) }

# Say goodbye, and wait for the answer.
sub say_close
{
	my ($c, $code, $reason) = @_;
	$c->put(close_frame($code, $reason));
	$c->closed;
	$c->drop;
	return;
}

sub drop { my $c = shift; close $c->{s}; $c->{ended} = 1; return }

# Cut it so that the other side sees a reset.
sub reset
{
	my $c = shift;
	setsockopt($c->{s}, Socket::SOL_SOCKET(), Socket::SO_LINGER(), pack('ii', 1, 0));
	return $c->drop;
}

# Read what is there and take the client's frames apart.
sub fill
{
	my $c = shift;
	return if $c->{ended};
	while (1)
	{
		my $n = sysread($c->{s}, $c->{in}, 65536, length $c->{in});
		if (!defined $n) { $c->{ended} = 1 if $! != EAGAIN && $! != EINTR; last }
		if ($n == 0) { $c->{ended} = 1; last }
	}
	return if !$c->{upgraded};
	while (my ($opcode, $payload, $first, $mask) = WebSocket::take(\$c->{in}))
	{
		die 'an unmasked frame from the client' if !length $mask;
		die 'a frame with reserved bits or in pieces' if ($first & 0xf0) != 0x80;
		die 'a large frame from the client' if length $payload > 125;
		$c->{masks}{$mask}++;
		$c->take_frame($opcode, $payload);
	}
	return;
}

sub take_frame
{
	my ($c, $opcode, $payload) = @_;
	if ($opcode == 8) { @$c{qw(code reason)} = WebSocket::close_code($payload) }
	elsif ($opcode == 9) { push @{ $c->{pings} }, [time, $payload] }
	elsif ($opcode == 10) { push @{ $c->{pongs} }, $payload }
	elsif ($opcode == 1 && $payload =~ /\A\{"type":"ack","seq":(\d+)\}\z/)
	{
		die "ack $1 after $c->{acks}[-1]" if @{ $c->{acks} } && $1 <= $c->{acks}[-1];
		push @{ $c->{acks} }, $1;
	}
	else { die "frame $opcode: $payload" }
	return;
}

# The last number that was acknowledged, 0 for none.
sub acked { my $c = shift; $c->fill; return $c->{acks}[-1] // 0 }

sub wait_ack
{
	my ($c, $seq, $seconds) = @_;
	return $c->{w}->until($seconds // 5, sub { $c->acked >= $seq || $c->{ended} }, $c->{s}) && $c->acked == $seq;
}

# The close code; 1006 when the connection ends without one, 0 when it does not end.
sub closed
{
	my ($c, $seconds) = @_;
	$c->{w}->until($seconds // 5, sub { $c->fill; defined $c->{code} || $c->{ended} }, $c->{s});
	return $c->{code} // ($c->{ended} ? 1006 : 0);
}

# Does the client end the connection?
sub ends
{
	my ($c, $seconds) = @_;
	return $c->{w}->until($seconds // 5, sub { $c->fill; $c->{ended} }, $c->{s}) ? 1 : 0;
}

1;
