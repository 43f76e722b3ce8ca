# Corridor.pm
#	  Plays the worker towards webchatt-net: starts the program with one end of a
#	  socketpair as its corridor, speaks frames with it, and answers events; plus
#	  raw HTTP over sockets, so that a test can say exactly what goes over the wire.
package Corridor;

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use Errno qw(EAGAIN EINTR);
use Fcntl;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Patience;
use POSIX ();
use Settings;
use Socket;
use Time::HiRes qw(time);

# Who has hung up is found by what it answered.
$SIG{PIPE} = 'IGNORE';

our $VERSION_OF_CORRIDOR = 8;

# Frame types, as in src/common/corridor.h.
our %TYPE = (
	HELLO => 1, CONFIG => 2, CHANNEL_PUT => 3, CHANNEL_GONE => 4, HUB_PUT => 5,
	HUB_GONE => 6, OPEN => 7, SEND => 8, EVENT_DONE => 9, CLOSE => 10,
	KEY_PUT => 11, KEY_GONE => 12, WELCOME => 13, HISTORY => 14, STATUS => 15, TYPING => 16, API_DONE => 17,
	CALL => 18, API_ANSWER => 19, WEBHOOK_PUT => 20, WEBHOOK_GONE => 21, DELIVER => 22,
	LINK_WELCOME => 23, LINK_EVENT => 24, LINK_CLOSE => 25, BUDGETS => 26,
	HELLO_BACK => 65, OPENED => 66, EVENT => 67, OUTCOME => 68, STATS => 69,
	LOG => 70, FAILED => 71, ARRIVED => 72, LEFT => 73, HISTORY_ASK => 74, TYPED => 75, API_SEND => 76,
	CALL_DONE => 77, API_CALL => 78, DELIVERED => 79, LINK_CAME => 80, LINK_ACK => 81, LINK_LEFT => 82,
	LINK_STATE => 83);
our %DONE = (STORED => 0, REPEAT => 1, REJECTED => 2, BUSY => 3, GONE => 4, BUDGET => 5);

# Of the settings what webchatt-net gets, by its field: the defaults, but for addresses and limits that a
# test meets sooner or later.  Times that no busy machine meets: a test that is about one sets it.
our @SETTINGS = grep { $_->{field} } Settings::all();
our %CONFIG = (
	server_port => 0,
	(map { $_->{field} => $_->{kind} eq 'STRING' ? $_->{default} : $_->{unit} eq 'MS' ? 180000 : $_->{default} * $_->{times} } @SETTINGS),
	listen => '127.0.0.1:0', max_body_size => 65536, max_connections => 600, max_connections_per_address => 500,
	max_in_flight => 16, max_waiting => 1000, max_visitors => 1000, max_visitors_per_address => 500, visitor_rate => 6000,
	visitor_burst => 100, address_rate => 60000, address_burst => 1000, new_visitor_rate => 10000, address_kb_per_hour => 1000000,
	hello_rate => 60000, max_deliveries => 16);

sub program
{
	return $ENV{WEBCHATT_NET} // './webchatt-net';
}

# Start the program; settings override %CONFIG.  auto: the result that events
# are answered with at once (undef: the test answers).  Nothing is sent yet.
sub start
{
	my ($class, %settings) = @_;
	my $auto = exists $settings{auto} ? delete $settings{auto} : $DONE{STORED};
	my $descriptors = delete $settings{descriptors};	# the limit for the program
	socketpair(my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!";
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		close $ours;
		my $flags = fcntl($theirs, F_GETFD, 0);
		fcntl($theirs, F_SETFD, $flags & ~FD_CLOEXEC);
		my @command = (program(), '--corridor', fileno $theirs);
		unshift @command, 'sh', '-c', "ulimit -n $descriptors; exec \"\$0\" \"\$@\"" if $descriptors;
		exec(@command) or POSIX::_exit(127);
	}
	close $theirs;
	fcntl($ours, F_SETFL, fcntl($ours, F_GETFL, 0) | O_NONBLOCK);
	return bless {
		pid => $pid, fh => $ours, in => '', out => '', auto => $auto, gone => 0,
		config => { %CONFIG, %settings }, events => [], frames => [], logs => [],
		stats => undef }, $class;
}

# Start it and bring it to the state of an open door.
sub open_door
{
	my ($class, $channels, %settings) = @_;
	my $self = $class->start(%settings);
	$self->hello;
	$self->configure;
	$self->put_channel(@$_) for @$channels;
	$self->frame('OPEN', '');
	my $opened = $self->wait_frame('OPENED', 10) // die "no OPENED: " . join('; ', @{ $self->{logs} });
	$self->{addresses} = (text($opened))[1];
	($self->{port}) = $self->{addresses} =~ /127\.0\.0\.1:(\d+)/;
	return $self;
}

