package abd

// kind is the type of a value in a generated program.
type kind string

const (
	integer kind = "int"
	text    kind = "str"
	ints    kind = "list of int"
	counts  kind = "dict of int" // keyed by int or by str
)

// stage is one step of a generated program: it computes a new value from earlier
// ones. Its body is Python with holes:
//
//	$a $b     the values taken, in order
//	$o        the value given
//	$i $j $t  names of the step's own
//	«3..9»    an integer drawn from the range
//	«x|y»     one of the options
//	«k:3..9»  the same, and $k repeats what was drawn
//	«E:$a,$i» an arithmetic expression over the names
//
// A body ends for every input of its kinds, raises nothing, and depends on nothing
// but what it takes: no hash order, no floats, no clock.
type stage struct {
	takes []kind
	gives kind
	body  string
}

// stages is the catalogue. What a task id means depends on it: a change here is a
// change of every task and needs a new environment name.
var stages = []stage{
	// Arithmetic.
	{[]kind{integer}, integer, "$o = ($a * «3..19» + «1..60») % «503|997|2003|4001»"},
	{[]kind{integer}, integer, "$o = «E:$a»"},
	{[]kind{integer, integer}, integer, "$o = «E:$a,$b»"},
	{[]kind{integer, integer}, integer, "$o = $a * «2..9» - $b * «10..40»"},
	{[]kind{integer, integer}, integer, "$i, $j = divmod($a, abs($b) + «2..7»)\n$o = $i * «50..90» + $j"},
	{[]kind{integer}, integer, "$o = $a ^ «5..250»\nif $o % «2..4» == 0:\n    $o += «10..99»\nelif $o > «40..90»:\n    $o = $o * «2..5» - «1..9»\nelse:\n    $o = «100..900» - $o"},
	{[]kind{integer}, integer, "$o, $t = «1..9», abs($a)\nwhile $t > «1..4»:\n    $o = $o * «2..5» + $t % «5..11»\n    if $t % 2 == 0:\n        $t //= 2\n    else:\n        $t = $t // 3 + 1"},
	{[]kind{integer}, integer, "$o = «0..5»\nfor $i in str(abs($a)):\n    $o = $o * «7..13» + int($i)"},
	{[]kind{integer}, integer, "$o = $a\nfor $i in range(«3..7»):\n    if ($o + $i) % «2..4» == 0:\n        $o += «E:$a,$i»\n    else:\n        $o ^= $i * «3..17»"},
	{[]kind{integer, integer}, integer, "$i, $j = abs($a) + 1, abs($b) + 1\nwhile $j:\n    $i, $j = $j, $i % $j\n$o = $i * «100..300» + $a * «2..5» + $b"},
	{[]kind{integer, integer}, integer, "$o = «1..5»\nfor $i in range(abs($b) % «3..6» + 2):\n    $o = ($o * (abs($a) + $i) + «1..30») % «997|2003|9973»\n$o += $b"},

	// Numbers to lists and back.
	{[]kind{integer}, ints, "$o = [($a * $i + «1..9») % «23..97» for $i in range(«1..3», «5..8»)]"},
	{[]kind{integer}, ints, "$o, $t = [], abs($a)\nwhile $t:\n    $o.append($t % «k:2..7»)\n    $t //= $k"},
	{[]kind{integer, integer}, ints, "$o = []\nfor $i in range(«2..4»):\n    $o.append(sum(($a + $i * $j) % «7..13» for $j in range(«3..5»)) + $b * $i)\n$o.append($a - $b)"},
	{[]kind{integer, integer}, ints, "$o = [min($a, $b), max($a, $b) - «1..20», ($a + $b) % «5..20»]\nif $a < $b:\n    $o.reverse()"},
	{[]kind{ints}, integer, "$o = sum($i * $j for $i, $j in enumerate($a, «1..9»))"},
	{[]kind{ints}, integer, "$o = «1..9»\nfor $i in $a:\n    $o = ($o * «11..37» + $i) % «2003|4001|9973»"},
	{[]kind{ints}, integer, "$o = 0\nfor $i in $a:\n    if $i % «2..3» == 0:\n        $o += $i * «2..9»\n    else:\n        $o = $o * «2..4» - $i"},

	// Lists.
	{[]kind{ints}, ints, "$o = sorted($a, key=lambda $i: ($i % «3..7», $i))"},
	{[]kind{ints}, ints, "$o = [$i * «2..9» + $j for $i, $j in enumerate($a)]"},
	{[]kind{ints}, ints, "$o, $t = [], «0..9»\nfor $i in $a:\n    $t += $i\n    $o.append($t)"},
	{[]kind{ints}, ints, "$o = [$a[$i] * «2..5» - $a[$i - 1] for $i in range(len($a))]"},
	{[]kind{ints}, ints, "$o = []\nfor $i in $a:\n    if $o and $o[-1] > $i:\n        $o.append($o.pop() - $i)\n    $o.append($i + «1..9»)"},
	{[]kind{ints}, ints, "$o = [$i for $i in $a if $i % «k:2..3» == 0] + [-$i for $i in $a if $i % $k]"},
	{[]kind{ints}, ints, "$o = [$i + $j * «2..6» for $i, $j in zip($a, reversed($a))]"},
	{[]kind{ints}, ints, "$o = sorted({$i * «2..9» % «31..97» for $i in $a})"},
	{[]kind{ints, integer}, ints, "$o = [($i * «2..5» + $b) % «67..199» for $i in $a]"},
	{[]kind{ints, integer}, ints, "$t = abs($b) % (len($a) + 1)\n$o = $a[$t:] + [$b] + $a[:$t]"},
	{[]kind{ints, ints}, ints, "$o = [$i - $j * «2..5» for $i, $j in zip($a, $b)] + $a[len($b):] + $b[len($a):]"},
	{[]kind{ints}, text, "$o = ''.join(chr(97 + $i % 26) for $i in $a)"},

	// Dictionaries.
	{[]kind{ints}, counts, "$o = {}\nfor $i in $a:\n    $o[$i % «k:3..9»] = $o.get($i % $k, 0) * «2..5» + $i"},
	{[]kind{ints}, counts, "$o = {$i % «7..13»: $j * «2..9» for $j, $i in enumerate($a, 1)}"},
	{[]kind{text}, counts, "$o = {}\nfor $i, $j in enumerate($a):\n    $o[$j] = $o.get($j, 0) * «2..4» + $i + «1..3»"},
	{[]kind{text}, counts, "$o = {}\nfor $i in $a:\n    $o[$i] = $o.setdefault($i, len($o)) + «1..9»"},
	{[]kind{counts}, ints, "$o = [$a[$i] * «2..9» + $t for $t, $i in enumerate(sorted($a))]"},
	{[]kind{counts}, text, "$o = '«,|;|/»'.join(f'{$i}«:|=|-»{$a[$i]}' for $i in sorted($a, reverse=«True|False»))"},
	{[]kind{counts, integer}, integer, "$o = $b\nfor $i in sorted($a):\n    $o = $o * «3..9» + $a[$i]"},

	// Strings.
	{[]kind{text}, text, "$o = ''.join(chr((ord($i) - 97 + «1..25») % 26 + 97) for $i in $a)"},
	{[]kind{text}, text, "$o = $a[::2] + $a[1::2].upper()"},
	{[]kind{text}, text, "$o = $a[«1..2»:] + $a[::-1]"},
	{[]kind{text}, text, "$o = ''\nfor $i in $a:\n    $o = $i + $o if $i < '«f|h|k|m»' else $o + $i.upper()"},
	{[]kind{text}, text, "$o = ''.join($i * ($j % «2..3» + 1) for $j, $i in enumerate($a))"},
	{[]kind{text, integer}, text, "$o = ''.join(chr((ord($i) + $b * «1..5» + $j) % 26 + 97) for $j, $i in enumerate($a))"},
	{[]kind{text, integer}, text, "$t = $b % (len($a) or 1)\n$o = f'{$a[$t:]}«_|+|.»{$b}«_|+|.»{$a[:$t]}'"},
	{[]kind{text, text}, text, "$o = ''.join($i + $j for $i, $j in zip($a, reversed($b))) + str(len($a))"},
	{[]kind{text}, integer, "$o = «1..9»\nfor $i in $a:\n    $o = ($o * «11..37» + ord($i)) % «2003|4001|9973»"},
	{[]kind{text}, integer, "$o = sum(ord($i) * $j for $j, $i in enumerate($a, «1..9»))"},
	{[]kind{text, integer}, integer, "$o = $b\nfor $i in $a:\n    if $i in '«aeiou|bcdfg|hijkl»':\n        $o += ord($i) * «2..5»\n    else:\n        $o = $o * «2..3» + ord($i) % «5..17»"},
	{[]kind{text}, ints, "$o = [(ord($i) - 96) * «2..9» % «29..97» for $i in $a]"},
	{[]kind{text}, ints, "$o = [ord($i) - ord($j) for $i, $j in zip($a, $a[1:] + '«a|m|z»')]"},
}

// prints writes a value out; what is printed must show it whole.
var prints = map[kind][]string{
	integer: {"print($a)", "print('«result|value|total»', $a)", "print(f'«n|x|r»={$a}')"},
	text:    {"print($a)", "print('«text|word»:', $a)", "print(repr($a))"},
	ints:    {"print(*$a)", "print($a)", "print('«,|;»'.join(str($i) for $i in $a))", "for $i in $a:\n    print($i)"},
	counts:  {"for $i in sorted($a):\n    print($i, $a[$i])", "print(sorted($a.items()))", "print({$i: $a[$i] for $i in sorted($a)})"},
}
