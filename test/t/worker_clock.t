# The clock is set back, by an hour and more, with restarts in between: conversations and the inbox
# stay in the order of writing.
use strict;
use warnings;

use LocalHub;
use PostgreSQL::Test::Utils;
use Test::More;
use Turned;

my $turned = Turned->new(PostgreSQL::Test::Utils::tempdir());
my $t = $turned->start(sub { LocalHub->begin });
my $node = $t->node;

sub restart { $turned->start(sub { $node->restart }); return }

my ($ann, $bob) = map { $t->arrived(log => 0, again => 0.1) } 1 .. 2;
my (%written, @order);

# A visitor writes; the message's id.
sub writes
{
	my ($visitor, $text) = @_;

	Visitor::until(sub { $visitor->{state} eq 'welcomed' }, 30);
	my $id = $visitor->say($text);
	Visitor::until(sub { $visitor->{acked}{$id} }, 30) or diag($visitor->describe);
	return noted($visitor, $visitor->{acked}{$id});
}

sub replied { my ($visitor, $text) = @_; return noted($visitor, $t->reply($visitor, $text)) }

sub noted
{
	my ($visitor, $id) = @_;

	push @{ $written{ $visitor->{visitor} } }, $id;
	push @order, $id;
	return $id;
}

# Everything that has an order has that of writing.
sub in_order
{
	my ($what) = @_;

	$t->until(q{SELECT count(*) = 0 FROM webchatt.messages WHERE status IN ('queued', 'held')});
	for my $visitor ($ann, $bob)
	{
		my $all = join "\n", @{ $written{ $visitor->{visitor} } };
		is($t->sql("SELECT id FROM webchatt.conversation('$t->{channel}', '$visitor->{visitor}')"), $all, "$what: a conversation");
		is($t->sql("SELECT id FROM webchatt.messages WHERE visitor = '$visitor->{visitor}' ORDER BY created_at, id"), $all,
			"$what: by created_at");
		my $fresh = $t->visitor(token => $visitor->{token})->arrive;
		is(join("\n", map { $_->{id} } @{ $fresh->{welcome}{messages} }), $all, "$what: what a new tab is shown");
		my @times = map { $_->{at} } @{ $fresh->{welcome}{messages} };
		is_deeply(\@times, [ sort { $a <=> $b } @times ], "$what: with times that rise");
		$fresh->close;
	}
	is(join("\n", sort @order), join("\n", @order), "$what: all ids rise");
	return;
}

# The server's clock against ours, in minutes.
sub minutes { return sprintf '%.0f', ($t->sql('SELECT extract(epoch FROM clock_timestamp())') - time) / 60 }

writes($ann, 'ann 1');
writes($bob, 'bob 1');
replied($ann, 'to ann 1');
is(minutes(), 0, 'the clock is right');
in_order('before');

$turned->clock(-3600);
is(minutes(), -60, 'the clock is set back by an hour');
writes($ann, 'ann 2');
replied($bob, 'to bob 1');
writes($bob, 'bob 2');
writes($ann, 'ann 3');
in_order('an hour back');
$t->wait_for('SELECT visitor FROM webchatt.inbox LIMIT 1', 'who waits longest comes first', undef, $ann->{visitor});
# ids are a quarter of a microsecond apart while the clock is behind, times a whole one
writes($ann, "ann 3, $_") for 1 .. 8;
replied($ann, 'to ann 2');
writes($ann, 'ann 3, again');
$t->wait_for('SELECT visitor FROM webchatt.inbox LIMIT 1', 'now the other one', undef, $bob->{visitor});
is($t->sql('SELECT count(*) FROM webchatt.inbox WHERE unanswered'), 2, 'and both wait');
writes($bob, 'bob 3');

restart();
is(minutes(), -60, 'a restart, the clock is still behind');
writes($ann, 'ann 4');
replied($bob, 'to bob 2');
writes($bob, 'bob 4');
in_order('after a restart');

$turned->clock(-7200);
$t->sql(q{ALTER SYSTEM SET webchatt.databases = ''});
restart();
replied($ann, 'nobody works yet') for 1 .. 3;
replied($bob, 'nobody works yet');
is($t->sql('SELECT count(*) FROM pg_stat_activity WHERE backend_type = ' . q{'webchatt worker'}), 0, 'no worker has begun, and sessions write');
$t->sql(q{ALTER SYSTEM RESET webchatt.databases});
$node->reload;
$t->wait_ready;
writes($ann, 'ann 5');
writes($bob, 'bob 5');
in_order('two hours back');

# Ids by hand that say nothing of when they were made.
$t->sql("INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content)
	SELECT '$t->{channel}', id, 'by hand', 'in', 'received', '{}' FROM unnest(ARRAY['ffffffff-ffff-7fff-bfff-ffffffffffff',
		'f47ac10b-58cc-4372-a567-0e02b2c3d479', '00000000-0000-7000-8000-000000000000', '06b9d9a0-0000-7000-8000-000000000001']::uuid[]) id");
restart();
writes($ann, 'ann 6');
writes($bob, 'bob 6');
in_order('with ids by hand');
cmp_ok($order[-1], 'lt', '05', 'which are not followed');

$turned->clock(0);
my $now = time;
my $id = writes($ann, 'ann 7');
in_order('the clock is right again');
cmp_ok(hex(substr($id, 0, 8) . substr($id, 9, 4)) / 1000, '>=', $now, 'and ids are by it');

done_testing();
