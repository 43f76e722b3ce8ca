# What those who answer have beside a text: notes, canned answers, forms, notifications, in a browser.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use BrowserTest;

BrowserTest::run('desk_answers.mjs', desk => 1);
