# Who is signed in at the desk, in which tab, and what of it stays in the browser; with a proxy that says who it is.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use BrowserTest;

BrowserTest::run('desk_guard.mjs', desk => 1, conf => qq{webchatt.trusted_proxies = '127.0.0.1'\nwebchatt.desk_user_header = 'X-Forwarded-User'});
