# Visitors of a local channel and SQL talk to each other: what is said arrives on
# the other side, once, with its status, in all the ways that the protocol has.
use strict;
use warnings;

use LocalHub;
use Mojo::JSON qw(decode_json encode_json);
use Test::More;
use Time::HiRes qw(time);

my $t = LocalHub->begin;
my $channel = $t->{channel};
my $uuid = qr/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\z/;

# --- the first message, and its answer -------------------------------------

$t->answering;
my $v = $t->arrived(attributes => { language => 'pt', page => '/shoes' });
like($v->{visitor}, $uuid, 'a visitor gets an id');
like($v->{token}, qr/^wct_[A-Za-z0-9_-]{43}\z/, 'and a token');
is($v->{welcome}{name}, 'Shop', 'and the channel\'s name');
is_deeply($v->{welcome}{messages}, [], 'no messages yet');
ok(!$v->{welcome}{more}, 'nor older ones');
cmp_ok($v->{welcome}{limits}{message}, '>=', 1024, 'and the limit of a frame');
is($t->sql("SELECT attributes ->> 'language', attributes ->> 'page', first_seen <= now(), last_seen <= now(), last_seen > now() - interval '5 minutes'
	FROM webchatt.visitors WHERE id = '$v->{visitor}'"), 'pt|/shoes|t|t|t', 'the visitor is a row with its attributes');
unlike($t->sql("SELECT string_agg(v::text, ' ') FROM webchatt.visitors v"), qr/\Q$v->{token}\E/, 'which does not hold the token');

my $began = time * 1000;
my $said = $v->say('Where is my order?');
my $id = $v->acked($said);
like($id, $uuid, 'a message is acked with its id');
is($t->sql("SELECT direction, status, visitor, content ->> 'text', hub_message_id FROM webchatt.messages WHERE id = '$id'"),
	"in|received|$v->{visitor}|Where is my order?|$v->{visitor}/$said", 'and is a row');
my ($ack) = $v->of_type('ack');
cmp_ok(abs($ack->{at} - $began), '<', 3_600_000, 'with its time in milliseconds');
my $reply = $v->got(sub { $_->{type} eq 'message' && $_->{direction} eq 'out' });
is($reply->{content}{text}, 're: Where is my order?', 'the trigger\'s reply is pushed');
like($reply->{id}, $uuid, 'with its id');
cmp_ok($reply->{id}, 'gt', $id, 'behind the message that it answers');
$t->status_becomes($reply->{id}, 'delivered', 'the receipt makes it delivered');
ok($v->got(sub { $_->{type} eq 'status' && $_->{status} eq 'delivered' && grep { $_ eq $reply->{id} } @{ $_->{ids} } }), 'and the hub confirms it');
is($t->sql("SELECT count(*) FROM webchatt.statuses WHERE message_id = '$reply->{id}' AND status = 'sent'"), 1, 'it was sent before');
$v->confirm('read', $reply->{id});
$t->status_becomes($reply->{id}, 'read', 'then read');
ok($v->got(sub { $_->{type} eq 'status' && $_->{status} eq 'read' && grep { $_ eq $reply->{id} } @{ $_->{ids} || [] } }), 'which is confirmed too');
is($t->sql("SELECT string_agg(status, ',' ORDER BY id) FROM webchatt.statuses WHERE message_id = '$reply->{id}'"),
	'sent,delivered,read', 'statuses has each step');
$v->confirm('delivered', $reply->{id});
$v->send({ type => 'ping' });
ok($v->got(sub { $_->{type} eq 'pong' }), 'ping is answered');
Visitor::until(sub { !%{ $v->{pending}{delivered} } }, 20);
is($t->row($reply->{id}, 'status'), 'read', 'a late delivered takes nothing back');
$t->sql('DROP TRIGGER answer ON webchatt.messages');

# A repeat of a client id, at once and after the ack.
my $mark = $v->mark;
$v->send({ type => 'message', id => $said, content => { type => 'text', text => 'Where is my order?' } });
my $again = $v->got(sub { $_->{type} eq 'ack' }, 20, $mark);
is($again->{message}, $id, 'a repeat has the same ack');
is($again->{at}, $ack->{at}, 'with the same time');
$v->send({ type => 'message', id => 'twice', content => { type => 'text', text => 'twice' } }) for 1 .. 5;
ok(Visitor::until(sub { 5 == grep { $_->{id} eq 'twice' } $v->of_type('ack') }), 'five repeats in one go have five acks');
my %ids = map { $_->{message} => 1 } grep { $_->{id} eq 'twice' } $v->of_type('ack');
is(scalar keys %ids, 1, 'of one message');
is($t->sql("SELECT count(*) FROM webchatt.messages WHERE channel_id = '$channel' AND direction = 'in'"), 2, 'and one row each');

# --- who it is -------------------------------------------------------------

my $same = $t->arrived(token => $v->{token});
is($same->{visitor}, $v->{visitor}, 'with the token it is the same visitor');
ok(!defined $same->{welcome}{token}, 'to whom the token is not told again');
is_deeply([ map { $_->{id} } @{ $same->{welcome}{messages} } ], [ map { $_->{id} } $t->rows($v) ], 'who gets the conversation, in order');
is_deeply([ grep { defined } map { $_->{client} } @{ $same->{welcome}{messages} } ], [ $said, 'twice' ], 'with the client ids');
is_deeply([ map { exists $_->{type} ? 1 : () } @{ $same->{welcome}{messages} } ], [], 'without types');
my ($read) = grep { $_->{id} eq $reply->{id} } @{ $same->{welcome}{messages} };
is($read->{status}, 'read', 'and statuses');
my $new = $t->arrived;
isnt($new->{visitor}, $v->{visitor}, 'without a token it is another');
is_deeply($new->{welcome}{messages}, [], 'who sees nothing of it');
is($t->sql("SELECT count(*) FROM webchatt.visitors WHERE channel_id = '$channel'"), 2, 'two visitors are two rows');

# --- two clients of one visitor are in step --------------------------------

$mark = $same->mark;
$said = $v->say('from the first tab');
$id = $v->acked($said);
my $echo = $same->got(sub { $_->{type} eq 'message' && $_->{id} eq $id }, 20, $mark);
is($echo->{direction}, 'in', 'what one tab writes comes to the other as in');
is($echo->{client}, $said, 'with its client id');
is($echo->{content}{text}, 'from the first tab', 'and its content');
$id = $t->reply($v, 'to both');
ok($_->got(sub { $_->{type} eq 'message' && $_->{id} eq $id }), 'a reply comes to both') for $v, $same;
$t->status_becomes($id, 'delivered');
is($t->sql("SELECT string_agg(status, ',' ORDER BY id) FROM webchatt.statuses WHERE message_id = '$id'"), 'sent,delivered', 'and is delivered once');
$mark = $same->mark;
$v->confirm('read', $id);
ok($same->got(sub { $_->{type} eq 'status' && $_->{status} eq 'read' && grep { $_ eq $id } @{ $_->{ids} || [] } }, 20, $mark),
	'what one tab reads is read in the other');
$_->end for $same;

# --- held, released, expired -----------------------------------------------

$v->close;
$t->wait_for("SELECT count(*) = 0 FROM webchatt.presence WHERE visitor = '$v->{visitor}'", 'a visitor leaves');
my @held = map { $t->reply($v, "away $_") } 1 .. 5;
$t->status_becomes($_, 'held', 'a message to nobody is held') for @held;
my $late = $t->reply($v, 'too late', q{, expires => interval '1 second'});
$t->status_becomes($late, 'expired', 'and expires when its time is over', 30);
my $cancelled = $t->reply($v, 'cancelled');
$t->status_becomes($cancelled, 'held');
is($t->sql("SELECT webchatt.cancel_message('$channel', '$cancelled')"), 't', 'one that is held can be cancelled');
$v->arrive;
ok(Visitor::until(sub { 5 == grep { $v->{messages}{$_} } @held }), 'hello brings what was held');
$t->status_becomes($_, 'delivered', 'which becomes delivered') for @held;
my @order = map { $_->{id} } grep { my $m = $_; grep { $_ eq $m->{id} } @held } map { $_->{type} eq 'welcome' ? @{ $_->{messages} } : $_ }
  grep { $_->{type} =~ /^(?:welcome|message)\z/ } @{ $v->{frames} };
my %first;
is_deeply([ grep { !$first{$_}++ } @order ], \@held, 'in order');
ok(!$v->{messages}{$late}, 'what expired does not come');
ok(!$v->{messages}{$cancelled}, 'nor what was cancelled');
is($t->row($cancelled, 'status'), 'cancelled', 'and stays so');
$t->sql("SELECT webchatt.send_message('$channel', '$v->{visitor}', text => 'burst ' || i) FROM generate_series(1, 200) i");
ok(Visitor::until(sub { 200 == grep { /^burst/ } $v->texts('out') }), '200 messages of one statement come');
my @pushed = map { $_->{content}{text} =~ /^burst ([0-9]+)/ ? $1 : () } $v->of_type('message');
is_deeply(\@pushed, [ 1 .. 200 ], 'in order, each once');
$t->wait_for("SELECT count(*) = 0 FROM webchatt.messages WHERE direction = 'out' AND visitor = '$v->{visitor}'
	AND status NOT IN ('delivered', 'read', 'expired', 'cancelled')", 'all are delivered');

# --- transactions ----------------------------------------------------------

my $session = $t->session;
$session->query("BEGIN; SELECT webchatt.send_message('$channel', '$v->{visitor}', text => 'rolled back')");
$session->query('ROLLBACK');
$session->query("BEGIN; SELECT webchatt.send_message('$channel', '$v->{visitor}', text => 'begun first')");
$id = $t->reply($v, 'begun second');
ok($v->got(sub { $_->{type} eq 'message' && $_->{id} eq $id }), 'a younger transaction does not wait for an older one');
ok(!(grep { $_ eq 'begun first' } $v->texts), 'which nobody sees before its commit');
$session->query('COMMIT');
ok(Visitor::until(sub { grep { $_ eq 'begun first' } $v->texts }), 'and comes when it commits');
is_deeply([ ($v->texts)[ -2, -1 ] ], [ 'begun first', 'begun second' ], 'in its place');
ok(!(grep { $_ eq 'rolled back' } $v->texts), 'what was rolled back does not come');

# --- read and typing -------------------------------------------------------

my @mine = map { $v->say("seen $_") } 1 .. 3;
my @rows = map { $v->acked($_) } @mine;
my $away = $t->arrived(token => $v->{token});
is($away->{messages}{ $rows[0] }{status}, 'received', 'a client that has them, unread');
$away->cut;
$mark = $v->mark;
$t->sql("SELECT webchatt.mark_read('$channel', '$v->{visitor}', '$rows[1]')");
my $upto = $v->got(sub { $_->{type} eq 'status' && defined $_->{upto} }, 20, $mark);
is("$upto->{status} $upto->{upto}", "read $rows[1]", 'mark_read() says how far the visitor\'s messages were read');
is(join(',', map { $v->{messages}{$_}{status} } @rows), 'read,read,received', 'those behind it are not');
$mark = $v->mark;
$t->sql("SELECT webchatt.mark_read('$channel', '$v->{visitor}')");
$upto = $v->got(sub { $_->{type} eq 'status' && defined $_->{upto} }, 20, $mark);
is($upto->{upto}, $rows[2], 'without a message: all');
$away->arrive;
is(join(',', map { $away->{messages}{$_}{status} } @rows), 'read,read,read', 'one that was away learns it when it comes back');
$away->end;
my $other_tab = $t->arrived(token => $v->{token}, receipts => 'none');
my ($seen) = grep { $_->{id} eq $rows[2] } @{ $other_tab->{welcome}{messages} };
is($seen->{status}, 'read', 'another client learns it from its welcome');
is($other_tab->{welcome}{read}, $rows[2], 'which says it also of what the client has');
$other_tab->end;

Visitor::until(sub { !%{ $v->{pending}{delivered} } });
my $before = $t->sql('SELECT (SELECT count(*) FROM webchatt.messages), (SELECT count(*) FROM webchatt.statuses)');
$v->typing;
$t->wait_for("SELECT typing FROM webchatt.presence WHERE visitor = '$v->{visitor}'",
	'the visitor types: presence says so');
$mark = $v->mark;
$t->sql("SELECT webchatt.send_typing('$channel', '$v->{visitor}')");
ok($v->got(sub { $_->{type} eq 'typing' }, 20, $mark), 'send_typing() comes to the visitor');
is($new->{typing}, 0, 'and to nobody else');
$t->sql("BEGIN; SELECT webchatt.send_typing('$channel', '$v->{visitor}'); ROLLBACK");
is($t->sql('SELECT (SELECT count(*) FROM webchatt.messages), (SELECT count(*) FROM webchatt.statuses)'), $before, 'typing is stored nowhere');
$t->sql("SELECT webchatt.send_typing('$channel', '00000000-0000-7000-8000-000000000000')");
isnt(($t->try_sql("SELECT webchatt.send_typing('$channel', 'nobody')"))[0], 0, 'send_typing() to what is no visitor\'s id is an error');

# --- presence --------------------------------------------------------------

my @tabs = map { $t->arrived(token => $v->{token}) } 1 .. 2;
$t->wait_for("SELECT sessions = 3 AND since <= now() FROM webchatt.presence WHERE channel_id = '$channel' AND visitor = '$v->{visitor}'",
	'presence counts a visitor\'s sessions');
$tabs[0]->close;
$tabs[1]->cut(reset => 1);
$t->wait_for("SELECT sessions = 1 FROM webchatt.presence WHERE visitor = '$v->{visitor}'", 'also when they go');
$v->close;
$t->wait_for("SELECT count(*) = 0 FROM webchatt.presence WHERE visitor = '$v->{visitor}'", 'the last one takes the row along');
is($t->sql("SELECT last_seen > first_seen - interval '1 second' FROM webchatt.visitors WHERE id = '$v->{visitor}'"), 't', 'last_seen stays');

# --- rejects ---------------------------------------------------------------

$t->sql(q{
	CREATE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF new.content ->> 'text' LIKE 'cursed%' THEN RAISE EXCEPTION 'not this one' USING ERRCODE = 'WC001'; END IF;
		RETURN NULL;
	END $$;
	CREATE TRIGGER stumble AFTER INSERT ON webchatt.messages FOR EACH ROW WHEN (new.direction = 'in') EXECUTE FUNCTION stumble()});
$v->arrive;
my @good = map { $new->say("blessed $_") } 1 .. 5;
my $cursed = $v->say('cursed');
push @good, map { $new->say("blessed $_") } 6 .. 10;
is($v->acked($cursed), '', 'a message that the application refuses is acked without an id');
is(scalar(grep { $new->acked($_) } @good), 10, 'its neighbours are not hurt');
is($t->sql('SELECT event_type, event_key, visitor, sqlstate, reason FROM webchatt.rejects'),
	"Message|$v->{visitor}/$cursed|$v->{visitor}|WC001|not this one", 'it is in rejects, with the reason');
$v->send({ type => 'message', id => $cursed, content => { type => 'text', text => 'cursed' } });
ok(Visitor::until(sub { 2 == grep { $_->{id} eq $cursed } $v->of_type('ack') }), 'a repeat of it is acked');
is($t->sql('SELECT count(*) FROM webchatt.rejects'), 1, 'and is the same reject');
$t->sql('DROP TRIGGER stumble ON webchatt.messages');
is($t->sql('SELECT webchatt.retry_reject(id) FROM webchatt.rejects'), 'stored', 'retry_reject() brings it back');
my $second = $t->arrived(token => $v->{token});
ok(Visitor::until(sub { grep { $_ eq 'cursed' } $second->texts('in') }), 'and the visitor\'s clients see it when they come');
$v->cut;
$v->arrive;
is($t->sql("SELECT count(*) FROM webchatt.messages WHERE hub_message_id = '$v->{visitor}/$cursed'"), 1, 'one row');
$second->end;

# --- contents --------------------------------------------------------------

my %said = (
	text => { type => 'text', text => "\x{1F600} \x{e9} \"quoted\" \\ \x{2028}\n\ttab </script>" },
	button => { type => 'interactive', interactive => { type => 'button_reply', button_reply => { id => 'track', title => 'Track it' } } },
	list => { type => 'interactive', interactive => { type => 'list_reply', list_reply => { id => 'a1', title => 'Order A-1', description => 'two days ago' } } });
for my $kind (sort keys %said)
{
	$id = $v->acked($v->say($said{$kind}));
	ok($id, "$kind: is taken");
	is_deeply(decode_json($t->row($id, 'content::text')), $said{$kind}, "$kind: as it was") if $id;
}
my @bad = ({ type => 'image', imageUrl => 'https://example.org/a.png' }, { type => 'text' }, { type => 'text', text => '' },
	{ type => 'text', text => " \n\t" }, { type => 'text', text => { a => 1 } }, { text => 'no type' },
	{ type => 'interactive', interactive => { type => 'button_reply' } },
	{ type => 'interactive', interactive => { type => 'button_reply', button_reply => { id => 'x' x 257, title => 'x' } } });
for my $content (@bad)
{
	my $client = $v->say($content);
	$v->acked($client);
	is($v->{refused}{$client}, 'bad_content', 'refused: ' . encode_json($content));
}
my $client = $v->say({ type => 'text', text => 'x' x 17_000 });
Visitor::until(sub { $v->{refused}{$client} || $v->{state} ne 'welcomed' });
ok(($v->{refused}{$client} // '') eq 'too_large' || ($v->closed // 0) == 1009, 'a text over the limit is refused');
$v->arrive if $v->{state} ne 'welcomed';
delete $v->{unacked}{$client};

my @sent = (
	{ text => 'plain' }, { imageUrl => 'https://example.org/a.png', text => "caption \x{e9}" }, { videoUrl => 'https://example.org/a.mp4' },
	{ audioUrl => 'https://example.org/a.mp3' }, { documentUrl => 'https://example.org/a.pdf', filename => 'a.pdf' },
	{ type => 'location', location => { latitude => 1.5, longitude => -2.25, name => 'here' } },
	{ type => 'interactive', interactive => { type => 'button', body => { text => 'Which?' },
		action => { buttons => [ map { { type => 'reply', reply => { id => "b$_", title => "Number $_" } } } 1 .. 3 ] } } });
for my $content (@sent)
{
	my $json = encode_json($content);
	$id = $t->sql("SELECT webchatt.send_message('$channel', '$v->{visitor}', content => \$j\$$json\$j\$)");
	my $came = $v->got(sub { $_->{type} eq 'message' && $_->{id} eq $id });
	is_deeply($came && $came->{content}, $content, 'comes as it was sent: ' . substr $json, 0, 40);
}
$id = $t->sql("SELECT webchatt.send_message('$channel', '$v->{visitor}', text => repeat('0123456789', 6000))");
ok($v->got(sub { $_->{type} eq 'message' && $_->{id} eq $id && length $_->{content}{text} == 60_000 }), '60 kB of text come whole');
$t->status_becomes($id, 'delivered');

# Frames that are not what they should be have an error each, and no other effect.
for my $wrong (
	[ '{"type":"message","content":{"type":"text","text":"no id"}}', 'bad_message' ],
	[ '{"type":"message","id":"bad id!","content":{"type":"text","text":"x"}}', 'bad_message' ],
	[ '{"type":"message","id":"' . 'x' x 65 . '","content":{"type":"text","text":"x"}}', 'bad_message' ],
	[ '{"type":"message","id":"no-content"}', 'bad_message' ],
	[ '{"type":"delivered"}', 'bad_message' ], [ '{"type":"delivered","ids":["nonsense"]}', 'bad_message' ],
	[ '{"type":"history"}', 'bad_message' ], [ '{"type":"history","before":7}', 'bad_message' ],
	[ '{"type":"dance"}', 'unknown_type' ])
{
	my ($text, $code) = @$wrong;
	$mark = $v->mark;
	$v->send($text);
	my $error = $v->got(sub { $_->{type} eq 'error' }, 20, $mark);
	is($error && $error->{code}, $code, "$code: " . substr $text, 0, 50);
	ok($error && $error->{text}, 'with words for a person');
}

# --- history ---------------------------------------------------------------

my $talker = $t->arrived;
$t->sql("SELECT webchatt.send_message('$channel', '$talker->{visitor}', text => 'line ' || i) FROM generate_series(1, 120) i");
ok(Visitor::until(sub { 120 == $talker->texts && !%{ $talker->{pending}{delivered} } }), 'a conversation of 120 messages, all delivered');
my $reader = $t->visitor(token => $talker->{token}, resend => 0);
$reader->arrive;
my @page = @{ $reader->{welcome}{messages} };
is_deeply([ map { $_->{content}{text} } @page ], [ map { "line $_" } 71 .. 120 ], 'welcome has the newest 50, in order');
ok($reader->{welcome}{more}, 'and says that there are more');
for my $want ([ 21, 70, 1 ], [ 1, 20, 0 ])
{
	my $oldest = $page[0]{id};
	$mark = $reader->mark;
	$reader->ask_history($oldest);
	my $history = $reader->got(sub { $_->{type} eq 'history' }, 20, $mark);
	is($history->{before}, $oldest, 'history answers the question');
	@page = @{ $history->{messages} };
	is_deeply([ map { $_->{content}{text} } @page ], [ map { "line $_" } $want->[0] .. $want->[1] ], "with lines $want->[0] to $want->[1]");
	is(!!$history->{more}, !!$want->[2], $want->[2] ? 'and more' : 'and no more');
}
$mark = $reader->mark;
$reader->ask_history($page[0]{id});
my $nothing = $reader->got(sub { $_->{type} eq 'history' }, 20, $mark);
is_deeply([ $nothing->{messages}, !!$nothing->{more} ], [ [], !!0 ], 'before the first there is nothing');
$reader->end;

# Far behind one was never confirmed: it comes with its own page, or who goes on from a page's oldest misses what lies between.
my $writer = $t->arrived(receipts => 'none', log => 1);
my @written = split /\n/, $t->sql("SELECT webchatt.send_message('$t->{channel}', '$writer->{visitor}', text => 'page ' || n) FROM generate_series(1, 160) n");
ok(Visitor::until(sub { $writer->transcript == 160 }), '160 messages came');
$writer->confirm('delivered', grep { $_ ne $written[29] } @written);
$t->wait_for("SELECT count(*) = 159 FROM webchatt.messages WHERE visitor = '$writer->{visitor}' AND status = 'delivered'", 'all but one of them are confirmed');
$writer->ask_history($written[110]);
my $older = $writer->got(sub { $_->{type} eq 'history' });
is_deeply([ map { $_->{id} } @{ $older->{messages} } ], [ @written[60 .. 109] ], 'a page of history leaves nothing out');
$writer->end;

# have: what the client holds is not sent again.
my $holder = $t->visitor(token => $talker->{token}, messages => {}, resend => 0);
$holder->{messages} = { map { $_->{id} => $_ } ($talker->transcript)[ 60 .. 119 ] };
delete $holder->{messages}{ ($talker->transcript)[100]{id} };
$holder->arrive;
is_deeply([ map { $_->{content}{text} } @{ $holder->{welcome}{messages} } ], ['line 101'], 'of what is in have nothing is sent, the one gap is');
$holder->end;

# Gone while the line still looked alive, and overtaken by more than a page: what
# nobody confirmed comes again by itself.
$session->query("BEGIN; SELECT webchatt.send_message('$channel', '$talker->{visitor}', text => 'overtaken')");
$t->sql("SELECT webchatt.send_message('$channel', '$talker->{visitor}', text => 'newer ' || i) FROM generate_series(1, 80) i");
ok(Visitor::until(sub { 80 == grep { /^newer/ } $talker->texts }), '80 messages overtake one');
Visitor::until(sub { !%{ $talker->{pending}{delivered} } });
$talker->{deaf} = 1;
$session->query('COMMIT');
$t->wait_for("SELECT status = 'sent' FROM webchatt.messages WHERE content ->> 'text' = 'overtaken'", 'it is handed to a session that does not hear it');
$talker->{deaf} = 0;
$talker->cut(reset => 1);
$talker->arrive;
ok(Visitor::until(sub { grep { $_ eq 'overtaken' } $talker->texts }), 'and comes again with the next hello');

# The same with two clients: what the other one has confirmed.
my $twin = $t->arrived(token => $talker->{token});
ok(Visitor::until(sub { $twin->transcript == $talker->transcript }), 'a second client');
$session->query("BEGIN; SELECT webchatt.send_message('$channel', '$talker->{visitor}', text => 'for both')");
$t->sql("SELECT webchatt.send_message('$channel', '$talker->{visitor}', text => 'newest ' || i) FROM generate_series(1, 60) i");
ok(Visitor::until(sub { 120 == grep { /^newest/ } map { $_->texts } $talker, $twin }), '60 messages overtake one, for both');
$twin->cut;
$session->query('COMMIT');
$t->wait_for("SELECT status = 'delivered' FROM webchatt.messages WHERE content ->> 'text' = 'for both'", 'which the first confirms');
$twin->arrive;
ok(Visitor::until(sub { grep { $_ eq 'for both' } $twin->texts }), 'and the second gets it all the same');
$twin->end;

# Long messages: pages are shorter, nothing is left out.
my $long = $t->arrived;
$t->sql("SELECT webchatt.send_message('$channel', '$long->{visitor}', text => repeat(chr(96 + i), 12000) || i) FROM generate_series(1, 26) i");
ok(Visitor::until(sub { 26 == $long->texts && !%{ $long->{pending}{delivered} } }), 'a conversation of 26 messages of 12 kB');
my $pager = $t->arrived(token => $long->{token});
cmp_ok(scalar @{ $pager->{welcome}{messages} }, '<', 26, 'does not come in one page');
cmp_ok(length encode_json($pager->{welcome}), '<', 131_072, 'which has a limit in bytes');
ok(Visitor::until(sub { 26 == $pager->texts && !$pager->{filling} }), 'and comes page by page');
$t->account('long messages', [ $long, $pager ], acked => 0);
$_->end for $long, $pager;

# --- in the end ------------------------------------------------------------

Visitor::until(sub { !grep { %{ $_->{unacked} } } $v, $new, $talker });
$t->account('in the end', [ $v, $new, $talker ], acked => 10);
is($t->sql("SELECT count(*) FROM webchatt.messages WHERE direction = 'out' AND status IN ('queued', 'held', 'failed')"), 0, 'nothing waits');
$_->end for $v, $new, $talker;
$t->wait_for('SELECT count(*) = 0 FROM webchatt.presence', 'nobody is left');

done_testing();
