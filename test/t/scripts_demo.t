# The demo runs to its end, shows what it should, and leaves nothing behind; while
# it runs, nobody else can reach its server, which trusts whoever does.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename;
use File::Temp qw(tempdir);
use PostgreSQL::Test::Utils;
use Test::More;

my $demo = abs_path(dirname(__FILE__) . '/../../scripts/demo');
my $dir = tempdir(CLEANUP => 1);
local $ENV{TMPDIR} = $dir;
local $ENV{WEBCHATT_DEMO_ONCE} = 1;
delete $ENV{WEBCHATT_KEEP};
# The demo's own mark, so that it does not take the test that runs it for its own.
my $output = '';
my %mode;
my $page = '';
open(my $pipe, '-|', "$demo 2>&1") or die $!;
while (my $line = <$pipe>)
{
	$output .= $line;
	next if $line !~ /^3\. /;
	$page = join '', map { slurp_file($_) } glob("$dir/webchatt.*/log/page");
	for my $path (glob("$dir/webchatt.*"), glob("$dir/webchatt.*/run"), glob("$dir/webchatt.*/data"), glob("$dir/webchatt.*/run/.s.PGSQL.*[0-9]"))
	{
		my $name = $path =~ s{.*/}{}r =~ s/^webchatt\..*/stage/r;
		$mode{$name} = sprintf '%04o', (stat $path)[2] & 07777;
		$mode{listen} = `psql -h '$dir'/webchatt.*/run -U postgres -XAtc 'SHOW listen_addresses' demo 2>&1` if $name =~ /PGSQL/;
	}
}
close $pipe;

is($?, 0, 'the demo ends well') or diag($output);
like($output, qr{<script src="http://localhost:\d+/chat-widget\.umd\.js" data-config='\{"webChatId":"wpk_[\w-]+","endpoint":"ws://localhost:\d+/communication/web-chatt2me/ws"\}'></script>},
	'the tag for the pages is shown');
like($page, qr{<title>Demo shop</title>.*<script src="http://localhost:\d+/chat-widget\.umd\.js" data-config='\{"webChatId":"wpk_[\w-]+".*'></script>}s,
	'and the page that is served has it');
like($output, qr/visitor: Where is order a-1\?\n\s*shop:\s+Order A-1 is on its way/, 'the visitor gets an answer out of the orders');
like($output, qr/^\s*in\s*\|\s*received\s*\|\s*Where is order a-1\?/m, 'the question is a row');
like($output, qr/^\s*out\s*\|\s*read\s*\|\s*Order A-1 is on its way/m, 'so is its answer, read');
like($output, qr{^\s*http://localhost:\d+/desk/#sign-in=[\w-]{43}$}m, 'the desk has a link to sign in');
unlike($output, qr/ERROR|FATAL|WARNING/, 'and nothing is wrong with it');
unlike($output, qr/^\d+$/m, 'nor is there a bare number in between');
is($mode{stage}, '0700', 'while it ran, nobody else could enter its directory');
is($mode{run}, '0700', 'nor that of its socket');
is($mode{data}, '0700', 'nor its data');
is($mode{'.s.PGSQL.5432'}, '0700', 'nor connect to it');
is($mode{listen}, "\n", 'nor reach it by TCP');
opendir(my $dh, $dir) or die $!;
is_deeply([ grep { !/^\.\.?$/ } readdir $dh ], [], 'nothing is left behind');

done_testing();
