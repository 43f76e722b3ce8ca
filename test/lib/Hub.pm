# Starts, stops and steers the stand-in hub (test/hub/hub.pl) from a test, and
# reads what it received.
package Hub;

use strict;
use warnings;

use parent 'Child';

use Cwd qw(abs_path);
use File::Basename;
use Mojo::JSON qw(decode_json);
use Patience;
use POSIX ":sys_wait_h";

my $program = abs_path(dirname(__FILE__) . '/../hub/hub.pl');

# Arguments: dir (for its files), keys, channels {uuid => type}.  Starts it.
sub new
{
	my ($class, %args) = @_;
	require Mojo::UserAgent;
	my $self = bless {
		dir => $args{dir},
		keys => $args{keys} // ['key-of-the-tests'],
		channels => $args{channels} // {},
		port => 0,
		set => {},
		owner => $$,
		ua => Mojo::UserAgent->new(inactivity_timeout => $Patience::SECONDS, max_connections => 0),
	}, $class;

	mkdir $self->{dir};
	$self->start;
	return $self;
}

# Start (again): on the same port, with the settings that it had.
sub start
{
	my ($self) = @_;
	my $ready = "$self->{dir}/hub.ready";

	unlink $ready;
	my @command = ($^X, $program, '--port', $self->{port}, '--log', $self->log_file, '--ready', $ready,
		'--state', "$self->{dir}/hub.state");
	push @command, map { ('--key', $_) } @{ $self->{keys} };
	push @command, map { ('--channel', "$_=$self->{channels}{$_}") } sort keys %{ $self->{channels} };

	my $pid = $self->{pid} = Child::start(\@command, out => "$self->{dir}/hub.out");
	Patience::until(sub { die "the stand-in hub did not start: see $self->{dir}/hub.out" if waitpid($pid, WNOHANG) == $pid; return -e $ready });
	open(my $fh, '<', $ready) or die "the stand-in hub is not ready: $ready: $!";
	chomp($self->{port} = <$fh>);
	$self->set(%{ $self->{set} }) if %{ $self->{set} };
	return;
}

sub url { my ($self) = @_; return "http://127.0.0.1:$self->{port}" }
sub log_file { my ($self) = @_; return "$self->{dir}/hub.log" }

# Settings: keys, channels, rules, sessions, idempotent, statuses; of webhooks:
# verify, secret_field, secret_in, redefines, failed_word, log_order, bulk.
sub set
{
	my ($self, %set) = @_;

	@{ $self->{set} }{ keys %set } = values %set;
	delete $self->{set}{rules};    # used up as they are used: not set again
	my $result = $self->{ua}->post($self->url . '/_control/set' => json => \%set)->result;
	die 'stand-in hub: ' . $result->body unless $result->is_success;
	return;
}

# How to misbehave: a list of {do => ..., to => ..., times => ...}; in calls about
# webhooks {do => ..., api => 'GET /v1/organization/webhook', times => ...}, where
# api is a regular expression.
sub rules
{
	my ($self, @rules) = @_;

	return $self->set(rules => \@rules);
}

# Know one more channel.
sub add_channel
{
	my ($self, $id, $type) = @_;

	$self->{channels}{$id} = $type;
	return $self->set(channels => $self->{channels});
}

# Everything received since the first start, in order: a list of hashes.  With
# arguments, only what has these fields: (to => 'v1').
sub record
{
	my ($self, %want) = @_;
	my (@all, %by_id);

	open(my $fh, '<', $self->log_file) or return ();
	while (my $line = <$fh>)
	{
		my $entry = eval { decode_json($line) } or next;    # cut by a kill
		if (my $known = $by_id{ $entry->{id} })
		{
			@$known{ keys %$entry } = values %$entry;
			next;
		}
		$by_id{ $entry->{id} } = $entry;
		push @all, $entry;
	}
	for my $name (keys %want)
	{
		@all = grep { ($_->{$name} // '') eq $want{$name} } @all;
	}
	return @all;
}

# The calls about webhooks, in order; with an argument, only those that match it.
sub calls
{
	my ($self, $pattern) = @_;

	return grep { defined $_->{api} && (!defined $pattern || $_->{api} =~ $pattern) } $self->record;
}

sub control
{
	my ($self, $method, $path, $json) = @_;
	my $result = $self->{ua}->start($self->{ua}->build_tx($method => $self->url . "/_control/$path" => ($json ? (json => $json) : ())))->result;

	die 'stand-in hub: ' . $result->body unless $result->is_success;
	return $result->json;
}

# The webhooks that the hub has, as hashes; with a label, only those.
sub webhooks
{
	my ($self, $label) = @_;

	return grep { !defined $label || $_->{label} eq $label } @{ $self->control('GET', 'webhooks') };
}

# What somebody else does to webhooks: make one, change one, delete one.
sub make_webhook { my ($self, %fields) = @_; return $self->control('POST', 'webhooks', \%fields) }
sub change_webhook { my ($self, $id, %fields) = @_; return $self->control('POST', "webhooks/$id", \%fields) }
sub delete_webhook { my ($self, $id) = @_; return $self->control('DELETE', "webhooks/$id") }

# The deliveries of a webhook, each with its event, in the order of their making.
sub logs { my ($self, $id) = @_; return @{ $self->control('GET', "logs/$id") } }

# Have the hub deliver events to all its webhooks; a list of {webhook, messageId, code}.
sub emit
{
	my ($self, @events) = @_;

	return @{ $self->control('POST', 'emit', { events => \@events }) };
}

# What was wrong with our requests, in words.
sub violations
{
	my ($self) = @_;

	return map { @{ $_->{violations} } } $self->record;
}

# Have the hub post an event; returns the HTTP status and the body.
sub post_event
{
	my ($self, $url, $secret, $event) = @_;
	my $result = $self->{ua}->post($self->url . '/_control/post' => json => { url => $url, secret => $secret, event => $event })->result->json;

	return ($result->{code}, $result->{body});
}

1;
