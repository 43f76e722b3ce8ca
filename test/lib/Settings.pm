# Settings.pm
#	  src/common/settings.def for Perl: Settings::all() yields its entries in
#	  their order, each a hash.  A heading has title and text; a setting has name,
#	  kind (INT or STRING), default, unit, what, more, least and most of a number,
#	  and, where webchatt-net gets it, field, with times of a number.
package Settings;

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);

my $FILE = abs_path(dirname(__FILE__) . '/../..') . '/src/common/settings.def';

# What stands between commas, brackets and strings kept whole.
my $PART = qr/(?:[^(),"]++|"(?:[^"\\]|\\.)*+"|(?<in>\((?:[^()"]++|"(?:[^"\\]|\\.)*+"|(?&in))*+\)))++/;
my %COLUMNS = (
	SECTION => [qw(title text)],
	INT => [qw(name default least most unit carried what more)],
	STRING => [qw(name default form context flags check carried what more)]);

# A literal of C: strings beside each other are one, numbers may be multiplied.
sub value
{
	my ($c) = @_;
	return join '', $c =~ /"((?:[^"\\]|\\.)*)"/g if $c =~ /\A"/;
	return $c =~ /\A[\d *]+\z/ ? eval $c : $c;
}

sub all
{
	open(my $fh, '<', $FILE) or die "$FILE: $!";
	my $text = join('', <$fh>) =~ s{/\*.*?\*/|^#.*?$}{}gmsr;
	my @all;

	while ($text =~ /^SETTING_(\w+)\((\s*$PART(?:,$PART)*)\)$/gm)
	{
		my ($kind, $in) = ($1, $2);
		my %s = (kind => $kind);
		my @parts;
		push @parts, value($& =~ s/\A\s+|\s+\z//gr) while $in =~ /$PART/g;
		@parts == @{ $COLUMNS{$kind} } or die "$FILE: SETTING_$kind($in";
		@s{ @{ $COLUMNS{$kind} } } = @parts;
		@s{qw(field times)} = ($1, $2) if ($s{carried} // '') =~ /\ANET(?:_TEXT)?\((\w+)(?:, (\d+))?\)\z/;
		$s{unit} //= $s{form};
		$s{unit} = value($1) if ($s{unit} // '') =~ /\AOF\((.*)\)\z/;
		push @all, \%s;
	}
	return @all;
}

1;
