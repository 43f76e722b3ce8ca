# A server's clock and disks in a test's hands: turned.c is compiled and preloaded
# into the server, and does what a small file says.
package Turned;

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename;

my $source = abs_path(dirname(__FILE__) . '/turned.c');

# Argument: a directory for its files.
sub new
{
	my ($class, $dir) = @_;
	my $self = bless { file => "$dir/turned", library => "$dir/turned.so", offset => 0, full => '' }, $class;
	my $cc = $ENV{CC} // 'cc';

	system("$cc -std=gnu11 -shared -fPIC -O2 -w -o '$self->{library}' '$source' -ldl") == 0 or die "cannot compile $source";
	$self->_write;
	return $self;
}

sub _write
{
	my ($self) = @_;

	# in place: it is mapped
	open(my $fh, -e $self->{file} ? '+<' : '>', $self->{file}) or die "$self->{file}: $!";
	syswrite $fh, pack('qZ120', $self->{offset}, $self->{full});
	close $fh;
	return;
}

# Run code that starts a server, so that this is preloaded into it.
sub start
{
	my ($self, $code) = @_;

	local $ENV{LD_PRELOAD} = $self->{library};
	local $ENV{WEBCHATT_TURNED} = $self->{file};
	return $code->();
}

# The clock is so many seconds ahead of what it is (below 0: behind).
sub clock { my ($self, $seconds) = @_; $self->{offset} = $seconds; return $self->_write }

# Files whose path has this in it cannot grow; none: all can.
sub full { my ($self, $part) = @_; $self->{full} = $part // ''; return $self->_write }

1;
