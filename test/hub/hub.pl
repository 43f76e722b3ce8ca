#!/usr/bin/perl
# A stand-in for the remote hub: takes messages as the Hub's published contract
# has it, refuses what is not to the letter, and misbehaves when told to.
#
#   hub.pl --port 0 --log FILE --ready FILE [--key KEY] [--channel UUID=TYPE]
#
# Listens on 127.0.0.1 only; --port 0 takes a free port.  Once it listens, the
# ready file holds its port.  Every request is a line of JSON in the log, in the
# order of arrival; a later line with the same id adds what was answered.  A
# restart appends.
#
# POST /v1/communication/{channel type}/message     the contract's send
# /_control/...                                     for tests: see the end
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use Getopt::Long;
use IO::Handle;
use Mojo::IOLoop;
use Mojo::JSON qw(decode_json encode_json);
use Mojo::Server::Daemon;
use Mojo::UserAgent;
use Mojolicious;
use Socket qw(SOL_SOCKET SO_LINGER);
use Time::HiRes qw(time);

my %option = (port => 0);
my (@keys, @channels);
GetOptions(\%option, 'port=i', 'log=s', 'ready=s', 'key=s' => \@keys, 'channel=s' => \@channels)
  or die "usage: hub.pl --port N --log FILE --ready FILE --key KEY --channel UUID=TYPE\n";

