# WebSocket.pm
#	  The bytes of RFC 6455 for the tests' clients and servers, right and wrong ones:
#	  opening heads and frames.
package WebSocket;

use strict;
use warnings;

use Digest::SHA qw(sha1_base64);

# A head: its first line, then the headers; an array is one header several times,
# undef takes one out.
sub head
{
	my ($line, %headers) = @_;
	return join("\r\n", $line, (map { my $n = $_; map { "$n: $_" } ref $headers{$n} ? @{ $headers{$n} } : $headers{$n} }
			grep { defined $headers{$_} } sort keys %headers), '', '');
}

# What answers a Sec-WebSocket-Key.
sub accept_of { my ($key) = @_; return sha1_base64("${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11") . '=' }

# One frame.  Options: fin (1), rsv (0), mask (1; 0: none, as a server's), length
# (what is said to be its length).
sub frame
{
	my ($opcode, $payload, %o) = @_;
	my @unknown = grep { !/^(?:fin|rsv|mask|length|opcode)\z/ } keys %o;
	die "no option @unknown" if @unknown;
	my $length = $o{length} // length $payload;
	my $first = ($o{fin} // 1) << 7 | ($o{rsv} // 0) << 4 | $opcode;
	my $masked = $o{mask} // 1 ? 0x80 : 0;
	my $head = $length < 126 ? pack('CC', $first, $masked | $length)
	  : $length < 65536 ? pack('CCn', $first, $masked | 126, $length) : pack('CCQ>', $first, $masked | 127, $length);

	return $head . $payload if !$masked;
	my $key = pack('N', int rand 2**32);
	return $head . $key . ($payload ^ substr($key x (1 + length($payload) / 4), 0, length $payload));
}

# Take the first whole frame out of the bytes that came: opcode, payload, the
# frame's first byte, its mask ('': none); nothing while it is not whole.
sub take
{
	my ($in) = @_;
	return if length $$in < 2;
	my ($first, $second) = unpack('CC', $$in);
	my ($length, $at) = ($second & 127, 2);

	($length, $at) = (unpack('x2n', $$in) // return, 4) if $length == 126;
	($length, $at) = (length $$in >= 10 ? unpack('x2Q>', $$in) : return, 10) if $length == 127;
	my $mask_length = $second & 128 ? 4 : 0;
	return if length $$in < $at + $mask_length + $length;
	my ($mask, $payload) = unpack("x$at a$mask_length a$length", $$in);
	substr($$in, 0, $at + $mask_length + $length, '');
	$payload ^= substr($mask x (1 + $length / 4), 0, $length) if $mask_length;
	return ($first & 15, $payload, $first, $mask);
}

# A close frame's code, and its reason.
sub close_code { my ($payload) = @_; return length $payload >= 2 ? unpack('na*', $payload) : (1005, '') }

1;
