# Status, settings and the preview of the widget at the desk, in a browser.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use BrowserTest;

BrowserTest::run('desk_health.mjs', desk => 1);
