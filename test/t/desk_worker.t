# What the desk asks for is carried out by a process of its own, with the rights of whoever asks: sessions and
# roles, what each error is answered, what becomes of calls when that process is ended or is slow, and that no
# visitor waits for them; and what is told of changes.  The test is webchatt-net: it speaks the corridor's frames.
use strict;
use warnings;

use Corridor;
use Digest::SHA qw(sha256);
use IO::Select;
use IO::Socket::UNIX;
use JSON::PP;
use LocalHub;
use Patience;
use StandIn;
use Test::More;

my $dir = StandIn::install('relay-net');
my $desk = '127.0.0.1:' . WebchattTest::free_port();
my $t = LocalHub->new(conf => "webchatt.desk_listen = '$desk'\ndynamic_shared_memory_type = mmap\nwal_level = replica\nmax_wal_senders = 2");
my ($in, $link, @frames) = ('');
my %name_of = map { $Corridor::FRAME{$_}{type} => $_ } keys %Corridor::FRAME;

sub speak { my ($name, %fields) = @_; return syswrite $link, Corridor::whole($name, Corridor::encode($name, %fields)) }

# Take what the worker says.
sub take
{
	while (IO::Select->new($link)->can_read(0))
	{
		last if !sysread $link, $in, 65536, length $in;
	}
	while (length $in >= 5 && length $in >= 4 + unpack 'V', $in)
	{
		my ($len, $type) = unpack 'VC', $in;
		push @frames, [$name_of{$type}, Corridor::decode($name_of{$type}, substr $in, 5, $len - 1)];
		substr $in, 0, 4 + $len, '';
	}
	return;
}

# The next frame of that name, for which a condition holds.
sub frame
{
	my ($name, $which) = @_;
	my $found;
	Patience::until(sub {
		take();
		($found) = grep { $_->[0] eq $name && (!$which || $which->($_->[1])) } @frames;
		return $found;
	}) or die("no $name comes");
	@frames = grep { $_ != $found } @frames;
	return $found->[1];
}

# Be webchatt-net.
sub meet
{
	@frames = ();
	$in = '';
	Patience::until(sub { $link = IO::Socket::UNIX->new(Peer => "$dir/relay") }) or die('no relay');
	is(frame('HELLO')->{version}, $Corridor::VERSION_OF_CORRIDOR, 'the worker says hello');
	speak('HELLO_BACK', version => $Corridor::VERSION_OF_CORRIDOR, pid => $$);
	frame('OPEN');
	speak('OPENED', addresses => '127.0.0.1:1', desk => $desk);
	return;
}

my ($request, $json) = (0, JSON::PP->new->utf8->canonical->allow_nonref);

# Call a function; args: as Perl has them, or a text; from: the token of a session.  The request's number.
sub call
{
	my ($function, $args, $from, %more) = @_;
	speak('DESK_CALL', request => ++$request, function => $function, args => ref $args ? $json->encode($args) : $args, client => '192.0.2.1', user_agent => 'A browser', user => $more{user},
		defined $from ? (session => sha256($from), has_session => 1) : (session => defined $more{had} ? sha256($more{had}) : "\0" x 32), unattended => $more{unattended}, new_session => $more{new_session} ? sha256($more{new_session}) : "\0" x 32);
	return $request;
}

# Its answer: the status, the body, whose session it was.
sub answer
{
	my ($of) = @_;
	my $m = frame('DESK_ANSWER', sub { $_[0]{request} == $of });
	return ($m->{http_status}, $m->{body} eq '' ? undef : $json->decode($m->{body}), $m->{agent});
}

sub asked { return answer(call(@_)) }

sub sign_in
{
	my ($name, $token) = @_;
	my ($link_token) = $t->sql("SELECT webchatt.sign_in_link('$name')") =~ /#sign-in=(\S+)/;
	my ($status, undef, $agent) = asked('sign_in', { token => $link_token }, undef, new_session => $token);
	is("$status $agent", "200 $name", "$name is signed in");
	return $link_token;
}

sub desk_pid { return $t->sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'webchatt desk'}) }
# The most memory that a process had, in kB.
sub peak_of
{
	my ($pid) = @_;
	open my $fh, '<', "/proc/$pid/status" or die("no process $pid");
	return join('', <$fh>) =~ /^VmHWM:\s+(\d+) kB/m ? $1 : die('no VmHWM');
}

# Change how long a call may take, and wait until the process that carries them out knows: a call that it begins before
# is still under the limit from before.
sub limit_calls
{
	my ($limit) = @_;
	$t->sql('ALTER SYSTEM ' . ($limit ? "SET webchatt.desk_statement_timeout = '$limit'" : 'RESET webchatt.desk_statement_timeout'));
	$t->sql('SELECT pg_reload_conf()');
	$limit //= '3min';
	ok(Patience::until(sub { my ($status, $body) = asked('limit', {}, 'of ana'); return $status == 200 && $body eq $limit }), "a call may take $limit");
	return;
}

sub desk_pid_but { return $t->sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'webchatt desk' AND pid NOT IN (} . join(', ', 0, @_) . ')') }
sub changed { my ($visitor) = @_; return frame('DESK_CHANGED', sub { $_[0]{visitor} eq $visitor }) }

