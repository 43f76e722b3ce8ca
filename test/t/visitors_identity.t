# Which user of the site a visitor is: signed tokens, one conversation on all devices, what was said before the
# log-in joined to it, and what is not signed as it should be.
use strict;
use warnings;

use LocalHub;
use Mojo::JSON qw(decode_json encode_json);
use Mojo::UserAgent;
use Test::More;

my $t = LocalHub->begin(limits => $LocalHub::WIDE);
my ($channel, $key) = @$t{qw(channel key)};
my ($other, $other_key) = $t->make_channel('Other', $LocalHub::ORIGIN);
my $users = 0;

sub token_of { my ($user, $where, $for) = @_; return $t->sql(sprintf q{SELECT webchatt.identity_token('%s', '%s', '%s')}, $where // $channel, $user, $for // '1 hour') }
sub new_user { return 'user-' . ++$users }

# A device that says who it is in its hello.
sub device
{
	my ($identity, %args) = @_;

	return $t->arrived(where => { identity => $identity }, %args);
}

sub errors_of { my ($who) = @_; return join ' ', map { "$_->{code}: $_->{text}" } grep { $_->{code} eq 'identity' } @{ $who->{errors} } }
sub visitors { my ($where) = @_; return $t->sql("SELECT count(*) FROM webchatt.visitors WHERE channel_id = '$channel'" . ($where ? " AND $where" : '')) }

# Say in an open session who it is, and wait for the welcome.
sub identify
{
	my ($who, $identity, %more) = @_;
	my $welcomes = $who->{welcomes};

	delete $who->{token};
	$who->send({ type => 'identify', token => $identity, %more });
	return Visitor::until(sub { $who->{welcomes} > $welcomes }) || diag("$identity is not welcomed: " . $who->describe) && 0;
}

sub said { my ($visitor) = @_; return $t->sql("SELECT string_agg(content ->> 'text', ',' ORDER BY id) FROM webchatt.messages WHERE channel_id = '$channel' AND visitor = '$visitor'") }

# --- no secret, no identities ---------------------------------------------------------------------------------------

is(($t->try_sql("SELECT webchatt.identity_token('$channel', '1')"))[0], 3, 'without a secret there is no token');
like(($t->try_sql("SELECT webchatt.set_identity('$channel', 'required')"))[2], qr/has no identity secret/, 'nor can one be required');
my $early = device('a.b.c');
like(errors_of($early), qr/takes no identities/, 'a channel that takes none says so');
is($early->{welcome}{user}, undef, 'and the visitor is a stranger');

my $secret = $t->sql("SELECT webchatt.set_identity_secret('$channel')");
like($secret, qr/\Awis_[A-Za-z0-9_-]{43}\z/, 'a secret of 256 bits is made');
is($t->sql("SELECT identity FROM webchatt.channels WHERE id = '$channel'"), 'optional', 'and pages can say who a visitor is');
$t->sql("SELECT webchatt.set_identity_secret('$other')");

# --- a user -----------------------------------------------------------------------------------------------------------

my $ana = new_user();
my $phone;
ok(Visitor::until(sub { $phone = device(token_of($ana)); return $phone->{welcome}{user} if $phone->{welcome}{user}; $phone->end; return }), 'the hub has heard of the secret');
is_deeply($phone->{welcome}{user}, { userId => $ana, verified => Mojo::JSON->true }, 'a device that shows a token is its user\'s');
ok($phone->{token}, 'and has a token of its own');
is($t->sql("SELECT user_id, verified FROM webchatt.visitors WHERE channel_id = '$channel' AND id = '$phone->{visitor}'"), "$ana|t", 'the table says who it is');
$phone->acked($phone->say('from the phone'));
my $desktop = device(token_of($ana));
is($desktop->{visitor}, $phone->{visitor}, 'another device of the user is the same visitor');
isnt($desktop->{token}, $phone->{token}, 'with another token');
is_deeply([ $desktop->texts ], ['from the phone'], 'which sees the conversation');
my $again = $t->arrived(token => $phone->{token});
is_deeply([ @$again{qw(visitor)}, $again->{welcome}{user}{userId} ], [ $phone->{visitor}, $ana ], 'the device\'s token alone is enough');
is($again->{welcome}{token}, undef, 'and stays as it is');
my $with_both = device(token_of($ana), token => $phone->{token});
is($with_both->{welcome}{token}, undef, 'also when it says again who it is');
is($t->sql("SELECT count(*) FROM webchatt.visitor_tokens WHERE visitor = '$phone->{visitor}'"), 2, 'a token for each device');
$_->end for $again, $with_both;

# --- what is refused, and changes nothing --------------------------------------------------------------------------

my $before = visitors();
my $guest = $t->arrived;
$guest->acked($guest->say('a guest'));
my @wrong = (
	[ 'nonsense', qr/not a token/ ], [ 'x' x 3000, qr/not a token/ ],
	[ token_of($ana, $other), qr/signature is wrong/ ],
	[ $t->sql("SELECT webchatt._base64url('{\"alg\":\"none\"}') || '.' || webchatt._base64url('{\"sub\":\"$ana\",\"exp\":99999999999}') || '.'"), qr/not a token/ ],
	[ token_of($ana) =~ s/.\z/A/r . 'A', qr/not a token/ ],
	[ $t->sql(qq{SELECT h || '.' || b || '.' || webchatt._base64url(webchatt._sign('$secret', h, b)) FROM (SELECT webchatt._base64url('{"alg":"HS256"}') h, webchatt._base64url(convert_to('{"sub":"$ana","exp":' || extract(epoch FROM now())::bigint - 1 || '}', 'UTF8')) b) x}), qr/expired/ ],
);
for my $case (@wrong)
{
	my ($identity, $why) = @$case;
	$guest->{errors} = [];
	$guest->send({ type => 'identify', token => $identity, name => 'Ana' });
	Visitor::until(sub { @{ $guest->{errors} } });
	like(errors_of($guest), $why, 'in a session: ' . substr $identity, 0, 20);
	my $new = device($identity);
	like(errors_of($new), $why, 'in a hello: the same');
	isnt($new->{visitor}, $phone->{visitor}, 'who shows it is not the user');
	$new->end;
	my $known = device($identity, token => $guest->{token});
	is($known->{visitor}, $guest->{visitor}, 'who was known stays who they are');
	like(errors_of($known), $why, 'and is told');
	$known->end;
	# (so many at a time, and no more)
	Visitor::pump_for(0);
}
is($t->sql("SELECT user_id, name, verified FROM webchatt.visitors WHERE id = '$guest->{visitor}'"), '||f', 'nothing of it is written down');
is(said($phone->{visitor}), 'from the phone', 'nor anything said in the user\'s name');
$guest->send({ type => 'identify', token => 7 });
ok(Visitor::until(sub { grep { $_->{code} eq 'bad_message' } @{ $guest->{errors} } }), 'what is no string at all is a bad frame');

# --- joined: a user whom we know ----------------------------------------------------------------------------------

my $laptop = $t->arrived;
my $stranger = $laptop->{visitor};
my $old_token = $laptop->{token};
my $tab = $t->arrived(token => $old_token);
$laptop->acked($laptop->say('before the log-in', 'm-1'));
$t->reply($laptop, 'who are you?');
Visitor::until(sub { grep { $_ eq 'who are you?' } $laptop->texts });
$t->sql("SELECT webchatt.add_note('$channel', '$stranger', 'a note'), webchatt.assign_conversation('$channel', '$stranger', 'rui')");
$t->wait_for("SELECT assignee = 'rui' FROM webchatt.conversations WHERE visitor = '$stranger'", 'somebody has it');
$phone->acked($phone->say('again from the phone'));

# a send under way: committed when they are one already
my $session = $t->session;
$session->safe("BEGIN; SELECT webchatt.send_message('$channel', '$stranger', text => 'sent meanwhile', dedupe_key => 'd-1')");

ok(identify($laptop, token_of($ana), name => 'Ana'), 'a visitor logs in');
is($laptop->{visitor}, $phone->{visitor}, 'and is the user, whom we know');
ok($laptop->{token} && $laptop->{token} ne $old_token, 'with a token of its own');
is(said($phone->{visitor}), 'from the phone,before the log-in,who are you?,again from the phone', 'what was said before is part of the conversation, in its order');
is(said($stranger), '', 'and of no other');
is($tab->closed, 4014, 'who has the old token is cut off');
is($desktop->closed, 4014, 'the user\'s other devices say hello again');
is($t->sql("SELECT joined_to FROM webchatt.visitors WHERE id = '$stranger'"), $phone->{visitor}, 'the table says whose it is now');
my $thief = $t->arrived(token => $old_token);
isnt($thief->{visitor}, $_, 'the old token is worth nothing') for $phone->{visitor}, $stranger;
is_deeply([ $thief->texts ], [], 'it shows nothing');
is($t->sql("SELECT text FROM webchatt.notes WHERE visitor = '$phone->{visitor}'"), 'a note', 'notes go along');
$t->wait_for("SELECT count(*) = 1 FROM webchatt.inbox WHERE visitor = '$phone->{visitor}' AND assignee = 'rui' AND unanswered", 'it is one conversation in the inbox, its colleague\'s');
is($t->sql("SELECT count(*) FROM webchatt.inbox WHERE visitor = '$stranger'"), 0, 'and the other is gone');
is($laptop->acked($laptop->say('before the log-in', 'm-1')), $t->sql("SELECT id FROM webchatt.messages WHERE hub_message_id LIKE '%/m-1' AND channel_id = '$channel'"), 'what is sent once more is not doubled');
is($t->sql("SELECT count(*) FROM webchatt.messages WHERE content ->> 'text' = 'before the log-in'"), 1, 'it is there once');

$session->safe('COMMIT');
$session->close;
ok(Visitor::until(sub { grep { $_ eq 'sent meanwhile' } $laptop->texts }), 'a send that was under way comes to the user');
is($t->sql("SELECT visitor FROM webchatt.messages WHERE dedupe_key = 'd-1'"), $phone->{visitor}, 'and is in the conversation');
my $late = $t->sql("SELECT webchatt.send_message('$channel', '$stranger', text => 'to the old id')");
ok(Visitor::until(sub { grep { $_ eq 'to the old id' } $laptop->texts }), 'so does one to the old id');
is($t->sql("SELECT count(*) FROM webchatt.messages WHERE visitor = '$stranger'"), 0, 'which has nothing left');

# the application does again what it did before the log-in, with the id and the key that it knows
for my $time (1, 2)
{
	my $twice = $t->sql("SELECT webchatt.send_message('$channel', '$stranger', text => 'sent meanwhile', dedupe_key => 'd-1')");
	$t->wait_for("SELECT visitor = '$phone->{visitor}' FROM webchatt.messages WHERE id = '$twice'", "one under a key that was used before is looked at ($time)");
	is($t->sql("SELECT status, error_message ~ 'dedupe key' FROM webchatt.messages WHERE id = '$twice'"), 'cancelled|t', 'and goes nowhere');
}
$t->reply($laptop, 'after that');
ok(Visitor::until(sub { grep { $_ eq 'after that' } $laptop->texts }), 'what follows comes');
is(scalar(grep { $_ eq 'sent meanwhile' } $laptop->texts), 1, 'and the other is there once');

# --- joined: a user who is new here -----------------------------------------------------------------------------

my $bea = new_user();
my $first = $t->arrived;
my $was = { %$first{qw(visitor token)} };
$first->acked($first->say('I am new'));
my $second_tab = $t->arrived(token => $was->{token});
ok(identify($first, token_of($bea)), 'a visitor logs in whose user has no conversation');
is($first->{visitor}, $was->{visitor}, 'their conversation is the user\'s');
isnt($first->{token}, $was->{token}, 'under another token');
is($second_tab->closed, 4014, 'the old one is over');
isnt($t->arrived(token => $was->{token})->{visitor}, $was->{visitor}, 'and opens nothing');
is(device(token_of($bea))->{visitor}, $was->{visitor}, 'the user\'s next device finds it');

# --- from one user to another on one device ------------------------------------------------------------------

my $carl = new_user();
my $shared = device(token_of($bea));
my $bea_token = $shared->{token};
$shared->{messages} = {};
ok(identify($shared, token_of($carl)), 'somebody else logs in on the device');
isnt($shared->{visitor}, $was->{visitor}, 'is somebody else here too');
is_deeply($shared->{welcome}{messages}, [], 'and sees nothing of who was there before');
is(visitors("joined_to = '$was->{visitor}'"), 0, 'who is joined to nobody');
my $swapped = device(token_of($carl), token => $bea_token);
is($swapped->{visitor}, $shared->{visitor}, 'the same in a hello');
isnt($t->arrived(token => $bea_token)->{visitor}, $was->{visitor}, 'where the other\'s token is taken away');

# --- two at once ---------------------------------------------------------------------------------------------

my $dora = token_of(new_user());
my @crowd = map { $t->visitor(where => { identity => $dora })->connect } 1 .. 8;
ok(Visitor::until(sub { !grep { $_->{state} ne 'welcomed' } @crowd }), 'eight devices of a new user at once');
is(scalar(keys %{ { map { $_->{visitor} => 1 } @crowd } }), 1, 'are one visitor');
my @anonymous = map { $t->arrived } 1 .. 4;
$_->acked($_->say("as $_->{number}")) for @anonymous;
delete $_->{token} for @anonymous;
my $eve = token_of(new_user());
$_->send({ type => 'identify', token => $eve }) for @anonymous;
ok(Visitor::until(sub { !grep { $_->{welcomes} < 2 && $_->{dials} < 2 } @anonymous }), 'four strangers who are one user, at once');
is($t->sql(q{SELECT count(DISTINCT visitor) FROM webchatt.messages WHERE content ->> 'text' LIKE 'as %'}), 1, 'all that they said is one conversation');
is($t->sql(q{SELECT count(*) FROM webchatt.messages WHERE content ->> 'text' LIKE 'as %'}), 4, 'nothing of it is lost');
$_->end for @crowd, @anonymous;

# tabs of one browser, by one token: whoever comes second finds the visitor joined already
my $harry = new_user();
my $home = device(token_of($harry));
$home->acked($home->say('at home'));
my $tab_one = $t->arrived;
my $was_tab = { %$tab_one{qw(visitor token)} };
$tab_one->acked($tab_one->say('in a tab'));
my @tabs = ($tab_one, map { $t->arrived(token => $was_tab->{token}, resend => 0) } 1 .. 3);
my $harrys = token_of($harry);
delete $_->{token} for @tabs;
$_->send({ type => 'identify', token => $harrys }) for @tabs;
ok(Visitor::until(sub { !grep { $_->{visitor} ne $home->{visitor} && !$_->{close_code} } @tabs }), 'four tabs of one browser log in at once');
is_deeply([ grep { $_ && $_ != 4014 } map { $_->{close_code} } @tabs ], [], 'each is the user, or says hello again');
is(said($home->{visitor}), 'at home,in a tab', 'and it is one conversation');
is($t->sql("SELECT user_id IS NULL AND joined_to = '$home->{visitor}' FROM webchatt.visitors WHERE id = '$was_tab->{visitor}'"), 't', 'joined once');
$_->end for @tabs, $home;
my $ida = new_user();
my $at_work = device(token_of($ida));
is($t->sql("SELECT coalesce(visitor, '') || coalesce(joined, '') FROM webchatt._identify('$channel', '$ida', '$was_tab->{visitor}', NULL, sha256('x'))"), $at_work->{visitor}, 'who was joined is not joined to another user');
$at_work->end;

# a trigger of the application that refuses one of the messages
my $jim = new_user();
my $jims = device(token_of($jim));
$jims->acked($jims->say('of Jim'));
my $poisoned = $t->arrived;
my $poisoned_as = $poisoned->{visitor};
$poisoned->acked($poisoned->say('poison'));
$t->sql(q{CREATE FUNCTION refuse_poison() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN IF new.content ->> 'text' = 'poison' THEN RAISE 'poison'; END IF; RETURN new; END$$;
	CREATE TRIGGER refuse_poison BEFORE UPDATE ON webchatt.messages FOR EACH ROW EXECUTE FUNCTION refuse_poison()});
ok(identify($poisoned, token_of($jim)), 'a message that cannot be moved keeps nobody out');
is($poisoned->{visitor}, $jims->{visitor}, 'who is the user');
$t->wait_for("SELECT tries >= 1 AND error = 'poison' FROM webchatt.joins WHERE visitor = '$poisoned_as'", 'why it cannot is written down');
$t->wait_for("SELECT last_error = 'poison' FROM webchatt.status", 'and the status says so');
# as after hours of it; somebody else who is joined has the worker look again
my $look = sub {
	$t->sql("UPDATE webchatt.joins SET due = now(), $_[0] WHERE visitor = '$poisoned_as'");
	my $kim = new_user();
	my @devices = (device(token_of($kim)), $t->arrived);
	ok(identify($devices[1], token_of($kim)), 'somebody else logs in meanwhile');
	$_->end for @devices;
};
$look->('tries = 12');
$t->wait_for("SELECT tries = 13 AND due > clock_timestamp() + interval '50 minutes' FROM webchatt.joins WHERE visitor = '$poisoned_as'", 'it is tried more and more seldom');
$t->sql('DROP FUNCTION refuse_poison() CASCADE');
$look->('tries = tries');
$t->wait_for("SELECT visitor = '$jims->{visitor}' FROM webchatt.messages WHERE content ->> 'text' = 'poison'", 'it is moved when it can be');
$t->wait_for("SELECT last_error IS NULL FROM webchatt.status", 'and the status forgets it');
is($t->sql("SELECT tries, error FROM webchatt.joins WHERE visitor = '$poisoned_as'"), '0|', 'as does the table');
$_->end for $jims, $poisoned;

# --- what is said of them ------------------------------------------------------------------------------------

my $fay = device($t->sql("SELECT webchatt.identity_token('$channel', 'fay', name => 'Fay Signed')"), attributes => { plan => 'free', since => '2020' });
my $profile = sub { return $t->sql("SELECT name, email, signed, attributes FROM webchatt.visitors WHERE user_id = 'fay'") };
is($profile->(), 'Fay Signed||{name}|{"plan": "free", "since": "2020"}', 'the token\'s name is marked as signed');
$t->sql(q{UPDATE webchatt.visitors SET attributes = attributes || '{"plan": "gold", "vip": true}' WHERE user_id = 'fay'});
$fay->send({ type => 'identify', name => 'Somebody', email => 'fay@example.com', avatar => 'javascript:alert(1)', attributes => { plan => 'platinum', since => undef, city => 'Porto', vip => 'no' } });
$t->wait_for(q{SELECT email IS NOT NULL FROM webchatt.visitors WHERE user_id = 'fay'}, 'the page says more');
is($profile->(), 'Fay Signed|fay@example.com|{name}|{"vip": true, "city": "Porto", "plan": "gold"}', 'which changes nothing that is signed, nor what the application wrote');
is($t->sql(q{SELECT avatar FROM webchatt.visitors WHERE user_id = 'fay'}), '', 'and no address of another kind');
my $named = $t->arrived;
$named->send({ type => 'identify', name => " \x{1f600} Gus\n<b> ", attributes => { n => 'x' x 100 } });
$t->wait_for("SELECT name IS NOT NULL FROM webchatt.visitors WHERE id = '$named->{visitor}'", 'a stranger says a name');
is($t->sql("SELECT verified, signed FROM webchatt.visitors WHERE id = '$named->{visitor}'"), 'f|{}', 'which is not verified');
my $referred = $t->arrived(where => { referrer => 'https://search.example/find?q=secret#x' });
is($t->sql("SELECT referrer FROM webchatt.visitors WHERE id = '$referred->{visitor}'"), 'https://search.example/find', 'by which page they came, without its query');

# --- thousands of messages, and the worker killed among them ---------------------------------------------

my $many = $t->arrived;
my $talker = $t->arrived;
$t->sql(qq{INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, hub_message_id)
	SELECT '$channel', (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - 100000 + n), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid,
		'$many->{visitor}', 'in', 'received', jsonb_build_object('type', 'text', 'text', 'many ' || n), '$many->{visitor}/n-' || n
	FROM generate_series(1, 5000) n});
my $gus = new_user();
my $known = device(token_of($gus));
$known->acked($known->say('I was here'));
ok(identify($many, token_of($gus)), 'a visitor with 5,000 messages logs in');
is($many->{visitor}, $known->{visitor}, 'and is welcomed');
$talker->acked($talker->say('beside it'));
cmp_ok($t->sql("SELECT count(*) FROM webchatt.joins WHERE moving"), '>=', 1, 'others are answered while it is moved');
$t->sql('SELECT pg_terminate_backend(worker_pid) FROM webchatt._status()');
$t->wait_for("SELECT count(*) = 5001 FROM webchatt.messages WHERE channel_id = '$channel' AND visitor = '$known->{visitor}'", 'all of it arrives, whoever moves it');
is($t->sql("SELECT count(*), count(DISTINCT hub_message_id) FROM webchatt.messages WHERE channel_id = '$channel' AND visitor = '$known->{visitor}' AND hub_message_id LIKE '$known->{visitor}/%'"), '5001|5001', 'each once, and known as the user\'s');
my $whole = Visitor::until(sub { my $v = $t->visitor(token => $many->{token}, resend => 0); return $v->let_in && $v });
is_deeply([ $whole->texts ], [ (map { "many $_" } 4952 .. 5000), 'I was here' ], 'a client has the newest of it, in order');
$whole->ask_history($whole->{welcome}{from});
ok($whole->got(sub { $_->{type} eq 'history' && @{ $_->{messages} } == 50 && $_->{messages}[-1]{content}{text} eq 'many 4951' && $_->{more} }), 'and what comes before');

# --- required ------------------------------------------------------------------------------------------------

$guest->end;
$guest = $t->arrived;
my $member = device(token_of($ana));
$t->sql("SELECT webchatt.set_identity('$channel', 'required')");
is($guest->closed, 4013, 'where it is required, strangers who are here are cut off');
my $nobody = $t->visitor->connect;
is($nobody->closed, 4013, 'and not let in');
my $fake = $t->visitor(where => { identity => token_of($ana, $other) })->connect;
is($fake->closed, 4013, 'nor who shows another channel\'s token');
like($fake->{close_reason}, qr/signature is wrong/, 'and is told why');
is($t->visitor(token => $guest->{token})->connect->closed, 4013, 'nor who was known as a stranger');
is($member->{state}, 'welcomed', 'users go on');
is(device(token_of($ana))->{welcome}{user}{userId}, $ana, 'and come');
is($t->arrived(token => $member->{token})->{welcome}{user}{userId}, $ana, 'also by their device\'s token');
my $ua = Mojo::UserAgent->new(inactivity_timeout => 180);
my $brings = sub { my ($token) = @_; return $ua->post($t->base_url . "/files?webChatId=$key" => { Origin => $LocalHub::ORIGIN, 'X-Webchatt-Token' => $token } => '{"name":"a.png","size":9}')->res->code };
is($brings->($guest->{token}), 401, 'nor do strangers bring files');
is($brings->($member->{token}), 201, 'as users do');
is(visitors("user_id IS NULL AND first_seen > now() - interval '0 seconds'"), 0, 'no strangers are made');

# --- another secret ----------------------------------------------------------------------------------------

my $old = token_of($ana);
$t->sql("SELECT webchatt.set_identity_secret('$channel', keep_old => '1 hour')");
is(device($old)->{welcome}{user}{userId}, $ana, 'the old secret is good for a while');
is(device(token_of($ana))->{welcome}{user}{userId}, $ana, 'and so is the new one');
$t->sql("UPDATE webchatt.identity_secrets SET old_secret_until = 'infinity' WHERE channel_id = '$channel'");
my ($last, $last_key) = $t->make_channel('Last', $LocalHub::ORIGIN);
ok(Visitor::until(sub { my $v = $t->visitor(key => $last_key); my $in = $v->let_in; $v->end; return $in }), 'a secret that is good for ever does not keep the hub from hearing of what is set');
$t->sql("SELECT webchatt.set_identity_secret('$channel', keep_old => '0')");
ok(Visitor::until(sub { return ($t->visitor(where => { identity => $old })->turned_away // 0) == 4013 }), 'without overlap it is not');
done_testing();
