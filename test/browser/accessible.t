# Everybody can use the widget and the desk.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use BrowserTest;

BrowserTest::run('accessible.mjs', desk => 1);