$t->sql('CREATE EXTENSION webchatt');
my ($shop) = $t->make_channel('Shop', $LocalHub::ORIGIN);
my $started = $t->sql('SELECT pg_postmaster_start_time()');
meet();
my $config = (grep { $_->[0] eq 'CONFIG' } @frames)[0][1];
is("$config->{desk_listen} $config->{desk_session_max_s}", "$desk 2592000", 'it says where the desk is');

$t->wait_for("SELECT desk = '$desk' FROM webchatt.status", 'so does the status');

# Off until the first agent is made.
is(frame('DESK_STATE')->{on}, 0, 'there is nobody');
$t->sql(q{SELECT webchatt.create_agent('ana', 'Ana'), webchatt.create_agent('root', 'Root', 'admin')});
is(frame('DESK_STATE', sub { $_[0]{on} })->{on}, 1, 'now there is');
is(desk_pid(), '', 'and no process before somebody calls');

# Where there is no shared memory for its queue, it is the desk that waits, and nobody else.
my $shared = $t->node->data_dir . '/pg_dynshmem';
chmod 0500, $shared or die("$shared: $!");
is_deeply([ (asked('me', {}))[0], (asked('search', {}))[0] ], [ 503, 503 ], 'without shared memory calls are turned away');
like($t->sql('SELECT last_error FROM webchatt.status'), qr/^the desk cannot be used: there is no shared memory for its worker: could not open shared memory segment/, 'the status says why');
chmod 0700, $shared or die("$shared: $!");
Patience::until(sub { (asked('me', {}))[0] == 401 }) or die('no process');

# Who calls.
is_deeply([ (asked('me', {}))[0, 2] ], [ 401, '' ], 'without a session nothing is done');
isnt(desk_pid(), '', 'a process carries calls out');
is((asked('me', {}, 'a token that nobody has'))[0], 401, 'nor with one that is none');
is((asked('sign_in', { token => 'x' }, undef, new_session => 'new'))[0], 401, 'a link that is none opens nothing');
is((asked('sign_in', {}, undef, new_session => 'new'))[0], 401, 'nor does none');
my $used = sign_in('ana', 'of ana');

# What counts as use of a session.
sub unused { return $t->sql(q{SELECT last_seen < now() - interval '30 minutes' FROM webchatt.agent_sessions WHERE agent = 'ana'}) }
$t->sql(q{UPDATE webchatt.agent_sessions SET last_seen = now() - interval '1 hour' WHERE agent = 'ana'});
is((asked('socket', {}, 'of ana'))[0] . unused(), '200t', 'an open page does not count as use');
is((asked('me', {}, 'of ana', unattended => 1))[0] . unused(), '200t', 'nor does what it asks while nobody touches it');
is((asked('me', {}, 'of ana'))[0] . unused(), '200f', 'what somebody asks does');
my ($status, $body, $agent) = asked('sign_in', { token => $used }, undef, new_session => 'again');
is("$status $body->{errorCode}", '401 invalid_link', 'a link works once');
is((asked('me', {}, 'again'))[0], 401, 'and leaves no session');
my ($late) = $t->sql(q{SELECT webchatt.sign_in_link('ana', '1 ms')}) =~ /#sign-in=(\S+)/;
$t->wait_for('SELECT now() > max(expires_at) FROM webchatt.sign_in_links', 'its time is over');
is((asked('sign_in', { token => $late }, undef, new_session => 'late'))[0], 401, 'one that is over opens nothing');
is($t->sql(q{SELECT agent, client, user_agent, expires_at - created_at FROM webchatt.agent_sessions}), 'ana|192.0.2.1|A browser|30 days', 'the session is in its table');
($status, $body, $agent) = asked('me', {}, 'of ana');
is_deeply([ $status, $agent, $body->{agent}{displayName}, $body->{channels}[0]{displayName} ], [ 200, 'ana', 'Ana', 'Shop' ], 'me');
is_deeply([ asked('socket', {}, 'of ana') ], [ 200, {}, 'ana' ], 'whose session that is, and no more');
sign_in('root', 'of root');

# The session that a browser had ends where it opens another one.
my ($second) = $t->sql(q{SELECT webchatt.sign_in_link('root')}) =~ /#sign-in=(\S+)/;
sign_in('root', 'the one before');
is((asked('sign_in', { token => 'x' }, undef, new_session => 'second', had => 'the one before'))[0], 401, 'a link that is none');
is((asked('me', {}, 'the one before'))[0], 200, 'ends nothing');
is((asked('sign_in', { token => $second }, undef, new_session => 'second', had => 'the one before'))[0], 200, 'one that opens');
is(join(' ', map { (asked('me', {}, $_))[0] } 'the one before', 'second', 'of ana'), '401 200 200', 'ends what that browser had, and nothing else');

# Who comes by the word of a proxy: by login, else by name; and is nobody without it.
$t->sql(q{SELECT webchatt.create_agent('eva', 'Eva', login => 'eva@example.com'), webchatt.create_agent('eva.2', 'Eva 2', login => 'eva'), webchatt.create_agent('leo', 'Leo')});
for ([ 'eva@example.com', 'eva' ], [ 'eva', 'eva.2' ], [ 'leo', 'leo' ])
{
	my ($login, $is) = @$_;
	is_deeply([ (asked('enter', {}, undef, new_session => "by $login", user => $login))[0, 2] ], [ 200, $is ], "$login is $is");
	is_deeply([ (asked('me', {}, "by $login", user => $login))[0, 2] ], [ 200, $is ], 'in a session');
	is((asked('me', {}, "by $login"))[0], 401, 'which is nobody\'s where the proxy does not say so');
}
is($t->sql(q{SELECT string_agg(agent || '=' || login, ' ' ORDER BY agent) FROM webchatt.agent_sessions WHERE login IS NOT NULL}), 'eva=eva@example.com eva.2=eva leo=leo', 'they are listed');
($status, $body) = asked('enter', {}, undef, new_session => 'x', user => $_), is("$status $body->{errorCode}", '401 unknown_user', "nobody is called $_")
  for 'eva.2', 'Leo', 'leo@example.com', 'x' x 255;
