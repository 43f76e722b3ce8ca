# What a channel's widget is set to, at the desk, in a browser.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use BrowserTest;

BrowserTest::run('desk_settings.mjs', desk => 1);
