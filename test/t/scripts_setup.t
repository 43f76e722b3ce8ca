# The packages that scripts/setup prints: what an install needs, and with the tests'.
use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Basename;
use Test::More;

# this may be run by a make itself, which tells its own how it was called
delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS)};

my $setup = abs_path(dirname(__FILE__) . '/../../scripts/setup');
my @install = split /\n/, `$setup --list`;
is($?, 0, '--list ends well');
my @all = split /\n/, `$setup --list-all`;
is($?, 0, 'so does --list-all');

for my $package ('build-essential', 'libuv1-dev', 'libmicrohttpd-dev', 'libcurl4-openssl-dev', 'libjansson-dev')
{
	ok((grep { $_ eq $package } @install), "an install needs $package");
}
for my $package ('clang', 'nginx-light', 'caddy', 'haproxy', 'chromium', 'firefox-esr', 'webkit2gtk-driver', 'npm', 'libmojolicious-perl', 'libipc-run-perl')
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


# --- what make says where something is missing --------------------------------

my $top = abs_path(dirname(__FILE__) . '/../..');
sub make_says { my ($sets) = @_; my $out = `cd $top && env $sets make -n 2>&1`; isnt($?, 0, "make fails with $sets"); return [ split /\n/, $out ] }
my $lines = make_says('PKG_CONFIG_LIBDIR=/nowhere PKG_CONFIG_PATH=');
is(scalar @$lines, 1, 'in one line');
like($lines->[0], qr/needs libuv, libmicrohttpd, libcurl, jansson, OpenSSL, libseccomp:/, 'which says what is missing');
like($lines->[0], qr/apt-get install libuv1-dev .*libseccomp-dev \(Debian\)/, 'for Debian');
like($lines->[0], qr/dnf install libuv-devel .*libseccomp-devel \(Fedora\)/, 'for Fedora');
like($lines->[0], qr/apk add libuv-dev .*curl-dev .*libseccomp-dev \(Alpine\)/, 'and for Alpine');
unlike($lines->[0], qr/esbuild/, 'not what is there');
$lines = make_says('PG_CONFIG=/nowhere/pg_config');
is(scalar @$lines, 1, 'in one line, too');
like($lines->[0], qr{/nowhere/pg_config finds no PostgreSQL .*postgresql-server-dev-all.*postgresql-server-devel.*postgresql-dev}, 'which names the packages');

# --- another PostgreSQL -----------------------------------------------------

for ([ '/nowhere', qr{^/nowhere is no pg_config: name a PostgreSQL's directory} ], [ '12', qr{^Debian has no PostgreSQL 12: build it from source} ])
{
	my $out = `cd $top && scripts/test-on $_->[0] 2>&1`;
	isnt($?, 0, "no tests on $_->[0]");
	is(scalar(split /\n/, $out), 1, 'in one line');
	like($out, $_->[1], 'which says what to do');
}

done_testing();
