# The documents say what is so: every link leads somewhere, and every example in SQL runs,
# block after block, as a reader would run it.
#
# A block that cannot be run here has a comment before it, <!-- not run: why -->.
# What stands in angle brackets in an example is filled in by the test.
use strict;
use warnings;
use utf8;

use Cwd qw(abs_path);
use File::Basename;
use File::Find;
use Hub;
use LocalHub;
use Test::More;

my $top = abs_path(dirname(__FILE__) . '/../..');
my @all;
find({ no_chdir => 1, wanted => sub {
	$File::Find::prune = 1 if m{/(?:node_modules|\.git|build)\z};
	push @all, substr $_, length($top) + 1 if /\.md\z/ } }, $top);
@all = sort @all;

sub text_of { my ($file) = @_; open(my $fh, '<:encoding(UTF-8)', "$top/$file") or die "$file: $!"; local $/; return scalar <$fh> }

# --- links -------------------------------------------------------------------

# The anchors that GitHub makes of a document's headings.
sub anchors
{
	my ($file) = @_;
	my (%seen, %anchors);
	my $text = text_of($file) =~ s/^```.*?^```//gmsr;

	for my $heading ($text =~ /^#+ +(.+?) *$/gm)
	{
		my $anchor = lc($heading =~ s/\[([^\]]*)\]\([^)]*\)/$1/gr) =~ s/[^\w\- ]//gr =~ tr/ /-/r;
		my $n = $seen{$anchor}++;
		$anchors{ $n ? "$anchor-$n" : $anchor } = 1;
	}
	return \%anchors;
}

