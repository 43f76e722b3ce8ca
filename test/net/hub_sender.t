# The sender against a hub that misbehaves, built with the address and
# undefined-behaviour sanitizers.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;

my $root = "$FindBin::Bin/../..";
my $dir = tempdir(CLEANUP => 1);
my $packages = 'libuv libcurl jansson libcrypto';
my @flags = split ' ', `pkg-config --cflags $packages`;
my @libs = split ' ', `pkg-config --libs $packages`;
my @sources = map { glob("$root/src/net/*/$_.c") } qw(hub_sender address hash text curl_uv client_pool
	json_load json_scan send_body client_queue send_reply target transfer);

system($ENV{CC} // 'cc', qw(-std=c11 -D_GNU_SOURCE -g -O1 -fno-omit-frame-pointer -Wall -Wextra -Werror),
	'-fsanitize=address,undefined', '-fno-sanitize-recover=all', "-I$root/src", "-I$root/src/net", @flags, '-o', "$dir/hub_sender_test",
	"$FindBin::Bin/hub_sender_test.c", "$FindBin::Bin/unruly_hub.c", @sources,
	glob("$root/src/common/*.c"), @libs, '-lpthread') == 0
  or die "the sender's test does not build\n";
my $failed = system("$dir/hub_sender_test");
exit($failed == 0 ? 0 : 1);
