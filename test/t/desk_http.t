# The desk as a browser has it: from no agent to a link, a session, the inbox live, a conversation
# with a visitor, colleagues, an admin's channel, and the end of sessions; by HTTP and a WebSocket,
# against a whole server.
use strict;
use warnings;
use utf8;

use LocalHub;
use Mojo::JSON qw(decode_json encode_json);
use Mojo::UserAgent;
use Test::More;

my $port = WebchattTest::free_port();
my $url = "http://127.0.0.1:$port";
my $t = LocalHub->begin(conf => "webchatt.desk_listen = '127.0.0.1:$port'");
my $channel = $t->{channel};

# Somebody's browser, with its cookies.
sub browser { return Mojo::UserAgent->new(max_redirects => 0, inactivity_timeout => 180) }

# A call as the page makes it: the status, the answer.
sub call
{
	my ($who, $function, $args, %headers) = @_;
	my $tx = $who->post("$url/desk/api/$function" => { 'X-Webchatt-Desk' => 1, Origin => $url, %headers } => encode_json($args // {}));
	return ($tx->res->code // 0, eval { decode_json($tx->res->body) } // $tx->res->body);
}

sub good
{
	my ($who, $function, $args) = @_;
	my ($status, $answer) = call($who, $function, $args);
	is($status, 200, "$function: 200") or diag(ref $answer ? encode_json($answer) : $answer);
	return $answer;
}

sub status_of { return (call(@_))[0] }
sub page { return browser()->get("$url/desk/")->res->code // 0 }

# Let browsers' WebSockets and visitors live until the condition holds.
sub until_
{
	my ($condition) = @_;
	return Visitor::until(sub { Mojo::IOLoop->one_tick; return $condition->() });
}
Mojo::IOLoop->recurring(0.02 => sub { });

# Open the desk's WebSocket: {frames}, {code} when it has ended.
sub look
{
	my ($who) = @_;
	my $self = { frames => [] };
	$who->websocket("$url/desk/socket" => { Origin => $url } => ['web-chatt2me.desk.v1'] => sub {
		my (undef, $tx) = @_;
		return $self->{code} = $tx->res->code // 0 unless $tx->is_websocket;
		$self->{tx} = $tx;
		$tx->on(json => sub { push @{ $self->{frames} }, $_[1] });
		$tx->on(finish => sub { $self->{code} = $_[1] // 1006 }); });
	until_(sub { $self->{code} || @{ $self->{frames} } });
	return $self;
}

# The next frame of that type; others before it are gone.
sub hears
{
	my ($socket, $type) = @_;
	my $found;
	until_(sub {
		while (my $frame = shift @{ $socket->{frames} }) { return $found = $frame if $frame->{type} eq $type }
		return $socket->{code}; });
	return $found;
}

sub says { my ($socket, %frame) = @_; return $socket->{tx}->send({ json => \%frame }) }
sub token_of { return $_[0] =~ m{\A\Q$url\E/desk/#sign-in=([A-Za-z0-9_-]{43})\z} ? $1 : die("a link: $_[0]") }
sub link_for { my ($name, $more) = @_; return token_of($t->sql("SELECT webchatt.sign_in_link('$name'" . ($more // '') . ')')) }

sub signed_in
{
	my ($name) = @_;
	my $who = browser();
	is((good($who, 'sign_in', { token => link_for($name) })->{agent} // {})->{name}, $name, "$name is signed in");
	return $who;
}

# --- off, and on -------------------------------------------------------------

is(page(), 404, 'without an agent there is nothing');
is(status_of(browser(), 'me'), 404, 'nor a function');
$t->sql(q{SELECT webchatt.create_agent('ana', 'Ana'), webchatt.create_agent('rui', 'Rui'), webchatt.create_agent('chef', 'The Chef', 'admin')});
ok(Patience::until(sub { page() == 200 }), 'with one there is the page');
is(browser()->get($t->base_url . $_)->res->code, 404, "$_ is nothing where visitors come") for '/desk', '/desk/', '/desk/app.js', '/desk/socket';
is(browser()->get("$url$_")->res->code, 404, "$_ is nothing at the desk") for '/healthz', '/metrics', '/chat-widget.umd.js';

# --- a link, once ------------------------------------------------------------

my $token = link_for('ana');
my $ana = browser();
is(status_of($ana, 'me'), 401, 'nobody is signed in');
is(status_of($ana, 'sign_in', { token => 'x' x 43 }), 401, 'a link that is none opens nothing');
is(good($ana, 'sign_in', { token => $token })->{agent}{name}, 'ana', 'a link opens');
my ($cookie) = grep { $_->name eq 'webchatt_desk' } @{ $ana->cookie_jar->all };
ok($cookie && $cookie->httponly && length $cookie->value == 43 && $cookie->value ne $token, 'a cookie of its own, for HTTP only');
is(status_of(browser(), 'sign_in', { token => $token }), 401, 'the link does so once');
my $late = link_for('ana', q{, '1 microsecond'});
is(status_of(browser(), 'sign_in', { token => $late }), 401, 'nor does one that has expired');
is(good($ana, 'me')->{agent}{role}, 'agent', 'who that is');
is(status_of($ana, $_->[0], $_->[1]), 403, "an agent may not $_->[0]") for ['create_channel', { displayName => 'X', origins => ['https://x.example'] }],
  ['create_agent', { name => 'eve', displayName => 'Eve', role => 'admin' }], ['list_agents', {}], ['sign_in_link', { name => 'chef' }], ['regenerate_public_key', { id => $channel }];
is(status_of($ana, 'no_such_function'), 404, 'nor call what there is not');
is(status_of($ana, 'me', {}, Origin => 'http://evil.example'), 403, 'nor may another site in its name');
is(status_of($ana, 'me', {}, 'X-Webchatt-Desk' => undef), 403, 'nor a form');

# --- live --------------------------------------------------------------------

my $look = look($ana);
is_deeply(hears({ %$look }, 'ready'), { type => 'ready', agent => 'ana' }, 'the WebSocket is ready') or diag($look->{code});
is_deeply(good($ana, 'inbox', { filter => 'open' })->{conversations}, [], 'the inbox is empty');
my $v = $t->arrived;
$v->say('Is anybody <b>there</b>?');
ok(hears($look, 'changed'), 'a visitor writes: the desk hears that something did');
my $rows;
until_(sub { $rows = (call($ana, 'inbox', { filter => 'open' }))[1]{conversations}; @$rows && ($rows->[0]{lastText} // '') ne '' });
is("$rows->[0]{channel} $rows->[0]{visitor} $rows->[0]{lastText}", "$channel $v->{visitor} Is anybody <b>there</b>?", 'and finds it in the inbox');
my %which = (channel => $channel, visitor => $v->{visitor});
says($look, type => 'open', %which);
is_deeply(hears($look, 'unread'), { type => 'unread', %which }, 'it is not open before it was read');
my $read = good($ana, 'conversation', \%which);
is(scalar @{ $read->{messages} }, 1, 'one message');
says($look, type => 'open', %which);
is_deeply(hears($look, 'colleagues'), { type => 'colleagues', agents => [], typing => [] }, 'then it is');
my $id = good($ana, 'send', { %which, text => 'Yes, Ana.', key => 'k1' })->{id};
is(good($ana, 'send', { %which, text => 'Yes, Ana.', key => 'k1' })->{id}, $id, 'once, however often it is sent');
my $came = $v->got(sub { $_->{type} eq 'message' && $_->{direction} eq 'out' });
is($came->{content}{text}, 'Yes, Ana.', 'the visitor has it');
is_deeply(hears($look, 'conversation'), { type => 'conversation', %which }, 'the desk hears what becomes of it');
ok(until_(sub { my ($m) = grep { $_->{id} eq $id } @{ (call($ana, 'conversation', \%which))[1]{messages} }; $m && $m->{status} eq 'delivered' && $m->{author} eq 'ana' }), 'delivered, of ana');
$v->send({ type => 'typing' });
is_deeply(hears($look, 'typing'), { type => 'typing', %which }, 'the visitor types');
good($ana, 'typing', \%which);
ok($v->got(sub { $_->{type} eq 'typing' }), 'so does ana');

# --- two agents --------------------------------------------------------------

my $rui = signed_in('rui');
my $looks_too = look($rui);
good($rui, 'conversation', \%which);
says($looks_too, type => 'open', %which);
is_deeply(hears($looks_too, 'colleagues')->{agents}, ['ana'], 'rui sees that ana is there');
is_deeply(hears($look, 'colleagues')->{agents}, ['rui'], 'and ana, rui');
says($looks_too, type => 'typing');
is_deeply(hears($look, 'colleagues')->{typing}, ['rui'], 'who writes');
good($rui, 'send', { %which, text => 'And Rui.', key => 'k1' });
ok(hears($look, 'conversation'), 'ana hears of his answer');
good($ana, 'assign', { %which, assignee => 'rui' });
ok(hears($looks_too, 'conversation'), 'rui hears that it is his');
good($ana, 'close', \%which);
ok(hears($looks_too, 'conversation'), 'and that it is closed');

# --- an admin ----------------------------------------------------------------

my $chef = signed_in('chef');
my $made = good($chef, 'create_channel', { displayName => 'Second', origins => ['https://two.example.com'] });
ok($made->{id}, 'a channel is made');
my ($of_it) = grep { $_->{id} eq $made->{id} } @{ good($chef, 'channels') };
like($of_it->{publicKey}, qr/\A[A-Za-z0-9_-]{16,64}\z/, 'it has a public key');
like($of_it->{widgetScript}, qr/\Q$of_it->{publicKey}\E/, 'which is in its script');
isnt(good($chef, 'regenerate_public_key', { id => $made->{id} })->{publicKey}, $of_it->{publicKey}, 'and gets another');
my ($status, $answer) = call($chef, 'create_channel', { displayName => 'Bad', origins => ['nonsense'] });
is($status, 400, 'what cannot be is refused');
ok($answer->{errorMessage}, 'in words');

# --- the end of sessions -----------------------------------------------------

good($chef, 'disable_agent', { name => 'rui' });
ok(hears($looks_too, 'signed_out'), 'rui is disabled: his page hears it');
ok(until_(sub { $looks_too->{code} }), 'and is closed');
is($looks_too->{code}, 4401, 'signed out');
is(status_of($rui, 'me'), 401, 'he may nothing any more');
good($ana, 'sign_out');
until_(sub { $look->{code} });
is($look->{code}, 4401, 'ana signs out');
is(status_of($ana, 'me'), 401, 'and is');
$ana->cookie_jar->add($cookie);
is(status_of($ana, 'me'), 401, 'also whoever had kept the cookie');

my $caught = signed_in('ana');
my $looks_on = look($caught);
$t->sql(q{SELECT webchatt.end_agent_session(max(id)) FROM webchatt.agent_sessions WHERE agent = 'ana'});
ok(hears($looks_on, 'signed_out'), 'a session that psql ends: the open page hears it');
is(status_of($caught, 'me'), 401, 'and may nothing');

# --- webchatt-net ends -------------------------------------------------------

my $again = look($chef);
my $net = $t->signal('KILL', 'net_pid');
ok(until_(sub { $again->{code} }), 'webchatt-net is killed: pages are cut');
ok(Patience::until(sub { my $r = eval { (call($chef, 'me'))[0] } // 0; $r == 200 }), 'and it comes back, the session with it');
my $back = look($chef);
ok(hears($back, 'ready'), 'so does the WebSocket');
$v->{state} eq 'welcomed' or $t->arrived;
my $w = $t->arrived;
$w->say('after that');
ok(hears($back, 'changed'), 'which hears of changes');

# --- off again ---------------------------------------------------------------

$t->sql(q{SELECT webchatt.disable_agent(name) FROM webchatt.agents});
ok(Patience::until(sub { page() == 404 }), 'without an agent there is nothing again');
ok(until_(sub { $back->{code} }), 'whoever was there has gone');

done_testing();
