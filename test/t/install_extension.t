# Creating the extension where others were first, and dropping it again.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use WebchattTest;

my $t = WebchattTest->new(name => 'install', databases => '');
my $n = 0;

# What CREATE EXTENSION says in a new database, after the SQL that others ran there as
# superuser, or as mallory, who may create schemas.
sub created_after
{
	my ($super, $mallory) = @_;
	my $database = 'install' . ++$n;

	$t->sql("CREATE DATABASE $database; GRANT CREATE ON DATABASE $database TO mallory");
	$t->node->psql($database, $mallory, extra_params => [ '-U', 'mallory' ], on_error_die => 1) if $mallory;
	$t->sql($super, $database) if $super;
	my ($status, $out, $err) = $t->try_sql('CREATE EXTENSION webchatt', $database);
	return $status == 0 ? 'created' : $err =~ /ERROR: +(.*)/ ? $1 : $err;
}

# The rights on everything of ours, and on the schema, as text.
sub rights
{
	my ($database) = @_;

	return $t->sql(q{SELECT x FROM (
		SELECT pg_describe_object(d.classid, d.objid, 0) || ' ' || a::text AS x
		FROM pg_depend d JOIN (
			SELECT 'pg_class'::regclass AS class, oid, coalesce(relacl, acldefault('r', relowner)) AS acl FROM pg_class WHERE relkind IN ('r', 'v', 'S')
			UNION ALL SELECT 'pg_proc'::regclass, oid, coalesce(proacl, acldefault('f', proowner)) FROM pg_proc
			UNION ALL SELECT 'pg_type'::regclass, oid, coalesce(typacl, acldefault('T', typowner)) FROM pg_type WHERE typtype = 'e') o
			ON o.class = d.classid AND o.oid = d.objid CROSS JOIN LATERAL unnest(o.acl) a
		WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'webchatt')
		UNION ALL SELECT 'schema ' || a::text FROM pg_namespace n, unnest(n.nspacl) a WHERE n.nspname = 'webchatt') y ORDER BY x}, $database);
}

$t->sql('CREATE ROLE mallory LOGIN; CREATE ROLE nobody');
my $evil = q{CREATE FUNCTION webchatt.quote_ident(name) RETURNS text LANGUAGE plpgsql AS $$ BEGIN ALTER ROLE mallory SUPERUSER; RETURN 'x'; END $$};
my $refused = 'schema webchatt is there already, and cannot be used:';

