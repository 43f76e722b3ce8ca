# What ALTER EXTENSION webchatt UPDATE makes of an older version's schema is what CREATE EXTENSION
# makes today: every object, its comment, its rights.
use strict;
use warnings;

use LocalHub;
use OtherVersion;
use Test::More;
use WebchattTest;

my $pg = OtherVersion->new;
$pg->add_script('0.1');
my $t = WebchattTest->new(install_path => $pg->install_path, databases => '');

$t->sql('CREATE DATABASE fresh');
$t->sql('CREATE DATABASE upgraded');
$t->sql('CREATE EXTENSION webchatt', 'fresh');
$t->sql(q{CREATE EXTENSION webchatt VERSION '0.1'}, 'upgraded');
$t->sql('ALTER EXTENSION webchatt UPDATE', 'upgraded');
my ($fresh, $upgraded) = map { OtherVersion::catalog($t, $_) } qw(fresh upgraded);
cmp_ok(scalar keys %$fresh, '>', 2000, 'the catalogs say much of it');
LocalHub::none(OtherVersion::differences($fresh, $upgraded), 'and the same after an upgrade');

done_testing();
