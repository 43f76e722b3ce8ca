# The widget fits into any page: what is loaded when, under which policies, beside which scripts.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use BrowserTest;

BrowserTest::run('widget_page.mjs');
