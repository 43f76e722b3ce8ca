# What the open panel has around the conversation: questions, texts to begin with, hours, emoji, a transcript, a rating.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use BrowserTest;

BrowserTest::run('widget_talk.mjs');
