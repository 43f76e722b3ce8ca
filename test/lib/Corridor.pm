# Corridor.pm
#	  Plays the worker towards webchatt-net: starts the program with one end of a
#	  socketpair as its corridor, speaks frames with it, and answers events; plus
#	  raw HTTP over sockets, so that a test can say exactly what goes over the wire.
#	  Frames by their names and fields are encode()'s, read from src/common/corridor.def.
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

# Of the settings what webchatt-net gets.
my @SETTINGS = grep { $_->{field} } Settings::all();

# The frames, as src/common/corridor.def has them: name => {type, fields}, a field
# being [kind, name, what else is in its line]; and its enums: name => {value's name
# without its prefix => number}.
our (%FRAME, %ENUM);
our $VERSION_OF_CORRIDOR;
my (@name_of, %constant);
{
	my $common = __FILE__ =~ s{[^/]*\z}{../../src/common}r;
	my $lines = sub { open(my $f, '<', "$common/$_[0]") or die "$_[0]: $!"; return <$f> };
	my ($frame, $enum);
	/^#define (\w+)\s+(\d+)$/ and $constant{$1} = $2 for $lines->('corridor.h');
	for ($lines->('corridor.def'))
	{
		if (/^TO_\w+\((\w+), (\d+), \w+\)/) { $FRAME{$1} = $frame = { type => $2, fields => [] }; $name_of[$2] = $1 }
		elsif (/^\tFIELD\((\w+), (\w+)(?:, (\w+))?\)/) { push @{ $frame->{fields} }, [$1, $2, $3] }
		elsif (/^#include "common\/settings.def"/) { push @{ $frame->{fields} }, map { [$_->{kind} eq 'INT' ? 'U32' : 'STR', $_->{field}] } @SETTINGS }
		elsif (/^ENUM\((\w+)\)/) { $ENUM{$1} = $enum = {} }
		elsif (/^\tVALUE\(WC_[A-Z]+_(\w+), (\d+)\)/) { $enum->{$1} = $2 }
	}
	$VERSION_OF_CORRIDOR = $constant{WC_CORRIDOR_VERSION} // die 'corridor.h: no version';
}
our %DONE = %{ $ENUM{event_result} };

# How the kinds of fields lie on the wire, for pack and unpack.
my %WIRE = (NOTHING => '', U8 => 'C', U32 => 'V', U64 => 'Q<', I64 => 'q<', FLAG => 'C', CHOICE => 'C', UUID => 'a16',
	HASH => 'a32', STR => 'V/a*', UUIDS => 'V/a*', U64S => 'Q<', STRS => 'C/(V/a*)', SECRETS => 'C/(V/a* q<)');

# A frame's payload.  Fields by name: UUIDs as text or 16 bytes, values of enums by
# name or number, lists as arrays (a secret: its text, or [text, valid_until]); what
# is not given is zero or empty.
sub encode
{
	my ($name, %given) = @_;
	my $payload = '';
	for (@{ $FRAME{$name}{fields} })
	{
		my ($kind, $field, $more) = @$_;
		my $v = delete $given{$field};
		if ($kind eq 'UUID') { $payload .= uuid($v // "\0" x 16) }
		elsif ($kind eq 'UUIDS') { $payload .= str(join '', map { uuid($_) } @{ $v // [] }) }
		elsif ($kind eq 'U64S') { $payload .= pack('Q<*', @$v) }
		elsif ($kind eq 'STRS') { $payload .= pack('C', scalar @{ $v // [] }) . join('', map { str($_) } @{ $v // [] }) }
		elsif ($kind eq 'SECRETS') { $payload .= pack('C', scalar @{ $v // [] }) . join('', map { pack('V/a* q<', ref $_ ? @$_ : ($_, 0)) } @{ $v // [] }) }
		elsif ($kind eq 'CHOICE') { $payload .= pack('C', $ENUM{$more}{ $v // 0 } // $v // 0) }
		else { $payload .= pack($WIRE{$kind}, $v // ($WIRE{$kind} =~ /a/ ? '' : 0)) }
	}
	die "$name has no " . join(', ', sort keys %given) if %given;
	return $payload;
}

# The fields of a payload, as encode() takes them: UUIDs as text, enums' values as numbers.
sub decode
{
	my ($name, $payload) = @_;
	my $frame = $FRAME{$name} // die "no frame $name";
	my ($at, %m) = (0);
	for (@{ $frame->{fields} })
	{
		my ($kind, $field, $more) = @$_;
		my @v = unpack("\@$at " . ($kind eq 'U64S' ? "Q<$constant{$more}" : $WIRE{$kind}) . ' .', $payload);
		$at = pop @v;
		if ($kind eq 'SECRETS') { $m{$field} = [map { [splice @v, 0, 2] } 1 .. @v / 2] }
		elsif ($kind eq 'UUIDS') { $m{$field} = [map { uuid_text($_) } unpack('(a16)*', $v[0])] }
		elsif ($kind eq 'UUID') { $m{$field} = uuid_text($v[0]) }
		else { $m{$field} = $kind =~ /S\z/ ? \@v : $v[0] }
	}
	die "a broken $name: " . unpack('H*', $payload) if $at != length $payload;
	return \%m;
}

# Of the settings what webchatt-net gets, by its field: the defaults, but for addresses and limits that a
# test meets sooner or later.  Times that no busy machine meets: a test that is about one sets it.
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
	$self->tell('OPEN');
	my $opened = $self->wait_frame('OPENED', 10) // die "no OPENED: " . join('; ', @{ $self->{logs} });
	@$self{qw(addresses desk)} = @$opened{qw(addresses desk)};
	($self->{port}) = $self->{addresses} =~ /127\.0\.0\.1:(\d+)/;
	return $self;
}

sub hello
{
	my ($self, $version) = @_;
	return $self->tell('HELLO', version => $version // $VERSION_OF_CORRIDOR, restarts => 3);
}

sub str { return pack('V/a*', $_[0]) }

sub configure
{
	my ($self, %settings) = @_;
	%{ $self->{config} } = (%{ $self->{config} }, %settings);
	return $self->tell('CONFIG', %{ $self->{config} });
}

# From text, or the bytes themselves.
sub uuid { my $h = shift; return $h if length $h == 16; $h =~ tr/-//d; return pack('H32', $h) }

# A hub, and whether there is to be a link to it.
sub put_hub
{
	my ($self, $hub, $name, $url, $key, $link, @secrets) = @_;
	return $self->tell('HUB_PUT', hub => $hub, name => $name, api_url => $url, api_key => $key, link => $link ? 1 : 0, secrets => \@secrets);
}

sub put_channel
{
	my ($self, $id, $unsigned, @secrets) = @_;
	return $self->tell('CHANNEL_PUT', id => $id, accept_unsigned => $unsigned, secrets => \@secrets);
}

# A channel that visitors connect to.
sub put_local
{
	my ($self, $id, $key, $name, @origins) = @_;
	return $self->tell('CHANNEL_PUT', id => $id, local => 1, public_key => $key, display_name => $name, origins => \@origins);
}

sub drop_channel { my ($self, $id) = @_; return $self->tell('CHANNEL_GONE', id => $id) }

# A frame with these fields: see encode.
sub tell { my ($self, $type, %fields) = @_; return $self->frame($type, encode($type, %fields)) }

# A frame with any payload; its type by name or number.
sub frame
{
	my ($self, $type, $payload) = @_;
	$self->{out} .= whole($type, $payload);
	return $self->flush;
}

sub whole { my ($type, $payload) = @_; return pack('VC', 1 + length $payload, ($FRAME{$type} // {})->{type} // $type) . $payload }

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

sub done_payload { my ($event, $result, $message) = @_; return encode('EVENT_DONE', request => $event->{request}, result => $result, message => $message) }
sub done { my ($self, @done) = @_; return $self->frame('EVENT_DONE', done_payload(@done)) }

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

# Answer an ARRIVED: messages is a JSON array, from the oldest message of which it
# is complete, read the visitor's newest that was, gone what the client has and we have not.
sub welcome
{
	my ($self, $arrived, $result, $visitor, $more, $messages, $from, $read, $gone) = @_;
	return $self->tell('WELCOME', session => $arrived->{session}, result => $result, visitor => $visitor // $arrived->{new_visitor},
		more => $more, messages => $messages, from => $from, read => $read, gone => $gone);
}

sub history
{
	my ($self, $session, $before, $more, $messages, $busy) = @_;
	return $self->tell('HISTORY', session => $session, before => $before, busy => $busy, more => $more, messages => $messages);
}

sub status
{
	my ($self, $channel, $visitor, $upto, $status) = @_;
	return $self->tell('STATUS', channel => $channel, visitor => $visitor, upto => $upto, status => $status);
}

sub typing { my ($self, $channel, $visitor) = @_; return $self->tell('TYPING', channel => $channel, visitor => $visitor) }

# A message for a visitor; its OUTCOME is found by the token.
sub send_local
{
	my ($self, $token, $channel, $visitor, $message, $content, $author) = @_;
	return $self->tell('SEND', token => $token, message => $message, channel => $channel, kind => 'web-chatt2me', to => $visitor,
		content => $content, local => 1, author => $author // '');
}

sub take_event
{
	my ($self, $e) = @_;
	if (!defined $self->{auto}) { push @{ $self->{events} }, $e; return }
	$self->{out} .= whole('EVENT_DONE', done_payload($e, $self->{auto}, $self->{message_of} && $self->{message_of}->($e)));
	$self->{nevents}++;
	$self->{last} = $e;
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
			my $name = $name_of[$type] // die "a frame of type $type";
			my $m = decode($name, $payload);
			if ($name eq 'EVENT') { $self->take_event($m) }
			elsif ($name eq 'LOG') { push @{ $self->{logs} }, $m->{text} }
			elsif ($name eq 'STATS') { $self->{stats} = $m }
			elsif ($self->{on}{$name}) { $self->{on}{$name}->($m) }
			else { push @{ $self->{frames} }, [$name, $m] }
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

# The fields of the next frame of that name, undef when none comes.
sub wait_frame
{
	my ($self, $name, $seconds) = @_;
	my $frame;
	$self->until($seconds // 5, sub {
		($frame) = grep { $_->[0] eq $name } @{ $self->{frames} };
		return $frame || $self->{gone}; });
	return if !$frame;
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
	$self->tell('CLOSE');
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
