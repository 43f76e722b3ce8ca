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
is((asks('GET', "/files/$f->{id}", headers => { Range => "bytes=$_-" }))[0], 416, "bytes=$_-: 416") for 5_000_000_000, 9_223_372_036_854_775_807;
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

# --- nobody else's -----------------------------------------------------------

my ($other_channel, $other_key) = $t->make_channel('Other', $LocalHub::ORIGIN);
my $stranger = $t->visitor(key => $other_key);
Visitor::until(sub { $stranger->connect; return $stranger->welcomed(2) }, 20);
my ($status, $half) = begin({ name => 'half.txt', size => 40_000 });
is($status, 201, 'a file is begun');
is((piece($half->{id}, 0, 'h' x 20_000))[0], 204, 'its first half');
for ([ 'another visitor', as => $other ], [ 'another channel', as => $stranger, key => $other_key ])
{
	my ($who, %as) = @$_;
	is((piece($half->{id}, 20_000, 'h' x 20_000, %as))[0], 404, "$who does not go on with it");
	is((asks('HEAD', "/files/$half->{id}?webChatId=" . ($as{key} // $t->{key}), as => $as{as}))[0], 404, 'nor sees how far it is');
	is((asks('DELETE', "/files/$half->{id}?webChatId=" . ($as{key} // $t->{key}), as => $as{as}))[0], 404, 'nor cancels it');
}
is((begin({ name => 'x', size => 1 }, as => $v, key => $other_key))[0], 401, "a token is another channel's nobody's");
is((begin({ name => 'x', size => 1 }, as => { token => 'wct_' . 'x' x 43 }))[0], 401, 'a token that nobody has');
is((asks('GET', "/files/$half->{id}", as => undef))[0], 404, 'what is not whole is not served');
is((asks('GET', '/files/' . 'A' x 43, as => undef))[0], 404, 'nor what is not there');

# An error for a message that names what is not its visitor's.
sub refused_content
{
	my ($who, $content, $name) = @_;
	my $mark = $who->mark;
	my $id = $who->say($content);
	my $error = $who->got(sub { $_->{type} eq 'error' && ($_->{id} // '') eq $id }, 20, $mark);
	is($error && $error->{code}, 'bad_content', $name);
	delete $who->{unacked}{$id};
	return;
}
refused_content($other, { type => 'image', imageUrl => $f->{url} }, 'another visitor cannot name it');
refused_content($stranger, { type => 'image', imageUrl => $f->{url} }, 'nor one of another channel');
refused_content($v, { type => 'image', imageUrl => $half->{url} }, 'what is not whole cannot be named');
refused_content($v, { type => 'video', videoUrl => $f->{url} }, 'nor a picture as a video');
refused_content($v, { type => 'image', imageUrl => $_ }, "nor $_") for 'https://evil.example.com/a.png', 'javascript:alert(1)', "$f->{url}?x=1", "$f->{url}/../x", 'data:image/png;base64,AAAA',
  $t->base_url . '/files/' . 'A' x 43, '';
$said = $v->say({ type => 'document', documentUrl => "https://elsewhere.example.com/files/$f->{id}/x.png", filename => 'x.png' });
ok($v->acked($said), 'a URL of another host with an id of ours');
is($t->sql(q{SELECT content->>'documentUrl' FROM webchatt.messages WHERE content->>'type' = 'document'}), $t->base_url . "/files/$f->{id}/x.png", 'becomes ours');

# --- offsets -----------------------------------------------------------------

($status, $body, $headers) = piece($half->{id}, 10_000, 'h' x 20_000);
is("$status " . $headers->header('Upload-Offset'), '409 20000', 'an offset in the middle: 409, with the right one');
($status, $body, $headers) = piece($half->{id}, 30_000, 'h' x 10_000);
is("$status " . $headers->header('Upload-Offset'), '409 20000', 'one beyond: the same');
is((piece($half->{id}, 20_000, 'h' x 100))[0], 409, 'a piece that is too small is not taken');
is((piece($half->{id}, 20_000, 'h' x 20_001))[0], 409, 'nor one that is longer than the file');
($status, $body, $headers) = piece($half->{id}, 0, 'h' x 20_000);
is("$status " . $headers->header('Upload-Offset'), '204 20000', 'the same piece again does no harm');
($status, $body, $headers) = asks('HEAD', "/files/$half->{id}?webChatId=$t->{key}");
is("$status " . $headers->header('Upload-Offset') . ' ' . $headers->header('Upload-Length'), '200 20000 40000', 'HEAD says where to go on');

# --- kill -9 in the middle -----------------------------------------------------

my $net = $t->sql('SELECT net_pid FROM webchatt.status');
kill 'KILL', $net;
$t->wait_for("SELECT net_pid <> $net AND net_pid > 0 AND listening IS NOT NULL FROM webchatt.status", 'webchatt-net is there again');
Visitor::until(sub { ($status, $body, $headers) = eval { piece($half->{id}, 20_000, 'h' x 20_000) }; return $status && $status == 200 }, 30);
is($status, 200, 'after kill -9 of webchatt-net it goes on where it was');
is($t->sql("SELECT encode(sha256, 'hex') FROM webchatt.files WHERE id = '$half->{id}'"), sha256_hex('h' x 40_000), 'and is whole');
($status, $body) = piece($half->{id}, 20_000, 'h' x 20_000);
is("$status $body->{type}", '200 text/plain', 'its last piece again');

my ($status2, $third) = begin({ name => 'third.bin', size => 2_000_000 });
my $big = $PNG . bytes(2_000_000 - length $PNG, 7);
is((piece($third->{id}, 0, substr($big, 0, 262144)))[0], 204, 'another one, its first piece');
$t->node->stop('immediate');
$t->node->start;
$t->wait_ready;
my $at = 0;
Visitor::until(sub { ($status, $body, $headers) = eval { asks('HEAD', "/files/$third->{id}?webChatId=$t->{key}") }; return $status && $status == 200 }, 60);
is($at = $headers->header('Upload-Offset'), 262144, 'after a crash of the server what was acknowledged is there');
while ($at < length $big)
{
	($status, $body) = piece($third->{id}, $at, substr($big, $at, 262144));
	last if $status >= 300;
	$at += 262144;
}
is("$status $body->{type}", '200 image/png', 'and the rest follows');
is($t->sql("SELECT encode(sha256, 'hex') FROM webchatt.files WHERE id = '$third->{id}'"), sha256_hex($big), 'byte for byte');
is(sha256_hex((asks('GET', "/files/$third->{id}", as => undef))[3]), sha256_hex($big), 'as it is served');

# --- types and quotas ------------------------------------------------------------

for ([ 'a.png', '<html><script>alert(1)</script>' . ' ' x 20_000, 'text/plain', 'attachment' ], [ 'a.html', $PNG . 'x' x 20_000, 'image/png', 'inline' ], [ 'a.svg', '<svg onload=alert(1)>', 'text/plain', 'attachment' ])
{
	my ($name, $bytes, $type, $how) = @$_;
	my $file = bring($name, $bytes);
	is($file->{type}, $type, "$name: $type");
	($code, $body, $headers) = asks('GET', "/files/$file->{id}/$name", as => undef);
	like($headers->header('Content-Type') . ' ' . $headers->header('Content-Disposition'), qr/\A\Q$type\E.* $how;/, "$name: $how");
}
my ($odd_status, $odd) = begin({ name => 'a.exe', size => 20_000 });
is((piece($odd->{id}, 0, "MZ\0" . 'x' x 19_997))[0], 415, 'what is none of file_types: 415');
is($t->sql("SELECT count(*) FROM webchatt.files WHERE id = '$odd->{id}'"), '0', 'and is gone');
is((begin({ name => 'a', size => 3 * 1024 * 1024 + 1 }))[0], 413, 'too large: 413');
my $many = $t->arrived;
my @begun = map { (begin({ name => 'a', size => 100 }, as => $many))[0] } 1 .. 9;
is("@begun", '201 ' x 8 . '429', 'so many at a time by one visitor');
my $rich = $t->arrived;
my @big = map { my $file = bring("$_.txt", 'q' x 2_900_000, as => $rich); $file->{id} } 1 .. 7;
is((begin({ name => 'a', size => 1_000_000 }, as => $rich))[0], 507, 'over the quota: 507');
is((asks('DELETE', "/files/$big[0]?webChatId=$t->{key}", as => $rich))[0], 204, 'one of them is dropped');
is((begin({ name => 'a', size => 1_000_000 }, as => $rich))[0], 201, 'which makes room');
is((asks('DELETE', "/files/$f->{id}?webChatId=$t->{key}"))[0], 409, 'what a message names is not dropped');
my $crumbs = $t->arrived;
$t->sql("INSERT INTO webchatt.files (channel_id, id, visitor, name, type, size, received, sha256, state)
	SELECT '$t->{channel}', 'crumb' || lpad(n::text, 38, '0'), '$crumbs->{visitor}', 'a', 'text/plain', 1, 1, sha256('a'), 'whole' FROM generate_series(1, 20 * 64 - 1) n");
is((begin({ name => 'a', size => 1 }, as => $crumbs))[0], 201, 'files of a byte');
is((begin({ name => 'a', size => 1 }, as => $crumbs))[0], 507, 'are bounded, too');
$t->sql("DELETE FROM webchatt.files WHERE visitor = '$crumbs->{visitor}'");

# --- users of the site -----------------------------------------------------------

is((begin({ name => 'x', size => 1 }, as => $stranger, key => $other_key))[0], 201, 'an anonymous visitor brings a file');
$t->sql("UPDATE webchatt.channels SET identity = 'required' WHERE id = '$other_channel'");
is((begin({ name => 'x', size => 1 }, as => $stranger, key => $other_key))[0], 401, 'not where an identity is required');
my ($nobody, $somebody) = ($t->arrived, $t->arrived);
my $theirs = bring('before.txt', 'b' x 100, as => $nobody);
$t->sql("UPDATE webchatt.visitors SET user_id = '7' WHERE id = '$somebody->{visitor}'; SELECT webchatt._join('$t->{channel}', '$nobody->{visitor}', '$somebody->{visitor}')");
is($t->sql("SELECT visitor FROM webchatt.files WHERE id = '$theirs->{id}'"), $somebody->{visitor}, 'files are the user\'s as soon as the visitor is');

# --- applications, SQL, the sweep ------------------------------------------------

my $api = $t->sql(q{SELECT webchatt.create_api_key('shop floor')});
my %by_key = (as => undef, headers => { Origin => undef, Authorization => "Bearer $api" });
Visitor::until(sub { ($status, $body) = begin({ name => 'invoice.pdf', size => 20_000 }, %by_key); return $status == 201 }, 20);
is($status, 201, 'an application brings one by its key');
is((piece($body->{id}, 0, '%PDF-1.4' . ' ' x 19_992, as => $v))[0], 404, 'no visitor goes on with it');
my ($whole, $pdf) = piece($body->{id}, 0, '%PDF-1.4' . ' ' x 19_992, as => undef, headers => { Origin => undef, Authorization => "Bearer $api" });
is("$whole $pdf->{type}", '200 application/pdf', 'the application does');
is($t->sql("SELECT author || ' ' || coalesce(visitor, 'nobody') FROM webchatt.files WHERE id = '$body->{id}'"), 'shop floor nobody', 'it is the application\'s');
my $url = $t->sql("SELECT webchatt.add_file('$t->{channel}', 'Größe.txt', convert_to('Größe: 42', 'UTF8'), author => 'ana')");
is((asks('GET', $url =~ s/.*(?=\/files\/)//r, as => undef))[3], "Gr\xc3\xb6\xc3\x9fe: 42", 'add_file(): is served');
is($t->sql("SELECT convert_from(webchatt.file_bytes('$url'), 'UTF8')"), 'Größe: 42', 'file_bytes()');
my $reader = $t->arrived;
my $sent = $t->sql("SELECT webchatt.send_message('$t->{channel}', '$reader->{visitor}', jsonb_build_object('type', 'document', 'documentUrl', '$url', 'filename', 'Größe.txt'))");
ok($reader->got(sub { $_->{type} eq 'message' && $_->{id} eq $sent }), 'it is sent');
is($t->sql("SELECT messages FROM webchatt.file_overview WHERE url = '$url'"), '1', 'and named');

my $unnamed = $t->sql(q{SELECT count(*) FROM webchatt.file_overview WHERE messages = 0});
cmp_ok($unnamed, '>', 5, 'files that no message names');
my ($held, @late) = sort map { $t->sql("SELECT webchatt._file_id(webchatt.add_file('$t->{channel}', '$_.txt', 'x'))") } 1 .. 6;
my $sender = $t->session;
$sender->query("BEGIN; SELECT webchatt.send_message('$t->{channel}', '$reader->{visitor}', jsonb_build_object('type', 'document', 'documentUrl', webchatt._file_url('$held', 'x.txt'), 'filename', 'x.txt'))");
$t->sql("UPDATE webchatt.files SET created_at = created_at - interval '2 days'");
$t->sql('ALTER DATABASE postgres SET webchatt.file_sweep_after = 60');
$t->sql('SELECT pg_reload_conf()');
$t->wait_for("SELECT NOT EXISTS (SELECT FROM webchatt.file_overview WHERE messages = 0 AND id <> '$held')", 'are swept, also behind one that is being sent');
$sender->query('COMMIT');
is($t->sql("SELECT messages FROM webchatt.file_overview WHERE id = '$held'"), '1', 'which stays');
is($t->sql('SELECT count(*) FROM webchatt.file_overview'), '3', 'as the others that are named');
is($t->sql('SELECT count(*) FROM webchatt.file_chunks c WHERE NOT EXISTS (SELECT FROM webchatt.files f WHERE f.id = c.file_id)'), '0', 'with no bytes of others');
$t->sql("DELETE FROM webchatt.messages WHERE id = '$sent'");
$t->wait_for("SELECT webchatt.file_bytes('$url') IS NULL", 'a file goes after its message');
is($t->sql("SELECT webchatt.delete_file('$f->{url}')"), 't', 'delete_file()');
is((asks('GET', "/files/$f->{id}", as => undef))[0], 404, 'at once');

done_testing();
