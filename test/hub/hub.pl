#!/usr/bin/perl
# A stand-in for the remote hub: takes messages as the Hub's published contract
# has it, refuses what is not to the letter, and misbehaves when told to.
#
#   hub.pl --port 0 --log FILE --ready FILE [--state FILE] [--key KEY] [--channel UUID=TYPE]
#
# Listens on 127.0.0.1 only; --port 0 takes a free port.  Once it listens, the
# ready file holds its port.  Every request is a line of JSON in the log, in the
# order of arrival; a later line with the same id adds what was answered.  A
# restart appends.  With a state file its webhooks and their logs survive one.
#
# POST /v1/communication/{channel type}/message     the contract's send
# /v1/organization/webhook ...                      the contract's webhooks
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
GetOptions(\%option, 'port=i', 'log=s', 'ready=s', 'state=s', 'key=s' => \@keys, 'channel=s' => \@channels)
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
	verify => 'later',    # a webhook's endpoint: later, before (the answer), or never
	secret_field => 'signingSecret',    # what a new secret is called,
	secret_in => undef,                 # and the object that it is in
	redefines => 1,       # 0: there is no POST .../signature
	failed_word => 'Failed',            # what a log calls a failure
	log_order => 'newest',              # which logs come first; or oldest
	bulk => 1,            # 0: there is no bulk retry
	odd => 0,             # 1: odd bytes in every answer, and lines that are none in every list
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
my $ua = Mojo::UserAgent->new(max_connections => 64, inactivity_timeout => 180);

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
	return odd_answer($c, $status, $json) if $state{odd} && ref $json eq 'HASH';
	$c->render(status => $status, json => $json);
	return;
}

