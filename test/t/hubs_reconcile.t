# Webhooks that register and keep themselves at the hub, what failed while we
# were away, and what nothing is heard of: with the stand-in hub, which is made
# to lose, change, double and misunderstand.
use strict;
use warnings;

use Mojo::UserAgent;
use POSIX ();
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;
use Time::HiRes qw(sleep time);
use WebchattTest;

my $t = WebchattTest->attached(conf => "webchatt.send_timeout = '5s'\nwebchatt.ack_timeout = '20s'\nwebchatt.reconcile_interval = '1h'");
my $hub = $t->hub;
my $node = $t->node;
my $channel = $WebchattTest::CHANNEL;
my $endpoint = $t->base_url . '/webhooks/hubs/chatt2me';
my $api = '/v1/organization/webhook';

sub setting
{
	my ($name, $value) = @_;
	$t->sql("ALTER SYSTEM SET $name = '$value'");
	$t->reloaded;
	return;
}

# Wait until everything is as it should be; a test point.
sub settled
{
	my ($what) = @_;
	my ($status, $out, $err) = $t->try_sql(sprintf "SELECT count(*) FROM webchatt.wait_for_webhooks(timeout => '%d s')", $Patience::SECONDS);

	is($status, 0, $what) or do { diag($err); $t->diagnose('SELECT * FROM webchatt.hub_webhooks WHERE hub_id IS NOT NULL') };
	return;
}

sub reconcile { my ($what) = @_; $t->sql('SELECT webchatt.reconcile_webhooks()'); return settled($what) }
sub label { return $t->sql('SELECT DISTINCT label FROM webchatt.hub_webhooks WHERE hub_id IS NOT NULL') }
sub ours { my %by = map { $_->{eventType} => $_ } $hub->webhooks(label()); return \%by }
sub theirs { my $label = label(); return grep { $_->{label} ne $label } $hub->webhooks }

# At the hub is what is in the table: two, verified, signed by the secrets that we have.
sub in_order
{
	my ($what) = @_;
	my @ours = $hub->webhooks(label());
	my %rows = map { my @r = split /\|/; $r[0] => \@r } split /\n/,
	  $t->sql('SELECT event_type, hub_webhook_id, secret, state, last_error FROM webchatt.hub_webhooks WHERE hub_id IS NOT NULL');

	is(join(' ', sort map { $_->{eventType} } @ours), 'Message MessageStatus', "$what: the hub has two of ours")
	  or diag(explain(\@ours));
	for my $w (@ours)
	{
		my $row = $rows{ $w->{eventType} } // [];
		is_deeply([ @$row[1 .. 3] ], [ $w->{id}, $w->{secret}, 'verified' ], "$what: $w->{eventType} is known, with its secret")
		  or diag(explain([ $w, $row ]));
		ok($w->{active} && $w->{isVerified} && $w->{requiresSignature} && $w->{endpoint} =~ /\A\Q$endpoint\E(?:\?|\z)/,
			"$what: $w->{eventType} is active, verified, signed and comes to us") or diag(explain($w));
	}
	return;
}

