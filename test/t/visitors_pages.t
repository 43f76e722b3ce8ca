# On which page visitors are: what they say reaches webchatt.visitors, the newest of each, many
# by one statement, and whatever becomes of it nothing else waits or fails.
use strict;
use warnings;
use utf8;

use Encode qw(encode_utf8);
use LocalHub;
use Test::More;

my $t = LocalHub->begin(limits => $LocalHub::WIDE);
my $channel = $t->{channel};
my $site = $LocalHub::ORIGIN;

# A visitor's row: what is asked for, with bars between.
sub row_of { my ($v, $what) = @_; return $t->sql("SELECT $what FROM webchatt.visitors WHERE channel_id = '$channel' AND id = '$v->{visitor}'") }
sub is_there { my ($v, $url, $what) = @_; return $t->wait_for("SELECT page_url = '$url' FROM webchatt.visitors WHERE id = '$v->{visitor}'", $what) }

# A visitor whose hello says that; known: with this token.
sub comes
{
	my (%where) = @_;
	my $token = delete $where{known};
	return $t->arrived(where => \%where, defined $token ? (token => $token) : ());
}

# --- what hello says ---------------------------------------------------------

my $v = comes(url => "$site/shoes?token=secret#top", title => "Sho\"es <b>☃", locale => 'pt-BR', timeZone => 'America/Sao_Paulo');
is(row_of($v, q{page_url, page_title, page_at <= now(), page_at > now() - interval '5 minutes', locale, time_zone}),
	encode_utf8("$site/shoes|Sho\"es <b>☃|t|t|pt-BR|America/Sao_Paulo"), 'a newcomer\'s row has the page, the language, the time zone');
is($t->sql("SELECT count(*) FROM webchatt.visitors v WHERE v::text ~ 'secret'"), 0, 'but no query and no fragment');
is($t->sql("SELECT page_url, page_title FROM webchatt.presence WHERE visitor = '$v->{visitor}'"), encode_utf8("$site/shoes|Sho\"es <b>☃"), 'and webchatt.presence shows it');
my $none = comes();
is(row_of($none, 'num_nulls(page_url, page_title, page_at, locale, time_zone)'), 5, 'who says nothing has none');
my $evil = comes(url => 'https://evil.example.net/', title => 'T', locale => 'x' x 50, timeZone => {});
is(row_of($evil, 'num_nulls(page_url, page_title, page_at, locale, time_zone)'), 5, 'nor has who says what cannot be');

# --- the same visitor again, and elsewhere -----------------------------------

my $place = row_of($v, 'ctid');
my $at = row_of($v, 'page_at');
my $again = comes(known => $v->{token}, url => "$site/shoes", title => "Sho\"es <b>☃", locale => 'pt-BR', timeZone => 'America/Sao_Paulo');
is($again->{visitor}, $v->{visitor}, 'with the token it is the same visitor');
my $other = comes(known => $v->{token}, url => "$site/hats", title => '');
is_there($v, "$site/hats", 'a hello on another page is written');
is(row_of($v, 'page_title IS NULL, locale, time_zone'), 't|pt-BR|America/Sao_Paulo', 'without a title, and what was not said stays');
is(row_of($v, "page_at > '$at'"), 't', 'with its time');
is($t->sql("SELECT sessions, page_url FROM webchatt.presence WHERE visitor = '$v->{visitor}'"), "3|$site/hats", 'of several tabs the latest counts');
$other->send({ type => 'page', url => "$site/bags?x", title => 'Bags' });
is_there($v, "$site/bags", 'so does a page that they go to');
is(row_of($v, 'page_title'), 'Bags', 'with its title');
$at = row_of($v, 'page_at');
$other->send({ type => 'page', url => "$site/bags", title => '(1) Bags' });
$t->wait_for("SELECT page_title = '(1) Bags' FROM webchatt.visitors WHERE id = '$v->{visitor}'", 'another title of the same page');
is(row_of($v, 'page_at'), $at, 'is no other page');

# What two tabs say close behind each other, the second while the first one's is about to be written: when the worker
# goes on, the time to write has come and the second waits for its welcome.
$other->send({ type => 'page', url => "$site/ties", title => 'Ties' });
is_there($v, "$site/ties", 'a page is written');
comes(known => $v->{token}, url => "$site/belts");
my $worker = $t->signal('STOP', 'worker_pid');
my $tab = $t->visitor(where => { url => "$site/gloves", title => 'Gloves' }, token => $v->{token});
$tab->connect;
Visitor::pump_for(2.5);
kill 'CONT', $worker;
ok($tab->welcomed, 'who comes meanwhile is welcomed');
is_there($v, "$site/gloves", 'and their page is written, not lost with the one before');
$other->send({ type => 'page', url => "$site/bags", title => '(1) Bags' });
is_there($v, "$site/bags", 'as is the one after it');

