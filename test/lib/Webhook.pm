# Posts signed webhooks as the Hub does: one at a time, or a load of them on
# keep-alive connections with an account of what was answered.
package Webhook;

use strict;
use warnings;

use Child;
use Cwd qw(abs_path);
use Digest::SHA qw(hmac_sha256_hex);
use File::Basename;
use Mojo::JSON qw(encode_json);
use Patience;

my $load_program = abs_path(dirname(__FILE__) . '/webhook-load');
my $ua;

# X-hub-Signature for a body.
sub signature
{
	my ($secret, $body, $t) = @_;

	$t //= int time;
	return "t=$t,v1=" . hmac_sha256_hex("$t.$body", $secret);
}

# A Message event; further fields can be given or changed.
sub message
{
	my ($channel, $id, $visitor, $text, %more) = @_;

	return {
		eventType => 'Message', channelId => $channel, messageId => $id, from => $visitor,
		timestamp => int time, channel => 'web-chatt2me',
		content => { type => 'text', text => $text }, %more
	};
}

# A MessageStatus event.
sub status
{
	my ($id, $status, %more) = @_;

	return {
		eventType => 'MessageStatus', messageId => $id, status => $status,
		timestamp => int time, channel => 'web-chatt2me', %more
	};
}

# POST an event (a hash, or the body itself); (code, body).  Code 0: no answer.
# Further arguments: header (a whole X-hub-Signature), headers, timeout,
# fresh (1: a new connection), ua.
sub post
{
	my ($url, $secret, $event, %args) = @_;
	my $body = ref $event ? encode_json($event) : $event;
	my %headers = ('Content-Type' => 'application/json', %{ $args{headers} // {} });
	require Mojo::UserAgent;    # not before: it takes a test's first 100 ms
	my $agent = $args{ua} // ($ua //= Mojo::UserAgent->new(max_redirects => 0));

	if (exists $args{header}) { $headers{'X-hub-Signature'} = $args{header} if defined $args{header} }
	elsif (defined $secret) { $headers{'X-hub-Signature'} = signature($secret, $body, $args{t}) }
	$agent = Mojo::UserAgent->new(max_connections => 0) if $args{fresh};
	$agent->inactivity_timeout(Patience::seconds($args{timeout}));
	my $tx = $agent->post($url => \%headers => $body);
	my $type = $tx->res->headers->content_type;
	return wantarray ? ($tx->res->code // 0, $tx->res->body, $type) : $tx->res->code // 0;
}

# Begin a load; it runs until its end() or its count.  Arguments: url, secret,
# channel, out (the account's file), connections, visitors, rate (events a
# second in all), count, prefix (of the message ids).
sub load
{
	my (%args) = @_;
	my @command = ($^X, $load_program, map { ("--$_", $args{$_}) } sort keys %args);

	return Webhook::Load->begin(\@command, { out => $args{out} }, out => "$args{out}.err");
}

package Webhook::Load;

use parent -norequire, 'Child';

# Let it finish what it has begun (every event is repeated until answered 200),
# and wait for it.
sub end { my ($self) = @_; $self->stop('TERM'); return }

# Wait until so many were answered 200; true when they were.
sub wait_answered
{
	my ($self, $count, $timeout) = @_;

	return Patience::until(sub { $self->answered >= $count }, $timeout) // 0;
}

sub lines
{
	my ($self) = @_;

	open(my $fh, '<', $self->{out}) or return ();
	return map { [split] } grep { /\n\z/ } <$fh>;
}

# The ids of the events that were answered 200 / posted at all; the codes that
# were answered, counted.
sub answered { my ($self) = @_; return map { $_->[1] } grep { $_->[0] eq '200' } $self->lines }

sub posted
{
	my ($self) = @_;
	my %ids = map { $_->[1] => 1 } $self->lines;

	return keys %ids;
}

sub codes
{
	my ($self) = @_;
	my %codes;

	$codes{ $_->[0] }++ for grep { $_->[0] ne 'post' } $self->lines;
	return \%codes;
}

1;
