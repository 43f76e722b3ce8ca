# What parsers refuse and databases cannot hold, through every door that takes
# JSON from others: nobody is mute for it, nothing is lost, nothing comes twice.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use LocalHub;
use Mojo::JSON qw(decode_json);
use Mojo::UserAgent;
use Test::More;
use WebchattTest;

my $WRONG = "\xef\xbf\xbd";

# Oddities as they stand in JSON, and what the text "a<odd>b" is in the database then.
my @odd = (
	[ 'half an emoji', 'a\ud83db', "a${WRONG}b" ],
	[ 'the other half', 'a\ude00b', "a${WRONG}b" ],
	[ 'half an emoji in bytes', "a\xed\xa0\xbdb", "a$WRONG$WRONG${WRONG}b" ],
	[ 'NUL', 'a\u0000b', "a${WRONG}b" ],
	[ 'a raw NUL', "a\0b", "a${WRONG}b" ],
	[ 'bytes that are no UTF-8', "a\xffb", "a${WRONG}b" ],
	[ 'a raw line feed', "a\nb", "a\nb" ],
	[ 'a whole emoji', 'a\ud83d\ude00b', "a\xf0\x9f\x98\x80b" ],
);
# And in fields that nobody reads.
my $unread = '"x\ud83d":"\ude00","\u0000y":1e400,"z":[-1e200000,123456789012345678901234567890,1e-99999],"w":{"v":"caf' . "\xe9\0\n" . '"}';

sub text_in
{
	my ($t, $where) = @_;
	return $t->sql("SELECT content ->> 'text' FROM webchatt.messages WHERE $where");
}

