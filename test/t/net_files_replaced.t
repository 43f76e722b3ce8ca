# What changes around webchatt-net: files that are replaced, and what that does to
# those who are connected.
use strict;
use warnings;

use File::Copy qw(copy);
use File::Temp qw(tempdir);
use LocalHub;
use Proxy;
use Test::More;
use Visitor;
use WebchattTest;

my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
Proxy::certificates($dir);
mkdir "$dir/other";
Proxy::certificates("$dir/other");
copy("$dir/ca.pem", "$dir/own.pem") or die;

my $t = LocalHub->begin(conf => "webchatt.ca_file = '$dir/own.pem'");
my $v = $t->arrived;
my $pid = $t->status('net_pid');

# Put a copy of one file in another's place, as packages do.
sub replace
{
	my ($from) = @_;
	copy($from, "$dir/new.pem") or die;
	rename("$dir/new.pem", "$dir/own.pem") or die;
	return;
}

replace("$dir/ca.pem");
# the worker looks once a second, twice at what is new; nothing tells that it has looked
Visitor::pump_for(4);
is($t->status('net_pid'), $pid, 'a ca_file that was replaced by the same content starts nothing anew');
is($v->{state}, 'welcomed', 'and cuts nobody');

replace("$dir/other/ca.pem");
$t->wait_for("SELECT net_pid <> $pid AND net_pid <> 0 FROM webchatt.status", 'one with other certificates starts webchatt-net anew');
like(PostgreSQL::Test::Utils::slurp_file($t->node->logfile), qr/ca_file "\Q$dir\E\/own\.pem" was replaced by other certificates/, 'and the log says why');
$v->end;

# What is refused when it is set.
for my $case (
	[ 'webchatt.ca_file', "$dir/none.pem", qr/cannot be used: No such file/ ],
	[ 'webchatt.ca_file', "$dir/key.pem", qr/no certificate in PEM format/ ],
	[ 'webchatt.trusted_proxies', 'localhost', qr/"localhost" is not an address or network/ ],
	[ 'webchatt.webhook_allowed_addresses', '10.0.0.0/99', qr/is not an address or network/ ],
	[ 'webchatt.listen', '127.0.0.1:0', qr/is not an address to listen on/ ],
	[ 'webchatt.listen', '127.0.0.1:99999', qr/is not an address to listen on/ ],
	[ 'webchatt.listen', 'unix:/run/postgresql/.s.PGSQL.5432', qr/is not an address to listen on/ ])
{
	my ($name, $value, $why) = @$case;
	my ($status, $out, $err) = $t->try_sql("ALTER SYSTEM SET $name = '$value'");
	like("$out$err", $why, "$name = '$value' is refused, and says why");
}

# A file that was there once keeps no server from starting.
unlink "$dir/own.pem" or die;
$t->node->restart;
$t->wait_ready;
$t->wait_for("SELECT net_pid <> 0 FROM webchatt.status", 'the server starts without its ca_file');
like(PostgreSQL::Test::Utils::slurp_file($t->node->logfile), qr/ca_file "\Q$dir\E\/own\.pem" cannot be read: No such file or directory/, 'and says so');
is($t->arrived->{state}, 'welcomed', 'visitors come in');

done_testing();
