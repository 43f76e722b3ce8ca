# A PostgreSQL of a test's own, in which an older version of webchatt is installed and
# replaced by today's, as a package does it: its script and its sources are in test/upgrade.
package OtherVersion;

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename;
use File::Path qw(make_path);
use File::Temp qw(tempdir);

my $top = abs_path(dirname(__FILE__) . '/../..');
my @files = (qw(webchatt.so webchatt-net), qr/webchatt--.*\.sql/, 'webchatt.control');

# Copies of the programs, links to the rest.
sub new
{
	my ($class) = @_;
	my $self = bless { root => tempdir(CLEANUP => 1) }, $class;

	for my $dir (qw(bindir pkglibdir sharedir))
	{
		chomp($self->{$dir} = qx(pg_config --$dir));
		next if -e "$self->{root}$self->{$dir}";
		make_path(dirname("$self->{root}$self->{$dir}"));
		run('cp', '-a', $self->{$dir}, "$self->{root}$self->{$dir}");
	}
	$self->{today} = "$self->{root}/today";
	make_path($self->{today});
	run('cp', '-a', glob("$self->{pkglibdir}/webchatt*"), glob("$self->{sharedir}/extension/webchatt*"), $self->{today});
	return $self;
}

sub run
{
	my (@command) = @_;

	open(my $out, '-|', @command) or die "$command[0]: $!";
	my $said = do { local $/; <$out> };
	close $out or die "@command: $?\n" . ($said // '');
	return;
}

# Today's version.
sub today
{
	open(my $fh, '<', "$top/webchatt.control") or die $!;
	return (join('', <$fh>) =~ /^default_version = '(.*)'/m)[0];
}

# For WebchattTest->new.
sub install_path { my ($self) = @_; return dirname("$self->{root}$self->{bindir}") }

# Build the version: without optimization, for it takes less long.  Library and program are kept beside today's.
sub build
{
	my ($self, $version) = @_;
	my $dir = "$self->{root}/$version";

	make_path($dir);
	run('sh', '-euc', q{
		top=$1 dir=$2 version=$3
		cd "$dir"
		xz -dc "$top/test/upgrade/webchatt-$version.tar.xz" | tar x
		mkdir build objects net
		perl sql/embed header sql/worker/*.sql >build/worker_sql.h
		perl sql/embed texts sql/worker/*.sql >build/worker_sql.c
		echo >build/nothing.js
		perl src/net/http/embed /chat-widget.umd.js=build/nothing.js >build/asset_table.c
		cc=$(pg_config --cc)
		server="$(pg_config --cppflags) -I$(pg_config --includedir-server) -I$(pg_config --includedir)/internal -I$(pg_config --pkgincludedir)/internal"
		packages='libuv libmicrohttpd libcurl jansson libcrypto libseccomp'
		printf '%s\n' src/backend/*.c src/backend/*/*.c src/common/*.c build/worker_sql.c | sed "s|^|$dir/|" | (cd objects && xargs -n 12 -P 2 \
			$cc -c -O0 -w -std=gnu11 -fPIC -fno-strict-aliasing -fwrapv -I"$dir/src" -I"$dir/src/backend" -I"$dir/build" $server -D_GNU_SOURCE)
		printf '%s\n' src/net/*.c src/net/*/*.c src/common/*.c build/asset_table.c | sed "s|^|$dir/|" | (cd net && xargs -n 12 -P 2 \
			$cc -c -O0 -w -std=c11 -D_GNU_SOURCE -fPIE -I"$dir/src" -I"$dir/src/net" $(pkg-config --cflags $packages))
		$cc -shared -o webchatt.so objects/*.o -lcrypto
		$cc -pie -o webchatt-net net/*.o $(pkg-config --libs $packages) -lwslay
		rm -r objects net
		cp "$top/test/upgrade/webchatt--$version.sql" .
		sed "s/^default_version.*/default_version = '$version'/" "$top/webchatt.control" >webchatt.control
	}, 'build', $top, $dir, $version);
	return;
}

# Put a version's files in place of what is there: 'today', or one that was built.
sub install
{
	my ($self, $version) = @_;
	my $from = "$self->{root}/$version";

	unlink glob("$self->{root}$self->{sharedir}/extension/webchatt*");
	for my $file (glob("$from/webchatt*"))
	{
		next if -d $file || $file =~ /\.xz\z/;
		my $to = $self->{root} . ($file =~ /\.(?:sql|control)\z/ ? "$self->{sharedir}/extension" : $self->{pkglibdir}) . '/' . basename($file);
		run('cp', '-L', '--remove-destination', $file, "$to.new");
		rename("$to.new", $to) or die "$to: $!";
	}
	return;
}

# An older version's script beside what is there: CREATE EXTENSION ... VERSION.
sub add_script
{
	my ($self, $version) = @_;

	run('cp', "$top/test/upgrade/webchatt--$version.sql", "$self->{root}$self->{sharedir}/extension/");
	return;
}

# --- what a database has of webchatt ------------------------------------------

my $MEMBERS = q{m AS MATERIALIZED (SELECT d.classid, d.objid FROM pg_depend d WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
	AND d.refobjid = (SELECT e.oid FROM pg_extension e WHERE e.extname = 'webchatt')),
	r AS MATERIALIZED (SELECT c.* FROM pg_class c JOIN m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid),
	f AS MATERIALIZED (SELECT p.* FROM pg_proc p JOIN m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid)};

my @CATALOG = (
	member => q{SELECT pg_describe_object(m.classid, m.objid, 0), '' FROM m},
	relation => q{SELECT r.relname, concat_ws(' ', r.relkind, r.relpersistence, r.relreplident, r.relrowsecurity, r.relforcerowsecurity, r.reloptions,
		(SELECT t.reloptions FROM pg_class t WHERE t.oid = r.reltoastrelid), r.relowner::regrole, r.relispartition, r.relnatts) FROM r},
	column => q{SELECT format('%s.%s', r.relname, a.attname), concat_ws(' ', a.attnum, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
		a.attstorage, a.attcollation::regcollation, pg_get_expr(d.adbin, d.adrelid),
		(SELECT string_agg(o, ',') FROM unnest(a.attoptions) o WHERE o NOT LIKE 'pg_attver=%'))
		FROM r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
		WHERE r.relkind <> 'S'},
	type => q{SELECT t.typname, concat_ws(' ', t.typtype, t.typowner::regrole, (SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid))
		FROM pg_type t JOIN m ON m.classid = 'pg_type'::regclass AND m.objid = t.oid},
	sequence => q{SELECT r.relname, s::text FROM r JOIN LATERAL (SELECT q.seqtypid::regtype, q.seqstart, q.seqincrement, q.seqmax, q.seqmin, q.seqcache, q.seqcycle
		FROM pg_sequence q WHERE q.seqrelid = r.oid) s ON true},
	constraint => q{SELECT format('%s.%s', r.relname, k.conname), concat_ws(' ', pg_get_constraintdef(k.oid), k.convalidated, k.condeferrable, k.conislocal, k.connoinherit)
		FROM r JOIN pg_constraint k ON k.conrelid = r.oid},
	index => q{SELECT i.indexrelid::regclass::text, concat_ws(' ', pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisready, i.indisclustered, i.indisreplident, c.reloptions, c.relowner::regrole)
		FROM r JOIN pg_index i ON i.indrelid = r.oid JOIN pg_class c ON c.oid = i.indexrelid},
	function => q{SELECT f.oid::regprocedure::text, pg_get_functiondef(f.oid) || f.proowner::regrole || coalesce(f.proacl::text IS NULL, true) FROM f WHERE f.prokind <> 'a'},
	view => q{SELECT r.relname, pg_get_viewdef(r.oid) FROM r WHERE r.relkind = 'v'},
	trigger => q{SELECT format('%s.%s', r.relname, t.tgname), pg_get_triggerdef(t.oid) || t.tgenabled::text FROM r JOIN pg_trigger t ON t.tgrelid = r.oid AND NOT t.tgisinternal},
	rule => q{SELECT format('%s.%s', r.relname, u.rulename), pg_get_ruledef(u.oid) FROM r JOIN pg_rewrite u ON u.ev_class = r.oid},
	policy => q{SELECT format('%s.%s', r.relname, p.polname), concat_ws(' ', p.polcmd, p.polpermissive, p.polroles::regrole[], pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
		FROM r JOIN pg_policy p ON p.polrelid = r.oid},
	comment => q{SELECT pg_describe_object(d.classoid, d.objoid, d.objsubid), d.description FROM pg_description d
		WHERE EXISTS (SELECT FROM m WHERE m.classid = d.classoid AND m.objid = d.objoid)
			OR d.classoid = 'pg_policy'::regclass AND d.objoid IN (SELECT p.oid FROM pg_policy p JOIN r ON r.oid = p.polrelid)},
	right => q{SELECT pg_describe_object(x.class, x.oid, x.sub), e::text FROM (
			SELECT 'pg_class'::regclass AS class, r.oid, 0 AS sub, r.relacl AS acl FROM r
			UNION ALL SELECT 'pg_class'::regclass, r.oid, a.attnum, a.attacl FROM r JOIN pg_attribute a ON a.attrelid = r.oid
			UNION ALL SELECT 'pg_proc'::regclass, f.oid, 0, f.proacl FROM f
			UNION ALL SELECT 'pg_type'::regclass, t.oid, 0, t.typacl FROM pg_type t JOIN m ON m.classid = 'pg_type'::regclass AND m.objid = t.oid
			UNION ALL SELECT 'pg_namespace'::regclass, n.oid, 0, n.nspacl FROM pg_namespace n WHERE n.nspname = 'webchatt') x,
		LATERAL (SELECT a.grantor::regrole, a.grantee::regrole, a.privilege_type, a.is_grantable FROM aclexplode(x.acl) a) e},
	initial => q{SELECT pg_describe_object(i.classoid, i.objoid, i.objsubid), e::text FROM pg_init_privs i
		JOIN (SELECT m.classid, m.objid FROM m UNION ALL SELECT 'pg_namespace'::regclass, n.oid FROM pg_namespace n WHERE n.nspname = 'webchatt') m
			ON m.classid = i.classoid AND m.objid = i.objoid,
		LATERAL (SELECT a.grantor::regrole, a.grantee::regrole, a.privilege_type, a.is_grantable FROM aclexplode(i.initprivs) a) e},
	extension => q{SELECT 'webchatt', concat_ws(' ', e.extversion, e.extowner::regrole, e.extnamespace::regnamespace, e.extrelocatable) FROM pg_extension e WHERE e.extname = 'webchatt'},
	dump => q{SELECT c.t::regclass::text, c.condition FROM pg_extension e, unnest(e.extconfig, e.extcondition) c (t, condition) WHERE e.extname = 'webchatt'},
	others => q{SELECT pg_describe_object(d.classid, d.objid, d.objsubid), pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid) || d.deptype::text FROM pg_depend d
		JOIN m ON m.classid = d.classid AND m.objid = d.objid WHERE d.deptype NOT IN ('n', 'a', 'i') AND d.classid <> 'pg_class'::regclass},
	extras => q{SELECT format('%s %s %s', o.kind, o.relation, o.name), '' FROM webchatt.own_extras o},
);

# Everything that the catalogs say of it, a line each; other tables are asked for by rows().
sub catalog
{
	my ($t, $database) = @_;
	my (@parts, @catalog);

	@catalog = @CATALOG;
	while (my ($kind, $query) = splice @catalog, 0, 2)
	{
		push @parts, "SELECT '$kind' AS kind, x.* FROM ($query) x (name, what)";
	}
	return { map { $_ => 1 } split /\x{1}\n/, $t->sql("WITH $MEMBERS SELECT concat_ws(' | ', y.kind, y.name, y.what) || chr(1) FROM (" . join("\nUNION ALL ", @parts) . ') y', $database) . "\n" };
}

# What only one of them has.
sub differences
{
	my ($one, $other) = @_;


	return [ sort((map { "- $_" } grep { !$other->{$_} } keys %$one), map { "+ $_" } grep { !$one->{$_} } keys %$other) ];
}

1;
