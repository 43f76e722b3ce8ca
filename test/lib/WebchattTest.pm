# One cluster with webchatt in it, for one test: started, attached to a stand-in
# hub, asked, waited for, and compared with what the hub received.
package WebchattTest;

use strict;
use warnings;

use Carp qw(croak);
use Child;
use Cwd qw(abs_path);
use File::Basename;
use Hub;
use IO::Socket::INET;
use Patience;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Socket qw(SO_REUSEADDR);
use Test::More;
use Time::HiRes qw(sleep time);
use Webhook;

# The documentation's own channel, and a secret as the Hub makes them.
our $CHANNEL = '6cbd6789-1d2b-47e0-9391-5eb91d2839ea';
our $SECRET = 'whsec_test_1';
our $KEY = 'key-of-the-tests';

# No time limit of the server's meets a machine that is slow, nor is a visitor cut off whose test is too busy to answer a
# ping; a test that is about one sets it.
our $PATIENT = join "\n", "webchatt.ping_interval = '1h'", map { "webchatt.${_}_timeout = '3min'" } qw(ack connect desk_statement head hello request send trigger webhook);

my $lib = abs_path(dirname(__FILE__));
my @alive;
my $initialized = 0;
my @reserved;

# The major version of the PostgreSQL that is tested.
sub major { my ($major) = qx(pg_config --version) =~ /(\d+)/; return $major }

# A port that is free, below those that the kernel gives out by itself; it is kept for this test, for no other one finds
# it free while we have it.
sub free_port
{
	for (1 .. 200)
	{
		my $port = 10240 + int rand 22000;
		my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Proto => 'tcp') or next;

		# from now on whoever asks so may have it, which all servers do
		$socket->sockopt(SO_REUSEADDR, 1);
		push @reserved, $socket;
		return $port;
	}
	croak 'no free port';
}

