# Several hubs and channels, backlogs, odd names, and things that disappear
# under the worker: nobody suffers for a neighbour.
use strict;
use warnings;
use utf8;

use Hub;
use Mojo::Util qw(encode);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);
use WebchattTest;

my $t = WebchattTest->attached;
my $hub = $t->hub;
my $channel = $WebchattTest::CHANNEL;

# A second hub with its own key and channel, and a third that never answers.
my $other = '33333333-3333-4333-8333-333333333333';
my $dead = '44444444-4444-4444-8444-444444444444';
my $second = Hub->new(dir => $t->node->basedir . '/second', keys => ['second-key'], channels => { $other => 'whatsapp' });
my $silent = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 5);
$t->sql("SELECT webchatt.connect_hub('second-key', '" . $second->url . "', 'second');
	SELECT webchatt.add_channel('$other', hub => 'second', kind => 'whatsapp');
	SELECT webchatt.connect_hub('third-key', 'http://127.0.0.1:" . $silent->sockport . "', 'third');
	SELECT webchatt.add_channel('$dead', hub => 'third');");

# Two are away, one is there.
$second->stop;
$t->sql("SELECT webchatt.send_message('$other', 'v' || i % 10, text => i::text) FROM generate_series(1, 200) i;
	SELECT webchatt.send_message('$dead', 'v' || i % 100, text => i::text) FROM generate_series(1, 1000) i");
$t->wait_for(q{SELECT hubs -> 'second' ->> 'state' = 'paused' FROM webchatt.status}, 'status says which hub is away');
for my $i (1 .. 5)
{
	my $id = $t->send_text("here-$i", 'hello');
	$t->status_becomes($id, 'sent', 'beside two hubs that are away a message is sent');
	sleep 0.3;
}
is($t->sql("SELECT count(*) FROM webchatt.messages WHERE channel_id <> '$channel' AND status <> 'queued'"), 0, 'while theirs all wait');
$second->start;
$t->wait_for("SELECT count(*) = 0 FROM webchatt.messages WHERE channel_id = '$other' AND status = 'queued'",
	'a hub that comes back gets what waited for it', 60);
for my $visitor (map { "v$_" } 0 .. 9)
{
	my @got = map { $_->{content}{text} } $second->record(to => $visitor);
	is_deeply(\@got, [ sort { $a <=> $b } @got ], "$visitor: in order");
}
is_deeply([ $second->violations ], [], 'to the letter of the contract');
close $silent;
$t->sql("DELETE FROM webchatt.messages WHERE channel_id = '$dead'; DELETE FROM webchatt.visitors WHERE channel_id = '$dead'; DELETE FROM webchatt.channels WHERE id = '$dead'");
$t->status_becomes($t->send_text('after', 'x'), 'sent', 'a channel that goes with its messages leaves the others alone');

# Odd names and large contents.
my @names = ("O'Brien \"x\" \\ {},", "\x{1F600}\x{e9}\x{4e2d}", 'x' x 255, ' ', 'NULL', '%s%n$1', "tab\there");
for my $name (@names)
{
	my $bytes = encode('UTF-8', $name);
	my $id = $t->sql("SELECT webchatt.send_message('$channel', \$n\$$bytes\$n\$, text => \$n\$to $bytes\$n\$)");
	$t->status_becomes($id, 'sent', 'a visitor with an odd name is written to');
	my ($entry) = $hub->record(key => $id);
	is($entry->{to}, $name, 'under that name');
	is($entry->{content}{text}, "to $name", 'with the text as it was');
	is(scalar $t->post(Webhook::message($channel, "odd-$id", $name, 'back')), 200, 'and writes back');
	is($t->sql("SELECT count(*) FROM webchatt.messages WHERE hub_message_id = 'odd-$id' AND visitor = \$n\$$bytes\$n\$"), 1, 'as a row');
}
my $id = $t->sql("SELECT webchatt.send_message('$channel', 'large', text => repeat('0123456789', 6000))");
$t->status_becomes($id, 'sent', '60 kB of text leave');
is(length(($hub->record(key => $id))[0]{content}{text}), 60_000, 'whole');

# Patience has an end.
$t->sql('ALTER SYSTEM SET webchatt.max_attempts = 2');
$t->node->reload;
my $next;
ok(WebchattTest::comes(sub {
	# until the setting has reached the worker the third try succeeds
	$hub->rules({ do => 500, to => 'hopeless', times => 2 });
	$id = $t->send_text('hopeless', 'x');
	$next = $t->send_text('hopeless', 'y');
	$t->status_becomes($next, 'sent', 'the next one goes on');
	return $t->sql("SELECT status FROM webchatt.messages WHERE id = '$id'") eq 'failed';
}), 'after webchatt.max_attempts a message fails');
is(scalar(my @tries = $hub->record(key => $id)), 2, 'it was tried so often');
$t->sql('ALTER SYSTEM RESET webchatt.max_attempts');
$t->node->reload;

# A backlog, and every process restarted under it.
$hub->rules({ do => 503, retry_after => 2 });
$t->sql("SELECT webchatt.send_message('$channel', 'b' || i % 50, text => i::text) FROM generate_series(1, 5000) i");
$t->wait_for(q{SELECT hubs -> 'chatt2me' ->> 'state' = 'paused' FROM webchatt.status}, 'a backlog');
$t->signal('KILL', 'net_pid');
sleep 0.5;
$t->signal('TERM', 'worker_pid');
sleep 0.5;
$t->node->restart;
$t->wait_ready;
$hub->rules();
$t->drained('a backlog of 5000 leaves after a restart', 60);
my %per;
push @{ $per{ $_->{to} } }, $_->{content}{text} for grep { $_->{to} =~ /^b\d+$/ && ($_->{status} // 0) == 200 } $hub->record;
is(scalar(grep { my $v = $_; "@{ $per{$v} }" ne join ' ', sort { $a <=> $b } @{ $per{$v} } } keys %per), 0, 'in order');
is(scalar(map { @$_ } values %per), 5000, 'each accepted once');
$t->sql("DELETE FROM webchatt.messages WHERE channel_id <> '$channel'");
$t->account('after the backlog', messages => 5000);

# DROP EXTENSION under load, and CREATE EXTENSION again.
my $load = Webhook::load(url => $t->webhook_url, secret => $WebchattTest::SECRET, channel => $channel,
	out => $t->node->basedir . '/load', connections => 16, visitors => 20, rate => 200);
ok($load->wait_answered(100, 30), 'a load');
$t->ends('DROP EXTENSION webchatt CASCADE', 'DROP EXTENSION under load does not hang');
sleep 1;
my $answered = $load->answered;
$t->sql('CREATE EXTENSION webchatt');
$t->attach($hub->url);
ok($load->wait_answered($answered + 100, 30), 'after CREATE EXTENSION it goes on');
$load->end;
my %late = map { $_ => 1 } ($load->answered)[ $answered .. scalar($load->answered) - 1 ];
my %rows = map { $_ => 1 } split /\n/, $t->sql(q{SELECT hub_message_id FROM webchatt.messages});
is(scalar(grep { !$rows{$_} } keys %late), 0, 'and what was answered 200 since is there');
unlike(slurp_file($t->node->logfile), qr/PANIC|terminated by signal/, 'nothing crashed');
$second->stop;

done_testing();
