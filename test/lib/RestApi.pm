# What the tests of webchatt-net's REST API share: keys, requests that are
# refused, and one whole round through the worker, which the test plays (Corridor.pm).
package RestApi;

use strict;
use warnings;

use Digest::SHA qw(sha256);
use Exporter qw(import);
use JSON::PP ();
use MIME::Base64 qw(encode_base64url);
use Test::More;

our @EXPORT = qw($KEY $KEY2 put_key header asked_nothing refused round_trip);
# What an error says for a person.
our $SENTENCE = qr/\A[A-Z].*\w \w.*[.]\z/;
our ($KEY, $KEY2) = map { 'wck_' . encode_base64url(sha256($_)) } 1, 2;

sub put_key
{
	my ($w, $id, $key, $scopes, @channels) = @_;
	return $w->tell('KEY_PUT', id => $id, hash => sha256($key), scopes => $scopes // 7, channels => \@channels);
}

sub header
{
	my ($r, $name) = @_;
	my @values = $r->{head} =~ /^\Q$name\E: ([^\r\n]*)/gmi;
	return @values ? join('|', @values) : undef;
}

# A frame of another kind behind it says that nothing was asked before.
sub asked_nothing
{
	my ($w, $name) = @_;
	is(scalar(grep { $_->[0] =~ /^API_(?:SEND|CALL)\z/ } @{ $w->{frames} }), 0, "$name: the worker is not asked");
	return;
}

# An answer that webchatt-net gives without the worker.
sub refused
{
	my ($w, $name, $status, $raw, $code) = @_;
	my $r = $w->once($raw);
	is($r->{status}, $status, $name) or diag("$r->{head}\n$r->{body}");
	my $json = eval { JSON::PP::decode_json($r->{body}) } // {};
	is($json->{errorCode}, $code, "$name: its code");
	like($json->{errorMessage} // '', $SENTENCE, "$name: a sentence for a person");
	like(header($r, 'Content-Type') // '', qr{^application/json}, "$name: JSON");
	asked_nothing($w, $name);
	return $r;
}

# One request, what the worker is asked (a frame of that name), what answers it, and what the client sees.
sub round_trip
{
	my ($w, $raw, $name, $answer) = @_;
	my $s = $w->dial;
	$w->put($s, $raw);
	my $asked = $w->wait_frame($name) or return ({}, { status => 0, head => '', body => 'nothing was asked' });
	$answer->($asked);
	return ($asked, $w->answer($s) // { status => 0, head => '', body => 'no answer' });
}

1;
