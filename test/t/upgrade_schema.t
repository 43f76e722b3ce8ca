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

sub as_owner { my ($sql, $database) = @_; return $t->node->psql($database, $sql, extra_params => [ '-U', 'The Owner' ], on_error_die => 1) }

# One superuser made them, another one upgrades; and others have default privileges on whatever is made.
$t->sql('CREATE ROLE "The Owner" SUPERUSER LOGIN; CREATE ROLE guest');
$t->sql("CREATE DATABASE $_") for qw(fresh upgraded);
as_owner('CREATE EXTENSION webchatt', 'fresh');
as_owner(q{CREATE EXTENSION webchatt VERSION '0.1'}, 'upgraded');
$t->sql(join('; ', map { my $role = $_; map { "ALTER DEFAULT PRIVILEGES FOR ROLE $role GRANT ALL ON $_ TO guest, webchatt_agent" } qw(TABLES SEQUENCES FUNCTIONS TYPES) } '"The Owner"', 'postgres'), 'upgraded');
$t->sql('ALTER EXTENSION webchatt UPDATE', 'upgraded');
my ($fresh, $upgraded) = map { OtherVersion::catalog($t, $_) } qw(fresh upgraded);
cmp_ok(scalar keys %$fresh, '>', 2000, 'the catalogs say much of it');
LocalHub::none(OtherVersion::differences($fresh, $upgraded), 'and the same after an upgrade');


# What a new installation has in its tables.
sub rows
{
	my ($database) = @_;
	my @tables = split /\n/, $t->sql(q{SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'webchatt'::regnamespace AND c.relkind = 'r' ORDER BY 1}, $database);

	return { map { $_ => $t->sql("SELECT count(*), md5(coalesce(string_agg((to_jsonb(x) - '{id,made_at,created_at,begun_at,since}'::text[])::text, ',' ORDER BY x::text), '')) FROM $_ x", $database) } @tables };
}

is_deeply(rows('upgraded'), rows('fresh'), 'and so are the rows');
is($t->sql(q{SELECT count(*) FROM pg_class WHERE relname LIKE '\_upgrade%'}, 'upgraded'), 0, 'nothing is left of the upgrade itself');

done_testing();
