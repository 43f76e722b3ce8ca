# The examples of doc/identity.md: what each language makes is a token that the hub takes.  A language whose program is not
# here is passed over, and said so.
use strict;
use warnings;

use FindBin;
use IPC::Run qw(run);
use LocalHub;
use PostgreSQL::Test::Utils;
use Test::More;

my $t = LocalHub->begin(limits => $LocalHub::WIDE);
my $secret = $t->sql("SELECT webchatt.set_identity_secret('$t->{channel}')");
my $document = slurp_file("$FindBin::Bin/../../doc/identity.md");
my $dir = PostgreSQL::Test::Utils::tempdir();
my $users = 0;


# program: what runs it; head and foot: what is put around the example, with %s and %u for the secret and the user.
my @languages = (
	{ name => 'Node', fence => 'js', at => qr/createHmac/, program => ['node'], file => 'a.cjs', head => "const secret = '%s', userId = '%u';\n", foot => "process.stdout.write(token);\n" },
	{ name => 'PHP', fence => 'php', program => ['php'], file => 'a.php', head => "<?php\n\$secret = '%s'; \$userId = '%u';\n", foot => "echo \$token;\n" },
	{ name => 'Python', fence => 'python', program => ['python3'], file => 'a.py', head => "secret, user_id = '%s', '%u'\n", foot => "print(token, end='')\n" },
	{ name => 'Ruby', fence => 'ruby', program => ['ruby'], file => 'a.rb', head => "secret, user_id = '%s', '%u'\n", foot => "print token\n" },
	{ name => 'Go', fence => 'go', program => [ 'go', 'run' ], file => 'a.go',
		head => "package main\nimport (\"crypto/hmac\"; \"crypto/sha256\"; \"encoding/base64\"; \"encoding/json\"; \"fmt\"; \"time\")\nfunc main() {\nsecret, userID := \"%s\", \"%u\"\n", foot => "fmt.Print(token)\n}\n" });

for my $language (@languages)
{
	my $user = 'user ' . ++$users . " \x{e9}";
	utf8::encode($user);
	my ($code) = grep { !$language->{at} || $_ =~ $language->{at} } $document =~ /^```$language->{fence}\n(.*?)^```$/msg;

	ok($code, "$language->{name}: the document has an example") or next;
	my ($out, $error) = ('', '');
	if (!grep { -x "$_/$language->{program}[0]" } split /:/, $ENV{PATH})
	{
		note("$language->{name}: $language->{program}[0] is not here, so its example is not run");
		next;
	}
	my $file = "$dir/$language->{file}";
	my $text = ($language->{head} =~ s/%s/$secret/r =~ s/%u/$user/r) . $code . $language->{foot};
	append_to_file($file, $text);
	local $ENV{HOME} = $dir;
	ok(run([ @{ $language->{program} }, $file ], '<', \'', '>', \$out, '2>', \$error), "$language->{name}: it runs") or diag($error);
	my $device = Visitor::until(sub {
		my $v = $t->arrived(where => { identity => $out });
		return $v if $v->{welcome}{user} || grep { $_->{text} !~ /takes no identities/ } @{ $v->{errors} };
		$v->end;
		return; });
	utf8::decode($user);
	is($device->{welcome}{user}{userId}, $user, "$language->{name}: the hub takes what it makes") or diag(explain($device->{errors}));
	$device->end;
}

# SQL, in the document's words.
my ($call) = $document =~ /^```sql\n(SELECT webchatt\.identity_token.*?)^```$/ms;
is($t->arrived(where => { identity => $t->sql($call) })->{welcome}{user}{userId}, '42', 'SQL: the hub takes what it makes');
is($t->sql("SELECT name, signed FROM webchatt.visitors WHERE user_id = '42'"), 'Ana|{name}', 'with a name that is signed');
done_testing();
