# Persons who are erased: nothing of them is left in any column of any table, and nothing of anybody else is gone; persons
# who are handed out; and what should not have been typed, and is replaced. In SQL and by the REST API.
use strict;
use warnings;

use Endpoint;
use LocalHub;
use Mojo::JSON qw(decode_json encode_json);
use Mojo::UserAgent;
use Test::More;

my $t = LocalHub->begin(limits => $LocalHub::WIDE, conf => "webchatt.webhook_allowed_addresses = '127.0.0.0/8'\nwebchatt.public_url = 'https://chat.example.com'");
my $c = $t->{channel};
my $endpoint = Endpoint->new;
my $ua = Mojo::UserAgent->new(inactivity_timeout => 180);

# It answers with what it was told, so the log of deliveries has that.
$endpoint->on('*', sub {
	my ($r) = @_;
	my $token = Endpoint::header($r, 'X-Validation-Token');

	return Endpoint::reply(200, $token ne '' ? encode_json($token) : $r->{body});
});
sub wait_sql { my ($sql, $what) = @_; return ok($endpoint->until(sub { Visitor::pump_for(0); $t->sql($sql) eq 't' }, 180), $what) || $t->diagnose($sql) }
my %key = (all => $t->sql(q{SELECT webchatt.create_api_key('all')}), people => $t->sql(q{SELECT webchatt.create_api_key('people', scopes => '{visitors,send}')}));
sub ask
{
	my ($key, $method, $path, $body) = @_;
	my $tx = $ua->start($ua->build_tx($method => $t->base_url . $path => { 'x-api-key' => $key{$key}, $body ? ('Content-Type' => 'application/json') : () } => $body ? encode_json($body) : ''));

	return ($tx->res->code // 0, eval { decode_json($tx->res->body) } // $tx->res->body);
}
sub person { my ($v, $more) = @_; return "/v1/communication/web-chatt2me/visitors/$c/$v" . ($more // '') }

# Which tables have a row in which one of these stands, whatever its columns are. The outbox is apart: what was ordered is read
# by the worker, and the table emptied when its time has come; and so are the numbers up to which messages are indexed.
$t->sql(q{CREATE FUNCTION found(marks text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	r record;
	mark text;
	here boolean;
	seen text[] := '{}';
BEGIN
	FOR r IN SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'webchatt'::regnamespace AND c.relkind IN ('r', 'p', 'm') AND c.relname !~ '^(outbox|search_progress|search_state)' ORDER BY 1 LOOP
		FOREACH mark IN ARRAY marks LOOP
			EXECUTE format('SELECT EXISTS (SELECT FROM webchatt.%I x WHERE strpos(lower(x::text), lower(%L)) > 0)', r.relname, mark) INTO here;
			IF here THEN
				seen := seen || format('%s: %s', r.relname, mark);
			END IF;
		END LOOP;
	END LOOP;
	RETURN array_to_string(seen, ', ');
END
$$});
sub found { my @marks = @_; return $t->sql('SELECT found(ARRAY[' . join(',', map { "'$_'" } @marks) . '])') }

my $hook = $t->sql("SELECT id FROM webchatt.create_webhook('all', 'http://127.0.0.1:$endpoint->{port}/all', 'Message')");
wait_sql("SELECT verified_at IS NOT NULL FROM webchatt.webhooks WHERE id = '$hook'", 'a webhook hears of all');
$t->sql("SELECT webchatt.set_identity_secret('$c')");

# --- somebody, and a neighbour, with something in every table --------------------------------------------------------

my $ana;
my $token = $t->sql("SELECT webchatt.identity_token('$c', 'zqmark-user', name => 'Zqmark Silva')");
ok(Visitor::until(sub { $ana = $t->arrived(where => { identity => $token }, attributes => { plan => 'zqmark' }); return 1 if $ana->{welcome}{user}; $ana->end; return }), 'a user comes');
my $anon = $t->arrived(where => { url => "$LocalHub::ORIGIN/zqmark" });
my $was = $anon->{visitor};
$anon->acked($anon->say('zqmark before the log-in'));
my $welcomes = $anon->{welcomes};
delete $anon->{token};
$anon->send({ type => 'identify', token => $token });
ok(Visitor::until(sub { $anon->{welcomes} > $welcomes }), 'and what was said before');
$ana = $t->arrived(where => { identity => $token });
my $v = $ana->{visitor};
$ana->acked($ana->say('zqmark from the user'));
my $own_file = $t->sql("SELECT webchatt.add_file('$c', 'zqmark-agent.txt', 'zqmark in a file')");
my $both_file = $t->sql("SELECT webchatt.add_file('$c', 'prices.txt', 'prices of all')");
my $own_id = ($own_file =~ m{/files/([\w-]{43})})[0];
my $both_id = ($both_file =~ m{/files/([\w-]{43})})[0];
my $brought = $t->sql(q{SELECT substr(webchatt.add_file('} . $c . q{', 'zqmark-brought.txt', 'brought by zqmark'), length('https://chat.example.com/files/') + 1, 43)});
$t->sql("UPDATE webchatt.files SET visitor = '$v', author = NULL WHERE id = '$brought'");
$t->sql(sprintf q{SELECT webchatt.send_message('%s', '%s', '{"type":"document","documentUrl":"%s","filename":"zqmark.txt"}'::jsonb)}, $c, $v, $_) for $own_file, $both_file;
my $neighbour = $t->arrived;
my $n = $neighbour->{visitor};
$neighbour->acked($neighbour->say('nextdoor speaks'));
$t->sql(sprintf q{SELECT webchatt.send_message('%s', '%s', '{"type":"document","documentUrl":"%s","filename":"p.txt"}'::jsonb)}, $c, $n, $both_file);
for my $who ([ $v, 'zqmark' ], [ $n, 'nextdoor' ])
{
	my ($id, $mark) = @$who;
	ask('people', POST => '/v1/communication/web-chatt2me/message', { from => $c, to => $id, content => { text => "$mark by the API" } });
	$t->sql(qq{SELECT webchatt.add_note('$c', '$id', '$mark is difficult', 'rui'), webchatt.assign_conversation('$c', '$id', '$mark');
		INSERT INTO webchatt.ratings (channel_id, visitor, closed_upto, value, comment) VALUES ('$c', '$id', gen_random_uuid(), 4, '$mark was well');
		INSERT INTO webchatt.closings (channel_id, visitor, closed_upto, closed_at, closed_by) VALUES ('$c', '$id', gen_random_uuid(), now(), '$mark');
		INSERT INTO webchatt.rejects (channel_id, event_type, event_key, visitor, body, sqlstate, reason) VALUES ('$c', 'Message', '$id/x', '$id', '{"from": "$id", "text": "$mark"}', '22000', '$mark');
		INSERT INTO webchatt.rejects (channel_id, event_type, event_key, body, raw, sqlstate, reason) VALUES ('$c', 'unreadable', repeat('$mark', 2), '"from": "$id"', '$mark', '22000', 'no');
		INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content) VALUES ('$c', webchatt._new_message_id('$c'), '$id', 'out', 'sent', '{"text": "$mark is away"}');
		SELECT webchatt.redact_message(channel_id, id, '$mark is replaced', '$mark') FROM webchatt.messages WHERE content ->> 'text' = '$mark is away'});
}
# (who has a message replaced says hello again)
$_ = $t->visitor(token => $_->{token})->arrive for $ana, $neighbour;
wait_sql("SELECT count(*) = 3 FROM webchatt.webhook_log WHERE webhook_id = '$hook' AND answer IS NOT NULL", 'the webhook has been told of all that visitors wrote');
wait_sql("SELECT NOT EXISTS (SELECT FROM webchatt.messages WHERE status = 'queued') AND (SELECT count(*) = 2 FROM webchatt.conversations WHERE assignee IN ('zqmark', 'nextdoor'))", 'all is sent and assigned');
$t->sql("CREATE EXTENSION pg_trgm; SELECT webchatt.set_search_language('$c', 'english')");
ok($endpoint->until(sub { Visitor::pump_for(0); $t->sql('SELECT webchatt.index_texts()'); $t->sql('SELECT (SELECT count(*) FROM webchatt.search_texts) >= 9 AND (SELECT count(*) FROM webchatt.search_parts) >= 9') eq 't' }, 180), 'and indexed');

# --- a link by the REST API ------------------------------------------------------------------------------------------------

my $site = "$LocalHub::ORIGIN/orders?id=7";
my ($made, $link);
Visitor::until(sub { ($made, $link) = ask('people', POST => person($n, '/link'), { pageUrl => $site, validFor => 3600 }); $made != 401 });
is($made, 201, 'a link to a conversation is made by the REST API');
like($link->{url} // '', qr/\A\Q$site\E#chatt2me=wcl_[\w-]{43}\z/, 'to a page of the channel');
is($t->sql(sprintf q{SELECT count(*) FROM webchatt.conversation_links WHERE visitor = '%s' AND token_hash = sha256('%s') AND expires_at = '%s'}, $n, ($link->{url} // '') =~ s/.*=//r, $link->{expiresAt} // 'now'), 1, 'for as long as it says');
is_deeply([ ask('people', POST => person($v, '/link'), { pageUrl => $site }) ], [ 201, { url => $site, expiresAt => undef } ], 'whom the site signs gets the page alone');
for ([ [ $n, {} ], 400, 'no page' ], [ [ $n, { pageUrl => 7 } ], 400, 'no text' ], [ [ $n, { pageUrl => 'https://elsewhere.example/' } ], 400, 'a page of others' ], [ [ $n, { pageUrl => "$site\\" } ], 400, 'no address' ],
	[ [ $n, { pageUrl => $site, validFor => 59 } ], 400, 'less than a minute' ], [ [ $n, { pageUrl => $site, validFor => 1e30 } ], 400, 'for ever' ], [ [ $n, { pageUrl => $site, validFor => '3600' } ], 400, 'no number' ],
	[ [ $n, { pageUrl => $site, validFor => undef } ], 400, 'null' ], [ [ '6cbd6789-1d2b-47e0-9391-5eb91d2839ea', { pageUrl => $site } ], 404, 'nobody there' ])
{
	my ($case, $want, $what) = @$_;
	is((ask('people', POST => person($case->[0], '/link'), $case->[1]))[0], $want, "a link is refused: $what");
}
is((ask('people', GET => person($n, '/link')))[0], 404, 'none is there to be read');
is((ask('people', POST => person($n, '/link/x'), { pageUrl => $site }))[0], 404, 'nor below');
is((ask('all', POST => person($n, '/link'), { pageUrl => $site }))[0], 403, 'a key that is not for it makes none');
$t->sql("INSERT INTO webchatt.conversation_links (channel_id, token_hash, visitor, expires_at) VALUES ('$c', sha256('$v'), '$v', now() + interval '1 day')");

# --- handed out ----------------------------------------------------------------------------------------------------------

my $all = decode_json($t->sql("SELECT webchatt.export_visitor('$c', '$v')"));
is_deeply([ map { $_->{content}{text} // $_->{content}{filename} } @{ $all->{messages} } ], [ 'zqmark before the log-in', 'zqmark from the user', 'zqmark.txt', 'zqmark.txt', 'zqmark by the API', 'zqmark is replaced' ], 'all that was said is handed out');
is_deeply([ $all->{visitor}{userId}, $all->{visitor}{name}, $all->{earlierIds}[0]{id}, $all->{notes}[0]{text}, $all->{ratings}[0]{comment}, $all->{refused}[0]{body} =~ /zqmark/ ? 1 : 0, $all->{next} ],
	[ 'zqmark-user', 'Zqmark Silva', $was, 'zqmark is difficult', 'zqmark was well', 1, undef ], 'and what else there is');
is($all->{files}[0]{url}, "https://chat.example.com/files/$brought/zqmark-brought.txt", 'of files where they are');
is_deeply([ map { join ',', sort keys %$_ } @{ $all->{links} } ], ['expiresAt,madeAt'], 'links that open the conversation, without what opens it');
is(index($t->sql("SELECT webchatt.export_visitor('$c', '$v')"), 'nextdoor'), -1, 'nothing of others');
is(decode_json($t->sql("SELECT webchatt.export_visitor('$c', '$was')"))->{visitor}{id}, $v, 'the old id is the same person');
is($t->sql("SELECT strpos(webchatt.export_visitor('$c', '$v')::text, encode(token_hash, 'hex')) FROM webchatt.visitor_tokens WHERE visitor = '$v' LIMIT 1"), 0, 'and no hash of a token');
is((ask('all', GET => person($v, '/export')))[0], 403, 'a key that is not for it hands out nothing');
my ($code, $page) = (0, undef);
Visitor::until(sub { ($code, $page) = ask('people', GET => person($v, '/export?limit=4')); $code != 401 });
diag(encode_json($page)) if $code != 200;
is_deeply([ $code, scalar @{ $page->{messages} }, $page->{next}, $page->{visitor}{userId} ], [ 200, 4, $page->{messages}[3]{id}, 'zqmark-user' ], 'by the REST API it comes in pages');
(undef, my $rest) = ask('people', GET => person($v, "/export?limit=4&after=$page->{next}"));
is_deeply([ map { $_->{id} } @{ $page->{messages} }, @{ $rest->{messages} } ], [ map { $_->{id} } @{ $all->{messages} } ], 'which are the whole');
is_deeply([ $rest->{next}, exists $rest->{visitor} ? 1 : 0 ], [ undef, 0 ], 'to the last');
is((ask('people', GET => person('01a206db-149d-7000-8199-51c107a6ffef', '/export')))[0], 404, 'of nobody nothing');
is((ask('people', GET => person($v)))[0] . (ask('people', DELETE => person($v, '/export')))[0], '404404', 'and no other method does it');

# --- a card number -------------------------------------------------------------------------------------------------------

my $said = $ana->acked($ana->say('my card is 4111111111111111 cvvzq'));
my $card = $t->sql(q{SELECT id FROM webchatt.messages WHERE content ->> 'text' ~ '4111'});
my $told = $t->reply($ana, 'your card 4111111111111111 cvvzq, thank you');
ok(Visitor::until(sub { grep { /thank you/ } $ana->texts }), 'it is repeated, too');
wait_sql("SELECT count(*) = 1 FROM webchatt.webhook_log WHERE message_id = '$card' AND answer ~ '4111'", 'a webhook was told');
wait_sql("SELECT webchatt.index_texts() >= 0 AND count(*) = 2 FROM webchatt.search_texts WHERE id IN ('$card', '$told')", 'it can be searched');
is($t->sql("SELECT webchatt.redact_message('$c', '$card', redacted_by => 'rui'), webchatt.redact_message('$c', '$told', 'A card number was here.')"), 't|t', 'both are replaced');
is(found('4111111111111111', 'cvvzq'), '', 'no column of any table has it any more');
is($ana->closed, 4014, 'the open page loses it, and says hello again');
is(scalar(grep { /4111/ } $ana->texts), 0, 'it has it no more') or diag(join ' | ', $ana->texts);
my $again = $t->visitor(token => $ana->{token});
$again->{where}{have} = [ $card, $told ];
$again->arrive;
my %shown = map { $_->{id} => $_->{content}{text} } @{ ($again->of_type('welcome'))[0]{messages} };
is_deeply([ @shown{ $card, $told } ], [ '[removed]', 'A card number was here.' ], 'who has the old text gets the new one');
is($t->sql(q{SELECT string_agg(redacted_by, ',' ORDER BY at) FROM webchatt.redactions WHERE redacted_by !~ 'zqmark|nextdoor'}), 'rui,' . $t->sql('SELECT current_user'), 'who did it is written down');
is($t->sql(qq{SELECT webchatt.index_texts() >= 0, count(*) FROM webchatt.search('removed')}), 't|1', 'the replacement is found');
is($t->sql("SELECT webchatt.redact_message('$c', gen_random_uuid())"), 'f', 'where there is none, nothing is replaced');
like(($t->try_sql("SET ROLE webchatt_agent; SELECT $_"))[2], qr/permission denied/, "agents may not: $_") for "webchatt.redact_message('$c', '$told')", "webchatt.erase_visitor('$c', '$v')", "webchatt.export_visitor('$c', '$v')";

# --- erased -----------------------------------------------------------------------------------------------------------

for my $who ([ $v, 'zqmark' ], [ $n, 'nextdoor' ])
{
	my ($id, $mark) = @$who;
	$t->sql(qq{INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content) VALUES ('$c', webchatt._new_message_id('$c'), '$id', 'out', 'held', '{"text": "$mark is held"}');
		INSERT INTO webchatt.held (channel_id, visitor, seq, message_id) SELECT channel_id, visitor, 99, id FROM webchatt.messages WHERE content ->> 'text' = '$mark is held';
		INSERT INTO webchatt.unread (channel_id, visitor, message_id, messages, since, email) SELECT channel_id, visitor, id, 1, now(), '$mark\@example.com' FROM webchatt.messages WHERE content ->> 'text' = '$mark is held';
		INSERT INTO webchatt.unread_waits (channel_id, visitor, due) VALUES ('$c', '$id', now() + interval '1 hour') ON CONFLICT DO NOTHING;
		INSERT INTO webchatt.conversation_links (channel_id, token_hash, visitor, expires_at) VALUES ('$c', sha256('$mark'), '$id', now() + interval '1 hour');
		INSERT INTO webchatt.overdue_candidates (channel_id, message_id) SELECT channel_id, id FROM webchatt.messages WHERE content ->> 'text' = '$mark is held'});
}
$t->sql("INSERT INTO webchatt.joins (channel_id, visitor, moving, due) VALUES ('$c', '$was', false, now() + interval '1 hour') ON CONFLICT DO NOTHING");
my @ids = split /\|/, $t->sql("SELECT string_agg(id::text, '|') FROM webchatt.messages WHERE visitor IN ('$v', '$was')");
my @marks = ('zqmark', unpack('H*', 'zqmark'), $v, $was, $own_id, $brought, @ids);
my @tables = map { /^(\w+):/ } split /, /, found(@marks);
my %has = map { $_ => 1 } @tables;
is(join(' ', grep { !$has{$_} } qw(visitors visitor_tokens messages statuses conversations notes ratings closings unread unread_waits conversation_links rejects held feed webhook_log search_texts search_parts overdue_candidates files file_chunks file_uses sessions joins redactions)),
	'', 'something of them is in each table');
my $others = sub { return $t->sql('SELECT string_agg(x, E\'\n\' ORDER BY x) FROM (' . join(' UNION ALL ', map { "SELECT '$_ ' || (to_jsonb(y) - 'status' - 'status_at')::text AS x FROM webchatt.$_ y WHERE strpos(y::text, 'nextdoor') > 0 OR strpos(y::text, '$n') > 0 OR strpos(y::text, '$both_id') > 0" }
	qw(messages notes ratings closings rejects held feed webhook_log search_texts files redactions)) . ") z WHERE x !~ 'zqmark' AND x !~ 'MessageStatus'") };
my $before = $others->();

# somebody answers just now
my $session = $t->session;
$session->safe("BEGIN; SELECT webchatt.send_message('$c', '$v', text => 'zqmark under way')");
my $refused = ($t->try_sql(qq{BEGIN; SELECT webchatt.erase_visitor('$c', '$v'); ROLLBACK}))[0];
is($refused . $t->sql("SELECT count(*) FROM webchatt.visitors WHERE id = '$v'"), '01', 'what is rolled back erases nobody');
my $erasure = $t->sql("SET ROLE webchatt_admin; SELECT webchatt.erase_visitor('$c', '$was', 'zqofficer')");
is($again->closed, 4011, 'the open page begins anew');
my %left = map { /^(\w+):/ ? ($1 => 1) : () } split /, /, found('zqmark', unpack('H*', 'zqmark'), $own_id, $brought, @ids);
is_deeply(\%left, {}, 'nothing that they said or were is left') or diag(found(@marks));
$session->safe('COMMIT');
$session->close;
wait_sql("SELECT NOT EXISTS (SELECT FROM webchatt.messages WHERE visitor = '$v') AND NOT EXISTS (SELECT FROM webchatt.sessions WHERE visitor IN ('$v', '$was')) AND rows ->> 'messages' = '10' FROM webchatt.erasures WHERE id = '$erasure'", 'what was under way is erased when it comes');
is($t->sql("SELECT visitor_hash = webchatt.visitor_hash('$c', '$v') AND erased_at IS NOT NULL AND asked_by = 'zqofficer' AND done_at IS NULL FROM webchatt.erasures WHERE id = '$erasure'"), 't', 'it is written down that it was done');
# the looks that are still to come, at once
ok(Visitor::until(sub { $t->sql("SELECT webchatt._erase_some('$erasure', 100)"); $t->sql("SELECT done_at IS NOT NULL FROM webchatt.erasures WHERE id = '$erasure'") eq 't' }), 'at last the ids are forgotten');
is(found(@marks), '', 'no column of any table has anything of them');
is($t->sql("SELECT (rows ->> 'messages')::int, rows ->> 'visitors', rows ->> 'notes', rows ->> 'ratings', rows ->> 'files', (rows ->> 'webhook_log')::int >= 3, rows ->> 'rejects' FROM webchatt.erasures WHERE id = '$erasure'"), '10|2|1|1|2|t|2', 'only how many rows it was');
is($others->(), $before, 'and nothing of the neighbour, or of all, is gone');
my $new = $t->visitor(token => $again->{token}, resend => 0)->arrive;
isnt($new->{visitor}, $v, 'their browser is somebody else\'s now');
like(($t->try_sql("SELECT webchatt.erase_visitor('$c', '$v')"))[2], qr/has no visitor/, 'who is erased cannot be erased');

# --- by the REST API, and many rows ------------------------------------------------------------------------------------

my $many = $new->{visitor};
$t->sql(qq{INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, hub_message_id)
	SELECT '$c', (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - 100000 + n), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid,
		'$many', 'in', 'received', jsonb_build_object('type', 'text', 'text', 'zqmany ' || n), '$many/n-' || n
	FROM generate_series(1, 3000) n});
is((ask('all', DELETE => person($many)))[0], 403, 'a key that is not for it erases nobody');
($code, my $body) = ask('people', DELETE => person($many));
is_deeply([ $code, $body->{status} ], [ 202, 'erasing' ], 'one that is has the worker do it');
is($new->closed, 4011, 'the page begins anew at once');
$neighbour->acked($neighbour->say('nextdoor goes on'));
wait_sql("SELECT erased_at IS NOT NULL FROM webchatt.erasures WHERE id = '$body->{erasureId}'", 'in pieces, beside others');
is(found('zqmany'), '', 'nothing is left');
is($t->sql("SELECT rows ->> 'messages', asked_by ~ '^API key [0-9]+ [(]people[)]\$' FROM webchatt.erasures WHERE id = '$body->{erasureId}'"), '3000|t', 'and who it was for is written down');
is((ask('people', DELETE => person($many)))[0] . (ask('people', GET => person($many, '/export')))[0], '404404', 'then there is nobody');

# who is being joined to them just now
my ($stays, $joins) = map { my $w = $t->arrived; $w->acked($w->say("zqjoin $_")); $w->end; $w->{visitor} } 1 .. 2;
$t->sql("UPDATE webchatt.visitors SET user_id = 'zqjoin' WHERE id = '$stays'");
my ($first, $second) = map { $t->session } 1 .. 2;
$first->safe("BEGIN; SELECT webchatt._identify('$c', 'zqjoin', '$joins', NULL, sha256('zq'))");
$second->begin("SELECT webchatt.erase_visitor('$c', '$stays')");
wait_sql("SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'erase_visitor'", 'an erasure waits for a log-in that is under way');
$first->safe('COMMIT');
$second->safe('SELECT 1');
is($t->sql("SELECT count(*) FROM webchatt.messages WHERE visitor IN ('$stays', '$joins')"), 0, 'what was said before that is erased, too');

# a message that was begun while the erasure was under way, and is committed long after it
my $late = $t->arrived->{visitor};
$first->safe("BEGIN; SELECT webchatt.erase_visitor('$c', '$late')");
$second->safe("BEGIN; SELECT webchatt.send_message('$c', '$late', text => 'zqlate')");
$first->safe('COMMIT');
$t->try_sql("SELECT webchatt._erase_some(id, 100) FROM webchatt.erasures WHERE '$late' = ANY (visitors)") for 1 .. 20;
is($t->sql("SELECT count(*) FROM webchatt.erasures WHERE '$late' = ANY (visitors)"), 1, 'the erasure waits for whom it could not see');
$second->safe('COMMIT');
$_->close for $first, $second;
ok(Visitor::until(sub { $t->try_sql("SELECT webchatt._erase_some(id, 100) FROM webchatt.erasures WHERE '$late' = ANY (visitors)"); return $t->sql("SELECT count(*) FROM webchatt.erasures WHERE '$late' = ANY (visitors)") eq '0' }), 'and is done');
is($t->sql("SELECT count(*) FROM webchatt.messages WHERE content ->> 'text' = 'zqlate'"), 0, 'with what they wrote');

# what belongs to others, and only looks like theirs
my ($of, $also) = map { $t->arrived->{visitor} } 1 .. 2;
my ($shared, $unsent) = map { $t->sql("SELECT webchatt.add_file('$c', 'all.txt', 'for all')") } 1 .. 2;
my ($shared_id, $unsent_id) = map { m{/files/([\w-]{43})} } $shared, $unsent;
my $document = q{'{"type":"document","documentUrl":"%s","filename":"all.txt"}'::jsonb};
$t->sql("SELECT webchatt.send_message('$c', '$of', " . sprintf($document, $shared) . ')');
$t->sql("INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, hub_message_id)
	VALUES ('$c', webchatt._new_message_id('$c'), '$of', 'in', 'received', '{\"text\": \"see /files/$unsent_id\"}', '12');
	INSERT INTO webchatt.rejects (channel_id, event_type, event_key, visitor, body, sqlstate, reason)
	SELECT '$c', 'Message', k, '$also', '{}', '22000', 'no' FROM unnest('{12,12 read,123}'::text[]) k");
($first, $second) = map { $t->session } 1 .. 2;
$first->safe("BEGIN; SELECT webchatt.send_message('$c', '$also', " . sprintf($document, $shared) . ')');
$second->begin("SELECT webchatt.erase_visitor('$c', '$of')");
wait_sql("SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'erase_visitor'", 'an erasure waits for whoever names the same file');
$first->safe('COMMIT');
$second->safe('SELECT 1');
is($t->sql("SELECT count(*) FROM webchatt.files WHERE id = '$shared_id'"), 1, 'whose file stays');
is($t->sql("SELECT count(*) FROM webchatt.files WHERE id = '$unsent_id'"), 1, 'so does one whose address they only wrote');
is($t->sql("SELECT string_agg(event_key, ',') FROM webchatt.rejects WHERE visitor = '$also'"), '123', 'and a refused event whose id begins as one of theirs');
$_->close for $first, $second;

# a trigger of the application that keeps a row
my $kept = $t->arrived;
$kept->acked($kept->say('zqkept'));
$t->sql(q{CREATE FUNCTION keep_all() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'zq is kept'; END$$;
	CREATE TRIGGER keep_all BEFORE DELETE ON webchatt.messages FOR EACH ROW EXECUTE FUNCTION keep_all()});
like(($t->try_sql("SELECT webchatt.erase_visitor('$c', '$kept->{visitor}')"))[2], qr/zq is kept/, 'a trigger can keep somebody from being erased');
is($t->sql("SELECT count(*) FROM webchatt.visitors WHERE id = '$kept->{visitor}'"), 1, 'then all is as it was');
is((ask('people', DELETE => person($kept->{visitor})))[0], 202, 'by the REST API it is begun');
wait_sql("SELECT e.tries > 0 AND e.error = 'zq is kept' AND s.last_error ~ 'could not be erased' FROM webchatt.erasures e, webchatt.status s WHERE e.erased_at IS NULL", 'and the status says why it does not end');
$t->sql('DROP FUNCTION keep_all() CASCADE');
wait_sql("SELECT bool_and(erased_at IS NOT NULL) FROM webchatt.erasures", 'it is done when it can be');
wait_sql("SELECT found(ARRAY['zqkept']) = ''", 'wholly, with what the webhook was being told then');
wait_sql('SELECT last_error IS NULL FROM webchatt.status', 'and the status forgets it');

# Somebody of whom an archive has something (more of these: retention.t)
$t->sql(qq{SELECT webchatt.create_archive('public.old'); SELECT webchatt.set_retention('100 years', archive => 'public.old');
	INSERT INTO public.old (channel_id, id, visitor, direction, status, content, created_at) VALUES ('$c', '01900000-0000-7000-8000-000000000001', '$n', 'in', 'received', '{"text": "long ago"}', '2020-01-01')});
is(decode_json($t->sql("SELECT webchatt.export_visitor('$c', '$n')"))->{messages}[0]{content}{text}, 'long ago', 'export_visitor() has what is in an archive');
Visitor::until(sub { ($code, $body) = ask('people', GET => person($n, '/export')); return $code != 503 });
is_deeply([ $code, scalar(grep { $_->{content}{text} eq 'long ago' } @{ $body->{messages} }) ], [ 200, 1 ], 'and so has the REST API');
is((ask('people', DELETE => person($n)))[0], 202, 'it erases there');
wait_sql("SELECT archives_done AND archived_rows = 1 AND NOT EXISTS (SELECT FROM public.old) FROM webchatt.erasures WHERE visitors @> ARRAY['$n']", 'which is done');
done_testing();