my (@broken, $links);
for my $file (@all)
{
	my $text = text_of($file) =~ s/^```.*?^```//gmsr;
	for my $link ($text =~ /\]\(([^)\s]+)\)/g)
	{
		next if $link =~ /^(?:https?|mailto):/;
		$links++;
		my ($path, $anchor) = split /#/, $link, 2;
		my $target = length $path ? (dirname($file) eq '.' ? '' : dirname($file) . '/') . $path : $file;
		1 while $target =~ s{(?:^|(?<=/))(?!\.\./)[^/]+/\.\./}{};
		if (!-e "$top/$target") { push @broken, "$file: $link: there is no $target" }
		elsif (length($anchor // '') && !anchors($target)->{$anchor}) { push @broken, "$file: $link: $target has no such heading" }
	}
}
cmp_ok($links, '>', 20, "$links links within the documents");
is_deeply(\@broken, [], 'all lead to what is there');

# --- citations ---------------------------------------------------------------

# The source cites a document as "doc/hub-contract.md, section 2", also over the end of a comment's line.
my @sources;
find({ no_chdir => 1, wanted => sub {
	$File::Find::prune = 1 if m{/(?:node_modules|corpus)\z};
	push @sources, substr $_, length($top) + 1 if /\.(?:[chtl]|sql|def|pm|pl|js|jsx|mjs)\z/ && -f } }, map { "$top/$_" } qw(src sql test widget desk bench));
my ($citations, @astray);
for my $file (sort @sources)
{
	next if $file =~ /documents/;
	my $text = text_of($file) =~ s{\n\s*(?:\*(?!/)|\#|//|--)?\s*}{ }gr;
	push @astray, "$file: $1" while $text =~ /(.{0,30}\bhub-contract(?!\.md).{0,10})/g;
	while ($text =~ m{\b(doc/[\w/-]+\.md)(?:, section (\d+))?}g)
	{
		$citations++;
		if (!-e "$top/$1") { push @astray, "$file: there is no $1" }
		elsif (defined $2 && text_of($1) !~ /^## $2\. /m) { push @astray, "$file: $1 has no section $2" }
	}
}
# And a document names source files, which may have moved since.
my %there = map { $_ => 1, basename($_) => 1 } @sources, map { dirname($_) } @sources;
for my $file (grep { $_ ne 'CHANGELOG.md' } @all)
{
	my $text = text_of($file);
	while ($text =~ /(?<![\w\/.-])((?:src|sql|test)\/[\w\/.-]*\w|\w+\.[ch])\b(?![\w*\/-])/g)
	{
		push @astray, "$file: there is no $1" if !$there{$1} && !-e "$top/$1" && !-e "$top/" . dirname($file) . "/$1";
	}
}
cmp_ok($citations, '>', 20, "$citations citations of documents in the source");
is_deeply(\@astray, [], 'all are of what is there');

# The rooms, as source-rooms checks them: no line of the document may allow more or less of the backend, or more of net.
if (-e "$top/test/lib/source-rooms")
{
	my ($table) = text_of('test/lib/source-rooms') =~ /^my (%below = .*?)^(?:# What is known|my %known|my \(\$rule\))/ms;
	my ($listed) = text_of('doc/architecture.md') =~ /^## Who may include whom\n(.*?)^## /ms;
	my (%below, @net, @wrong);
	eval($table =~ s/^my \@net/\@net/mr) // ($@ and die $@);
	for (grep { /^    (?:backend|net)/ } split /\n/, $listed // '')
	{
		my ($room, @may) = split ' ', $_ =~ s/\(only common\)//r;
		my %may = map { $_ => 1 } @{ $below{$room} // [] };
		push @wrong, $_ if !$below{$room} || grep { !$may{$_} } @may or $room =~ /^backend/ && @may != keys %may;
	}
	is_deeply(\@wrong, [], 'doc/architecture.md: who may include whom');
}

# --- examples ----------------------------------------------------------------

# The SQL of a document: [line, text], of those that are to be run.
my @not_run;

sub examples
{
	my ($file) = @_;
	my ($n, $fence, $before, @blocks, @strange) = (0, undef, '');

	for my $line (split /\n/, text_of($file))
	{
		$n++;
		if ($line =~ /^```(.*)/)
		{
			if (defined $fence) { $fence = undef }
			else
			{
				$fence = $1;
				if ($before =~ /<!-- not run: (.+) -->/) { push @not_run, "$file:$n: $1"; $fence = 'no' }
				push @blocks, [ $n, '' ] if $fence eq 'sql';
			}
		}
		elsif (defined $fence) { $blocks[-1][1] .= "$line\n" if $fence eq 'sql' }
		elsif ($line =~ /^    (?:SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|GRANT|BEGIN)\b/) { push @strange, "$n: $line" }
		$before = $line if $line =~ /\S/;
	}
	is_deeply(\@strange, [], "$file: all SQL is marked as SQL");
	return @blocks;
}

# With a desk, which sign_in_link() asks for.
my $t = LocalHub->new(databases => 'documents, other', conf => "webchatt.desk_listen = '127.0.0.1:" . WebchattTest::free_port() . "'");
my $node = $t->node;
my $hub = $t->{hub} = Hub->new(dir => $node->basedir . '/hub', keys => [$WebchattTest::KEY], channels => { $WebchattTest::CHANNEL => 'web-chatt2me' });
my $other_port = WebchattTest::free_port();
my %instead;
local $ENV{SECRET} = $WebchattTest::KEY;    # which an example hands over

# Another webchatt, in a database of its own.
$t->sql('CREATE DATABASE other');
$t->listens_at('other', "127.0.0.1:$other_port");
$t->sql('CREATE EXTENSION webchatt', 'other');
my $its_channel = $t->sql(q{SELECT webchatt.create_channel('Theirs', ARRAY['https://www.example.com'])}, 'other');
my $its_key = $t->sql(q{SELECT webchatt.create_api_key('documents')}, 'other');
$t->sql("ALTER SYSTEM SET webchatt.public_url = '" . $t->base_url . "'");
$node->reload;

# A database for a document, without the other documents' tables and handlers.
sub begin
{
	$t->{database} = 'postgres';
	WebchattTest::comes(sub { ($t->try_sql('DROP DATABASE IF EXISTS documents WITH (FORCE)'))[0] == 0 }) or die 'DROP DATABASE';
	$t->sql('CREATE DATABASE documents');
	$t->{database} = 'documents';
	$t->{reached} = {};
	$t->sql('CREATE EXTENSION webchatt');
	$t->wait_ready;
	return;
}

# What is there when a reader comes to a document other than the first.
sub furnish
{
	$t->attach($hub->url);
	($t->{channel}, $t->{key}) = $t->make_channel('Mine', $LocalHub::ORIGIN);
	my $visitor = $t->arrived;
	$visitor->acked($visitor->say('hello'));
	$visitor->end;
	$instead{"'<channel id>'"} = "'$t->{channel}'";
	$instead{"'<visitor>'"} = "'$visitor->{visitor}'";
	return;
}

# Run a block, filled in.
sub runs
{
	my ($file, $line, $sql) = @_;

	$sql =~ s/\Q$_\E/$instead{$_}/g for sort keys %instead;
	my @open = $sql =~ /('<[^'>]*>'|FROM \.\.\.|'[^' ]+\.\.\.')/g;
	is_deeply(\@open, [], "$file:$line: nothing is left open") or return;
	my ($status, $out, $err) = $t->try_sql($sql);
	is($status, 0, "$file:$line: runs") or do { diag("$sql$err"); $t->diagnose };
	return;
}

# README.md: from nothing.
%instead = ("'<API key>'" => "'$WebchattTest::KEY', '" . $hub->url . "'", 'https://chat.example.com' => $t->base_url,
	"'<its API key>', 'https://chat.example.net'" => "'$its_key', 'http://127.0.0.1:$other_port'", "'<its channel id>'" => "'$its_channel'");
begin();
my ($visitor, $stranger, $taps);
my %then = (
	'create_channel' => sub {
		($t->{channel}, $t->{key}) = split /\|/, $t->sql(q{SELECT id, public_key FROM webchatt.channels WHERE display_name = 'My shop'});
		like($t->sql("SELECT webchatt.widget_script('$t->{channel}')"), qr/^<script src=/, 'the tag');
	},
	'FUNCTION order_bot' => sub {
		$visitor = $t->arrived;
		$visitor->say('Where is order a-1?');
		ok(Visitor::until(sub { grep { ($_ // '') =~ /^Order A-1 is on its way/ } $visitor->texts('out') }), 'the bot knows an order');
		is($t->sql("SELECT unanswered, last_author FROM webchatt.inbox WHERE visitor = '$visitor->{visitor}'"), 'f|order bot', 'which is an answer');
		my $tap = sub {
			my ($who, $id) = @_;
			my $client = 'tap-' . ++$taps;
			$who->send({ type => 'message', id => $client, content => { type => 'interactive', interactive => { type => 'button_reply', button_reply => { id => $id, title => "Order $id" } } } });
			ok(Visitor::until(sub { grep { $_->{type} eq 'ack' && $_->{id} eq $client } @{ $who->{frames} } }), "a visitor taps $id");
			return;
		};
		$stranger = $t->arrived;
		$tap->($stranger, 'A-2');
		is($stranger->texts('out'), 0, 'a button that was not offered is not looked up');
		is($t->sql("SELECT unanswered FROM webchatt.inbox WHERE visitor = '$stranger->{visitor}'"), 't', 'and waits for a person');
		$stranger->say('Hello?');
		ok(Visitor::until(sub { grep { $_->{content}{interactive} } grep { $_->{direction} eq 'out' } $stranger->transcript }), 'who asks for none is offered buttons');
		is($t->sql("SELECT unanswered, last_author FROM webchatt.inbox WHERE visitor = '$stranger->{visitor}'"), 't|order bot', 'and still waits for a person');
		$tap->($stranger, 'A-2');
		ok(Visitor::until(sub { grep { ($_ // '') =~ /^Order A-2 is being packed/ } $stranger->texts('out') }), 'a button that was offered is answered');
		$visitor->say('I have another question');
		Visitor::until(sub { grep { $_->{content}{interactive} } grep { $_->{direction} eq 'out' } $visitor->transcript });
	},
	'webchatt.presence' => sub {
		ok(Visitor::until(sub { grep { ($_ // '') eq 'Hello, this is Ana.' } $visitor->texts('out') }), 'a person answers whom the bot did not');
		is(scalar(grep { ($_ // '') eq 'Hello, this is Ana.' } $stranger->texts('out')), 0, 'and nobody else');
		ok(Visitor::until(sub { $visitor->of_type('typing') > 0 && grep { $_->{type} eq 'status' && $_->{status} eq 'read' } @{ $visitor->{frames} } }), 'who sees it typed, and that the question was read');
	},
	'wait_for_webhooks' => sub {
		is($t->sql(q{SELECT count(*) FROM webchatt.hub_webhooks WHERE state = 'verified'}), 2, 'two webhooks at the hub');
		is($t->sql(q{SELECT count(*) FROM (SELECT webchatt.widget_script(id) FROM webchatt.channels WHERE display_name = 'My shop' AND public_key IS NOT NULL) s}), 1, 'the tag is still to be had');
	},
	'FUNCTION answer' => sub {
		my $tapped = { type => 'interactive', interactive => { type => 'button_reply', button_reply => { id => 'x', title => 'The blue one' } } };
		$hub->emit({ %{ Webhook::message($WebchattTest::CHANNEL, 'tapped', 'tapper', '') }, content => $tapped });
		$t->wait_for(q{SELECT count(*) = 1 FROM webchatt.messages WHERE visitor = 'tapper' AND content ->> 'text' LIKE '%The blue one'}, 'a tapped button is answered');
	});
for my $block (examples('README.md'))
{
	my ($line, $sql) = @$block;
	is(text_of('scripts/demo-bot.sql'), $sql, 'make demo has the same bot') if $sql =~ /FUNCTION order_bot/;
	runs('README.md', $line, $sql);
	for my $word (sort keys %then) { (delete $then{$word})->() if $then{$word} && index($sql, $word) >= 0 }
}
is_deeply([ keys %then ], [], 'README.md has what is looked at');
is($t->sql('SELECT count(*) FROM webchatt.rejects'), 0, 'and nothing of it went wrong');

# Its example of the REST API.
my ($curl) = text_of('README.md') =~ /^(    curl .*?\n(?:      .*\n)*)/m;
my $key = $t->sql(q{SELECT webchatt.create_api_key('label')});
$curl =~ s/wck_\.\.\./$key/;
$curl =~ s/<channel id>/$t->{channel}/;
$curl =~ s/<visitor>/$visitor->{visitor}/;
$curl =~ s{https://chat\.example\.com}{$t->base_url}e;
my $answer = '';
WebchattTest::comes(sub { $answer = `$curl 2>/dev/null`; return $answer !~ /invalid_api_key|api_key/ });
like($answer, qr/"status": ?"sent"/, 'README.md: the call by curl is answered');
$_->end for $visitor, $stranger;

# The others, of which one takes webchatt off the server.
$t->{database} = 'postgres';
WebchattTest::comes(sub { ($t->try_sql('DROP DATABASE IF EXISTS other WITH (FORCE)'))[0] == 0 }) or die 'DROP DATABASE';
for my $file (grep { m{^(?:SECURITY\.md|CONTRIBUTING\.md|doc/|widget/README)} } @all)
{
	my @blocks = examples($file) or next;
	%instead = ();
	begin();
	furnish();
	if (my ($check) = text_of($file) =~ m{^    (curl -si https://chat\.example\.org/webhooks/<channel id> .*)}m)
	{
		$check =~ s{https://chat\.example\.org}{$t->base_url}e;
		$check =~ s/<channel id>/$WebchattTest::CHANNEL/;
		ok(WebchattTest::comes(sub { `$check 2>/dev/null` =~ m{^HTTP/1\.1 200 .*"hello"\z}s }), "$file: the check by curl is answered");
	}
	for my $block (@blocks)
	{
		runs($file, @$block);
		if ($block->[1] =~ /DROP EXTENSION/) { $t->sql('CREATE EXTENSION webchatt'); $t->wait_ready; furnish() }
	}
}
cmp_ok(scalar @not_run, '<=', 5, 'few are not run');
diag("not run: $_") for @not_run;

done_testing();
