# A PostgreSQL of one's own in which webchatt-net is another program: its programs are found from where
# postgres lies.
package StandIn;

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename;
use File::Copy;
use File::Path qw(make_path);
use PostgreSQL::Test::Utils;

# Which program of test/lib it is.  From here on clusters are made with that PostgreSQL; the directory in which
# the program lies, for what test and stand-in leave each other there.
sub install
{
	my ($program) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir_short();
	my %path = map { my $p = `pg_config --$_`; chomp $p; $_ => $p } qw(bindir pkglibdir sharedir);
	my ($root) = $path{pkglibdir} =~ m{\A(.*?)/usr/lib/};
	my $from = abs_path(dirname(__FILE__));
	my %to;
	$root //= '';
	$to{$_} = $dir . substr $path{$_}, length $root for keys %path;
	make_path($to{bindir}, $to{pkglibdir}, dirname $to{sharedir});
	for my $file (glob "$path{bindir}/*")
	{
		my $copy = "$to{bindir}/" . basename $file;
		link($file, $copy) || copy($file, $copy);
		chmod 0755, $copy;
	}
	symlink $_, "$to{pkglibdir}/" . basename $_ for grep { !m{/webchatt-net\z} } glob "$path{pkglibdir}/*";
	symlink $path{sharedir}, $to{sharedir};
	copy("$from/$program", "$to{pkglibdir}/webchatt-net") or die "no stand-in: $!";
	chmod 0755, "$to{pkglibdir}/webchatt-net", $dir;
	$ENV{PATH} = "$to{bindir}:$ENV{PATH}";
	return $to{pkglibdir};
}

1;
