# RawSocket.pm
#	  A WebSocket that says exactly what a test wants, byte for byte, over a
#	  connection to webchatt-net whose worker the test plays (Corridor.pm).
package RawSocket;

use strict;
use warnings;

use Errno qw(EAGAIN);
use IO::Select;
use JSON::PP;
use WebSocket;

our $ORIGIN = 'https://www.example.com';
our $NONCE = 'dGhlIHNhbXBsZSBub25jZQ==';
$SIG{PIPE} = 'IGNORE';

my $json = JSON::PP->new->utf8->canonical;

# The head of an opening request; headers replace ours, undef takes one out.
sub head
{
	my ($key, %headers) = @_;
	my $line = delete $headers{line} // "GET /communication/web-chatt2me/ws?webChatId=$key HTTP/1.1";
	return WebSocket::head($line, Host => 'hub.example.com', Upgrade => 'websocket', Connection => 'Upgrade',
		'Sec-WebSocket-Version' => 13, 'Sec-WebSocket-Key' => $NONCE,
		'Sec-WebSocket-Protocol' => 'web-chatt2me.v1', Origin => $ORIGIN, %headers);
}

# Take a socket over on which the head is (being) sent; dies when it is refused.
sub new
{
	my ($class, $w, $s) = @_;
	return bless { w => $w, s => $s, in => '', frames => [] }, $class;
}

# Dial, upgrade.  Options: head (more headers), socket.
sub dial
{
	my ($class, $w, $key, %o) = @_;
	my $s = $o{socket} // $w->dial($o{local});
	my $self = $class->new($w, $s);
	$w->put($s, head($key, %{ $o{head} // {} }));
	$self->upgraded // die 'no upgrade: ' . ($self->{ended} ? "closed: $self->{in}" : $self->{in} =~ /(.*)/ ? $1 : 'silence');
	return $self;
}

# Read the 101; the head of it, undef when the answer is another one.
sub upgraded
{
	my ($self, $seconds) = @_;
	$self->{w}->until($seconds // 5, sub { $self->fill; $self->{in} =~ /\r\n\r\n/ || $self->{ended} }, $self->{s});
	return if $self->{in} !~ s/\A(HTTP\/1\.1 101 .*?)\r\n\r\n//s;
	return $1;
}

# Upgrade and be welcomed.  Options: as dial(); hello: more members.
sub visit
{
	my ($class, $w, $key, %o) = @_;
	my $self = $class->dial($w, $key, %o);
	$self->say({ type => 'hello', %{ $o{hello} // {} } });
	$self->{welcome} = $self->wait_for('welcome') // die 'not welcomed: ' . ($self->{code} // 'silence');
	return $self;
}

*frame = \&WebSocket::frame;

sub put { my ($self, $bytes) = @_; return $self->{w}->put($self->{s}, $bytes) }

sub say
{
	my ($self, $what) = @_;
	return $self->put(frame(1, ref $what ? $json->encode($what) : $what));
}

sub text
{
	my ($self, $id, $text) = @_;
	return $self->say({ type => 'message', id => $id, content => { type => 'text', text => $text // 'hello' } });
}

# Read what is there and take frames apart.
sub fill
{
	my $self = shift;
	my $n = sysread($self->{s}, $self->{in}, 262144, length $self->{in});
	$self->{ended} = 1 if defined $n ? $n == 0 : $! != EAGAIN;
	return if $self->{in} =~ /\AHTTP/;
	while (my ($opcode, $payload, $first, $mask) = WebSocket::take(\$self->{in}))
	{
		die 'a masked frame from the server, one with reserved bits or in pieces' if length $mask || ($first & 0xf0) != 0x80;
		if ($opcode == 8) { @$self{qw(code reason)} = WebSocket::close_code($payload); next }
		push @{ $self->{frames} }, $opcode == 1 ? $json->decode($payload) : { opcode => $opcode, payload => $payload };
	}
	return;
}

# The next frame that the condition is true for; others stay.
sub wait_where
{
	my ($self, $condition, $seconds) = @_;
	my $found;
	$self->{w}->until($seconds // 5, sub {
		$self->fill;
		for my $i (0 .. $#{ $self->{frames} })
		{
			next if !$condition->($self->{frames}[$i]);
			$found = splice(@{ $self->{frames} }, $i, 1);
			return 1;
		}
		return $self->{ended}; }, $self->{s});
	return $found;
}

sub wait_for
{
	my ($self, $type, $seconds) = @_;
	return $self->wait_where(sub { ($_[0]{type} // '') eq $type }, $seconds);
}

sub wait_opcode
{
	my ($self, $opcode, $seconds) = @_;
	return $self->wait_where(sub { ($_[0]{opcode} // 1) == $opcode }, $seconds);
}

# The close code; 1006 when the connection ends without one, 0 when it does not end.
sub closed
{
	my ($self, $seconds) = @_;
	$self->{w}->until($seconds // 5, sub { $self->fill; defined $self->{code} || $self->{ended} }, $self->{s});
	return $self->{code} // ($self->{ended} ? 1006 : 0);
}

# Answer a close frame as RFC 6455 wants, and see the end; true when it came.
sub ends
{
	my ($self, $seconds) = @_;
	$self->put(frame(8, pack('n', $self->{code} // 1000))) if !$self->{ended};
	my $ended = $self->{w}->until($seconds // 5, sub { $self->fill; $self->{ended} }, $self->{s});
	close $self->{s};
	return $ended;
}

1;
