# What is taken back: messages to visitors who are there, away, or were shown them long ago; rows that
# somebody deletes; and visitors, or their tokens, that are deleted while they are connected.
use strict;
use warnings;

use LocalHub;
use Test::More;

my $t = LocalHub->begin;
my $c = $t->{channel};
my $tab = $t->arrived;
my $v = $tab->{visitor};
my $other = $t->visitor(token => $tab->{token})->arrive;
my $stranger = $t->arrived;

sub retract { my ($id) = @_; return $t->sql("SELECT webchatt.retract_message('$c', '$id')") }

# Who is there.
my $first = $t->reply($tab, 'the wrong price');
my $second = $t->reply($tab, 'the right price');
ok(Visitor::until(sub { my $n = grep { $_ eq 'the right price' } map { $_->texts('out') } $tab, $other; $n == 2 }), 'both clients have what was sent');
is(retract($first), 't', 'it is taken back');
ok(Visitor::until(sub { 2 == grep { my ($f) = $_->of_type('retracted'); $f && $f->{ids}[0] eq $first } $tab, $other }), 'and both clients hear of it');
is_deeply([ $_->texts('out') ], ['the right price'], 'the other one stays') for $tab, $other;
ok(!$stranger->of_type('retracted'), 'nobody else hears of it');
is($t->row($first, 'status'), 'retracted', 'the row stays, and says so');
is($t->row($first, "content ->> 'text'"), 'the wrong price', 'with what it said');
$tab->send({ type => 'read', ids => [$first] });
ok(Visitor::until(sub { grep { $_->{status} eq 'read' } $tab->of_type('status') }), 'a receipt that crosses it is confirmed');
is($t->row($first, 'status'), 'retracted', 'and changes nothing');
is(retract($first), 'f', 'a second time there is nothing to take back');

# By whom it is not known yet: from the next welcome on.
$_->end for $tab, $other;
ok(Visitor::until(sub { $t->sql("SELECT count(*) FROM webchatt.presence WHERE visitor = '$v'") eq '0' }), 'the visitor is away');
my $held = $t->sql("SELECT webchatt.send_message('$c', '$v', text => 'held')");
ok(Visitor::until(sub { $t->row($held, 'status') eq 'held' }), 'what is sent meanwhile is held');
is(retract($held), 't', 'and taken back');
is($t->sql('SELECT count(*) FROM webchatt.held'), '0', 'it is held no more');
is(retract($second), 't', 'what the visitor has too');
my $back = $t->visitor(token => $tab->{token});
$back->{where}{have} = [ $first, $second ];
$back->arrive;
my ($welcome) = $back->of_type('welcome');
is_deeply([ sort @{ $welcome->{gone} // [] } ], [ sort $first, $second ], 'the welcome names what is gone');
is_deeply([ map { $_->{id} } @{ $welcome->{messages} } ], [], 'and has none of it');

# Rows that somebody deletes, the visitor's own as well.
my $own = $back->acked($back->say('my card is 4111')) && $t->sql("SELECT id FROM webchatt.messages WHERE visitor = '$v' AND direction = 'in'");
my $answer = $t->reply($back, 'never write that here');
ok(Visitor::until(sub { grep { $_ eq 'never write that here' } $back->texts('out') }), 'there are two more');
my ($status, undef, $error) = $t->try_sql("SELECT webchatt.retract_message('$c', '$own')");
is($status, 3, 'the visitor\'s own cannot be taken back');
like($error, qr/is the visitor's own\n.*\nHINT:  DELETE it/s, 'and what to do instead');
$t->sql("DELETE FROM webchatt.messages WHERE id = '$own'");
$back->end;
my $again = $t->visitor(token => $tab->{token});
$again->{where}{have} = [ $own, $answer ];
$again->arrive;
($welcome) = $again->of_type('welcome');
is_deeply($welcome->{gone}, [$own], 'a row that was deleted is gone at the next welcome, and what is there is not');
my $thief = $t->visitor(token => $stranger->{token});
$thief->{where}{have} = [ $answer, $first, '01a206db-149d-7000-8199-51c107a6ffef' ];
$thief->arrive;
($welcome) = $thief->of_type('welcome');
is(scalar @{ $welcome->{gone} }, 3, 'of others\' messages is said what is said of none');
$thief->end;

# Tokens and visitors that are deleted by hand.
my $hash = sub { my ($client) = @_; return "sha256('$client->{token}')" };
my $phone = $t->visitor(token => $tab->{token})->arrive;
$t->sql("INSERT INTO webchatt.visitor_tokens (channel_id, token_hash, visitor) VALUES ('$c', sha256('wct_of_the_laptop'), '$v')");
my $laptop = $t->visitor(token => 'wct_of_the_laptop')->arrive;
is($laptop->{visitor}, $v, 'a visitor with two tokens');
$t->sql("DELETE FROM webchatt.visitor_tokens WHERE token_hash = " . $hash->($tab));
is($_->closed(20), 4011, 'a token is deleted by hand: its sessions end') for $again, $phone;
$t->reply($laptop, 'are you there?');
ok(Visitor::until(sub { grep { $_ eq 'are you there?' } $laptop->texts('out') }), 'that of the other token does not');
$t->sql("DELETE FROM webchatt.visitors WHERE id = '$v'");
is($laptop->closed(20), 4011, 'the visitor is deleted by hand: the last ends');
my $anew = $t->visitor(token => 'wct_of_the_laptop');
$anew->{where}{have} = [$answer];
$anew->arrive;
isnt($anew->{visitor}, $v, 'whoever comes with that token is somebody new');
($welcome) = $anew->of_type('welcome');
is_deeply($welcome->{gone}, [$answer], 'whose messages are all gone');
$t->sql("BEGIN; DELETE FROM webchatt.visitors; ROLLBACK");
$t->reply($anew, 'nothing happened');
ok(Visitor::until(sub { grep { $_ eq 'nothing happened' } $anew->texts('out') }), 'what is rolled back ends nobody\'s session');
$t->sql("INSERT INTO webchatt.visitors (channel_id, id) SELECT '$c', 'v' || n FROM generate_series(1, 300) n");
$t->sql("INSERT INTO webchatt.visitor_tokens (channel_id, token_hash, visitor) SELECT '$c', sha256(('t' || n)::bytea), 'v' || n FROM generate_series(1, 300) n");
my $survivor = $t->arrived;
$t->sql("DELETE FROM webchatt.visitors WHERE id <> '$survivor->{visitor}'");
is($anew->closed(20), 4011, 'also among many that are deleted at a time');
$t->reply($survivor, 'you are left');
ok(Visitor::until(sub { grep { $_ eq 'you are left' } $survivor->texts('out') }), 'and who was not is still there');
$t->sql('TRUNCATE webchatt.visitor_tokens');
is($survivor->closed(20), 4011, 'all tokens at once');

done_testing;
