# What a visitor is told of the conversation as such: that it is closed, or opened again; what they say of it then; and that
# the channel's settings have changed.
use strict;
use warnings;

use LocalHub;
use Test::More;

my $t = LocalHub->begin(limits => $LocalHub::WIDE);
my $channel = $t->{channel};

sub frames { my ($v, $type) = @_; return grep { $_->{type} eq $type } @{ $v->{frames} } }
sub hears { my ($v, $type, $n, $what) = @_; ok(Visitor::until(sub { frames($v, $type) >= $n }, 30), $what); return (frames($v, $type))[-1] }
sub rating { my ($v, $what) = @_; return $t->sql("SELECT $what FROM webchatt.ratings WHERE visitor = '$v->{visitor}' ORDER BY rated_at") }
sub conversation { my ($v, $call) = @_; return $t->sql("SELECT webchatt.$call('$channel', '$v->{visitor}')") }

my $v = $t->arrived;
my ($welcome) = frames($v, 'welcome');
is($welcome->{conversation}, 'open', 'a new visitor\'s conversation is open');
$v->say('Where is my order?');
$t->wait_for("SELECT count(*) = 1 FROM webchatt.conversations WHERE visitor = '$v->{visitor}'", 'they write');
my $other = $t->arrived(token => $v->{token});

$v->send({ type => 'rating', value => 5 });
is(hears($v, 'error', 1, 'what is open cannot be rated')->{code}, 'rating', 'with a code of its own');

conversation($v, 'close_conversation');
is(hears($_, 'conversation', 1, 'somebody closes it: told')->{state}, 'closed', 'that it is closed') for $v, $other;
is((frames($t->arrived(token => $v->{token}), 'welcome'))[0]{conversation}, 'closed', 'who comes then is told, too');

$v->send({ type => 'rating', value => 2, comment => "Too \x{1F422} slow" });
is(hears($_, 'rating', 1, 'a rating is stored, and told')->{value}, 2, 'as it is') for $v, $other;
is(rating($v, q{value, comment = U&'Too \+01F422 slow', changed_at IS NULL, assignee IS NULL}), '2|t|t|t', 'a row');
$v->send({ type => 'rating', value => 4 });
hears($v, 'rating', 2, 'it is changed');
is(rating($v, 'value, comment IS NOT NULL, changed_at IS NOT NULL'), '4|t|t', 'the same row, and what was written stays');
$t->sql(q{UPDATE webchatt.ratings SET rated_at = now() - interval '61 minutes'});
$v->send({ type => 'rating', value => 1 });
hears($v, 'error', 2, 'not for ever');
is(rating($v, 'value'), 4, 'nor is it changed then');

conversation($v, 'reopen_conversation');
is(hears($v, 'conversation', 2, 'somebody opens it again')->{state}, 'open', 'told');
conversation($v, 'close_conversation');
hears($v, 'conversation', 3, 'closed again');
$v->say('One thing more');
is(hears($v, 'conversation', 4, 'the visitor writes: it is open')->{state}, 'open', 'told');
is(hears($other, 'conversation', 4, 'in each tab')->{state}, 'open', 'told');
conversation($v, 'close_conversation');
hears($v, 'conversation', 5, 'closed a third time');
$t->sql("SELECT webchatt.assign_conversation('$channel', '$v->{visitor}', 'ana')");
$t->wait_for("SELECT assignee = 'ana' FROM webchatt.conversations WHERE visitor = '$v->{visitor}'", 'somebody\'s');
$v->send({ type => 'rating', value => 5 });
hears($v, 'rating', 3, 'each closing has its rating');
is(rating($v, "value || coalesce(assignee, '')"), "4\n5ana", 'a row for each');

my $errors = frames($v, 'error');
$v->send({ type => 'rating', value => $_ }) for 0, 6, 1.5, '5';
$v->send({ type => 'rating', value => 5, comment => 'x' x 4001 });
ok(Visitor::until(sub { frames($v, 'error') >= $errors + 5 }, 30), 'what is no rating is refused');
$v->send({ type => 'rating', value => 5 }) for 1 .. 10;
ok(Visitor::until(sub { grep { $_->{code} eq 'rate' } frames($v, 'error') }, 30), 'and too many');
is($t->sql('SELECT count(*) FROM webchatt.ratings'), 2, 'no row more');

# A trigger of somebody's that raises costs the rating, nothing else.
$t->sql(q{CREATE FUNCTION public.no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no'; END$$;
	CREATE TRIGGER no BEFORE INSERT ON webchatt.ratings FOR EACH ROW EXECUTE FUNCTION public.no()});
my $w = $t->arrived;
$w->say('Hello');
$t->wait_for("SELECT count(*) = 1 FROM webchatt.conversations WHERE visitor = '$w->{visitor}'", 'another one writes');
conversation($w, 'close_conversation');
hears($w, 'conversation', 1, 'and is closed');
$w->send({ type => 'rating', value => 3 });
is(hears($w, 'error', 1, 'a trigger raises')->{code}, 'busy', 'it may be sent again');
$t->sql('DROP TRIGGER no ON webchatt.ratings');
$w->send({ type => 'rating', value => 3 });
hears($w, 'rating', 1, 'and then is stored');

# The channel's settings.
$t->sql(qq{SELECT webchatt.configure_widget('$channel', '{"title": "Help", "rating": true}')});
hears($_, 'settings', 1, 'a change of the settings is told') for $v, $other, $w;
$t->sql(qq{SELECT webchatt.configure_widget('$channel', '{"title": "Help"}')});
$t->sql('SELECT webchatt.pause_newcomers(id) FROM webchatt.channels');
$v->send({ type => 'ping' });
hears($v, 'pong', 1, 'the line goes on');
is(scalar(frames($v, 'settings')), 1, 'what is not changed is not told');

# Nothing is left when the visitor goes.
$t->sql("DELETE FROM webchatt.visitors WHERE id = '$v->{visitor}'");
is($t->sql('SELECT count(*) FROM webchatt.ratings'), 1, 'ratings go with their visitor');

done_testing();
