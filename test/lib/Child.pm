# A program that a test starts beside itself, and stops: a class for what has such
# a program, or start() alone.
package Child;

use strict;
use warnings;

use POSIX ();

# Run a command, or code in a process of its own; what it prints goes to the end of
# the file.  Arguments: out (the file), in (a directory to run it in).  Its id.
sub start
{
	my ($what, %args) = @_;
	my $pid = fork // die "fork: $!";

	return $pid if $pid;
	chdir $args{in} if defined $args{in};
	open(STDIN, '<', '/dev/null');
	open(STDOUT, '>>', $args{out}) && open(STDERR, '>&', \*STDOUT) if defined $args{out};
	if (ref $what eq 'CODE') { eval { $what->(); 1 } or print STDERR "# $@" }
	else { exec { $what->[0] } @$what }
	POSIX::_exit(127);
}

# One more of the class: its pid is the program's.
sub begin
{
	my ($class, $what, $self, %args) = @_;

	@$self{qw(pid owner)} = (start($what, %args), $$);
	return bless $self, $class;
}

# Stop it by a signal, KILL if none is said, and wait for its end; its status.
sub stop
{
	my ($self, $signal) = @_;
	my $pid = delete $self->{pid} or return;

	local ($?, $!);
	kill $signal // 'KILL', $pid;
	waitpid $pid, 0;
	return $?;
}

# Who forks has a copy of the object, and not the program.
sub DESTROY { my ($self) = @_; $self->stop if $self->{pid} && $self->{owner} == $$; return }

1;
