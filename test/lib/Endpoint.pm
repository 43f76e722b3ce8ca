# An HTTP server inside the test, for what webchatt-net posts to others: the test
# says for each path what is answered, and looks at what came.  It moves only
# within pump(), so nothing happens behind the test's back.
package Endpoint;

use strict;
use warnings;

use Errno qw(EAGAIN EINTR);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::IP;
use Patience;
use Socket qw(SOL_SOCKET SO_LINGER);
use Time::HiRes qw(time);

sub new
{
	my ($class, $address) = @_;
	my $listener = IO::Socket::IP->new(LocalHost => $address // '127.0.0.1', LocalPort => 0, Listen => 128,
		Proto => 'tcp', ReuseAddr => 1) or die "no endpoint: $@";

	$listener->blocking(0);
	return bless { listener => $listener, port => $listener->sockport, rules => {}, requests => [],
		connections => {}, accepted => 0, held => [] }, $class;
}

# What a path answers: bytes, a reference to an array of bytes and what happens
# then (close, reset, hold), or a function of the request that says so; undef: nothing.
sub on { my ($self, $path, $rule) = @_; $self->{rules}{$path} = $rule; return }

# A whole answer.
sub reply
{
	my ($status, $body, %headers) = @_;
	$headers{'Content-Type'} //= 'application/json';
	return "HTTP/1.1 $status Said\r\n" . join('', map { "$_: $headers{$_}\r\n" } grep { length $headers{$_} } sort keys %headers)
	  . "Content-Length: " . length($body) . "\r\n\r\n$body";
}

sub sockets { my ($self) = @_; return ($self->{listener}, map { $_->{fh} } values %{ $self->{connections} }) }

sub pump
{
	my ($self) = @_;
	while (my $fh = $self->{listener}->accept)
	{
		$fh->blocking(0);
		$self->{connections}{ fileno $fh } = { fh => $fh, n => ++$self->{accepted}, in => '', out => '' };
	}
	$self->serve($_) for values %{ $self->{connections} };
	return;
}

sub drop
{
	my ($self, $c, $reset) = @_;
	delete $self->{connections}{ fileno $c->{fh} };
	setsockopt($c->{fh}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)) if $reset;
	close $c->{fh};
	return;
}

# Close what is idle, as a server does after a while.
sub hang_up { my ($self) = @_; $self->drop($_) for values %{ $self->{connections} }; return }

sub serve
{
	my ($self, $c) = @_;
	while (1)
	{
		my $n = sysread($c->{fh}, $c->{in}, 262144, length $c->{in});
		if (!defined $n)
		{
			next if $! == EINTR;
			last if $! == EAGAIN;
			return $self->drop($c);
		}
		return $self->drop($c) if $n == 0;
	}
	while (!$c->{held} && $c->{in} =~ /\A(.*?)\r\n\r\n/s)
	{
		my $head = $1;
		my ($length) = $head =~ /^content-length: (\d+)/mi;
		last if length($c->{in}) < length($head) + 4 + ($length // 0);
		my $body = substr($c->{in}, length($head) + 4, $length // 0);
		substr($c->{in}, 0, length($head) + 4 + ($length // 0), '');
		$self->answer($c, $head, $body);
		return if !$self->{connections}{ fileno $c->{fh} // -1 };
	}
	return $self->send_out($c);
}

sub send_out
{
	my ($self, $c) = @_;
	while (length $c->{out})
	{
		my $n = syswrite($c->{fh}, $c->{out});
		return if !defined $n && ($! == EAGAIN || $! == EINTR);
		return $self->drop($c) if !defined $n;
		substr($c->{out}, 0, $n, '');
	}
	$self->drop($c, $c->{then} eq 'reset') if $c->{then} && $c->{then} ne 'hold';
	return;
}

sub answer
{
	my ($self, $c, $head, $body) = @_;
	my ($line, @lines) = split /\r\n/, $head;
	my ($method, $target) = split / /, $line;
	my %r = (method => $method, target => $target, path => $target =~ s/\?.*//r, head => $head, body => $body,
		connection => $c->{n}, at => time, headers => {}, c => $c);

	for (@lines)
	{
		my ($name, $value) = /^([^:]+): ?(.*)$/ or die "a header without a colon: $_";
		push @{ $r{headers}{ lc $name } }, $value;
	}
	push @{ $self->{requests} }, \%r;
	my $said = $self->{rules}{ $r{path} } // $self->{rules}{'*'};
	$said = $said->(\%r) if ref $said eq 'CODE';
	if (!defined $said) { $c->{held} = 1; return }
	($said, $c->{then}) = @$said if ref $said;
	$c->{held} = 1 if $c->{then};
	$c->{out} .= $said;
	$self->send_out($c);
	return;
}

# Answer a request that was held.
sub release
{
	my ($self, $r, $said) = @_;
	$r->{c}{held} = 0;
	$r->{c}{out} .= $said;
	$self->send_out($r->{c}) if defined fileno $r->{c}{fh};
	return;
}

sub header
{
	my ($r, $name) = @_;
	return join '|', @{ $r->{headers}{ lc $name } // [] };
}

# Let corridor and endpoints work until the condition holds.
sub work_until
{
	my ($w, $endpoints, $seconds, $condition) = @_;
	my $end = time + Patience::seconds($seconds);
	while (1)
	{
		$w->take;
		$w->flush;
		$_->pump for @$endpoints;
		my $value = $condition->();
		return $value if $value;
		return if time > $end || $w->{gone};
		IO::Select->new($w->{fh}, map { $_->sockets } @$endpoints)->can_read(0.02);
	}
}

# Visitors, links and the endpoint live until the condition holds: what it gave; nothing
# when the time is up.  Who calls it uses Visitor.
sub until
{
	my ($self, $condition, $timeout) = @_;

	return Patience::until($condition, $timeout, sub { $self->pump; Visitor::pump(0.01) });
}

1;
