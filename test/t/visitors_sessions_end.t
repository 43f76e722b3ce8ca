# What a visitor is known by ends: when the operator says so, and by age.  And
# what is said of databases that are listed and not there.
use strict;
use warnings;

use LocalHub;
use PostgreSQL::Test::Utils;
use Test::More;

my $t = LocalHub->begin(databases => 'postgres, nowhere, Shop');
my $tab = $t->arrived;
my $other = $t->visitor(token => $tab->{token})->arrive;
my $stranger = $t->arrived;

is($other->{visitor}, $tab->{visitor}, 'two clients of one visitor');
$tab->acked($tab->say('mine alone'));
is($t->sql("SELECT webchatt.end_sessions('$t->{channel}', '$tab->{visitor}')"), '1', 'its token is taken away');
is($_->closed(20), 4011, 'and its session closed') for $tab, $other;
is($stranger->{state}, 'welcomed', 'nobody else\'s is');
my $back = $t->visitor(token => $tab->{token})->arrive;
isnt($back->{visitor}, $tab->{visitor}, 'whoever comes with that token is somebody new');
is_deeply([ $back->texts ], [], 'who sees nothing of the conversation');
isnt($back->{token}, $tab->{token}, 'and gets a token');
is($t->sql("SELECT count(*) FROM webchatt.conversation('$t->{channel}', '$tab->{visitor}')"), '1', 'the application keeps it');
is($t->sql("SELECT webchatt.end_sessions('$t->{channel}', '$tab->{visitor}')"), '0', 'a second time there is none');
is(($t->try_sql("SELECT webchatt.end_sessions('$t->{channel}', 'nobody')"))[0], 3, 'a visitor that is not there is an error');

# A transaction that is rolled back ends nothing.
$t->sql("BEGIN; SELECT webchatt.end_sessions('$t->{channel}', '$back->{visitor}'); ROLLBACK");
$t->reply($back, 'still there?');
ok(Visitor::until(sub { grep { $_ eq 'still there?' } $back->texts('out') }, 20), 'a rollback ends nobody\'s session');

# By age.
$t->sql("UPDATE webchatt.visitor_tokens SET created_at = now() - interval '399 days' WHERE visitor = '$stranger->{visitor}'");
$t->sql("UPDATE webchatt.visitor_tokens SET created_at = now() - interval '401 days' WHERE visitor = '$back->{visitor}'");
$_->close for $stranger, $back;
is($t->visitor(token => $stranger->{token})->arrive->{visitor}, $stranger->{visitor}, 'a token of 399 days is good');
isnt($t->visitor(token => $back->{token})->arrive->{visitor}, $back->{visitor}, 'one of 401 days is not');
$t->sql('ALTER SYSTEM SET webchatt.token_max_age = 0');
$t->sql('SELECT pg_reload_conf()');
ok(Visitor::until(sub { $t->visitor(token => $back->{token})->arrive->{visitor} eq $back->{visitor} }, 20), 'unless it is for ever');

# Databases that are listed.
my $log = sub { return slurp_file($t->node->logfile) };
like($log->(), qr/WARNING:  webchatt\.databases names what is no database that can be connected to: "nowhere", "shop"\n.*HINT:  It gets its worker as soon as it is there/, 'what is listed and not there is in the log');
$t->sql('CREATE DATABASE "Shop"');
$t->sql('ALTER SYSTEM SET webchatt.databases = postgres, shop');
$t->sql('SELECT pg_reload_conf()');
ok(Visitor::until(sub { $log->() =~ /connected to: "shop"\n.*HINT:  There is a database "Shop": names are folded to lower case unless they are in double quotes/ }, 20), 'one that is written otherwise is found out');
is($t->sql('SELECT state FROM webchatt._status()', 'postgres'), 'running', 'the others are served');
$t->sql('CREATE EXTENSION webchatt', 'Shop');
like($t->sql('SELECT state FROM webchatt.status', 'Shop'), qr/"Shop"/, 'and there status says how to write it');

done_testing;