# Nothing new is not written.
$place = row_of($v, 'ctid');
comes(known => $v->{token}, url => "$site/bags", title => '(1) Bags')->end;
my $later = comes(url => "$site/1");
$later->send({ type => 'page', url => "$site/2" });
is_there($later, "$site/2", 'another visitor\'s is');
is(row_of($v, 'ctid'), $place, 'what is known already is not written again');

# --- many --------------------------------------------------------------------

my @crowd = map { comes() } 1 .. 40;
$_->send({ type => 'page', url => "$site/first" }) for @crowd;
$_->send({ type => 'page', url => "$site/last", title => "of $_->{visitor}" }) for @crowd;
$t->wait_for("SELECT count(*) = 40 FROM webchatt.visitors WHERE page_url = '$site/last'", 'of each of forty visitors the newest page is written');
is($t->sql("SELECT count(*) FROM webchatt.visitors WHERE page_url = '$site/last' AND page_title = 'of ' || id"), 40, 'to each their own');
is($t->sql("SELECT count(DISTINCT page_at) <= 10 FROM webchatt.visitors WHERE page_url = '$site/last'"), 't', 'by a few turns');
$_->end for @crowd;

# --- what stands in its way --------------------------------------------------

my $held = comes(url => "$site/a");
my $free = comes(url => "$site/a");
my $session = $t->session;
$session->query('BEGIN');
$session->query("SELECT FROM webchatt.visitors WHERE id = '$held->{visitor}' FOR UPDATE");
$_->send({ type => 'page', url => "$site/b" }) for $held, $free;
is_there($free, "$site/b", 'whose row is held keeps nobody else waiting');
my $said = $held->say('and I go on writing');
ok($held->acked($said), 'nor themselves');
is(row_of($held, 'page_url'), "$site/a", 'their page is not written yet');
$session->query('COMMIT');
is_there($held, "$site/b", 'but it is when the row is free');
$session->query('BEGIN');
$session->query("SELECT FROM webchatt.visitors WHERE id = '$held->{visitor}' FOR KEY SHARE");
$held->send({ type => 'page', url => "$site/b2" });
is_there($held, "$site/b2", 'a row that refers to theirs, and is not committed yet, holds nothing up');
$session->query('COMMIT');
$session->close;

$t->sql(q{CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF new.page_title = 'refused' THEN RAISE EXCEPTION 'no such page'; END IF;
		RETURN new;
	END $$;
	CREATE TRIGGER refuse BEFORE UPDATE ON webchatt.visitors FOR EACH ROW EXECUTE FUNCTION refuse()});
my @two = map { comes(url => "$site/a") } 1, 2;
$two[0]->send({ type => 'page', url => "$site/c", title => 'refused' });
$two[1]->send({ type => 'page', url => "$site/c", title => 'taken' });
is_there($two[1], "$site/c", 'what an application\'s trigger refuses keeps nobody else out');
is(row_of($two[0], 'page_url'), "$site/a", 'and is left out');
$t->wait_for("SELECT last_error ~ 'no such page' FROM webchatt.status", 'webchatt.status says why');
$two[0]->send({ type => 'page', url => "$site/d", title => 'good' });
is_there($two[0], "$site/d", 'the next one is taken');
$t->sql('DROP TRIGGER refuse ON webchatt.visitors');

# A visitor that is gone by then, and a webchatt-net that is gone.
$two[1]->send({ type => 'page', url => "$site/e" });
$t->sql("DELETE FROM webchatt.visitors WHERE id = '$two[1]->{visitor}'");
my $net = $t->signal('KILL', 'net_pid');
$t->wait_for("SELECT net_pid <> $net AND corridor = 'open' FROM webchatt.status", 'webchatt-net was killed');
my $after = comes(known => $v->{token}, url => "$site/f");
is_there($v, "$site/f", 'and pages are written as before');
is($t->sql("SELECT count(*) FROM webchatt.visitors WHERE id = '$two[1]->{visitor}'"), 0, 'a visitor who was deleted stays so');
$t->finish;
done_testing();
