# One cluster with a local channel: its visitors are clients of this process
# (Visitor), and what they saw is compared with what the tables hold.
package LocalHub;

use strict;
use warnings;

use parent 'WebchattTest';

use Hash::Util::FieldHash qw(fieldhash);
use Mojo::JSON qw(decode_json encode_json);
use Test::More;
use Time::HiRes qw(time);
use Visitor;

our $ORIGIN = 'https://www.example.com';

# Limits that no test reaches by accident: all its visitors have one address.
our $WIDE = join "\n", 'webchatt.visitor_rate = 100000', 'webchatt.visitor_burst = 1000', 'webchatt.address_rate = 1000000',
  'webchatt.address_burst = 100000', 'webchatt.new_visitor_rate = 1000000', 'webchatt.hello_rate = 1000000', 'webchatt.address_bytes_per_hour = 10000000', 'webchatt.max_visitors_per_address = 5000',
  map { ("webchatt.${_}_per_hour = 0", "webchatt.channel_${_}_per_hour = 0") } qw(newcomers messages bytes);

# A cluster, the extension, and a channel for visitors from $ORIGIN; up and
# ready.  Arguments: as WebchattTest->new; limits (default: $WIDE).
sub begin
{
	my ($class, %args) = @_;
	my $self = $class->new(%args, conf => join "\n", $args{limits} // $WIDE, $args{conf} // '');

	$self->sql('CREATE EXTENSION webchatt');
	($self->{channel}, $self->{key}) = $self->make_channel('Shop', $ORIGIN);
	$self->wait_ready;
	return $self;
}

# Another channel: its id and its public key.
sub make_channel
{
	my ($self, $name, @origins) = @_;
	my $id = $self->sql("SELECT webchatt.create_channel('$name', ARRAY[" . join(',', map { "'$_'" } @origins) . '])');

	return ($id, $self->sql("SELECT public_key FROM webchatt.channels WHERE id = '$id'"));
}

# A client of the channel, not yet connected.
sub visitor
{
	my ($self, %args) = @_;

	return Visitor->new(port => $self->{port}, key => $self->{key}, origin => $ORIGIN, %args);
}

# The same, welcomed.  At first the channel may not have reached the door yet.
sub arrived
{
	my ($self, %args) = @_;
	my $visitor = $self->visitor(%args);

	$self->reachable($args{key});
	return $visitor->arrive;
}

# Wait until the door knows the channel, or that of another public key.
sub reachable
{
	my ($self, $key) = @_;

	$key //= $self->{key};
	return if $self->{reached}{$key};
	$self->{reached}{$key} = Visitor::until(
		sub {
			my $probe = $self->visitor(hello => 0, key => $key);
			$probe->connect;
			my $in = Visitor::until(sub { $probe->{state} ne 'connecting' && $probe->{state} ne 'upgrading' || $probe->{http} }, 5);
			Visitor::pump_for(0.1) if $probe->{state} eq 'open';    # 4001 comes after the upgrade
			my $good = $probe->{state} eq 'open';
			$probe->end;
			return $good;
		}, 20) or $self->diagnose('SELECT * FROM webchatt.channels');
	return;
}

# While SQL is waited for, the clients live.
sub meanwhile { Visitor::pump_for(0.05); return }

# Answer a visitor; the message's id.
sub reply
{
	my ($self, $visitor, $text, $more) = @_;
	my $id = ref $visitor ? $visitor->{visitor} : $visitor;

	return $self->sql("SELECT webchatt.send_message('$self->{channel}', '$id', text => '$text'" . ($more // '') . ')');
}

# A trigger that answers what visitors write: "re: <their text>".
sub answering
{
	my ($self) = @_;

	$self->sql(q{
		CREATE FUNCTION answer() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			PERFORM webchatt.send_message(new.channel_id, new.visitor, text => 're: ' || (new.content ->> 'text'));
			RETURN NULL;
		END $$;
		CREATE TRIGGER answer AFTER INSERT ON webchatt.messages
			FOR EACH ROW WHEN (new.direction = 'in') EXECUTE FUNCTION answer()});
	return;
}

# Start pgbench writing to these visitors from SQL: each transaction sends two
# messages, stays open between them for up to hold milliseconds, and one in ten
# is rolled back; so they commit in any order.  sends_end() waits for it.
# Arguments: visitors (ids), clients, seconds, hold, pause (milliseconds).
sub talk_begin
{
	my ($self, %args) = @_;
	my $dir = $self->{node}->basedir;
	my $last = @{ $args{visitors} };

	$self->sql('CREATE TABLE IF NOT EXISTS people (n int, id text); TRUNCATE people;
		INSERT INTO people SELECT n, id FROM unnest($v${' . join(',', @{ $args{visitors} }) . '}$v$::text[]) WITH ORDINALITY AS p (id, n)');
	my $one = sub { "SELECT webchatt.send_message('$self->{channel}', id, text => 'sql ' || :n || ' ' || :m || '$_[0]') FROM people WHERE n = :$_[0];\n" };
	open(my $fh, '>', "$dir/talk.sql") or die $!;
	print $fh "\\set n random(1, $last)\n\\set m random(1, $last)\n\\set hold random(0, $args{hold})\n\\set undo random(1, 10)\n",
	  "BEGIN;\n", $one->('n'), "\\sleep :hold ms\n", $one->('m'),
	  "\\if :undo = 1\nROLLBACK;\n\\else\nCOMMIT;\n\\endif\n\\sleep $args{pause} ms\n";
	close $fh;
	return $self->pgbench("$dir/talk.sql", '-c', $args{clients} // 3, '-T', $args{seconds});
}

# Until the condition holds these clients write, each at most twenty messages a second and two
# at a time; with posted and answers (hashes) a hub posts too: the ids that were answered 200,
# and how often which code was.  Arguments: text, timeout (of a post, seconds).
sub load_until
{
	my ($self, $clients, $condition, $patience, %args) = @_;
	my $text = $args{text} // 'load';

	return Visitor::until(
		sub {
			my $now = time;
			for my $client (grep { ($_->{next_word} // 0) <= $now && keys %{ $_->{unacked} } < 2 } @$clients)
			{
				$client->say($text);
				$client->{next_word} = $now + 0.05;
			}
			if ($args{posted} && ($self->{next_post} // 0) <= $now)
			{
				my $id = 'm-' . ++$self->{posts};
				my $code = $self->post(Webhook::message($WebchattTest::CHANNEL, $id, 'h-' . $self->{posts} % 5, $text),
					fresh => 1, timeout => $args{timeout});
				$args{answers}{$code}++;
				$args{posted}{$id} = 1 if $code == 200;
				$self->{next_post} = time + 0.1;
			}
			return $condition->();
		}, $patience);
}

# How much these clients have heard and said so far.
sub _heard_and_said
{
	my $n = 0;

	$n += keys(%{ $_->{messages} }) + keys(%{ $_->{acked} }) - keys %{ $_->{pending}{delivered} // {} } for @_;
	return $n;
}

# Wait until these clients have said and heard everything, as long as more of it comes; a test point.
sub settled
{
	my ($self, $what, $clients) = @_;
	my $why = '';
	my $ask = $self->asking;
	my ($good, $before);
	my $is_settled = sub {
		my @busy = grep { $_->{state} ne 'welcomed' || %{ $_->{unacked} } || %{ $_->{pending}{delivered} // {} } || $_->{filling} } @$clients;

		$why = @busy ? $busy[0]->describe . ', unacked: ' . join(' ', keys %{ $busy[0]{unacked} }) : '';
		return 0 if @busy;
		my $out = $ask->("SELECT visitor, count(*) FROM webchatt.messages
			WHERE channel_id = '$self->{channel}' AND status NOT IN ('expired', 'cancelled', 'failed') GROUP BY 1");
		return $why = '' if !defined $out;
		my %rows = map { split /\|/ } split /\n/, $out;
		my @behind = grep { keys %{ $_->{messages} } != ($rows{ $_->{visitor} } // 0) } @$clients;
		$why = @behind ? "client $behind[0]{number} has " . keys(%{ $behind[0]{messages} }) . " of $rows{ $behind[0]{visitor} } messages" : '';
		Visitor::pump(0.2) if @behind;
		return !@behind;
	};

	do
	{
		$before = _heard_and_said(@$clients);
		$good = Visitor::until($is_settled);
	} while (!$good && _heard_and_said(@$clients) > $before);
	ok($good, $what) or diag($why);
	return $good;
}

# A column of a message's row.
sub row { my ($self, $id, $column) = @_; return $self->sql("SELECT $column FROM webchatt.messages WHERE id = '$id'") }

# Everything that visitors (clients, or their ids) and the tables know of each other, as a list of
# hashes in the order of ids.
sub rows
{
	my ($self, @visitors) = @_;
	my $ids = join ', ', map { "'" . (ref $_ ? $_->{visitor} : $_) . "'" } @visitors;

	# nearly all are as they were when they were last looked at
	return map { $self->{decoded}{$_} //= decode_json($_) } split /\n/, $self->sql("SELECT json_build_object('id', id, 'visitor', visitor, 'direction', direction, 'status', status,
		'content', content, 'client', split_part(hub_message_id, '/', 2), 'at', floor(extract(epoch FROM created_at) * 1000))
		FROM webchatt.messages WHERE channel_id = '$self->{channel}' AND visitor IN ($ids)
		AND status NOT IN ('expired', 'cancelled', 'failed') ORDER BY id");
}

# Compare clients' transcripts with the table, in full.  Three or four test
# points.  Arguments: what, the clients; acked (at least so many).
sub account
{
	my ($self, $what, $clients, %args) = @_;
	my (@missing, @strange, @different, @lost, @doubled, %by_visitor, %rows_of, $acked, $compared);

	push @{ $by_visitor{ $_->{visitor} } }, $_ for @$clients;
	push @{ $rows_of{ $_->{visitor} } }, $_ for $self->rows(keys %by_visitor);
	for my $visitor (sort keys %by_visitor)
	{
		my @rows = @{ $rows_of{$visitor} // [] };
		my %row = map { $_->{id} => $_ } @rows;
		my %times;
		$times{ $_->{client} }++ for grep { $_->{direction} eq 'in' } @rows;
		push @doubled, map { "$visitor/$_" } grep { $times{$_} > 1 } keys %times;

		for my $client (@{ $by_visitor{$visitor} })
		{
			my %has = %{ $client->{messages} };
			push @missing, map { "$visitor $_->{id} $_->{status} $_->{direction} for client $client->{number}" } grep { !$has{ $_->{id} } } @rows;
			push @strange, map { "$visitor $_" } grep { !$row{$_} } keys %has;
			for my $id (grep { $row{$_} } keys %has)
			{
				my ($mine, $its) = ($has{$id}, $row{$id});
				$compared++;
				push @different, "$visitor $id"
				  if text_of($mine->{content}) ne text_of($its->{content}) || $mine->{direction} ne $its->{direction}
				  || $its->{direction} eq 'in' && ($mine->{client} // '') ne $its->{client};
			}
			for my $id (keys %{ $client->{acked} })
			{
				$acked++;
				push @lost, "$visitor/$id" unless ($times{$id} // 0) == 1 && $row{ $client->{acked}{$id} };
			}
		}
	}
	cmp_ok($acked // 0, '>=', $args{acked} // 1, "$what: messages were acked (" . ($acked // 0) . ", $compared compared)");
	none(\@lost, "$what: every acked message is a row, once");
	none(\@doubled, "$what: no message is there twice");
	none(\@missing, "$what: every row is in every client's transcript");
	none(\@strange, "$what: nothing came that is no row");
	none(\@different, "$what: contents are equal");
	none([ map { @{ $_->{violations} } } @$clients ], "$what: all frames were to the letter of the protocol");
	return;
}

# The JSON of a content, which is made once: accounts come back to all of them.
fieldhash my %text_of;
sub text_of { my ($content) = @_; return ref $content ? $text_of{$content} //= _canonical($content) : _canonical($content) }

# JSON's text with sorted keys.
sub _canonical
{
	my ($value) = @_;

	return '{' . join(',', map { "\"$_\":" . _canonical($value->{$_}) } sort keys %$value) . '}' if ref $value eq 'HASH';
	return '[' . join(',', map { _canonical($_) } @$value) . ']' if ref $value eq 'ARRAY';
	return encode_json($value);
}

# A test point: the list is empty.
sub none
{
	my ($list, $what) = @_;
	my @some = @$list;

	splice @some, 5 if @some > 5;
	return is(scalar @$list, 0, $what) || diag(join "\n", @some);
}

1;