# A new cluster.  Arguments: name; conf (lines for postgresql.conf);
# databases (default postgres); streaming (1: standbys can follow it); install_path
# (of another PostgreSQL, with webchatt in it).
sub new
{
	my ($class, %args) = @_;
	# (14's new() takes no path)
	my $make = PostgreSQL::Test::Cluster->can('get_new_node') // PostgreSQL::Test::Cluster->can('new');
	my $node = PostgreSQL::Test::Cluster->$make($args{name} // 'main',
		defined $args{install_path} ? (install_path => $args{install_path}) : ());
	my $port = free_port();
	my $self = bless { node => $node, port => $port, database => 'postgres', sessions => [], kept => {} }, $class;

	init($node, $args{streaming} // 0, defined $args{install_path});
	$node->append_conf('postgresql.conf', $self->configuration($args{databases} // 'postgres', $args{conf}));
	$node->start;
	push @alive, $self;
	return $self;
}

# Its data directory.  The first of a test is a copy of what initdb made once for all tests; each further
# one has an initdb of its own, for what tells clusters apart is in it.
sub init
{
	my ($node, $streaming, $foreign) = @_;
	my $template = $ENV{WEBCHATT_TEST_TEMPLATE};
	my $bail = \&PostgreSQL::Test::Utils::system_or_bail;
	my $copied = 0;

	no warnings 'redefine';
	local *PostgreSQL::Test::Utils::system_or_bail = sub {
		return $bail->(@_) if $_[0] ne 'initdb' || $copied++;
		return $bail->('cp', '-a', $template, $node->data_dir);
	} if defined $template && !$foreign && !$initialized++;
	$node->init(allows_streaming => $streaming, extra => [ '--no-locale', '-E', 'UTF8' ]);
	return;
}

sub configuration
{
	my ($self, $databases, $more) = @_;

	return join "\n", "shared_preload_libraries = 'webchatt'", "webchatt.databases = '$databases'",
	  "webchatt.listen = '127.0.0.1:$self->{port}'", 'restart_after_crash = on', 'log_statement = none', 'log_min_error_statement = panic',
	  'max_connections = 40', 'shared_buffers = 16MB', 'max_prepared_transactions = 10',
	  'max_worker_processes = 20', $PATIENT, $more // '', '';
}

# A cluster whose extension is there, attached to a stand-in hub, up and ready.
# Further arguments: kind (of the channel), hub_keys, api_url.
sub attached
{
	my ($class, %args) = @_;
	my $self = $class->new(%args);

	$self->{hub} = Hub->new(
		dir => $self->{node}->basedir . '/hub', keys => $args{hub_keys} // [$KEY],
		channels => { $CHANNEL => $args{kind} // 'web-chatt2me' });
	$self->sql('CREATE EXTENSION webchatt');
	$self->attach($args{api_url} // $self->{hub}->url, $args{kind} // 'web-chatt2me');
	$self->wait_ready;
	return $self;
}

sub attach
{
	my ($self, $api_url, $kind) = @_;

	$kind //= 'web-chatt2me';

	$self->sql("SELECT webchatt.connect_hub('$KEY', '$api_url');
		SELECT webchatt.add_channel('$CHANNEL', kind => '$kind', display_name => 'Tests');
		SELECT webchatt.set_webhook_secret('$CHANNEL', '$SECRET');");
	return;
}

sub node { return $_[0]{node} }
sub hub { return $_[0]{hub} }

# --- asking and waiting ----------------------------------------------------

# Run SQL and return what psql prints; an error ends the test.
sub sql
{
	my ($self, $sql, $database) = @_;

	my ($status, $out, $err) = $self->try_sql($sql, $database);

	croak "error running SQL: '$err'\nwhile running '$sql'" if $status != 0;
	return $out;
}

# A query in UTF-8.  What was put together from bytes and from characters of ASCII may
# be flagged as characters, which not every IPC::Run takes for the same.
sub as_bytes
{
	my ($sql) = @_;

	utf8::encode($sql) unless utf8::downgrade($sql, 1);
	return $sql;
}

# Run SQL that may fail, in a session that is as new: (exit status, stdout, stderr).
sub try_sql
{
	my ($self, $sql, $database) = @_;

	$sql = as_bytes($sql);
	# what new sessions find otherwise, or nobody may be in the way of
	my $of_databases = $sql =~ /\b(?:CREATE|ALTER|DROP)\s+(?:DATABASE|ROLE|USER)\b/i;
	$self->leave if $of_databases;
	# (psql's own commands stay behind)
	return $self->kept($database)->run($sql) if !$of_databases && $sql !~ /\\[a-wyz.!]/;
	my $kept = WebchattTest::Kept->new($self->{node}, $database // $self->{database});
	return $kept->end($sql);
}

# The psql that all of our process uses for a database.
sub kept
{
	my ($self, $database) = @_;

	$database //= $self->{database};
	my $kept = \$self->{kept}{"$$ " . $self->{node}->connstr($database)};
	undef $$kept if $$kept && !$$kept->is_there;
	return $$kept //= WebchattTest::Kept->new($self->{node}, $database);
}

# No session of ours is in a database any more.
sub leave { my ($self) = @_; $self->{kept} = {}; return }

# Poll until the query gives "t" (or $want); a test point, with a diagnosis
# when the time is up.  Returns how long it took, undef if it never came.
sub wait_for
{
	my ($self, $query, $what, $timeout, $want) = @_;
	my $waited = $self->until($query, $timeout, $want);

	ok(defined $waited, $what) or $self->diagnose($query);
	return $waited;
}

# The same without a test point.
sub until
{
	my ($self, $query, $timeout, $want) = @_;
	my $began = time;
	my $ask = $self->asking;
	my $came = Patience::until(sub { return ($ask->($query) // '') eq ($want // 't') }, $timeout, sub { $self->meanwhile });

	return $came ? time - $began : undef;
}

# What asks again and again: code that runs SQL, and gives what psql prints; undef if there was no answer, or an
# error.
sub asking
{
	my ($self) = @_;

	return sub {
		my ($query) = @_;
		my ($status, $out) = $self->kept->run(as_bytes($query));
		return $status == 0 ? $out : undef;
	};
}

# What goes on while something is waited for.
sub meanwhile { sleep 0.05; return }

# Run SQL that must not hang; a test point.  What it says in the end is looked at, not how
# long it takes: three minutes are for ever.
sub ends
{
	my ($self, $sql, $what, $database) = @_;
	my ($status, undef, $err) = $self->try_sql("SET statement_timeout = '${Patience::SECONDS}s'; $sql", $database);

	is($status, 0, $what) or do { diag($err); $self->diagnose };
	return;
}

# Wait until code gives something true; that.
sub comes { my ($condition, $timeout) = @_; return Patience::until($condition, $timeout) }

# Wait until a process is gone.
sub gone { my ($pid) = @_; return comes(sub { !kill 0, $pid }) }

# The id of a process by its column in webchatt.status, waited for: between its end and its
# start the column is NULL, and kill() of nothing ends the test.
sub pid
{
	my ($self, $column) = @_;

	return Patience::until(sub { my ($status, $out) = $self->try_sql("SELECT $column FROM webchatt.status"); $status == 0 && $out =~ /^[0-9]+\z/ && $out },
		undef, sub { $self->meanwhile }) // croak "there is no $column";
}

# Send a signal to a process by its column in webchatt.status; its id.
sub signal
{
	my ($self, $signal, $column) = @_;

	my $pid = $self->pid($column);

	kill $signal, $pid;
	# (then the server knows it, and who asks does not get into its restart)
	gone($pid) if $signal eq 'KILL' && $column eq 'worker_pid';
	return $pid;
}

# Wait until the door listens; returns its base URL.
sub wait_ready
{
	my ($self, $timeout) = @_;
	my $waited = $self->until(q{SELECT listening LIKE '%:%' FROM webchatt.status}, $timeout);

	if (!defined $waited)
	{
		$self->diagnose('SELECT * FROM webchatt.status');
		croak 'webchatt is not ready';
	}
	return $self->base_url;
}

# A database's own address; a worker that was quicker than this reads it now.
sub listens_at
{
	my ($self, $database, $address) = @_;

	$self->sql("ALTER DATABASE $database SET webchatt.listen = '$address'");
	$self->sql('SELECT pg_reload_conf()');
	return;
}

# After ALTER SYSTEM: reload, and wait until the worker has what the files say.  (What it tells webchatt-net comes a
# moment later.)
sub reloaded
{
	my ($self) = @_;

	$self->{node}->reload;
	defined $self->until(q{
		SELECT bool_and(CASE WHEN f.name IS NULL THEN s.source <> 'configuration file'
			ELSE s.secret OR s.value = webchatt._setting_value(substr(s.name, 10), f.setting) END)
		FROM webchatt.settings s
		LEFT JOIN (SELECT DISTINCT ON (name) name, setting FROM pg_file_settings ORDER BY name, seqno DESC) f USING (name)})
	  or croak 'the worker does not reload';
	return;
}

# Everything that tells why something did not happen.
sub diagnose
{
	my ($self, $query) = @_;

	for my $sql ($query ? $query : (), 'SELECT * FROM webchatt.status',
		q{SELECT status, count(*), min(error_message) FROM webchatt.messages GROUP BY 1},
		q{SELECT id, event_type, sqlstate, reason FROM webchatt.rejects LIMIT 5},
		q{SELECT pid, backend_type, state, wait_event, left(query, 100) FROM pg_stat_activity
			WHERE backend_type ~ 'webchatt' OR state IS NOT NULL})
	{
		my ($status, $out, $err) = ('', '', '');
		$status = $self->{node}->psql($self->{database}, $sql, stdout => \$out, stderr => \$err,
			extra_params => ['-x']);
		diag("$sql\n", $status == 0 ? $out : $err);
	}
	my @tail = split /\n/, slurp_file($self->{node}->logfile);
	splice @tail, 0, -25 if @tail > 25;
	diag(join "\n", 'the end of the server log:', @tail);
	return;
}

# A column of webchatt.status.
sub status
{
	my ($self, $column) = @_;

	return $self->sql("SELECT $column FROM webchatt.status");
}

sub base_url { my ($self) = @_; return "http://127.0.0.1:$self->{port}" }

sub webhook_url
{
	my ($self, $channel) = @_;

	return $self->base_url . '/webhooks/' . ($channel // $CHANNEL);
}

# --- sending and receiving -------------------------------------------------

# Post one event, signed; returns (code, body).
sub post
{
	my ($self, $event, %args) = @_;

	return Webhook::post($args{url} // $self->webhook_url, exists $args{secret} ? $args{secret} : $SECRET, $event, %args);
}

# Queue a text; returns the message's id.
sub send_text
{
	my ($self, $visitor, $text, $more) = @_;

	return $self->sql("SELECT webchatt.send_message('$CHANNEL', '$visitor', text => '$text'" . ($more // '') . ')');
}

# Wait until a message has a status; a test point.
sub status_becomes
{
	my ($self, $id, $status, $what, $timeout) = @_;

	return $self->wait_for("SELECT status FROM webchatt.messages WHERE id = '$id'",
		$what // "becomes $status", $timeout, $status);
}

# Wait until nothing is left to send; a test point.
sub drained
{
	my ($self, $what, $timeout) = @_;

	return $self->wait_for(
		q{SELECT count(*) = 0 FROM webchatt.messages WHERE direction = 'out' AND status = 'queued'},
		$what // 'everything queued has left', $timeout);
}

# Start pgbench sending one message a transaction, each client to visitors of
# its own; sends_end() waits for it.  Arguments: clients, seconds, rate.
sub sends_begin
{
	my ($self, %args) = @_;
	my $dir = $self->{node}->basedir;

	open(my $fh, '>', "$dir/sends.sql") or die $!;
	print $fh "\\set v random(1, 5)\n",
	  "SELECT webchatt.send_message('$CHANNEL', 'c' || :client_id || '-' || :v, text => 'load');\n";
	close $fh;
	return $self->pgbench("$dir/sends.sql", '-c', $args{clients} // 4, '-T', $args{seconds} // 5, $args{rate} ? ('-R', $args{rate}) : ());
}

# Start pgbench with a script of ours; its process.
sub pgbench
{
	my ($self, $script, @options) = @_;
	my $node = $self->{node};

	return Child::start(['pgbench', '-n', '-f', $script, @options, '-h', $node->host, '-p', $node->port, $self->{database}],
		out => $node->basedir . '/pgbench.out');
}

sub sends_end
{
	my ($self, $pid) = @_;

	local $?;
	waitpid $pid, 0;
	return $?;
}

# --- the account -----------------------------------------------------------

# Compare everything with everything; three or four test points.
#   inbound: a Webhook load's account (Webhook::Load)
#   at_least, messages: fewer events answered, or messages sent, are no load
#   others: SQL that is true of inbound rows which are not the load's
sub account
{
	my ($self, $what, %args) = @_;
	my $node = $self->{node};

	if (my $load = $args{inbound})
	{
		my %rows = map { split /\|/, $_, 2 } split /\n/, $self->sql(
			"SELECT hub_message_id, count(*) FROM webchatt.messages WHERE direction = 'in'"
			  . ' AND NOT (' . ($args{others} // 'false') . ') GROUP BY 1');
		my %rejects = map { $_ => 1 } split /\n/, $self->sql('SELECT event_key FROM webchatt.rejects');
		my @answered = $load->answered;
		my @lost = grep { !$rows{$_} && !$rejects{$_} } @answered;
		my @twice = grep { ($rows{$_} // 0) + ($rejects{$_} // 0) > 1 } keys %rows;
		my %posted = map { $_ => 1 } $load->posted;
		my @strange = grep { !$posted{$_} } keys %rows;

		cmp_ok(scalar @answered, '>', $args{at_least} // 0, "$what: events were answered 200 (" . @answered . ')');
		is(scalar @lost, 0, "$what: every event answered 200 is a row") or diag("lost: @lost[0 .. ($#lost > 4 ? 4 : $#lost)]");
		is(scalar @twice + @strange, 0, "$what: no event is there twice, none that nobody posted")
		  or diag("twice: @twice, strange: @strange");
	}
	return if !$self->{hub};

	my (%first, %bodies, $n);
	my (@changed, %late);
	my %last_first;
	for my $entry (grep { defined $_->{to} } $self->{hub}->record)
	{
		my $key = $entry->{key};
		my $body = "$entry->{from} $entry->{to} " . Mojo::JSON::encode_json($entry->{content});
		push @changed, $key if ($bodies{$key} //= $body) ne $body;
		$n++;
		if (!defined $first{$key}) { $first{$key} = $n; $last_first{ $entry->{to} } = $key }
		elsif ($last_first{ $entry->{to} } ne $key) { $late{$key} = 1 }
	}
	my @messages = map { [split /\|/] } split /\n/, $self->sql(
		q{SELECT id, visitor, status FROM webchatt.messages WHERE direction = 'out' ORDER BY id});
	my %known = map { $_->[0] => 1 } @messages;
	my @never = grep { !defined $first{ $_->[0] } && $_->[2] !~ /cancelled|expired/ } @messages;
	my @strange = grep { !$known{$_} } keys %first;
	my (%previous, @disorder);
	for my $message (grep { defined $first{ $_->[0] } } @messages)
	{
		my ($id, $visitor) = @$message;
		push @disorder, "$visitor: $id" if $first{$id} < ($previous{$visitor} // 0);
		$previous{$visitor} = $first{$id};
	}

	cmp_ok(scalar @messages, '>=', $args{messages} // 0, "$what: messages were sent (" . @messages . ')');
	is(scalar @never, 0, "$what: every committed message reached the hub")
	  or diag('never: ' . join ', ', map { "@$_" } @never[0 .. ($#never > 4 ? 4 : $#never)]);
	is(scalar @strange, 0, "$what: nothing reached the hub that was not committed") or diag("@strange[0 .. ($#strange > 4 ? 4 : $#strange)]");
	is(scalar @changed, 0, "$what: all repeats of a key carry the same message") or diag("@changed");
	is(scalar @disorder, 0, "$what: in order within each conversation")
	  or diag(scalar(@disorder) . ' out of order, such as ' . join ', ', @disorder[0 .. ($#disorder > 4 ? 4 : $#disorder)]);
	is(scalar keys %late, 0, "$what: no message was repeated after a later one of its conversation")
	  or diag(join ' ', (sort keys %late)[0 .. 4]);
	is_deeply([ $self->{hub}->violations ], [], "$what: every request was to the letter of the contract");
	return;
}

# --- a session that stays open ---------------------------------------------

sub session
{
	my ($self, $database) = @_;
	my $session = WebchattTest::Session->new($self->{node}, $database // $self->{database});

	push @{ $self->{sessions} }, $session;
	return $session;
}

# Stop hub and sessions first, then the cluster, so that nothing outlives the
# test whichever way it ends.
sub finish
{
	my ($self) = @_;

	local ($?, $!, $@);
	$_->close for @{ $self->{sessions} };
	$self->leave;
	$self->{hub}->stop if $self->{hub};
	return;
}

END
{
	local $?;
	$_->finish for @alive;
}

package WebchattTest::Session;

use IPC::Open3 qw(open3);
use Time::HiRes qw(time);

sub new
{
	my ($class, $node, $database) = @_;
	my ($in, $out);
	my $pid = open3($in, $out, undef, 'psql', '-XAtq', '-h', $node->host, '-p', $node->port, '-d', $database);

	return bless { pid => $pid, owner => $$, in => $in, out => $out, n => 0 }, $class;
}

# Begin SQL in the session, without waiting for its end.
sub begin
{
	my ($self, $sql) = @_;

	print { $self->{in} } WebchattTest::as_bytes($sql) . ";\n";
	$self->{in}->flush;
	return;
}

# Run SQL in the session, which is to raise nothing.
sub safe
{
	my ($self, $sql) = @_;
	my $output = $self->query($sql) // 'psql has ended';

	Carp::croak("$sql: $output") if $output =~ /ERROR:|FATAL:|^psql has ended/m;
	return $output;
}

# Run SQL in the session; returns its output, errors included, or undef if psql has ended.
sub query
{
	my ($self, $sql) = @_;
	my $mark = '--- ' . ++$self->{n};
	my $output = '';

	local $SIG{PIPE} = 'IGNORE';
	print { $self->{in} } WebchattTest::as_bytes($sql) . ";\n\\echo $mark\n";
	$self->{in}->flush;
	my $out = $self->{out};
	while (my $line = <$out>)
	{
		if ($line eq "$mark\n")
		{
			chomp $output;
			return $output;
		}
		$output .= $line;
	}
	return;
}

sub close
{
	my ($self) = @_;

	return unless $self->{pid};
	close $self->{in};
	close $self->{out};
	local ($?, $!);
	kill 'TERM', $self->{pid};
	waitpid delete $self->{pid}, 0;
	return;
}

# Who forks has a copy of the object, and not the program.
sub DESTROY { my ($self) = @_; $self->close if $self->{pid} && $self->{owner} == $$; return }

package WebchattTest::Kept;
# One psql, and its session, for many pieces of SQL, each of which finds the session as new: to start a program and
# a backend for each of them costs a hundred times as much as most of them do.  What fails, or leaves a transaction open, ends it.

use IO::Select;
use IPC::Open3 qw(open3);
use Symbol qw(gensym);

sub new
{
	my ($class, $node, $database) = @_;

	return bless({ to => $node->connstr($database), owner => $$ }, $class)->start;
}

sub start
{
	my ($self) = @_;
	my ($in, $out, $err) = (undef, undef, gensym);

	$self->{pid} = open3($in, $out, $err, 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $self->{to}, '-f', '-');
	@$self{qw(in out err n ended)} = ($in, $out, $err, 0, 0);
	return $self;
}

sub is_there { my ($self) = @_; return $self->{pid} && $self->{owner} == $$ }

# Run SQL: (exit status, stdout, stderr).  Where the server was started anew since the last time, that is in another psql.
sub run
{
	my ($self, $sql) = @_;
	my $mark = '--- ' . ++$self->{n};
	my ($out, $err) = $self->ask("DISCARD TEMP;\n\\echo $mark begins\n$sql\n;\nSELECT '$mark';\n\\warn $mark\nDISCARD ALL;\n", $mark);

	return $self->is_over($out, $err) if $out =~ s/^\Q$mark\E begins\n//;
	# it ended before it came to that
	return $self->is_over($out, $err) if $self->{n} == 1;
	$self->close;
	return $self->start->run($sql);
}

# Run SQL and end.
sub end
{
	my ($self, $sql) = @_;
	my ($out, $err) = $self->ask("$sql\n");

	return $self->is_over($out, $err);
}

sub is_over
{
	my ($self, $out, $err) = @_;
	my $status = $self->{ended} ? $self->close : 0;

	chomp($out, $err);
	return ($status, $out, $err);
}

# Have psql read that, and read what it says up to the mark, or to its end.
sub ask
{
	my ($self, $text, $mark) = @_;
	my %said = (out => '', err => '');

	local $SIG{PIPE} = 'IGNORE';
	my $writing = IO::Select->new($self->{in});
	my $reading = IO::Select->new($self->{out}, $self->{err});
	$self->{in}->blocking(0);
	while ($reading->count)
	{
		my ($readable, $writable) = IO::Select->select($reading, $writing, undef);

		if (@{ $writable // [] })
		{
			my $n = syswrite $self->{in}, $text;

			substr($text, 0, $n // 0, '');
			if ($text eq '' || !defined $n && !$!{EAGAIN} && !$!{EINTR})
			{
				$writing->remove($self->{in});
				CORE::close $self->{in} if !defined $mark;
			}
		}
		for my $fh (@{ $readable // [] })
		{
			my $name = $fh == $self->{out} ? 'out' : 'err';
			my $n = sysread $fh, $said{$name}, 65536, length $said{$name};

			next if !defined $n && $!{EINTR};
			$self->{ended} = 1 if !$n;
			$reading->remove($fh) if !$n || defined $mark && $said{$name} =~ s/^\Q$mark\E\n.*\z//ms;
		}
	}
	return @said{qw(out err)};
}

# End psql; its exit status.
sub close
{
	my ($self) = @_;

	return 0 if !$self->is_there;
	local ($?, $!);
	CORE::close $self->{$_} for qw(in out err);
	# (one that has not said all may wait for a child of ours that has its input, too)
	kill 'TERM', $self->{pid} if !$self->{ended};
	waitpid delete $self->{pid}, 0;
	return $? & 127 ? 128 + ($? & 127) : $? >> 8;
}

# (who forks has a copy of the object, and not the program)
sub DESTROY { my ($self) = @_; $self->close; return }

1;
