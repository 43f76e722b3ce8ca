# The demo runs to its end, shows what it should, and leaves nothing behind.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename;
use File::Temp qw(tempdir);
use Test::More;

my $demo = abs_path(dirname(__FILE__) . '/../../scripts/demo');
my $dir = tempdir(CLEANUP => 1);
local $ENV{TMPDIR} = $dir;
local $ENV{WEBCHATT_DEMO_ONCE} = 1;
delete $ENV{WEBCHATT_KEEP};
# The demo's own mark, so that it does not take the test that runs it for its own.
my $output = `$demo 2>&1`;

is($?, 0, 'the demo ends well') or diag($output);
like($output, qr/answered 200/, 'the event is answered 200');
like($output, qr/^\s*in\s*\|\s*5511993986082\s*\|\s*received\s*\|\s*Hello, I'd like to know more about your products/m, 'it is a row');
like($output, qr/^\s*out\s*\|\s*5511993986082\s*\|\s*read\s*\|\s*Thank you for writing!/m, 'so is its answer, read');
like($output, qr/^\s*$_\s*\|/m, "status $_ is shown") for qw(sent delivered read);
like($output, qr/Idempotency-Key: [0-9a-f-]{36}/, 'what the hub received is shown');
unlike($output, qr/not to the letter|ERROR|FATAL/, 'and nothing is wrong with it');
opendir(my $dh, $dir) or die $!;
is_deeply([ grep { !/^\.\.?$/ } readdir $dh ], [], 'nothing is left behind');

done_testing();