my %types = map { $_ => 1 } qw(web-chatt2me whatsapp instagram messenger telegram sms);
my $uuid = qr/\A[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\z/;

# What the tests can set.
my %state = (
	keys => [@keys],
	channels => { map { split /=/, $_, 2 } @channels },
	rules => [],          # how to misbehave; the first that matches is used
	sessions => undef,    # visitors with an open widget; undef: all of them
	idempotent => 0,      # 1: one message id for all repeats of a key
	statuses => undef,    # what to post about each accepted message
);
my @record;
my %id_of_key;
my $requests = 0;
my $run = sprintf '%d.%d', time, $$;

open(my $log, '>>', $option{log} // '/dev/null') or die "hub.pl: $option{log}: $!\n";
$log->autoflush(1);

my $app = Mojolicious->new(mode => 'production', secrets => ['stand-in']);
$app->log->level('fatal');
$app->max_request_size(64 * 1024 * 1024);
my $ua = Mojo::UserAgent->new(max_connections => 64, inactivity_timeout => 20);

# --- the contract ----------------------------------------------------------

# A version 4 UUID, as the Hub's own ids are.
sub new_id
{
	my @r = map { int rand 65536 } 1 .. 8;
	$r[3] = ($r[3] & 0x0fff) | 0x4000;
	$r[4] = ($r[4] & 0x3fff) | 0x8000;
	return sprintf '%04x%04x-%04x-%04x-%04x-%04x%04x%04x', @r;
}

# Answer a request with an error of the contract, and note why.
sub refuse
{
	my ($c, $entry, $status, $text) = @_;

	push @{ $entry->{violations} }, $text if $status != 401;
	arrived($entry);
	return answer($c, $entry, $status, { errorMessage => $text, errorCode => "stand_in_$status" });
}

sub answer
{
	my ($c, $entry, $status, $json) = @_;

	answered($entry, $status);
	$c->render(status => $status, json => $json);
	return;
}

# Append a request to the record, before anything is done about it.
sub arrived
{
	my ($entry) = @_;

	push @record, $entry;
	print $log encode_json($entry), "\n";
	return;
}

# Add what is about to be answered.
sub answered
{
	my ($entry, $status) = @_;

	$entry->{status} = $status;
	print $log encode_json({ id => $entry->{id}, status => $status, message_id => $entry->{message_id} }), "\n";
	return;
}

# Everything that the contract asks of a request; false when it was refused.
sub check
{
	my ($c, $entry) = @_;
	my $headers = $c->req->headers;
	my $key = $headers->header('x-api-key');

	for my $name (qw(x-api-key content-type idempotency-key content-length host))
	{
		my $all = $headers->every_header($name);
		return refuse($c, $entry, 400, "several $name headers") if @$all > 1;
	}
	return refuse($c, $entry, 401, 'x-api-key missing') unless defined $key;
	return refuse($c, $entry, 401, 'x-api-key not known') unless grep { $_ eq $key } @{ $state{keys} };
	return refuse($c, $entry, 404, 'unknown channel type') unless $types{ $entry->{type} };
	return refuse($c, $entry, 400, 'Content-Type is not application/json')
	  unless ($headers->content_type // '') =~ m{\Aapplication/json(?:; ?charset=utf-8)?\z}i;
	return refuse($c, $entry, 400, 'Idempotency-Key missing') unless defined $entry->{key};
	return refuse($c, $entry, 400, 'Idempotency-Key is not a UUID') unless $entry->{key} =~ $uuid;

	my $body = eval { decode_json($c->req->body) };
	return refuse($c, $entry, 400, 'the body is not JSON') unless ref $body eq 'HASH';
	my @unknown = grep { !/\A(?:from|to|content)\z/ } sort keys %$body;
	return refuse($c, $entry, 400, "unknown field $unknown[0]") if @unknown;
	return refuse($c, $entry, 400, 'from is not a UUID')
	  unless defined $body->{from} && !ref $body->{from} && $body->{from} =~ $uuid;
	return refuse($c, $entry, 400, 'to is not a string with something in it')
	  unless defined $body->{to} && !ref $body->{to} && $body->{to} ne '';
	return refuse($c, $entry, 400, 'content is not an object with something in it')
	  unless ref $body->{content} eq 'HASH' && %{ $body->{content} };
	@$entry{qw(from to content)} = @$body{qw(from to content)};

	my $type = $state{channels}{ $entry->{from} };
	return refuse($c, $entry, 404, 'from is not a channel of this application') unless defined $type;
	return refuse($c, $entry, 400, "the channel is of type $type") if $type ne $entry->{type};
	return 1;
}

$app->routes->post('/v1/communication/#type/message' => sub {
	my $c = shift;
	my $headers = $c->req->headers;
	my $entry = {
		id => "$run-" . ++$requests,
		n => $requests,
		at => time,
		type => $c->param('type'),
		key => $headers->header('Idempotency-Key'),
		connection => $c->tx->connection,
		agent => $headers->user_agent,
		proto => $headers->header('X-Forwarded-Protocol'),
		violations => [],
	};

	check($c, $entry) or return;
	my $rule = match($entry);
	$entry->{rule} = $rule->{do};
	arrived($entry);
	return misbehave($c, $entry, $rule);
});

# --- misbehaviour ----------------------------------------------------------

# The first rule for this request, used up after "times" uses.
sub match
{
	my ($entry) = @_;

	for my $i (0 .. $#{ $state{rules} })
	{
		my $rule = $state{rules}[$i];
		next if defined $rule->{to} && $rule->{to} ne $entry->{to};
		next if defined $rule->{every} && $entry->{n} % $rule->{every} != 0;
		if (defined $rule->{times} && --$rule->{times} <= 0)
		{
			splice @{ $state{rules} }, $i, 1;
		}
		return $rule;
	}
	return { do => 'accept' };
}

# Cut the connection with a reset, or with an ordinary end.
sub cut
{
	my ($c, $reset) = @_;
	my $stream = Mojo::IOLoop->stream($c->tx->connection) or return;

	setsockopt($stream->handle, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)) if $reset;
	$stream->close;
	return;
}

my %misbehaviour = (
	accept => \&accept_message,
	reset => sub { my ($c) = @_; $c->render_later; cut($c, 1) },
	close => sub { my ($c) = @_; $c->render_later; cut($c, 0) },
	hang => sub { my ($c) = @_; $c->render_later },

	# The message is taken, and the answer is lost.
	drop => sub {
		my ($c, $entry) = @_;
		take($entry);
		answered($entry, 0);
		$c->render_later;
		cut($c, 0);
	},
	slow => sub {
		my ($c, $entry, $rule) = @_;
		$c->render_later;
		my $tx = $c->tx;
		Mojo::IOLoop->timer(($rule->{ms} // 1000) / 1000 => sub { $tx = undef; accept_message($c, $entry) });
	},
	error => sub {
		my ($c, $entry, $rule) = @_;
		answer($c, $entry, 200, {
			messageId => undef, status => 'error',
			errorCode => $rule->{code} // '130472',
			errorMessage => $rule->{message} // 'the stand-in was told to fail this',
		});
	},
	no_session => \&no_session,
	badjson => sub { raw(@_, 200, 'application/json', '{"messageId": "abc", "sta') },
	html => sub { raw(@_, 200, 'text/html', '<html>a proxy is in the way</html>') },
	empty => sub { raw(@_, 200, 'application/json', '') },
	array => sub { raw(@_, 200, 'application/json', '[1,2]') },
	huge => sub { raw(@_, 200, 'application/json', '{"pad":"' . ('x' x (32 * 1024 * 1024)) . '"}') },
	redirect => sub {
		my ($c, $entry, $rule) = @_;
		$c->res->headers->location($rule->{location} // '/v1/communication/sms/message');
		raw($c, $entry, $rule, $rule->{status} // 307, 'text/plain', 'elsewhere');
	},
);

# A rule is one of the above, or a number: that HTTP status, with Retry-After
# where the rule has retry_after.
sub misbehave
{
	my ($c, $entry, $rule) = @_;

	return $misbehaviour{ $rule->{do} }->($c, $entry, $rule) if $misbehaviour{ $rule->{do} };
	$c->res->headers->header('Retry-After' => $rule->{retry_after}) if defined $rule->{retry_after};
	return answer($c, $entry, $rule->{do}, {
		errorMessage => $rule->{message} // "the stand-in was told to answer $rule->{do}",
		errorCode => $rule->{code} // "stand_in_$rule->{do}",
	});
}

sub raw
{
	my ($c, $entry, undef, $status, $type, $body) = @_;

	answered($entry, $status);
	$c->res->headers->content_type($type);
	$c->render(status => $status, data => $body);
	return;
}

sub no_session
{
	my ($c, $entry) = @_;

	return answer($c, $entry, 200, {
		messageId => undef, status => 'error', errorCode => 'session_not_found',
		errorMessage => 'The visitor has no active widget session',
	});
}

# The hub has the message: give it an id.
sub take
{
	my ($entry) = @_;
	my $id = $state{idempotent} ? ($id_of_key{ $entry->{key} } //= new_id()) : new_id();

	$entry->{message_id} = $id;
	return $id;
}

sub accept_message
{
	my ($c, $entry) = @_;

	return no_session($c, $entry)
	  if $entry->{type} eq 'web-chatt2me' && $state{sessions}
	  && !grep { $_ eq $entry->{to} } @{ $state{sessions} };

	my $id = take($entry);
	my $answer = {
		messageId => $id,
		status => $entry->{type} eq 'web-chatt2me' ? 'sent' : 'enqueued',
		errorMessage => undef, errorCode => undef,
	};
	my $about = $state{statuses};
	if ($about && $about->{early})
	{
		# The statuses overtake the answer.
		$c->render_later;
		my $tx = $c->tx;
		post_statuses($entry, $about, sub { $tx = undef; answer($c, $entry, 200, $answer) });
		return;
	}
	answer($c, $entry, 200, $answer);
	post_statuses($entry, $about, sub { }) if $about;
	return;
}

# --- webhooks --------------------------------------------------------------

# POST one event as the Hub does, signed when there is a secret.
sub post_event
{
	my ($url, $secret, $body, $done) = @_;
	my %headers = ('Content-Type' => 'application/json');

	if (defined $secret)
	{
		my $t = int time;
		$headers{'X-hub-Signature'} = "t=$t,v1=" . hmac_sha256_hex("$t.$body", $secret);
	}
	$ua->post($url => \%headers => $body => sub { my (undef, $tx) = @_; $done->($tx->res->code // 0, $tx->res->body) });
	return;
}

# One status after another about a message; each waits for the one before.
sub post_statuses
{
	my ($entry, $about, $done) = @_;
	my @rest = @{ $about->{names} // [qw(sent delivered read)] };
	my $next;

	$next = sub {
		my $name = shift @rest;
		if (!defined $name) { undef $next; return $done->() }
		my $body = encode_json({
			eventType => 'MessageStatus', messageId => $entry->{message_id}, status => $name,
			timestamp => int time, channel => $entry->{type},
		});
		post_event($about->{url}, $about->{secret}, $body, sub { $next->() });
	};
	$next->();
	return;
}

# --- control, for tests ----------------------------------------------------

my $control = $app->routes->any('/_control');

# Set any of %state: {"rules": [{"do": "500", "to": "v1", "times": 3}, ...], ...}
$control->post('/set' => sub {
	my $c = shift;
	my $set = $c->req->json;
	my @unknown = grep { !exists $state{$_} } keys %$set;

	return $c->render(status => 400, text => "no such setting: @unknown") if @unknown;
	@state{ keys %$set } = values %$set;
	$c->render(json => \%state);
});
$control->get('/record' => sub { my $c = shift; $c->render(json => \@record) });
$control->post('/forget' => sub { my $c = shift; @record = (); $c->render(json => {}) });

# Post an event to a webhook: {"url", "secret" or none, "body"} → {"code", "body"}
$control->post('/post' => sub {
	my $c = shift;
	my $want = $c->req->json;

	$c->render_later;
	post_event($want->{url}, $want->{secret}, encode_json($want->{event}), sub {
		my ($code, $body) = @_;
		$c->render(json => { code => $code, body => "$body" });
	});
});

# Everything else is not there.
$app->routes->any('/*rest' => { rest => '' } => sub {
	my $c = shift;
	$c->render(status => 404, json => { errorMessage => 'not found', errorCode => 'stand_in_404' });
});

# --- run -------------------------------------------------------------------

srand;
my $daemon = Mojo::Server::Daemon->new(
	app => $app,
	listen => ["http://127.0.0.1:$option{port}?reuse=0"],
	inactivity_timeout => 120, max_clients => 1000, max_requests => 1_000_000, silent => 1,
);
$daemon->start;
if (defined $option{ready})
{
	open(my $ready, '>', "$option{ready}.new") or die "hub.pl: $option{ready}: $!\n";
	print $ready $daemon->ports->[0], "\n";
	close $ready;
	rename "$option{ready}.new", $option{ready};
}
$daemon->run;
