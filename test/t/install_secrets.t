# A secret that is handed over as doc/operating.md says is in no log, whatever the server logs, and
# in none of the places where it shows statements; without that it is in all of them.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename;
use LocalHub;
use Mojo::JSON qw(decode_json encode_json);
use Mojo::UserAgent;
use PostgreSQL::Test::Utils;
use Test::More;

my $t = LocalHub->begin(conf => join "\n", q{shared_preload_libraries = 'webchatt,auto_explain,pg_stat_statements'},
	q{log_statement = 'all'}, 'log_min_error_statement = debug5', 'log_min_messages = debug1', 'log_duration = on',
	'log_min_duration_statement = 0', 'log_parameter_max_length = -1', 'log_parameter_max_length_on_error = -1',
	'log_error_verbosity = verbose', 'debug_print_parse = on', 'debug_print_plan = on', 'auto_explain.log_min_duration = 0',
	'auto_explain.log_nested_statements = on', 'auto_explain.log_analyze = on', 'auto_explain.log_verbose = on',
	'pg_stat_statements.track = all', 'pg_stat_statements.track_utility = on');
my $node = $t->node;
$t->sql('CREATE EXTENSION pg_stat_statements');

# What the guide says, word for word, with another call in the place of the guide's.
my ($recipe) = slurp_file(abs_path(dirname(__FILE__) . '/../../doc/operating.md')) =~ /## Handing over a secret.*?```sql\n(.*?)```/s;
ok($recipe && $recipe =~ /^SELECT webchatt\.connect_hub\(/m, 'the guide has a recipe');

sub call
{
	my ($secret, $statement) = @_;
	my $text = $recipe;

	$text =~ s/^SELECT [^;]*;/$statement;/m if $statement;
	local $ENV{SECRET} = $secret;
	IPC::Run::run([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=0', '-d', $node->connstr('postgres') ], '<', \$text, '>', \my $out, '2>', \my $err);
	return ($out, $err);
}

# Where a secret is to be found.
sub found
{
	my ($secret) = @_;
	my @where;

	push @where, 'log' if index(slurp_file($node->logfile), $secret) >= 0;
	push @where, 'statements' if $t->sql(q{SELECT count(*) FROM pg_stat_statements WHERE position('} . substr($secret, 0, 6)
		. q{' || '} . substr($secret, 6) . q{' IN query) > 0}) > 0;
	return join ' ', @where;
}

# While a statement runs, another session looks.
sub seen_running
{
	my ($secret) = @_;
	my $half = q{'} . substr($secret, 0, 6) . q{' || '} . substr($secret, 6) . q{'};

	return $t->sql("SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND position($half IN query) > 0");
}

# --- without it: the test would see a secret -----------------------------------------------------

my ($status) = $t->try_sql(q{SELECT webchatt.connect_hub('key-in-the-clear', 'https://hub.example.com', 'open')});
is($status, 0, 'a key in a plain statement');
like(found('key-in-the-clear'), qr/log/, 'is in the log');

# --- with it -------------------------------------------------------------------------------------

my ($out, $err) = call('key-by-the-guide');
is($err, '', 'the recipe runs as it stands');
is($t->sql(q{SELECT api_key FROM webchatt.hubs WHERE name = 'chatt2me'}), 'key-by-the-guide', 'and sets the key');
is(found('key-by-the-guide'), '', 'which is nowhere to be found');

$t->sql(qq{SELECT webchatt.add_channel('$WebchattTest::CHANNEL', hub => 'open')});
($out, $err) = call('whsec_by_the_guide', "SELECT webchatt.set_webhook_secret('$WebchattTest::CHANNEL', :'secret')");
is($err, '', 'a webhook secret');
is($t->sql('SELECT secret FROM webchatt.hub_webhooks'), 'whsec_by_the_guide', 'is set');
is(found('whsec_by_the_guide'), '', 'and nowhere to be found');

($out, $err) = call('key-that-fails', q{SELECT webchatt.connect_hub(:'secret', 'no URL', 'open')});
like($err, qr/URL is not usable/, 'a call that fails says so to the caller');
is(found('key-that-fails'), '', 'and to nobody else');
($out, $err) = call('key with blanks', q{UPDATE webchatt.hubs SET api_key = :'secret' WHERE name = 'open'});
like($err, qr/violates check constraint/, 'a row that is refused');
is(found('key with blanks'), '', 'is not written down either');
($out, $err) = call('key-in-a-block', q{DO $$ BEGIN PERFORM 1; END $$; SELECT set_config('a.b', :'secret', true) IS NOT NULL});
is(found('key-in-a-block'), '', 'nor what a utility statement brings');

# While it runs.
my $slow = q{SELECT pg_advisory_lock(7), length(:'secret')};
my $lock = $t->session;
$lock->query('SELECT pg_advisory_lock(7)');
for my $case ([ 'key-slow-guided', 0, $recipe ], [ 'key-slow-open', 1, "\\set secret `echo \"\$SECRET\"`\nSELECT 1;\n" ])
{
	my ($secret, $want, $text) = @$case;
	$text =~ s/^SELECT [^;]*;/$slow;/m;
	local $ENV{SECRET} = $secret;
	my $file = $node->basedir . '/slow.sql';
	append_to_file($file, $text);
	my $run = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') ], '<', $file, '>', \my $o, '2>', \my $e);
	$t->wait_for(q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted}, 'a statement runs');
	is(seen_running($secret), $want, $want ? 'pg_stat_activity shows a plain one' : 'pg_stat_activity does not show it');
	$lock->query('SELECT pg_advisory_unlock(7)');
	$run->finish;
	unlink $file;
	$t->wait_for(q{SELECT pg_try_advisory_lock(7) AND pg_advisory_unlock(7)}, 'and ends');
	$lock->query('SELECT pg_advisory_lock(7)');
}

# --- what comes by the network and goes through the worker ---------------------------------------

my $key = $t->sql(q{SELECT webchatt.create_api_key('billing')});
my $ua = Mojo::UserAgent->new;
my $tx;
# the key is known as soon as the worker has read it
Visitor::until(sub {
	$tx = $ua->post($t->base_url . '/v1/organization/webhook', { 'x-api-key' => $key },
		json => { label => 'l', endpoint => 'https://hooks.example.com/', eventType => 'Message', requiresSignature => \1,
			headers => [ { key => 'Authorization', value => 'Bearer header-secret' } ] });
	return ($tx->res->code // 0) != 401 }, 60);
like($tx->res->code, qr/^20/, 'a webhook is made by the REST API') or diag($tx->res->body);
my $made = $t->sql('SELECT secret FROM webchatt.webhooks');
isnt($made, '', 'with a secret');
is(found($made), '', 'that is in no log');
is(found('Bearer header-secret'), '', 'nor is its header');
is(found($key), '', 'nor the API key, which a plain statement made');
my $other = $t->sql(q{SELECT secret FROM webchatt.create_webhook('sql', 'https://hooks.example.com/sql', 'Message')});
is(found($other), '', 'nor the secret that create_webhook() gives back');
my $channel = $t->sql(q{SELECT webchatt.create_channel('Scripts', ARRAY['https://www.example.com'])});
for my $script ([ 'link' ], [ 'webhooks', '-v', 'public_url=' . $t->base_url ])
{
	my ($name, @more) = @$script;
	my $for_scripts = $t->sql("SELECT webchatt.create_api_key('$name')");    # a look at the log leaves it there
	local $ENV{WEBCHATT_API_KEY} = $for_scripts;

	IPC::Run::run([ 'psql', '-X', '-d', $node->connstr('postgres'), '-v', 'hub=itself', '-v', 'api_url=' . $t->base_url, '-v', "channel=$channel", @more,
		'-f', abs_path(dirname(__FILE__) . "/../../doc/connect/$name.sql") ], '>', \my $o, '2>', \my $e);
	is($t->sql(q{SELECT api_key FROM webchatt.hubs WHERE name = 'itself'}), $for_scripts, "doc/connect/$name.sql hands a key over") or diag($o, $e);
	is(found($for_scripts), '', 'which is in no log');
	$t->sql(q{DELETE FROM webchatt.hubs WHERE name = 'itself'});
}
diag(grep { /\Q$made\E|header-secret|\Q$key\E|\Q$other\E/ } split /^/, slurp_file($node->logfile)) if !Test::More->builder->is_passing;

done_testing();
