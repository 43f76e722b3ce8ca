# Files as webchatt-net sees them (doc/files.md): who may bring what, how much of it may be on the
# way, and what is served; with the test in the worker's place.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Corridor;
use Digest::SHA qw(sha256);
use IO::Select;
use JSON::PP ();
use RestApi;
use Test::More;
use Time::HiRes qw(sleep);

my $LOCAL = '6cbd6789-1d2b-47e0-9391-5eb91d2839ea';
my $OTHER = '6cbd6789-1d2b-47e0-9391-5eb91d2839eb';
my $REMOTE = '11111111-2222-4333-8444-555555555555';
my $PUBLIC_KEY = 'wpk_abcDEF-123_xyz';
my $ORIGIN = 'https://shop.example.com';
my $TOKEN = 'wct_' . 'T' x 43;
my $ID = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO-_';
my $ETAG = '"' . unpack('H32', "\1\2\3" . "\0" x 29) . '"';
my $CHUNK = 262144;

my $w = Corridor->open_door([[$REMOTE, 1]], public_url => 'https://chat.example.com', max_file_kb => 1024, address_files_kb => 1_000_000_000);
$w->put_local($LOCAL, $PUBLIC_KEY, 'Shop', $ORIGIN);
$w->put_local($OTHER, 'wpk_other_other_other', 'Other', 'https://other.example.com');
put_key($w, 7, $KEY);
put_key($w, 8, $KEY2, 6);

