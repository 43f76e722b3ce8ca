# Agents and admins at the desk, and visitors with the widget, in a browser.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use BrowserTest;

BrowserTest::run('desk.mjs', desk => 1);