is((asked('enter', {}, undef, new_session => 'x'))[0], 401, 'nor is the word of nobody any');
is((asked('me', {}, 'by leo', user => 'eva'))[0], 401, 'somebody else in the browser of leo:');
is((asked('me', {}, 'by leo', user => 'leo'))[0], 401, 'the session has ended');
is((asked('me', {}, 'of ana', user => 'leo'))[2], 'ana', 'who came by a link is who they are');
asked('enter', {}, undef, new_session => 'by leo', user => 'leo');
$t->sql(q{UPDATE webchatt.agents SET login = 'leo@example.com' WHERE name = 'leo'});
is(join(' ', (asked('me', {}, 'by leo', user => 'leo'))[0], (asked('enter', {}, undef, new_session => 'x', user => 'leo'))[0], (asked('enter', {}, undef, new_session => 'y', user => 'leo@example.com'))[0]), '401 401 200', 'another login counts at once');
$t->sql(q{SELECT webchatt.disable_agent('leo')});
is((asked('enter', {}, undef, new_session => 'z', user => 'leo@example.com'))[0], 401, 'who is locked out does not enter');
$t->sql(q{DELETE FROM webchatt.agents WHERE name IN ('eva', 'eva.2', 'leo')});

# What is not done.
is((asked('channels', {}, 'of ana'))[0], 403, 'an agent does not reach what is for admins');
is((asked('create_agent', { name => 'x', displayName => 'X', role => 'admin' }, 'of ana'))[0], 403, 'nor makes any');
is($t->sql('SELECT count(*) FROM webchatt.agents'), '2', 'and nobody was made');
is((asked('channels', {}, 'of root'))[1][0]{displayName}, 'Shop', 'an admin does');
is((asked($_, {}, 'of root'))[0], 404, "there is no function \"$_\"")
  for '', 'nothing', '_agent', 'Me', 'me ', 'me()', "me'", 'me--', 'me.x', 'x' x 41, 'sign_in_', 'x' x 3000;
is_deeply([ (asked('inbox', $_->[0], 'of ana'))[0, 1] ], [ 400, { errorCode => 'invalid_request', %{ $_->[1] } } ], "arguments: $_->[0]")
  for [ '[]', { errorMessage => 'the arguments are not a JSON object' } ], [ '7', { errorMessage => 'the arguments are not a JSON object' } ],
  [ '{"filter": "all"}', { errorMessage => q{"filter" is 'all'}, hint => 'Use open, mine or closed.' } ];
is((asked('inbox', $_, 'of ana'))[0], 400, 'what is no JSON') for '', '{', '{"a": "\u0000"}';
($status, $body) = asked('conversation', { channel => $shop, visitor => 'nobody' }, 'of ana');
is("$status $body->{errorCode}", '404 not_found', 'a visitor who is not there');

