# Identity tokens at webchatt-net, with the test in the worker's place: what goes to the worker of a good one, what is said of
# others, and that a session which becomes another user's is another session.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Corridor;
use Digest::SHA qw(hmac_sha256 sha256);
use JSON::PP qw(encode_json);
use MIME::Base64 qw(encode_base64url);
use RawSocket;
use Test::More;

my $CHANNEL = '11111111-2222-4333-8444-555555555555';
my $OTHER = '99999999-2222-4333-8444-555555555555';
my ($KEY, $OTHER_KEY) = ('pk_first-1', 'pk_other-1');
my ($SECRET, $OLD) = ('s' x 40, 'o' x 40);

my $w = Corridor->open_door([]);
my (@arrivals, @left, @profiles);
my %users;    # visitors by user
$w->{on}{ARRIVED} = sub {
	my ($a) = @_;
	push @arrivals, $a;
	if ($a->{user_id} eq '') { $w->welcome($a, 'MADE'); return }
	my $visitor = $users{ $a->{user_id} } //= $a->{new_visitor};
	$w->tell('WELCOME', session => $a->{session}, result => 'KNOWN', visitor => $visitor, messages => '[]', new_token => 1, user_id => $a->{user_id});
};
$w->{on}{LEFT} = sub { push @left, $_[0]{session} };
$w->{on}{PROFILE} = sub { push @profiles, $_[0] };

# The channels, with that for the first one's identities; it counts once this is back.
sub put_channel
{
	my (%more) = @_;
	$w->tell('CHANNEL_PUT', id => $CHANNEL, local => 1, public_key => $KEY, display_name => 'Shop', origins => [$RawSocket::ORIGIN], %more);
	my $told;
	local $w->{on}{OUTCOME} = sub { $told = 1 };
	$w->send_local(99, $CHANNEL, Corridor::uuid7(), Corridor::uuid7(), '{}');
	return $w->until(5, sub { $told });
}

