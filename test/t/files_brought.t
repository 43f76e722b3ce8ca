# Files: a visitor brings one and names it, everybody who has the URL fetches it, nobody else's
# is to be had; what no message names goes.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use LocalHub;
use MIME::Base64 qw(encode_base64);
use Mojo::JSON qw(decode_json encode_json);
use Mojo::UserAgent;
use Test::More;

my $t = LocalHub->begin(conf => join "\n", 'webchatt.max_file_size = 3MB', 'webchatt.visitor_file_quota = 20MB', 'webchatt.address_files_per_hour = 10000000kB');
my $ua = Mojo::UserAgent->new(max_redirects => 0, inactivity_timeout => 180);
my $v = $t->arrived;
my $other = $t->arrived;
my $PNG = "\x89PNG\r\n\x1a\n" . "\0\0\0\rIHDR";

# Bytes of so many, the same each time.
sub bytes
{
	my ($n, $seed) = @_;
	my $all = '';
	$all .= pack('N', length($all) * 2654435761 + ($seed // 0) & 0xffffffff) while length $all < $n;
	return substr($all, 0, $n);
}

sub asks
{
	my ($method, $path, %args) = @_;
	my %headers = (Origin => $LocalHub::ORIGIN, %{ $args{headers} // {} });
	$headers{'X-Webchatt-Token'} = ($args{as} // $v)->{token} unless exists $args{as} && !$args{as};
	delete $headers{$_} for grep { !defined $headers{$_} } keys %headers;
	my $tx = $ua->start($ua->build_tx($method => $t->base_url . $path => \%headers => $args{body} // ''));
	return ($tx->res->code // 0, eval { decode_json($tx->res->body) } // $tx->res->body, $tx->res->headers, $tx->res->body);
}

sub begin { my ($what, %args) = @_; return asks('POST', '/files?webChatId=' . ($args{key} // $t->{key}), body => encode_json($what), %args) }

sub piece
{
	my ($id, $offset, $bytes, %args) = @_;
	return asks('PATCH', "/files/$id?webChatId=" . ($args{key} // $t->{key}), body => $bytes, %args, headers => { 'Upload-Offset' => $offset, %{ $args{headers} // {} } });
}

# A whole file; what the last answer said.
sub bring
{
	my ($name, $bytes, %args) = @_;
	my ($code, $made) = begin({ name => $name, size => length $bytes }, %args);
	is($code, 201, "$name: begun") or diag(explain $made);
	my ($status, $said, $at) = (0, {}, 0);
	while ($at < length $bytes)
	{
		($status, $said) = piece($made->{id}, $at, substr($bytes, $at, $made->{chunk}), %args);
		$at += $made->{chunk};
		last if $status >= 300;
	}
	is($status, 200, "$name: whole") or diag(explain $said);
	return { %$made, %{ ref $said ? $said : {} } };
}

# --- from the first piece to the message -----------------------------------

my $picture = $PNG . bytes(1_000_000);
my $f = bring('a shoe.png', $picture);
is($f->{type}, 'image/png', 'the type is what the bytes say');
is($f->{size}, length $picture, 'the size');
is($f->{url}, $t->base_url . "/files/$f->{id}/a%20shoe.png", 'the URL');
like($f->{id}, qr/\A[A-Za-z0-9_-]{43}\z/, 'an id of 256 bits');
my ($code, $body, $headers, $raw) = asks('GET', "/files/$f->{id}/a%20shoe.png", as => undef, headers => { Origin => undef });
is($code, 200, 'whoever has the URL fetches it');
is(sha256_hex($raw), sha256_hex($picture), 'byte for byte');
is($headers->header('Content-Type'), 'image/png', 'Content-Type');
is($headers->header('Content-Length'), length $picture, 'Content-Length');
is($headers->header('Content-Disposition'), q{inline; filename="a shoe.png"; filename*=UTF-8''a%20shoe.png}, 'Content-Disposition');
is($headers->header('X-Content-Type-Options'), 'nosniff', 'nosniff');
is($headers->header('Content-Security-Policy'), q{default-src 'none'; sandbox}, 'CSP');
is($headers->header('Cache-Control'), 'private, max-age=31536000, immutable', 'Cache-Control');
is($t->sql("SELECT encode(sha256, 'hex') FROM webchatt.files"), sha256_hex($picture), 'its SHA-256 is in the table');
is($t->sql('SELECT max(length(data)) || \' \' || count(*) FROM webchatt.file_chunks'), '262144 4', 'in chunks');
my $etag = $headers->header('ETag');

for (['bytes=0-9', 0, 10], ['bytes=300000-', 300000, length($picture) - 300000], ['bytes=-5', length($picture) - 5, 5],
	['bytes=262140-262150', 262140, 11], ['bytes=999999-99999999', 999999, length($picture) - 999999])
{
	my ($range, $from, $n) = @$_;
	($code, undef, $headers, $raw) = asks('GET', "/files/$f->{id}", headers => { Range => $range });
	is($code, 206, "$range: 206");
	is(sha256_hex($raw), sha256_hex(substr($picture, $from, $n)), "$range: those bytes");
	is($headers->header('Content-Range'), "bytes $from-" . ($from + $n - 1) . '/' . length $picture, "$range: Content-Range");
}
($code, undef, $headers) = asks('GET', "/files/$f->{id}", headers => { Range => 'bytes=99999999-' });
is($code . $headers->header('Content-Range'), '416bytes */' . length $picture, 'none of it: 416');
is((asks('GET', "/files/$f->{id}", headers => { 'If-None-Match' => $etag }))[0], 304, 'If-None-Match: 304');
is((asks('GET', "/files/$f->{id}", headers => { Range => 'bytes=0-9', 'If-Range' => $etag }))[0], 206, 'If-Range, the same: 206');
is((asks('GET', "/files/$f->{id}", headers => { Range => 'bytes=0-9', 'If-Range' => '"x"' }))[0], 200, 'If-Range, another: 200');
is((asks('GET', "/files/$f->{id}", headers => { Range => 'bytes=0-9,20-29' }))[0], 200, 'several ranges: all of it');
($code, undef, $headers, $raw) = asks('HEAD', "/files/$f->{id}", as => undef);
is("$code $raw " . $headers->header('Content-Length'), '200  ' . length $picture, 'HEAD');

my $said = $v->say({ type => 'image', imageUrl => $f->{url}, text => 'this one' });
ok($v->acked($said), 'a message names it');
is($t->sql(q{SELECT content->>'imageUrl' FROM webchatt.messages WHERE direction = 'in'}), $f->{url}, 'as the hub would');
is($t->sql('SELECT messages FROM webchatt.file_overview'), '1', 'which is noted');

done_testing();
