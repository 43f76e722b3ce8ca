# Events that a hub signs with a secret which it has just made, and which we do not
# know yet: they wait for it, and nobody else's do.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Corridor;
use JSON::PP qw(decode_json);
use Test::More;
use Time::HiRes qw(time sleep);

my $CHANNEL = '6cbd6789-1d2b-47e0-9391-5eb91d2839ea';
my $n = 0;

sub event { return qq({"eventType":"Message","channelId":"$CHANNEL","messageId":"m-) . ++$n . qq(","from":"v","content":{"type":"text","text":"hello"}}) }
sub post { my ($name, $secret, $body) = @_; $body //= event(); return Corridor::webhook("hubs/$name", $body, $secret ? 'X-hub-Signature: ' . Corridor::sign($secret, $body) : ()) }
sub code { my $r = shift; return eval { decode_json($r->{body})->{errorCode} } // '' }

# A webchatt-net with two hubs and a channel of the first; settings as Corridor has them.
sub started
{
	my $w = Corridor->open_door([], @_);
	$w->tell('CHANNEL_PUT', id => $CHANNEL, hub => 31);
	hub($w, 31, 'one', 'known');
	hub($w, 32, 'two', 'another');
	return $w;
}

sub hub { my ($w, $id, $name, @secrets) = @_; $w->put_hub($id, $name, 'http://127.0.0.1:9', 'key', 0, @secrets); return }

sub call
{
	my ($w, $hub, $method, $path, $body) = @_;
	return $w->tell('CALL', token => ++$n, hub => $hub, method => $method, path => $path, body => $body);
}

# Post it; the socket, once it is sure that no answer came at once.
sub waits
{
	my ($w, $raw, $what) = @_;
	my $s = $w->dial;
	$w->put($s, $raw);
	ok(!$w->answer($s, 0.3), "$what: waits");
	return $s;
}

sub refused
{
	my ($w, $raw, $what, $code) = @_;
	my $r = $w->once($raw);
	is("$r->{status} " . code($r), '401 ' . ($code // 'signature_wrong'), "$what: refused at once");
	return;
}

my $path = '/v1/organization/webhook/x';
for my $way (['redefined', 'POST', "$path/signature", ''], ['turned on', 'PATCH', $path, '{"requiresSignature": true}'],
	['created', 'POST', '/v1/organization/webhook', '{"label": "x", "requiresSignature": true}'])
{
	my ($what, $method, $target, $body) = @$way;
	my $w = started();

	refused($w, post('one', 'new'), "$what: before the call");
	call($w, 31, 'GET', $path);
	call($w, 31, 'PATCH', $path, '{"active": true}');
	refused($w, post('one', 'new'), "$what: a call that makes no secret changes nothing");
	call($w, 31, $method, $target, $body);
	my @waiting = map { waits($w, post('one', 'new'), $what) } 1 .. 3;
	my $wrong = waits($w, post('one', 'nonsense'), 'one that nobody signs');
	is($w->once(post('one', 'known'))->{status}, 200, "$what: by a known secret it is taken as ever");
	refused($w, post('two', 'new'), "$what: another hub's");
	refused($w, post('one'), "$what: unsigned", 'signature_missing');
	my $before = $w->{nevents};
	hub($w, 32, 'two', 'another');
	hub($w, 31, 'one', 'known');
	ok(!$w->answer($waiting[0], 0.2), "$what: a configuration without the secret changes nothing");
	is($w->{nevents}, $before, "$what: and nothing went to the worker");
	hub($w, 31, 'one', 'new', 'known');
	is(($w->answer($_) // {})->{status}, 200, "$what: taken when the secret is known") for @waiting;
	is($w->{nevents}, $before + 3, "$what: each once");
	is($w->{last}{hub}, 31, "$what: by its hub");
	ok(!$w->answer($wrong, 0.2), "$what: the other still waits");
	is($w->once(post('one', 'new'))->{status}, 200, "$what: the next is taken at once");
	is($w->close_door, 0, "$what: the end");
	is(($w->answer($wrong) // {})->{status}, 503, "$what: what still waits hears that");
}

{
	my $w = started();
	hub($w, 33, 'bare');
	refused($w, post('bare', 'new'), 'a hub without a secret', 'no_secret');
	call($w, 33, 'POST', '/v1/organization/webhook', '{"requiresSignature":true}');
	my $s = waits($w, post('bare', 'new'), 'a hub that gets its first secret');
	hub($w, 33, 'bare', 'new');
	is(code($w->answer($s)), 'unknown_channel', 'then it is checked as ever');

	# Who waits in vain is refused; who leaves is forgotten.
	$w->configure(ack_timeout_ms => 500);
	call($w, 31, 'POST', "$path/signature");
	my $t = time;
	my $wrong = $w->dial;
	$w->put($wrong, post('one', 'nonsense'));
	my $r = $w->answer($wrong);
	is("$r->{status} " . code($r), '401 signature_wrong', 'what nobody signed is refused after ack_timeout');
	cmp_ok(time - $t, '>=', 0.45, 'not before');
	$w->configure(ack_timeout_ms => 180000);
	is($w->once(post('one', 'known'))->{status}, 200, 'others go on');
	my $gone = waits($w, post('one', 'new'), 'one that leaves');
	close $gone;
	hub($w, 31, 'one', 'new', 'known');
	is($w->once(post('one', 'new'))->{status}, 200, 'nobody minds');
	$w->tell('HUB_GONE', hub => 31);
	is(code($w->once(post('one', 'new'))), 'unknown_hub', 'nor when the hub goes');
	is($w->close_door, 0, 'the end');
}

# A hub that goes while events wait; pieces of a body; a kept-alive connection.
{
	my $w = started();
	call($w, 31, 'POST', "$path/signature");
	my $s = $w->dial;
	my $raw = post('one', 'new');
	$w->put($s, substr($raw, 0, -20));
	sleep 0.05;
	$w->put($s, substr($raw, -20));
	ok(!$w->answer($s, 0.3), 'a body in pieces waits');
	hub($w, 31, 'one', 'new');
	is(($w->answer($s) // {})->{status}, 200, 'and is taken');
	$w->put($s, post('one', 'newer'));
	ok(!$w->answer($s, 0.3), 'the next on the same connection waits');
	$w->tell('HUB_GONE', hub => 31);
	hub($w, 34, 'other', 'x');
	is(code($w->answer($s) // {}), 'unknown_hub', 'a hub that has gone');
	is($w->once(post('other', 'x'))->{status}, 404, 'all is in order');
	is($w->close_door, 0, 'the end');
}

# Not without end: anybody can send such.
{
	my $w = started();
	call($w, 31, 'POST', "$path/signature");
	my @sockets = map { my $s = $w->dial; $w->put($s, post('one', 'nonsense')); $s } 1 .. 262;
	my $refused = 0;
	ok($w->until(60, sub {
		for (splice @sockets)
		{
			my $r = $w->answer($_, 0.001);
			$refused++ if $r && $r->{status} == 401;
			push @sockets, $_ if !$r;
		}
		return $refused >= 6 }), "more than 256 do not wait ($refused)");
	is($w->once(post('one', 'known'))->{status}, 200, 'and events are taken');
	is($w->close_door, 0, 'the end');
}

done_testing;
