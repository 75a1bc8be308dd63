//! The language of EMQX's rules sentence by sentence, as `rules/README.md` tells it: what is written, and what becomes of
//! it here. Where EMQX answers otherwise, the case says so, and the tables of differences on that page have it.

mod outcome;

use outcome::outcome;
use serde_json::Value as Json;

/// The columns of every case, unless it brings its own.
const COLUMNS: &str = r#"{
    "event": "message.publish", "topic": "t", "clientid": "c-7", "qos": 1, "flags": {"retain": true}, "i": 2, "l": [1, 2, 3],
    "o": {"k": {"x": 5}, "at": 3, "": "empty"}, "js": "{\"k\":{\"y\":[7,8]}}", "end": "bare", "n": 3, "missing_is": null,
    "payload": "{\"a\":{\"b\":5,\"c\":6},\"arr\":[10,20,30,40],\"i\":3,\"s\":\"{\\\"k\\\":\\\"{\\\\\\\"m\\\\\\\":[4,9]}\\\"}\",\"end\":\"kw\",\"dup\":1,\"dup\":2,\"x y\":{\"z.w\":8},\"1\":\"one\",\"t\":true,\"w\":{\"c\":2,\"l\":[\"p\",\"q\"]}}"
}"#;

/// A statement, and what shows it: SQL, or the fields of a SELECT, with the rows as JSON, `none`, or the code of an error.
type Statement = (&'static str, &'static [(&'static str, &'static str)]);

