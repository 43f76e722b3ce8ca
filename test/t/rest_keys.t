# What an API key may do, and on which channels; what becomes of all that is its
# own when it is revoked.
use strict;
use warnings;

use Endpoint;
use Link;
use LocalHub;
use Mojo::JSON qw(decode_json encode_json true);
use Mojo::UserAgent;
use Test::More;

my $t = LocalHub->begin(conf => join "\n", "webchatt.webhook_allowed_addresses = '127.0.0.0/8'");
my $endpoint = Endpoint->new;
my $ua = Mojo::UserAgent->new;
my $url = "http://127.0.0.1:$endpoint->{port}";
my $hooks = '/v1/organization/webhook';

$endpoint->on('*', sub {
	my ($r) = @_;
	my $token = Endpoint::header($r, 'X-Validation-Token');

	return Endpoint::reply(200, $token ne '' ? encode_json($token) : '{}');
});

my ($shop, $shop_key) = ($t->{channel}, $t->{key});
my ($bank, $bank_key) = $t->make_channel('Bank', $LocalHub::ORIGIN);
my %key = (
	all => $t->sql(q{SELECT webchatt.create_api_key('all')}),
	shop => $t->sql(qq{SELECT webchatt.create_api_key('shop', channels => '{$shop}')}),
	bank => $t->sql(qq{SELECT webchatt.create_api_key('bank', channels => '{$bank}')}),
	send => $t->sql(q{SELECT webchatt.create_api_key('send', scopes => '{send}')}),
	webhooks => $t->sql(q{SELECT webchatt.create_api_key('webhooks', scopes => '{webhooks}')}),
	link => $t->sql(q{SELECT webchatt.create_api_key('link', scopes => '{link}')}));