subtest 'a remote hub' => sub {
	my $t = WebchattTest->attached;
	my $channel = $WebchattTest::CHANNEL;
	my $hub = $t->hub;
	my $n = 0;
	my $event = sub {
		my ($text, %more) = @_;
		my $id = $more{id} // '"odd-' . ++$n . '"';
		my $from = $more{from} // '"v"';
		return qq({"eventType":"Message","channelId":"$channel","messageId":$id,"from":$from,$unread,"timestamp":)
		  . ($more{timestamp} // 1700000000) . qq(,"content":{"type":"text","text":"$text"}});
	};

	# The door.
	for my $case (@odd)
	{
		my ($name, $in, $out) = @$case;
		is(scalar $t->post($event->($in)), 200, "an event with $name is taken");
		is(text_in($t, "hub_message_id = 'odd-$n'"), $out, 'as what can be stored');
	}
	is(scalar $t->post("\xef\xbb\xbf" . $event->('bom')), 200, 'a byte order mark');
	is(text_in($t, "hub_message_id = 'odd-$n'"), 'bom', 'is passed over');
	is($t->sql("SELECT extra -> 'z' ->> 0, jsonb_typeof(extra -> 'z' -> 0), extra -> 'z' -> 1, jsonb_typeof(extra -> (E'\\uFFFDy')) FROM webchatt.messages WHERE hub_message_id = 'odd-$n'"),
		'-1e200000|string|123456789012345678901234567890|string', 'numbers too large are texts, and others are kept to the digit');

	# The meaning is certain.
	is(scalar $t->post($event->('numbers', id => '98765432109876543210', from => '5511993986082')), 200, 'ids that are numbers');
	is($t->sql(q{SELECT visitor FROM webchatt.messages WHERE hub_message_id = '98765432109876543210'}), '5511993986082', 'are their digits');
	for my $time ('1700000000000', '"1700000000"', '"1700000000000"', '"2023-11-14T22:13:20Z"', '"2023-11-14T19:13:20.000-03:00"')
	{
		is(scalar $t->post($event->('time', timestamp => $time)), 200, "a timestamp $time");
		is($t->sql("SELECT extract(epoch FROM hub_time)::bigint FROM webchatt.messages WHERE hub_message_id = 'odd-$n'"), 1700000000, 'is that moment');
	}
	my $body = $event->('slash');
	is(scalar $t->post($body, url => $t->webhook_url . '/'), 200, 'a slash behind the URL');
	$body = $event->('two');
	my $right = Webhook::signature($WebchattTest::SECRET, $body);
	my ($time, $mac) = $right =~ /\A(t=\d+),(.*)\z/;
	is(scalar $t->post($body, header => "$time,v1=" . '0' x 64 . ",$mac"), 200, 'two signatures, the second of them right');
	is(scalar $t->post($event->('upper'), header => undef, url => $t->webhook_url), 401, 'and none is not enough');
	my ($hex) = $mac =~ /\Av1=(.*)\z/;
	is(scalar $t->post($body, header => "$time,v1=" . uc $hex), 200, 'in upper case');
	is($t->sql("SELECT count(*) FROM webchatt.messages WHERE content ->> 'text' IN ('slash', 'two', 'upper')"), 2, 'each is one row');

	# What is no event at all.
	my @none = ([ 'cut off', '{"eventType":"Message","messageId":"cut' ], [ 'UTF-16', "\xff\xfe{\0}\0" ], [ 'empty', '' ], [ 'a list', '[]' ],
		[ 'half of it odd', "{\"eventType\":\"Message\",\"channelId\":\"$channel\",\"from\":\"caf\xe9\",\"content\":{}}" ]);
	for my $case (@none)
	{
		my ($name, $raw) = @$case;
		is(scalar $t->post($raw), 200, "no event, $name: is answered 200");
		is($t->sql("SELECT event_type, encode(coalesce(raw, convert_to(body, 'UTF8')), 'hex') FROM webchatt.rejects WHERE event_key = '" . sha256_hex($raw) . "'"),
			'unreadable|' . unpack('H*', $raw), 'and kept byte for byte');
	}
	is(scalar $t->post($none[0][1]), 200, 'a repeat');
	is($t->sql(q{SELECT count(*), max(tries) FROM webchatt.rejects}), scalar(@none) . '|2', 'is the same reject');
	is(scalar $t->post('no event', header => undef), 401, 'unsigned it is refused');
	is(scalar $t->post('no event', secret => 'wrong'), 401, 'wrongly signed too');
	is(scalar $t->post($event->('other') =~ s/$channel/11111111-2222-4333-8444-555555555555/r), 400, 'another channel\'s event is refused: a mistake, and an event');
	is($t->sql(q{SELECT count(*) FROM webchatt.rejects}), scalar @none, 'none of these is kept');
	ok($t->status('rejected >= ' . @none) eq 't', 'status counts them');

	# One is mended by hand, and brought back.
	my $id = $t->sql(q[SELECT id FROM webchatt.rejects WHERE raw IS NOT NULL AND body LIKE '{%caf%']);
	my ($status, undef, $err) = $t->try_sql("SELECT webchatt.retry_reject($id)");
	like($err, qr/messageId is missing/, 'retry_reject() says what is wrong with it');
	$t->sql("UPDATE webchatt.rejects SET body = (body::jsonb || '{\"messageId\": \"mended\"}')::text WHERE id = $id");
	is($t->sql("SELECT webchatt.retry_reject($id)"), 'stored', 'once it is mended, it is stored');
	is($t->sql(q{SELECT visitor FROM webchatt.messages WHERE hub_message_id = 'mended'}), "caf$WRONG", 'as a row');
	is($t->sql("SELECT count(*) FROM webchatt.rejects WHERE id = $id"), 0, 'and no reject any more');

	# The same by SQL.
	for my $case (grep { $_->[1] =~ /\A[\x01-\x7f]*\z/ } @odd)
	{
		my ($name, $in, $out) = @$case;
		$body = $event->($in) =~ s/caf[^"]*/cafe/r;
		my $signature = Webhook::signature($WebchattTest::SECRET, $body);
		is($t->sql("SELECT webchatt.ingest(\$e\$$body\$e\$, '$signature', '$channel')"), 'stored', "ingest() takes $name");
		is(text_in($t, "hub_message_id = 'odd-$n'"), $out, 'as the door does');
	}
	is($t->sql("SELECT webchatt.ingest('no event', '" . Webhook::signature($WebchattTest::SECRET, 'no event') . "', '$channel')"), 'rejected', 'and keeps what is none');
	($status, undef, $err) = $t->try_sql("SELECT webchatt.ingest('no event either', NULL, '$channel')");
	isnt($status, 0, 'if it is signed');

	# The answers to what we send.
	$hub->set(odd => 1);
	my $sent = $t->send_text('odd-visitor', 'hello');
	$t->status_becomes($sent, 'sent', 'a message whose answer is odd is sent');
	my @got = $hub->record(key => $sent);
	is(scalar @got, 1, 'once');
	is($t->sql("SELECT hub_message_id FROM webchatt.statuses WHERE message_id = '$sent' AND status = 'sent'"), $got[0]{message_id}, 'under the hub\'s id');
	is(scalar $t->post(Webhook::status($got[0]{message_id}, 'delivered')), 200, 'so that its status');
	$t->status_becomes($sent, 'delivered', 'finds it');
	$hub->set(odd => 0);
	for my $kind (qw(html badjson empty array huge))
	{
		$hub->rules({ do => $kind, to => $kind });
		my $taken = $t->send_text($kind, 'hello');
		my $next = $t->send_text($kind, 'and more');
		$t->status_becomes($next, 'enqueued', "behind an answer of $kind");
		is($t->sql("SELECT status FROM webchatt.messages WHERE id = '$taken'"), 'enqueued', 'the message is taken');
		like($t->sql("SELECT error_message FROM webchatt.messages WHERE id = '$taken'"), qr/HTTP 200.*taken as accepted|more than.*taken as accepted/, 'and its row says what is not known');
		is(scalar(my @times = $hub->record(key => $taken)), 1, 'it is sent once');
		$hub->rules;
	}

	# Its list of webhooks, and its log.
	$hub->make_webhook(label => "somebody else's", endpoint => 'https://x.example.com/', eventType => 'Message');
	$hub->set(odd => 1);
	$t->sql("ALTER SYSTEM SET webchatt.public_url = '" . $t->base_url . "'");
	$t->node->reload;
	$t->until("SELECT current_setting('webchatt.public_url') <> ''");
	$t->sql('SELECT webchatt.register_webhooks()');
	($status, undef, $err) = $t->try_sql(q{SELECT count(*) FROM webchatt.wait_for_webhooks(timeout => '60 s')});
	is($status, 0, 'webhooks are registered at a hub with odd answers') or diag($err);
	$t->node->stop;
	my @results = $hub->emit(map { Webhook::message($channel, "absent-$_", 'v', 'hi') } 1 .. 3);
	is(scalar(grep { $_->{code} == 0 } @results), 3, 'while we are away deliveries fail');
	$t->node->start;
	$t->wait_ready;
	$t->wait_for(q{SELECT count(*) = 3 FROM webchatt.messages WHERE hub_message_id LIKE 'absent-%'}, 'they are found in an odd log, and repaired', 60)
	  or diag($t->sql('SELECT * FROM webchatt.repair'), "\n", $t->sql('SELECT repair_error FROM webchatt.hub_reconciliation'));
	$t->wait_for(q{SELECT max(skipped) >= 5 FROM webchatt.repair}, 'lines that are none are passed over, and counted', 60);
	$t->finish;
};

subtest 'a hub\'s own endpoint' => sub {
	my $t = WebchattTest->attached(name => 'endpoint');
	my $channel = $WebchattTest::CHANNEL;
	my $url = $t->base_url . '/webhooks/hubs/chatt2me/';

	$t->sql("INSERT INTO webchatt.hub_webhooks (hub_id, event_type, secret, desired, endpoint, label, state)
		SELECT id, 'Message', 'of the hub', 'registered', '$url', 'test', 'verified' FROM webchatt.hubs WHERE name = 'chatt2me'");
	my $post = sub { return scalar $t->post($_[0], url => $url, secret => 'of the hub') };
	ok(Visitor::until(sub { $post->(Webhook::message($channel, 'm-1', 'v', 'one')) == 200 }, 30), 'its endpoint takes events, with a slash behind it');
	is($post->('{"eventType":"Message","messageId":"m-2","from":"v","content":{}}'), 200, 'one without a channel is taken');
	is($t->sql('SELECT channel_id, hub_id IS NOT NULL, reason FROM webchatt.rejects'),
		q{00000000-0000-0000-0000-000000000000|t|channelId is missing: it must be the channel's UUID}, 'and kept, under no channel');
	$t->sql("UPDATE webchatt.rejects SET body = (body::jsonb || '{\"channelId\": \"$channel\"}')::text");
	is($t->sql('SELECT webchatt.retry_reject(id) FROM webchatt.rejects'), 'stored', 'it comes back');
	is($t->sql(q{SELECT channel_id FROM webchatt.messages WHERE hub_message_id = 'm-2'}), $channel, 'to where it says itself');
	is($t->sql('SELECT count(*) FROM webchatt.rejects'), 0, 'and is a reject no more');
	$t->finish;
};

subtest 'the local hub' => sub {
	my $t = LocalHub->begin(name => 'local');
	my $channel = $t->{channel};
	my $ua = Mojo::UserAgent->new(max_redirects => 0);
	my $v = $t->arrived;

	# Visitors; bytes that are no UTF-8 are the WebSocket's affair.
	my $n = 0;
	for my $case (grep { $_->[1] =~ /\A[\x00-\x7f]*\z/ } @odd)
	{
		my ($name, $in, $out) = @$case;
		my $c = 'odd-' . ++$n;
		my $more = $unread =~ s/caf[^"]*/caf\n/r;
		$v->send(qq({"type":"message",$more,"id":"$c","content":{"type":"text","text":"$in"}}));
		$v->send(qq({"type":"message","id":"$c-next","content":{"type":"text","text":"next"}}));
		my $ack = $v->got(sub { $_->{type} eq 'ack' && $_->{id} eq "$c-next" });
		ok($ack, "the message behind one with $name is acked");
		is(text_in($t, "hub_message_id = '$v->{visitor}/$c'"), $out, 'so is that one');
	}
	$v->send('{"type":"message","id":"blank","content":{"type":"text","text":[1e400]}}');
	my $error = $v->got(sub { $_->{type} eq 'error' && ($_->{id} // '') eq 'blank' });
	is($error && $error->{code}, 'bad_content', 'what is refused is refused by its id');
	is($v->{state}, 'welcomed', 'and the visitor is not sent off');
	my $other = $t->visitor;
	$other->{attributes} = undef;
	my ($second) = $t->arrived(attributes => { page => 'x' });
	is($t->sql("SELECT attributes ->> 'page' FROM webchatt.visitors WHERE id = '$second->{visitor}'"), 'x', 'others come as before');

	# Applications.
	my $key = $t->sql(q{SELECT webchatt.create_api_key('odd')});
	my $post = sub {
		my ($path, $body) = @_;
		my $tx = $ua->post($t->base_url . $path => { 'Content-Type' => 'application/json', 'x-api-key' => $key } => $body);
		return ($tx->res->code // 0, eval { decode_json($tx->res->body) } // $tx->res->body);
	};
	my $path = '/v1/communication/web-chatt2me/message';
	my ($code, $answer);
	Visitor::until(sub { ($code, $answer) = $post->($path, qq({"from":"$channel","to":"$v->{visitor}","content":{"text":"warm"}})); return $code != 401 }, 20);
	for my $case (@odd)
	{
		my ($name, $in, $out) = @$case;
		($code, $answer) = $post->($path, qq({"from":"$channel",$unread,"to":"$v->{visitor}","content":{"text":"$in"}}));
		is($code, 200, "an application's message with $name is taken") or diag(explain($answer));
		is(text_in($t, "id = '$answer->{messageId}'"), $out, 'as what can be stored') if ref $answer && $answer->{messageId};
	}
	($code, $answer) = $post->($path, qq({"from":"$channel","to":4711,"content":{"text":"x"}}));
	is("$code $answer->{errorCode}", '200 session_not_found', 'a visitor that is a number is nobody');
	($code, $answer) = $post->('/v1/organization/webhook', qq(\xef\xbb\xbf{"label":"odd \\ud83d","endpoint":"https://example.com/x","eventType":"Message","authenticationProtocol":"NoAuthentication",)
		. qq("requiresSignature":true,"headers":[{"key":"X-Odd","value":"a"}]}\0));
	is($code, 201, 'a webhook with half an emoji in its label is made') or diag(explain($answer));
	is($t->sql('SELECT label FROM webchatt.webhooks'), "odd $WRONG", 'as what can be stored');
	$v->end;
	$t->finish;
};

done_testing();
