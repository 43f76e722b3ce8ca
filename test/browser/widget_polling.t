# The widget behind a proxy that passes no WebSockets on, in a browser.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use BrowserTest;

BrowserTest::run('widget_polling.mjs');
