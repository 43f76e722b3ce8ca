# Two clusters as their users would run them: A is a local hub with visitors, B
# is attached to it by the scripts of doc/connect and answers what they write.
# What A, B and the visitors have is compared in full.
package TwoHubs;

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename;
use LocalHub;
use Patience;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $scripts = abs_path(dirname(__FILE__) . '/../../doc/connect');

# Faults come and go within seconds here, so nobody may wait for minutes.
our $QUICK = join "\n", "webchatt.ack_timeout = '3s'", "webchatt.head_timeout = '10s'", "webchatt.send_timeout = '4s'", "webchatt.connect_timeout = '2s'",
  "webchatt.webhook_timeout = '2s'", "webchatt.heartbeat = '1500ms'", "webchatt.reconcile_interval = '2s'";

# Both up, with a channel at A and an API key for B, not yet attached.
# Arguments: a, b (lines for their postgresql.conf); relays (1: B reaches A, and
# A reaches B, through relays that a test can cut: the members to_a and to_b); install_path (of A's PostgreSQL).
sub begin
{
	my ($class, %args) = @_;
	my $self = bless { visitors => [] }, $class;

	$self->{a} = LocalHub->begin(name => 'a', defined $args{install_path} ? (install_path => $args{install_path}) : (), conf => join "\n", $QUICK, "webchatt.webhook_allowed_addresses = '127.0.0.0/8'",
		'webchatt.visitor_rate = 10000000', 'webchatt.visitor_burst = 100000', 'webchatt.address_burst = 1000000', 'webchatt.address_rate = 10000000',
		(map { ("webchatt.${_}_per_hour = 0", "webchatt.channel_${_}_per_hour = 0") } qw(newcomers messages bytes)), $args{a} // '');
	$self->{b} = LocalHub->new(name => 'b', streaming => $args{streaming}, conf => join "\n", $LocalHub::WIDE, $QUICK, $args{b} // '');
	$self->{b}->sql('CREATE EXTENSION webchatt');
	$self->{b}->wait_ready;
	if ($args{relays})
	{
		$self->{to_a} = TwoHubs::Relay->new($self->a->{port});
		$self->{to_b} = TwoHubs::Relay->new($self->b->{port});
	}
	$self->{channel} = $self->a->{channel};
	$self->{api_key} = $self->a->sql(q{SELECT webchatt.create_api_key('database B')});
	$self->answering;
	return $self;
}

sub a { return $_[0]{a} }
sub b { return $_[0]{b} }

# The URLs by which B reaches A, and A reaches B.
sub url_of_a { my ($self) = @_; return $self->{to_a} ? $self->{to_a}->url : $self->a->base_url }
sub url_of_b { my ($self) = @_; return $self->{to_b} ? $self->{to_b}->url : $self->b->base_url }

# The application at B: "re: <text>" to all that visitors write, but what begins
# with a dot.  What is no text is answered with its type.
sub answering
{
	my ($self) = @_;

	$self->b->sql(q{
		CREATE FUNCTION answer() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			PERFORM webchatt.send_message(new.channel_id, new.visitor,
				text => 're: ' || coalesce(new.content ->> 'text', new.content ->> 'type'));
			RETURN NULL;
		END $$;
		CREATE TRIGGER answer AFTER INSERT ON webchatt.messages
			FOR EACH ROW WHEN (new.direction = 'in' AND coalesce(new.content ->> 'text', '') NOT LIKE '.%') EXECUTE FUNCTION answer()});
	return;
}

# Run a script of the guide in B, as psql's user would: (exit status, stdout, stderr).  A
# variable that is undef is not given.
sub script
{
	my ($self, $name, %variables) = @_;
	my $node = $self->b->node;
	my %all = (hub => 'a', api_url => $self->url_of_a, channel => $self->{channel}, public_url => $self->url_of_b, %variables);
	my ($out, $err) = ('', '');

	local $ENV{WEBCHATT_API_KEY} = $self->{api_key};
	# a database's defaults can be these, the last until 18
	local $ENV{PGOPTIONS} = '-c default_transaction_isolation=serializable -c default_transaction_read_only=on'
	  . (WebchattTest::major() < 19 ? ' -c standard_conforming_strings=off' : '');
	my $status = IPC::Run::run(
		[ 'psql', '-X', '-q', '-A', '-t', '-h', $node->host, '-p', $node->port, '-d', $self->b->{database},
			(map { ('-v', "$_=$all{$_}") } grep { defined $all{$_} } sort keys %all), '-f', "$scripts/$name.sql" ],
		'<', \'', '>', \$out, '2>', \$err) ? 0 : $?;
	return ($status, $out, $err);
}

# Attach B to A by the guide's script: webhooks, or link.  Two test points.
sub attach
{
	my ($self, $inbound) = @_;
	my ($status, $out, $err) = $self->script($inbound);

	$self->{inbound} = $inbound;
	is($status, 0, "doc/connect/$inbound.sql runs") or diag($out, $err);
	unlike($err, qr/ERROR|WARNING/, 'without complaint');
	return $out;
}

# Another client at A's channel, welcomed.
sub visitor
{
	my ($self, %args) = @_;
	my $client = $self->a->arrived(again => sub { 0.05 + rand 0.2 }, %args);

	push @{ $self->{visitors} }, $client;
	return $client;
}

# Wait until a visitor's client shows a text from the other side.
sub shows
{
	my ($self, $client, $text, $what, $timeout) = @_;
	my $good = Visitor::until(sub { grep { ($_ // '') eq $text } $client->texts('out') }, $timeout);

	ok($good, $what) or diag($client->describe);
	return $good;
}

# --- load ------------------------------------------------------------------

sub acked { my ($self) = @_; my $n = 0; $n += keys %{ $_->{acked} } for @{ $self->{visitors} }; return $n }

# Everybody writes, at most five messages a second each and two at a time, until
# the condition holds.
sub load_until
{
	my ($self, $condition, $timeout) = @_;

	return Visitor::until(
		sub {
			my $now = time;
			for my $client (grep { ($_->{next_word} // 0) <= $now && keys %{ $_->{unacked} } < 2 } @{ $self->{visitors} })
			{
				$client->say('word ' . ++$self->{words});
				$client->{next_word} = $now + 0.2 + rand 0.2;
			}
			return $condition->();
		}, $timeout);
}

sub load_for { my ($self, $seconds) = @_; my $end = time + $seconds; $self->load_until(sub { time >= $end }, $seconds); return }

# A fault in the middle of a load, then the account.  The fault is called when
# messages flow; afterwards everybody must be served again by themselves.
sub under_load
{
	my ($self, $what, $fault, %args) = @_;
	my $before = $self->acked;

	$self->load_until(sub { $self->acked >= $before + 60 }, 30) or diag("$what: the load does not get going");
	my $began = time;
	$fault->();
	my %had = map { $_->{number} => scalar keys %{ $_->{acked} } } @{ $self->{visitors} };
	my $behind = sub { grep { keys %{ $_->{acked} } < $had{ $_->{number} } + 2 } @{ $self->{visitors} } };
	ok($self->load_until(sub { !$behind->() }, 60), "$what: visitors are served again by themselves")
	  or diag(map { $_->describe . "\n" } $behind->());
	$self->settled($what, $args{timeout} // 90);
	$self->account($what, acked => $before + 60);
	note(sprintf '%s: %.1f s', $what, time - $began);
	return;
}

# --- the account -----------------------------------------------------------

# What A and B have of each other, by a query that is the same on both sides.
sub _lines { my ($node, $sql) = @_; return _split($node->sql($sql)) }
sub _split { my ($out) = @_; return map { [ split /\|/, $_, -1 ] } split /\n/, $out }

# Why A and B are not of one mind yet, or ''.  Arguments: what asks A and B (WebchattTest::asking).
sub _behind
{
	my ($self, $ask_a, $ask_b) = @_;
	my $channel = $self->{channel};
	my $written = $ask_a->("SELECT count(*) FROM webchatt.messages WHERE channel_id = '$channel' AND direction = 'in'"
		  . ($self->{from} ? " AND id > '$self->{from}'" : ''));
	return 'A does not answer' if !defined $written;
	my $out = $ask_b->("SELECT (SELECT count(*) FROM webchatt.messages WHERE channel_id = '$channel' AND direction = 'in')
		+ (SELECT count(*) FROM webchatt.rejects WHERE channel_id = '$channel'),
		(SELECT count(*) FROM webchatt.messages WHERE channel_id = '$channel' AND direction = 'out' AND status IN ('queued', 'held')),
		(SELECT string_agg(DISTINCT visitor, ' ') FROM webchatt.messages WHERE channel_id = '$channel' AND direction = 'out' AND status = 'held')");
	return 'B does not answer' if !defined $out;
	my ($came, $open, $held) = split /\|/, $out, -1;
	$self->{held} = $held;
	return "B has $came of $written messages" if $came < $written;
	return "$open replies have not left B" if $open;
	my $there = $ask_a->("SELECT substr(dedupe_key, 5), CASE WHEN status IN ('expired', 'cancelled') THEN 'failed' ELSE status::text END
		FROM webchatt.messages WHERE channel_id = '$channel' AND direction = 'out' AND dedupe_key LIKE 'api:%' ORDER BY 1") // return 'A does not answer';
	my $here = $ask_b->("SELECT id, status FROM webchatt.messages WHERE channel_id = '$channel' AND direction = 'out' ORDER BY 1") // return 'B does not answer';
	return '' if $there eq $here;
	my %there = map { $_->[0] => $_->[1] } _split($there);
	my @different = grep { ($there{ $_->[0] } // 'missing') ne $_->[1] } _split($here);
	return @different . " replies have another status at A, such as $different[0][0], $different[0][1] at B, "
	  . ($there{ $different[0][0] } // 'missing') . ' at A' if @different;
	return '';
}

# Wait until visitors, A and B have said and heard everything; a test point.
# Held replies leave B with the next word of their visitor, as with any hub.
sub settled
{
	my ($self, $what, $timeout) = @_;
	my $why = 'not looked yet';
	my $began = time;
	my $nudged = 0;
	my @ask = map { $_->asking } $self->a, $self->b;

	Visitor::until(sub { !grep { $_->{state} ne 'welcomed' || %{ $_->{unacked} } } @{ $self->{visitors} } }, $timeout);
	my $agree = sub {
		while (time - $began < Patience::seconds($timeout))
		{
			$why = $self->_behind(@ask) or last;
			if ($self->{held} && time - $nudged > 3)
			{
				my %held = map { $_ => 1 } split / /, $self->{held};
				my %done;
				$_->say('are you there?') for grep { $held{ $_->{visitor} } && !$done{ $_->{visitor} }++ } @{ $self->{visitors} };
				$nudged = time;
			}
			Visitor::pump_for(0.2);
		}
	};
	$agree->();
	my $good = $self->a->settled("$what: so are the visitors", $self->{visitors});
	# what they have confirmed until then is for B, too
	$agree->() if $why eq '';
	ok($why eq '', "$what: A and B are of one mind") or do { diag($why); $self->diagnose };
	return $good && $why eq '';
}

# Compare all that visitors, A and B have.  Arguments: acked (at least so many);
# rejected (1: what B's triggers refused may be in its rejects).
sub account
{
	my ($self, $what, %args) = @_;
	my ($a, $b, $channel) = ($self->a, $self->b, $self->{channel});
	my $from = $self->{from} ? " AND id > '$self->{from}'" : '';

	# What visitors wrote: at A, and in the same order at B, once.
	my $words = q{visitor, md5(content::text)};
	my @here = _lines($a, "SELECT id, $words FROM webchatt.messages WHERE channel_id = '$channel' AND direction = 'in'$from ORDER BY id");
	my @there = _lines($b, "SELECT hub_message_id, $words FROM webchatt.messages WHERE channel_id = '$channel' AND direction = 'in' ORDER BY id");
	my (%times, %content, %last, @lost, @changed, @disorder);
	$times{ $_->[0] }++ for @there;
	$content{ $_->[0] } = "@$_[1, 2]" for @there;
	for my $row (@here)
	{
		if (!$times{ $row->[0] }) { push @lost, "@$row" }
		elsif ($content{ $row->[0] } ne "@$row[1, 2]") { push @changed, "@$row" }
	}
	my %known = map { $_->[0] => 1 } @here;
	for my $row (@there)
	{
		push @disorder, "@$row" if ($last{ $row->[1] } // '') gt $row->[0] && $known{ $row->[0] } && $row->[1] ne ($self->{rejected} // '');
		$last{ $row->[1] } = $row->[0];
	}
	cmp_ok(scalar @here, '>=', $args{acked} // 1, "$what: visitors wrote (" . @here . ')') unless $self->{from};
	LocalHub::none(\@lost, "$what: all that visitors wrote is at B");
	LocalHub::none([ grep { $times{$_} > 1 } keys %times ], "$what: once");
	LocalHub::none([ grep { !$known{$_} } keys %times ], "$what: and nothing else") unless $self->{from};
	LocalHub::none(\@changed, "$what: as they wrote it");
	LocalHub::none(\@disorder, "$what: in the order of each conversation");

	# What B sent: at A, once, in its order, with the statuses that A has.
	my @sent = _lines($b, "SELECT id, visitor, status, md5(content::text) FROM webchatt.messages
		WHERE channel_id = '$channel' AND direction = 'out' AND status NOT IN ('expired', 'cancelled', 'failed') ORDER BY id");
	my @got = _lines($a, "SELECT substr(dedupe_key, 5), visitor, status, md5(content::text), id FROM webchatt.messages
		WHERE channel_id = '$channel' AND direction = 'out' AND dedupe_key LIKE 'api:%' ORDER BY id");
	my (%got, @twice, @unlike, %previous, @mixed);
	for my $row (@got)
	{
		push @twice, "@$row" if $got{ $row->[0] };
		$got{ $row->[0] } = $row;
		push @mixed, "@$row" if ($previous{ $row->[1] } // '') gt $row->[0];
		$previous{ $row->[1] } = $row->[0];
	}
	my @missing = grep { !$got{ $_->[0] } } @sent;
	@unlike = grep { $got{ $_->[0] } && "@$_[1, 2, 3]" ne "@{ $got{ $_->[0] } }[1, 2, 3]" } @sent;
	LocalHub::none([ map { "@$_" } @missing ], "$what: all that B sent is at A (" . @sent . ')');
	LocalHub::none(\@twice, "$what: under each key once");
	LocalHub::none([ map { "@$_, at A: @{ $got{ $_->[0] } }" } @unlike ], "$what: to the same visitor, with the same text and status");
	LocalHub::none(\@mixed, "$what: in the order in which B sent it");

	# Every status that A has is a row at B, once.
	my %at_a = map { ("@$_" => 1) } _lines($a, "SELECT s.message_id, s.status FROM webchatt.statuses s JOIN webchatt.messages m USING (channel_id)
		WHERE m.id = s.message_id AND channel_id = '$channel' AND m.dedupe_key LIKE 'api:%' AND s.status IN ('sent', 'delivered', 'read')");
	my %at_b = map { ("@$_[0, 1]" => $_->[2]) } _lines($b, "SELECT hub_message_id, status, count(*) FROM webchatt.statuses
		WHERE channel_id = '$channel' AND hub_message_id IS NOT NULL GROUP BY 1, 2");
	LocalHub::none([ grep { !$at_b{$_} } sort keys %at_a ], "$what: every status of A's is at B (" . keys(%at_a) . ')') unless $self->{from};
	LocalHub::none([ grep { $at_b{$_} > 1 } sort keys %at_b ], "$what: once");
	is($b->sql('SELECT count(*) FROM webchatt.early_statuses'), 0, "$what: no status waits for its message");
	is($b->sql('SELECT count(*) FROM webchatt.rejects'), 0, "$what: nothing was rejected") unless $args{rejected};

	$a->account("$what, visitors", $self->{visitors}, acked => 0);
	return;
}

# --- the faults --------------------------------------------------------------

sub _started { my ($t) = @_; return $t->sql('SELECT pg_postmaster_start_time()') . $t->sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'}) }

# The connector's list, over this pair: each fault under load, with the account
# after it.
sub faults
{
	my ($self) = @_;
	my ($a, $b) = ($self->a, $self->b);
	my %node = (A => $a, B => $b);
	my @lines = @$self{qw(to_a to_b)};
	my %began = map { $_ => _started($node{$_}) } qw(A B);

	$self->under_load('no fault', sub { });

	for my $name (qw(A B))
	{
		my $t = $node{$name};
		$self->under_load("kill -9 of ${name}'s webchatt-net", sub { $t->signal('KILL', 'net_pid') });
		$self->under_load("SIGTERM of ${name}'s worker", sub { $t->signal('TERM', 'worker_pid') });
	}
	$self->under_load('both webchatt-nets killed, three times', sub {
		for (1 .. 3)
		{
			$_->signal('KILL', 'net_pid') for $a, $b;
			my $before = $self->acked;
			$self->load_until(sub { $self->acked > $before + 20 }, 20);
		}
	});
	is(_started($node{$_}), $began{$_}, "the server of $_ was left alone so far") for qw(A B);

	for my $case ([ 'A', 'worker' ], [ 'A', 'net' ], [ 'B', 'worker' ], [ 'B', 'net' ])
	{
		my ($name, $process) = @$case;
		$self->under_load("SIGSTOP of ${name}'s $process for a while", sub {
			my $pid = $node{$name}->signal('STOP', "${process}_pid");
			$self->load_for(4);
			kill 'CONT', $pid;
		});
	}

	$self->under_load('the line is cut, again and again', sub {
		for (1 .. 10) { $_->cut for @lines; $self->load_for(0.3) }
	});
	$self->under_load('a line that breaks after some kilobytes', sub { $_->harass for @lines; $self->load_for(6); $_->relent for @lines });
	$self->under_load('a line that hangs', sub { $_->freeze for @lines; $self->load_for(5); $_->thaw for @lines });

	$b->sql(q{CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.02); RETURN NULL; END $$});
	$self->under_load('a slow trigger at B', sub {
		$b->sql(q{CREATE TRIGGER dawdle AFTER INSERT ON webchatt.messages FOR EACH ROW WHEN (new.direction = 'in') EXECUTE FUNCTION dawdle()});
		$self->load_for(3);
		$b->sql('DROP TRIGGER dawdle ON webchatt.messages');
	});

	# What comes back from the rejects stands behind what came meanwhile.
	my $victim = $self->{rejected} = $self->{visitors}[3]{visitor};
	$b->sql("CREATE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN RAISE EXCEPTION 'not this one'; END \$\$");
	$self->load_for(1);
	$b->sql("CREATE TRIGGER stumble AFTER INSERT ON webchatt.messages FOR EACH ROW WHEN (new.visitor = '$victim') EXECUTE FUNCTION stumble()");
	ok($self->load_until(sub { $b->sql('SELECT count(*) FROM webchatt.rejects') >= 3 }, 30), 'a trigger that raises for one visitor: rejects');
	is($b->sql("SELECT count(*) FROM webchatt.rejects WHERE visitor <> '$victim'"), 0, 'and nobody else\'s');
	$b->sql('DROP TRIGGER stumble ON webchatt.messages');
	is($b->sql('SELECT count(*) FROM (SELECT webchatt.retry_reject(id) FROM webchatt.rejects ORDER BY id) r') > 2, 1, 'which come back');
	$self->under_load('after the rejects', sub { });

	for my $name (qw(A B))
	{
		my $holder = $node{$name}->session;
		$self->under_load("a session at $name that locks a conversation, idle in transaction", sub {
			my ($held, $free) = @{ $self->{visitors} }[ 1, 2 ];
			$holder->query("BEGIN; SELECT FROM webchatt.visitors WHERE id = '$held->{visitor}' FOR UPDATE;
				SELECT FROM webchatt.messages WHERE visitor = '$held->{visitor}' ORDER BY id DESC LIMIT 50 FOR UPDATE");
			my $had = keys %{ $free->{acked} };
			ok($self->load_until(sub { keys %{ $free->{acked} } > $had + 10 }), 'others are served meanwhile');
			$holder->query('ROLLBACK');
		});
		$holder->close;
	}

	for my $name (qw(A B))
	{
		my $t = $node{$name};
		$self->under_load("immediate stop of $name, with synchronous_commit off", sub {
			$t->sql('ALTER SYSTEM SET synchronous_commit = off');
			$t->sql(q{ALTER SYSTEM SET wal_writer_delay = '10s'});
			$t->node->reload;
			$self->load_for(2);
			$t->node->stop('immediate');
			$self->load_for(1);
			$t->node->start;
			$t->wait_ready;
		});
		$t->sql('ALTER SYSTEM RESET synchronous_commit');
		$t->sql('ALTER SYSTEM RESET wal_writer_delay');
		$t->node->reload;
		$self->under_load("kill -9 of ${name}'s worker", sub { $t->signal('KILL', 'worker_pid'); $self->load_for(1); $t->wait_ready });
		$self->under_load("restart of $name", sub { $t->node->restart; $t->wait_ready });
	}
	return;
}

sub diagnose
{
	my ($self) = @_;

	$self->a->diagnose('SELECT (SELECT count(*) FROM webchatt.feed) AS events, (SELECT max(seq) FROM webchatt.feed) AS newest, l.* FROM webchatt.links l');
	$self->a->diagnose('SELECT w.label, w.active, w.paused_reason, w.verified_at, p.* FROM webchatt.webhooks w LEFT JOIN webchatt.webhook_progress p ON p.webhook_id = w.id');
	$self->b->diagnose(q{SELECT id, event_type, desired, state, endpoint, actual_endpoint, verified_at, last_error, tries FROM webchatt.hub_webhooks});
	return;
}

# Let A's events be two minutes older, and have A drop at once what is old: a
# worker that starts does so first.
sub age_events
{
	my ($self) = @_;

	$self->a->sql(q{UPDATE webchatt.feed SET created_at = created_at - interval '2 minutes'});
	$self->a->signal('TERM', 'worker_pid');
	return;
}

# Resident memory of a process, in kB.
sub memory
{
	my ($pid) = @_;
	my ($kb) = slurp_file("/proc/$pid/status") =~ /^VmRSS:\s+([0-9]+)/m;

	return $kb;
}

# A relay between the two: it passes bytes on, until a test cuts it.
package TwoHubs::Relay;

use parent -norequire, 'Child';

use Errno qw(EAGAIN EINTR EWOULDBLOCK);
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time);

# In front of a port of this machine.
sub new
{
	my ($class, $to) = @_;
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => WebchattTest::free_port(), Listen => 128, ReuseAddr => 1)
	  or die "relay: $!";
	my $self = $class->begin(sub { $SIG{TERM} = 'DEFAULT'; serve($listener, $to) }, { port => $listener->sockport });

	close $listener;
	return $self;
}

sub url { my ($self) = @_; return "http://127.0.0.1:$self->{port}" }

# Cut every connection; stop passing on (the connections stay); go on.
sub cut { my ($self) = @_; return kill 'USR1', $self->{pid} }
sub freeze { my ($self) = @_; return kill 'STOP', $self->{pid} }
sub thaw { my ($self) = @_; return kill 'CONT', $self->{pid} }

# From now on every connection is cut after some random number of bytes; back to normal.
sub harass { my ($self) = @_; return kill 'USR2', $self->{pid} }
sub relent { my ($self) = @_; return kill 'HUP', $self->{pid} }

# The relay's process: pairs of sockets, each with what waits to be written.
sub serve
{
	my ($listener, $to) = @_;
	my (%end, $cut, $harass);

	$SIG{USR1} = sub { $cut = 1 };
	$SIG{USR2} = sub { $harass = 1 };
	$SIG{HUP} = sub { $harass = 0 };
	$SIG{PIPE} = 'IGNORE';
	$listener->blocking(0);
	my $parent = getppid;
	my $drop = sub {
		my ($e) = @_;
		for my $x ($e, $e->{other})
		{
			next unless $x->{socket}->opened && delete $end{ fileno $x->{socket} };
			# By RST, as a line that breaks; nothing is flushed.
			setsockopt($x->{socket}, Socket::SOL_SOCKET(), Socket::SO_LINGER(), pack('ii', 1, 0)) if $e->{hard};
			close $x->{socket};
		}
	};
	while (getppid == $parent)
	{
		if ($cut) { $cut = 0; for my $e (map { $_ } values %end) { $e->{hard} = 1; $drop->($e) } }
		my ($r, $w) = ('', '');
		vec($r, fileno $listener, 1) = 1;
		for my $fd (keys %end)
		{
			vec($r, $fd, 1) = 1 if length $end{$fd}{other}{out} < 262144 && !$end{$fd}{ended};
			vec($w, $fd, 1) = 1 if length $end{$fd}{out};
		}
		next if select($r, $w, undef, 0.5) <= 0;
		if (vec($r, fileno $listener, 1) && (my $in = $listener->accept))
		{
			my $out = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $to);
			if (!$out) { close $in }
			else
			{
				$_->blocking(0) for $in, $out;
				my $limit = $harass ? int rand 20000 : undef;
				my ($x, $y) = map { { socket => $_, out => '', limit => $limit } } $in, $out;
				@$x{qw(other)} = ($y);
				@$y{qw(other)} = ($x);
				$end{ fileno $_->{socket} } = $_ for $x, $y;
			}
		}
		for my $fd (keys %end)
		{
			my $e = $end{$fd} or next;
			if (vec($r, $fd, 1))
			{
				my $n = sysread $e->{socket}, my $bytes, 65536;
				if (!defined $n) { next if $! == EAGAIN || $! == EINTR || $! == EWOULDBLOCK; $e->{hard} = 1; $drop->($e); next }
				if ($n == 0) { $e->{ended} = 1; if (!length $e->{other}{out}) { $drop->($e); next } }
				else
				{
					$e->{limit} = int rand 20000 if $harass && !defined $e->{limit};
					if ($harass && ($e->{limit} -= $n) < 0)
					{
						# Some of it still gets through: cut in the middle of something.
						syswrite $e->{other}{socket}, substr $bytes, 0, int rand length $bytes;
						$e->{hard} = 1;
						$drop->($e);
						next;
					}
					$e->{other}{out} .= $bytes;
				}
			}
			for my $x (grep { $end{ fileno($_->{socket}) // -1 } } $e, $e->{other})
			{
				next if !length $x->{out};
				my $n = syswrite $x->{socket}, $x->{out};
				if (defined $n) { substr $x->{out}, 0, $n, '' }
				elsif ($! != EAGAIN && $! != EINTR && $! != EWOULDBLOCK) { $e->{hard} = 1; $drop->($e); last }
				if (!length $x->{out} && $x->{other}{ended}) { $drop->($e); last }
			}
		}
	}
	return;
}

1;
