# Passkeys at the desk, in a browser: which are for a host with a name.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use BrowserTest;

BrowserTest::run('desk_passkeys.mjs', desk => 1, desk_host => 'localhost', conf => q{webchatt.trusted_proxies = '127.0.0.1'});