# Rights, as a function of the operator's sees them.
$t->sql(q{CREATE FUNCTION webchatt.desk_probe(args jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE args ->> 'do';
		RETURN jsonb_build_object('user', current_user, 'agent', current_setting('webchatt.agent'), 'path', current_setting('search_path'));
	END $$;
	CREATE FUNCTION webchatt.desk_limit(args jsonb) RETURNS jsonb LANGUAGE sql RETURN to_jsonb(current_setting('webchatt.desk_statement_timeout'));
	GRANT EXECUTE ON FUNCTION webchatt.desk_limit(jsonb) TO webchatt_agent, webchatt_admin;
	GRANT EXECUTE ON FUNCTION webchatt.desk_probe(jsonb) TO webchatt_agent, webchatt_admin});
is_deeply([ (asked('probe', { do => 'SELECT 1' }, "of $_->[0]"))[0, 1] ], [ 200, { user => $_->[1], agent => $_->[0], path => 'pg_catalog, pg_temp' } ], "$_->[0] is $_->[1]")
  for [ 'ana', 'webchatt_agent' ], [ 'root', 'webchatt_admin' ];
is((asked('probe', { do => $_->[0] }, 'of ana'))[0], $_->[1], $_->[0])
  for [ 'SET ROLE postgres', 403 ], [ 'RESET ROLE', 403 ], [ 'SET SESSION AUTHORIZATION postgres', 403 ], [ 'RESET SESSION AUTHORIZATION', 403 ], [ 'SELECT * FROM webchatt.agent_sessions', 403 ],
  [ 'SELECT pg_read_file($$/etc/passwd$$)', 403 ], [ 'SET webchatt.agent = root', 200 ], [ 'SET search_path = public', 200 ], [ 'CREATE TEMP TABLE left_behind ()', 200 ], [ 'PREPARE left_behind AS SELECT 1', 200 ], [ 'SELECT pg_advisory_lock(7)', 200 ], [ 'COMMIT', 400 ];
is_deeply([ (asked('probe', { do => 'SELECT 1' }, 'of ana'))[1] ], [ { user => 'webchatt_agent', agent => 'ana', path => 'pg_catalog, pg_temp' } ], 'what a call SETs ends with it');
is((asked('probe', { do => 'SELECT FROM pg_temp.left_behind' }, 'of ana'))[0], 500, 'and no temporary table is left');
is((asked('probe', { do => 'EXECUTE left_behind' }, 'of ana'))[0], 500, 'nor a statement');
is($t->sql('SELECT pg_try_advisory_lock(7)'), 't', 'nor a lock');
my ($code, $error) = asked('probe', { do => q{DO 'BEGIN RAISE EXCEPTION $x$the secret reason$x$ USING ERRCODE = $x$XX001$x$; END'} }, 'of ana');
is("$code $error->{errorMessage}", '500 The database could not do it; its operator finds out why in webchatt.status.', 'what is nobody\'s fault there is not told');
$t->wait_for(q{SELECT last_error = 'a call of the desk (probe) failed: the secret reason' FROM webchatt.status}, 'but to the operator');
is((asked('probe', { do => "DO 'BEGIN RAISE EXCEPTION ''no''; END'" }, 'of ana'))[1]{errorMessage}, 'no', 'what an operator\'s trigger raises is told');
$t->sql(q{ALTER TABLE webchatt.visitors ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON webchatt.visitors TO webchatt_agent USING (attributes ->> 'of' = current_setting('webchatt.agent'))});

# A visitor, whose session is ours.
my $visitor = '01900000-0000-7000-8000-000000000001';
sub visit
{
	my ($number, $who) = @_;
	speak('ARRIVED', session => $number, channel => $shop, may_make => 1, token_hash => "\0" x 32, new_visitor => $who, new_hash => sha256($who), attributes => '{"of": "ana"}');
	return frame('WELCOME', sub { $_[0]{session} == $number });
}
my $said = 0;
sub say_text
{
	my ($who, $text) = @_;
	my $content = $json->encode({ text => $text });
	speak('EVENT', request => ++$said, kind => 'MESSAGE', channel => $shop, at_us => 1_700_000_000_000_000, message_id => "$who/$said", visitor => $who,
		body => $content, content_at => 0, content_len => length $content);
	return frame('EVENT_DONE', sub { $_[0]{request} == $said });
}

# Nothing is told while nobody looks.
visit(1, $visitor);
my $first = say_text($visitor, 'hello')->{message};
is((asked('inbox', {}, 'of ana'))[1]{conversations}[0]{lastText}, 'hello', 'it is in the inbox') if $t->wait_for('SELECT count(*) = 1 FROM webchatt.conversations', 'the worker noted it');
is((grep { $_->[0] eq 'DESK_CHANGED' } @frames), 0, 'no changes are told');
speak('DESK_WATCH', watched => 1);
say_text($visitor, 'is anybody there?');
is(changed($visitor)->{channel}, $shop, 'a message is a change');
($status, $body) = asked('conversation', { channel => $shop, visitor => $visitor }, 'of ana');
is_deeply([ map { $_->{content}{text} } @{ $body->{messages} } ], [ 'hello', 'is anybody there?' ], 'the conversation');
is($body->{visitor}{present}, JSON::PP::true, 'the visitor is there');
is((asked('conversation', { channel => $shop, visitor => $visitor }, 'of root'))[0], 404, 'row security of the operator\'s holds: an admin has no policy here');
$t->sql(q{ALTER TABLE webchatt.visitors DISABLE ROW LEVEL SECURITY});

# An answer: it leaves, and each thing that becomes of it is a change.  Triggers of the operator's may do what they may elsewhere.
$t->sql(q{CREATE FUNCTION public.later() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN CREATE TEMP TABLE IF NOT EXISTS scratch (); RETURN NULL; END $$;
	CREATE CONSTRAINT TRIGGER later AFTER INSERT ON webchatt.messages DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.later();
	GRANT TEMPORARY ON DATABASE postgres TO webchatt_worker});
take();
@frames = grep { $_->[0] ne 'DESK_CHANGED' } @frames;
($status, $body) = asked('send', { channel => $shop, visitor => $visitor, text => 'yes', key => 'k' }, 'of ana');
is($status, 200, 'an answer is sent') or diag explain $body;
is((asked('send', { channel => $shop, visitor => $visitor, text => 'yes', key => 'k' }, 'of ana'))[1]{id}, $body->{id}, 'the same again is the same');
my $send = frame('SEND');
is_deeply([ $send->{message}, $send->{to}, $json->decode($send->{content}) ], [ $body->{id}, $visitor, { text => 'yes' } ], 'it leaves for the visitor');
is($t->row($body->{id}, 'author'), 'ana', 'in the agent\'s name');
changed($visitor);
take();
@frames = grep { $_->[0] ne 'DESK_CHANGED' } @frames;
speak('OUTCOME', token => $send->{token}, result => 'SENT', http_status => 200, hub_status => 'sent', hub_message_id => $body->{id});
$t->wait_for("SELECT status = 'sent' FROM webchatt.messages WHERE id = '$body->{id}'", 'it was sent');
ok(changed($visitor), 'that is a change');
speak('EVENT', request => ++$said, kind => 'STATUS', channel => $shop, at_us => 1_700_000_000_000_000, message_id => $body->{id}, visitor => $visitor, status => 'read', body => '{}');
frame('EVENT_DONE', sub { $_[0]{request} == $said });
ok(changed($visitor), 'that it was read is one');
for (
	[ assign => { assignee => 'root' }, q{assignee = 'root'} ], [ close => { upto => $body->{id} }, q{state = 'closed'} ],
	[ reopen => {}, q{state = 'open'} ])
{
	my ($function, $args, $holds) = @$_;
	take();
	@frames = grep { $_->[0] ne 'DESK_CHANGED' } @frames;
	is((asked($function, { channel => $shop, visitor => $visitor, %$args }, 'of ana'))[0], 200, $function);
	$t->wait_for("SELECT $holds FROM webchatt.conversations", "$function is done");
	ok(changed($visitor), 'that is a change');
}
# An answer to a closed one goes out, and leaves it closed; what the visitor writes opens it.
asked('close', { channel => $shop, visitor => $visitor }, 'of ana');
$t->wait_for(q{SELECT state = 'closed' FROM webchatt.conversations}, 'closed once more');
($status, $body) = asked('send', { channel => $shop, visitor => $visitor, text => 'by the way' }, 'of ana');
my $late_answer = frame('SEND', sub { $_[0]{message} eq $body->{id} });
speak('OUTCOME', token => $late_answer->{token}, result => 'SENT', http_status => 200, hub_status => 'sent', hub_message_id => $body->{id});
$t->wait_for("SELECT last_id = '$body->{id}' FROM webchatt.conversations", 'an answer to it leaves');
is($t->sql('SELECT state FROM webchatt.conversations'), 'closed', 'and it stays closed');
is((asked('inbox', { filter => 'closed' }, 'of ana'))[1]{conversations}[0]{lastText}, 'by the way', 'where it is shown');
asked('reopen', { channel => $shop, visitor => $visitor }, 'of ana');
$t->wait_for(q{SELECT state = 'open' FROM webchatt.conversations}, 'open again');
is((asked('typing', { channel => $shop, visitor => $visitor }, 'of ana'))[0], 200, 'an agent types');
is(frame('TYPING')->{visitor}, $visitor, 'and the visitor is told');
is((asked('read', { channel => $shop, visitor => $visitor, upto => $first }, 'of ana'))[1]{read}, 1, 'an agent reads');
is(frame('STATUS')->{upto}, $first, 'and the visitor is told');
take();
@frames = grep { $_->[0] ne 'DESK_CHANGED' } @frames;
speak('LEFT', session => 1);
ok(changed($visitor), 'that a visitor left is a change');

# Who is away: what is held, cancelled, and not wanted any more.
for my $end ([ cancelled => sub { is((asked('cancel', { channel => $shop, id => $_[0] }, 'of ana'))[1]{done}, JSON::PP::true, 'it is cancelled') } ],
	[ expired => sub { $t->sql('UPDATE webchatt.held SET expires_at = now()') } ])
{
	my (undef, $held) = asked('send', { channel => $shop, visitor => $visitor, text => 'come back' }, 'of ana');
	$t->wait_for("SELECT status = 'held' FROM webchatt.messages WHERE id = '$held->{id}'", 'a message is held');
	ok(changed($visitor), 'that is a change');
	$t->wait_for("SELECT last_id = '$held->{id}' FROM webchatt.conversations", 'the conversation is noted');
	take();
	@frames = grep { $_->[0] ne 'DESK_CHANGED' } @frames;
	$end->[1]($held->{id});
	$t->wait_for("SELECT status = '$end->[0]' FROM webchatt.messages WHERE id = '$held->{id}'", "it is $end->[0]");
	ok(changed($visitor), 'that is a change');
}

# A content that is larger written out than an answer, or than anything, may be.
my $vast = '01900000-0000-7000-8000-000000000002';
visit(3, $vast);
my $content = '{"text":"many","a":[' . join(',', ('1e-1000') x 12_000) . ']}';
speak('EVENT', request => ++$said, kind => 'MESSAGE', channel => $shop, at_us => 1_700_000_000_000_000, message_id => "$vast/$said", visitor => $vast, body => $content, content_at => 0, content_len => length $content);
frame('EVENT_DONE', sub { $_[0]{request} == $said });
($status, $body) = asked('conversation', { channel => $shop, visitor => $vast }, 'of ana');
is_deeply([ $status, map { $_->{content} } @{ $body->{messages} } ], [ 200, { text => 'many' } ], 'its text is shown');
$content = '{"text":[' . join(',', ('1e-16000') x 100_000) . '],"caption":"vast"}';
speak('EVENT', request => ++$said, kind => 'MESSAGE', channel => $shop, at_us => 1_700_000_000_000_000, message_id => "$vast/$said", visitor => $vast, body => $content, content_at => 0, content_len => length $content);
frame('EVENT_DONE', sub { $_[0]{request} == $said });
($status, $body) = asked('conversation', { channel => $shop, visitor => $vast }, 'of ana');
is_deeply([ $status, $body->{more}, map { $_->{content} } @{ $body->{messages} } ], [ 200, JSON::PP::true, { text => 'vast' } ], 'so is that of gigabytes');
$t->wait_for("SELECT count(*) = 2 FROM webchatt.messages WHERE visitor = '$vast'", 'both are there');
is((grep { $_->{visitor} eq $vast } @{ (asked('inbox', {}, 'of ana'))[1]{conversations} })[0]{lastText}, 'vast', 'and in the inbox');
my $used_most = peak_of(desk_pid());
cmp_ok($used_most, '<', 200_000, "for which the process needs no more than for others ($used_most kB)");

speak('DESK_WATCH', watched => 0);
visit(2, $visitor);

# A call that has the session's row does not keep others of the same agent waiting.
my $session = $t->session;
$t->sql(q{UPDATE webchatt.agent_sessions SET last_seen = now() - interval '2 minutes'});
$session->query('BEGIN; SELECT FROM webchatt.agent_sessions FOR UPDATE');
is((asked('me', {}, 'of ana'))[0], 200, 'who searches for long can call for something else');
$session->query('COMMIT');
asked('me', {}, 'of ana');
is($t->sql(q{SELECT bool_or(last_seen > now() - interval '1 minute') FROM webchatt.agent_sessions}), 't', 'and is seen again');

# A call that waits for a lock holds up no visitor.
sub lock_agents { return $session->query('BEGIN; LOCK TABLE webchatt.agents IN ACCESS EXCLUSIVE MODE') }
lock_agents();
my $slow = call('agents', {}, 'of ana');
$t->wait_for(q{SELECT count(*) > 0 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT granted AND backend_type = 'webchatt desk'}, 'the desk waits');
is(say_text($visitor, "still there? $_")->{result}, 0, 'visitors do not') for 1 .. 5;
is((grep { $_->[0] eq 'DESK_ANSWER' } @frames), 0, 'the desk has not answered yet');
$session->query('COMMIT');
is((answer($slow))[0], 200, 'it does when it can');

# A time limit.
limit_calls('100ms');
lock_agents();
ok(Patience::until(sub { my ($s, $b) = asked('agents', {}, 'of ana'); return $s == 503 && $b->{errorCode} eq 'too_slow' }), 'what takes too long is broken off');
$session->query('COMMIT');
is((asked('agents', {}, 'of ana'))[0], 200, 'and the next is carried out');
limit_calls();

# What ends by no word of ours: an endless loop, and memory without end.
limit_calls('100ms');
ok(Patience::until(sub { my ($s, $b) = asked('probe', { do => q{DO 'BEGIN LOOP END LOOP; END'} }, 'of ana'); return $s == 503 && $b->{errorCode} eq 'too_slow' }), 'an endless loop is broken off');
limit_calls();
asked('me', {}, 'of ana');
my $pid = desk_pid();
my $much = join '; ', map { "x$_ := repeat(''x'', 200000000)" } 1 .. 8;
($status, $body) = asked('probe', { do => "DO 'DECLARE " . join('', map { "x$_ text; " } 1 .. 8) . "BEGIN $much; END'" }, 'of ana');
is("$status $body->{errorCode}", '400 too_large', 'nor does a call take all the memory there is');
is((asked('me', {}, 'of ana'))[0] . ' ' . desk_pid(), "200 $pid", 'which ends the call and not the process');
my $peak = peak_of($pid);
cmp_ok($peak, '<', 1_000_000, "it never had a gigabyte ($peak kB)");
($status) = asked('probe', { do => "DO 'DECLARE a jsonb[]; BEGIN FOR i IN 1 .. 100 LOOP a := a || to_jsonb(repeat(''x'', 20000000)); END LOOP; END'" }, 'of ana');
is($status, 400, 'nor little by little');
is((asked('me', {}, 'of ana'))[0], 200, 'and the next call is carried out');

# The process is ended.
$pid = desk_pid();
lock_agents();
my @waiting = map { call('agents', {}, 'of ana') } 1 .. 3;
$t->wait_for(q{SELECT count(*) > 0 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT granted AND backend_type = 'webchatt desk'}, 'the desk waits again');
$t->sql("SELECT pg_terminate_backend($pid)");
my %became = map { $_ => (answer($_))[0] } $waiting[0];
is($became{ $waiting[0] }, 503, 'the call that it was at is answered that it can be tried again');
$session->query('COMMIT');
like(join(' ', map { (answer($_))[0] } @waiting[1, 2]), qr/\A(200|503) (200|503)\z/, 'so are those that it had, or they are carried out by the next');
ok(Patience::until(sub { (asked('me', {}, 'of ana'))[0] == 200 }), 'another process goes on');
isnt(desk_pid(), $pid, 'which is another');
$t->sql('SELECT pg_terminate_backend(' . desk_pid() . ')');
ok(Patience::until(sub { (asked('me', {}, 'of ana'))[0] == 200 }), 'ended while it does nothing, it is missed by nobody for long');
$t->sql('SELECT pg_cancel_backend(' . desk_pid() . ')');
is((asked('me', {}, 'of ana'))[0], 200, 'a cancel that comes too late harms no call');

# It lives, and is silent: nobody waits for it for long, visitors not at all; where it does not hear that it is to end, either, it is left alone.
limit_calls('100ms');
my $there = sub { return (asked('me', {}, 'of ana'))[0] == 200 };	# in time, which on a slow machine not every call is
ok(Patience::until($there), 'the desk is there');
my @silent;
for my $n (1 .. 3)
{
	push @silent, my $stopped = desk_pid_but(@silent);
	kill STOP => $stopped;
	my @these = map { call('me', {}, 'of ana') } 1 .. 3;
	is(say_text($visitor, "while it is stopped, $n")->{result}, 0, 'a visitor does not wait') for 1 .. 2;
	is_deeply([ map { my ($s, $b) = answer($_); "$s $b->{errorCode}" } @these ], [ ('503 busy') x 3 ], "those who wait for it are answered ($n)");
	$t->wait_for("SELECT last_error ~ 'process $stopped has been silent' FROM webchatt.status", 'the operator is told');
	ok(Patience::until($there), 'and the next one carries on') if $n < 3;
}
is((asked('me', {}, 'of ana'))[1]{errorMessage}, q{The desk's processes do not answer; the server's log says which.}, 'no more than three are left alone');
kill CONT => @silent;
$t->wait_for("SELECT count(*) = 0 FROM pg_stat_activity WHERE pid IN (" . join(',', @silent) . ')', 'those that hear it after all end');
ok(Patience::until(sub { (asked('me', {}, 'of ana'))[0] == 200 }), 'and the desk is back');
limit_calls();

# Nobody is told of a commit that the synchronous standbys do not have, here one that never comes.  (It is tried again where
# the setting was not heeded yet.  The desk has the call already when it comes: the worker itself may wait, and hand nothing on.)
my ($told, $key) = (undef, 0);
sub standby { my ($name) = @_; return $t->sql("ALTER SYSTEM SET synchronous_standby_names = '$name'; SELECT pg_reload_conf()") }
sub waits { return $t->sql(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'webchatt desk' AND wait_event = 'SyncRep'}) }
sub is_told { take(); return grep { $_->[0] eq 'DESK_ANSWER' && $_->[1]{request} == $told } @frames }
ok(Patience::until(sub {
	lock_agents();
	$told = call('send', { channel => $shop, visitor => $visitor, text => 'told?', key => 'told ' . ++$key }, 'of ana');
	Patience::until(sub { return $t->sql(q{SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND backend_type = 'webchatt desk'}) });
	standby('nobody');
	$session->query('ROLLBACK');
	Patience::until(sub { return waits() || is_told() });
	return 1 if waits();
	standby('');
	answer($told);
	return 0;
}), 'a commit waits for a standby');
my $ends = desk_pid();
$t->sql("SELECT pg_terminate_backend($ends)");
$t->wait_for("SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $ends", 'the process ends without it');
is((grep { $_->[1]{http_status} < 300 } is_told()), 0, 'who sent it is not told that it was done');
standby('');
is((answer($told))[0], 503, 'nor when everything goes on');
is((asked('send', { channel => $shop, visitor => $visitor, text => 'told?', key => "told $key" }, 'of ana'))[0], 200, 'sent again it is the same message');
is($t->sql("SELECT count(*) FROM webchatt.messages WHERE dedupe_key = 'desk:ana:told $key'"), '1', 'which is there once');

