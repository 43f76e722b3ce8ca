# GET /widget-settings: who gets a channel's settings, and who hears that they changed.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Corridor;
use JSON::PP qw(decode_json);
use RawSocket;
use Test::More;

my $CHANNEL = '11111111-2222-4333-8444-555555555555';
my $OTHER = '99999999-2222-4333-8444-555555555555';
my $KEY = 'pk_first-1';
my $ORIGIN = $RawSocket::ORIGIN;
my $PATH = "/widget-settings?webChatId=$KEY";

my $w = Corridor->open_door([]);
$w->{on}{ARRIVED} = sub { $w->welcome($_[0], 'MADE') };

sub put_channel
{
	my ($id, $key, $widget, @more) = @_;
	$w->tell('CHANNEL_PUT', id => $id, local => 1, public_key => $key, display_name => 'Shop', origins => [ $ORIGIN, 'http://[::1]:8080' ], widget => $widget, @more);
	settle();
}

# What was told so far counts.
sub settle
{
	my $told;
	local $w->{on}{OUTCOME} = sub { $told = 1 };
	$w->send_local(99, $CHANNEL, Corridor::uuid7(), Corridor::uuid7(), '{}');
	$w->until(5, sub { $told }) or die 'no outcome';
}

sub request
{
	my ($path, %more) = @_;
	my $line = delete $more{line} // 'GET';
	my %head = (Host => 'chat.example.com', Origin => $ORIGIN, Connection => 'close', %more);
	return $w->once("$line $path HTTP/1.1\r\n" . join('', map { defined $head{$_} ? "$_: $head{$_}\r\n" : () } sort keys %head) . "\r\n");
}

sub field { my ($r, $name) = @_; return $r->{head} =~ /^\Q$name\E: (.*?)\r?$/mi ? $1 : undef }

put_channel($CHANNEL, $KEY, '{"name" : "Shop", "settings" : {"title": "Help"}}');
put_channel($OTHER, 'pk_other-1', '{"name" : "Other", "settings" : {}}');

subtest 'to a page of the channel' => sub {
	my $r = request($PATH);
	is($r->{status}, 200, 'a page of the channel gets them');
	my $told = decode_json($r->{body});
	like(delete $told->{version}, qr/^[0-9a-f]{16}$/, 'with a version');
	is_deeply($told, { name => 'Shop', settings => { title => 'Help' } }, 'as the worker gave them');
	is(field($r, 'Access-Control-Allow-Origin'), $ORIGIN, 'for that origin');
	is(field($r, 'Vary'), 'Origin', 'and no other');
	is(field($r, 'Cache-Control'), 'public, max-age=60', 'for a minute');
	is(field($r, 'Content-Type'), 'application/json; charset=utf-8', 'JSON');
	is(field($r, 'X-Content-Type-Options'), 'nosniff', 'and nothing else');
	my $etag = field($r, 'ETag');
	my $s = $w->dial;
	my $in = '';
	$w->put($s, "GET $PATH HTTP/1.1\r\nHost: chat.example.com\r\nOrigin: $ORIGIN\r\nIf-None-Match: $etag\r\n\r\n");
	ok($w->until(5, sub { sysread($s, $in, 4096, length $in); $in =~ /\AHTTP\/1\.1 304.*\r\n\r\n\z/s }, $s), 'who has them gets no body');
	is(field({ head => $in }, 'Access-Control-Allow-Origin'), $ORIGIN, 'but may go on with it');
	is(request($PATH, Origin => 'http://[::1]:8080')->{status}, 200, 'so from another origin of the channel');
	$r = request($PATH, Origin => undef);
	is($r->{status}, 200, 'without an origin: a page of the hub\'s own host');
	is(field($r, 'Access-Control-Allow-Origin'), undef, 'for whom it needs no leave');
	isnt(field(request('/widget-settings?webChatId=pk_other-1'), 'ETag'), $etag, 'another channel has another version');
};

subtest 'as a module' => sub {
	my $told = request($PATH)->{body};
	(my $module = $PATH) =~ s/settings/settings.js/;
	my $r = request("$module&at=1");
	is($r->{body}, "export default $told;", 'which a page may import as it may the script');
	is(field($r, 'Content-Type'), 'text/javascript; charset=utf-8', 'a script');
	is(field($r, 'Access-Control-Allow-Origin'), $ORIGIN, 'for the same pages');
	is(request($module, Origin => 'https://evil.example.com')->{status}, 403, 'and no others');
	is(request('/widget-settings.js?webChatId=pk_first-2')->{status}, 404, 'of channels that are there');
};

subtest 'to nobody else' => sub {
	for my $origin ('https://evil.example.com', 'null', '', uc $ORIGIN, "$ORIGIN/", "$ORIGIN:443")
	{
		my $r = request($PATH, Origin => $origin);
		is("$r->{status} " . decode_json($r->{body})->{errorCode}, '403 origin_not_listed', "Origin: $origin");
		is(field($r, 'Access-Control-Allow-Origin'), undef, 'and no leave');
	}
	for my $path ('/widget-settings', '/widget-settings?webChatId=', '/widget-settings?webChatId=pk_first-2', "$PATH&webChatId=$KEY", '/widget-settings?webChatId=' . 'k' x 5000)
	{
		is(request($path)->{status}, 404, substr($path, 0, 60));
	}
	is(request($PATH, line => 'POST', 'Content-Length' => 0)->{status}, 405, 'POST');
	is(request('/widget-settings/x')->{status}, 404, 'nothing is below');
};

subtest 'a change' => sub {
	my ($one, $two) = map { RawSocket->visit($w, $_) } $KEY, 'pk_other-1';
	put_channel($CHANNEL, $KEY, '{"name" : "Shop", "settings" : {"title": "Help"}}');
	put_channel($CHANNEL, $KEY, '{"name" : "Shop", "settings" : {"title": "Ask"}}');
	ok($one->wait_for('settings'), 'a session of the channel hears of it');
	put_channel($CHANNEL, $KEY, '{"name" : "Shop", "settings" : {"title": "Ask"}}');
	$_->say({ type => 'ping' }), $_->wait_for('pong') for $one, $two;
	is(scalar(grep { $_->{type} eq 'settings' } map { @{ $_->{frames} } } $one, $two), 0, 'what did not change is not told, nor another channel\'s sessions');
	is(decode_json(request($PATH)->{body})->{settings}{title}, 'Ask', 'and it is what is told from then on');
	$w->drop_channel($OTHER);
	settle();
	is(request('/widget-settings?webChatId=pk_other-1')->{status}, 404, 'a channel that is gone has none');
	$_->ends for $one, $two;
};

my $large = '{"name" : "Shop", "settings" : {"greeting": "' . 'x' x 16000 . '"}}';
put_channel($CHANNEL, $KEY, $large);
is(length(decode_json(request($PATH)->{body})->{settings}{greeting}), 16000, 'as many as there may be');
put_channel($CHANNEL, $KEY, '');
is(request($PATH)->{status}, 503, 'what the worker did not say is not made up');
put_channel($CHANNEL, 'pk_renewed', $large);
is(request($PATH)->{status}, 404, 'the old key opens nothing');

$w->tell('CLOSE');
is($w->wait_exit(10), 0, 'it ends well');
done_testing();
