# What the widget does while its panel is closed, and what it keeps from page to page, in a browser.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use BrowserTest;

BrowserTest::run('widget_outside.mjs');
