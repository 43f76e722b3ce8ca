# doc/monitoring: every query of the dashboard and of the alert rules asks /metrics of a hub with traffic for
# what is there: its names, labels and values, and each by a function that its type allows.  The dashboard is
# of the form that Grafana imports, and shows all that there is; each alert says what to do, and where more is.
# Whether the rules fire, and only when they should, is scripts/alerts's.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename;
use LocalHub;
use Mojo::JSON qw(decode_json);
use Mojo::UserAgent;
use Test::More;

my $doc = abs_path(dirname(__FILE__) . '/../../doc');
sub text_of { my ($file) = @_; open(my $fh, '<:encoding(UTF-8)', "$doc/$file") or die "$file: $!"; local $/; return scalar <$fh> }

# --- a hub with traffic ----------------------------------------------------------

my $t = LocalHub->begin(conf => "webchatt.desk_listen = '127.0.0.1:" . WebchattTest::free_port() . "'");
my $ua = Mojo::UserAgent->new;
sub metrics { return $ua->get($t->base_url . '/metrics')->res->body }
sub value { my ($name) = @_; return metrics() =~ /^\Q$name\E (\S+)$/m ? $1 : undef }

my $visitor = $t->arrived;
$visitor->acked($visitor->say('hello'));
my $away = $t->arrived;
$away->acked($away->say('I must go'));
$away->end;
$t->wait_for('SELECT count(*) = 1 FROM webchatt.presence', 'one is away');
$t->sql("SELECT webchatt.send_message('$t->{channel}', '$visitor->{visitor}', text => 'an answer')");
ok(Visitor::until(sub { grep { ($_ // '') eq 'an answer' } $visitor->texts('out') }), 'one is answered');
my $held = $t->sql("SELECT webchatt.send_message('$t->{channel}', '$away->{visitor}', text => 'for later')");
$t->status_becomes($held, 'held', 'what is for the other');
$t->sql(q{CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not that'; END $$;
	CREATE TRIGGER no BEFORE INSERT ON webchatt.messages FOR EACH ROW WHEN (new.content ->> 'text' = 'reject me') EXECUTE FUNCTION no()});
$visitor->say('reject me');
$t->wait_for('SELECT count(*) = 1 FROM webchatt.rejects', 'an event is rejected');
# as if so much had left (test/t/retention.t has it leave)
$t->sql("INSERT INTO webchatt.retention_progress (channel_id, conversations, messages, archived, visitors, last_error) VALUES ('$t->{channel}', 3, 40, 30, 2, 'no')
	ON CONFLICT (channel_id) DO UPDATE SET conversations = 3, messages = 40, archived = 30, visitors = 2, last_error = 'no'");
$t->sql("INSERT INTO webchatt.archive_tasks (channel_id, message_id, content, due) SELECT '$t->{channel}', gen_random_uuid(), '{}', 'infinity' FROM generate_series(1, 10020)");
$t->node->reload;    # it looks at the tables at once

ok(WebchattTest::comes(sub { (value('webchatt_held') // 0) == 1 && value('webchatt_rejects') == 1 && value('webchatt_retention_messages_total') == 40 && value('webchatt_archive_tasks') > 0 }),
	'the metrics have what stands in the tables') or diag(metrics() =~ /^(webchatt_(?:held|rejects|retention).*)$/mg);
is(value('webchatt_retention_archived_total'), 30, 'what an archive has');
is(value('webchatt_retention_failing'), 1, 'where nothing leaves');
is(value('webchatt_archive_tasks'), 10_001, 'what waits for an archive: more than ten thousand is not counted');
is(value('webchatt_hubs_not_active'), 0, 'hubs that are as they should be');
cmp_ok(value('webchatt_disk_size_bytes'), '>', value('webchatt_disk_free_bytes'), 'the disk');
cmp_ok(value('webchatt_disk_free_bytes'), '>', 0, 'which has room');
ok(WebchattTest::comes(sub { value('webchatt_messages_in_total') >= 2 && value('webchatt_messages_out_total') >= 1 && value('webchatt_rejected_total') == 1 }), 'what the worker counted');
ok(WebchattTest::comes(sub { value('webchatt_unanswered_oldest_seconds') > 0 || !$t->node->reload }), 'who waits for an answer');
cmp_ok(value('webchatt_net_memory_bytes'), '>', 1_000_000, 'the memory of webchatt-net');
cmp_ok(value('webchatt_worker_memory_bytes'), '>', 100_000, 'and of the worker');

# What each metric is, and the labels that it has with the values they have.
my (%type, %labels);
my $text = metrics();
for my $line (split /\n/, $text)
{
	if ($line =~ /^# TYPE (\S+) (\S+)$/) { $type{$1} = $2; next }
	my ($name, $labels) = $line =~ /^(\w+)(?:\{(.*)\})? [-+\d.e]+$/ or $line =~ /^# HELP / ? next : die $line;
	$labels{$name} //= {};
	while (($labels // '') =~ /(\w+)="([^"]*)"/g) { $labels{$name}{$1}{$2} = 1 }
}
is_deeply([ grep { $_ eq 'histogram' } values %type ], ['histogram'], 'there is one histogram');
# What Prometheus adds.
$type{up} = 'gauge';
$labels{up} = {};
$_->{instance} = { any => 1 } for values %labels;
$_->{job} = { webchatt => 1 } for values %labels;

# --- queries ---------------------------------------------------------------------

my %asked;

# What is wrong with an expression of PromQL, as far as it is about what /metrics has.
sub faults
{
	my ($expr) = @_;
	my @faults;
	my %has;

	while ($expr =~ /\b((?:webchatt_\w+|up)\b)(?:\{([^}]*)\})?(\[[^\]]+\])?/g)
	{
		my ($name, $matchers, $range) = ($1, $2 // '', $3);
		my $before = substr $expr, 0, $-[0];
		my $base = $type{$name} ? $name : $name =~ s/_(?:bucket|sum|count)\z//r;
		my ($function) = $before =~ /(\w+)\(\z/;

		$asked{$base} = 1;
		push @faults, "there is no $name" and next if !$labels{$name} || !$type{$base};
		%has = (%has, %{ $labels{$name} });
		for my $matcher (split /,\s*/, $matchers)
		{
			my ($label, $how, $with) = $matcher =~ /\A(\w+)(=~|!~|!=|=)"([^"]*)"\z/ or push @faults, "strange: $matcher";
			push @faults, "$name has no label $label" and next if !$labels{$name}{$label};
			next if $with eq '$instance';
			push @faults, "no $label of $name is $with" if $how eq '=' && !$labels{$name}{$label}{$with};
		}
		my $counts = $type{$base} ne 'gauge';
		my $as_counter = ($function // '') =~ /\A(?:rate|irate|increase)\z/;
		push @faults, "$name is a $type{$base}: " . ($function // 'no function') if $counts != $as_counter;
		push @faults, "$function() wants a range" if $as_counter && !$range;
		push @faults, "$name: a range without a function of it" if $range && ($function // '') !~ /\A(?:rate|irate|increase|(?:min|max|avg)_over_time)\z/;
		push @faults, "a bucket by itself" if $name =~ /_bucket\z/ && ($before !~ /histogram_quantile\([\d.]+, sum by \(([^)]*)\) \(rate\(\z/ || " $1," !~ / le,/);
	}
	push @faults, 'histogram_quantile() of no bucket' if $expr =~ /histogram_quantile/ && $expr !~ /_bucket/;
	while ($expr =~ /\bby \(([^)]*)\)/g) { push @faults, map { "by ($_), which nothing has" } grep { !$has{$_} } grep { $_ ne 'le' } split /,\s*/, $1 }
	return (\@faults, \%has);
}

# This test itself is one.
like(join('; ', map { @{ (faults($_))[0] } } $_->[0]), $_->[1], "found: $_->[0]")
  for ['rate(webchatt_visitors[5m])', qr/is a gauge/], ['webchatt_turns_total', qr/is a counter/], ['webchatt_nothing', qr/there is no/], ['webchatt_queued{hub="other"}', qr/no hub of/],
  ['webchatt_queued{reason="x"}', qr/no label reason/], ['sum by (code) (webchatt_queued)', qr/which nothing has/], ['histogram_quantile(0.5, rate(webchatt_commit_seconds_bucket[5m]))', qr/by itself/],
  ['rate(webchatt_turns_total)', qr/wants a range/];

# --- the dashboard ---------------------------------------------------------------

my $board = decode_json(Mojo::Util::encode('UTF-8', text_of('monitoring/dashboard.json')));
my (@faults, %ids, %cells, $queries);
like($board->{uid}, qr/\A[\w-]{8,40}\z/, 'the dashboard has an uid');
ok(exists $board->{id} && !defined $board->{id}, 'and no id: it is to be imported');
is(join(' ', sort grep { !exists $board->{$_} } qw(title tags timezone editable graphTooltip panels time timepicker templating annotations refresh schemaVersion version links)), '', 'it has all members of the model');
ok($board->{schemaVersion} =~ /\A\d+\z/ && $board->{schemaVersion} >= 17, 'of a schema that is known');
my %variable = map { $_->{name} => $_ } @{ $board->{templating}{list} };
is("$variable{datasource}{type} $variable{datasource}{query}", 'datasource prometheus', 'which Prometheus, is a variable');
is_deeply([ (faults($variable{instance}{query}{query} =~ s/label_values\((\w+), \w+\)/$1/r))[0] ], [ [] ], 'and which hub');
for my $panel (@{ $board->{panels} })
{
	my ($name, $grid) = ($panel->{title}, $panel->{gridPos});
	my $wrong = sub { push @faults, map { "$name: $_" } @_ };

	$wrong->('its id is not its own') if $ids{ $panel->{id} }++;
	$wrong->('no kind of panel') if $panel->{type} !~ /\A(?:row|stat|timeseries)\z/;
	$wrong->('not on the grid') if grep({ $grid->{$_} !~ /\A\d+\z/ } qw(h w x y)) || $grid->{x} + $grid->{w} > 24;
	for my $y ($grid->{y} .. $grid->{y} + $grid->{h} - 1) { for my $x ($grid->{x} .. $grid->{x} + $grid->{w} - 1) { $wrong->('over another') if $cells{"$x/$y"}++ } }
	next if $panel->{type} eq 'row';
	my %refs;
	for my $target (@{ $panel->{targets} })
	{
		$queries++;
		$wrong->('a refId twice') if $refs{ $target->{refId} }++;
		$wrong->('another source') if grep { "$_->{type} $_->{uid}" ne 'prometheus ${datasource}' } $panel->{datasource}, $target->{datasource};
		my ($of, $has) = faults($target->{expr});
		$wrong->(@$of);
		$wrong->("$target->{expr}: not of the hubs that were chosen") if $target->{expr} !~ /instance=~"\$instance"/;
		my ($kept) = $target->{expr} =~ /\bby \(([^)]*)\)/;
		$wrong->(map { "its legend has $_" } grep { defined $kept ? ", $kept," !~ /, $_,/ : !$has->{$_} } $target->{legendFormat} =~ /\{\{(\w+)\}\}/g);
	}
}
cmp_ok($queries, '>', 60, "$queries queries");
is_deeply(\@faults, [], 'all ask for what is there');
is_deeply([ sort grep { !$asked{$_} } keys %type ], ['up'], 'and for all that there is');

# --- the rules -------------------------------------------------------------------

my @rules = split /^      - alert: /m, text_of('monitoring/alerts.yml');
my $tests = text_of('monitoring/alerts-test.yml');
shift @rules;
@faults = ();
for my $rule (@rules)
{
	my ($name) = $rule =~ /\A(Webchatt\w+)$/m or die $rule;
	my ($expr) = $rule =~ /^        expr: (.+)$/m or die $rule;
	my $has;
	my $wrong = sub { push @faults, map { "$name: $_" } @_ };

	(my $of, $has) = faults($expr);
	$wrong->(@$of);
	$wrong->('no severity') if $rule !~ /^        labels: \{severity: (?:page|ticket|info)\}$/m;
	$wrong->("there is no $_") for grep { $rule !~ /^          $_: \S/m } qw(summary do docs);
	my ($kept) = $expr =~ /\bby \(([^)]*)\)/;
	$wrong->(map { "its summary has $_" } grep { defined $kept ? ", $kept," !~ /, $_,/ : !$has->{$_} } $rule =~ /\$labels\.(\w+)/g);
	my ($file, $anchor) = $rule =~ m{^          docs: doc/([\w-]+\.md)#([\w-]+)$}m;
	my @anchors = map { lc($_) =~ s/[^\w\- ]//gr =~ tr/ /-/r } text_of($file) =~ /^#+ +(.+?) *$/mg;
	$wrong->("doc/$file has no section $anchor") if !grep { $_ eq $anchor } @anchors;
	$wrong->('not tested') if $tests !~ /name: $name fires$/m || $tests !~ /name: $name is quiet$/m;
	$wrong->('not in doc/monitoring.md') if text_of('monitoring.md') !~ /`$name`/;
}
cmp_ok(scalar @rules, '>', 15, scalar(@rules) . ' rules');
is_deeply(\@faults, [], 'all ask for what is there, and say what to do');

# --- a worker that hangs ------------------------------------------------------------

my $pid = $t->pid('worker_pid');
kill 'STOP', $pid;
ok(WebchattTest::comes(sub { value('webchatt_worker_silent_seconds') > 8 }), 'a worker that hangs is seen, for webchatt-net still answers');
kill 'CONT', $pid;
ok(WebchattTest::comes(sub { value('webchatt_worker_silent_seconds') < 8 }), 'and when it goes on');
$visitor->end;

done_testing();
