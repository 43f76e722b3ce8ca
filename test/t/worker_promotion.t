# A local hub that fails over, its standby being synchronous: visitors, a link and
# a webhook go on at the new primary, where they were at the old one.
use strict;
use warnings;

use Endpoint;
use Link;
use LocalHub;
use Mojo::JSON qw(decode_json encode_json);
use PostgreSQL::Test::Cluster;
use Test::More;
use Time::HiRes qw(time);

my $t = LocalHub->begin(streaming => 1, conf => join "\n", 'max_wal_senders = 5', 'max_connections = 40',
	"webchatt.webhook_allowed_addresses = '127.0.0.0/8'");
my $endpoint = Endpoint->new;
my $key = $t->sql(q{SELECT webchatt.create_api_key('tests')});
my @visitors = map { $t->arrived(again => 0.2) } 1 .. 5;
my $sick = 0;
my $n = 0;
my $link;

sub turn_until { return $endpoint->until(@_) }

$endpoint->on('*', sub {
	my $token = Endpoint::header($_[0], 'X-Validation-Token');

	return Endpoint::reply(200, encode_json($token)) if $token ne '';
	return Endpoint::reply($sick ? 500 : 200, '{}');
});

# What a visitor said, by the link and by the webhook: texts in the order of their first coming.
sub by_link { my ($v) = @_; return map { $_->{content}{text} } $link->events_of('Message', from => $v->{visitor}) }

sub by_webhook
{
	my ($v) = @_;
	my %seen;

	return grep { !$seen{$_}++ } map { $_->{content}{text} } grep { $_->{from} eq $v->{visitor} }
	  map { decode_json($_->{body}) } grep { Endpoint::header($_, 'X-Validation-Token') eq '' } @{ $endpoint->{requests} };
}

my %said;
sub say_all { for my $v (@visitors) { my $text = 'word ' . ++$n; $v->say($text); push @{ $said{ $v->{visitor} } }, $text } return }
sub acked { return !grep { %{ $_->{unacked} } } @visitors }

my $id = $t->sql("SELECT id FROM webchatt.create_webhook('all', 'http://127.0.0.1:$endpoint->{port}/all', 'Message')");
ok(turn_until(sub { $t->sql('SELECT verified_at IS NOT NULL FROM webchatt.webhooks') eq 't' }), 'a webhook is verified');
$link = Link->new(port => $t->{port}, api_key => $key, again => 0.2);
$link->connect;
ok(turn_until(sub { $link->{state} eq 'welcomed' }), 'a link is there');

# The standby will listen at the same address, once it is the primary.
$t->node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($t->node, 'base', has_streaming => 1);
$standby->start;
$t->sql(q{ALTER SYSTEM SET synchronous_standby_names = '*'});
$t->node->reload;
$t->wait_for(q{SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'}, 'a synchronous standby');

say_all() for 1 .. 4;
ok(turn_until(sub { acked() && !grep { 4 > by_link($_) || 4 > by_webhook($_) } @visitors }), 'both get what visitors write');

# A part of it is not delivered yet, and more comes in the very moment.
$sick = 1;
$link->{ack} = 0;
say_all();
ok(turn_until(sub { acked() && 25 == @{ $link->{events} } }), 'more is written; the endpoint is ill, and the link acknowledges nothing');
say_all();
turn_until(sub { grep { !%{ $_->{unacked} } } @visitors }, 10);
$t->node->stop('immediate');
$standby->promote;
$sick = 0;
$link->{ack} = 1;
my $s = bless { %$t, node => $standby, sessions => [] }, ref $t;
$s->sql('ALTER SYSTEM RESET synchronous_standby_names');
$standby->reload;
$s->wait_for(q{SELECT state = 'running' AND listening LIKE '%:%' FROM webchatt.status}, 'the standby is the primary', 60);
ok(turn_until(sub { acked() && !grep { $_->{state} ne 'welcomed' } @visitors, $link }, 60), 'visitors and link are back');
say_all();
ok(turn_until(sub { acked() }), 'visitors write on');
ok(turn_until(sub { !grep { my $v = $_; 7 > by_link($v) || 7 > by_webhook($v) } @visitors }, 60), 'both get all of it')
  or $s->diagnose('SELECT * FROM webchatt.feeds');
for my $v (@visitors)
{
	is_deeply([ by_link($v) ], $said{ $v->{visitor} }, "the link: a visitor's words, each once and in order");
	is_deeply([ by_webhook($v) ], $said{ $v->{visitor} }, 'the webhook: in order');
}
is($link->{welcomes}, 2, 'the link was opened twice');
cmp_ok($link->{welcome}{acknowledged}, '>', 0, 'and went on where it was');
is($link->{welcome}{lost}, 0, 'nothing was lost');
cmp_ok($link->{repeats} // 0, '>=', 5, 'what it had not acknowledged came again, under the same numbers');
LocalHub::none($link->{violations}, 'to the letter of the protocol');
ok(turn_until(sub { $s->sql('SELECT acknowledged = (SELECT max(seq) FROM webchatt.feed) FROM webchatt.links') eq 't' }), 'all is acknowledged');
ok(turn_until(sub { $s->sql('SELECT done_upto = (SELECT max(seq) FROM webchatt.feed) AND lost = 0 FROM webchatt.webhook_progress') eq 't' }), 'and delivered');

$_->end for @visitors;
done_testing();
