# The pages of the desk that only admins have, in a browser.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use BrowserTest;

BrowserTest::run('desk_admin.mjs', desk => 1, conf => "webchatt.webhook_allowed_addresses = '127.0.0.1'");
