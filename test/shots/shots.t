# Pictures of every state of the widget, to be looked at: by hand only (make shots).
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../browser";
use BrowserTest;

BrowserTest::run('shots.mjs', desk => 1);
