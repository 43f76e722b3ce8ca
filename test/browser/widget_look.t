# The widget as a visitor sees it, on pages that do not know of it.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use BrowserTest;

BrowserTest::run('widget_look.mjs');