# The same answer, with what many parsers and no database take: in fields that nobody
# knows, and in those that are there anyway.
sub odd_answer
{
	my ($c, $status, $json) = @_;
	my $body = encode_json({ %$json, errorCode => $json->{errorCode} // 0 }) =~ s/\A\{//r;
	my $odd = qq("odd\\ud83d":"\\u0000 \\udead","\\u0000":[1e400,-1e200000,123456789012345678901234567890],"bytes":"caf\xe9 \0 \xed\xa0\xbd \n",);

	$c->res->headers->content_type('application/json');
	$c->render(status => $status, data => "\xef\xbb\xbf{$odd$body\0");
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
		next if defined $rule->{api} != defined $entry->{api};
		next if defined $rule->{api} && $entry->{api} !~ /\A(?:$rule->{api})\z/;
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
	# An id that others may have, too.
	same => sub {
		my ($c, $entry, $rule) = @_;
		answer($c, $entry, 200, { messageId => $rule->{id}, status => 'sent' });
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

# --- the contract's webhooks -----------------------------------------------

my $application = new_id();
my (%webhooks, %logs);    # by id; by webhook's id, in the order of their writing
my $state_file = $option{state};
load_state() if defined $state_file;
my $log_lines;
open($log_lines, '>>', "$state_file.logs") or die "hub.pl: $state_file.logs: $!\n" if defined $state_file;
$log_lines->autoflush(1) if $log_lines;

sub load_state
{
	if (open(my $fh, '<', $state_file))
	{
		local $/;
		%webhooks = %{ decode_json(<$fh>) };
	}
	open(my $fh, '<', "$state_file.logs") or return;
	while (my $line = <$fh>)
	{
		my $entry = eval { decode_json($line) } or next;
		push @{ $logs{ $entry->{webhookId} } }, $entry;
	}
	return;
}

sub save_state
{
	return if !defined $state_file;
	open(my $fh, '>', "$state_file.new") or die "hub.pl: $state_file: $!\n";
	print $fh encode_json(\%webhooks);
	close $fh;
	rename "$state_file.new", $state_file;
	return;
}

sub iso
{
	my ($t) = @_;
	my ($s, $m, $h, $day, $month, $year) = gmtime $t;

	return sprintf '%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', $year + 1900, $month + 1, $day, $h, $m, $s, ($t - int $t) * 1000;
}

# A webhook as the contract shows it: without its secret, and not whether it is signed.
sub shown
{
	my ($w, $secret) = @_;
	my %shown = map { $_ => $w->{$_} } qw(id applicationId label eventType endpoint numberOfErrors
	  authenticationProtocol scope verifiedAt createdDate lastModifiedDate);

	$shown{active} = $w->{active} ? Mojo::JSON::true() : Mojo::JSON::false();
	$shown{isVerified} = $w->{isVerified} ? Mojo::JSON::true() : Mojo::JSON::false();
	return \%shown if !defined $secret;
	if (defined $state{secret_in}) { $shown{ $state{secret_in} } = { $state{secret_field} => $secret } }
	else { $shown{ $state{secret_field} } = $secret }
	return \%shown;
}

sub new_webhook
{
	my (%fields) = @_;
	my $now = iso(time);
	my $w = {
		id => new_id(), applicationId => $application, active => 1, numberOfErrors => 0, scope => undef, isVerified => 0,
		verifiedAt => undef, createdDate => $now, lastModifiedDate => $now, headers => [], authenticationProtocol => 'NoAuthentication',
		requiresSignature => 0, %fields
	};

	$w->{secret} //= new_secret() if $w->{requiresSignature};
	$webhooks{ $w->{id} } = $w;
	save_state();
	return $w;
}

sub new_secret { return 'whsec_' . join '', map { ('a' .. 'z', 0 .. 9)[int rand 36] } 1 .. 32 }

# POST the token, and see whether it comes back.
sub verify
{
	my ($w, $done) = @_;
	my $token = 'validate-"' . new_id();
	my $endpoint = $w->{endpoint};

	return $done->() if $state{verify} eq 'never';
	$ua->post($endpoint => { 'X-Validation-Token' => $token, 'Content-Type' => 'application/json' } => '{}' => sub {
		my (undef, $tx) = @_;
		my $good = ($tx->res->code // 0) == 200 && ($tx->res->headers->content_type // '') =~ m{\Aapplication/json}
		  && (eval { Mojo::JSON::from_json($tx->res->text) } // '') eq $token;

		if ($good && $w->{endpoint} eq $endpoint)
		{
			@$w{qw(isVerified verifiedAt)} = (1, iso(time));
			save_state();
		}
		$done->();
	});
	return;
}

# Answer with a webhook, and have its endpoint verified where it is new.
sub answer_webhook
{
	my ($c, $entry, $status, $w, $secret, $verify) = @_;

	if ($verify && $state{verify} eq 'before')
	{
		my $tx = $c->tx;
		$c->render_later;
		return verify($w, sub { $tx = undef; answer($c, $entry, $status, shown($w, $secret)) });
	}
	answer($c, $entry, $status, shown($w, $secret));
	verify($w, sub { }) if $verify;
	return;
}

my %webhook_fields = (
	label => sub { !ref $_[0] && length $_[0] && length $_[0] <= 200 },
	endpoint => sub { !ref $_[0] && $_[0] =~ m{\Ahttps?://} },
	eventType => sub { ($_[0] // '') =~ /\A(?:Message|MessageStatus)\z/ },
	authenticationProtocol => sub { ($_[0] // '') =~ /\A(?:NoAuthentication|Oauth20|PasswordAuthentication|AWSSignatureV4|JWT|JWTExchange)\z/ },
	headers => sub { ref $_[0] eq 'ARRAY' },
	scope => sub { !ref $_[0] },
	requiresSignature => sub { ref $_[0] eq 'JSON::PP::Boolean' },
	active => sub { ref $_[0] eq 'JSON::PP::Boolean' },
);

# The body's fields, each as it must be; undef: it was refused.
sub webhook_body
{
	my ($c, $entry, @needed) = @_;
	my $body = $entry->{body};

	return refuse($c, $entry, 400, 'the body is not a JSON object') unless ref $body eq 'HASH';
	for my $name (sort keys %$body)
	{
		return refuse($c, $entry, 400, "unknown field $name") unless $webhook_fields{$name};
		return refuse($c, $entry, 400, "$name is not as it must be") unless $webhook_fields{$name}->($body->{$name});
	}
	for my $name (@needed)
	{
		return refuse($c, $entry, 400, "$name is missing") unless defined $body->{$name};
	}
	return $body;
}

sub page
{
	my ($c, $entry, @all) = @_;
	my $offset = $c->param('offset') // 0;
	my $limit = $c->param('limit') // 20;

	return refuse($c, $entry, 400, 'offset is no number') unless $offset =~ /\A\d+\z/;
	return refuse($c, $entry, 400, 'limit is not 1 to 50') unless $limit =~ /\A\d+\z/ && $limit >= 1 && $limit <= 50;
	@all = (17, 'x', [1], { id => undef, label => $all[0]{label} }, { id => 'no/id' }, @all) if $state{odd} && @all;
	my $total = @all;
	return answer($c, $entry, 200, {
		data => [ grep { defined } @all[ $offset .. $offset + $limit - 1 ] ],
		pagination => { offset => $offset + 0, limit => $limit + 0, total => $total, totalPages => int(($total + $limit - 1) / $limit) },
	});
}

sub patch_webhook
{
	my ($c, $entry, $w) = @_;
	my $body = webhook_body($c, $entry) or return;
	my $secret;
	my $moved = defined $body->{endpoint} && $body->{endpoint} ne $w->{endpoint};

	return refuse($c, $entry, 400, 'a PATCH that changes nothing') if !%$body;
	$secret = $w->{secret} = new_secret() if $body->{requiresSignature} && !$w->{requiresSignature};
	for my $name (keys %$body)
	{
		$w->{$name} = ref $body->{$name} eq 'JSON::PP::Boolean' ? ($body->{$name} ? 1 : 0) : $body->{$name};
	}
	@$w{qw(isVerified verifiedAt)} = (0, undef) if $moved;
	$w->{lastModifiedDate} = iso(time);
	save_state();
	return answer_webhook($c, $entry, 200, $w, $secret, $moved);
}

# One delivery, logged; $done gets the log.
sub deliver
{
	my ($w, $event, $done) = @_;
	my $body = encode_json($event);

	post_event($w->{endpoint}, $w->{requiresSignature} ? $w->{secret} : undef, $body, sub {
		my ($code, $answer) = @_;
		my $entry = {
			id => new_id(), webhookId => $w->{id}, statusCode => $code, responseBody => substr("$answer", 0, 500),
			status => $code == 200 ? 'Success' : $state{failed_word}, sendAt => iso(time), createdDate => iso(time),
			messageId => $event->{messageId}, event => $event,
		};
		push @{ $logs{ $w->{id} } }, $entry;
		print $log_lines encode_json($entry), "\n" if $log_lines;
		$done->($entry);
	});
	return;
}

sub shown_log
{
	my ($w, $entry) = @_;
	my %shown = (%$entry, webhook => { map { $_ => $w->{$_} } qw(id endpoint eventType) });

	delete $shown{event};    # a log does not hold it
	return \%shown;
}

sub log_of
{
	my ($w, $id) = @_;

	return (grep { $_->{id} eq $id } @{ $logs{ $w->{id} } })[0];
}

# Deliver a log's event again.
sub retry_log
{
	my ($w, $id, $done) = @_;
	my $old = log_of($w, $id);

	return $done->({ success => Mojo::JSON::false() }) if !$old;
	deliver($w, $old->{event}, sub { my ($new) = @_; $done->({ success => Mojo::JSON::true(), newLogId => $new->{id} }) });
	return;
}

sub retry_many
{
	my ($c, $entry, $w) = @_;
	my $ids = ref $entry->{body} eq 'HASH' ? $entry->{body}{webhookLogIds} : undef;
	my @results;

	return refuse($c, $entry, 400, 'webhookLogIds is no list of ids') unless ref $ids eq 'ARRAY' && @$ids && !grep { ref } @$ids;
	return refuse($c, $entry, 400, 'more than 50 ids') if @$ids > 50;
	$c->render_later;
	my $tx = $c->tx;
	for my $id (@$ids)
	{
		retry_log($w, $id, sub {
			push @results, { webhookLogId => $id, %{ $_[0] } };
			return if @results < @$ids;
			$tx = undef;
			answer($c, $entry, 200, { results => \@results });
		});
	}
	return;
}

# Everything under /v1/organization/webhook, its key and its body checked.
sub organization
{
	my ($c, $entry) = @_;
	my ($method, $path) = $entry->{api} =~ /\A(\S+) (\S+)\z/;
	my (undef, $id, @rest) = split m{/}, $path =~ s{\A/v1/organization/webhook}{}r;
	my $w;

	if (!defined $id)
	{
		return page($c, $entry, map { shown($_) } sort { $a->{createdDate} cmp $b->{createdDate} || $a->{id} cmp $b->{id} } values %webhooks)
		  if $method eq 'GET';
		return refuse($c, $entry, 405, 'no such method here') if $method ne 'POST';
		my $body = webhook_body($c, $entry, qw(label endpoint eventType authenticationProtocol)) or return;
		$w = new_webhook(%$body, requiresSignature => $body->{requiresSignature} ? 1 : 0);
		return answer_webhook($c, $entry, 201, $w, $w->{secret}, 1);
	}
	$w = $webhooks{$id} or return absent($c, $entry, 'no such webhook');
	if (!@rest)
	{
		return answer($c, $entry, 200, shown($w)) if $method eq 'GET';
		return patch_webhook($c, $entry, $w) if $method eq 'PATCH';
		return refuse($c, $entry, 405, 'no such method here') if $method ne 'DELETE';
		delete $webhooks{$id};
		delete $logs{$id};
		save_state();
		answered($entry, 204);
		return $c->render(status => 204, data => '');
	}
	if ("@rest" eq 'signature' && $method eq 'POST' && $state{redefines})
	{
		$w->{secret} = new_secret();
		$w->{requiresSignature} = 1;
		save_state();
		return answer_webhook($c, $entry, 200, $w, $w->{secret}, 0);
	}
	if ("@rest" eq 'webhook-log' && $method eq 'GET')
	{
		my $want = $c->param('status');
		my @all = map { shown_log($w, $_) } @{ $logs{$id} // [] };

		return refuse($c, $entry, 400, 'status is not one') if defined $want && $want ne 'Success' && $want ne $state{failed_word};
		@all = grep { $_->{status} eq $want } @all if defined $want;
		@all = reverse @all if $state{log_order} eq 'newest';
		return page($c, $entry, @all);
	}
	return retry_many($c, $entry, $w) if "@rest" eq 'webhook-log retry' && $method eq 'POST' && $state{bulk};
	if (@rest == 3 && $rest[0] eq 'webhook-log' && $rest[2] eq 'retry' && $method eq 'POST')
	{
		return absent($c, $entry, 'no such log') if !log_of($w, $rest[1]);
		my $tx = $c->tx;
		$c->render_later;
		return retry_log($w, $rest[1], sub { $tx = undef; answer($c, $entry, 200, $_[0]) });
	}
	return absent($c, $entry, 'not found');
}

# 404, which is an answer and no violation.
sub absent
{
	my ($c, $entry, $text) = @_;

	return answer($c, $entry, 404, { errorMessage => $text, errorCode => 'stand_in_404' });
}

my %api_misbehaviour = (
	%misbehaviour,
	accept => \&organization,
	# It is done now, and said later.
	late => sub {
		my ($c, $entry, $rule) = @_;
		my $render = $c->can('render');
		my $tx = $c->tx;
		$c->render_later;
		no warnings 'redefine';
		local *Mojolicious::Controller::render = sub {
			my ($self, @answer) = @_;
			Mojo::IOLoop->timer(($rule->{ms} // 1000) / 1000 => sub { $tx = undef; $render->($self, @answer) });
		};
		organization($c, $entry);
	},
	drop => sub {
		my ($c, $entry) = @_;
		no warnings 'redefine';
		local *Mojolicious::Controller::render = sub { };
		organization($c, $entry);
		$c->render_later;
		cut($c, 0);
	},
	slow => sub {
		my ($c, $entry, $rule) = @_;
		my $tx = $c->tx;
		$c->render_later;
		Mojo::IOLoop->timer(($rule->{ms} // 1000) / 1000 => sub { $tx = undef; organization($c, $entry) });
	},
	# What the rule says: {"do": "say", "status": 201, "body": {...}}
	say => sub {
		my ($c, $entry, $rule) = @_;
		answer($c, $entry, $rule->{status} // 200, $rule->{body});
	},
);

$app->routes->any('/v1/organization/webhook/*rest' => { rest => '' } => sub {
	my $c = shift;
	my $headers = $c->req->headers;
	my $key = $headers->header('x-api-key');
	my $raw = $c->req->body;
	my $entry = {
		id => "$run-" . ++$requests, n => $requests, at => time, api => $c->req->method . ' ' . $c->req->url->path->to_string =~ s{/\z}{}r,
		query => $c->req->url->query->to_string, agent => $headers->user_agent, violations => [],
		body => length $raw ? scalar eval { decode_json($raw) } : undef,
	};

	return refuse($c, $entry, 401, 'x-api-key missing') unless defined $key;
	return refuse($c, $entry, 401, 'x-api-key not known') unless grep { $_ eq $key } @{ $state{keys} };
	return refuse($c, $entry, 400, 'the body is not JSON') if length $raw && !ref $entry->{body};
	return refuse($c, $entry, 400, 'Content-Type is not application/json')
	  if length $raw && ($headers->content_type // '') !~ m{\Aapplication/json(?:; ?charset=utf-8)?\z}i;
	return refuse($c, $entry, 400, 'a body where none belongs') if length $raw && $entry->{api} =~ /\A(?:GET|DELETE) /;
	my $rule = match($entry);
	$entry->{rule} = $rule->{do};
	arrived($entry);
	return $api_misbehaviour{ $rule->{do} }->($c, $entry, $rule) if $api_misbehaviour{ $rule->{do} };
	return misbehave($c, $entry, $rule);
});

# Deliver events to every webhook that is for them, so many at a time.
sub emit
{
	my ($events, $at_a_time, $done) = @_;
	my @todo;
	my @results;
	my $under_way = 0;
	my $next;

	for my $event (@$events)
	{
		push @todo, map { [ $_, $event ] } grep { $_->{active} && $_->{isVerified} && $_->{eventType} eq $event->{eventType} } values %webhooks;
	}
	$next = sub {
		while (@todo && $under_way < $at_a_time)
		{
			my ($w, $event) = @{ shift @todo };
			$under_way++;
			deliver($w, $event, sub {
				$under_way--;
				push @results, { webhook => $w->{id}, messageId => $event->{messageId}, code => $_[0]{statusCode} };
				$next->();
			});
		}
		return if @todo || $under_way;
		my $finish = $done;
		undef $next;
		undef $done;
		$finish->(\@results) if $finish;
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

# Events for all webhooks: {"events": [...], "at_a_time": 8} → [{"webhook", "messageId", "code"}, ...]
$control->post('/emit' => sub {
	my $c = shift;
	my $want = $c->req->json;
	my $tx = $c->tx;

	$c->render_later;
	emit($want->{events}, $want->{at_a_time} // 8, sub { $tx = undef; $c->render(json => $_[0]) });
});

# Webhooks as they are, with their secrets; and what others do to them.
$control->get('/webhooks' => sub { my $c = shift; $c->render(json => [ sort { $a->{createdDate} cmp $b->{createdDate} } values %webhooks ]) });
$control->post('/webhooks' => sub { my $c = shift; $c->render(json => new_webhook(%{ $c->req->json })) });
$control->post('/webhooks/:id' => sub {
	my $c = shift;
	my $w = $webhooks{ $c->param('id') } or return $c->render(status => 404, text => 'no such webhook');
	my $set = $c->req->json;

	@$w{ keys %$set } = values %$set;
	save_state();
	$c->render(json => $w);
});
$control->delete('/webhooks/:id' => sub {
	my $c = shift;
	delete $webhooks{ $c->param('id') };
	save_state();
	$c->render(json => {});
});
$control->get('/logs/:id' => sub { my $c = shift; $c->render(json => $logs{ $c->param('id') } // []) });

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
	inactivity_timeout => 0, max_clients => 1000, max_requests => 1_000_000, silent => 1,
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