const LEXER: &[Statement] = &[
    (
        "white space is space, tab, CR and LF, also around the text",
        &[
            ("\r\n\t SELECT\t1\r\nAS\na\r\nFROM \"t\"\r\n ", r#"{"a":1}"#),
            ("SELECT\n10\n/2 AS a FROM \"t\"", r#"{"a":5.0}"#),
        ],
    ),
    (
        "a comment runs to the end of its line, also on the last one; so does one in a path or a call",
        &[
            ("SELECT 1 AS a -- x\nFROM \"t\" -- the end", r#"{"a":1}"#),
            ("SELECT 1 AS a FROM \"t\" --", r#"{"a":1}"#),
            ("5--3\n AS a", r#"{"a":5}"#),
            ("5 - -3 AS a", r#"{"a":8}"#),
            ("SELECT/**/payload/* . */./* x */a -- y\n.b/**/AS/**/a FROM/**/\"t\"/**/", r#"{"a":5}"#),
            ("SELECT upper( -- text\r\n'x' /* , */ ) AS a FROM \"t\"", r#"{"a":"X"}"#),
            ("/* ** / -- */ SELECT '/* -- */' AS a FROM \"t\"", r#"{"a":"/* -- */"}"#),
            ("/*/ SELECT 1 AS a FROM \"t\"", "E003"),
        ],
    ),
    (
        "a text stands in single quotes, may run over lines, and knows no backslash; '' is one quote",
        &[
            ("'a\n b' AS a", r#"{"a":"a\n b"}"#),
            (r"'a\n' AS a", r#"{"a":"a\\n"}"#),
            (r"'\' AS a", r#"{"a":"\\"}"#),
            (
                "'' AS a, '''' AS b, '''q''' AS c, 'O''H' AS d, '\"' AS e",
                r#"{"a":"","b":"'","c":"'q'","d":"O'H","e":"\""}"#,
            ),
            ("'é ☃' AS a", r#"{"a":"é ☃"}"#),
            ("'a' 'b' AS a", "E010"),
        ],
    ),
    (
        "a name in double quotes is a field, never a text; \"\" is one quote",
        &[
            (r#""clientid" AS "a b""#, r#"{"a b":"c-7"}"#),
            (r#"1 AS "a""b", "a""b" + 1 AS c"#, r#"{"a\"b":1,"c":2}"#),
            (r#""clientid""#, r#"{"clientid":"c-7"}"#),
            (r#"1 AS "größe", "größe" AS g"#, r#"{"größe":1,"g":1}"#),
        ],
    ),
    (
        "a bare name begins with a letter; letters, digits and _ $ @ ~ follow",
        &[
            ("1 AS a_b$c@d~1, a_b$c@d~1 AS z", r#"{"a_b$c@d~1":1,"z":1}"#),
            ("1 AS _x", "E001"),
            ("größe", "E001"),
            ("1 AS 1a", "E004"),
        ],
    ),
    (
        "integers are decimal, of any size, with leading zeros; floats have digits on both sides of the dot or an exponent",
        &[
            ("007 AS a, 0 AS b, 12345678901234567890123 AS c", r#"{"a":7,"b":0,"c":12345678901234567890123}"#),
            (
                "1.50 AS a, 2.0e3 AS b, 1e5 AS c, 40e2 AS d, .5 AS e, 1E-2 AS f, 1.5e+1 AS g, 00.5 AS h",
                r#"{"a":1.5,"b":2000.0,"c":100000.0,"d":4000.0,"e":0.5,"f":0.01,"g":15.0,"h":0.5}"#,
            ),
            ("8. AS a", "E010"),
            ("2.5f AS a", "E004"),
            ("1e999 AS a", "E004"),
            ("1.2.3 AS a", "E010"),
        ],
    ),
    (
        "a range is a list of integers",
        &[
            (
                "[1..4] AS a, [-2..+1] AS b, [3..3] AS c, [3..2] AS d, [ 1 .. 2 ] AS e",
                r#"{"a":[1,2,3,4],"b":[-2,-1,0,1],"c":[3],"d":[],"e":[1,2]}"#,
            ),
            ("[5..3] AS a", r#"{"a":[]}"#),
            ("[1..1000000000] AS a", "E014"),
        ],
    ),
    (
        "comparison operators",
        &[
            (
                "1 = 1 AS a, 1 != 2 AS b, 1 <> 2 AS c, 1 < 2 AS d, 1 > 2 AS e, 1 <= 1 AS f, 1 >= 2 AS g, 'a/b' =~ 'a/+' AS h",
                r#"{"a":true,"b":true,"c":true,"d":true,"e":false,"f":true,"g":false,"h":true}"#,
            ),
            ("1 ~= 1 AS a", "E001"),
        ],
    ),
    (
        "reserved words are those of the list, in any case; quoted they are names; as a step of a path they need no quotes",
        &[
            (
                "SeLeCt CaSe WhEn 1 = 1 tHeN 'x' eLsE 'y' EnD As a fRoM \"t\" wHeRe NoT fAlSe aNd TRUE oR 1 iN (2)",
                r#"{"a":"x"}"#,
            ),
            (r#""end" AS a, "end""#, r#"{"a":"bare","end":"bare"}"#),
            ("end AS a", "E010"),
            ("1 AS end", "E010"),
            ("1 AS \"end\", 2 AS \"case\"", r#"{"end":1,"case":2}"#),
            (r#"payload.end AS a, payload.'end' AS b, payload."end" AS c"#, r#"{"a":"kw","b":"kw","c":"kw"}"#),
            ("1 AS m.end, 2 AS m.'select', 3 AS m.if", r#"{"m":{"end":1,"select":2,"if":3}}"#),
            ("1 AS elsif", "E010"),
            ("1 AS like, like AS b, 2 AS between, 3 AS is", r#"{"like":1,"b":1,"between":2,"is":3}"#),
        ],
    ),
    (
        "div and mod are operators in lower case, and functions; a name may begin with them",
        &[
            ("7 div 2 AS a, 7 mod 2 AS b, div(7, 2) AS c, mod(7, 2) AS d", r#"{"a":3,"b":1,"c":3,"d":1}"#),
            ("7 div div(4, 2) AS a, mod(7, 4) mod 2 AS b, - mod(7, 4) AS c", r#"{"a":3,"b":1,"c":-3}"#),
            ("1 AS dividend, dividend AS model", r#"{"dividend":1,"model":1}"#),
            ("div AS a, 1 AS mod", r#"{"a":null,"mod":1}"#),
            ("7 DIV 2 AS a", "E010"),
        ],
    ),
    (
        "true, false and null are constants, in any case",
        &[
            ("true AS a, FALSE AS b, Null AS c", r#"{"a":true,"b":false,"c":null}"#),
            ("null() AS a, is_null(null) AS b", r#"{"a":null,"b":true}"#),
            ("\"true\" AS a", r#"{"a":null}"#),
        ],
    ),
    (
        "what is no word of the language is refused; one `;` may stand at the end",
        &[
            ("SELECT 1 AS a FROM \"t\";", r#"{"a":1}"#),
            ("SELECT 1 AS a FROM \"t\" WHERE true ; -- end", r#"{"a":1}"#),
            ("SELECT 1 AS a FROM \"t\";;", "E010"),
            ("${clientid}", "E001"),
            ("", "E010"),
            ("SELECT 'a FROM \"t\"", "E002"),
            ("SELECT \"a FROM t", "E002"),
            ("\u{feff}SELECT 1 AS a FROM \"t\"", r#"{"a":1}"#),
        ],
    ),
];

const GRAMMAR: &[Statement] = &[
    (
        "SELECT and FROM are needed; FROM takes texts, quoted and bare names; DO stands before INCASE",
        &[
            ("SELECT 1 AS a FROM t", r#"{"a":1}"#),
            ("SELECT 1 AS a FROM 't'", r#"{"a":1}"#),
            ("SELECT 1 AS a FROM \"x\", t , 'y/#'", r#"{"a":1}"#),
            ("SELECT 1 AS a FROM x, 'y/#'", "none"),
            ("SELECT 1 AS a", "E011"),
            ("SELECT 1 AS a FROM", "E010"),
            ("SELECT 1 AS a FROM \"t\",", "E010"),
            ("SELECT 1 AS a FROM \"t\" WHERE", "E010"),
            ("FOREACH l INCASE item > 1 DO item AS a FROM \"t\"", "E011"),
            ("SELECT 1 AS a WHERE true FROM \"t\"", "E011"),
            ("SELECT 1 AS a FROM \"a/#/b\"", "E202"),
            ("SELECT 1 AS a FROM \"\"", "E202"),
        ],
    ),
    (
        "AS may be left out before a name",
        &[
            (
                "clientid a, 1 + 1 b, upper('x') c, 'k' \"d e\", [1] f, CASE WHEN true THEN 1 END g",
                r#"{"a":"c-7","b":2,"c":"X","d e":"k","f":[1],"g":1}"#,
            ),
            ("1 = 1 a", r#"{"a":true}"#),
            ("clientid AS", "E010"),
            ("clientid AS 'x'", "E010"),
            ("clientid AS a b", "E010"),
            ("* AS a", "E010"),
        ],
    ),
    (
        "comparisons do not associate; arithmetic associates to the left; signs bind tightest",
        &[
            ("1 = 1 = 1 AS a", "E013"),
            (
                "10 - 4 - 3 AS a, 100 / 10 / 5 AS b, 2 + 3 * 4 AS c, (2 + 3) * 4 AS d, 17 mod 5 * 2 AS e, 7 - 2 div 2 AS f",
                r#"{"a":3,"b":2.0,"c":14,"d":20,"e":4,"f":6}"#,
            ),
            (
                "-2 * -3 AS a, - - -2 AS b, + - + 2 AS c, -i AS d, - (1 + 1) AS e, 2 - + - 1 AS f, -2 mod 3 AS g",
                r#"{"a":6,"b":-2,"c":-2,"d":-2,"e":-2,"f":3,"g":-2}"#,
            ),
            (
                "1 < 2 AND NOT 2 < 1 OR false AND false AS a, NOT false AND false AS b, NOT (true AND false) AS c, NOT NOT true AS d, true OR true AND false AS e",
                r#"{"a":true,"b":false,"c":true,"d":true,"e":true}"#,
            ),
            ("1 + 1 = 2 AS a, 2 = 1 + 1 AS b, -1 < 1 - 1 AS c", r#"{"a":true,"b":true,"c":true}"#),
        ],
    ),
    (
        "lists hold expressions, with a comma at the end or not; calls and IN do not end in a comma",
        &[
            (
                "[] AS a, [1, 'x', [2], {'k': 1}] AS b, [1,] AS c, [1 = 1, NOT true] AS d, [CASE WHEN true THEN 1 END] AS e",
                r#"{"a":[],"b":[1,"x",[2],{"k":1}],"c":[1],"d":[true,false],"e":[1]}"#,
            ),
            ("[,] AS a", "E010"),
            ("upper('x',) AS a", "E010"),
            ("1 IN (1,) AS a", "E010"),
            ("1 IN () AS a", "E010"),
        ],
    ),
    (
        "a path has steps behind dots and indexes in brackets; a step is a name, a quoted name, a text or digits",
        &[
            (
                r#"payload.a.b AS a, payload.'a'.b AS b, payload."a"."b" AS c, payload.'x y'.'z.w' AS d, payload.1 AS e, "payload".a.b AS f"#,
                r#"{"a":5,"b":5,"c":5,"d":8,"e":"one","f":5}"#,
            ),
            ("payload . a . b AS a, l [1] AS b, l[ 1 ] AS c, o.'' AS d", r#"{"a":5,"b":1,"c":1,"d":"empty"}"#),
            ("l.[1] AS a", "E014"),
            ("[1, 2][1] AS a", "E014"),
            ("'x'[1] AS a", "E014"),
            ("upper('x')[1] AS a", "E014"),
            ("payload. AS a", "E010"),
            ("payload..a AS a", "E010"),
            (".a AS a", "E010"),
            ("l[] AS a", "E014"),
            ("l[1 AS a", "E010"),
            ("l[1.5] AS a", "E104"),
            ("l[99999999999999999999] AS a", "E004"),
        ],
    ),
    (
        "a call is a name with arguments in parentheses, also behind the name of EMQX's module",
        &[
            ("emqx_rule_funcs.upper('a') AS a, \"upper\"('b') AS b, upper ('c') AS c", r#"{"a":"A","b":"B","c":"C"}"#),
            ("null() AS a", r#"{"a":null}"#),
            ("UPPER('a') AS a", "E101"),
            ("a.b.c(1) AS a", "E101"),
            ("upper('a' AS b) AS a", "E010"),
            ("upper AS a", r#"{"a":null}"#),
        ],
    ),
    (
        "CASE stands wherever an expression may, and needs a WHEN and an END",
        &[
            (
                "CASE WHEN false THEN 1 END AS a, CASE i WHEN 1 THEN 'one' WHEN 2 THEN 'two' ELSE 'many' END AS b",
                r#"{"a":null,"b":"two"}"#,
            ),
            (
                "CASE WHEN true THEN CASE i WHEN 2 THEN 'deep' END ELSE 0 END AS a, 1 + CASE WHEN true THEN 1 END AS b, (CASE WHEN true THEN 1 END) AS c",
                r#"{"a":"deep","b":2,"c":1}"#,
            ),
            ("CASE WHEN true THEN 1 AS b END AS a", "E010"),
            ("CASE END AS a", "E010"),
            ("CASE i ELSE 1 END AS a", "E010"),
            ("CASE WHEN true THEN 1 ELSE 2 AS a", "E010"),
            ("CASE WHEN payload.t THEN 1 END AS a", r#"{"a":1}"#),
        ],
    ),
    (
        "IN, LIKE, BETWEEN and IS NULL, with NOT",
        &[
            (
                "i IN (1, 2) AS a, i NOT IN (1, 2) AS b, i IN (n - 1) AS c, 'ab' LIKE 'a%' AS d, 'ab' NOT LIKE '_' AS e, i BETWEEN 1 AND 2 AS f, i NOT BETWEEN 1 AND 2 AS g, nope IS NULL AS h, i IS NOT NULL AS k",
                r#"{"a":true,"b":false,"c":true,"d":true,"e":true,"f":true,"g":false,"h":true,"k":true}"#,
            ),
            (
                "i BETWEEN 1 AND 2 AND true AS a, NOT i IN (2) AS b, i + 1 IN (3) AS c",
                r#"{"a":true,"b":false,"c":true}"#,
            ),
            (
                "3 IN (3.0) AS a, 3 IN ('3') AS b, nope IN (1, null) AS c, nope IN (1) AS d, nope NOT IN (1) AS e",
                r#"{"a":true,"b":true,"c":true,"d":false,"e":true}"#,
            ),
        ],
    ),
    (
        "map literals",
        &[
            (
                "{} AS a, {'k': 1, \"l\": [2], m: 3, 4: {'n': null}, end: 5} AS b, {'k': 1, 'k': 2} AS c",
                r#"{"a":{},"b":{"k":1,"l":[2],"m":3,"4":{"n":null},"end":5},"c":{"k":2}}"#,
            ),
            ("{'k': 1,} AS a", r#"{"a":{"k":1}}"#),
            ("{'k' 1} AS a", "E010"),
        ],
    ),
    ("nesting is bounded, and so is the text", &[("((((((((((((((((((((((1)))))))))))))))))))))) AS a", r#"{"a":1}"#)]),
];

const REFERENCES: &[Statement] = &[
    (
        "a name is what the row has got so far, else a column; what is not there is NULL",
        &[
            ("9 AS qos, qos AS q, nope AS x, nope.y[1] AS y", r#"{"qos":9,"q":9,"x":null,"y":null}"#),
            ("1 AS a, a + 1 AS b, b + 1 AS a, a AS c", r#"{"a":3,"b":2,"c":3}"#),
            ("SELECT 2 AS qos FROM \"t\" WHERE qos = 2", r#"{"qos":2}"#),
            ("SELECT 2 AS qos FROM \"t\" WHERE qos = 1", "none"),
            (
                "clientid.x AS a, i.x AS b, i[1] AS c, l.x AS d, o[1] AS e, l[i.x] AS f, l[clientid] AS g",
                r#"{"a":null,"b":null,"c":null,"d":null,"e":null,"f":null,"g":null}"#,
            ),
        ],
    ),
    (
        "a text on the way is read as JSON, text in text too",
        &[(
            "js.k.y[2] AS a, payload.s.k.m[-1] AS b, payload.s AS c, js.nope AS d, clientid.k AS e",
            r#"{"a":8,"b":9,"c":"{\"k\":\"{\\\"m\\\":[4,9]}\"}","d":null,"e":null}"#,
        )],
    ),
    (
        "an index counts from 1, or from -1 at the end; out of range and 0 are NULL",
        &[
            (
                "l[1] AS a, l[-1] AS b, l[+2] AS c, l[4] AS d, l[-4] AS e, l[0] AS f, l[-0] AS g",
                r#"{"a":1,"b":3,"c":2,"d":null,"e":null,"f":null,"g":null}"#,
            ),
            (
                "payload.arr[1] AS a, payload.arr[-1] AS b, payload.arr[0] AS c, payload.arr[5] AS d",
                r#"{"a":10,"b":40,"c":null,"d":null}"#,
            ),
        ],
    ),
    (
        "an index may be a path or an expression: a column or alias first, else a key beside the list",
        &[
            ("l[i] AS a, l[o.at] AS b, l[i + 1] AS c, l[-i] AS d", r#"{"a":2,"b":3,"c":3,"d":2}"#),
            (
                "payload.arr[i] AS a, payload.arr[payload.i] AS b, payload.arr[payload.w.c] AS c, payload.arr[w.c] AS d",
                r#"{"a":20,"b":30,"c":20,"d":20}"#,
            ),
            ("1 AS k, payload.arr[k] AS a, l[k] AS b", r#"{"k":1,"a":10,"b":1}"#),
            ("payload.w.l[c] AS a", r#"{"a":"q"}"#),
        ],
    ),
    (
        "a slice includes both ends, is cut at the end of the list, and ends its path",
        &[
            (
                "l[2..3] AS a, l[1..99] AS b, l[-2..-1] AS c, l[2..-1] AS d, payload.arr[2..3] AS e, l[3..2] AS f, l[5..9] AS g, payload.w.l[1..1] AS h",
                r#"{"a":[2,3],"b":[1,2,3],"c":[2,3],"d":[2,3],"e":[20,30],"f":[],"g":[],"h":["p"]}"#,
            ),
            ("l[3..1] AS a", r#"{"a":[]}"#),
            ("l[0..2] AS a", "E014"),
            ("l[1..2][1] AS a", "E014"),
            ("l[1..2].x AS a", "E014"),
            ("nope[1..2] AS a", "E501"),
            ("clientid[1..2] AS a", "E501"),
        ],
    ),
    (
        "the payload is read as JSON; the last of two keys counts; without a path it stays as it is",
        &[("payload.dup AS a, payload.a AS b", r#"{"a":2,"b":{"b":5,"c":6}}"#)],
    ),
];

const OUTPUT: &[Statement] = &[
    (
        "the key of a field without AS: a path as it is nested, a slice without its range, a text itself, else its text",
        &[
            ("clientid, payload.a.b, payload.a.c", r#"{"clientid":"c-7","payload":{"a":{"b":5,"c":6}}}"#),
            ("o.k, l[2]", r#"{"o":{"k":{"x":5}},"l":[2]}"#),
            ("l[2..3], 'label', 1 + 1, upper( 'x' )", r#"{"l":[2,3],"label":"label","1 + 1":2,"upper( 'x' )":"X"}"#),
            ("o.list[1..2]", "E501"),
        ],
    ),
    (
        "`*` is every column; what is given after it replaces, what is given before it is replaced",
        &[("SELECT *, 'x' AS clientid FROM \"t\" WHERE clientid = 'x'", "*")],
    ),
    (
        "a value is put below a name, and maps are made on the way; what is no map on the way is replaced",
        &[
            ("1 AS m.x, 2 AS m.y, 3 AS m.z.w", r#"{"m":{"x":1,"y":2,"z":{"w":3}}}"#),
            ("1 AS m, 2 AS m.y", r#"{"m":{"y":2}}"#),
            ("o.k AS m, 2 AS m.y", r#"{"m":{"x":5,"y":2}}"#),
            ("js AS m, 1 AS m.k.z", r#"{"m":{"k":{"y":[7,8],"z":1}}}"#),
            ("clientid AS m, 1 AS m.k", r#"{"m":{"k":1}}"#),
            (r#"1 AS "a b"."c d".'e f'.7"#, r#"{"a b":{"c d":{"e f":{"7":1}}}}"#),
            ("1 AS a, 2 AS a.b.c, 3 AS a.b", r#"{"a":{"b":3}}"#),
        ],
    ),
    (
        "`l[0]` puts before the first, `l[-0]` behind the last, `l[n]` replaces what is there and else nothing",
        &[
            ("1 AS l[0], 2 AS l[-0], 3 AS l[0]", r#"{"l":[3,1,2]}"#),
            ("l, 9 AS l[0], 8 AS l[-0], 7 AS l[2], 6 AS l[-2], 5 AS l[9], 4 AS l[-9]", r#"{"l":[9,7,2,6,8]}"#),
            ("1 AS m.l[3], 2 AS m.l[1].x, 3 AS m.l[-0].y", r#"{"m":{"l":[{"x":2},{"y":3}]}}"#),
            ("5 AS k, 9 AS k[2]", r#"{"k":[9]}"#),
            ("l, 2 AS at, 9 AS l[at], 8 AS l[at + 1]", r#"{"l":[1,9,8],"at":2}"#),
            ("l, 9 AS l[i]", r#"{"l":[1,9,3]}"#),
            ("1 AS l[1..2]", "E014"),
            ("[[1], [2]] AS m, 9 AS m[2][-0], 8 AS m[1][0]", r#"{"m":[[8,1],[2,9]]}"#),
        ],
    ),
    (
        "a selected payload is read as JSON when a value is put below it; without one a new map is made",
        &[
            ("payload, 7 AS payload.a.b", "payload.a.b=7"),
            ("7 AS payload.k", r#"{"payload":{"k":7}}"#),
            ("clientid AS payload, 7 AS payload.k", "E501"),
        ],
    ),
];

const FOREACH: &[Statement] = &[
    (
        "the last field is gone through; its element is its alias, else `item`; the fields before it are aliases",
        &[
            ("FOREACH l DO item AS a FROM \"t\"", r#"{"a":1}{"a":2}{"a":3}"#),
            ("FOREACH l AS e DO e AS a, e * 2 AS b INCASE e > 1 FROM \"t\"", r#"{"a":2,"b":4}{"a":3,"b":6}"#),
            (
                "FOREACH clientid AS c, i + 1 AS k, l AS e DO c, k * e AS v INCASE e = k FROM \"t\" WHERE k = 3",
                r#"{"c":"c-7","v":9}"#,
            ),
            ("FOREACH payload.arr AS e DO e FROM \"t\" WHERE e = 5", "none"),
            ("FOREACH [1..2] AS e DO e AS a FROM \"t\"", r#"{"a":1}{"a":2}"#),
            ("FOREACH l[2..3] AS e DO e AS a FROM \"t\"", r#"{"a":2}{"a":3}"#),
            ("FOREACH json_decode('[4,5]') AS e DO e AS a FROM \"t\"", r#"{"a":4}{"a":5}"#),
        ],
    ),
    (
        "what is no list has no elements",
        &[
            ("FOREACH nope AS e DO e FROM \"t\"", ""),
            ("FOREACH clientid AS e DO e FROM \"t\"", ""),
            ("FOREACH o AS e DO e FROM \"t\"", ""),
            ("FOREACH 5 AS e DO e FROM \"t\"", ""),
        ],
    ),
    (
        "the payload stays whole, with AS and without",
        &[
            (
                "FOREACH payload.arr DO item AS a, payload.i AS i INCASE item > 30 FROM \"t\" WHERE payload.i = 3",
                r#"{"a":40,"i":3}"#,
            ),
            ("FOREACH payload.arr AS e DO e AS a, payload.i AS i INCASE e > 30 FROM \"t\"", r#"{"a":40,"i":3}"#),
        ],
    ),
    (
        "INCASE does not see what DO makes; DO sees what stands to its left; every element begins anew",
        &[
            (
                "FOREACH l AS e DO e + 1 AS v, v + 1 AS w INCASE v IS NULL FROM \"t\"",
                r#"{"v":2,"w":3}{"v":3,"w":4}{"v":4,"w":5}"#,
            ),
            (
                "FOREACH l AS e DO e AS m.a, m.b AS before, 1 AS m.b INCASE e < 3 FROM \"t\"",
                r#"{"m":{"a":1,"b":1},"before":null}{"m":{"a":2,"b":1},"before":null}"#,
            ),
        ],
    ),
    ("`*` is not a list", &[("FOREACH * DO item FROM \"t\"", "E011")]),
];

const OPERATORS: &[Statement] = &[
    (
        "+ adds numbers and joins texts; with NULL it is NULL",
        &[
            (
                "1 + 1 AS a, 1 + 1.5 AS b, 'a' + 'b' AS c, 'a' + 1 AS d, 1.5 + 'a' AS e, 'a' + true AS f, 'a' + [1] AS g, 'a' + {'k': 1} AS h, 'a' + nope AS k",
                r#"{"a":2,"b":2.5,"c":"ab","d":"a1","e":"1.5a","f":"atrue","g":"a[1]","h":"a{\"k\":1}","k":null}"#,
            ),
            ("true + 1 AS a", "E104"),
            ("l + 1 AS a", "E501"),
        ],
    ),
    (
        "- * want numbers; / is a float; div and mod want integers and cut toward zero; by zero all fail",
        &[
            (
                "5 - 2 AS a, 2 * 3 AS b, 6 / 3 AS c, -7 div 2 AS d, -7 mod 2 AS e, 7 mod -2 AS f, nope * 2 AS g, 2 / nope AS h",
                r#"{"a":3,"b":6,"c":2.0,"d":-3,"e":-1,"f":1,"g":null,"h":null}"#,
            ),
            ("1 / 0 AS a", "E501"),
            ("1 div 0 AS a", "E501"),
            ("1 mod 0 AS a", "E501"),
            ("1.5 div 2 AS a", "E501"),
            ("'3' * 2 AS a", "E104"),
            (
                "9223372036854775807 + 1 AS a, 9223372036854775807 * 9223372036854775807 AS b",
                r#"{"a":9223372036854775808,"b":85070591730234615847396907784232501249}"#,
            ),
        ],
    ),
    (
        "a sign before a number; + leaves what it is before as it is",
        &[
            (
                "-i AS a, -1.5 AS b, +'x' AS c, -nope AS d, -9223372036854775808 AS e",
                r#"{"a":-2,"b":-1.5,"c":"x","d":null,"e":-9223372036854775808}"#,
            ),
            ("-clientid AS a", "E501"),
        ],
    ),
    (
        "a text that is a number is compared as one with a number; others are unequal",
        &[
            (
                "'12' = 12 AS a, '+4' = 4 AS b, '-3' < 1 AS c, '1.0e3' = 1000 AS d, 'x' = 1 AS e, 'x' != 1 AS f, '' = 0 AS g, ' 5' = 5 AS h, '0x1' = 1 AS k",
                r#"{"a":true,"b":true,"c":true,"d":true,"e":false,"f":true,"g":false,"h":false,"k":false}"#,
            ),
            (
                "true = 'true' AS a, 1 = 1.0 AS b, 'a' < 'b' AS c, 'B' < 'a' AS d, [1, 2] = [1, 2.0] AS e, [1] < [2] AS f, {'a': 1} = {'a': 1} AS g, true = 1 AS h",
                r#"{"a":true,"b":true,"c":true,"d":true,"e":true,"f":true,"g":true,"h":false}"#,
            ),
        ],
    ),
    (
        "a condition is true, false or NULL; everything else fails the rule",
        &[
            ("SELECT 1 AS a FROM \"t\" WHERE payload.t", r#"{"a":1}"#),
            ("SELECT 1 AS a FROM \"t\" WHERE nope", "none"),
            ("SELECT 1 AS a FROM \"t\" WHERE i", "E501"),
            ("SELECT 1 AS a FROM \"t\" WHERE 5", "E104"),
            ("SELECT 1 AS a FROM \"t\" WHERE 'x'", "E104"),
            ("SELECT 1 AS a FROM \"t\" WHERE is_null(nope)", r#"{"a":1}"#),
            ("SELECT 1 AS a FROM \"t\" WHERE upper('x')", "E104"),
            ("SELECT 1 AS a FROM \"t\" WHERE false AND i", "none"),
            ("SELECT 1 AS a FROM \"t\" WHERE true OR i", r#"{"a":1}"#),
            ("SELECT 1 AS a FROM \"t\" WHERE i AND true", "E501"),
        ],
    ),
    (
        "WHERE is asked first, so it guards SELECT",
        &[
            ("SELECT 1 / 0 AS a FROM \"t\" WHERE false", "none"),
            ("SELECT 1 / (i - 2) AS a FROM \"t\" WHERE i != 2", "none"),
        ],
    ),
];

#[test]
fn the_words() {
    check(LEXER);
}

#[test]
fn the_grammar() {
    check(GRAMMAR);
}

#[test]
fn references() {
    check(REFERENCES);
}

#[test]
fn what_select_makes() {
    check(OUTPUT);
}

#[test]
fn foreach() {
    check(FOREACH);
}

#[test]
fn operators() {
    check(OPERATORS);
}

fn check(statements: &[Statement]) {
    let mut wrong = String::new();
    for (statement, cases) in statements {
        for (text, expected) in *cases {
            let sql = whole(text);
            let found = outcome(&sql, COLUMNS);
            if !is_as_expected(&found, expected) {
                wrong.push_str(&format!("{statement}\n  {sql}\n  expected {expected}\n  found    {found}\n"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// The statement of a case that has only the fields of a SELECT.
fn whole(text: &str) -> String {
    let is_whole = text.to_uppercase().contains(" FROM") || text.contains("SELECT") || text.is_empty();
    if is_whole { text.to_owned() } else { format!("SELECT {text} FROM \"t\"") }
}

/// `*` stands for one row of all columns, `a.b=1` for a row in which that is so.
fn is_as_expected(found: &str, expected: &str) -> bool {
    if expected == "*" {
        return found.contains(r#""payload""#) && found.contains(r#""clientid":"x""#);
    }
    match expected.split_once('=').filter(|_| !expected.starts_with('{')) {
        Some((path, value)) => {
            let row: Json = serde_json::from_str(found).unwrap_or_default();
            row.pointer(&format!("/{}", path.replace('.', "/"))).map(Json::to_string).as_deref() == Some(value)
        }
        None => found == expected,
    }
}

#[test]
fn names_like_keywords_are_names_where_one_may_stand() {
    for text in [
        "SELECT form, were AS where_, payload.selct form FROM form",
        "SELECT clientid form, topic thn FROM \"t\" WHERE ende = 1 AND dos IN (1)",
        "FOREACH payload.l AS incases DO incases.x froms FROM \"t\"",
        "SELECT CASE thn WHEN ens THEN els ELSE whn END AS adn FROM were",
    ] {
        assert!(sql::Query::compile_open(text).is_ok(), "{text}");
    }
}