# A request with a key: the status and the body.
sub ask
{
	my ($key, $method, $path, $body) = @_;
	my $tx = $ua->build_tx($method => $t->base_url . $path => { 'x-api-key' => $key{$key}, $body ? ('Content-Type' => 'application/json') : () } => $body ? encode_json($body) : '');

	$ua->start($tx);
	return ($tx->res->code // 0, eval { decode_json($tx->res->body) } // $tx->res->body);
}

sub eventually { my ($what, $sql) = @_; ok($endpoint->until(sub { $t->sql($sql) eq 't' }, 30), $what) or $t->diagnose($sql); return }
sub deliveries { my ($path) = @_; my @texts = sort map { decode_json($_->{body})->{content}{text} } grep { $_->{path} eq $path && Endpoint::header($_, 'X-Validation-Token') eq '' } @{ $endpoint->{requests} }; return @texts }

my $visitor = $t->arrived;
my $customer = Visitor->new(port => $t->{port}, key => $bank_key, origin => $LocalHub::ORIGIN)->arrive;
Visitor::until(sub { (ask('link', GET => $hooks))[0] == 403 }, 20);

# --- sending -------------------------------------------------------------------

my $send = sub { my ($key, $from, $to) = @_; my ($code, $body) = ask($key, POST => '/v1/communication/web-chatt2me/message', { from => $from, to => $to, content => { text => 'hello' } });
	return "$code " . ($body->{errorCode} // $body->{status}) };
my @sends = map { $send->($_, $shop, $visitor->{visitor}) } qw(all shop send bank webhooks link);
is_deeply(\@sends, [ '200 sent', '200 sent', '200 sent', '404 unknown_channel', '403 api_key_scope', '403 api_key_scope' ], 'a key sends on its channels, if it is for that');
is($send->('shop', $bank, $customer->{visitor}), '404 unknown_channel', 'on no other');
is($send->('shop', $bank, '00000000-0000-4000-8000-000000000000'), '404 unknown_channel', 'nor does it learn who is there');
is($t->sql("SELECT count(*) FROM webchatt.messages WHERE direction = 'out'"), '3', 'nothing else was stored');

# --- webhooks ------------------------------------------------------------------

is_deeply([ map { (ask($_, GET => $hooks))[0] } qw(all shop bank webhooks send link) ], [ 200, 200, 200, 200, 403, 403 ], 'and keeps webhooks, if it is for that');
my %id;
for my $key (qw(all shop bank))
{
	my ($code, $body) = ask($key, POST => $hooks, { label => $key, endpoint => "$url/$key", eventType => 'Message',
		headers => [ { key => 'Authorization', value => "Bearer of $key" } ], requiresSignature => true });
	is($code, 201, "$key makes one") or diag(encode_json($body));
	$id{$key} = $body->{id};
}
my ($operators) = $t->sql("SELECT id FROM webchatt.create_webhook('operator', '$url/operator', 'Message')");
eventually('all are verified', 'SELECT count(*) = 4 FROM webchatt.webhooks WHERE verified_at IS NOT NULL');
for my $key (qw(all shop bank))
{
	my ($code, $body) = ask($key, GET => $hooks);
	is_deeply([ map { $_->{label} } @{ $body->{data} } ], [$key], "$key sees its own");
}
for my $other ($id{shop}, $operators)
{
	is_deeply([ map { (ask(all => @$_))[0] } [ GET => "$hooks/$other" ], [ PATCH => "$hooks/$other", { endpoint => "$url/stolen" } ], [ DELETE => "$hooks/$other" ],
		[ POST => "$hooks/$other/signature", {} ], [ GET => "$hooks/$other/webhook-log" ] ], [ (404) x 5 ], 'another\'s is not there for it, whatever channels it has');
}
is($t->sql('SELECT count(*) FROM webchatt.webhooks WHERE endpoint ~ $$stolen$$'), '0', 'nothing was changed');

# --- links ---------------------------------------------------------------------

my %link = map { $_ => Link->new(port => $t->{port}, api_key => $key{$_}) } qw(all shop bank link send);
$_->connect for values %link;
ok(Visitor::until(sub { 4 == grep { $_->{welcome} } values %link }, 20), 'keys that are for links open them');
is($link{send}{http}, 403, 'one that is not is refused') or diag(explain($link{send}{http}));

$visitor->say("shop $_") for 1 .. 3;
$customer->say("bank $_") for 1 .. 2;
ok($endpoint->until(sub { deliveries('/all') == 5 && deliveries('/operator') == 5 && deliveries('/shop') == 3 && deliveries('/bank') == 2 }, 30), 'events are delivered');
is_deeply([ deliveries('/shop') ], [ 'shop 1', 'shop 2', 'shop 3' ], 'a key\'s webhook gets those of its channels');
is_deeply([ deliveries('/bank') ], [ 'bank 1', 'bank 2' ], 'and no others');
ok(Visitor::until(sub { 5 == (() = $link{all}->events_of('Message')) && 5 == (() = $link{link}->events_of('Message')) && 3 == (() = $link{shop}->events_of('Message')) && 2 == (() = $link{bank}->events_of('Message')) }, 20),
	'so does its link');
is_deeply([ grep { $_->{channelId} ne $bank } @{ $link{bank}{events} } ], [], 'no other channel\'s');
eventually('what is not for it does not count as behind', 'SELECT bool_and(behind = 0) FROM webchatt.feeds');

# --- revoked -------------------------------------------------------------------

my $before = $link{shop};
is($t->sql(q{SELECT webchatt.revoke_api_key('shop')}), 't', 'a key is revoked');
ok(Visitor::until(sub { ($before->{close_code} // 0) == 4001 }, 20), 'its link is ended') or diag($before->{close_code} // 'open');
is($t->sql("SELECT active, paused_reason FROM webchatt.webhooks WHERE id = '$id{shop}'"), 'f|its API key was revoked', 'its webhook is paused, and says why');
ok(Visitor::until(sub { (ask('shop', GET => $hooks))[0] == 401 }, 20), 'it opens nothing');
$t->sql("SELECT webchatt.alter_webhook('$id{shop}', active => true)");
$visitor->say('after');
ok($endpoint->until(sub { grep { $_ eq 'after' } deliveries('/all') }, 30), 'the others get on');
eventually('all of it', "SELECT bool_and(behind = 0) FROM webchatt.feeds WHERE state ~ '^(delivering|connected)'");
is_deeply([ grep { $_ eq 'after' } deliveries('/shop') ], [], 'nothing is posted for it any more, even if its webhook is set active');

# A key whose channels are narrowed gets no more of the others.
$t->sql("UPDATE webchatt.api_keys SET channels = '{$bank}' WHERE label = 'all'");
Visitor::until(sub { $send->('all', $shop, $visitor->{visitor}) =~ /^404/ }, 20);
$visitor->say('for the shop alone');
$customer->say('for the bank');
ok($endpoint->until(sub { (grep { $_ eq 'for the bank' } deliveries('/all')) && 2 == grep { /^for the/ } deliveries('/operator') }, 30), 'it goes on with what is left');
is_deeply([ grep { $_ eq 'for the shop alone' } deliveries('/all') ], [], 'and gets nothing else');
is_deeply([ grep { ($_->{content}{text} // '') eq 'for the shop alone' } @{ $link{all}{events} } ], [], 'by its link neither');

done_testing;
