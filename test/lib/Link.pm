# A subscriber's client for doc/link.md that is not ours: it dials the hub's
# event link with an API key, and can do what webchatt's own would not.
#
# Left alone it acknowledges each event as it comes, and keeps what came; after
# a cut it does not dial again by itself unless "again" says when.  It lives in
# the visitors' loop: nothing happens but in Visitor::pump() and what calls it.
package Link;

use strict;
use warnings;

use parent 'Visitor';

use Mojo::JSON qw(encode_json);

our $PATH = '/communication/web-chatt2me/events';
our $PROTOCOL = 'web-chatt2me.events.v1';

# Arguments: as Visitor->new, and api_key; ack (1: each event, 0: none, or a sub
# that is called with the client and the number, and says so).
sub new
{
	my ($class, %args) = @_;
	my $key = delete $args{api_key};
	my $self = Visitor::new($class,
		path => $PATH, protocol => $PROTOCOL, hello => 0, ack => 1, %args,
		headers => { Origin => undef, 'x-api-key' => $key, %{ $args{headers} // {} } });

	@$self{qw(events by_seq sent_ack highest)} = ([], {}, 0, 0);
	return $self;
}

# What the hub said.  Numbers grow within one line, a number that comes again
# has the same event, and welcome comes first and once.
sub _came
{
	my ($self, $frame) = @_;
	my $type = $frame->{type};

	if ($type eq 'welcome')
	{
		$self->_strange('a second welcome on one line') if $self->{state} eq 'welcomed';
		$self->_strange("welcome is not whole: " . encode_json($frame))
		  if grep { ($frame->{$_} // '') !~ /^[0-9]+\z/ } qw(acknowledged lost) or !($frame->{heartbeat} > 0);
		$self->{state} = 'welcomed';
		$self->{welcome} = $frame;
		$self->{welcomes}++;
		$self->{line_seq} = $frame->{acknowledged};
		return;
	}
	return $self->_strange("a frame of type $type") if $type ne 'event';
	my ($seq, $event) = @$frame{qw(seq event)};

	$self->_strange("event $seq before the welcome") if $self->{state} ne 'welcomed';
	$self->_strange("event $seq after $self->{line_seq}") if $seq <= ($self->{line_seq} // 0);
	$self->_strange("event $seq again, though it was acknowledged") if $seq <= ($self->{welcome}{acknowledged} // 0);
	$self->{line_seq} = $seq;
	if (my $known = $self->{by_seq}{$seq})
	{
		$self->{repeats}++;
		$self->_strange("event $seq came with another body") if encode_json($known) ne encode_json($event);
	}
	else
	{
		$self->_strange("event $seq is new, though $self->{highest} came before it") if $seq < $self->{highest};
		$self->{by_seq}{$seq} = $event;
		push @{ $self->{events} }, { %$event, seq => $seq };
		$self->{highest} = $seq;
	}
	my $ack = ref $self->{ack} ? $self->{ack}->($self, $seq) : $self->{ack};
	$self->acknowledge($seq) if $ack;
	return;
}

sub acknowledge
{
	my ($self, $seq) = @_;

	$self->{sent_ack} = $seq;
	return $self->send({ type => 'ack', seq => $seq + 0 });
}

# The events that came, of a type, and with these fields: each once, in order.
sub events_of
{
	my ($self, $type, %want) = @_;
	my @all = grep { $_->{eventType} eq $type } @{ $self->{events} };

	for my $name (keys %want)
	{
		@all = grep { ($_->{$name} // '') eq $want{$name} } @all;
	}
	return @all;
}

# Wait until a Message with this text came; the event.
sub heard
{
	my ($self, $text, $timeout) = @_;

	return Visitor::until(sub { (grep { ($_->{content}{text} // '') eq $text } $self->events_of('Message'))[0] }, $timeout);
}

1;