# Too much at a time, and too large.
lock_agents();
my @many = map { call('agents', {}, 'of ana') } 1 .. 300;
my $turned_away = Patience::until(sub { take(); return 44 == grep { $_->[0] eq 'DESK_ANSWER' && $_->[1]{http_status} == 503 } @frames });
ok($turned_away, 'of 300 that wait 44 are turned away');
$session->query('COMMIT');
is((grep { (answer($_))[0] == 200 } @many), 256, 'the others are answered');
$t->sql(q{CREATE FUNCTION webchatt.desk_large(args jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_object('x', repeat('x', (args ->> 'n')::int)) $$;
	GRANT EXECUTE ON FUNCTION webchatt.desk_large(jsonb) TO webchatt_agent});
is(length((asked('large', { n => $_ }, 'of ana'))[1]{x}), $_, "an answer of $_ bytes") for 100, 300_000, 7_000_000;
is((asked('large', { n => 9_000_000 }, 'of ana'))[0], 400, 'too large a one is refused');
# Whose answers nobody takes is not silent.
limit_calls('1s');
my $waits;
# (Where the machine is so slow that the process itself does nothing for that long, it is let go, rightly: then once more.)
ok(Patience::until(sub {
	return 0 if !($waits = desk_pid());
	my @heavy = map { call('large', { n => 7_000_000 }, 'of ana') } 1 .. 6;
	Patience::until(sub { $t->sql(q{SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'webchatt desk'
		AND wait_event ~ '^MessageQueue' AND clock_timestamp() - query_start > interval '8 s'}) eq 't' || desk_pid() ne $waits });
	return join(' ', map { (answer($_))[0] } @heavy) eq join(' ', (200) x 6) && desk_pid() eq $waits;
}), 'whose answers nobody reads for a while goes on when somebody does, as the same process');
limit_calls();
is(length((asked('probe', { do => 'SELECT 1', more => 'y' x 60_000 }, 'of ana'))[1]{user}), 14, 'arguments of 60 kB');
is(length((asked('probe', { do => "DO 'BEGIN RAISE EXCEPTION ''%'', repeat(''y'', 10000000) USING HINT = repeat(''z'', 10000000); END'" }, 'of ana'))[1]{$_}), 4096, "an error that says more than anybody reads is answered: $_")
  for 'errorMessage', 'hint';
is((asked('probe', { do => "DO 'BEGIN RAISE EXCEPTION ''%'', repeat(''y'', 10000000) USING ERRCODE = ''XX001''; END'" }, 'of ana'))[0], 500, 'and one that is nobody\'s fault there');
is((asked('me', {}, 'of ana'))[0], 200, 'the next call, too');

# Sessions.
is((asked('sessions', {}, 'of ana'))[1][0]{current}, JSON::PP::true, 'the session that asks is marked');
$t->sql(q{UPDATE webchatt.agent_sessions SET last_seen = now() - interval '2 min' WHERE agent = 'ana'});
asked('socket', {}, 'of ana');
is($t->sql(q{SELECT last_seen < now() - interval '1 min' FROM webchatt.agent_sessions WHERE agent = 'ana'}), 't', 'an open page is not use');
asked('me', {}, 'of ana');
is($t->sql(q{SELECT last_seen < now() - interval '1 min' FROM webchatt.agent_sessions WHERE agent = 'ana'}), 'f', 'a call is');
my $xmin = $t->sql(q{SELECT xmin FROM webchatt.agent_sessions WHERE agent = 'ana'});
asked('me', {}, 'of ana') for 1 .. 3;
is($t->sql(q{SELECT xmin FROM webchatt.agent_sessions WHERE agent = 'ana'}), $xmin, 'which is written down once a minute');
$t->sql(q{UPDATE webchatt.agent_sessions SET last_seen = now() - interval '13 h' WHERE agent = 'ana'});
is((asked('me', {}, 'of ana'))[0], 401, 'one that was not used for long is over');
sign_in('ana', 'of ana 2');
is($t->sql(q{SELECT count(*) FROM webchatt.agent_sessions WHERE agent = 'ana'}), '1', 'and goes with the next');
$t->sql(q{UPDATE webchatt.agent_sessions SET expires_at = now() WHERE agent = 'ana'});
is((asked('me', {}, 'of ana 2'))[0], 401, 'so is one that is too old');
sign_in('ana', 'of ana 3');
sign_in('ana', 'of ana 4');
my ($other) = grep { !$_->{current} } @{ (asked('sessions', {}, 'of ana 3'))[1] };
is((asked('end_session', { id => $other->{id} }, 'of ana 3'))[1]{ended}, JSON::PP::true, 'an agent ends another session of their own');
is((asked('me', {}, 'of ana 4'))[0], 401, 'it is over');
my $of_root = $t->sql(q{SELECT id FROM webchatt.agent_sessions WHERE agent = 'root'});
is((asked('end_session', { id => 0 + $of_root }, 'of ana 3'))[1]{ended}, JSON::PP::false, 'not one of somebody else\'s');
is((asked('sign_out', {}, 'of ana 3'))[0], 200, 'and signs out');
is((asked('me', {}, 'of ana 3'))[0], 401, 'that is over, too');
sign_in('ana', "of ana, $_") for 1 .. 52;
is($t->sql(q{SELECT count(*) FROM webchatt.agent_sessions WHERE agent = 'ana'}), '50', 'nobody has more than 50');
is((asked('me', {}, 'of ana, 52'))[0], 200, 'the newest stay');

# Whoever ends one, and however: who has a desk open hears it.
sub hears { my ($name, $statement) = @_; take(); @frames = grep { $_->[0] ne 'DESK_SESSIONS' } @frames; $t->sql($statement); return ok(frame('DESK_SESSIONS'), $name) }
hears('a session ended by its number', q{SELECT webchatt.end_agent_session(max(id)) FROM webchatt.agent_sessions WHERE agent = 'ana'});
hears('deleted', q{DELETE FROM webchatt.agent_sessions WHERE id = (SELECT max(id) FROM webchatt.agent_sessions WHERE agent = 'ana')});
hears('an agent who gets another role', q{UPDATE webchatt.agents SET role = 'admin' WHERE name = 'ana'});
is((asked('me', {}, 'of ana, 3'))[0], 401, 'whose sessions end with it');
sign_in('ana', 'of ana, the admin');
is((asked('channels', {}, 'of ana, the admin'))[0], 200, 'the next one is of the new role');
hears('and that one, too', q{UPDATE webchatt.agents SET role = 'agent' WHERE name = 'ana'});
is((asked('channels', {}, 'of ana, the admin'))[0], 401, 'which is over with the role');
sign_in('ana', 'of ana, 52');
is((asked('disable_agent', { name => 'ana' }, 'of root'))[0], 200, 'an admin locks an agent out');
is((asked('me', {}, 'of ana, 52'))[0], 401, 'whose sessions are over');
$t->sql(q{SELECT webchatt.disable_agent('root')});
is(frame('DESK_STATE', sub { !$_[0]{on} })->{on}, 0, 'without anybody the desk is off');
$t->sql(q{SELECT webchatt.enable_agent('root')});
sign_in('root', 'of root 2');

# webchatt-net is gone while a call waits; the next one is answered.
lock_agents();
call('agents', {}, 'of root 2');
$t->wait_for(q{SELECT count(*) > 0 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT granted AND backend_type = 'webchatt desk'}, 'a call waits');
close $link;
meet();
$request = 0;
my $next = call('me', {}, 'of root 2');
$session->query('COMMIT');
is((answer($next))[2], 'root', 'what is asked anew is answered');
is((grep { $_->[0] eq 'DESK_ANSWER' } @frames), 0, 'and nothing that was asked before');

# It ends with the worker, and steps aside with it.
$session->close;
is(($t->try_sql('CREATE DATABASE copy TEMPLATE postgres', 'template1'))[0], 0, 'a command that needs the database alone gets it');
meet();
is((asked('me', {}, 'of root 2'))[0], 200, 'and the desk is back');
$t->sql('SELECT pg_terminate_backend(worker_pid) FROM webchatt.status');
$t->wait_for(q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'webchatt desk'}, 'it ends with the worker');
meet();
is((asked('me', {}, 'of root 2'))[0], 200, 'and is there with the next');
is($t->sql('SELECT pg_postmaster_start_time()'), $started, 'the server did not notice any of it');

done_testing;