sub token
{
	my ($claims, $secret, $head) = @_;
	my $body = encode_base64url(encode_json($head // { alg => 'HS256', typ => 'JWT' })) . '.' . encode_base64url(encode_json({ exp => time + 600, %$claims }));
	return "$body." . encode_base64url(hmac_sha256($body, $secret // $SECRET));
}

sub identity_error { my ($v) = @_; my $e = $v->wait_where(sub { ($_[0]{type} // q{}) eq q{error} && $_[0]{code} eq 'identity' }, 5); return $e ? $e->{text} : 'none came' }

put_channel(identity => 'OPTIONAL', identity_secrets => [$SECRET, [ $OLD, time + 3600 ]]);
$w->tell('CHANNEL_PUT', id => $OTHER, local => 1, public_key => $OTHER_KEY, display_name => 'Other', origins => [$RawSocket::ORIGIN], identity => 'OPTIONAL', identity_secrets => [ 'x' x 40 ]);

# --- in a hello ---------------------------------------------------------------------------------------------------

my $v = RawSocket->dial($w, $KEY);
$v->say({ type => 'hello', identity => token({ sub => '42', name => 'Ana Silva' }), name => 'Page', email => 'ana@example.com', avatar => 'http://example.com/a.png', referrer => 'https://search.example/?q=1#x', attributes => { plan => 'free' } });
my $welcome = $v->wait_for('welcome');
my $a = $arrivals[-1];
is($a->{user_id}, '42', 'the user goes to the worker');
is_deeply([ @$a{qw(name email avatar signed_fields referrer)} ], [ 'Ana Silva', 'ana@example.com', '', 1, 'https://search.example/' ], 'what is signed before what the page says; what is no good is left out');
is_deeply($welcome->{user}, { userId => '42', verified => JSON::PP::true }, 'welcome: the user');
is(sha256($welcome->{token}), $a->{new_hash}, 'welcome: a token for the device');
for my $case ([ 'another secret', token({ sub => '42' }, 'y' x 40), qr/signature is wrong/ ], [ 'another channel\'s', token({ sub => '42' }, 'x' x 40), qr/signature is wrong/ ],
	[ 'no algorithm', token({ sub => '42' }, undef, { alg => 'none' }), qr/HS256/ ], [ 'too old', token({ sub => '42', exp => time - 1 }), qr/expired/ ],
	[ 'for another', token({ sub => '42', aud => $OTHER_KEY }), qr/another channel/ ], [ 'nonsense', 'a.b', qr/not a token/ ], [ 'empty', '', qr/not a token/ ])
{
	my ($name, $identity, $why) = @$case;
	my $x = RawSocket->dial($w, $KEY);
	$x->say({ type => 'hello', identity => $identity });
	ok(!$x->wait_for('welcome')->{user}, "$name: nobody's");
	like(identity_error($x), $why, "$name: and told why");
	is($arrivals[-1]{user_id}, '', "$name: the worker hears of no user");
}
for my $good (token({ sub => '43' }, $OLD), token({ sub => '43', aud => [ 'z', $KEY ] }))
{
	my $x = RawSocket->dial($w, $KEY);
	$x->say({ type => 'hello', identity => $good });
	is($x->wait_for('welcome')->{user}{userId}, '43', 'the old secret, and a token for this channel, are good');
}
my $long = RawSocket->dial($w, $KEY);
$long->say({ type => 'hello', identity => 'x' x 9000, name => "n\x{e9}" x 500, attributes => { a => 'x' x 1900 }, have => [ map { Corridor::uuid7() } 1 .. 100 ] });
ok($long->wait_for('welcome'), 'a hello with all that it may have fits');
cmp_ok(length $arrivals[-1]{name}, '<=', 400, 'a name of 1,000 letters is cut');

# --- in a session ------------------------------------------------------------------------------------------------

my $s = RawSocket->dial($w, $KEY);
$s->say({ type => 'hello' });
my $first = $s->wait_for('welcome');
my $session = $arrivals[-1]{session};
my $n = @arrivals;
$s->say({ type => 'identify', token => token({ sub => '42' }, 'y' x 40), name => 'Ana' });
like(identity_error($s), qr/signature is wrong/, 'a wrong one in a session');
is_deeply([ scalar @arrivals, scalar @profiles ], [ $n, 0 ], 'nothing of it goes to the worker');
$s->say({ type => 'identify', name => " Ana \n", attributes => { plan => undef } });
$w->until(5, sub { @profiles });
is_deeply([ @{ $profiles[0] }{qw(channel visitor name attributes signed_fields)} ], [ $CHANNEL, $first->{visitor}, 'Ana', '{"plan":null}', 0 ], 'what the page says goes as what it is');
$s->say({ type => 'identify', token => token({ sub => '42' }) });
my $again = $s->wait_where(sub { ($_[0]{type} // q{}) eq q{welcome} && $_[0]{user} }, 5);
is($again->{visitor}, $welcome->{visitor}, 'a good one makes it the user\'s');
is($arrivals[-1]{visitor}, $first->{visitor}, 'the worker hears whose it was');
isnt($arrivals[-1]{session}, $session, 'it is another session');
is_deeply([ grep { $_ == $session } @left ], [$session], 'and the one before has left');
$s->say({ type => 'identify', token => token({ sub => '42', name => 'Ana Silva' }) });
$w->until(5, sub { @profiles == 2 });
is_deeply([ @{ $profiles[1] }{qw(visitor name signed_fields)} ], [ $welcome->{visitor}, 'Ana Silva', 1 ], 'the same user again: only what is new of them');

# what is sent to the user reaches it, and to whom it was before does not
my $got = 0;
$w->{on}{OUTCOME} = sub { $got++ };
$w->send_local(7, $CHANNEL, $welcome->{visitor}, Corridor::uuid7(), '{"text":"hi"}');
is($s->wait_for('message')->{content}{text}, 'hi', 'the user\'s messages come');
$w->tell('VISITOR_AGAIN', channel => $CHANNEL, visitor => $welcome->{visitor}, but => $arrivals[-1]{session});
is($v->closed, 4014, 'another session of the user says hello again');
$s->say({ type => 'ping' });
ok($s->wait_for('pong'), 'but that one');

# --- a link that opens a conversation -----------------------------------------------------------------------------------

my $by = RawSocket->dial($w, $KEY);
{
	local $w->{on}{ARRIVED} = sub {
		push @arrivals, $_[0];
		$w->tell('WELCOME', session => $_[0]{session}, result => 'KNOWN', visitor => Corridor::uuid7(), messages => '[]', new_token => 1, by_link => 1);
	};
	$by->say({ type => 'hello', link => 'wcl_1' });
	is(sha256($by->wait_for('welcome')->{token}), $arrivals[-1]{new_hash}, 'who comes by a link is given a token');
}
is_deeply([ @{ $arrivals[-1] }{qw(has_link link_hash)} ], [ 1, sha256('wcl_1') ], 'the worker hears of the link by its hash');
$by->say({ type => 'identify', token => token({ sub => '42' }) });
is($by->wait_for('welcome')->{user}{userId}, '42', 'and who they turn out to be');
is($arrivals[-1]{visitor}, '00000000-0000-0000-0000-000000000000', 'but not whose conversation that was');
my $over = RawSocket->dial($w, $KEY);
{
	local $w->{on}{ARRIVED} = sub { $w->tell('WELCOME', session => $_[0]{session}, result => 'MADE', visitor => $_[0]{new_visitor}, messages => '[]', bad_link => 1) };
	$over->say({ type => 'hello', link => 'wcl_2' });
	ok($over->wait_for('welcome'), 'a link that opens nothing lets them in');
}
ok($over->wait_where(sub { ($_[0]{type} // q{}) eq 'error' && $_[0]{code} eq 'link' }, 5), 'and they are told');
is($arrivals[-1]{ask_link}, 0, 'who does not say that they ask is not asked');
my $asks = RawSocket->dial($w, $KEY);
{
	local $w->{on}{ARRIVED} = sub { push @arrivals, $_[0]; $w->tell('WELCOME', session => $_[0]{session}, result => 'KNOWN', visitor => Corridor::uuid7(), messages => '[]', other_link => 1) };
	$asks->say({ type => 'hello', link => 'wcl_3', token => 'x', ask => \1 });
	ok($asks->wait_for('welcome'), 'a link that leads to another conversation waits for an answer');
}
is($arrivals[-1]{ask_link}, 1, 'where the hello says so');
ok($asks->wait_where(sub { ($_[0]{type} // q{}) eq 'error' && $_[0]{code} eq 'link_other' }, 5), 'and they are told');

# --- required -----------------------------------------------------------------------------------------------------

my $stranger = RawSocket->dial($w, $KEY);
$stranger->say({ type => 'hello' });
$stranger->wait_for('welcome');
put_channel(identity => 'REQUIRED', identity_secrets => [$SECRET]);
is($stranger->closed, 4013, 'where it is required, strangers are cut off');
$s->say({ type => 'ping' });
ok($s->wait_for('pong'), 'users are not');
my $not = RawSocket->dial($w, $KEY);
$w->{on}{ARRIVED} = sub { $w->tell('WELCOME', session => $_[0]{session}, result => 'IDENTITY') };
$not->say({ type => 'hello', identity => token({ sub => '42', exp => 5 }) });
is($not->closed, 4013, 'nor is one let in');
put_channel(identity => 'NONE');
$w->{on}{ARRIVED} = sub { $w->welcome($_[0], 'MADE') };
my $none = RawSocket->dial($w, $KEY);
$none->say({ type => 'hello', identity => token({ sub => '42' }) });
like(identity_error($none), qr/takes no identities/, 'a channel without identities says so');
$w->close_door if $w->can('close_door');
done_testing();
