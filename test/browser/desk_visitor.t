# What the desk sees of the visitor, and the visitor of who answers, in a browser.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use BrowserTest;

BrowserTest::run('desk_visitor.mjs', desk => 1);
