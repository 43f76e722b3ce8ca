# The packages that scripts/setup prints: what an install needs, and with the tests'.
use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Basename;
use Test::More;

my $setup = abs_path(dirname(__FILE__) . '/../../scripts/setup');
my @install = split /\n/, `$setup --list`;
is($?, 0, '--list ends well');
my @all = split /\n/, `$setup --list-all`;
is($?, 0, 'so does --list-all');

for my $package ('build-essential', 'libuv1-dev', 'libmicrohttpd-dev', 'libcurl4-openssl-dev', 'libjansson-dev')
{
	ok((grep { $_ eq $package } @install), "an install needs $package");
}
for my $package ('clang', 'nginx-light', 'caddy', 'chromium', 'firefox-esr', 'webkit2gtk-driver', 'npm', 'libmojolicious-perl', 'libipc-run-perl')
{
	ok(!(grep { $_ eq $package } @install), "an install does not need $package");
	ok((grep { $_ eq $package } @all), "but --list-all has $package");
}
my %all = map { $_ => 1 } @all;
is_deeply([ grep { !$all{$_} } @install ], [], '--list-all has all of --list');
is_deeply([ grep { !/^[a-z0-9][a-z0-9.+-]+$/ } @all ], [], 'one package a line');
my $said = `$setup --lst 2>&1`;
is($? >> 8, 2, 'an option that is none is refused');
like($said, qr/no such option: --lst/, 'by its name');

done_testing();
