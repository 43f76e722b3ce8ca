# Transactions left open: whatever rows of webhooks, links and hub connections a
# session holds, visitors, hubs and the other feeds are served as if it did not.
use strict;
use warnings;

use Endpoint;
use Hub;
use Link;
use LocalHub;
use Mojo::JSON qw(encode_json);
use Test::More;
use Time::HiRes qw(time);

my $t = LocalHub->begin(conf => join "\n", "webchatt.webhook_allowed_addresses = '127.0.0.0/8'", "webchatt.reconcile_interval = '1s'",
	"webchatt.overdue_after = '1s'");
my $endpoint = Endpoint->new;
my $key = $t->sql(q{SELECT webchatt.create_api_key('tests')});
my $session = $t->session;

$endpoint->on('*', sub {
	my $token = Endpoint::header($_[0], 'X-Validation-Token');
	return Endpoint::reply($_[0]{path} eq '/failing' && $token eq '' ? 500 : 200, $token ne '' ? encode_json($token) : '{}');
});

sub turn_until { return $endpoint->until(@_) }

sub becomes
{
	my ($query, $what) = @_;
	my $next = 0;
	ok(turn_until(sub { return if time < $next; $next = time + 0.1; return $t->sql($query) eq 't' }), $what) or $t->diagnose($query);
	return;
}

# A hub for others, with two webhooks and a link, and attached to a hub itself.
$t->sql("SELECT webchatt.create_webhook('$_', 'http://127.0.0.1:$endpoint->{port}/$_', 'Message')") for 'good', 'failing';
becomes('SELECT bool_and(verified_at IS NOT NULL) FROM webchatt.webhooks', 'two webhooks are verified');
my $link = Link->new(port => $t->{port}, api_key => $key, again => 0.2);
$link->connect;
ok(turn_until(sub { $link->{state} eq 'welcomed' }), 'a link is there');
$t->{hub} = Hub->new(dir => $t->node->basedir . '/hub', keys => [$WebchattTest::KEY], channels => { $WebchattTest::CHANNEL => 'web-chatt2me' });
$t->attach($t->hub->url);
$t->sql("ALTER SYSTEM SET webchatt.public_url = '" . $t->base_url . "'");
$t->node->reload;
becomes("SELECT current_setting('webchatt.public_url') <> ''", 'there is a public URL');
$t->sql('SELECT webchatt.register_webhooks()');
becomes(q{SELECT count(*) = 2 FROM webchatt.hub_webhooks WHERE hub_id IS NOT NULL AND state = 'verified'}, 'webhooks are kept at a hub');

my @visitors = map { $t->arrived(again => 0.2) } 1 .. 3;
my $n = 0;

# Visitors write, again and again for so many seconds, and at least five times: whether
# each had its acknowledgement.  Who had to wait for the session that holds a
# lock would wait for ever, for that session waits for us.
sub served
{
	my ($seconds) = @_;
	my $end = time + $seconds;
	my $rounds = 0;

	while (time < $end || $rounds < 5)
	{
		$_->say('word ' . ++$n) for @visitors;
		turn_until(sub { !grep { %{ $_->{unacked} } } @visitors }) or return 0;
		$rounds++;
		turn_until(sub { 0 }, 0.02);
	}
	return $rounds;
}

ok(served(1), 'nothing is locked: visitors are served');
for my $held (
	[ 'webhooks', 'SELECT FROM webchatt.webhooks FOR UPDATE' ],
	[ 'webhook_progress', 'SELECT FROM webchatt.webhook_progress FOR UPDATE' ],
	[ 'links', 'SELECT FROM webchatt.links FOR UPDATE' ],
	[ 'api_keys', 'SELECT FROM webchatt.api_keys FOR UPDATE' ],
	[ 'webhook_retries', 'LOCK webchatt.webhook_retries, webchatt.webhook_log IN EXCLUSIVE MODE' ],
	[ 'webhooks', 'SELECT FROM webchatt.hub_webhooks FOR UPDATE' ],
	[ 'hub_reconciliation', 'SELECT FROM webchatt.hub_reconciliation FOR UPDATE' ],
	[ 'repairs', 'LOCK webchatt.repairs IN EXCLUSIVE MODE' ],
	[ 'hubs', 'SELECT FROM webchatt.hubs FOR UPDATE' ],
	[ 'overdue', 'LOCK webchatt.overdue_scan IN EXCLUSIVE MODE' ],
	[ 'alter_webhook()', q{SELECT webchatt.alter_webhook(id, label => 'another') FROM webchatt.webhooks} ],
	[ 'delete_webhook()', q{SELECT webchatt.delete_webhook(id) FROM webchatt.webhooks} ],
	[ 'unregister_webhooks()', q{SELECT webchatt.unregister_webhooks()} ],
	[ 'connect_hub()', "SELECT webchatt.connect_hub('another', name => 'chatt2me')" ],
	[ 'deleted links', 'DELETE FROM webchatt.links' ])
{
	my ($name, $sql) = @$held;

	$session->query("BEGIN; $sql");
	# two seconds: whatever is looked at each second is looked at
	ok(served(2), "visitors are served while a session holds $name");
	my $incoming = 'incoming-' . ++$n;
	is_deeply([ map { $_->{code} } $t->hub->emit(Webhook::message($WebchattTest::CHANNEL, $incoming, 'visitor-1', 'hi')) ], [200], "a hub's events come in ($name)");
	$session->query('ROLLBACK');
}
$session->close;

# Nothing of it is lost, nor said to be.

becomes('SELECT acknowledged = (SELECT max(seq) FROM webchatt.feed) AND lost = 0 FROM webchatt.links', 'the link has all');
becomes(q{SELECT done_upto = (SELECT max(seq) FROM webchatt.feed) FROM webchatt.webhook_progress p JOIN webchatt.webhooks w ON w.id = p.webhook_id WHERE label = 'good'}, 'so has the webhook');
is($t->sql(q{SELECT count(*) FROM webchatt.feed e WHERE event_type = 'Message' AND NOT EXISTS (SELECT FROM webchatt.webhook_log l JOIN webchatt.webhooks w ON w.id = l.webhook_id
	WHERE w.label = 'good' AND l.seq = e.seq AND l.good)}), 0, 'by its log');
LocalHub::none($link->{violations}, 'all frames were to the letter of the protocol');
becomes(q{SELECT count(*) = 2 FROM webchatt.hub_webhooks WHERE hub_id IS NOT NULL AND state = 'verified' AND checked_at > now() - interval '1 min'}, 'the webhooks at the hub are kept');

$_->end for @visitors;
done_testing();