sub hello
{
	my ($self, $version) = @_;
	$self->frame('HELLO', pack('VV', $version // $VERSION_OF_CORRIDOR, 3));
	return;
}

sub str { return pack('V/a*', $_[0]) }

sub configure
{
	my ($self, %settings) = @_;
	my $c = $self->{config};
	$c->{$_} = $settings{$_} for keys %settings;
	$self->frame('CONFIG', pack('V', $c->{server_port})
		  . join('', map { $_->{kind} eq 'INT' ? pack('V', $c->{ $_->{field} }) : str($c->{ $_->{field} }) } @SETTINGS));
	return;
}

sub uuid { my $h = shift; $h =~ tr/-//d; return pack('H32', $h) }

# strings, or [string, valid_until]
sub secrets
{
	my @secrets = @_;
	return pack('C', scalar @secrets)
	  . join('', map { ref $_ ? str($_->[0]) . pack('Q<', $_->[1]) : str($_) . pack('Q<', 0) } @secrets);
}

# A hub, and whether there is to be a link to it.
sub put_hub
{
	my ($self, $hub, $name, $url, $key, $link, @secrets) = @_;
	$self->frame('HUB_PUT', pack('V', $hub) . str($name) . str($url) . str($key) . pack('C', $link ? 1 : 0)
		  . secrets(@secrets));
	return;
}

sub put_channel
{
	my ($self, $id, $unsigned, @secrets) = @_;
	$self->frame('CHANNEL_PUT', uuid($id) . pack('VC', 0, $unsigned) . secrets(@secrets)
		  . "\0" . str('') . str('') . "\0");
	return;
}

# A channel that visitors connect to.
sub put_local
{
	my ($self, $id, $key, $name, @origins) = @_;
	$self->frame('CHANNEL_PUT', uuid($id) . pack('VCCC', 0, 0, 0, 1) . str($key) . str($name)
		  . pack('C', scalar @origins) . join('', map { str($_) } @origins));
	return;
}

sub drop_channel
{
	my ($self, $id) = @_;
	$self->frame('CHANNEL_GONE', uuid($id));
	return;
}

sub frame
{
	my ($self, $type, $payload) = @_;
	$self->{out} .= pack('VC', 1 + length $payload, $TYPE{$type} // $type) . $payload;
	$self->flush;
	return;
}

sub flush
{
	my $self = shift;
	while (!$self->{gone} && length $self->{out})
	{
		my $n = syswrite($self->{fh}, $self->{out});
		if (!defined $n)
		{
			return if $! == EAGAIN;
			next if $! == EINTR;
			$self->{gone} = 1;
			return;
		}
		substr($self->{out}, 0, $n, '');
	}
	return;
}

sub text { return unpack('CV/a*', $_[0]) }

sub done
{
	my ($self, $event, $result, $message) = @_;
	$self->frame('EVENT_DONE', pack('Q<C', $event->{request}, $result // $DONE{STORED}) . ($message // "\0" x 16));
	return;
}

# A UUID of version 7, in text: it holds the time.
my $uuids = 0;
sub uuid7
{
	my ($ms) = @_;
	my $h = sprintf('%012x7%03x8%03x%012x', $ms // int(time * 1000), $uuids / 4096 % 4096, $uuids % 4096, int rand 2**47);
	$uuids++;
	return $h =~ s/^(.{8})(.{4})(.{4})(.{4})/$1-$2-$3-$4-/r;
}

sub uuid_text { return unpack('H32', $_[0]) =~ s/^(.{8})(.{4})(.{4})(.{4})/$1-$2-$3-$4-/r }

# What the worker says about visitors.
our %WELCOMED = (KNOWN => 0, MADE => 1, NOT_MADE => 2, GONE => 3, BUSY => 4, BUDGET => 5, PAUSED => 6);

sub arrived
{
	my %a;
	(@a{qw(session channel has_token may_make token_hash new_visitor new_hash)}, my @s)
	  = unpack('Q<a16CCa32a16a32(V/a*)2', $_[0]);
	@a{qw(attributes have)} = @s;
	$a{channel} = uuid_text($a{channel});
	$a{new_visitor} = uuid_text($a{new_visitor});
	$a{have} = [map { uuid_text($_) } unpack('(a16)*', $a{have})];
	return \%a;
}

# Answer an ARRIVED: result is a name of %WELCOMED, messages a JSON array, from
# the oldest message of which it is complete, read the visitor's newest that was.
sub welcome
{
	my ($self, $arrived, $result, $visitor, $more, $messages, $from, $read) = @_;
	$self->frame('WELCOME', pack('Q<C', $arrived->{session}, $WELCOMED{$result})
		  . uuid($visitor // $arrived->{new_visitor}) . pack('C', $more // 0)
		  . join('', map { $_ ? uuid($_) : "\0" x 16 } $from, $read) . str($messages // ''));
	return;
}

sub history
{
	my ($self, $session, $before, $more, $messages, $busy) = @_;
	$self->frame('HISTORY', pack('Q<', $session) . uuid($before) . pack('CC', $busy // 0, $more) . str($messages));
	return;
}

sub status
{
	my ($self, $channel, $visitor, $upto, $status) = @_;
	$self->frame('STATUS', uuid($channel) . uuid($visitor) . uuid($upto) . str($status));
	return;
}

sub typing
{
	my ($self, $channel, $visitor) = @_;
	$self->frame('TYPING', uuid($channel) . uuid($visitor));
	return;
}

# A message for a visitor; its OUTCOME is found by the token.
sub send_local
{
	my ($self, $token, $channel, $visitor, $message, $content) = @_;
	$self->frame('SEND', pack('Q<V', $token, 0) . uuid($message) . uuid($channel) . str('web-chatt2me')
		  . str($visitor) . str($content) . "\1");
	return;
}

sub outcome
{
	my %o;
	(@o{qw(token result http_status retry_after_ms duration_us)}, my @s) = unpack('Q<CVVV(V/a*)4', $_[0]);
	@o{qw(hub_status hub_message_id error_code error_message)} = @s;
	return \%o;
}

sub take_event
{
	my ($self, $payload) = @_;
	my %e;
	(@e{qw(request hub kind channel at_us)}, my @s) = unpack('Q<VC a16 q< (V/a*)7', $payload);
	@e{qw(message_id visitor channel_type status error_code error_message body)} = @s;
	$e{channel} = unpack('H32', $e{channel});
	if (defined $self->{auto})
	{
		$self->{out} .= pack('VCQ<C', 26, $TYPE{EVENT_DONE}, $e{request}, $self->{auto})
		  . ($self->{message_of} ? $self->{message_of}->(\%e) : "\0" x 16);
		$self->{nevents}++;
		$self->{last} = \%e;
	}
	else
	{
		push @{ $self->{events} }, \%e;
	}
	return;
}

# Take what the program has sent; true when something came.
sub take
{
	my $self = shift;
	my $came = 0;
	return 0 if $self->{silent};
	while (!$self->{gone})
	{
		my $n = sysread($self->{fh}, $self->{in}, 262144, length $self->{in});
		if (!defined $n)
		{
			next if $! == EINTR;
			$self->{gone} = 1 if $! != EAGAIN;
			last;
		}
		if ($n == 0) { $self->{gone} = 1; last }
		$came = 1;
		while (length $self->{in} >= 5)
		{
			my ($len, $type) = unpack('VC', $self->{in});
			last if length $self->{in} < 4 + $len;
			my $payload = substr($self->{in}, 5, $len - 1);
			substr($self->{in}, 0, 4 + $len, '');
			if ($type == $TYPE{EVENT}) { $self->take_event($payload) }
			elsif ($type == $TYPE{LOG}) { push @{ $self->{logs} }, (text($payload))[1] }
			elsif ($type == $TYPE{STATS}) { $self->{stats} = [unpack('V4Q<3', $payload)] }
			elsif ($self->{on}{$type}) { $self->{on}{$type}->($payload) }
			else { push @{ $self->{frames} }, [$type, $payload] }
		}
		$self->flush;
	}
	return $came;
}

# Wait until the condition holds, answering the corridor meanwhile; sockets that
# are given wake it up too.
sub until
{
	my ($self, $seconds, $condition, @sockets) = @_;
	my $end = time + Patience::seconds($seconds);
	my $select = IO::Select->new(@sockets);
	$select->add($self->{fh}) unless $self->{gone} || $self->{silent};
	while (1)
	{
		$self->take;
		$self->flush;
		my $value = $condition->();
		return $value if $value;
		my $left = $end - time;
		return if $left <= 0;
		$select->remove($self->{fh}) if $self->{gone};
		$select->can_read($left < 0.05 ? $left : 0.05);
	}
}

sub wait_frame
{
	my ($self, $type, $seconds) = @_;
	my $frame = $self->until($seconds // 5, sub {
		my ($hit) = grep { $_->[0] == $TYPE{$type} } @{ $self->{frames} };
		return $hit || ($self->{gone} ? ['gone'] : undef); });
	return if !$frame || $frame->[0] eq 'gone';
	@{ $self->{frames} } = grep { $_ != $frame } @{ $self->{frames} };
	return $frame->[1];
}

sub wait_event
{
	my ($self, $seconds) = @_;
	$self->until($seconds // 5, sub { return scalar @{ $self->{events} } }) or return;
	return shift @{ $self->{events} };
}

sub wait_exit
{
	my ($self, $seconds) = @_;
	my $status;
	$self->until($seconds // 5, sub {
		return 1 if !$self->{pid};
		return 0 if waitpid($self->{pid}, POSIX::WNOHANG()) != $self->{pid};
		$status = $?;
		$self->{pid} = 0;
		return 1; });
	return $status;
}

sub descriptors
{
	my $self = shift;
	opendir(my $dir, "/proc/$self->{pid}/fd") or die "fd: $!";
	return scalar(grep { /^\d+$/ } readdir $dir);
}

sub cpu_seconds
{
	my $self = shift;
	open(my $f, '<', "/proc/$self->{pid}/stat") or die "stat: $!";
	my @f = split / /, (<$f> =~ s/^.*\) //r);
	return ($f[11] + $f[12]) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# Close orderly; the exit status.
sub close_door
{
	my $self = shift;
	$self->frame('CLOSE', '');
	return $self->wait_exit;
}

sub DESTROY
{
	my $self = shift;
	local ($?, $!);
	if ($self->{pid}) { kill 'KILL', $self->{pid}; waitpid($self->{pid}, 0) }
	return;
}

# --- HTTP ---------------------------------------------------------------

sub dial
{
	my ($self, $local) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port},
		Proto => 'tcp', ($local ? (LocalAddr => $local) : ())) or die "connect: $!";
	$s->blocking(0);
	return $s;
}

sub put
{
	my ($self, $s, $bytes) = @_;
	my $end = time + $Patience::SECONDS;
	while (length $bytes)
	{
		my $n = syswrite($s, $bytes);
		if (defined $n) { substr($bytes, 0, $n, ''); next }
		return 0 if $! != EAGAIN || time > $end;
		$self->take;
		IO::Select->new($s)->can_write(0.05);
	}
	return 1;
}

# Read one answer from the socket: {status, head, body, rest}, undef when none
# came in time, {closed => 1} when the connection ended before one.
sub answer
{
	my ($self, $s, $seconds) = @_;
	my $r;
	$self->until($seconds // 5, sub {
		my $buf = \${*$s}{corridor_in};
		$$buf //= '';
		my $n = sysread($s, $$buf, 65536, length $$buf);
		my $ended = defined $n ? $n == 0 : $! != EAGAIN;
		if ($$buf =~ /\A(HTTP\/1\.1 (\d+)[^\r\n]*(?:\r\n.*?)?)\r\n\r\n/s)
		{
			my ($head, $status) = ($1, $2);
			my $skip = length($head) + 4;
			my ($len) = $head =~ /^Content-Length: (\d+)/mi;
			$len = 0 if $status == 100 || $status == 204;
			$len //= $ended ? length($$buf) - $skip : undef;
			if (defined $len && length $$buf >= $skip + $len)
			{
				$r = { status => $status, head => $head, body => substr($$buf, $skip, $len) };
				substr($$buf, 0, $skip + $len, '');
				return 1;
			}
		}
		if ($ended) { $r = { closed => 1, status => 0, head => '', body => '' }; return 1 }
		return 0; }, $s);
	return $r;
}

# True when the other side closes within the time.
sub closes
{
	my ($self, $s, $seconds) = @_;
	my $r = $self->answer($s, $seconds);
	return $r && $r->{closed} ? 1 : 0;
}

# One request on a connection of its own.
sub once
{
	my ($self, $raw, $seconds) = @_;
	my $s = $self->dial;
	$self->put($s, $raw);
	my $r = $self->answer($s, $seconds);
	close $s;
	return $r // { status => 0, head => '', body => 'no answer' };
}

sub sign
{
	my ($secret, $body, $t) = @_;
	$t //= int(time);
	return "t=$t,v1=" . hmac_sha256_hex("$t.$body", $secret);
}

# A webhook's request; headers are given as whole lines without line ends.
sub webhook
{
	my ($channel, $body, @headers) = @_;
	return join("\r\n", "POST /webhooks/$channel HTTP/1.1", 'Host: t', @headers,
		'Content-Length: ' . length $body, '', $body);
}

1;
