# Who is verified, at the desk, in a browser.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use BrowserTest;

BrowserTest::run('desk_identity.mjs', desk => 1);
