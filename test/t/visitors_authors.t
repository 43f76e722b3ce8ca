# Who answers: a channel that shows it tells its visitors the display name and the picture of an
# agent, in what is pushed, in what a welcome brings and in the history; and nothing of anybody else.
use strict;
use warnings;

use LocalHub;
use Mojo::JSON qw(encode_json);
use Test::More;

my $t = LocalHub->begin(limits => $LocalHub::WIDE);
my $channel = $t->{channel};
my ($other, $other_key) = $t->make_channel('Other', $LocalHub::ORIGIN);
my $ana = { name => 'Ana "<b>" & Co', avatar => 'https://example.com/a.png' };
$t->sql(qq{SELECT webchatt.create_agent('ana', '$ana->{name}', avatar_url => '$ana->{avatar}'), webchatt.create_agent('rui', 'Rui')});
my $long = 'a' x 63;
$t->sql("SELECT webchatt.create_agent('$long', 'Long')");

my $v = $t->arrived;
my $elsewhere = $t->visitor(key => $other_key);
Visitor::until(sub { $elsewhere->let_in }) or die 'not welcomed elsewhere';

# What a client was told of who wrote the message, by its latest frame or welcome.
sub author_of
{
	my ($who, $id) = @_;
	my $m = $who->got(sub { $_->{type} eq 'message' && $_->{id} eq $id }) or return 'nothing came';
	return $m->{author};
}

sub says
{
	my ($author, $text, $to, $where) = @_;
	$author = defined $author ? "'$author'" : 'NULL';
	return $t->sql(sprintf q{SELECT webchatt.send_message('%s', '%s', text => '%s', author => %s)}, $where // $channel, ($to // $v)->{visitor}, $text, $author);
}

# --- off ---------------------------------------------------------------------

my @before = map { says('ana', "before $_") } 1, 2;
is(author_of($v, $_), undef, 'nobody is told who answers, unless the channel says so') for @before;
is($t->sql("SELECT show_author FROM webchatt.channels WHERE id = '$channel'"), 'f', 'which it does not by itself');

# --- on ----------------------------------------------------------------------

# Until the worker has read it.
sub switched
{
	my ($on, $agent, $want) = @_;
	$t->sql("SELECT webchatt.set_show_author('$channel', $on)") if defined $on;
	return ok(Visitor::until(sub {
		my $got = author_of($v, says($agent // 'ana', 'are you there'));
		return encode_json([$got]) eq encode_json([$want]); }), 'the worker has heard of it');
}

switched('true', 'ana', $ana);
is_deeply(author_of($v, says('rui', 'x')), { name => 'Rui' }, 'who has no picture has a name');
for my $nobody (undef, 'bot-7', 'Ana', 'ana ', 'an', "${long}a", "x'' OR true --") { is(author_of($v, says($nobody, 'x')), undef, 'no name of an agent: ' . ($nobody // 'none')) }
is_deeply(author_of($v, says($long, 'x')), { name => 'Long' }, 'a name of 63 letters');
is(author_of($elsewhere, says('ana', 'x', $elsewhere, $other)), undef, 'another channel does not show it');
my $said = $v->say('mine');
$v->acked($said);

# What comes later: the history, and a welcome; those that were sent before as well.
my $again = $t->arrived(token => $v->{token});
my %welcome = map { $_->{id} => $_ } @{ $again->{welcome}{messages} };
is_deeply($welcome{$_}{author}, $ana, 'a welcome says who wrote what') for @before;
is(scalar(grep { $_->{direction} eq 'in' && exists $_->{author} } values %welcome), 0, 'the visitor\'s own have no author');
is_deeply([ sort map { $_->{author}{name} } grep { $_->{author} } values %welcome ],
	[ sort split /\n/, $t->sql("SELECT a.display_name FROM webchatt.messages m JOIN webchatt.agents a ON a.name = m.author WHERE m.channel_id = '$channel'") ],
	'of all those that agents wrote, and of no others');
my $mark = $again->mark;
$again->ask_history('ffffffff-ffff-7fff-bfff-ffffffffffff');
my $history = $again->got(sub { $_->{type} eq 'history' }, undef, $mark);
is_deeply({ map { $_->{id} => $_->{author} } @{ $history->{messages} } }, { map { $_->{id} => $_->{author} } values %welcome }, 'so does the history');

# Held for somebody who is away, and found by a statement: somebody else's message is held.
my $away = $t->arrived;
$away->end;
$t->wait_for("SELECT count(*) = 0 FROM webchatt.presence WHERE visitor = '$away->{visitor}'", 'one is away');
my $held = says('ana', 'for later', $away);
$t->status_becomes($held, 'held', 'what is for them is held');
is_deeply(author_of($v, says('ana', 'beside it')), $ana, 'beside one that is held it is the same');
my $back = $t->arrived(token => $away->{token});
is_deeply(author_of($back, $held), $ana, 'and when they are back');

# --- changes -----------------------------------------------------------------

$t->sql(q{UPDATE webchatt.agents SET display_name = 'Ana Maria', avatar_url = NULL WHERE name = 'ana'});
switched(undef, 'ana', { name => 'Ana Maria' });
$t->sql(q{SELECT webchatt.disable_agent('ana')});
is_deeply(author_of($v, says('ana', 'x')), { name => 'Ana Maria' }, 'who is locked out has written what they wrote');
$t->sql(q{DELETE FROM webchatt.agents WHERE name = 'ana'});
switched(undef, 'ana', undef);
is_deeply(author_of($v, says('rui', 'x')), { name => 'Rui' }, 'the others are shown still');
switched('false', 'rui', undef);
my $last = $t->arrived(token => $v->{token});
is(scalar(grep { exists $_->{author} } @{ $last->{welcome}{messages} }), 0, 'switched off, a welcome has none either');
like(($t->try_sql("SELECT webchatt.set_show_author('$channel', NULL)"))[2], qr/show is NULL/, 'NULL is refused');
like(($t->try_sql('SELECT webchatt.set_show_author(gen_random_uuid())'))[2], qr/there is no channel/, 'so is a channel that is none');
$_->end for $v, $again, $back, $last, $elsewhere;
done_testing();