sub asks
{
	my ($method, $path, $body, @headers) = @_;
	return join("\r\n", "$method $path HTTP/1.1", 'Host: t', @headers, (defined $body ? 'Content-Length: ' . length $body : ()), '', $body // '');
}

my @WHO = ("Origin: $ORIGIN", "X-Webchatt-Token: $TOKEN");
my $Q = "?webChatId=$PUBLIC_KEY";
sub begins { my ($body, @headers) = @_; return asks('POST', "/files$Q", $body, @headers ? @headers : @WHO) }
sub piece { my ($offset, $bytes, @headers) = @_; return asks('PATCH', "/files/$ID$Q", $bytes, @WHO, "Upload-Offset: $offset", @headers) }
sub gets { my (@headers) = @_; return asks('GET', "/files/$ID/a.png", undef, @headers) }

# What is refused without a word to the worker, and may be read by a page of any origin.
sub expect
{
	my $r = refused($w, @_);
	is(header($r, 'Access-Control-Allow-Origin'), '*', "$_[0]: CORS");
	is(scalar(grep { $_->[0] =~ /^FILE_/ } @{ $w->{frames} }), 0, "$_[0]: the worker does not hear of it");
	return $r;
}

sub done { my ($m, %with) = @_; return $w->tell('FILE_DONE', request => $m->{request}, result => 'DONE', name => 'a.png', type => 'image/png', %with) }

# The answer to a FILE_READ, of a file with these bytes.
sub gives
{
	my ($m, $bytes, %with) = @_;
	return $w->tell('FILE_BYTES', request => $m->{request}, result => 'DONE', size => length $bytes, type => 'image/png', name => 'a.png', sha256 => "\1\2\3" . "\0" x 29,
		offset => $m->{offset}, bytes => $m->{most} && $m->{offset} < length $bytes ? substr($bytes, $m->{offset}, $m->{most}) : '', %with);
}

# A whole GET; the answer, and the FILE_READs that it took.
sub fetch
{
	my ($raw, $bytes, %with) = @_;
	my @reads;
	local $w->{on}{FILE_READ} = sub { push @reads, $_[0]; gives($_[0], $bytes, %with) };
	my $s = $w->dial;
	$w->put($s, $raw);
	my $r = $w->answer($s) // { status => 0, head => '', body => 'no answer' };
	return ($r, @reads);
}

my $BEGIN = '{"name":"a.png","size":70000,"type":"image/png"}';

subtest 'who may begin' => sub {
	expect('no token', 401, begins($BEGIN, "Origin: $ORIGIN"), 'token_missing');
	expect('no origin', 403, begins($BEGIN, $WHO[1]), 'origin_not_listed');
	expect("another channel's origin", 403, begins($BEGIN, 'Origin: https://other.example.com', $WHO[1]), 'origin_not_listed');
	expect("$_: origin", 403, begins($BEGIN, "Origin: $_", $WHO[1]), 'origin_not_listed')
	  for 'null', "$ORIGIN/", "$ORIGIN:443", 'https://SHOP.example.com', "$ORIGIN.evil.example", 'http://shop.example.com';
	expect('two origins', 400, begins($BEGIN, $WHO[0], $WHO[0], $WHO[1]), 'invalid_file');
	expect('two tokens', 400, begins($BEGIN, @WHO, $WHO[1]), 'invalid_file');
	expect('a token that cannot be', 401, begins($BEGIN, $WHO[0], 'X-Webchatt-Token: ' . 'x' x 200), 'token_unknown');
	for my $q ('', '?', '?webChatId=', '?webChatId=wpk_none_none_none_none', "?webChatId=$PUBLIC_KEY&webChatId=$PUBLIC_KEY", "?WEBCHATID=$PUBLIC_KEY", "?channel=$REMOTE")
	{
		expect("query \"$q\"", 404, asks('POST', "/files$q", $BEGIN, @WHO), 'unknown_channel');
	}
	expect('a key that is none', 401, begins($BEGIN, 'Authorization: Bearer x'), 'api_key_malformed');
	expect('a key of another scope', 403, begins($BEGIN, "Authorization: Bearer $KEY2"), 'api_key_scope');
	expect('another scheme', 400, begins($BEGIN, 'Authorization: Basic YTpi'), 'invalid_file');
	put_key($w, 9, "wck_" . 'C' x 43, 1, pack('H32', $OTHER =~ tr/-//dr));
	expect('a key for another channel', 404, begins($BEGIN, 'Authorization: Bearer wck_' . 'C' x 43), 'unknown_channel');
	for my $method (qw(GET PUT PATCH DELETE))
	{
		is($w->once(asks($method, "/files$Q", undef, @WHO))->{status}, 405, "$method /files: 405");
	}
};

subtest 'what is begun' => sub {
	for my $bad ('', 'x', '[]', '{}', '{"name":"a"}', '{"size":1}', '{"name":1,"size":1}', '{"name":"a","size":"1"}', '{"name":"a","size":0}', '{"name":"a","size":-1}',
		'{"name":"a","size":1.5}', '{"name":"a","size":1e300}', '{"name":"' . 'x' x 5000 . '","size":1}', '{"name":"a","size":null}')
	{
		expect('body ' . substr($bad, 0, 40), 400, begins($bad), 'invalid_file');
	}
	expect('too large', 413, begins('{"name":"a","size":1048577}'), 'file_too_large');
	expect('by far', 413, begins('{"name":"a","size":9007199254740991}'), 'file_too_large');
	my ($m, $r) = round_trip($w, begins('{"name":"../\u202egnp.<b>\"x\".png","size":70000}'), 'FILE_CALL', sub { done($_[0], size => 70000, name => $_[0]{name}) });
	is($m->{act}, 0, 'begin');
	is($m->{channel}, $LOCAL, 'its channel');
	is($m->{key}, 0, 'a visitor');
	is($m->{token_hash}, sha256($TOKEN), 'by the hash of the token');
	is($m->{name}, 'gnp.<b>"x".png', 'a name without folders, the right way round');
	is($m->{size}, 70000, 'the size');
	like($m->{file}, qr/\A[A-Za-z0-9_-]{43}\z/, 'an id');
	is($r->{status}, 201, '201');
	my $said = JSON::PP::decode_json($r->{body});
	is($said->{id}, $m->{file}, 'which the client hears');
	is($said->{url}, "https://chat.example.com/files/$m->{file}/gnp.%3Cb%3E%22x%22.png", 'in a URL');
	is_deeply([@$said{qw(offset chunk maxSize)}], [0, $CHUNK, 1048576], 'where it begins, and how much there may be');
	for (['x' x 300, 'x' x 255], ["\\u00e9" x 300, "\xc3\xa9" x 127], ['a/b\\\\c.png', 'c.png'], ['/', 'file'], ['\\u202e\\u2066', 'file'], ['a\\r\\n\\tb', 'a   b'], ['.. .', 'file'])
	{
		my ($given, $kept) = @$_;
		($m) = round_trip($w, begins(qq({"name":"$given","size":70000})), 'FILE_CALL', sub { done($_[0], size => 70000) });
		like($m->{name}, qr/\A\Q$kept\E\z/, 'a name ' . substr($given, 0, 20));
	}
	expect('a name with NUL', 400, begins('{"name":"a\u0000b","size":70000}'), 'invalid_file');
	my ($again) = round_trip($w, begins($BEGIN), 'FILE_CALL', sub { done($_[0], size => 70000) });
	isnt($again->{file}, $m->{file}, 'another has another id');
	($m) = round_trip($w, begins($BEGIN, "Authorization: Bearer $KEY"), 'FILE_CALL', sub { done($_[0], size => 70000) });
	is($m->{key}, 7, 'an application, by its key, from no page');
	($m) = round_trip($w, asks('POST', "/files?channel=$REMOTE", $BEGIN, "x-api-key: $KEY"), 'FILE_CALL', sub { done($_[0], size => 70000) });
	is($m->{channel}, $REMOTE, 'also for a channel of a remote hub');
	my %codes = (NO_VISITOR => [401, 'token_unknown'], FULL => [507, 'files_full'], MANY => [429, 'too_many_files'], BUSY => [503, 'busy'], NO_CHANNEL => [404, 'unknown_channel']);
	for my $result (sort keys %codes)
	{
		(undef, $r) = round_trip($w, begins($BEGIN), 'FILE_CALL', sub { done($_[0], result => $result) });
		is("$r->{status} " . JSON::PP::decode_json($r->{body})->{errorCode}, "@{ $codes{$result} }", "$result: @{ $codes{$result} }");
		ok(defined header($r, 'Retry-After'), "$result: Retry-After") if $r->{status} =~ /429|503/;
	}
	$w->configure(address_files_kb => 100);
	$w->until(5, sub { $w->once(begins('{"name":"a","size":1048577}')) });
	round_trip($w, begins('{"name":"a","size":204800}'), 'FILE_CALL', sub { done($_[0], size => 204800) });
	my $r2 = expect('so much from one address', 429, begins($BEGIN), 'too_many_files');
	is(header($r2, 'Retry-After'), 10, 'it may come later');
	$w->configure(address_files_kb => 1_000_000_000);
};

subtest 'preflight' => sub {
	for my $path ('/files', "/files$Q", "/files/$ID$Q", "/files/$ID/a.png")
	{
		my $r = $w->once(asks('OPTIONS', $path, undef, "Origin: $ORIGIN", 'Access-Control-Request-Method: PATCH', 'Access-Control-Request-Headers: upload-offset,x-webchatt-token'));
		is($r->{status}, 204, "$path: 204");
		is(header($r, 'Access-Control-Allow-Origin'), '*', "$path: origin");
		like(header($r, 'Access-Control-Allow-Methods'), qr/PATCH/, "$path: methods");
		like(header($r, 'Access-Control-Allow-Headers'), qr/X-Webchatt-Token.*Upload-Offset/, "$path: headers");
		is(header($r, 'Access-Control-Allow-Credentials'), undef, "$path: no credentials");
	}
};

subtest 'pieces' => sub {
	expect('no offset', 400, asks('PATCH', "/files/$ID$Q", 'x', @WHO), 'invalid_file');
	expect("offset $_", 400, piece($_, 'x'), 'invalid_file') for '-1', 'x', '', '1 2', '9223372036854775808', '0x10';
	expect('two offsets', 400, piece(0, 'x', 'Upload-Offset: 0'), 'invalid_file');
	expect('nothing', 400, piece(0, ''), 'invalid_file');
	expect('too much', 413, piece(0, 'x' x ($CHUNK + 1)), 'body_too_large');
	expect('a length that nobody sends', 413, asks('PATCH', "/files/$ID$Q", undef, @WHO, 'Upload-Offset: 0', 'Content-Length: 999999999999'), 'body_too_large');
	expect('no token', 401, asks('PATCH', "/files/$ID$Q", 'x', "Origin: $ORIGIN", 'Upload-Offset: 0'), 'token_missing');
	expect('no channel', 404, asks('PATCH', "/files/$ID", 'x', @WHO, 'Upload-Offset: 0'), 'unknown_channel');
	refused($w, 'no id', 404, asks('PATCH', "/files/$Q", 'x', @WHO, 'Upload-Offset: 0'), 'not_found');
	for my $path ('/files/x', "/files/$ID.png", "/files/x$ID", '/files/..%2f' . $ID, "/files//$ID", "/files/%00$ID", "/files/$ID%2e")
	{
		expect("PATCH $path", 404, asks('PATCH', "$path$Q", 'x', @WHO, 'Upload-Offset: 0'), 'unknown_file');
		is($w->once(asks('GET', $path))->{status}, 404, "GET $path");
	}
	my %types = ("\x89PNG\r\n\x1a\n<script>" => 'image/png', '<html><script>alert(1)</script>' => 'text/plain', '<svg onload=alert(1)>' => 'text/plain', "%PDF-1.4 <html>" => 'application/pdf',
		"\0\1\2" => 'application/octet-stream');
	for my $bytes (sort keys %types)
	{
		my ($m, $r) = round_trip($w, piece(0, $bytes), 'FILE_CALL', sub { done($_[0], at => length $bytes, size => 100) });
		is($m->{type}, $types{$bytes}, "bytes that are $types{$bytes}");
		is($m->{bytes}, $bytes, 'go to the worker');
		is("$r->{status} " . header($r, 'Upload-Offset'), '204 ' . length $bytes, 'and are confirmed');
	}
	my ($m, $r) = round_trip($w, piece(65536, 'x' x 4464), 'FILE_CALL', sub { done($_[0], at => 70000, size => 70000) });
	is("$m->{act} $m->{offset} $m->{file} $m->{type}", "1 65536 $ID ", 'the last piece');
	is($r->{status}, 200, 'says what the file is');
	is_deeply(JSON::PP::decode_json($r->{body}), { url => "https://chat.example.com/files/$ID/a.png", type => 'image/png', size => 70000, name => 'a.png' }, 'to be named in a message');
	(undef, $r) = round_trip($w, piece(1, 'x'), 'FILE_CALL', sub { done($_[0], result => 'OFFSET', at => 65536, size => 70000) });
	is("$r->{status} " . header($r, 'Upload-Offset'), '409 65536', 'another offset: 409, with the right one');
	(undef, $r) = round_trip($w, piece(0, 'x'), 'FILE_CALL', sub { done($_[0], result => 'NOT_FOUND') });
	is($r->{status}, 404, "somebody else's: 404");
	(undef, $r) = round_trip($w, piece(0, 'x'), 'FILE_CALL', sub { done($_[0], result => 'TYPE') });
	is($r->{status}, 415, 'a type that is not taken: 415');
	my $chunked = asks('PATCH', "/files/$ID$Q", undef, @WHO, 'Upload-Offset: 0', 'Transfer-Encoding: chunked') . sprintf("%x\r\n%s\r\n", 20000, 'y' x 20000) . "5\r\nhello\r\n0\r\n\r\n";
	($m, $r) = round_trip($w, $chunked, 'FILE_CALL', sub { done($_[0], at => 20005, size => 70000) });
	is(length $m->{bytes}, 20005, 'chunked: whole');
	my $s = $w->dial;
	$w->put($s, asks('PATCH', "/files/$ID$Q", undef, @WHO, 'Upload-Offset: 0', 'Transfer-Encoding: chunked') . ("10000\r\n" . 'y' x 65536 . "\r\n") x 5);
	is($w->answer($s)->{status}, 413, 'chunked without an end: 413');
	($m, $r) = round_trip($w, asks('HEAD', "/files/$ID$Q", undef, @WHO), 'FILE_CALL', sub { done($_[0], at => 16384, size => 70000) });
	is("$m->{act} $r->{status} " . header($r, 'Upload-Offset') . ' ' . header($r, 'Upload-Length'), '2 200 16384 70000', 'HEAD says how far it is');
	($m, $r) = round_trip($w, asks('DELETE', "/files/$ID$Q", undef, @WHO), 'FILE_CALL', sub { done($_[0]) });
	is("$m->{act} $r->{status}", '3 204', 'DELETE cancels it');
	(undef, $r) = round_trip($w, asks('DELETE', "/files/$ID$Q", undef, @WHO), 'FILE_CALL', sub { done($_[0], result => 'IN_USE') });
	is($r->{status}, 409, 'but not once a message names it');
};

subtest 'many from one address' => sub {
	my @calls;
	local $w->{on}{FILE_CALL} = sub { push @calls, $_[0] };
	my @slow = map { my $s = $w->dial; $w->put($s, substr(piece(0, 'x' x 1000), 0, -1)); $s } 1 .. 8;
	my $r = $w->until(5, sub { my $x = $w->once(piece(0, 'x')); return $x->{status} == 503 && $x });
	like($r->{body}, qr/too_many_from_address/, 'eight at a time');
	is(header($r, 'Retry-After'), 1, 'the next one may come later');
	my $s = $w->dial('127.0.0.2');
	$w->put($s, piece(0, 'x'));
	$w->until(5, sub { return scalar @calls });
	done($calls[0], at => 1, size => 2);
	is($w->answer($s)->{status}, 204, 'another address goes on');
	$w->put($_, 'x') for @slow;
	my $answered = 0;
	$w->until(5, sub { done($_, at => 1000, size => 2000) for splice @calls; return 1 }) for 1 .. 20;
	for my $s (@slow)
	{
		$w->until(5, sub { done($_, at => 1000, size => 2000) for splice @calls; my $n = sysread($s, my $buf, 4096); $answered++ if $n && $buf =~ /^HTTP.1.1 204/; return $n }, $s);
	}
	is($answered, 8, 'and so do they, once they are whole');
};

subtest 'many at once' => sub {
	my (@calls, @sockets);
	local $w->{on}{FILE_CALL} = sub { push @calls, $_[0] };
	for my $i (0 .. 63)
	{
		my $s = $w->dial('127.0.0.' . (2 + int($i / 8)));
		push @sockets, $s;
		# without their last bytes none is whole; those beyond the first 32 are not read
		syswrite($s, substr(asks('PATCH', '/files/' . sprintf('%043d', $i) . $Q, 'x' x $CHUNK, @WHO, 'Upload-Offset: 0'), 0, 20000));
	}
	my $sent = sub { my ($i) = @_; my $raw = asks('PATCH', '/files/' . sprintf('%043d', $i) . $Q, 'x' x $CHUNK, @WHO, 'Upload-Offset: 0'); return substr($raw, 20000) };
	my ($memory) = slurp("/proc/$w->{pid}/status") =~ /^VmRSS:\s+(\d+)/m;
	my @left = map { $sent->($_) } 0 .. 63;
	my %answered;
	my $most = 0;
	my ($rounds, $handled) = (0, 0);
	while (keys %answered < 64 && $rounds++ < 100_000)
	{
		for my $i (0 .. 63)
		{
			next unless length $left[$i];
			my $n = syswrite($sockets[$i], substr($left[$i], 0, 65536));
			substr($left[$i], 0, $n, '') if $n;
		}
		$w->take;
		$most = @calls if @calls > $most;
		if (@calls >= 4 || @calls >= 64 - $handled) { $handled += @calls; done($_, at => $CHUNK, size => 1048576) for splice @calls }
		for my $i (0 .. 63)
		{
			next if $answered{$i};
			my $n = sysread($sockets[$i], my $buf, 4096);
			$answered{$i} = $buf if $n;
		}
		sleep(0.001) if $rounds > 1000;
	}
	is(scalar(grep { /^HTTP\/1\.1 204 / } values %answered), 64, 'all of them arrive');
	is($most, 4, 'four at a time are with the worker');
	my ($after) = slurp("/proc/$w->{pid}/status") =~ /^VmHWM:\s+(\d+)/m;
	cmp_ok($after - $memory, '<', 40_000, 'in bounded memory') or diag("$memory kB, $after kB at most");
	my $r = $w->once(begins($BEGIN, "Origin: $ORIGIN"));
	is($r->{status}, 401, 'others are answered');
};

sub slurp { my ($path) = @_; open(my $fh, '<', $path) or return ''; local $/; return <$fh> }

my $FILE = join '', map { pack('N', $_) } 1 .. 50_000;    # 200,000 bytes

subtest 'what is served' => sub {
	my ($r, @reads) = fetch(gets(), $FILE);
	is($r->{status}, 200, '200');
	ok($r->{body} eq $FILE, 'all of it');
	is_deeply([map { [@$_{qw(file offset most)}] } @reads], [map { [$ID, 65536 * $_, 65536] } 0 .. 3], 'a piece at a time');
	is(header($r, 'Content-Type'), 'image/png', 'Content-Type');
	is(header($r, 'Content-Disposition'), q{inline; filename="a.png"; filename*=UTF-8''a.png}, 'Content-Disposition');
	is(header($r, 'ETag'), $ETAG, 'ETag');
	my %said = ('X-Content-Type-Options' => 'nosniff', 'Content-Security-Policy' => q{default-src 'none'; sandbox}, 'Cross-Origin-Resource-Policy' => 'cross-origin', 'Accept-Ranges' => 'bytes',
		'Access-Control-Allow-Origin' => '*', 'Cache-Control' => 'private, max-age=31536000, immutable', 'Referrer-Policy' => 'no-referrer');
	is(header($r, $_), $said{$_}, $_) for sort keys %said;
	($r) = fetch(gets(), $FILE, type => 'text/plain', name => qq(<b>"\xc3\xbc";\\.html));
	is(header($r, 'Content-Type'), 'text/plain; charset=utf-8', 'HTML is text');
	is(header($r, 'Content-Disposition'), q{attachment; filename="<b>______.html"; filename*=UTF-8''%3Cb%3E%22%C3%BC%22%3B%5C.html}, 'to be kept');
	for (['bytes=70000-70009', 70000, 10], ['bytes=-10', 199990, 10], ['bytes=199999-', 199999, 1], ['bytes=0-', 0, 200_000])
	{
		my ($range, $from, $n) = @$_;
		($r) = fetch(gets("Range: $range"), $FILE);
		is("$r->{status} " . header($r, 'Content-Range'), "206 bytes $from-" . ($from + $n - 1) . '/200000', "$range: 206");
		ok($r->{body} eq substr($FILE, $from, $n), "$range: those bytes");
	}
	for (['bytes=0-0', 0, 1], ['bytes=-1', 199999, 1], ['bytes=-200000', 0, 200_000], ['bytes=-99999999', 0, 200_000], ['bytes=199999-9223372036854775807', 199999, 1], ['BYTES= 0-1 ', 0, 2])
	{
		my ($range, $from, $n) = @$_;
		($r) = fetch(gets("Range: $range"), $FILE);
		is("$r->{status} " . header($r, 'Content-Range') . ' ' . header($r, 'Content-Length'), "206 bytes $from-" . ($from + $n - 1) . "/200000 $n", "$range: at an end");
		ok($r->{body} eq substr($FILE, $from, $n), "$range: those bytes");
	}
	for my $range ('bytes=-0', 'bytes=200000-200001', 'bytes=9223372036854775807-')
	{
		($r) = fetch(gets("Range: $range"), $FILE);
		is("$r->{status} " . header($r, 'Content-Range'), '416 bytes */200000', "$range: 416");
	}
	for my $range ('bytes=5-4', 'bytes=-', 'bytes=', 'bytes=x-1', 'bytes=0-99999999999999999999', 'items=0-1', 'bytes=0-1,', 'bytes=--1', '')
	{
		($r) = fetch(gets("Range: $range"), $FILE);
		is("$r->{status} " . length $r->{body}, '200 200000', "\"$range\" is no range: all of it");
	}
	($r) = fetch(gets('Range: bytes=0-0', 'Range: bytes=1-1'), $FILE);
	is($r->{status}, 200, 'two of them: all of it');
	for my $if ("W/$ETAG", 'Sun, 29 Nov 2026 12:00:00 GMT', '*', '')
	{
		($r) = fetch(gets('Range: bytes=70000-70009', "If-Range: $if"), $FILE);
		is($r->{status}, 200, "If-Range: \"$if\": all of it");
	}
	for my $name ("a\r\nSet-Cookie: x=1\r\n\r\n<b>", "a\0b.png", "\xe2\x80\xaegnp.exe", '../../etc/passwd', 'a";x="b', "\xff\xfe.png", 'x' x 255, "\xc3\xa9" x 127, '%0d%0a', '')
	{
		($r) = fetch(gets(), 'x', name => $name);
		my $said = header($r, 'Content-Disposition');
		like($said, qr/\Ainline; filename="[ !#-\[\]-~]*"; filename\*=UTF-8''[A-Za-z0-9._~%-]*\z/, 'Content-Disposition of ' . JSON::PP->new->latin1->canonical->allow_nonref->encode(substr($name, 0, 20)));
		is($said =~ s/.*''//sr =~ s/%([0-9A-F]{2})/chr hex $1/ger, $name, 'which has the name');
		is(scalar(grep { lc eq 'set-cookie' } map { /^([^:]*):/ ? $1 : () } split /\r\n/, $r->{head}), 0, 'and is one header');
	}
	($r) = fetch(gets('Range: bytes=200000-'), $FILE);
	is("$r->{status} " . header($r, 'Content-Range'), '416 bytes */200000', 'behind the end: 416');
	($r, @reads) = fetch(gets('Range: bytes=' . join(',', map { "$_-$_" } 1 .. 200)), $FILE);
	is("$r->{status} " . scalar @reads, '200 4', 'two hundred ranges: the file, once');
	($r, @reads) = fetch(gets("If-None-Match: $ETAG"), $FILE);
	is("$r->{status} $r->{body}", '304 ', 'who has it hears so');
	($r) = fetch(gets('Range: bytes=70000-70009', "If-Range: $ETAG"), $FILE);
	is($r->{status}, 206, 'If-Range with the ETag: 206');
	($r) = fetch(gets('Range: bytes=70000-70009', 'If-Range: "other"'), $FILE);
	ok($r->{status} == 200 && $r->{body} eq $FILE, 'with another: all of it');
	($r) = fetch(gets(), '', result => 'NOT_FOUND');
	is($r->{status}, 404, 'no such file: 404');
	($r) = fetch(gets(), '', result => 'BUSY');
	is($r->{status}, 503, 'not now: 503');
	is($w->once(asks('PUT', "/files/$ID$Q", 'x', @WHO))->{status}, 405, 'PUT: 405');
};

subtest 'readers that are slow, or go' => sub {
	my $large = 'z' x (20 * 1024 * 1024);
	my @reads;
	local $w->{on}{FILE_READ} = sub { push @reads, $_[0]; gives($_[0], $large) };
	my $s = $w->dial;
	setsockopt($s, Socket::SOL_SOCKET, Socket::SO_RCVBUF, 4096);
	$w->put($s, gets());
	$w->until(5, sub { return @reads > 2 });
	my $seen = -1;
	while ($seen != @reads) { $seen = @reads; $w->until(0.3, sub { return 0 }) }
	cmp_ok(scalar @reads, '<', 150, 'who does not read is not read for') or diag(scalar @reads);
	close $s;
	is($w->once(begins($BEGIN, "Origin: $ORIGIN"))->{status}, 401, 'and may go');
	my $n = 0;
	local $w->{on}{FILE_READ} = sub { gives($_[0], $FILE, $n++ ? (result => 'NOT_FOUND', bytes => '') : ()) };
	$s = $w->dial;
	$w->put($s, gets());
	my $r = $w->answer($s);
	ok($r->{closed} || length $r->{body} < length $FILE, 'a file that is deleted meanwhile ends');
	my @held;
	local $w->{on}{FILE_READ} = sub { push @held, $_[0] };
	my @waiting = map { my $x = $w->dial; $w->put($x, gets()); $x } 1 .. 64;
	$w->until(5, sub { return @held == 64 });
	is(scalar @held, 64, 'so many from one address');
	is($w->once(gets())->{status}, 503, 'and no more');
	gives($_, 'x') for @held;
	is(scalar(grep { ($w->answer($_) // { status => 0 })->{status} == 200 } @waiting), 64, 'each is answered');
	is((fetch(gets(), $FILE))[0]{status}, 200, 'then there is room again');
};

subtest 'a worker that does not answer' => sub {
	$w->configure(ack_timeout_ms => 300, request_timeout_ms => 1000);
	my ($m, $r) = round_trip($w, piece(0, 'x'), 'FILE_CALL', sub { });
	is($r->{status}, 503, 'a piece: 503');
	like($r->{body}, qr/commit_timeout/, 'which may come again');
	done($m, at => 1, size => 2);
	(undef, $r) = round_trip($w, gets(), 'FILE_READ', sub { });
	is($r->{status}, 503, 'a GET: 503');
	my @late;
	local $w->{on}{FILE_READ} = sub { push @late, $_[0]; gives($_[0], $FILE) if @late == 1 };
	my $s = $w->dial;
	$w->put($s, gets());
	ok($w->closes($s), 'one that had begun is cut');
	gives($late[1], $FILE);
	$s = $w->dial;
	$w->put($s, substr(piece(0, 'x' x 1000), 0, -1));
	is($w->answer($s)->{status}, 408, 'a piece that does not come: 408');
	is($w->once(begins($BEGIN, "Origin: $ORIGIN"))->{status}, 401, 'others are answered');
};

subtest 'metrics' => sub {
	my $value = sub { my ($name) = @_; my ($v) = $w->once(asks('GET', '/metrics'))->{body} =~ /^\Q$name\E (\S+)$/m; return $v };
	$w->tell('FILE_TOTALS', files => 7, arriving => 2, bytes => 123456789012);
	$w->until(5, sub { return $value->('webchatt_files_bytes') });
	is(join(' ', map { $value->($_) } 'webchatt_files{state="whole"}', 'webchatt_files{state="arriving"}', 'webchatt_files_bytes'), '5 2 123456789012', 'what the worker says is there');
	my %before = map { $_ => $value->($_) } my @names = ((map { "webchatt_files_${_}_total" } qw(begun stored cancelled)), 'webchatt_file_bytes_total{way="in"}', 'webchatt_file_bytes_total{way="out"}',
		'webchatt_http_refused_total{status="415",reason="file_type_refused"}');
	$w->configure(ack_timeout_ms => 60_000, request_timeout_ms => 60_000);
	my $pieces = $value->('webchatt_file_pieces');
	my $s = $w->dial('127.0.0.9');
	my $raw = piece(0, 'x' x 1000);
	$w->put($s, substr($raw, 0, -1));
	$w->until(5, sub { return $value->('webchatt_file_pieces') == $pieces + 1 });
	is($value->('webchatt_file_pieces'), $pieces + 1, 'a piece that arrives');
	my @calls;
	{
		local $w->{on}{FILE_CALL} = sub { push @calls, $_[0] };
		$w->put($s, substr($raw, -1));
		$w->until(5, sub { return scalar @calls });
	}
	done($calls[0], at => 1000, size => 1000);
	is($w->answer($s)->{status}, 200, 'is the last one');
	is($value->('webchatt_file_pieces'), $pieces, 'and no more under way');
	{
		local $w->{on}{FILE_CALL} = sub { done($_[0], size => 70000) };
		$s = $w->dial('127.0.0.9');
		$w->put($s, begins($BEGIN));
		is($w->answer($s)->{status}, 201, 'another is begun');
	}
	round_trip($w, piece(0, 'y' x 100), 'FILE_CALL', sub { done($_[0], result => 'TYPE') });
	round_trip($w, asks('DELETE', "/files/$ID$Q", undef, @WHO), 'FILE_CALL', sub { done($_[0]) });
	fetch(gets(), $FILE);
	is(join(' ', map { $value->($_) - $before{$_} } @names), '1 1 1 1000 200000 1', 'what was begun, stored, cancelled, written, served and refused');
	is($value->('webchatt_file_fetches') . $value->('webchatt_file_pieces_bytes'), '00', 'nothing is under way');
};

$w->close_door if $w->can('close_door');
done_testing();
