# The Containerfile, its entry and compose.yaml, as far as it can be told without building them (scripts/container
# does that): what they name is there, packages are those of scripts/setup and debian/control, and the proxy's
# configuration is that of doc/, which other tests run.
use strict;
use warnings;

use CPAN::Meta::YAML;
use Cwd qw(abs_path);
use File::Basename;
use File::Temp qw(tempdir);
use Test::More;

my $top = abs_path(dirname(__FILE__) . '/../..');
sub text_of { my ($file) = @_; open(my $fh, '<', "$top/$file") or die "$file: $!"; local $/; return scalar <$fh> }

# --- the Containerfile -------------------------------------------------------------

my @steps = split /\n/, `$top/test/lib/containerfile $top/Containerfile`;
is($?, 0, 'the Containerfile is read');
my %of;
push @{ $of{ (/\Astep_(\w+)/)[0] } }, [ map { s/'\\''/'/gr } /'((?:[^']|'\\'')*)'/g ] for @steps;
is_deeply([ map { $_->[1] } @{ $of{from} } ], [ 'build', 'final' ], 'it has two stages');
is($of{from}[0][0], $of{from}[1][0], 'on one Debian');
is_deeply([ grep { !-e "$top/$_" } map { $_->[1] } grep { !length $_->[0] } @{ $of{copy} } ], [], 'what it copies is there');
is($of{user}[0][0], 'postgres', 'it does not run as root');
my ($entry) = @{ $of{entrypoint}[0] };
my ($source) = map { $_->[1] } grep { $_->[2] eq $entry } @{ $of{copy} };
is($source, 'container/entry', 'it begins with what was copied there');
ok(-x "$top/container/entry", 'which can be executed');
is_deeply($of{healthcheck}[0], [ $entry, 'healthy' ], 'and says whether it is healthy');
for my $stage ([ 'is read', 'CMD run-this', qr/only a list in JSON/ ], [ 'an instruction that is not known', 'ADD a b', qr/ADD is not known/ ], [ 'a stage that is not there', 'COPY --from=nowhere /a /b', qr/no stage before it/ ])
{
	my $dir = tempdir(CLEANUP => 1);
	open(my $fh, '>', "$dir/Containerfile") or die $!;
	print $fh "FROM debian:x-slim AS build\n$stage->[1]\n";
	close $fh;
	like(`$top/test/lib/containerfile $dir/Containerfile 2>&1`, $stage->[2], "$stage->[0]: refused");
}

# What it is built with is what debian/control says: that has to be what scripts/setup says.
my ($depends) = text_of('debian/control') =~ /^Build-Depends:\n((?: .*\n)+)/m;
my %built = map { $_ => 1 } map { s/\A\s+|,?\s*\z//gr =~ s/ .*//r } split /\n/, $depends;
my @setup = grep { !/\A(?:postgresql-\d+|postgresql-server-dev-\d+|build-essential)\z/ } split /\n/, `$top/scripts/setup --list`;
is(join(' ', sort map { s/\Apkg-config\z/pkgconf/r } @setup), join(' ', sort grep { !/\A(?:debhelper-compat|perl|postgresql-server-dev-all)\z/ } keys %built), 'debian/control and scripts/setup have the same packages');
my %ignored = map { $_ => 1 } split /\n/, text_of('.containerignore');
ok($ignored{'.git'} && $ignored{build}, 'what was built here is not copied');
is(readlink "$top/.dockerignore", '.containerignore', 'by any engine');

# --- the entry -----------------------------------------------------------------------

is(system('sh', '-n', "$top/container/entry"), 0, 'the entry is a script');
my %setting = map { $_ => 1 } text_of('src/common/settings.def') =~ /^SETTING_[A-Z]+\((\w+),/mg;
is_deeply([ grep { !$setting{$_} } text_of('container/entry') =~ /setting webchatt\.(\w+)/g ], [], 'it sets what there is to be set');
my %known = map { $_ => 1 } text_of('container/entry') =~ /\b((?:WEBCHATT|POSTGRES)_[A-Z_]+)\b/g;
my %told = map { $_ => 1 } text_of('doc/container.md') =~ /^\| `((?:WEBCHATT|POSTGRES)_[A-Z_]+)`/mg;
is_deeply([ sort keys %told ], [ sort keys %known ], 'doc/container.md has each of its variables');

# --- compose.yaml ----------------------------------------------------------------------

my ($compose) = @{ CPAN::Meta::YAML->read_string(text_of('container/compose.yaml')) };
my ($webchatt, $caddy) = @{ $compose->{services} }{qw(webchatt caddy)};
ok(-e "$top/container/$webchatt->{build}{context}/$webchatt->{build}{dockerfile}", 'compose.yaml builds the Containerfile');
is_deeply([ grep { !$known{$_} } keys %{ $webchatt->{environment} } ], [], 'and sets variables that the entry knows');
is_deeply($webchatt->{volumes}, [ "data:$of{volume}[0][0]" ], 'with a volume where the data are');
is_deeply($webchatt->{secrets}, [ keys %{ $compose->{secrets} } ], 'and a password in a secret');
ok(text_of('container/entry') =~ m{/run/secrets/$webchatt->{secrets}[0]\b}, 'where the entry looks for it');
is($caddy->{network_mode}, 'service:webchatt', 'Caddy is in its network, so that it listens on loopback');
my %mounts = map { /\A(.+?):(.+?)(?::ro)?\z/ } grep { /\A\./ } @{ $caddy->{volumes} };
is_deeply([ grep { !-e "$top/container/$_" } keys %mounts ], [], 'and has files that are there');

# Caddy by these files is Caddy by doc/Caddyfile and doc/Caddyfile-desk, with these hosts.
my $dir = tempdir(CLEANUP => 1);
for (keys %mounts)
{
	open(my $fh, '>', "$dir/" . basename($mounts{$_})) or die $!;
	print $fh text_of("container/$_");
}
open(my $fh, '>', "$dir/both") or die $!;
print $fh text_of('doc/Caddyfile'), "\n", text_of('doc/Caddyfile-desk');
close $fh;
sub adapted { my ($file) = @_; return `cd $dir && caddy adapt --adapter caddyfile --config $file 2>/dev/null` }
my $plain = adapted('both');
like($plain, qr/"chat\.example\.org".*"desk\.example\.org"/s, 'Caddy reads doc/Caddyfile and doc/Caddyfile-desk');
is_deeply([ sort keys %{ $caddy->{environment} } ], [ sort map { /\{\$(\w+):/g } $plain eq '' ? () : text_of('doc/Caddyfile'), text_of('doc/Caddyfile-desk') ], 'compose.yaml gives the hosts that they ask for');
local @ENV{qw(CHAT_HOST DESK_HOST)} = ('chat.example.net', 'desk.example.net');
is(adapted('Caddyfile'), $plain =~ s/example\.org/example.net/gr, 'and by compose.yaml it is the same, with other hosts');

done_testing();
