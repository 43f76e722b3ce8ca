# Which user of the site a visitor is, in a browser.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use BrowserTest;

BrowserTest::run('identity.mjs');
