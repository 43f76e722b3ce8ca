# What a content says becomes jsonb without jsonb's parser where it is plain, and is the same, byte
# for byte; what is beside the content is kept; and what is refused is kept as a whole.
use strict;
use warnings;
use utf8;

use LocalHub;
use Mojo::JSON qw(decode_json encode_json);
use Test::More;
use WebchattTest;

my $t = WebchattTest->attached;
my $channel = $WebchattTest::CHANNEL;

# Contents as they are written.
my @plain = map { "{$_}" } '"text":"hello"', '"type":"text","text":"hello"', ' "text" : "b" , "type":"text"', "\n\t\"a\"\r:\"\"",
  '"":"empty name"', '"bb":"1","a":"2","ccc":"3","b":"4","aa":"5"', '"text":"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"te\\"xt":"quoted name"',
  '"text":"ÀÉ 漢字 😀 ﷽"', '"ключ":"value"', '"text":"' . 'x' x 127 . '"', '"text":"' . 'y' x 128 . '"', '"text":"' . "long \\n" x 3000 . '"',
  join(',', map { "\"k$_\":\"v$_\"" } 1 .. 8);
my @parsed = map { "{$_}" } '', '"text":"\\u00e9\\ud83d\\ude00"', '"text":"a","text":"b"', '"text":"a","te\\u0078t":"b"', '"text":1', '"a":true,"b":null',
  '"text":"a","inner":{"text":"b"}', '"list":["a","b"]', join(',', map { "\"k$_\":\"v$_\"" } 1 .. 20), '"n":1.50', '"n":1e5';
my @random = map
{
	'{' . join(' , ', map { '"' . join('', map { ('a', 'b', 'é', '\\n', '\\"', '漢')[rand 6] } 1 .. rand 4) . $_ . '":"' . join('', map { ('x', ' ', '\\\\', '\\t', '😀', '{', '}', ',', ':')[rand 9] } 1 .. rand 40) . '"' } 1 .. 1 + rand 8) . '}'
} 1 .. 60;
my @contents = (@plain, @parsed, @random);

for my $i (0 .. $#contents)
{
	my $body = qq({"eventType":"Message","channelId":"$channel","messageId":"c-$i","from":"v","content":$contents[$i]});
	utf8::encode($body);
	my $code = $t->post($body);
	is($code, 200, "content $i") or diag($body) if $code != 200 || $i % 20 == 0;
}
is($t->sql('SELECT count(*) FROM webchatt.messages'), scalar @contents, 'all contents are rows');

# What was stored, and what the parser makes of the same text, as they lie on their pages.
my $values = join ', ', map { my $c = $contents[$_]; utf8::encode($c); "($_, \$c\$$c\$c\$::jsonb)" } 0 .. $#contents;
$t->sql(qq{CREATE EXTENSION pageinspect;
	CREATE TABLE stored (n int, content jsonb);
	CREATE TABLE parsed (LIKE stored);
	ALTER TABLE stored ALTER content SET STORAGE PLAIN;
	ALTER TABLE parsed ALTER content SET STORAGE PLAIN;
	INSERT INTO stored SELECT substr(hub_message_id, 3)::int, content FROM webchatt.messages WHERE length(content::text) < 7000 ORDER BY 1;
	INSERT INTO parsed SELECT n, content FROM (VALUES $values) v (n, content) WHERE length(content::text) < 7000 ORDER BY 1});
my $pages = q{SELECT b || ',' || lp AS at, encode(t_data, 'hex') AS bytes
	FROM generate_series(0, pg_relation_size('%1$s') / 8192 - 1) b, heap_page_items(get_raw_page('%1$s', b::int))};
my ($stored, $parsed) = map { sprintf $pages, $_ } 'stored', 'parsed';
is($t->sql("SELECT count(*) > 80 FROM ($stored) s"), 't', 'of nearly all of them');
is($t->sql("SELECT count(*) FROM ($stored) s FULL JOIN ($parsed) p USING (at) WHERE s.bytes IS DISTINCT FROM p.bytes"), 0, 'the bytes are those of jsonb_in()');
is($t->sql(qq{SELECT count(*) FROM webchatt.messages m JOIN (VALUES $values) v (n, content) ON v.n = substr(m.hub_message_id, 3)::int WHERE m.content::text = v.content::text}),
	scalar @contents, 'and the long ones say the same');
is($t->sql('SELECT count(*) FROM webchatt.messages WHERE extra IS NOT NULL'), 0, 'nothing was beside them');

# --- what is beside the content, and names that are written otherwise ----------------

my %odd = (
	extra => ['"content":{"text":"a"},"mood":"good","nested":{"content":{"text":"no"}}', '{"text": "a"}', '{"mood": "good", "nested": {"content": {"text": "no"}}}'],
	twice => ['"content":{"text":"first"},"content":{"text":"last"}', '{"text": "last"}', ''],
	escaped => ['"content":{"text":"first"},"cont\\u0065nt":{"text":"last"}', '{"text": "last"}', ''],
	alone => ['"c\\u006fntent":{"text":"a"}', '{"text": "a"}', ''],
	known => ['"timestamp":1700000000,"channel":"web-chatt2me","content":{"text":"a"}', '{"text": "a"}', '']);
for my $id (sort keys %odd)
{
	is(scalar $t->post(qq({"eventType":"Message","channelId":"$channel","messageId":"$id","from":"v",$odd{$id}[0]})), 200, "event $id");
	is($t->sql("SELECT content, coalesce(extra::text, '') FROM webchatt.messages WHERE hub_message_id = '$id'"), "$odd{$id}[1]|$odd{$id}[2]", 'has its content and the rest');
}
$t->node->stop;

# --- what a visitor writes, refused -------------------------------------------------------

my $l = LocalHub->begin(name => 'local');
$l->sql(q{CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
	CREATE TRIGGER refuse AFTER INSERT ON webchatt.messages FOR EACH ROW WHEN (new.content ->> 'text' LIKE '%refuse%') EXECUTE FUNCTION refuse()});
my $v = $l->arrived;
my $said = $v->say('please refuse "this" \\ ');
is($v->acked($said), '', 'what a visitor writes is acknowledged, though it is refused');
my $reject = decode_json($l->sql('SELECT body FROM webchatt.rejects'));
my ($key, $visitor) = split /\|/, $l->sql('SELECT event_key, visitor FROM webchatt.rejects');
ok($reject->{timestamp} > 1_600_000_000, 'with its time');
delete $reject->{timestamp};
is_deeply($reject, { eventType => 'Message', channelId => $l->sql('SELECT channel_id FROM webchatt.rejects'), messageId => $key, from => $visitor,
	channel => 'web-chatt2me', content => { type => 'text', text => 'please refuse "this" \\ ' } }, 'the reject is the event that a hub would have sent');
$l->sql('DROP TRIGGER refuse ON webchatt.messages');
is($l->sql('SELECT webchatt.retry_reject(id) FROM webchatt.rejects'), 'stored', 'and comes back');
is($l->sql(q{SELECT content ->> 'text' FROM webchatt.messages}), 'please refuse "this" \\ ', 'as it was written');
done_testing();
