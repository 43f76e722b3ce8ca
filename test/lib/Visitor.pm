# A visitor's client for doc/protocol.md that is not the widget: any number of
# them in one process, each able to do what the widget would not.
#
# Left alone it does what the widget does: it says hello with its token and what
# it has, keeps messages by id, fills gaps from the history, confirms what it
# got until the hub confirms that, and sends again what has no ack.  Nothing
# happens but in pump() and in what calls it.
package Visitor;

use strict;
use warnings;

use Carp qw(croak);
use Errno qw(EAGAIN EINPROGRESS EINTR EWOULDBLOCK);
use Fcntl;
use MIME::Base64 qw(encode_base64);
use Mojo::JSON qw(decode_json encode_json);
use Patience;
use Socket qw(:DEFAULT inet_pton AF_INET6 SOCK_STREAM SOL_SOCKET SO_ERROR SO_LINGER SO_RCVBUF IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(time);
use WebSocket;

# The order in which a status moves.
my %RANK = (received => 0, queued => 0, held => 1, enqueued => 2, sent => 3, failed => 4, expired => 5, cancelled => 6, delivered => 7, read => 8);

my %live;         # clients that have a socket, by their number
my @timers;       # [when, code]
my $made = 0;
my $run = sprintf '%x', int(time * 1000) % 2**32;

# Arguments: key (webChatId); port with host and local (the address that it
# comes from), or unix (a path), or tls ({ca, name}); origin, protocol, path,
# headers (a hash; undef takes one away); token, attributes, where (a hash of the
# page and so on, for hello); hello (0: do not say
# it), receipts (none, delivered, read), again (seconds to the next dial after
# the line is lost; a sub may say it), resend (0: never by itself), pong (0: do
# not answer pings), log (0: do not keep the frames), rcvbuf, on (called with
# the client and each frame first; true: the frame is lost).
sub new
{
	my ($class, %args) = @_;
	my $self = bless {
		host => '127.0.0.1', origin => 'https://www.example.com', protocol => 'web-chatt2me.v1',
		path => '/communication/web-chatt2me/ws', headers => {}, hello => 1, receipts => 'delivered',
		resend => 1, pong => 1, log => 1, %args,
		number => ++$made, state => 'new', said => 0, messages => {}, unacked => {}, acked => {}, refused => {},
		pending => {}, frames => [], errors => [], violations => [], typing => 0, pongs => 0, pings => 0,
		dials => 0, welcomes => 0, repeats => 0
	}, $class;

	return $self;
}

# --- the loop --------------------------------------------------------------

# Let everybody do what there is to do, for at most so many seconds.
sub pump
{
	my ($timeout) = @_;
	my $now = time;

	for my $timer (@timers)
	{
		$timeout = $timer->[0] - $now if $timer->[0] - $now < $timeout;
	}
	$timeout = 0 if $timeout < 0;

	my ($readable, $writable) = ('', '');
	my @open = values %live;
	for my $c (@open)
	{
		vec($readable, $c->{fd}, 1) = 1 unless $c->{deaf};
		vec($writable, $c->{fd}, 1) = 1 if $c->{state} eq 'connecting' || length $c->{out};
	}
	my $found = select $readable, $writable, undef, $timeout;
	if ($found > 0)
	{
		for my $c (@open)
		{
			next unless $c->{socket};
			my $fd = $c->{fd};
			$c->_writable if vec($writable, $fd, 1);
			$c->_readable if $c->{socket} && $c->{fd} == $fd && vec($readable, $fd, 1);
		}
	}
	$now = time;
	my @due = grep { $_->[0] <= $now } @timers;
	@timers = grep { $_->[0] > $now } @timers if @due;
	$_->[1]->() for @due;
	return;
}

# Pump until the condition holds; what it gave, or undef when the time is up.
sub until
{
	my ($condition, $timeout) = @_;

	return Patience::until($condition, $timeout, sub { pump(0.05) });
}

# For so many seconds, whatever happens.
sub pump_for
{
	my ($seconds) = @_;
	my $end = time + $seconds;

	Visitor::until(sub { time >= $end }, $seconds);
	return;
}

sub after { my ($seconds, $code) = @_; push @timers, [ time + $seconds, $code ]; return }

# --- the line --------------------------------------------------------------

# Dial.  Arguments: head (the whole request, instead of ours), behind (bytes
# sent with the head), before (a request that comes first on the connection).
sub connect
{
	my ($self, %args) = @_;

	$self->_forget if $self->{socket};
	$self->{over} = 0;
	$self->{dials}++;
	$self->{state} = 'connecting';
	delete @$self{qw(http http_body close_code close_reason closed_by first)};
	$self->{in} = '';
	$self->{text} = '';
	$self->{first} = 1 if $args{before};
	$self->{out} = $args{before} // '';
	$self->{head} = ($args{head} // $self->head) . ($args{behind} // '');
	$self->{out} .= $self->{head} unless $args{before};

	my $socket = $self->_dial or return $self->_closed(1006, "$!", 'nobody');
	$self->{socket} = $socket;
	$self->{fd} = fileno $socket;
	$live{ $self->{number} } = $self;
	return $self;
}

sub _dial
{
	my ($self) = @_;
	my ($socket, $address);

	if (my $tls = $self->{tls})
	{
		require IO::Socket::SSL;
		$socket = IO::Socket::SSL->new(PeerAddr => $self->{host}, PeerPort => $self->{port},
			($self->{local} ? (LocalAddr => $self->{local}) : ()), SSL_ca_file => $tls->{ca},
			SSL_hostname => $tls->{name}, SSL_verifycn_name => $tls->{name}, SSL_verifycn_scheme => 'http',
			SSL_alpn_protocols => ['http/1.1']) or return;
		$socket->blocking(0);
		return $socket;
	}
	if ($self->{unix})
	{
		socket($socket, PF_UNIX, SOCK_STREAM, 0) or return;
		$address = pack_sockaddr_un($self->{unix});
	}
	elsif ($self->{host} =~ /:/)
	{
		socket($socket, AF_INET6, SOCK_STREAM, 0) or return;
		$address = Socket::pack_sockaddr_in6($self->{port}, inet_pton(AF_INET6, $self->{host}));
	}
	else
	{
		socket($socket, PF_INET, SOCK_STREAM, 0) or return;
		bind($socket, pack_sockaddr_in(0, inet_aton($self->{local}))) or return if $self->{local};
		$address = pack_sockaddr_in($self->{port}, inet_aton($self->{host}));
	}
	setsockopt($socket, SOL_SOCKET, SO_RCVBUF, pack('l', $self->{rcvbuf})) if $self->{rcvbuf};
	fcntl($socket, F_SETFL, fcntl($socket, F_GETFL, 0) | O_NONBLOCK);
	CORE::connect($socket, $address) || $! == EINPROGRESS or return;
	setsockopt($socket, IPPROTO_TCP, TCP_NODELAY, 1) unless $self->{unix};
	return $socket;
}

# The upgrade's head.
sub head
{
	my ($self) = @_;
	my $nonce = encode_base64(join('', map { chr int rand 256 } 1 .. 16), '');

	$self->{accept} = WebSocket::accept_of($nonce);
	return WebSocket::head("GET $self->{path}" . (defined $self->{key} ? "?webChatId=$self->{key}" : '') . ' HTTP/1.1',
		Host => 'localhost', Upgrade => 'websocket', Connection => 'Upgrade', 'Sec-WebSocket-Version' => 13,
		'Sec-WebSocket-Key' => $nonce, 'Sec-WebSocket-Protocol' => $self->{protocol}, Origin => $self->{origin},
		%{ $self->{headers} });
}

sub _writable
{
	my ($self) = @_;

	if ($self->{state} eq 'connecting')
	{
		my $error = $self->{tls} ? 0 : unpack 'i', getsockopt($self->{socket}, SOL_SOCKET, SO_ERROR);
		return $self->_lost("cannot connect: $error") if $error;
		$self->{state} = 'upgrading';
	}
	return if !length $self->{out};
	my $n = syswrite $self->{socket}, $self->{out};
	if (defined $n) { substr $self->{out}, 0, $n, '' }
	elsif ($! != EAGAIN && $! != EWOULDBLOCK && $! != EINTR)
	{
		# What the hub said before it hung up is still to be read.
		$self->{out} = '';
		$self->{mute} = 1;
	}
	return;
}

sub _readable
{
	my ($self) = @_;

	while (my $socket = $self->{socket})
	{
		my $n = sysread $socket, $self->{in}, 65536, length $self->{in};
		if (!defined $n)
		{
			return if $! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR;
			return $self->_lost("$!");
		}
		return $self->_lost('end of file') if $n == 0;
		$self->_upgraded if $self->{state} eq 'upgrading' || $self->{state} eq 'connecting';
		$self->_frames if $self->{state} eq 'open' || $self->{state} eq 'welcomed';
		return if $n < 65536 && !$self->{tls};
	}
	return;
}

# The answer to the head, or to the request before it.
sub _upgraded
{
	my ($self) = @_;

	while ($self->{in} =~ /\A(HTTP\/1\.1 ([0-9]{3})[^\r\n]*\r\n(?:[^\r\n]+\r\n)*)\r\n/)
	{
		my ($head, $status, $size) = ($1, $2, $+[0]);

		$self->{http_head} = $head;
		if ($status != 101)
		{
			my ($length) = $head =~ /^Content-Length: *([0-9]+)/mi;
			return if length($self->{in}) < $size + ($length // 0);
			$self->{http_body} = substr $self->{in}, $size, $length // length $self->{in};
			substr $self->{in}, 0, $size + ($length // 0), '';
			if (delete $self->{first})
			{
				$self->{first_http} = $status;
				$self->raw($self->{head});
				next;
			}
			$self->{http} = $status;
			$self->{answers}{$status}++;
			return;
		}
		$self->{http} = 101;
		substr $self->{in}, 0, $size, '';
		my ($accept) = $head =~ /^Sec-WebSocket-Accept: *(\S+)/mi;
		my ($protocol) = $head =~ /^Sec-WebSocket-Protocol: *(\S+)/mi;
		$self->_strange('a wrong Sec-WebSocket-Accept') if ($accept // '') ne $self->{accept};
		$self->_strange('another sub-protocol') if ($protocol // '') ne ($self->{protocol} // '');
		$self->{state} = 'open';
		$self->hello if $self->{hello};
		return;
	}
	return;
}

# Hang up without a word.  Arguments: reset (1: by RST), part (send this much of
# some frame first: a fraction, or bytes).
sub cut
{
	my ($self, %args) = @_;
	my $socket = $self->{socket} or return;

	if (defined $args{part})
	{
		my $frame = frame($args{frame} // encode_json({ type => 'message', id => $self->next_id, content => { type => 'text', text => 'cut off' } }));
		my $length = $args{part} < 1 ? int($args{part} * length $frame) : $args{part};
		syswrite $socket, $self->{out} . substr($frame, 0, $length < length $frame ? $length : length($frame) - 1);
	}
	setsockopt($socket, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)) if $args{reset};
	$self->_forget;
	$self->{state} = 'closed';
	$self->{closed_by} = 'us';
	return;
}

# Leave as one should.
sub close
{
	my ($self, $code) = @_;

	return unless $self->{socket};
	$self->{again} = undef;
	$self->raw(frame(pack('n', $code // 1000), opcode => 8)) if $self->{state} eq 'open' || $self->{state} eq 'welcomed';
	Visitor::until(sub { !$self->{socket} }, 5);
	$self->cut;
	return;
}

# Gone for good.
sub end { my ($self) = @_; $self->{again} = undef; $self->cut; $self->{over} = 1; return }

sub _forget
{
	my ($self) = @_;

	delete $live{ $self->{number} };
	my $socket = delete $self->{socket};
	if ($self->{tls}) { $socket->close(SSL_no_shutdown => 1) } else { CORE::close $socket }
	$self->{out} = '';
	$self->{mute} = 0;
	return;
}

sub _lost
{
	my ($self, $why) = @_;

	$self->_forget;
	return $self->_closed($self->{seen_close} // 1006, $why, 'hub');
}

sub _closed
{
	my ($self, $code, $why, $by) = @_;

	$self->{state} = 'closed';
	$self->{close_code} = $code;
	$self->{closes}{$code}++;
	$self->{close_why} = $why;
	$self->{closed_by} = $by;
	delete $self->{seen_close};
	if (defined $self->{again} && $code != 4001 && $code != 4003)
	{
		my $pause = ref $self->{again} ? $self->{again}->($self) : $self->{again};
		after($pause, sub { $self->connect if $self->{state} eq 'closed' && !$self->{over} });
	}
	return $self;
}

# --- frames ----------------------------------------------------------------

# One WebSocket frame.  Arguments: opcode (1), and as WebSocket::frame().
sub frame { my ($payload, %args) = @_; return WebSocket::frame($args{opcode} // 1, $payload, %args) }

# Send bytes as they are.
sub raw
{
	my ($self, $bytes) = @_;

	return if !$self->{socket} || $self->{mute};
	$self->{out} .= $bytes;
	$self->_writable unless $self->{state} eq 'connecting';
	return $self;
}

# Send one of the protocol's frames (a hash), or this text.
sub send
{
	my ($self, $frame, %args) = @_;

	return $self->raw(frame(ref $frame ? encode_json($frame) : $frame, %args));
}

sub _frames
{
	my ($self) = @_;

	while ($self->{socket} && (my ($opcode, $payload, $first, $mask) = WebSocket::take(\$self->{in})))
	{
		$self->_strange('a masked frame, or reserved bits') if length $mask || $first & 0x70;
		if ($opcode == 8) { $self->_close_came($payload) }
		elsif ($opcode == 9) { $self->{pings}++; $self->raw(frame($payload, opcode => 10)) if $self->{pong} }
		elsif ($opcode == 10) { $self->{pongs_ws}++ }
		elsif ($opcode == 1 || $opcode == 0)
		{
			$self->{text} .= $payload;
			next unless $first & 0x80;
			my $text = $self->{text};
			$self->{text} = '';
			my $frame = eval { decode_json($text) };
			if (ref $frame ne 'HASH' || !defined $frame->{type}) { $self->_strange("no frame of the protocol: $text"); next }
			push @{ $self->{frames} }, $frame if $self->{log};
			next if $self->{on} && $self->{on}->($self, $frame);
			$self->_came($frame);
		}
		else { $self->_strange("opcode $opcode") }
	}
	return;
}

sub _close_came
{
	my ($self, $payload) = @_;

	@$self{qw(seen_close close_reason)} = WebSocket::close_code($payload);
	$self->raw(frame(substr($payload, 0, 2), opcode => 8));
	$self->{state} = 'closing';
	return;
}

sub _strange { my ($self, $what) = @_; push @{ $self->{violations} }, $what; return }

# --- what is said ----------------------------------------------------------

sub hello
{
	my ($self, %more) = @_;
	my %hello = (type => 'hello', %{ $self->{where} // {} }, %more);

	$hello{token} //= $self->{token} if defined $self->{token};
	$hello{attributes} //= $self->{attributes} if $self->{attributes} && !defined $self->{token};
	if (!exists $hello{have} && %{ $self->{messages} })
	{
		my @ids = sort { $b cmp $a } keys %{ $self->{messages} };
		splice @ids, 100 if @ids > 100;
		$hello{have} = \@ids;
	}
	return $self->send(\%hello);
}

sub next_id { my ($self) = @_; return "c-$run-$self->{number}-" . ++$self->{said} }

# Write a text, or a content (a hash); returns the client id.  It is sent until
# it has an ack.
sub say
{
	my ($self, $content, $id) = @_;

	$id //= $self->next_id;
	$self->{unacked}{$id} = { n => ++$self->{saying}, content => ref $content ? $content : { type => 'text', text => $content } };
	$self->_transmit($id) if $self->{state} eq 'welcomed';
	return $id;
}

sub _transmit
{
	my ($self, $id) = @_;
	my $said = $self->{unacked}{$id} or return;

	return $self->send({ type => 'message', id => $id, content => $said->{content} });
}

# Say that messages came (delivered) or were seen (read), until it is confirmed:
# gathered for a moment, because the hub limits frames, and again after a while.
sub confirm
{
	my ($self, $status, @ids) = @_;

	$self->{pending}{$status}{$_} //= 0 for @ids;
	after(0.06, sub { $self->{confirm_soon} = 0; $self->_confirm }) unless $self->{confirm_soon}++;
	return;
}

sub _confirm
{
	my ($self) = @_;

	return if $self->{state} ne 'welcomed';
	for my $status (sort keys %{ $self->{pending} })
	{
		my $pending = $self->{pending}{$status};
		my @ids = sort grep { $pending->{$_} <= time } keys %$pending;
		while (my @some = splice @ids, 0, 100)
		{
			$self->send({ type => $status, ids => \@some });
			$pending->{$_} = time + 3 for @some;
		}
	}
	return if !grep { %$_ } values %{ $self->{pending} };
	after(1, sub { $self->{confirm_later} = 0; $self->_confirm }) unless $self->{confirm_later}++;
	return;
}

sub typing { my ($self) = @_; return $self->send({ type => 'typing' }) }
sub ask_history { my ($self, $before) = @_; return $self->send({ type => 'history', before => $before }) }

# --- what comes ------------------------------------------------------------

sub _came
{
	my ($self, $frame) = @_;
	my $type = $frame->{type};

	if ($type eq 'welcome') { $self->_welcome($frame) }
	elsif ($type eq 'message') { $self->_keep($frame) }
	elsif ($type eq 'ack') { $self->_ack($frame) }
	elsif ($type eq 'status') { $self->_status($frame) }
	elsif ($type eq 'typing') { $self->{typing}++ }
	elsif ($type eq 'pong') { $self->{pongs}++ }
	elsif ($type eq 'history') { $self->_history($frame) }
	elsif ($type eq 'retracted') { delete @{ $self->{messages} }{ @{ $frame->{ids} } } }
	elsif ($type eq 'limits') { $self->{limits} = $frame->{limits} }
	elsif ($type eq 'error')
	{
		push @{ $self->{errors} }, $frame;
		my $id = $frame->{id};
		if (!defined $id && $self->{filling} && $frame->{code} =~ /^(?:rate|busy)\z/) { $self->_fill_later($frame->{retry_after}) }
		return unless defined $id && $self->{unacked}{$id};
		if ($frame->{code} =~ /^(?:rate|busy)\z/)
		{
			after(($frame->{retry_after} // 1000) / 1000, sub { $self->_transmit($id) if $self->{state} eq 'welcomed' })
			  if $self->{resend};
		}
		else
		{
			delete $self->{unacked}{$id};
			$self->{refused}{$id} = $frame->{code};
		}
	}
	else { $self->_strange("a frame of type $type") }
	return;
}

sub _welcome
{
	my ($self, $frame) = @_;

	$self->_strange("visitor $frame->{visitor}, not $self->{visitor}")
	  if defined $self->{visitor} && defined $self->{token} && !defined $frame->{token} && $frame->{visitor} ne $self->{visitor};
	$self->{visitor} = $frame->{visitor};
	$self->{token} = $frame->{token} if defined $frame->{token};
	$self->{welcome} = $frame;
	$self->{welcomes}++;
	$self->{state} = 'welcomed';
	my @messages = @{ $frame->{messages} };
	my ($newest) = sort { $b cmp $a } keys %{ $self->{messages} };
	$self->_keep(@messages);
	$self->_status({ status => 'read', upto => $frame->{read} }) if defined $frame->{read};

	# The page begins behind all that the client had: there is a gap.
	$newest //= '';
	if (defined $frame->{from} && $frame->{more} && $self->{resend} && $frame->{from} gt $newest)
	{
		$self->{filling} = { to => $newest }
		  unless $self->{filling} && $self->{filling}{to} lt $newest;
		$self->{filling}{from} = $frame->{from};
	}
	$self->ask_history($self->{filling}{from}) if $self->{filling};
	for my $pending (values %{ $self->{pending} })
	{
		$_ = 0 for values %$pending;    # once more, now
	}
	$self->_confirm;
	if ($self->{resend})
	{
		$self->_transmit($_) for sort { $self->{unacked}{$a}{n} <=> $self->{unacked}{$b}{n} } keys %{ $self->{unacked} };
	}
	return;
}

# A page of what is older; a page that is empty though there are more could not
# be read just now.
sub _history
{
	my ($self, $frame) = @_;
	my @messages = @{ $frame->{messages} };
	my $filling = $self->{filling};

	$self->_keep(@messages);
	return if !$filling || $frame->{before} ne $filling->{from};
	$filling->{from} = $messages[0]{id} if @messages;
	if (!$frame->{more} || @messages && $filling->{from} le $filling->{to}) { delete $self->{filling} }
	elsif (@messages) { $self->ask_history($filling->{from}) }
	else { $self->_fill_later(500) }
	return;
}

sub _fill_later
{
	my ($self, $ms) = @_;

	after(($ms // 1000) / 1000, sub { $self->ask_history($self->{filling}{from}) if $self->{filling} && $self->{state} eq 'welcomed' });
	return;
}

# Keep messages by id and confirm the new ones.
sub _keep
{
	my ($self, @messages) = @_;
	my @new;

	for my $message (@messages)
	{
		my $id = $message->{id};
		my $had = $self->{messages}{$id};

		if ($had)
		{
			$self->{repeats}++;
			$self->_strange("message $id came with another content")
			  if encode_json($had->{content}) ne encode_json($message->{content}) || $had->{direction} ne $message->{direction};
			_forward($had, $message->{status});
		}
		else
		{
			$self->{messages}{$id} = {%$message};
			push @new, $id if $message->{direction} eq 'out';
		}
		my $client = $message->{client};
		$self->_committed($client, $id) if $message->{direction} eq 'in' && defined $client && $self->{unacked}{$client};
	}
	if ($self->{receipts} ne 'none')
	{
		my @ids = grep { $RANK{ $self->{messages}{$_}{status} // 'sent' } < $RANK{delivered} } @new;
		$self->confirm('delivered', @ids) if @ids;
	}
	if ($self->{receipts} eq 'read')
	{
		my @ids = grep { $RANK{ $self->{messages}{$_}{status} // 'sent' } < $RANK{read} } @new;
		$self->confirm('read', @ids) if @ids;
	}
	return;
}

sub _committed
{
	my ($self, $client, $id) = @_;

	$self->_strange("$client was acked as $self->{acked}{$client}, then as $id")
	  if defined $self->{acked}{$client} && $self->{acked}{$client} ne $id;
	$self->{acked}{$client} = $id;
	delete $self->{unacked}{$client};
	return;
}

sub _ack
{
	my ($self, $frame) = @_;
	my ($client, $id) = @$frame{qw(id message)};
	my $said = $self->{unacked}{$client};

	if (!defined $id)
	{
		$self->{rejected}{$client}++;
		delete $self->{unacked}{$client};
		return;
	}
	$self->_committed($client, $id);
	$self->{messages}{$id} //= { id => $id, direction => 'in', status => 'received', at => $frame->{at}, client => $client,
		content => $said->{content} } if $said;
	return;
}

sub _forward
{
	my ($message, $status) = @_;

	$message->{status} = $status
	  if defined $status && ($RANK{$status} // -1) >= ($RANK{ $message->{status} // 'queued' } // 0);
	return;
}

sub _status
{
	my ($self, $frame) = @_;
	my $status = $frame->{status};

	if (defined(my $upto = $frame->{upto}))
	{
		$_->{direction} eq 'in' && $_->{id} le $upto and _forward($_, $status) for values %{ $self->{messages} };
		return;
	}
	for my $id (@{ $frame->{ids} })
	{
		_forward($self->{messages}{$id}, $status) if $self->{messages}{$id};
		delete $self->{pending}{delivered}{$id};
		delete $self->{pending}{read}{$id} if $status eq 'read';
	}
	return;
}

# --- asking a client -------------------------------------------------------

sub welcomed { my ($self, $timeout) = @_; return Visitor::until(sub { $self->{state} eq 'welcomed' }, $timeout) }

# Dial once, and wait for what becomes of it: is it a welcome?
sub let_in
{
	my ($self, %args) = @_;

	$self->connect(%args);
	Visitor::until(sub { $self->{state} =~ /\A(?:welcomed|closed)\z/ || ($self->{http} // 101) != 101 });
	return $self->{state} eq 'welcomed';
}

# The same of somebody who is to be turned away: the close code, or nothing of who is let in.
sub turned_away
{
	my ($self) = @_;
	my $in = $self->let_in;

	$self->end;
	return $in ? undef : $self->{close_code};
}

# Dial, and wait for the welcome.
sub arrive
{
	my ($self, %args) = @_;

	$self->connect(%args);
	$self->welcomed or croak 'no welcome: ' . $self->describe;
	return $self;
}

# Wait for the end of the line; the close code, or undef.
sub closed
{
	my ($self, $timeout) = @_;

	Visitor::until(sub { $self->{state} eq 'closed' }, $timeout);
	return $self->{state} eq 'closed' ? $self->{close_code} : undef;
}

# Wait for the answer to the upgrade; the HTTP status, or undef.
sub answered
{
	my ($self, $timeout) = @_;

	return Visitor::until(sub { $self->{http} }, $timeout);
}

# Wait until a message has its ack; the row's id, '' when it was put among the
# rejects, undef when none came.
sub acked
{
	my ($self, $client, $timeout) = @_;

	Visitor::until(sub { defined $self->{acked}{$client} || $self->{rejected}{$client} || $self->{refused}{$client} }, $timeout);
	return $self->{acked}{$client} // ($self->{rejected}{$client} ? '' : undef);
}

# Wait for a frame that the condition likes; the frame.  It is looked for among
# all that came, or behind the mark that mark() gave.
sub got
{
	my ($self, $condition, $timeout, $mark) = @_;
	my $looked = $mark // 0;

	return Visitor::until(
		sub {
			while ($looked < @{ $self->{frames} })
			{
				local $_ = $self->{frames}[ $looked++ ];
				return $_ if $condition->();
			}
			return;
		}, $timeout);
}

sub mark { my ($self) = @_; return scalar @{ $self->{frames} } }

# All frames of a type.
sub of_type { my ($self, $type, $mark) = @_; my @all = @{ $self->{frames} }; splice @all, 0, $mark // 0; return grep { $_->{type} eq $type } @all }

# The transcript, in order.
sub transcript { my ($self) = @_; my $all = $self->{messages}; return map { $all->{$_} } sort keys %$all }
sub texts { my ($self, $direction) = @_; return map { $_->{content}{text} } grep { !$direction || $_->{direction} eq $direction } $self->transcript }

sub describe
{
	my ($self) = @_;

	return "client $self->{number} is $self->{state}, HTTP " . ($self->{http} // '-') . ' ' . ($self->{http_body} // '')
	  . ', close ' . ($self->{close_code} // '-') . ' ' . ($self->{close_reason} // '') . ' ' . ($self->{close_why} // '')
	  . ', last frame ' . (@{ $self->{frames} } ? encode_json($self->{frames}[-1]) : '-');
}

1;