# The schema.
is(created_after(undef, "CREATE SCHEMA webchatt; $evil"), "$refused it belongs to mallory, who is no superuser", 'a schema with somebody else\'s functions is refused');
is(created_after(undef, 'CREATE SCHEMA webchatt'), "$refused it belongs to mallory, who is no superuser", 'an empty one of theirs too');
is(created_after("ALTER SCHEMA webchatt OWNER TO CURRENT_USER", "CREATE SCHEMA webchatt; $evil"), "$refused it is not empty", 'one that is given away full');
is(created_after('ALTER SCHEMA webchatt OWNER TO CURRENT_USER', 'CREATE SCHEMA webchatt; CREATE DOMAIN webchatt.int8 AS text'), "$refused it is not empty", 'or has a type');
is(created_after('CREATE SCHEMA webchatt; GRANT CREATE ON SCHEMA webchatt TO nobody'), "$refused others may create objects in it", 'one that others may fill while it is being used');
is(created_after('CREATE SCHEMA webchatt'), 'created', 'a superuser\'s empty one, as a dump makes it, is taken');
is($t->sql(q{SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'}), 'f', 'nobody became superuser');

# The roles.
for my $attribute (qw(LOGIN SUPERUSER CREATEROLE CREATEDB REPLICATION BYPASSRLS))
{
	$t->sql("ALTER ROLE webchatt_agent $attribute");
	is(created_after(), "role webchatt_agent is there already, and may do more than it should: $attribute", "a role with $attribute is refused");
	$t->sql("ALTER ROLE webchatt_agent NO$attribute");
}
$t->sql('GRANT pg_execute_server_program TO nobody; GRANT nobody TO webchatt_worker');
is(created_after(), 'role webchatt_worker is there already, and may do more than it should: member of pg_execute_server_program', 'one that may do more by others, too');
$t->sql('REVOKE nobody FROM webchatt_worker; REVOKE pg_execute_server_program FROM nobody; GRANT webchatt_worker TO mallory');
is(created_after(), 'role webchatt_worker is there already, and may do more than it should: had by mallory', 'somebody who can be the worker is found out');
$t->sql('REVOKE webchatt_worker FROM mallory; GRANT webchatt_admin TO mallory');
is(created_after(), 'created', 'whoever was made an admin in another database stands in no way');
$t->sql('REVOKE webchatt_admin FROM mallory');

# Default privileges of the installer.
is(created_after(join '; ', map { my $in = $_; map { "ALTER DEFAULT PRIVILEGES $in GRANT ALL ON $_ TO PUBLIC, mallory, webchatt_agent WITH GRANT OPTION" =~ s/PUBLIC, //r,
	"ALTER DEFAULT PRIVILEGES $in GRANT ALL ON $_ TO PUBLIC", "ALTER DEFAULT PRIVILEGES $in REVOKE ALL ON $_ FROM CURRENT_USER" } qw(TABLES SEQUENCES FUNCTIONS TYPES) } ''),
	'created', 'the extension is created beside generous default privileges');
my $generous = rights("install$n");
is($generous, rights('install' . ($n - 1)), 'and everybody\'s rights on everything are the same as without');
like($generous, qr/function webchatt\.send_message.*webchatt_agent=X/, 'the right ones');
# indexes call them as whoever writes the row
unlike($generous =~ s/^function webchatt[.](?:hub_message_key\(uuid,text\)|visitor_words\(text,(?:jsonb|text,text)\)) =X.*$//mgr, qr/mallory|nobody|[ {,]=/, 'nobody else has any');
is(created_after('ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO mallory, PUBLIC'), 'created', 'those on schemas, too');
is(rights("install$n"), $generous, 'are taken back');

# The end of it, as doc/operating.md has it.
my $database = "install$n";
$t->sql(q{CREATE TABLE public.leads (id int); GRANT INSERT ON public.leads TO webchatt_worker;
	SELECT webchatt.create_channel('Shop', '{https://www.example.com}'); SELECT webchatt.create_api_key('key')}, $database);
my ($steps) = slurp_file("$ENV{PWD}/doc/operating.md") =~ /^## Uninstalling.*?```sql\n(.*?)```/ms;
ok($steps, 'uninstalling is documented') or die('no steps');
my ($each, $last) = split /^-- then, once for the whole server.*\n/m, $steps;
for my $here (map { "install$_" } 1 .. $n)
{
	my ($status, $out, $err) = $t->try_sql($each, $here);
	is($status, 0, "$here: its steps work") or diag($err);
}
$t->sql($last);
is($t->sql(q{SELECT count(*) FROM pg_roles WHERE rolname ~ '^webchatt'}), '0', 'no role is left');
is($t->sql(q{SELECT (SELECT count(*) FROM pg_namespace WHERE nspname = 'webchatt')
	+ (SELECT count(*) FROM pg_class c, aclexplode(c.relacl) a WHERE a.grantee NOT IN (0, c.relowner) AND NOT EXISTS (SELECT FROM pg_roles WHERE oid = a.grantee))}, $database), '0', 'no schema, and no rights of roles that are gone');
is($t->sql(q{SELECT count(*) FROM pg_db_role_setting s WHERE s.setrole <> 0 AND NOT EXISTS (SELECT FROM pg_roles WHERE oid = s.setrole)
	UNION ALL SELECT count(*) FROM pg_default_acl d, aclexplode(d.defaclacl) a WHERE a.grantee <> 0 AND NOT EXISTS (SELECT FROM pg_roles WHERE oid = a.grantee)}, $database),
	"0\n0", 'nor settings and default privileges for them');
($_, my $out, my $err) = $t->try_sql('CREATE EXTENSION webchatt', $database);
is($err, '', 'and it can be created anew');

done_testing;
