# A database with all that goes on in one: visitors who come, go and write, calls of
# the REST API, a remote hub's webhooks in and our own out; in rounds, so that what
# the processes hold can be compared between them.
package Soak;

use strict;
use warnings;

use Endpoint;
use Hub;
use List::Util qw(min);
use LocalHub;
use Mojo::JSON qw(encode_json);
use Mojo::UserAgent;
use PostgreSQL::Test::Utils;
use Visitor;
use Webhook;

# How far what is held may rise after the warm-up, in bytes: the contexts that hold
# everything else to the page, the rest by what plans, caches and the allocator do.
our %TOLERANCE = (top => 16 * 1024, contexts => 2 * 1024 * 1024, worker => 3 * 1024 * 1024, net => 3 * 1024 * 1024);
our @FIELDS = qw(top contexts worker net);
our %CALLED = (top => 'TopMemoryContext', contexts => 'all memory contexts', worker => "the worker's private memory",
	net => "webchatt-net's private memory");

my $REST = '/v1/communication/web-chatt2me/message';

# Arguments: visitors (who stay the same; default 20).
sub new
{
	my ($class, %args) = @_;
	my $t = LocalHub->begin(conf => "webchatt.webhook_allowed_addresses = '127.0.0.0/8'");
	my $self = bless { t => $t, n => 0, ua => Mojo::UserAgent->new(max_redirects => 0),
		done => { hellos => 0, messages => 0, calls => 0, webhooks => 0, deliveries => 0 }, samples => [] }, $class;

	$t->{hub} = Hub->new(dir => $t->node->basedir . '/hub', keys => [$WebchattTest::KEY],
		channels => { $WebchattTest::CHANNEL => 'web-chatt2me' });
	$t->attach($t->{hub}->url);
	$t->answering;
	$self->{api_key} = $t->sql(q{SELECT webchatt.create_api_key('soak')});
	$self->{endpoint} = Endpoint->new;
	$self->{endpoint}->on('*', sub {
		my $token = Endpoint::header($_[0], 'X-Validation-Token');

		$self->{endpoint}{requests} = [];
		return Endpoint::reply(200, encode_json($token)) if $token ne '';
		$self->{done}{deliveries}++;
		return Endpoint::reply(200, '{}');
	});
	$t->sql("SELECT webchatt.create_webhook('all', 'http://127.0.0.1:$self->{endpoint}{port}/all', 'Message')");
	$self->{visitors} = [ map { $self->come($t->visitor(log => 0)) } 1 .. $args{visitors} // 20 ];
	return $self;
}

# Wait until the condition holds, while clients and endpoint live.
sub wait_for
{
	my ($self, $what, $condition) = @_;

	return $self->{endpoint}->until($condition, 120) || die "$what did not happen\n";
}

# A client says hello and is welcomed.
sub come
{
	my ($self, $v) = @_;

	$self->{t}->reachable;
	$v->connect;
	$self->wait_for('a welcome', sub { $v->{state} eq 'welcomed' });
	$self->{done}{hellos}++;
	return $v;
}

# A call of the REST API; its status.
sub call
{
	my ($self, $method, $path, $body) = @_;
	my $url = $self->{t}->base_url . $path;
	my %headers = ('Content-Type' => 'application/json', 'x-api-key' => $self->{api_key});
	my $tx = $method eq 'GET' ? $self->{ua}->get($url => \%headers) : $self->{ua}->post($url => \%headers => encode_json($body));

	$self->{done}{calls}++;
	return $tx->res->code // 0;
}

# Everybody once: all visitors come anew and write, one is new; the API is called,
# the hub posts what others wrote.
sub round
{
	my ($self) = @_;
	my $t = $self->{t};
	my $new = $t->visitor(log => 0);

	# another browser with the same token, say: it has nothing yet
	for my $v (@{ $self->{visitors} }) { $v->cut; $v->{messages} = {} }
	$_->connect for @{ $self->{visitors} }, $new;
	$self->wait_for('the welcomes', sub { !grep { $_->{state} ne 'welcomed' } @{ $self->{visitors} }, $new });
	$self->{done}{hellos} += 1 + @{ $self->{visitors} };
	for my $v (@{ $self->{visitors} }, $new)
	{
		$v->say(++$self->{n} . ' and some more' x 80);
		$v->typing;
	}
	for my $v (@{ $self->{visitors} }[ 0 .. 4 ])
	{
		$self->call(POST => $REST, { from => $t->{channel}, to => $v->{visitor}, content => { text => 'by the API' } });
		$self->call(GET => '/v1/organization/webhooks');
		$t->post(Webhook::message($WebchattTest::CHANNEL, 'm-' . ++$self->{n}, "v$self->{n}", 'from the hub'));
		$self->{done}{webhooks}++;
	}
	$self->wait_for('the acks', sub { !grep { %{ $_->{unacked} } } @{ $self->{visitors} }, $new });
	$self->{done}{messages} += 1 + @{ $self->{visitors} };
	$new->end;
	return;
}

# Memory of a process that is nobody else's, in bytes: pages that belong to no file and
# to no memory that is shared.
sub private
{
	my ($pid) = @_;
	my $rollup = slurp_file("/proc/$pid/smaps_rollup");

	return $rollup =~ /^Anonymous: +(\d+) kB/m ? $1 * 1024 : die "no figures of process $pid\n";
}

# Bytes in use in the worker's TopMemoryContext alone, as the server log has it.
sub top
{
	my ($self, $pid) = @_;
	my $log = $self->{t}->node->logfile;
	my $at = -s $log;
	my $used;

	$self->{t}->sql("SELECT pg_log_backend_memory_contexts($pid)");
	$self->wait_for('a list of memory contexts',
		sub { ($used) = slurp_file($log, $at) =~ /TopMemoryContext: .* (\d+) used/; return defined $used });
	return $used;
}

# What both processes hold now; added to the samples.
sub sample
{
	my ($self) = @_;
	my ($worker, $net, $restarts);
	my %s = (round => $self->{n}, at => time);

	($worker, $net, $restarts, $s{contexts}) =
	  split /\|/, $self->{t}->sql('SELECT worker_pid, net_pid, net_restarts, worker_memory FROM webchatt.status');
	die "webchatt-net was started again\n" if $restarts;
	die "another worker\n" if $worker != ($self->{worker} //= $worker);
	$s{top} = $self->top($worker);
	$s{worker} = private($worker);
	$s{net} = private($net);
	push @{ $self->{samples} }, \%s;
	return \%s;
}

# How far a figure rose: its least in the last third over that in the third before (a sample may
# fall into a turn that has much at hand).  The first third is the warm-up.
sub rise
{
	my ($self, $field) = @_;
	my @all = map { $_->{$field} } @{ $self->{samples} };
	my $third = int(@all / 3);

	die "too few samples\n" if $third < 3;
	return min(@all[ -$third .. -1 ]) - min(@all[ -2 * $third .. -$third - 1 ]);
}

sub is_flat { my ($self, $field) = @_; return $self->rise($field) <= $TOLERANCE{$field} }

sub describe
{
	my ($self) = @_;

	return join ', ', map { "$self->{done}{$_} $_" } qw(hellos messages calls webhooks deliveries);
}

sub end { my ($self) = @_; $_->end for @{ $self->{visitors} }; return }

1;