my $events = 0;
sub message { my ($id, $text) = @_; return Webhook::message($channel, $id, 'visitor-' . ++$events % 7, $text // 'hi') }

# An event comes in by the hub's own webhook.
sub comes_in
{
	my ($what) = @_;
	my $id = 'event-' . ++$events;
	my @results = $hub->emit(message($id));

	is_deeply([ map { $_->{code} } @results ], [200], "$what: an event comes in") or diag(explain(\@results));
	is($t->sql("SELECT count(*) FROM webchatt.messages WHERE hub_message_id = '$id'"), 1, "$what: and is a row");
	return;
}

# Other people's webhooks: more than a page of them, and one at our endpoint.
$hub->make_webhook(label => "somebody else's $_", endpoint => "https://$_.example.com/hook", eventType => 'Message', requiresSignature => 1) for 1 .. 60;
$hub->make_webhook(label => 'webchatt postgres 00000000', endpoint => $endpoint, eventType => 'MessageStatus');
my @before = $hub->webhooks;

# --- from nothing ------------------------------------------------------------

my ($status, $out, $err) = $t->try_sql('SELECT webchatt.register_webhooks()');
like($err, qr/under which URL.*HINT:.*webchatt\.public_url/s, 'without a public URL nothing can be registered, and it says what to set');
setting('webchatt.public_url', $t->base_url);
$t->until("SELECT current_setting('webchatt.public_url') <> ''");
($status, $out, $err) = $t->try_sql('BEGIN; SELECT webchatt.register_webhooks(); SELECT * FROM webchatt.wait_for_webhooks()');
like($err, qr/before it is committed/, 'waiting in the transaction that registers is refused');
($status, $out, $err) = $t->try_sql("SELECT * FROM webchatt.wait_for_status('$channel', gen_random_uuid(), 'sent')");
like($err, qr/no message/, 'waiting for a message that is not there is refused');
is($t->sql("SELECT webchatt.register_webhooks('$channel'::uuid)"), $endpoint, 'webhooks are asked for, by the channel; the endpoint comes back');
settled('they are there');
in_order('from nothing');
comes_in('from nothing');
like(label(), qr/\Awebchatt postgres [0-9a-f]{8}\z/, 'the label says whose they are');
is($t->sql("SELECT count(*) FROM webchatt.wait_for_webhooks()"), 2, 'waiting gives them');
my %calls = Mojo::UserAgent->new->get($t->base_url . '/metrics')->res->body =~ /^webchatt_hub_calls_total\{answer="(\w+)"\} (\d+)$/mg;
cmp_ok($calls{'2xx'}, '>', 4, 'the metrics count calls of hubs');
is_deeply([ @calls{qw(3xx 4xx 5xx none)} ], [ 0, 0, 0, 0 ], 'which went well');

# A status, found by its message.
my $sent = $t->send_text('visitor-1', 'hello');
$t->status_becomes($sent, 'sent');
my ($request) = $hub->record(to => 'visitor-1');
is_deeply([ map { $_->{code} } $hub->emit(Webhook::status($request->{message_id}, 'delivered')) ], [200], 'a status comes in');
is($t->sql("SELECT webchatt.wait_for_status('$channel', '$sent', 'delivered')"), 'delivered', 'and moves its message');
is($t->sql("SELECT webchatt.wait_for_status('$channel', '$sent', 'sent')"), 'delivered', 'which is further than sent');

# Registered once more it is as it was; and nobody looks at a hub for nothing.
my $before = ours();
$t->sql('SELECT webchatt.register_webhooks()');
settled('once more');
is_deeply(ours(), $before, 'registering what is registered changes nothing');
my $calls = $hub->calls;
sleep 2.5;
is(scalar(my @now = $hub->calls), $calls, 'an hour of nothing to do is begun with no calls');

# --- drift -------------------------------------------------------------------

my %drift = (
	'another endpoint' => sub { $hub->change_webhook($_[0]{id}, endpoint => 'http://127.0.0.1:1/elsewhere', isVerified => 0) },
	'deactivated' => sub { $hub->change_webhook($_[0]{id}, active => 0) },
	'deleted' => sub { $hub->delete_webhook($_[0]{id}) },
	'a duplicate that is not verified' => sub {
		$hub->make_webhook(label => label(), endpoint => $endpoint, eventType => $_[0]{eventType}, requiresSignature => 1);
	},
	'two duplicates that are verified' => sub {
		$hub->make_webhook(label => label(), endpoint => $endpoint, eventType => $_[0]{eventType}, requiresSignature => 1, isVerified => 1) for 1, 2;
	},
	'a duplicate, and ours deactivated' => sub {
		$hub->make_webhook(label => label(), endpoint => $endpoint, eventType => $_[0]{eventType}, requiresSignature => 1, isVerified => 1);
		$hub->change_webhook($_[0]{id}, active => 0);
	},
	'a secret that is lost here' => sub { $t->sql("UPDATE webchatt.hub_webhooks SET secret = NULL WHERE hub_webhook_id = '$_[0]{id}'") },
	'an id that is lost here' => sub { $t->sql("UPDATE webchatt.hub_webhooks SET hub_webhook_id = NULL, secret = NULL WHERE hub_webhook_id = '$_[0]{id}'") },
	'all at once' => sub {
		$hub->make_webhook(label => label(), endpoint => 'http://127.0.0.1:1/x', eventType => $_[0]{eventType});
		$t->sql("UPDATE webchatt.hub_webhooks SET secret = NULL WHERE hub_webhook_id = '$_[0]{id}'");
		$hub->change_webhook($_[0]{id}, active => 0, endpoint => 'http://127.0.0.1:1/elsewhere', isVerified => 0);
	},
);
for my $what (sort keys %drift)
{
	my $w = ours()->{Message};
	my $id = $w->{id};
	$drift{$what}->($w);
	reconcile("$what: brought back");
	in_order($what);
	is(ours()->{Message}{id}, $id, "$what: it is the same one") if $what !~ /deleted/;
}
comes_in('after all that');
my @patches = grep { $_->{api} =~ /^PATCH/ } $hub->calls;
is(scalar(grep { keys %{ $_->{body} } > 2 } @patches), 0, 'a PATCH holds what changes, and no more') or diag(explain(\@patches));

# What somebody gave another name is not ours any more.
my $renamed = ours()->{Message}{id};
$hub->change_webhook($renamed, label => 'mine now');
reconcile('renamed by somebody: another is made');
in_order('renamed by somebody');
is(scalar(grep { $_->{id} eq $renamed } $hub->webhooks('mine now')), 1, 'and that one is left alone');
$hub->delete_webhook($renamed);

# Another public URL.
setting('webchatt.public_url', "http://localhost:$t->{port}");
$endpoint = "http://localhost:$t->{port}/webhooks/hubs/chatt2me";
$t->wait_for("SELECT bool_and(state = 'verified' AND actual_endpoint = '$endpoint') FROM webchatt.hub_webhooks WHERE hub_id IS NOT NULL", 'another public URL becomes the endpoint, by itself');
in_order('another public URL');
setting('webchatt.public_url', $t->base_url);
$endpoint = $t->base_url . '/webhooks/hubs/chatt2me';
$t->wait_for("SELECT bool_and(state = 'verified' AND actual_endpoint = '$endpoint') FROM webchatt.hub_webhooks WHERE hub_id IS NOT NULL", 'and back');

# A hub that does not verify: it is asked, and asked to try anew.
$hub->set(verify => 'never');
$hub->change_webhook(ours()->{Message}{id}, isVerified => 0, verifiedAt => undef);
$t->sql('SELECT webchatt.reconcile_webhooks()');
$t->wait_for(q{SELECT state = 'verifying' AND polls >= 2 FROM webchatt.hub_webhooks WHERE event_type = 'Message'}, 'a webhook that is not verified is followed');
($status, $out, $err) = $t->try_sql(q{SELECT * FROM webchatt.wait_for_webhooks(timeout => '0.3 s')});
like($err, qr/not as they should be.*DETAIL:.*Message: verifying/s, 'waiting for it ends with what is missing');
$hub->set(verify => 'later');
$t->sql(q{UPDATE webchatt.hub_webhooks SET again_at = now() WHERE event_type = 'Message'});
settled('asked to verify anew, it does');
like(ours()->{Message}{endpoint}, qr/\Q$endpoint\E\?again=1\z/, 'by an endpoint that differs in its query only');
reconcile('which is as good as the other');
comes_in('with a query behind the endpoint');

# --- secrets -----------------------------------------------------------------

for my $way ({ what => 'redefined', redefines => 1 }, { what => 'turned off and on', redefines => 0 },
	{ what => 'under another name', redefines => 1, secret_field => 'signatureSecret' },
	{ what => 'in an object', redefines => 0, secret_field => 'secret', secret_in => 'data' })
{
	my %set = %$way;
	my $what = 'a new secret, ' . delete $set{what};
	my %old = map { $_->{eventType} => $_->{secret} } values %{ ours() };
	$hub->set(secret_field => 'signingSecret', secret_in => undef, %set);
	$t->sql('UPDATE webchatt.hub_reconciliation SET redefines = true');
	$t->sql(q{SELECT webchatt.rotate_webhook_secret(keep_old => '1 hour')});
	settled($what);
	in_order($what);
	for my $type (sort keys %old)
	{
		isnt(ours()->{$type}{secret}, $old{$type}, "$what: $type has another");
		is($t->sql("SELECT old_secret FROM webchatt.hub_webhooks WHERE event_type = '$type' AND old_secret_until > now() + interval '50 minutes'"), $old{$type}, "$what: and the old one stays valid");
	}
	is(scalar(Webhook::post($endpoint, $old{Message}, message("old-$what"))), 200, "$what: what the old one signed is taken");
	comes_in($what);
}
$hub->set(secret_field => 'signingSecret', secret_in => undef, redefines => 1);
$t->sql('UPDATE webchatt.hub_reconciliation SET redefines = true');
$t->sql(q{SELECT webchatt.rotate_webhook_secret(keep_old => '0')});
settled('rotated at once');
is($t->sql('SELECT count(old_secret) FROM webchatt.hub_webhooks WHERE hub_id IS NOT NULL'), 0, 'with keep_old 0 no old one is kept');

# Under load nothing is refused: what is signed by a secret that the hub has made
# and we have not heard of yet waits for it.
sub emit_begin
{
	my ($file, @events) = @_;
	my $pid = fork // die "fork: $!";

	return $pid if $pid;
	my $ua = Mojo::UserAgent->new(inactivity_timeout => 0);	# however long they all take
	my $codes = eval { $ua->post($hub->url . '/_control/emit' => json => { events => \@events })->result->json } // [ { code => $@ } ];
	my %codes;
	$codes{ $_->{code} }++ for @$codes;
	open(my $fh, '>', $file) or POSIX::_exit(1);
	print $fh join(' ', map { "$_:$codes{$_}" } sort keys %codes), "\n";
	close $fh;
	POSIX::_exit(0);
}

my $file = $node->basedir . '/emitted';
my $load = emit_begin($file, map { Webhook::message($channel, "load-$_", 'visitor-' . $_ % 20, 'hi') } 1 .. 3000);
$t->wait_for(q{SELECT count(*) > 50 FROM webchatt.messages WHERE hub_message_id LIKE 'load-%'}, 'a load of events');
my $rotations = 0;
for (1 .. 8)
{
	last if -e $file;
	$hub->rules({ do => 'late', ms => 150, api => 'POST .*/signature', times => 2 });
	$t->sql('SELECT webchatt.rotate_webhook_secret()');
	$t->sql('SELECT count(*) FROM webchatt.wait_for_webhooks()');
	$rotations++ if !-e $file;
}
waitpid $load, 0;
cmp_ok($rotations, '>=', 2, "$rotations rotations under it");
chomp(my $codes = slurp_file($file));
is($codes, '200:3000', 'and no event was refused');
is($t->sql(q{SELECT count(*) FROM webchatt.messages WHERE hub_message_id LIKE 'load-%'}), 3000, 'each is a row');
in_order('after the load');

# --- half done ---------------------------------------------------------------

# Wait until the hub has been asked something.
sub asked
{
	my ($pattern, $seen) = @_;

	return WebchattTest::comes(sub { return (my @calls = $hub->calls($pattern)) > $seen });
}

sub unregister
{
	my ($what) = @_;
	my $label = label();

	is($t->sql('SELECT webchatt.unregister_webhooks()'), 2, "$what: unregistered");
	settled("$what: they are gone");
	is($t->sql('SELECT count(*) FROM webchatt.hub_webhooks WHERE hub_id IS NOT NULL'), 0, "$what: here");
	is(scalar(my @left = $hub->webhooks($label)), 0, "$what: and there");
	return;
}

for my $fault (
	[ 'kill -9 of webchatt-net while the hub takes its time', { do => 'late', ms => 1500 }, sub { $t->signal('KILL', 'net_pid') } ],
	[ 'kill -9 of the worker while the hub takes its time', { do => 'late', ms => 1500 }, sub { $t->signal('KILL', 'worker_pid'); $t->wait_ready } ],
	[ 'an answer that is lost', { do => 'drop' }, sub { } ],
	[ 'an answer that is cut', { do => 'say', status => 201, body => 'what?' }, sub { } ],
	[ 'a hub that hangs', { do => 'hang' }, sub { } ])
{
	my ($what, $rule, $do) = @$fault;
	unregister($what);
	$hub->rules({ %$rule, api => "POST $api", times => 1 });
	my $seen = $hub->calls(qr{\APOST \Q$api\E\z});
	$t->sql('SELECT webchatt.register_webhooks()');
	ok(asked(qr{\APOST \Q$api\E\z}, $seen), "$what: the hub is asked to make one");
	$do->();
	settled("$what: in order in the end");
	sleep 1.6 if $rule->{do} eq 'late';
	reconcile("$what: and looked at once more");
	in_order($what);
}
comes_in('after what was half done');

# Unregistered while half done: what the hub makes later goes too.
$t->sql('SELECT webchatt.unregister_webhooks()');
settled('gone');
$hub->rules({ do => 'late', ms => 1000, api => "POST $api", times => 1 });
my $seen = $hub->calls(qr{\APOST \Q$api\E\z});
my $label = "webchatt postgres " . $t->sql('SELECT tag FROM webchatt.hub_reconciliation');
$t->sql('SELECT webchatt.register_webhooks()');
asked(qr{\APOST \Q$api\E\z}, $seen);
$t->sql('SELECT webchatt.unregister_webhooks()');
settled('unregistered while the hub was making one: gone');
is(scalar(my @left = $hub->webhooks($label)), 0, 'at the hub too');
$t->sql('SELECT webchatt.register_webhooks()');
settled('and registered again');

# --- hubs that misbehave -----------------------------------------------------

sub last_error { return $t->sql(q{SELECT last_error FROM webchatt.hub_webhooks WHERE event_type = 'Message'}) }

for my $rule ({ do => 500 }, { do => 503, retry_after => 1 }, { do => 429, retry_after => 1 }, { do => 'reset' }, { do => 'close' }, { do => 'hang' },
	{ do => 'html' }, { do => 'badjson' }, { do => 'empty' }, { do => 'array' }, { do => 'huge' }, { do => 404 }, { do => 'redirect' },
	{ do => 'say', body => { data => { a => 1 } } })
{
	my $what = "the hub answers $rule->{do}";
	# until that has been seen; what hangs is not worth so many time limits
	$hub->rules({ %$rule, api => "GET $api", $rule->{do} eq 'hang' ? (times => 1) : () });
	$t->sql('SELECT webchatt.reconcile_webhooks()');
	$t->wait_for(q{SELECT last_error IS NOT NULL FROM webchatt.hub_webhooks WHERE event_type = 'Message'}, "$what: it is written down") if $rule->{do} ne 'hang';
	$hub->rules() if $rule->{do} ne 'hang';
	settled("$what: and tried again");
	is(last_error(), '', "$what: then all is well");
}
# A line that is none keeps nobody from the others.
$hub->rules({ do => 'say', body => { data => [ { label => $label, id => '../../x', eventType => 'Message' } ] }, api => "GET $api", times => 1 });
$t->sql('SELECT webchatt.reconcile_webhooks()');
$t->wait_for('SELECT list_skipped = 1 FROM webchatt.hub_reconciliation', 'a webhook whose id is none is passed over, and counted');
settled('and the others are kept');
in_order('after all misbehaviour');
is($t->sql(q{SELECT last_error FROM webchatt.status}), '', 'no turn failed of it') or diag($t->status('last_error'));

# Retry-After is heeded.
$hub->rules({ do => 429, retry_after => 2, api => "GET $api", times => 1 });
my $began = time;
reconcile('after a pause that the hub asks for');
cmp_ok(time - $began, '>=', 1.9, 'not before');

# Refusals that are about one webhook do not stop the other.
$hub->rules({ do => 400, message => 'label is taken', api => "POST $api", times => 1 });
$hub->delete_webhook(ours()->{$_}{id}) for qw(Message MessageStatus);
$t->sql('SELECT webchatt.reconcile_webhooks()');
$t->wait_for(q{SELECT state = 'verified' FROM webchatt.hub_webhooks WHERE event_type = 'MessageStatus'}, 'the other is made');
settled('and then the one that was refused');
in_order('refused once');

# 401: nothing is asked, until there is a key that is good.
$hub->set(keys => ['another-key']);
$t->sql('SELECT webchatt.reconcile_webhooks()');
$t->wait_for(q{SELECT hubs -> 'chatt2me' ->> 'state' = 'stopped' FROM webchatt.status}, '401 stops the hub');
like(last_error(), qr/401/, 'which is said at the webhooks too');
$calls = $hub->calls;
$t->sql('SELECT webchatt.reconcile_webhooks()');
sleep 1.5;
is(scalar(@now = $hub->calls), $calls, 'and nothing more is asked');
$t->sql("SELECT webchatt.connect_hub('another-key', '" . $hub->url . "')");
settled('a good key starts it again');
is(last_error(), '', 'and all is well');
$hub->set(keys => [ 'another-key', $WebchattTest::KEY ]);

# Somebody redefined the secret at the hub: the log of failures tells.
$t->sql(q{UPDATE webchatt.hub_webhooks SET changed_at = now() - interval '1 day', looked_at = now() - interval '1 minute' WHERE hub_id IS NOT NULL});
$hub->change_webhook(ours()->{Message}{id}, secret => 'whsec_by_somebody');
is_deeply([ map { $_->{code} } $hub->emit(message('mistrusted')) ], [401], 'the hub signs with a secret that we do not know');
$t->sql('SELECT webchatt.reconcile_webhooks()');
$t->wait_for(q{SELECT count(*) = 1 FROM webchatt.messages WHERE hub_message_id = 'mistrusted'}, 'it is asked for another, and what was refused comes again', 30);
settled('in order');
in_order('a secret that somebody redefined');

# --- repair ------------------------------------------------------------------

$t->sql('DELETE FROM webchatt.repairs');
my $lost = $t->send_text('visitor-2', 'how are you');
$t->status_becomes($lost, 'sent');
my ($its) = reverse $hub->record(to => 'visitor-2');
$node->stop;
my %codes;
$codes{ $_->{code} }++ for $hub->emit((map { message("absent-$_") } 1 .. 120), Webhook::status($its->{message_id}, 'delivered'), Webhook::status($its->{message_id}, 'read'));
is_deeply(\%codes, { 0 => 122 }, 'while we are away 122 deliveries fail');
$node->start;
$t->wait_ready;
$t->wait_for(q{SELECT count(*) = 120 FROM webchatt.messages WHERE hub_message_id LIKE 'absent-%'}, 'all messages are here', 60);
$t->status_becomes($lost, 'read', 'and the statuses', 60);
is($t->sql(q{SELECT repaired || ' ' || asked + waiting + given_up FROM webchatt.repair WHERE event_type = 'Message'}), '120 0', 'webchatt.repair says so');
my @bulk = $hub->calls(qr{/webhook-log/retry\z});
is(scalar(grep { @{ $_->{body}{webhookLogIds} } > 50 } @bulk), 0, 'never more than 50 at a time');
my @at = map { $_->{at} } grep { @{ $_->{body}{webhookLogIds} } > 2 } @bulk;
cmp_ok($at[-1] - $at[0], '>=', 0.6 * $#at, 'one call a second, more or less, however late the hub hears of one');

# Kinds of hubs: oldest first, Error for Failed, no bulk call; and answers that are lost.
for my $kind ({ log_order => 'oldest' }, { failed_word => 'Error' }, { bulk => 0 }, { rule => { do => 'drop', api => 'POST .*retry', times => 1 } },
	{ rule => { do => 'html', api => 'GET .*webhook-log', times => 1 } }, { rule => { do => 500, api => 'GET .*webhook-log', times => 2 } })
{
	my %set = (log_order => 'newest', failed_word => 'Failed', bulk => 1, %$kind);
	my $rule = delete $set{rule};
	my $what = 'a hub with ' . ($rule ? "$rule->{do} to $rule->{api}" : join ' ', %$kind);
	$hub->set(%set);
	$hub->rules($rule) if $rule;
	$t->sql('UPDATE webchatt.hub_reconciliation SET repair_not_before = NULL, retry_alone = 0');
	my $prefix = 'kind-' . ++$events;
	setting('webchatt.listen', '127.0.0.1:' . WebchattTest::free_port());
	$t->until(q{SELECT listening NOT LIKE '%:} . $t->{port} . q{' FROM webchatt.status});
	my $many = exists $kind->{bulk} ? 6 : 60;
	$hub->emit(map { message("$prefix-$_") } 1 .. $many);
	setting('webchatt.listen', "127.0.0.1:$t->{port}");
	$t->until(q{SELECT listening LIKE '%:} . $t->{port} . q{' FROM webchatt.status});
	$t->wait_for("SELECT count(*) = $many FROM webchatt.messages WHERE hub_message_id LIKE '$prefix-%'", "$what: what failed is here", 120)
	  or diag($t->sql('SELECT * FROM webchatt.repair'), "\n", $t->sql('SELECT repair_error, repair_tries, retry_alone, look FROM webchatt.hub_reconciliation'));
}
$hub->set(log_order => 'newest', failed_word => 'Failed', bulk => 1);

# --- what nothing is heard of --------------------------------------------------

sub overdue { my ($id, $what, $where) = @_; return $t->wait_for("SELECT count(*) = 1 FROM webchatt.overdue WHERE id = '$id' AND $where", $what) }

my $silent = $t->send_text('silent', 'anybody?');
$t->status_becomes($silent, 'sent');
is($t->sql("SELECT count(*) FROM webchatt.overdue WHERE id = '$silent'"), 0, 'what was sent within the hour is not overdue');
setting('webchatt.overdue_after', '2s');
overdue($silent, 'what nothing is heard of is', q{status = 'sent' AND age > interval '2 s' AND reason ~ 'no word'});
$t->wait_for('SELECT overdue >= 1 FROM webchatt.status', 'status counts it');
$its = ($hub->record(to => 'silent'))[-1];
$hub->emit(Webhook::status($its->{message_id}, 'delivered'));
is($t->sql("SELECT count(*) FROM webchatt.overdue WHERE id = '$silent'"), 0, 'when it is delivered it is not overdue any more');
$t->wait_for("SELECT count(*) = 0 FROM webchatt.overdue_candidates WHERE message_id = '$silent'", 'and not remembered');

# Sent when it is old enough already, it is not forgotten.
$hub->set(sessions => []);
my $held = $t->send_text('held', 'are you there?');
$t->status_becomes($held, 'held');
$t->wait_for(q{SELECT upto > (SELECT created_at FROM webchatt.messages WHERE visitor = 'held') FROM webchatt.overdue_scan}, 'a look passes over a message that is held');
is($t->sql("SELECT count(*) FROM webchatt.overdue_candidates WHERE message_id = '$held'"), 0, 'which is none of the overdue');
$hub->set(sessions => undef);
$hub->emit(Webhook::message($channel, 'held-back', 'held', 'I am'));
$t->status_becomes($held, 'sent');
overdue($held, 'sent later it is found all the same', q{status = 'sent'});

# No answer.
$hub->rules({ do => 'hang', to => 'unanswered', times => 2 });
my $unanswered = $t->send_text('unanswered', 'hello?');
overdue($unanswered, 'a send whose answer never comes is listed', q{status = 'queued' AND unanswered = 1 AND reason ~ 'no answer'});
$t->status_becomes($unanswered, 'sent', 'it is sent again, and answered');
$t->wait_for("SELECT coalesce(max(unanswered), 0) = 0 FROM webchatt.overdue_candidates WHERE message_id = '$unanswered'", 'then it is not unanswered');
$hub->rules({ do => 'hang', to => 'killed', times => 2 });
my $killed = $t->send_text('killed', 'hello?');
WebchattTest::comes(sub { $hub->record(to => 'killed') > 0 });
$t->signal('KILL', 'net_pid');
overdue($killed, 'a send that was under way when webchatt-net died is listed', q{status = 'queued' AND unanswered = 1});
$t->status_becomes($killed, 'sent', 'and sent again', 30);

# Nobody can be reached: nothing is unanswered, for nothing was sent.  The first
# message may still meet connections that the hub left behind.
$hub->{keys} = [ 'another-key', $WebchattTest::KEY ];
$hub->stop;
my $first = $t->send_text('first', 'hello?');
my $paused_until = q{SELECT hubs #>> '{chatt2me,paused_until}' FROM webchatt.status};
$t->wait_for("SELECT ($paused_until) IS NOT NULL", 'a hub that cannot be reached is paused');
$t->sql("SELECT webchatt.cancel_message('$channel', '$first')");
my $away = $t->send_text('away', 'hello?');
my $since = $t->sql($paused_until);
$t->wait_for("SELECT ($paused_until) > '$since'", 'and tried again');
is($t->sql("SELECT count(*) FROM webchatt.overdue_candidates WHERE message_id = '$away'"), 0, 'a hub that cannot be reached leaves nothing unanswered');
$hub->start;
$t->status_becomes($away, 'sent', 'when it is back the message goes', 40);

# --- others ------------------------------------------------------------------

my %theirs = map { $_->{id} => $_ } theirs();
is_deeply([ map { $theirs{ $_->{id} } } @before ], \@before, 'other people\'s webhooks are as they were');
is(scalar(grep { my $id = $_->{id}; grep { $_->{api} =~ /\Q$id\E/ } $hub->calls } @before), 0, 'and nobody asked for them');
is_deeply([ grep { $_ ne 'status is not one' } $hub->violations ], [], 'every call was to the letter of the contract');

done_testing();
