# The widget in Chromium.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use BrowserTest;

BrowserTest::run('engine_page.mjs', engine => 'chromium');
