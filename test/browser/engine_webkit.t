# The widget in WebKitGTK.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use BrowserTest;

BrowserTest::run('engine_page.mjs', engine => 'webkit');
