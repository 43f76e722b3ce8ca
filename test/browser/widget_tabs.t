# What the widget keeps, and who it is kept for: log-out, tabs, frames that are refused, in a browser.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use BrowserTest;

BrowserTest::run('widget_tabs.mjs');
